"""What the server tells, in the fields of the retired OpenAI client: instants are Unix seconds."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from os import PathLike
from typing import Final, Literal, Self

from rushes.client import shapes
from rushes.client.errors import UnexpectedAnswer
from rushes.client.shapes import DownloadedVideo, Status

_CHUNK_BYTES: Final = 1 << 16


class _Told:
    """An answer that can be written down again, as applications log and keep them."""

    __slots__ = ()

    def to_dict(self) -> dict[str, object]:
        """Return the answer as the wire has it."""
        names = [each.name for each in fields(self) if each.repr]  # type: ignore[arg-type]
        told = {name: getattr(self, name) for name in names}
        return {
            name: value.to_dict() if isinstance(value, _Told) else value
            for name, value in told.items()
        }

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the answer as JSON."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False)

    def model_dump(self) -> dict[str, object]:
        """Return `to_dict()`, under pydantic's name."""
        return self.to_dict()

    def model_dump_json(self, *, indent: int | None = None) -> str:
        """Return `to_json()`, under pydantic's name."""
        return self.to_json(indent=indent)


@dataclass(frozen=True, slots=True)
class VideoCreateError(_Told):
    """Why a video failed; `code` is a word of the server's table of failures."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(_Told):
    """One video.

    `created_at`, `completed_at` and `expires_at` are Unix seconds. `seconds` is a text, `size`
    is `WIDTHxHEIGHT` in pixels. `rushes` is the same answer as `rushes.client` tells it: what
    was ignored or changed of the request, rehearsal, cost, place in line.
    """

    id: str
    object: Literal["video"] = "video"
    model: str
    status: Status
    progress: int
    created_at: int
    completed_at: int | None = None
    expires_at: int | None = None
    error: VideoCreateError | None = None
    prompt: str | None = None
    remixed_from_video_id: str | None = None
    seconds: str
    size: str
    rushes: shapes.Video = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class VideoDeleteResponse(_Told):
    """A video that is gone, film and record."""

    id: str
    deleted: bool = True
    object: Literal["video.deleted"] = "video.deleted"


def video_of(told: shapes.Video) -> Video:
    """Return a video as the retired client tells it.

    Raises:
        UnexpectedAnswer: the answer lacks what a Video object always has.
    """
    created_at = _unix(told.created_at)
    if created_at is None or told.model is None or told.seconds is None or told.size is None:
        raise UnexpectedAnswer(f"{told.id} came without model, seconds, size or created_at.")
    error = told.error
    return Video(
        id=told.id,
        model=told.model,
        status=told.status,
        progress=told.progress,
        created_at=created_at,
        completed_at=_unix(told.completed_at),
        expires_at=_unix(told.expires_at),
        error=None if error is None else VideoCreateError(error.code, error.message),
        prompt=told.prompt,
        remixed_from_video_id=told.remixed_from_video_id,
        seconds=str(told.seconds),
        size=told.size,
        rushes=told,
    )


def _unix(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


class BinaryContent:
    """A film or a still that arrived whole, in memory.

    `client.videos.download` of `rushes.client` writes to a file as the bytes come.
    """

    def __init__(self, film: DownloadedVideo) -> None:
        self.content = film.read()
        self.content_type = film.content_type

    def read(self) -> bytes:
        """Return the bytes."""
        return self.content

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Go through the bytes, `chunk_size` at a time."""
        step = chunk_size or _CHUNK_BYTES
        for start in range(0, len(self.content), step):
            yield self.content[start : start + step]

    def write_to_file(self, file: str | PathLike[str]) -> None:
        """Write the bytes to a file."""
        with open(file, "wb") as opened:  # noqa: PTH123 -- a descriptor does, as it did there
            opened.write(self.content)

    def stream_to_file(self, file: str | PathLike[str], *, chunk_size: int | None = None) -> None:
        """Write the bytes to a file, as `write_to_file`."""
        del chunk_size
        self.write_to_file(file)

    def close(self) -> None:
        """Do nothing: every byte is here."""

    async def aread(self) -> bytes:
        """Return the bytes."""
        return self.content

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """Go through the bytes: `async for chunk in await film.aiter_bytes()`."""
        return _aside(self.iter_bytes(chunk_size))

    async def aclose(self) -> None:
        """Do nothing: every byte is here."""


async def _aside(chunks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk


class _Page:
    """One page of videos, and whether there are more."""

    object: Final = "list"

    def __init__(self, page: shapes.VideoPage) -> None:
        self.data = [video_of(told) for told in page.data]
        self.first_id = page.first_id
        self.last_id = page.last_id
        self.has_more = page.has_more

    def has_next_page(self) -> bool:
        """Say whether there are more videos after this page."""
        return self.has_more and bool(self.data) and self.last_id is not None

    def _cursor(self) -> str:
        if not self.has_next_page() or self.last_id is None:
            raise RuntimeError("There is no next page; ask has_next_page() first.")
        return self.last_id


class VideoPage(_Page):
    """One page of videos; iterating goes on through all pages."""

    def __init__(self, page: shapes.VideoPage, turn: Callable[[str], Self]) -> None:
        super().__init__(page)
        self._turn = turn

    def get_next_page(self) -> Self:
        """Return the next page.

        Raises:
            RuntimeError: this is the last one.
        """
        return self._turn(self._cursor())

    def iter_pages(self) -> Generator[Self]:
        """Go through this page and all after it."""
        page = self
        yield page
        while page.has_next_page():
            page = page.get_next_page()
            yield page

    def __iter__(self) -> Iterator[Video]:
        for page in self.iter_pages():
            yield from page.data


class AsyncVideoPage(_Page):
    """One page of videos; iterating (`async for`) goes on through all pages."""

    def __init__(self, page: shapes.VideoPage, turn: Callable[[str], Awaitable[Self]]) -> None:
        super().__init__(page)
        self._turn = turn

    async def get_next_page(self) -> Self:
        """Return the next page.

        Raises:
            RuntimeError: this is the last one.
        """
        return await self._turn(self._cursor())

    async def iter_pages(self) -> AsyncGenerator[Self]:
        """Go through this page and all after it."""
        page = self
        yield page
        while page.has_next_page():
            page = await page.get_next_page()
            yield page

    async def __aiter__(self) -> AsyncIterator[Video]:
        async for page in self.iter_pages():
            for video in page.data:
                yield video


class AsyncVideoPages:
    """A list that was asked for and not fetched yet: `await` gives a page, `async for` all."""

    def __init__(self, fetch: Callable[[], Awaitable[AsyncVideoPage]]) -> None:
        self._fetch = fetch

    def __await__(self) -> Generator[object, None, AsyncVideoPage]:
        return self._fetch().__await__()

    async def __aiter__(self) -> AsyncIterator[Video]:
        async for video in await self._fetch():
            yield video
