"""What every call of the retired client takes besides: headers, query, body and a timeout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias, TypeVar

from rushes.client.line import Line, Request, Stream
from rushes.client.openai.given import Omit
from rushes.client.reading import Reply
from rushes.client.retry import Retry

T = TypeVar("T")

_KEY: Final = "idempotency-key"
_NO_TIMEOUT_S: Final = 86_400.0


class TimeoutLike(Protocol):
    """A timeout of httpx or httpx2, of which the reading part counts."""

    @property
    def read(self) -> float | None:
        """Return how many seconds an answer may keep silent; None: any."""
        ...


Headers: TypeAlias = Mapping[str, str | Omit]
Timeout: TypeAlias = float | TimeoutLike | Omit | None


def seconds_of(timeout: Timeout) -> float | None:
    """Return a timeout in seconds; None for one that was not given.

    >>> seconds_of(5), seconds_of(None), seconds_of(Omit())
    (5.0, 86400.0, None)
    """
    if isinstance(timeout, Omit):
        return None
    read_s = timeout if timeout is None or isinstance(timeout, int | float) else timeout.read
    return _NO_TIMEOUT_S if read_s is None else float(read_s)


@dataclass(frozen=True, slots=True)
class Extras:
    """The extras of one call, or of all calls of a client."""

    headers: Headers = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    timeout_s: float | None = None

    @property
    def idempotency_key(self) -> str | None:
        """The key that the headers hold, if any."""
        for name, value in self.headers.items():
            if name.lower() == _KEY and isinstance(value, str):
                return value
        return None

    def over(self, line: Line) -> Line:
        """Return a line that sends every request with these extras."""
        return Dressed(line, self)

    def dress(self, request: Request) -> Request:
        """Return a request with these extras; they win over what it says itself."""
        names = {name.lower() for name in self.headers}
        kept = {name: v for name, v in request.headers.items() if name.lower() not in names}
        told = {name: v for name, v in self.headers.items() if isinstance(v, str)}
        timeout_s = request.timeout_s if self.timeout_s is None else self.timeout_s
        query = {name: str(value) for name, value in self.query.items()}
        return replace(
            request,
            headers={**kept, **told},
            query={**request.query, **query},
            timeout_s=timeout_s,
        )


@dataclass(frozen=True, slots=True)
class Dressed:
    """A line that sends every request with extras."""

    line: Line
    extras: Extras

    @property
    def retry(self) -> Retry:
        """See `Line`."""
        return self.line.retry

    def now_s(self) -> float:
        """See `Line`."""
        return self.line.now_s()

    async def sleep(self, seconds: float) -> None:
        """See `Line`."""
        await self.line.sleep(seconds)

    async def send(self, request: Request) -> Reply:
        """See `Line`."""
        return await self.line.send(self.extras.dress(request))

    async def open(self, request: Request) -> Stream:
        """See `Line`."""
        return await self.line.open(self.extras.dress(request))

    async def aside(self, act: Callable[[], T]) -> T:
        """See `Line`."""
        return await self.line.aside(act)
