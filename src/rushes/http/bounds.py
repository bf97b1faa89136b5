"""The bounds of a connection: the numbers, the counters, and the one timer behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

SWEEP_S_MAX: Final = 1.0
"""How late a deadline may be acted upon, in seconds."""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How much and how long one connection may ask of us.

    `head_bytes_max` bounds request line and headers together, and likewise trailers and the
    framing of chunks. `head_timeout_s` runs from the first byte of a head to its end, and from
    the start of a connection to its first byte. `body_timeout_s` is how long a request may go
    without a byte of the body it promised, `body_total_timeout_s` how long until all of it is
    there (64 MiB at 75 kB/s), `send_timeout_s` how long a caller may take nothing
    of an answer. `idle_timeout_s` is above the 60 s after which common proxies let go of an
    idle connection, and well above the interval at which callers poll.
    """

    head_bytes_max: int = 32 * 1024
    head_timeout_s: float = 20.0
    body_timeout_s: float = 30.0
    send_timeout_s: float = 60.0
    idle_timeout_s: float = 75.0
    linger_s: float = 5.0
    pipelined_count_max: int = 64
    body_total_timeout_s: float = 900.0

    @property
    def sweep_s(self) -> float:
        """How often deadlines are looked at: a quarter of the shortest, at most every second."""
        shortest_s = min(
            self.head_timeout_s,
            self.body_timeout_s,
            self.send_timeout_s,
            self.idle_timeout_s,
            self.linger_s,
        )
        return min(SWEEP_S_MAX, shortest_s / 4)


@dataclass(slots=True)
class GuardCounters:
    """What the guard did, for the metrics; one object per class that `guarded` made."""

    heads_refused_count: int = 0
    heads_timed_out_count: int = 0
    bodies_refused_count: int = 0
    bodies_timed_out_count: int = 0
    malformed_count: int = 0
    pipelines_refused_count: int = 0
    sends_timed_out_count: int = 0
    idle_closed_count: int = 0


class Bounded(Protocol):
    """A connection with deadlines; `now` is of the loop's clock, in seconds."""

    def is_late(self, now: float) -> bool:
        """Say whether a deadline has passed."""
        ...

    def expire(self, now: float) -> None:
        """Act on the deadline that has passed."""
        ...


class Sweep:
    """One timer for all connections of a server; it rests while there are none.

    A timer per connection costs memory for each and a heap operation per request; a look at
    ten thousand floats costs half a millisecond.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connections: Collection[Bounded], period_s: float
    ) -> None:
        self._loop = loop
        self._connections = connections
        self._period_s = period_s
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Make sure that the timer runs."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._period_s, self._run)

    def _run(self) -> None:
        self._timer = None
        if self._connections:
            self.wake()
        now = self._loop.time()
        for late in [each for each in self._connections if each.is_late(now)]:
            late.expire(now)
