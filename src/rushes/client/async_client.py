"""The client that lets others run; verb by verb the twin of `rushes.client.sync_client`.

What a verb promises is told there; what it does is written in rooms that both clients share.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self, Unpack

import httpx2

from rushes.client import verbs, waiting
from rushes.client.access import read_access
from rushes.client.asking import CreateOptions, Listing
from rushes.client.deriving import DeriveOptions, Source
from rushes.client.download import OnBytes, download
from rushes.client.events import EventFeed
from rushes.client.line import Line
from rushes.client.retry import Retry
from rushes.client.shapes import (
    DeletedVideo,
    DownloadedVideo,
    KeyFacts,
    Model,
    Order,
    Quote,
    Status,
    Variant,
    Video,
    VideoEvent,
    VideoPage,
    WebhookSecret,
)
from rushes.client.sinks import Target
from rushes.client.streaming import FilmFeed
from rushes.client.waiting import DEADLINE_S, OnProgress
from rushes.client.wires import LIMITS, AsyncClock, AsyncLine, AsyncSystemClock


class AsyncRushes:
    """A client for asyncio, to be used in an `async with`.

    Args, errors and `is_test` are those of `Rushes`; `http_client` is an `httpx2.AsyncClient`.
    Callbacks are ordinary functions, called on the loop. One client serves one event loop.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_s: float = 60.0,
        retry: Retry | None = None,
        http_client: httpx2.AsyncClient | None = None,
        clock: AsyncClock | None = None,
    ) -> None:
        access = read_access(base_url, api_key, os.environ)
        self.base_url = access.base_url
        self.is_test = access.is_test
        self._http = http_client or httpx2.AsyncClient(trust_env=False, limits=LIMITS)
        self._is_own = http_client is None
        line = AsyncLine(
            self._http, access, timeout_s, retry or Retry(), clock or AsyncSystemClock()
        )
        self._line = line
        self.videos = AsyncVideos(line)
        self.models = AsyncModels(line)
        self.webhooks = AsyncWebhooks(line)

    async def key(self) -> KeyFacts:
        """Return what the client's key is, may do, and has left; see `Rushes.key`."""
        return await verbs.key(self._line)

    async def close(self) -> None:
        """Close the connections, unless the `http_client` is yours."""
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"


