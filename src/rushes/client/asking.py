"""Calls into requests: what each verb says on the wire.

Videos are created, read, listed, remixed and deleted through `/v1/videos`: its Video object
has thirteen fields where the other dialect's answer has five, says why a video failed in
words instead of numbers, and looks the same under every setting of the operator. What only
`/v1/video/generations` offers is asked there: long-poll, signed link, events, cancel, and
lists by status or model. A video is the same under both.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypedDict
from urllib import parse

from rushes.client.errors import Unsendable
from rushes.client.line import Request, encode, sendable
from rushes.client.media import (
    Media,
    Reference,
    content_item,
    is_remote,
    read_upload,
    wire_value,
)
from rushes.client.shapes import Order, Status, Variant, Video

VIDEOS: Final = "/v1/videos"
GENERATIONS: Final = "/v1/video/generations"
MODELS: Final = "/v1/models"
QUOTES: Final = "/v1/video/quotes"
KEY: Final = "/v1/key"
WEBHOOK_SECRET: Final = "/v1/webhooks/secret"  # noqa: S105 -- a path

PAGE_MAX: Final = 100

# The server says ": heartbeat" at least every 15 s; three missed ones mean that it is gone.
HEARTBEATS_MISSED_S: Final = 45.0

_KEY: Final = re.compile(r"[ -~]{1,255}")
_GENERATIONS_WORDS: Final[Mapping[Status, str]] = {"completed": "succeeded"}


class CreateOptions(TypedDict, total=False):
    """What `create` takes beside prompt and model; None is as good as absent.

    seconds: how long; what a model takes is in `models.retrieve(…).seconds`.
    size: `"1280x720"`; or resolution (`"720p"`) and ratio (`"16:9"`).
    image, last_frame: first and last frame. `input_reference` is the retired OpenAI
        client's word for image.
    references: things to look at or listen to; see `Reference`.
    seed: -1 (random) to 2147483647. audio: whether to make sound.
    metadata: kept with the video; the server reads provider options from it.
    callback_url: where the server posts the end. user: your own end user, kept.
    start_within_s: the video expires, at no cost, if it has not been started by then.
    idempotency_key: 1-255 printable ASCII characters; drawn at random if absent. Calls with
        the same key and the same parameters get the same video, for 24 hours.
    extra_body: further parameters, as the wire names them; they win.
    """

    seconds: int | str | None
    size: str | None
    resolution: str | None
    ratio: str | None
    image: Media | None
    input_reference: Media | None
    last_frame: Media | None
    references: Sequence[Media | Reference] | None
    seed: int | None
    audio: bool | None
    negative_prompt: str | None
    metadata: Mapping[str, object] | None
    callback_url: str | None
    user: str | None
    start_within_s: int | None
    idempotency_key: str | None
    extra_body: Mapping[str, object] | None


_OPTIONS: Final = frozenset(CreateOptions.__annotations__)
_AS_THEY_ARE: Final = (
    "seconds",
    "size",
    "resolution",
    "ratio",
    "seed",
    "negative_prompt",
    "metadata",
    "callback_url",
    "user",
)


def create(prompt: str | None, model: str | None, options: CreateOptions) -> Request:
    """Build a create; reads the files that it names.

    Frames given as bytes or files travel as file parts of a form, which may be larger than a
    JSON body; everything else is JSON.

    Raises:
        TypeError: an option that there is not.
        Unsendable: an option that cannot be sent.
        OSError: a file that cannot be read.
    """
    body = _body("create", prompt, model, options)
    headers = creating(options.get("idempotency_key"), options.get("start_within_s"))
    frames = _frames(options)
    is_form = not options.get("references") and not all(
        is_remote(frame) for frame in frames.values()
    )
    files = {}
    for name, frame in frames.items():
        if is_form and not is_remote(frame):
            files[name] = read_upload(frame)
        else:
            body[name] = wire_value(frame)
    body |= options.get("extra_body") or {}
    if is_form:
        fields = {name: field_of(value) for name, value in body.items()}
        return Request(method="POST", path=VIDEOS, headers=headers, fields=fields, files=files)
    return Request(method="POST", path=VIDEOS, headers=headers, json_body=encode(body))


def quote(prompt: str | None, model: str | None, options: CreateOptions) -> Request:
    """Build the question what a create would come to; files travel in its JSON.

    Raises:
        TypeError, Unsendable, OSError: as `create`.
    """
    body = _body("quote", prompt, model, options)
    body |= {name: wire_value(frame) for name, frame in _frames(options).items()}
    body |= options.get("extra_body") or {}
    return Request(method="POST", path=QUOTES, json_body=encode(body))


def _body(
    verb: str, prompt: str | None, model: str | None, options: CreateOptions
) -> dict[str, object]:
    """Return the fields of a wish, but for its frames."""
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise TypeError(f"{verb}() got an unexpected keyword argument {unknown[0]!r}")
    given: dict[str, object] = {name: v for name, v in options.items() if v is not None}
    body: dict[str, object] = {} if model is None else {"model": model}
    if prompt is not None:
        body["prompt"] = prompt
    body |= {name: given[name] for name in _AS_THEY_ARE if name in given}
    if "audio" in given:
        body["generate_audio"] = given["audio"]
    references = options.get("references")
    if references:
        body["content"] = [content_item(reference) for reference in references]
    return body


def creating(idempotency_key: str | None, start_within_s: int | None) -> dict[str, str]:
    """Return the headers of a call that makes a video: never without an Idempotency-Key.

    Raises:
        Unsendable: a key that cannot be one.
    """
    key = f"rushes-{secrets.token_hex(16)}" if idempotency_key is None else idempotency_key
    if not _KEY.fullmatch(key):
        raise Unsendable("idempotency_key must be 1-255 printable ASCII characters.")
    headers = {"Idempotency-Key": key}
    if start_within_s is not None:
        headers["Rushes-Start-Within"] = str(start_within_s)
    return headers


def retrieve(video: Video | str) -> Request:
    """Build the look that tells most."""
    return Request(method="GET", path=f"{VIDEOS}/{_id(video)}")


def look(video: Video | str, hold_s: int = 0) -> Request:
    """Build the look that the server may hold back until the video is final."""
    query = {"wait": str(hold_s)} if hold_s else {}
    path = f"{GENERATIONS}/{_id(video)}"
    return Request(method="GET", path=path, query=query, hold_s=float(hold_s))


def cancel(video: Video | str) -> Request:
    """Build a cancel."""
    return Request(method="POST", path=f"{GENERATIONS}/{_id(video)}/cancel")


def delete(video: Video | str) -> Request:
    """Build a removal."""
    return Request(method="DELETE", path=f"{VIDEOS}/{_id(video)}")


@dataclass(frozen=True, slots=True)
class Listing:
    """Which videos to list: `status` and `model` filter, `after` is the id before the first."""

    order: Order = "desc"
    after: str | None = None
    status: Status | None = None
    model: str | None = None

    @classmethod
    def of(
        cls, order: Order, after: Video | str | None, status: Status | None, model: str | None
    ) -> Listing:
        """Build one from what a caller gives."""
        return cls(order, None if after is None else id_of(after), status, model)


def page(listing: Listing, limit: int) -> Request:
    """Build the request for one page."""
    query = {"limit": str(limit), "order": listing.order}
    if listing.after is not None:
        query["after"] = sendable(listing.after)
    if listing.status is None and listing.model is None:
        return Request(method="GET", path=VIDEOS, query=query)
    if listing.status is not None:
        query["status"] = _GENERATIONS_WORDS.get(listing.status, listing.status)
    if listing.model is not None:
        query["model"] = sendable(listing.model)
    return Request(method="GET", path=GENERATIONS, query=query)


def content(video: Video | str, variant: Variant, headers: Mapping[str, str]) -> Request:
    """Build the request for a film or a still; a remote store answers with a redirect."""
    return Request(
        method="GET",
        path=f"{VIDEOS}/{_id(video)}/content",
        query={"variant": variant},
        # A compressed answer would have another length than the film.
        headers={"Accept": "application/octet-stream, */*", "Accept-Encoding": "identity"}
        | dict(headers),
        follows_redirects=True,
    )


def events(video: Video | str, after: int, timeout_s: float) -> Request:
    """Build the request for the events with a number above `after`."""
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    if after:
        headers["Last-Event-ID"] = str(after)
    path = f"{GENERATIONS}/{_id(video)}/events"
    return Request(method="GET", path=path, headers=headers, timeout_s=timeout_s)


def models() -> Request:
    """Build the request for all models."""
    return Request(method="GET", path=MODELS)


def model(name: str) -> Request:
    """Build the request for one model."""
    return Request(method="GET", path=f"{MODELS}/{segment(name)}")


def key() -> Request:
    """Build the question what our own key is."""
    return Request(method="GET", path=KEY)


def webhook_secret() -> Request:
    """Build the request for what webhooks are signed with."""
    return Request(method="GET", path=WEBHOOK_SECRET)


def id_of(video: Video | str) -> str:
    """Return the id of a video that is given as itself or by its id."""
    return video.id if isinstance(video, Video) else video


def _id(video: Video | str) -> str:
    return segment(id_of(video))


def segment(name: str) -> str:
    """Quote a name for a path; an empty one would ask for something else.

    Raises:
        Unsendable: the name is empty, or is one that walks about in paths.
    """
    if name in {"", ".", ".."}:
        raise Unsendable(f"An id or a name was due, not {name!r}.")
    return parse.quote(sendable(name), safe="")


def _frames(options: CreateOptions) -> dict[str, Media]:
    given: dict[str, Media | None] = {
        "image": options.get("image"),
        "input_reference": options.get("input_reference"),
        "last_frame": options.get("last_frame"),
    }
    frames = {name: frame for name, frame in given.items() if frame is not None}
    if "image" in frames and "input_reference" in frames:
        raise Unsendable("image and input_reference mean the same: give one of them.")
    return frames


def field_of(value: object) -> str:
    """Return a value as the text of a form field: JSON, unless it is a text already."""
    return sendable(value) if isinstance(value, str) else encode(value).decode()
