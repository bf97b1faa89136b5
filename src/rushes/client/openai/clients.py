"""`OpenAI` and `AsyncOpenAI`: what an application that was written for them builds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import httpx2

from rushes.client.access import Access, read_access
from rushes.client.openai.errors import in_their_words
from rushes.client.openai.extras import Extras, Headers, Timeout, seconds_of
from rushes.client.openai.given import NotGiven, Omit, not_given, or_none
from rushes.client.openai.videos import AsyncVideos, Videos
from rushes.client.retry import Retry
from rushes.client.wires import LIMITS, AsyncLine, SyncLine

H = TypeVar("H", httpx2.Client, httpx2.AsyncClient)

RETRIES_MAX: Final = 2
TIMEOUT_S: Final = 60.0


def _access(base_url: str | httpx2.URL | None, api_key: str | None) -> Access:
    """Settle address and key; the names of the retired client count where ours are not set."""
    environ = {
        name: os.environ.get(f"RUSHES_{name}") or os.environ.get(f"OPENAI_{name}", "")
        for name in ("API_KEY", "BASE_URL")
    }
    ours = {f"RUSHES_{name}": value for name, value in environ.items()}
    with in_their_words():
        return read_access(None if base_url is None else str(base_url), api_key, ours)


class _Client(Generic[H]):
    """What both faces are built from, and what goes with each of their calls."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        base_url: str | httpx2.URL | None = None,
        timeout: Timeout = not_given,
        max_retries: int = RETRIES_MAX,
        default_headers: Headers | None = None,
        default_query: Mapping[str, object] | None = None,
        http_client: H | None = None,
    ) -> None:
        del organization, project
        self._access = _access(base_url, api_key)
        self.base_url = self._access.base_url
        self.timeout = seconds_of(timeout) or TIMEOUT_S
        self.max_retries = max_retries
        self._headers, self._query = dict(default_headers or {}), dict(default_query or {})
        self._is_own = http_client is None
        self._http: H = self._connections() if http_client is None else http_client
        self._retry = Retry(attempts_max=max_retries + 1)
        self._extras = Extras(self._headers, self._query)

    def _connections(self) -> H:
        """Open connections of our own."""
        raise NotImplementedError

    def with_options(
        self,
        *,
        timeout: Timeout = not_given,
        max_retries: int | NotGiven = not_given,
        default_headers: Headers | None = None,
        default_query: Mapping[str, object] | None = None,
    ) -> Self:
        """Return a client that differs in these, over the same connections."""
        retries_max = or_none(max_retries)
        return type(self)(
            api_key=self._access.api_key,
            base_url=self.base_url,
            timeout=self.timeout if isinstance(timeout, Omit) else timeout,
            max_retries=self.max_retries if retries_max is None else retries_max,
            default_headers={**self._headers, **(default_headers or {})},
            default_query={**self._query, **(default_query or {})},
            http_client=self._http,
        )

    copy = with_options


class OpenAI(_Client[httpx2.Client]):
    """A client that blocks, to be used as the retired one; safe to share between threads.

    Args:
        api_key: a key (`sk-…`); else `RUSHES_API_KEY`, else `OPENAI_API_KEY`.
        base_url: where the server is; else `RUSHES_BASE_URL`, else `OPENAI_BASE_URL`, else
            http://127.0.0.1:8080. It may end in `/v1`.
        organization, project: taken, and told to nobody: here a key says whose it is.
        timeout: seconds that one answer may keep silent, or a timeout of httpx (60).
        max_retries: how often a call that may pass is sent again.
        default_headers, default_query: sent with every call.
        http_client: an `httpx2.Client` of your own; it stays yours to close.

    Raises:
        OpenAIError: there is no key, or no sound address.
    """

    @cached_property
    def videos(self) -> Videos:
        """The videos of the account."""
        line = SyncLine(self._http, self._access, self.timeout, self._retry)
        return Videos(self._extras.over(line))

    def _connections(self) -> httpx2.Client:
        return httpx2.Client(trust_env=False, limits=LIMITS)

    def close(self) -> None:
        """Close the connections, unless the `http_client` is yours."""
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncOpenAI(_Client[httpx2.AsyncClient]):
    """A client for asyncio; args and errors are those of `OpenAI`, `http_client` is async."""

    @cached_property
    def videos(self) -> AsyncVideos:
        """The videos of the account."""
        line = AsyncLine(self._http, self._access, self.timeout, self._retry)
        return AsyncVideos(self._extras.over(line))

    def _connections(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(trust_env=False, limits=LIMITS)

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
