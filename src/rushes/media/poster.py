"""Posting events to addresses that callers and operators gave, behind the wall of `transport.py`.

An attempt is one connection to one judged address, one request, and the head of one answer:
redirects are not followed, the body of the answer is not read, no connection is kept, and
nothing of the house goes along but the event and its signature.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import httpx2

from rushes.domain.errors import UrlNotAllowed
from rushes.domain.webhooks import ANSWER_S, Answered
from rushes.media.addresses import Networks, NotPublic, check_url
from rushes.media.fetch import USER_AGENT
from rushes.media.transport import GuardedTransport, Resolve, SystemResolver

LOOKUPS_MAX: Final = 128
"""Threads that may hang in lookups: twice as many as there are attempts at once."""

NOT_ALLOWED: Final = "the address is not allowed; nothing was sent"
TOO_SLOW: Final = f"no answer within {ANSWER_S:g} s"
NOBODY: Final = "nobody could be reached there"
BAD_CERTIFICATE: Final = "its certificate was not accepted; nothing was sent"
BROKEN: Final = "the connection broke before an answer"


class GuardedPoster:
    """The one guarded client for webhooks; `ports.Poster`.

    `allow` are the networks an operator lists although they are not public; http is refused
    unless `allows_http`. `patience` bounds a whole attempt, in seconds.
    """

    def __init__(
        self,
        *,
        allow: Networks = (),
        allows_http: bool = False,
        resolve: Resolve | None = None,
        patience: Callable[[float], AbstractAsyncContextManager[object]] = asyncio.timeout,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = allow
        self._schemes = ("http", "https") if allows_http else ("https",)
        self._resolve = resolve or SystemResolver(LOOKUPS_MAX)
        self._patience = patience
        self._ssl_context = ssl_context

    def check(self, url: str, *, param: str) -> None:
        """Refuse an address that can be seen to be wrong without looking it up.

        Raises:
            UrlNotAllowed: with `param`.
        """
        self._place(url, param)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Post a JSON body once, and tell what came of it; never raises for a receiver's fault."""
        try:
            async with self._patience(ANSWER_S):
                return await self._post(self._place(url, "url"), headers, body)
        except (UrlNotAllowed, NotPublic):
            return Answered(None, NOT_ALLOWED)
        except (TimeoutError, httpx2.TimeoutException):
            return Answered(None, TOO_SLOW)
        except httpx2.ConnectError as error:
            return Answered(None, BAD_CERTIFICATE if _is_about_trust(error) else NOBODY)
        except httpx2.TransportError:
            return Answered(None, BROKEN)

    async def _post(self, place: httpx2.URL, headers: Mapping[str, str], body: bytes) -> Answered:
        if self._ssl_context is None:  # reads every certificate of the system: not at start
            self._ssl_context = await asyncio.to_thread(httpx2.create_ssl_context)
        request = httpx2.Request(
            "POST",
            place,
            headers={**headers, "Content-Type": "application/json", "User-Agent": USER_AGENT},
            content=body,
            extensions={"timeout": httpx2.Timeout(ANSWER_S).as_dict()},
        )
        async with GuardedTransport(
            resolve=self._resolve, ssl_context=self._ssl_context, allow=self._allow
        ) as transport:
            answer = await transport.handle_async_request(request)
            await answer.aclose()
            return Answered.of(answer.status_code)

    def _place(self, url: str, param: str) -> httpx2.URL:
        return check_url(url, param=param, allow=self._allow, schemes=self._schemes)


def _is_about_trust(error: BaseException) -> bool:
    """Say whether TLS refused the other side, somewhere down the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
