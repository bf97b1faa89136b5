"""The wall: a transport that opens sockets to judged addresses only.

A host is looked up once, every answer is judged, and the socket is opened to an address that
was judged: between judging and connecting nobody is asked again, so a name that answers
differently the second time (DNS rebinding) gains nothing. `Host`, SNI and the certificate
check keep the name, because only the socket sees the address. Proxies of the environment are
not asked, and no connection is kept for a later request.

    httpx2.AsyncClient(transport=GuardedTransport(...), trust_env=False)

is a client for any address a caller gives; `fetch.py` uses the transport bare.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final, TypeAlias

import httpcore2
import httpx2

from rushes.media.addresses import Address, Networks, check_addresses, check_host

ADDRESSES_TRIED_MAX: Final = 4
LOOKUPS_MAX: Final = 8
CONNECTIONS_MAX: Final = 10

Resolve: TypeAlias = Callable[[str], Awaitable[tuple[Address, ...]]]
"""Looks up a host name; raises OSError where it cannot be done now."""

ERRORS: Final[dict[type[Exception], type[httpx2.TransportError]]] = {
    httpcore2.TimeoutException: httpx2.TimeoutException,
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.NetworkError: httpx2.NetworkError,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.ProxyError: httpx2.ProxyError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
    httpcore2.ProtocolError: httpx2.ProtocolError,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
}


class SystemResolver:
    """Looks names up as the machine does, in a few threads of its own.

    A caller may own the name server of the host he names and let every question hang. Then
    only these threads hang, not those the rest of the house works with.
    """

    def __init__(self, lookups_max: int = LOOKUPS_MAX) -> None:
        self._threads = ThreadPoolExecutor(lookups_max, thread_name_prefix="lookup")

    async def __call__(self, host: str) -> tuple[Address, ...]:
        """Return the addresses of `host`, best first.

        Raises:
            OSError: nobody knows the name, or nobody answered.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens TCP connections for httpcore2, to judged addresses only."""

    def __init__(self, resolve: Resolve, allow: Networks = ()) -> None:
        self._resolve = resolve
        self._allow = allow
        self._sockets = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of `host` that answers.

        Raises:
            NotPublic: the host has an address that we do not talk to.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: nobody answered.
        """
        failure: Exception = httpcore2.ConnectError("the name has no address")
        for address in (await self._judged(host, timeout))[:ADDRESSES_TRIED_MAX]:
            try:
                return await self._sockets.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _judged(self, host: str, timeout_s: float | None) -> tuple[Address, ...]:
        literal = check_host(host, self._allow)
        if literal is not None:
            return (literal,)
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._resolve(host)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name was not looked up in time") from error
        except OSError as error:
            raise httpcore2.ConnectError("the name could not be looked up") from error
        check_addresses(addresses, self._allow)
        return addresses


class GuardedTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 over `GuardedBackend`, for httpx2.

    `ssl_context` is shared, because making one reads all the certificates of the system.
    """

    def __init__(
        self, *, resolve: Resolve, ssl_context: ssl.SSLContext, allow: Networks = ()
    ) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=0,
            network_backend=GuardedBackend(resolve, allow),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, once; redirects are the business of whoever asks.

        Raises:
            NotPublic: the host has an address that we do not talk to.
            httpx2.TransportError: no answer.
        """
        asked = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx_errors():
            answer = await self._pool.handle_async_request(asked)
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        with _as_httpx_errors():
            await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    """The body of an answer, on its way."""

    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors():
            async for chunk in self._answer.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        with _as_httpx_errors():
            await self._answer.aclose()


@contextlib.contextmanager
def _as_httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(ERRORS) as error:
        raise ERRORS[type(error)](str(error)) from error


def _look_up(host: str) -> tuple[Address, ...]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(place[0]) for *_, place in found))
