"""The two lines to a server, synchronous and asynchronous, over httpx2.

Nothing is taken from the environment here: no proxy, no certificate file, no .netrc, as a
proxy that is meant for the world breaks a server on this machine, and cuts long-polls. Who
needs a proxy or certificates of their own gives an `httpx2` client of their own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import httpx2

from rushes import __version__
from rushes.client.access import Access
from rushes.client.errors import ConnectionFailed
from rushes.client.line import Request
from rushes.client.reading import Reply
from rushes.client.retry import Retry

T = TypeVar("T")

USER_AGENT: Final = f"rushes-python/{__version__}"

_CONNECT_S_MAX: Final = 10.0

# A year: sockets and locks cannot wait for an infinite time, which a caller may well ask for.
_PATIENCE_S_MAX: Final = 365 * 86_400.0

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

# Every wait holds a connection, so their number is bounded by what the caller starts, not by
# the pool. Idle ones are dropped before servers do it, which is commonly after 5 s.
LIMITS: Final = httpx2.Limits(
    max_connections=None, max_keepalive_connections=100, keepalive_expiry=4.0
)


class Clock(Protocol):
    """How time passes for a synchronous client."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class AsyncClock(Protocol):
    """How time passes for an asynchronous client."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class SystemClock:
    """The machine's clock; sleeping blocks the thread."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


class AsyncSystemClock:
    """The machine's clock; sleeping lets others run."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class SyncLine:
    """A line whose coroutines never suspend: it waits itself."""

    http: httpx2.Client
    access: Access
    timeout_s: float
    retry: Retry
    clock: Clock = field(default_factory=SystemClock)

    def now_s(self) -> float:
        """See `Line`."""
        return self.clock.now_s()

    async def sleep(self, seconds: float) -> None:
        """See `Line`."""
        self.clock.sleep(seconds)

    async def send(self, request: Request) -> Reply:
        """See `Line`."""
        call = _call(self.http, request, self.access, self.timeout_s)
        try:
            return _reply(self.http.send(call, auth=None, follow_redirects=False))
        except httpx2.RequestError as error:
            raise _lost(call, error) from error

    async def open(self, request: Request) -> SyncStream:
        """See `Line`."""
        call = _call(self.http, request, self.access, self.timeout_s)
        try:
            response = self.http.send(
                call, stream=True, auth=None, follow_redirects=request.follows_redirects
            )
        except httpx2.RequestError as error:
            raise _lost(call, error) from error
        return SyncStream(response)

    async def aside(self, act: Callable[[], T]) -> T:
        """See `Line`."""
        return act()


@dataclass(frozen=True, slots=True)
class AsyncLine:
    """A line that lets others run while it waits; disk work is done in a thread."""

    http: httpx2.AsyncClient
    access: Access
    timeout_s: float
    retry: Retry
    clock: AsyncClock = field(default_factory=AsyncSystemClock)

    def now_s(self) -> float:
        """See `Line`."""
        return self.clock.now_s()

    async def sleep(self, seconds: float) -> None:
        """See `Line`."""
        await self.clock.sleep(seconds)

    async def send(self, request: Request) -> Reply:
        """See `Line`."""
        call = _call(self.http, request, self.access, self.timeout_s)
        try:
            return _reply(await self.http.send(call, auth=None, follow_redirects=False))
        except httpx2.RequestError as error:
            raise _lost(call, error) from error

    async def open(self, request: Request) -> AsyncStream:
        """See `Line`."""
        call = _call(self.http, request, self.access, self.timeout_s)
        try:
            response = await self.http.send(
                call, stream=True, auth=None, follow_redirects=request.follows_redirects
            )
        except httpx2.RequestError as error:
            raise _lost(call, error) from error
        return AsyncStream(response)

    async def aside(self, act: Callable[[], T]) -> T:
        """See `Line`."""
        return await asyncio.to_thread(act)


class SyncStream:
    """A body that is read as it comes, and that blocks."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._chunks = _chunks(response)
        self.reply = _head(response)

    async def read(self) -> bytes:
        """See `Stream`."""
        try:
            return next((chunk for chunk in self._chunks if chunk), b"")
        except httpx2.RequestError as error:
            raise _lost(self._response.request, error) from error

    async def close(self) -> None:
        """See `Stream`."""
        self._chunks.close()
        self._response.close()


class AsyncStream:
    """A body that is read as it comes, and that lets others run."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._chunks = _async_chunks(response)
        self.reply = _head(response)

    async def read(self) -> bytes:
        """See `Stream`."""
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        except httpx2.RequestError as error:
            raise _lost(self._response.request, error) from error
        return b""

    async def close(self) -> None:
        """See `Stream`."""
        await self._chunks.aclose()
        await self._response.aclose()


def _chunks(response: httpx2.Response) -> Generator[bytes]:
    """Give the body as it came; a transport may have read it all already."""
    if response.is_stream_consumed:
        yield response.content
    else:
        yield from response.iter_raw()


async def _async_chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    if response.is_stream_consumed:
        yield response.content
    else:
        async with aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                yield chunk


def _call(
    http: httpx2.Client | httpx2.AsyncClient, request: Request, access: Access, timeout_s: float
) -> httpx2.Request:
    patience_s = min(request.timeout_s or timeout_s, request.timeout_s_max, _PATIENCE_S_MAX)
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": "application/json",
        **request.headers,
        "Authorization": f"Bearer {access.api_key}",
    }
    if request.json_body is not None:
        headers["Content-Type"] = "application/json"
    return http.build_request(
        request.method,
        access.base_url + request.path,
        params=dict(request.query) or None,
        headers=headers,
        content=request.json_body,
        data=dict(request.fields) or None,
        files={
            name: (upload.filename, upload.content, upload.content_type)
            for name, upload in request.files.items()
        }
        or None,
        timeout=httpx2.Timeout(
            connect=min(_CONNECT_S_MAX, patience_s),
            read=request.hold_s + patience_s,
            write=patience_s,
            pool=patience_s,
        ),
    )


def _reply(response: httpx2.Response) -> Reply:
    return Reply(response.status_code, _lower(response.headers), response.content)


def _head(response: httpx2.Response) -> Reply:
    return Reply(response.status_code, _lower(response.headers))


def _lower(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _lost(call: httpx2.Request, error: httpx2.RequestError) -> ConnectionFailed:
    url = call.url.copy_with(query=None)
    return ConnectionFailed(
        f"{call.method} {url}", _why(error), is_sent=not isinstance(error, _NEVER_SENT)
    )


def _why(error: httpx2.RequestError) -> str:
    if isinstance(error, httpx2.PoolTimeout):
        return "no connection of the http_client was free in time"
    if isinstance(error, _NEVER_SENT):
        return (
            f"nobody answers there ({_words(error)}). Check that the server is running "
            "and that base_url (or RUSHES_BASE_URL) is its address"
        )
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer in time ({_words(error)})"
    return f"the connection broke ({_words(error)})"


def _words(error: httpx2.RequestError) -> str:
    return str(error) or type(error).__name__
