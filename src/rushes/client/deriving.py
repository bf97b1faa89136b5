"""Films from films: a remix, an edit or an extension of one that the server has, or of a file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import IO, Final, TypeAlias, TypedDict

from rushes.client.asking import VIDEOS, creating, field_of, id_of, segment
from rushes.client.line import Request, encode
from rushes.client.media import read_upload
from rushes.client.shapes import Video

#: The film that another is made from: a video or its id, or a file of your own as a `Path`, as
#: bytes or open for reading in binary mode. A text is always an id.
Source: TypeAlias = Video | str | PathLike[str] | bytes | IO[bytes]


class DeriveOptions(TypedDict, total=False):
    """What `remix`, `edit` and `extend` take besides; None is as good as absent.

    model: who makes it; the source's model if absent, and for a file `sora-2`.
    callback_url: where the server posts the end. user: your own end user, kept.
    start_within_s: the video expires, at no cost, if it has not been started by then.
    idempotency_key: 1-255 printable ASCII characters; drawn at random if absent. Calls with
        the same key and the same parameters get the same video, for 24 hours.
    extra_body: further parameters, as the wire names them; they win.
    """

    model: str | None
    callback_url: str | None
    user: str | None
    start_within_s: int | None
    idempotency_key: str | None
    extra_body: Mapping[str, object] | None


_OPTIONS: Final = frozenset(DeriveOptions.__annotations__)
_AS_THEY_ARE: Final = ("model", "callback_url", "user")


def remix(video: Video | str, prompt: str, options: DeriveOptions) -> Request:
    """Build a remix of a finished video.

    Raises:
        TypeError: an option that there is not.
        Unsendable: an option that cannot be sent.
    """
    body = _body("remix", {"prompt": prompt}, options)
    return Request(
        method="POST",
        path=f"{VIDEOS}/{segment(id_of(video))}/remix",
        headers=_headers(options),
        json_body=encode(body),
    )


def edit(source: Source, prompt: str, options: DeriveOptions) -> Request:
    """Build an edit; reads a source that is a file.

    Raises:
        TypeError: an option that there is not, or a source that is none.
        Unsendable: an option that cannot be sent.
        OSError: a file that cannot be read.
    """
    return _from(source, f"{VIDEOS}/edits", _body("edit", {"prompt": prompt}, options), options)


def extend(source: Source, prompt: str, seconds: int | str, options: DeriveOptions) -> Request:
    """Build an extension by `seconds`; otherwise as `edit`."""
    told: dict[str, object] = {"prompt": prompt, "seconds": seconds}
    return _from(source, f"{VIDEOS}/extensions", _body("extend", told, options), options)


def _from(source: Source, path: str, body: Mapping[str, object], options: DeriveOptions) -> Request:
    """Build a request that names its source, or carries it as a file part of a form."""
    headers = _headers(options)
    if isinstance(source, Video | str):
        named = {"video": {"id": segment(id_of(source))}, **body}
        return Request(method="POST", path=path, headers=headers, json_body=encode(named))
    return Request(
        method="POST",
        path=path,
        headers=headers,
        fields={name: field_of(value) for name, value in body.items()},
        files={"video": read_upload(source)},
    )


def _headers(options: DeriveOptions) -> dict[str, str]:
    return creating(options.get("idempotency_key"), options.get("start_within_s"))


def _body(verb: str, told: Mapping[str, object], options: DeriveOptions) -> dict[str, object]:
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise TypeError(f"{verb}() got an unexpected keyword argument {unknown[0]!r}")
    given: dict[str, object] = {name: v for name, v in options.items() if v is not None}
    kept: dict[str, object] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    return {**told, **kept, **(options.get("extra_body") or {})}
