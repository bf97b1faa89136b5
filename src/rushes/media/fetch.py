"""Fetching what a caller's address points at, behind the wall of `transport.py`.

By construction nothing leaves the house but the address itself: no cookie, no credential, no
referrer; the transport is used bare, without a client that could remember or add something.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from typing import Final

import httpx2

from rushes.domain.errors import InvalidMedia, UrlNotAllowed
from rushes.media.addresses import Networks, NotPublic, check_url
from rushes.media.transport import GuardedTransport, Resolve, SystemResolver
from rushes.ports import Fetched

WRITE_BYTES: Final = 2**20
USER_AGENT: Final = "rushes"

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FOR_NOW: Final = frozenset({408, 425, 429})
"""Below 500, yet no last word."""

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CONTENT_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}"
)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a fetch may take, and how far it may be sent around.

    `connect_s` counts for the lookup and for each address tried, `read_s` between two pieces
    of the answer, `total_s` for everything.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    total_s: float = 300.0
    redirects_max: int = 5


class GuardedFetcher:
    """The one guarded client for every address a caller gives; `ports.Fetcher`.

    `allow` are the networks an operator lists although they are not public.
    """

    def __init__(
        self,
        *,
        allow: Networks = (),
        resolve: Resolve | None = None,
        limits: FetchLimits | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = allow
        self._resolve = resolve or SystemResolver()
        self._limits = limits or FetchLimits()
        self._ssl_context = ssl_context

    def check(self, url: str, *, param: str) -> None:
        """Refuse an address that can be seen to be wrong without looking it up.

        Raises:
            UrlNotAllowed: with `param`.
        """
        check_url(url, param=param, allow=self._allow)

    async def fetch(self, url: str, *, param: str, bytes_max: int, folder: Path) -> Fetched:
        """Fetch a file into `folder`, under a name of ours; nothing is left there on a fault.

        Raises:
            UrlNotAllowed: the address, or where it leads, is not public.
            InvalidMedia: too large, empty, or the server said no for good.
            OSError: it could not be had now.
        """
        place = check_url(url, param=param, allow=self._allow)
        if self._ssl_context is None:  # reads every certificate of the system: not at start
            self._ssl_context = await asyncio.to_thread(httpx2.create_ssl_context)
        try:
            async with (
                asyncio.timeout(self._limits.total_s),
                GuardedTransport(
                    resolve=self._resolve, ssl_context=self._ssl_context, allow=self._allow
                ) as transport,
                self._answer(transport, place, param) as answer,
            ):
                _check_head(answer, param, bytes_max)
                return await _land(answer, param, bytes_max, folder)
        except NotPublic:
            message = f"'{param}' must be an http or https URL with a public address."
            raise UrlNotAllowed(message, param=param) from None
        except (httpx2.TransportError, TimeoutError) as error:
            raise OSError(f"'{param}' could not be fetched now.") from error

    @asynccontextmanager
    async def _answer(
        self, transport: GuardedTransport, place: httpx2.URL, param: str
    ) -> AsyncIterator[httpx2.Response]:
        """Follow redirects to an answer that is none; every hop is judged like the first."""
        for _ in range(self._limits.redirects_max + 1):
            answer = await transport.handle_async_request(self._request(place))
            try:
                location = answer.headers.get("location")
                if answer.status_code not in _REDIRECTS or location is None:
                    yield answer
                    return
                place = self._next_place(place, location, param)
            finally:
                await answer.aclose()
        message = f"'{param}' is redirected more than {self._limits.redirects_max} times."
        raise InvalidMedia(message, param=param)

    def _request(self, place: httpx2.URL) -> httpx2.Request:
        limits = self._limits
        timeout = httpx2.Timeout(limits.read_s, connect=limits.connect_s)
        return httpx2.Request(
            "GET",
            place,
            # What is not packed cannot unpack into a bomb, and its length can be checked.
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT},
            extensions={"timeout": timeout.as_dict()},
        )

    def _next_place(self, place: httpx2.URL, location: str, param: str) -> httpx2.URL:
        try:
            text = str(place.join(location))
        except (httpx2.InvalidURL, ValueError):
            text = ""
        return check_url(text, param=param, allow=self._allow)


def _check_head(answer: httpx2.Response, param: str, bytes_max: int) -> None:
    status = answer.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _FOR_NOW:
        raise OSError(f"'{param}' could not be fetched now: its server answered {status}.")
    if status != HTTPStatus.OK:
        message = f"'{param}' could not be fetched: its server answered {status}."
        raise InvalidMedia(message, param=param)
    if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        message = f"'{param}' must be served as it is, without a content encoding."
        raise InvalidMedia(message, param=param)
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise _too_large(param, bytes_max)


async def _land(answer: httpx2.Response, param: str, bytes_max: int, folder: Path) -> Fetched:
    """Write the body to a new file, and hash it on the way.

    The length that the server declared is checked by the protocol itself: a body that ends
    early is an error of the transport.
    """
    path = folder / f"fetched-{token_hex(16)}"
    landing = _Landing(path)
    is_whole = False
    try:
        async with aclosing(answer.aiter_raw()) as chunks:
            async for chunk in chunks:
                if landing.size_bytes + len(chunk) > bytes_max:
                    raise _too_large(param, bytes_max)
                await landing.add(chunk)
        await landing.finish()
        if not landing.size_bytes:
            raise InvalidMedia(f"'{param}' is empty.", param=param)
        is_whole = True
    finally:
        if not is_whole:
            path.unlink(missing_ok=True)
        landing.close()
    content_type = _content_type(answer.headers.get("content-type", ""))
    return Fetched(path, landing.size_bytes, landing.sha256.hexdigest(), content_type)


class _Landing:
    """A new file that grows by pieces worth a thread; hashed and counted on the way.

    Closing waits for a thread that is still writing (the file's own lock), so a canceled fetch
    never closes a descriptor under a write.
    """

    def __init__(self, path: Path) -> None:
        self.sha256 = sha256()
        self.size_bytes = 0
        self._waiting = bytearray()
        self._file = os.fdopen(os.open(path, _NEW_FILE, 0o600), "wb")

    async def add(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        self._waiting += chunk
        if len(self._waiting) >= WRITE_BYTES:
            await self.finish()

    async def finish(self) -> None:
        piece, self._waiting = bytes(self._waiting), bytearray()
        await asyncio.to_thread(self._write, piece)

    def close(self) -> None:
        with suppress(OSError):  # of what `finish` could not write, and has told
            self._file.close()

    def _write(self, piece: bytes) -> None:
        self.sha256.update(piece)
        self._file.write(piece)
        self._file.flush()


def _content_type(header: str) -> str:
    """Return the media type a server claims, bare; empty where it claims none.

    >>> _content_type("Image/PNG; charset=binary")
    'image/png'
    """
    claimed = header.partition(";")[0].strip().lower()
    return claimed if _CONTENT_TYPE.fullmatch(claimed) else ""


def _too_large(param: str, bytes_max: int) -> InvalidMedia:
    return InvalidMedia(f"'{param}' must be at most {bytes_max:,} bytes.", param=param)
