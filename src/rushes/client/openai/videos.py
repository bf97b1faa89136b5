"""`client.videos`, with the signatures of the retired OpenAI client, for either face.

Every verb takes `extra_headers`, `extra_query`, `extra_body` and `timeout` (seconds an answer may
keep silent), and raises what is in `rushes.client.openai.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rushes.client.asking import CreateOptions
from rushes.client.line import Line, at_once
from rushes.client.media import Media
from rushes.client.openai import calls
from rushes.client.openai.calls import Reference, file_of
from rushes.client.openai.extras import Extras, Headers, Timeout, seconds_of
from rushes.client.openai.given import Omit, not_given, omit, or_none
from rushes.client.openai.shapes import (
    AsyncVideoPage,
    AsyncVideoPages,
    BinaryContent,
    Video,
    VideoDeleteResponse,
    VideoPage,
)
from rushes.client.shapes import Order, Variant


def _extras(
    headers: Headers | None,
    query: Mapping[str, object] | None,
    body: Mapping[str, object] | None,
    timeout: Timeout,
) -> Extras:
    return Extras(headers or {}, query or {}, body, seconds_of(timeout))


def _wish(
    input_reference: Reference | Omit, seconds: str | Omit, size: str | Omit
) -> CreateOptions:
    return {
        "input_reference": _media(input_reference),
        "seconds": or_none(seconds),
        "size": or_none(size),
    }


def _media(given: Reference | Omit) -> Media | None:
    if isinstance(given, Omit):
        return None
    return given if isinstance(given, Mapping) else file_of(given)


class Videos:
    """What can be done with videos."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def create(
        self,
        *,
        prompt: str,
        input_reference: Reference | Omit = omit,
        model: str | Omit = omit,
        seconds: str | Omit = omit,
        size: str | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a video made, and return it at once, queued.

        `model` is `sora-2` where none is given. What a model takes is its card's to say; other
        parameters of the server go into `extra_body`.
        """
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        options = _wish(input_reference, seconds, size)
        return at_once(calls.create(self._line, prompt, or_none(model), options, extras))

    def create_and_poll(
        self,
        *,
        prompt: str,
        input_reference: Reference | Omit = omit,
        model: str | Omit = omit,
        seconds: str | Omit = omit,
        size: str | Omit = omit,
        poll_interval_ms: int | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a video made and wait for its end; `create` and `poll` in one."""
        video = self.create(
            prompt=prompt,
            input_reference=input_reference,
            model=model,
            seconds=seconds,
            size=size,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )
        return self.poll(video.id, poll_interval_ms=poll_interval_ms)

    def poll(
        self,
        video_id: str,
        *,
        poll_interval_ms: int | Omit = omit,
    ) -> Video:
        """Wait until a video is completed or failed, and return it: look at `video.status`.

        The server holds each look back until there is an end to tell; `poll_interval_ms` is
        taken, and not needed.
        """
        del poll_interval_ms
        return at_once(calls.poll(self._line, video_id))

    def retrieve(
        self,
        video_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Look at a video once."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.retrieve(self._line, video_id, extras))

    def list(
        self,
        *,
        after: str | Omit = omit,
        limit: int | Omit = omit,
        order: Order | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> VideoPage:
        """List videos, newest first; iterating goes on through all pages.

        `limit` (0 to 100; 20) is how many a page holds.
        """
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        turn = partial(self._page, limit=or_none(limit), order=or_none(order), extras=extras)
        return turn(or_none(after))

    def _page(
        self, after: str | None, *, limit: int | None, order: Order | None, extras: Extras
    ) -> VideoPage:
        told = at_once(calls.list_page(self._line, after, limit, order, extras))
        turn = partial(self._page, limit=limit, order=order, extras=extras)
        return VideoPage(told, turn)

    def delete(
        self,
        video_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> VideoDeleteResponse:
        """Remove a finished video, film and record."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.delete(self._line, video_id, extras))

    def download_content(
        self,
        video_id: str,
        *,
        variant: Variant | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> BinaryContent:
        """Bring a film home, or a still of it: `last_frame` is one of them here."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.download_content(self._line, video_id, or_none(variant), extras))

    def remix(
        self,
        video_id: str,
        *,
        prompt: str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a finished video made anew with another prompt."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.remix(self._line, video_id, prompt, extras))

    def edit(
        self,
        *,
        prompt: str,
        video: Reference | str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a film changed as the prompt says: a file, or `{"id": …}` of a finished video."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.edit(self._line, video, prompt, extras))

    def extend(
        self,
        *,
        prompt: str,
        seconds: str | int,
        video: Reference | str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a film continued by `seconds`: a file, or `{"id": …}` of a finished video."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return at_once(calls.extend(self._line, video, prompt, seconds, extras))


class AsyncVideos:
    """What can be done with videos, for asyncio; see `Videos`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def create(
        self,
        *,
        prompt: str,
        input_reference: Reference | Omit = omit,
        model: str | Omit = omit,
        seconds: str | Omit = omit,
        size: str | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a video made; see `Videos.create`."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        options = _wish(input_reference, seconds, size)
        return await calls.create(self._line, prompt, or_none(model), options, extras)

    async def create_and_poll(
        self,
        *,
        prompt: str,
        input_reference: Reference | Omit = omit,
        model: str | Omit = omit,
        seconds: str | Omit = omit,
        size: str | Omit = omit,
        poll_interval_ms: int | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a video made and wait for its end."""
        video = await self.create(
            prompt=prompt,
            input_reference=input_reference,
            model=model,
            seconds=seconds,
            size=size,
            extra_headers=extra_headers,
            extra_query=extra_query,
            extra_body=extra_body,
            timeout=timeout,
        )
        return await self.poll(video.id, poll_interval_ms=poll_interval_ms)

    async def poll(
        self,
        video_id: str,
        *,
        poll_interval_ms: int | Omit = omit,
    ) -> Video:
        """Wait for the end of a video; see `Videos.poll`."""
        del poll_interval_ms
        return await calls.poll(self._line, video_id)

    async def retrieve(
        self,
        video_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Look at a video once."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.retrieve(self._line, video_id, extras)

    def list(
        self,
        *,
        after: str | Omit = omit,
        limit: int | Omit = omit,
        order: Order | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> AsyncVideoPages:
        """List videos: `await` gives a page, `async for` goes through all; see `Videos.list`."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        turn = partial(self._page, limit=or_none(limit), order=or_none(order), extras=extras)
        return AsyncVideoPages(partial(turn, or_none(after)))

    async def _page(
        self, after: str | None, *, limit: int | None, order: Order | None, extras: Extras
    ) -> AsyncVideoPage:
        told = await calls.list_page(self._line, after, limit, order, extras)
        turn = partial(self._page, limit=limit, order=order, extras=extras)
        return AsyncVideoPage(told, turn)

    async def delete(
        self,
        video_id: str,
        *,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> VideoDeleteResponse:
        """Remove a finished video, film and record."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.delete(self._line, video_id, extras)

    async def download_content(
        self,
        video_id: str,
        *,
        variant: Variant | Omit = omit,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> BinaryContent:
        """Bring a film home, or a still of it."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.download_content(self._line, video_id, or_none(variant), extras)

    async def remix(
        self,
        video_id: str,
        *,
        prompt: str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a finished video made anew with another prompt."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.remix(self._line, video_id, prompt, extras)

    async def edit(
        self,
        *,
        prompt: str,
        video: Reference | str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a film changed; see `Videos.edit`."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.edit(self._line, video, prompt, extras)

    async def extend(
        self,
        *,
        prompt: str,
        seconds: str | int,
        video: Reference | str,
        extra_headers: Headers | None = None,
        extra_query: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: Timeout = not_given,
    ) -> Video:
        """Have a film continued; see `Videos.extend`."""
        extras = _extras(extra_headers, extra_query, extra_body, timeout)
        return await calls.extend(self._line, video, prompt, seconds, extras)