class AsyncVideos:
    """What can be done with videos; see `Videos`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        **options: Unpack[CreateOptions],
    ) -> Video:
        """Have a video made, and return it at once, queued; see `Videos.create`."""
        return await verbs.create(self._line, prompt, model, options)

    async def create_and_wait(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        raise_on_failure: bool = True,
        **options: Unpack[CreateOptions],
    ) -> Video:
        """Have a video made and wait for its end; see `Videos.create_and_wait`."""
        video = await self.create(prompt, model=model, **options)
        return await self.wait(
            video,
            deadline_s=deadline_s,
            on_progress=on_progress,
            raise_on_failure=raise_on_failure,
        )

    async def create_and_poll(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        **options: Unpack[CreateOptions],
    ) -> Video:
        """`create_and_wait` that returns a failed video; see `Videos.create_and_poll`."""
        return await self.create_and_wait(
            prompt,
            model=model,
            deadline_s=deadline_s,
            on_progress=on_progress,
            raise_on_failure=False,
            **options,
        )

    async def quote(
        self,
        prompt: str | None = None,
        *,
        model: str = "sandbox",
        **options: Unpack[CreateOptions],
    ) -> Quote:
        """Tell what `create` with the same arguments would come to; see `Videos.quote`."""
        return await verbs.quote(self._line, prompt, model, options)

    async def retrieve(self, video: Video | str) -> Video:
        """Look at a video once; see `Videos.retrieve`."""
        return await verbs.retrieve(self._line, video)

    async def wait(
        self,
        video: Video | str,
        *,
        deadline_s: float = DEADLINE_S,
        on_progress: OnProgress | None = None,
        raise_on_failure: bool = True,
    ) -> Video:
        """Wait until a video is final, and return it; see `Videos.wait`."""
        return await waiting.wait(
            self._line, video, deadline_s, on_progress, is_failure_raised=raise_on_failure
        )

    async def list(
        self,
        *,
        limit: int | None = None,
        after: Video | str | None = None,
        order: Order = "desc",
        status: Status | None = None,
        model: str | None = None,
    ) -> AsyncGenerator[Video]:
        """Go through your videos (`async for`), newest first; see `Videos.list`."""
        walk = verbs.Walk(self._line, Listing.of(order, after, status, model), limit)
        while videos := await walk.next():
            for video in videos:
                yield video

    async def list_page(
        self,
        *,
        limit: int = 20,
        after: Video | str | None = None,
        order: Order = "desc",
        status: Status | None = None,
        model: str | None = None,
    ) -> VideoPage:
        """Return one page of videos; see `Videos.list_page`."""
        listing = Listing.of(order, after, status, model)
        return await verbs.list_page(self._line, listing, limit)

    async def cancel(self, video: Video | str) -> Video:
        """Stop a video, and return it as it ended; see `Videos.cancel`."""
        return await verbs.cancel(self._line, video)

    async def delete(self, video: Video | str) -> DeletedVideo:
        """Remove a finished video, film and record; see `Videos.delete`."""
        return await verbs.delete(self._line, video)

    async def remix(
        self, video: Video | str, prompt: str, **options: Unpack[DeriveOptions]
    ) -> Video:
        """Have a finished video made anew with another prompt; see `Videos.remix`."""
        return await verbs.remix(self._line, video, prompt, options)

    async def edit(self, source: Source, prompt: str, **options: Unpack[DeriveOptions]) -> Video:
        """Have a film changed as the prompt says; see `Videos.edit`."""
        return await verbs.edit(self._line, source, prompt, options)

    async def extend(
        self,
        source: Source,
        prompt: str,
        *,
        seconds: int | str,
        **options: Unpack[DeriveOptions],
    ) -> Video:
        """Have a film continued by `seconds`; see `Videos.extend`."""
        return await verbs.extend(self._line, source, prompt, seconds, options)

    async def download(
        self,
        video: Video | str,
        to: Target = None,
        *,
        variant: Variant = "video",
        resume: bool = False,
        on_progress: OnBytes | None = None,
    ) -> DownloadedVideo:
        """Bring a film home, or a still of it; see `Videos.download`."""
        return await download(self._line, video, to, variant, on_progress, is_resumed=resume)

    async def download_content(
        self, video: Video | str, *, variant: Variant = "video"
    ) -> DownloadedVideo:
        """`download` into memory; see `Videos.download_content`."""
        return await self.download(video, variant=variant)

    async def stream(
        self, video: Video | str, *, variant: Variant = "video"
    ) -> AsyncGenerator[bytes]:
        """Give a film on as it comes (`async for`); see `Videos.stream`."""
        feed = FilmFeed(self._line, video, variant)
        try:
            while chunk := await feed.next():
                yield chunk
        finally:
            await feed.close()

    async def events(
        self, video: Video | str, *, after: int = 0, deadline_s: float = DEADLINE_S
    ) -> AsyncGenerator[VideoEvent]:
        """Listen to a video's changes of status (`async for`); see `Videos.events`."""
        feed = EventFeed(self._line, video, after, deadline_s)
        try:
            while event := await feed.next():
                yield event
        finally:
            await feed.close()


class AsyncModels:
    """What the server can make videos with; see `Models`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def list(self) -> tuple[Model, ...]:
        """Return every model that the key may use."""
        return await verbs.models(self._line)

    async def retrieve(self, model: str) -> Model:
        """Return one model; see `Models.retrieve`."""
        return await verbs.model(self._line, model)


class AsyncWebhooks:
    """What a receiver of webhooks needs; see `Webhooks`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def secret(self) -> WebhookSecret:
        """Return what your account's webhooks are signed with; see `Webhooks.secret`."""
        return await verbs.webhook_secret(self._line)
