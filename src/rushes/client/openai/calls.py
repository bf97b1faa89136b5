"""The verbs of the retired client, written once for both faces, over those of `rushes.client`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import IO, Final, TypeAlias

from rushes.client import asking, shapes, verbs, waiting
from rushes.client.asking import CreateOptions, Listing
from rushes.client.deriving import DeriveOptions, Source
from rushes.client.download import download
from rushes.client.errors import Unsendable
from rushes.client.line import Line, ask
from rushes.client.openai.errors import in_their_words
from rushes.client.openai.extras import Extras
from rushes.client.openai.shapes import BinaryContent, Video, VideoDeleteResponse, video_of
from rushes.client.reading import read_video
from rushes.client.shapes import Order, Variant

#: A file as the retired client takes it; of a tuple (name, file, …) the file counts, as the server
#: looks at the bytes alone.
File: TypeAlias = IO[bytes] | bytes | PathLike[str]
FileTypes: TypeAlias = File | tuple[object, File] | tuple[object, File, *tuple[object, ...]]
Reference: TypeAlias = FileTypes | Mapping[str, object]

PAGE_DEFAULT: Final = 20

# There a poll has no end of its own. Here the server ends every video, at the latest after a day
# in a queue and some hours beyond it; who waits longer waits for a server that is gone.
POLL_S: Final = 48 * 3600.0


async def create(
    line: Line, prompt: str, model: str | None, options: CreateOptions, extras: Extras
) -> Video:
    """Have a video made; see `Videos.create`."""
    whole: CreateOptions = {
        **options,
        "idempotency_key": extras.idempotency_key,
        "extra_body": extras.body,
    }
    with in_their_words():
        return video_of(await verbs.create(extras.over(line), prompt, model, whole))


async def remix(line: Line, video_id: str, prompt: str, extras: Extras) -> Video:
    """Have a video made anew; see `Videos.remix`."""
    with in_their_words():
        wish = verbs.remix(extras.over(line), _id(video_id), prompt, _options(extras))
        return video_of(await wish)


async def edit(line: Line, video: Reference | str, prompt: str, extras: Extras) -> Video:
    """Have a film changed; see `Videos.edit`."""
    with in_their_words():
        wish = verbs.edit(extras.over(line), _source(video), prompt, _options(extras))
        return video_of(await wish)


async def extend(
    line: Line, video: Reference | str, prompt: str, seconds: str | int, extras: Extras
) -> Video:
    """Have a film continued; see `Videos.extend`."""
    with in_their_words():
        wish = verbs.extend(extras.over(line), _source(video), prompt, seconds, _options(extras))
        return video_of(await wish)


async def retrieve(line: Line, video_id: str, extras: Extras) -> Video:
    """Look at a video once; see `Videos.retrieve`."""
    with in_their_words():
        return video_of(await _look(extras.over(line), video_id))


async def poll(line: Line, video_id: str) -> Video:
    """Wait for the end of a video; see `Videos.poll`."""
    with in_their_words():
        seen = await _look(line, video_id)
        final = await waiting.wait(line, seen, POLL_S, None, is_failure_raised=False)
        return video_of(final)


async def list_page(
    line: Line, after: str | None, limit: int | None, order: Order | None, extras: Extras
) -> shapes.VideoPage:
    """Return one page of videos; see `Videos.list`."""
    listing = Listing(order=order or "desc", after=after)
    size = PAGE_DEFAULT if limit is None else limit
    with in_their_words():
        return await verbs.list_page(extras.over(line), listing, size)


async def delete(line: Line, video_id: str, extras: Extras) -> VideoDeleteResponse:
    """Remove a finished video; see `Videos.delete`."""
    with in_their_words():
        gone = await verbs.delete(extras.over(line), _id(video_id))
    return VideoDeleteResponse(gone.id, gone.deleted)


async def download_content(
    line: Line, video_id: str, variant: Variant | None, extras: Extras
) -> BinaryContent:
    """Bring a film home; see `Videos.download_content`."""
    with in_their_words():
        film = download(extras.over(line), _id(video_id), None, variant or "video", None)
        return BinaryContent(await film)


def file_of(given: FileTypes) -> File:
    """Return a file as `rushes.client` takes it."""
    return given[1] if isinstance(given, tuple) else given


async def _look(line: Line, video_id: str) -> shapes.Video:
    return read_video(await ask(line, asking.retrieve(_id(video_id))))


def _source(video: Reference | str) -> Source:
    if isinstance(video, str):
        return _id(video)
    if isinstance(video, Mapping):
        return _id(str(video.get("id", "")))
    return file_of(video)


def _options(extras: Extras) -> DeriveOptions:
    return {"idempotency_key": extras.idempotency_key, "extra_body": extras.body}


def _id(video_id: str) -> str:
    if not video_id:
        raise Unsendable(f"Expected a non-empty value for `video_id` but received {video_id!r}")
    return video_id
