"""One careful HTTP client, shared by all providers that need one.

It sends a request once: no retries, no environment proxies, no cookies, no log lines. It works
on the transport itself, for all of these are the client's doing. A credential goes to the
provider's own origin and nowhere else, redirects and film links included.

A submit travels on a connection of its own. A kept one may have been closed by the other side
a moment ago, and then nobody knows whether the request was read; a fresh one fails before the
first byte, and that is a proof.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Final

import httpx2 as httpx

from rushes import __version__
from rushes.providers.answers import Answer, ignorance, number
from rushes.providers.base import Busy, FilmLost, InDoubt, NotUnderstood, Stream, Unreachable
from rushes.traces import outgoing

JSON_BYTES_MAX: Final = 4 * 2**20
REDIRECTS_MAX: Final = 3
KEPT_CONNECTIONS_MAX: Final = 8
"""The pool probes the socket of every idle connection twice for each request, and lets go of the
interpreter for each: with thirty-two a busy worker spent more on that than on the request.
"""


_TROUBLE: Final = (httpx.RequestError, OSError)
"""Every way in which a transport can fail; our own bound on a whole call, a TimeoutError, is
an OSError.
"""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NO_FILM: Final = ("text/", "application/json", "application/xml", "application/problem+json")

Part = tuple[str, tuple[str | None, bytes, str | None]]
"""A part of a multipart body: name, (file name, bytes, content type); a field has no file name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was made, as it may be shown to anyone: no host, no query, no header.

    `path` is below the provider's base URL; of another host's address nothing is told.
    `has_key` says that it carried the credential. `status` is None where no answer came.
    """

    method: str
    path: str
    is_own: bool
    has_key: bool
    status: int | None


EAR: Final[ContextVar[Callable[[Call], None] | None]] = ContextVar("EAR", default=None)
"""Who hears of each call that is made in this context; nobody, but where a provider is tried."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Our secret at a provider, and the reference it was found under; only that is shown."""

    reference: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long we wait. `submit_s` and `ask_s` bound whole calls, `read_s` a silence in a film."""

    connect_s: float = 10.0
    submit_s: float = 60.0
    ask_s: float = 30.0
    read_s: float = 30.0


@cache
def _tls() -> ssl.SSLContext:
    """Build the one TLS context; SSL_CERT_FILE and SSL_CERT_DIR are honoured."""
    return httpx.create_ssl_context()


class Rest:
    """A provider's address and credential. One per provider; close it in the end.

    The credential goes out in `key_header` (lowercase), with `key_scheme` before it.

    Raises:
        ValueError: the base URL is no plain http(s) address, or the secret fits in no header.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential | None = None,
        *,
        timeouts: Timeouts | None = None,
        key_header: str = "authorization",
        key_scheme: str = "Bearer ",
    ) -> None:
        if credential and not (credential.secret.isascii() and credential.secret.isprintable()):
            raise ValueError(f"the credential {credential.reference} is no line of visible ASCII")
        self._base = _base(base_url)
        self._credential = credential
        self._key_header, self._key_scheme = key_header, key_scheme
        self._timeouts = timeouts or Timeouts()
        limits = httpx.Limits(max_keepalive_connections=KEPT_CONNECTIONS_MAX, keepalive_expiry=4.0)
        alone = httpx.Limits(max_keepalive_connections=0)
        self._kept = httpx.AsyncHTTPTransport(verify=_tls(), retries=0, limits=limits)
        self._alone = httpx.AsyncHTTPTransport(verify=_tls(), retries=0, limits=alone)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no message may hold: the secret, and the provider's host."""
        netloc, host = self._base.netloc.decode("ascii"), self._base.host
        names = [netloc if ":" in netloc else "", host if "." in host else ""]
        secrets = [self._credential.secret] if self._credential else []
        return tuple(filter(None, [*secrets, *names]))

    async def submit(
        self,
        path: str,
        *,
        form: Sequence[Part] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a multipart form or a JSON body, once, and return whatever was answered.

        Raises:
            Busy: proven not sent: no byte of the request was written.
            InDoubt: it began to be sent, and no answer came.
        """
        files = None if form is None else list(form)
        url = self._url(path)
        told = self._headers(url, headers)
        request = httpx.Request("POST", url, headers=told, files=files, json=body)
        sent = _Sent()
        bound_s = self._timeouts.submit_s
        request.extensions = {"timeout": self._waits(read_s=bound_s), "trace": sent}
        try:
            return await self._exchange(request, self._alone, bound_s)
        except _TROUBLE as error:
            if sent.has_begun:
                raise InDoubt(f"no answer: {type(error).__name__}") from error
            raise Busy(f"not sent: {type(error).__name__}") from error

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        bytes_max: int = JSON_BYTES_MAX,
    ) -> Answer:
        """Send a request that may be repeated, and return whatever was answered.

        `bytes_max` is how much of an answer is read: more for an upstream that hands a film
        over inside one.

        Raises:
            Unreachable: no answer came.
        """
        url = self._url(path)
        told = self._headers(url, headers)
        request = httpx.Request(method, url, params=params, headers=told, json=body)
        request.extensions = {"timeout": self._waits(read_s=self._timeouts.ask_s)}
        try:
            return await self._exchange(request, self._kept, self._timeouts.ask_s, bytes_max)
        except _TROUBLE as error:
            raise Unreachable(f"no answer: {type(error).__name__}") from error

    @asynccontextmanager
    async def film(self, address: str, *, is_signed: bool = False) -> AsyncIterator[Stream]:
        """Open a film: a path at the provider, or an absolute link to anywhere.

        A signed link opens by itself: no host on the way is told a credential, ours included,
        and one that does not open any more is over.

        Raises:
            FilmLost: a link says that it is over.
            NotUnderstood, Unreachable: as in `Provider.open`; Unreachable also from the chunks.
        """
        url = httpx.URL(address) if "://" in address else self._url(address)
        url, response = await self._follow(url, is_signed=is_signed)
        async with aclosing(response):
            is_link = is_signed or not self.is_own(url)
            length = await self._length(response, is_link=is_link)
            async with aclosing(_chunks(response, length)) as chunks:
                yield Stream(chunks, length)

    async def close(self) -> None:
        """Let go of connections."""
        await self._kept.aclose()
        await self._alone.aclose()

    def _url(self, path: str) -> httpx.URL:
        return self._base.copy_with(raw_path=self._base.raw_path.rstrip(b"/") + path.encode())

    def is_own(self, url: httpx.URL) -> bool:
        """Say whether an address is the provider's own origin: scheme, host and port."""
        return _origin(url) == _origin(self._base)

    def _headers(
        self, url: httpx.URL, more: Mapping[str, str] | None = None, *, is_signed: bool = False
    ) -> dict[str, str]:
        """Return what a request says of itself; the credential only where it belongs."""
        headers = {"accept-encoding": "identity", "user-agent": f"rushes/{__version__}"}
        if self._credential is not None and self.is_own(url) and not is_signed:
            headers[self._key_header] = f"{self._key_scheme}{self._credential.secret}"
        traceparent = outgoing()  # only where the operator wants this provider to be told
        if traceparent is not None and self.is_own(url) and not is_signed:
            headers["traceparent"] = traceparent
        return headers | dict(more or {})

    def _waits(self, *, read_s: float) -> dict[str, float | None]:
        connect_s = self._timeouts.connect_s
        return httpx.Timeout(read_s, connect=connect_s, pool=connect_s).as_dict()

    async def _exchange(
        self,
        request: httpx.Request,
        transport: httpx.AsyncBaseTransport,
        bound_s: float,
        bytes_max: int = JSON_BYTES_MAX,
    ) -> Answer:
        """Ask, and read the answer, in a coroutine of their own.

        What the library hangs on a coroutine (a state of anyio's) goes when that ends, and ten
        thousand who wait for their next look keep nothing of the last one.
        """
        return await asyncio.create_task(self._answer(request, transport, bound_s, bytes_max))

    async def _answer(
        self,
        request: httpx.Request,
        transport: httpx.AsyncBaseTransport,
        bound_s: float,
        bytes_max: int,
    ) -> Answer:
        status: int | None = None
        try:
            async with asyncio.timeout(bound_s):
                response = await transport.handle_async_request(request)
                status = response.status_code
                return await _read(response, bytes_max)
        finally:
            self._tell(request, status)

    def _tell(self, request: httpx.Request, status: int | None) -> None:
        """Let whoever listens hear of a call."""
        ear = EAR.get()
        if ear is None:
            return
        is_own, has_key = self.is_own(request.url), self._key_header in request.headers
        path, base = request.url.raw_path.partition(b"?")[0], self._base.raw_path.rstrip(b"/")
        shown = path.removeprefix(base).decode("ascii", "replace") if is_own else ""
        ear(Call(request.method, shown, is_own, has_key, status))

    async def _follow(self, url: httpx.URL, *, is_signed: bool) -> tuple[httpx.URL, httpx.Response]:
        """Ask for a film, and again wherever we are sent; a credential stays at home."""
        for _ in range(1 + REDIRECTS_MAX):
            try:
                async with asyncio.timeout(self._timeouts.ask_s):
                    headers = self._headers(url, is_signed=is_signed)
                    request = httpx.Request("GET", url, headers=headers)
                    request.extensions = {"timeout": self._waits(read_s=self._timeouts.read_s)}
                    response = await self._kept.handle_async_request(request)
            except _TROUBLE as error:
                self._tell(request, None)
                raise Unreachable(f"no film: {type(error).__name__}") from error
            self._tell(request, response.status_code)
            if response.status_code not in _REDIRECTS:
                return url, response
            await response.aclose()
            url = _elsewhere(url, response.headers.get("location", ""))
        raise NotUnderstood("the film is always somewhere else")

    async def _length(self, response: httpx.Response, *, is_link: bool) -> int | None:
        """Make sure that a film follows, and return its length in bytes if it is said."""
        if response.status_code != HTTPStatus.OK:
            raise await self._no_film(response, is_link=is_link)
        content_type = response.headers.get("content-type", "").lower()
        if content_type.startswith(_NO_FILM):
            raise NotUnderstood(f"{content_type[:40]!r} in place of a film")
        if "content-encoding" in response.headers:  # the length is that of the packed bytes
            return None
        length = number(response.headers.get("content-length", ""))
        return None if length is None else int(length)

    async def _no_film(
        self, response: httpx.Response, *, is_link: bool
    ) -> FilmLost | NotUnderstood | Unreachable:
        try:
            async with asyncio.timeout(self._timeouts.ask_s):
                answer = await _read(response)
        except _TROUBLE as error:
            return Unreachable(f"no film: {type(error).__name__}")
        gone = {HTTPStatus.GONE}
        if is_link:  # so a link ends; a new look at the task may give another
            gone |= {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
        if answer.status in gone:
            return FilmLost(f"no film any more: HTTP {answer.status}")
        return ignorance(answer)


class _Sent:
    """Remembers whether a request began to be written; httpcore's `trace` extension."""

    def __init__(self) -> None:
        self.has_begun = False

    async def __call__(self, event: str, _info: Mapping[str, object]) -> None:
        """Hear of one event; the first byte of a request is announced before it is written."""
        self.has_begun = self.has_begun or event.endswith(".send_request_headers.started")


async def _read(response: httpx.Response, bytes_max: int = JSON_BYTES_MAX) -> Answer:
    """Read an answer whole, and let go of it; its status stands even if the body does not."""
    body, is_whole = bytearray(), True
    async with aclosing(response), aclosing(response.aiter_bytes()) as parts:
        try:
            async for part in parts:
                body += part
                if len(body) > bytes_max:
                    is_whole = False
                    break
        except (httpx.RequestError, OSError):
            is_whole = False
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, bytes(body) if is_whole else None)


async def _chunks(response: httpx.Response, length: int | None) -> AsyncGenerator[bytes, None]:
    count = 0
    try:
        async with aclosing(response.aiter_bytes()) as parts:
            async for part in parts:
                count += len(part)
                yield part
    except (httpx.RequestError, OSError) as error:
        raise Unreachable(f"the film broke off: {type(error).__name__}") from error
    if length is not None and count != length:
        raise Unreachable(f"the film has {count} bytes in place of {length}")


def _elsewhere(url: httpx.URL, location: str) -> httpx.URL:
    """Return where a redirect leads.

    Raises:
        NotUnderstood: to no address at all, or from TLS to the open.
    """
    try:
        target = url.join(location)
    except httpx.InvalidURL as error:
        raise NotUnderstood("redirected to no address") from error
    if not location or target.scheme not in {"http", "https"} or not target.host:
        raise NotUnderstood("redirected to no address")
    if url.scheme == "https" and target.scheme == "http":
        raise NotUnderstood("redirected from TLS to the open")
    return target


def _base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError(f"{text!r} is no address") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"{text!r} is no http(s) address")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("a base URL has no user, query or fragment; keys go into api_key")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
