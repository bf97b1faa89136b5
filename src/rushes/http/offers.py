"""Files as callers offer them: under a name, in `content`, in `media` (CONTRACT §4)."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rushes.domain.errors import InvalidMedia, InvalidValue, MissingParameter, Unsupported
from rushes.domain.spec import Medium, Offered, Role, Said
from rushes.http.values import Level, items, prompt_text, shown, text

FIRST_FRAME_SPELLINGS: Final = ("image", "input_reference")
LAST_FRAME_SPELLINGS: Final = ("last_frame", "lastFrame", "image_tail")
NAMED: Final = frozenset({*FIRST_FRAME_SPELLINGS, *LAST_FRAME_SPELLINGS, "images", "audio_url"})
"""Names under which a file is read on every level."""

OFFERING: Final = NAMED | {"content", "media"}
"""Names without one of which no file is offered."""

_CONTENT_ROLES: Final[Mapping[str, tuple[Medium, Role]]] = {
    "image_url": (Medium.IMAGE, Role.FIRST_FRAME),
    "video_url": (Medium.VIDEO, Role.REFERENCE_VIDEO),
    "audio_url": (Medium.AUDIO, Role.REFERENCE_AUDIO),
}
_CONTENT_TYPES: Final = ("text", *_CONTENT_ROLES)
_ROLE_NAMES: Final[Mapping[str, Role]] = {
    role.value: role for role in Role if role is not Role.SOURCE_FILM
}


@dataclass(frozen=True, slots=True, repr=False)
class Upload:
    """A file part of a form."""

    content: Any
    file_name: str | None
    sha256: str

    def __repr__(self) -> str:
        """A message that quotes a value says no more than this of a file."""
        return "a file"


def offers_of(level: Level) -> Iterator[Offered]:
    """Read every file that one level offers; which of them fills a place, the card tells.

    Raises:
        BadRequest: a file in no form that we read.
    """
    yield from _named(level)
    yield from _in_content(level)
    yield from _in_media(level)


# -- under a name ---------------------------------------------------------------------------


def _named(level: Level) -> Iterator[Offered]:
    """Read names in the order of the contract's table: a frame's own before the entry for it."""
    entries = _images(level)
    yield from _spelled(level, FIRST_FRAME_SPELLINGS, Role.FIRST_FRAME)
    yield from entries[:1]
    yield from _spelled(level, LAST_FRAME_SPELLINGS, Role.LAST_FRAME)
    yield from entries[1:]
    yield from _spelled(level, ("audio_url",), Role.DRIVING_AUDIO)


def _spelled(level: Level, spellings: tuple[str, ...], role: Role) -> Iterator[Offered]:
    for name in spellings:
        value = level.values.get(name)
        if value is not None:
            yield _file(value, level.path(name), role)


def _images(level: Level) -> list[Offered]:
    """Read the entries of `images`, whose roles the card tells."""
    images = level.values.get("images")
    if images is None:
        return []
    path = level.path("images")
    return [
        _file(value, f"{path}[{index}]", None)
        for index, value in enumerate(items(images, path))
        if value is not None
    ]


# -- a film that becomes another one -------------------------------------------------------------


def source_of(level: Level) -> Said[str] | Offered:
    """Read `video`: the film to be edited or extended, as a file or as `{"id": …}`.

    Raises:
        BadRequest: it is missing, or neither.
    """
    value, path = level.values.get("video"), level.path("video")
    if value is None:
        raise MissingParameter(f"'{path}' is required.", param=path)
    if isinstance(value, Mapping):
        video_id = value.get("id")
        if video_id is None:
            raise MissingParameter(f"'{path}.id' is required.", param=f"{path}.id")
        return Said(text(video_id, f"{path}.id"), f"{path}.id")
    is_file = isinstance(value, Upload) or (isinstance(value, str) and value[:5].lower() == "data:")
    if not is_file:
        raise InvalidValue(
            f"'{path}' must be a file, a data URI or an object with an id; got {shown(value)}.",
            param=path,
        )
    return _file(value, path, Role.SOURCE_FILM)


# -- in `content` -----------------------------------------------------------------------------


def content_texts(level: Level) -> Iterator[Said[str]]:
    """Read the text among the items of `content`, of which there is at most one."""
    texts = [(at, item) for at, item in _content_items(level) if item.get("type") == "text"]
    if len(texts) > 1:
        at = texts[1][0]
        raise InvalidValue("'content' may have at most one text.", param=at)
    for at, item in texts:
        yield Said(prompt_text(item.get("text"), f"{at}.text"), f"{at}.text")


def _content_items(level: Level) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if level.prefix not in {"", "metadata."}:
        return
    content = level.values.get("content")
    if content is None:
        return
    path = level.path("content")
    for index, item in enumerate(items(content, path)):
        at = f"{path}[{index}]"
        if not isinstance(item, Mapping):
            raise InvalidValue(f"'{at}' must be an object.", param=at)
        kind = item.get("type")
        if not isinstance(kind, str) or kind not in _CONTENT_TYPES:
            raise InvalidValue(
                f"'{at}.type' must be one of {', '.join(_CONTENT_TYPES)}; got {shown(kind)}.",
                param=f"{at}.type",
            )
        yield at, item


def _in_content(level: Level) -> Iterator[Offered]:
    roleless_images = 0
    for at, item in _content_items(level):
        kind = item["type"]
        if kind == "text":
            continue
        medium, role = _CONTENT_ROLES[kind]
        named = item.get("role")
        if named is not None:
            role = _named_role(named, medium, at)
        elif medium is Medium.IMAGE:
            roleless_images += 1
            if roleless_images > 1:
                raise MissingParameter(f"'{at}.role' is required.", param=f"{at}.role")
        address = item.get(kind)
        url = address.get("url") if isinstance(address, Mapping) else address
        if url is None:
            raise MissingParameter(f"'{at}.{kind}.url' is required.", param=f"{at}.{kind}.url")
        yield _file(url, f"{at}.{kind}.url", role)


def _named_role(named: object, medium: Medium, at: str) -> Role:
    role = _ROLE_NAMES.get(named) if isinstance(named, str) else None
    if role is None or role.medium is not medium:
        allowed = ", ".join(name for name, known in _ROLE_NAMES.items() if known.medium is medium)
        raise InvalidValue(
            f"'{at}.role' must be one of {allowed}; got {shown(named)}.", param=f"{at}.role"
        )
    return role


# -- in `metadata.input.media` ------------------------------------------------------------------


def is_media(item: object) -> bool:
    """Say whether an item of `media` is a file of ours (Wan 2.7); others count as metadata."""
    if not isinstance(item, Mapping):
        return False
    kind = item.get("type")
    return isinstance(kind, str) and kind in _ROLE_NAMES


def _in_media(level: Level) -> Iterator[Offered]:
    if level.prefix != "metadata.input.":
        return
    media = level.values.get("media")
    if media is None:
        return
    path = level.path("media")
    for index, item in enumerate(items(media, path)):
        if not is_media(item):
            continue
        at = f"{path}[{index}].url"
        if item.get("url") is None:
            raise MissingParameter(f"'{at}' is required.", param=at)
        yield _file(item["url"], at, _ROLE_NAMES[item["type"]])


# -- the forms of a file --------------------------------------------------------------------------


def _file(value: object, path: str, role: Role | None) -> Offered:
    """Read a file value: an address, a data URI, base64, an upload, or `{"image_url": …}`."""
    if isinstance(value, Upload):
        return Offered(path, role, content=value.content, file_name=value.file_name)
    if isinstance(value, Mapping):
        return _wrapped_file(value, path, role)
    written = text(value, path)
    if written[:5].lower() == "data:":
        return Offered(path, role, content=io.BytesIO(_data_uri(written, path)))
    if "://" in written[:64]:
        return Offered(path, role, url=written)
    return Offered(path, role, content=io.BytesIO(_base64(written, path)))


def _wrapped_file(value: Mapping[str, Any], path: str, role: Role | None) -> Offered:
    if value.get("file_id") is not None:
        raise Unsupported(
            f"'{path}.file_id' is not supported; send a file, an image_url or a data URI.",
            param=path,
        )
    address = value.get("image_url")
    if isinstance(address, Mapping):
        address = address.get("url")
    if address is None:
        raise MissingParameter(f"'{path}.image_url' is required.", param=f"{path}.image_url")
    return _file(text(address, f"{path}.image_url"), path, role)


def _data_uri(written: str, path: str) -> bytes:
    head, comma, payload = written.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise InvalidMedia(f"'{path}' must be a base64 data URI.", param=path)
    return _base64(payload, path)


def _base64(written: str, path: str) -> bytes:
    try:
        return base64.b64decode("".join(written.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidMedia(
            f"'{path}' is neither an http(s) URL, nor a data URI, nor base64.", param=path
        ) from None
