"""The bounds of a connection: the numbers, the counters, and the one timer behind them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Collection
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

SWEEP_S_MAX: Final = 1.0
"""How late a deadline may be acted upon, in seconds."""

CONNECTIONS_MAX: Final = 16_384
DESCRIPTORS_EACH: Final = 2
"""A caller who downloads a film holds a file beside the connection."""

SURPLUS: Final = 8
"""One in so many may come beyond the limit, to be told 503; who comes after them is cut off."""

AT_ONCE: Final = 64
"""One connection in so many is closed together with the one that idles longest."""

VAIN_S: Final = 0.1
"""After a look at all connections that found none to close, nobody looks again for so long."""


def connections_of(descriptors: int) -> int:
    """Return how many connections are held where a process may open so many files.

    >>> connections_of(1024), connections_of(1_000_000)
    (512, 16384)
    """
    return max(1, min(CONNECTIONS_MAX, descriptors // DESCRIPTORS_EACH))


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How much and how long one connection may ask of us.

    `head_bytes_max` bounds request line and headers together, and likewise trailers and the
    framing of chunks. `head_timeout_s` runs from the first byte of a head to its end, and from
    the start of a connection to its first byte. `body_timeout_s` is how long a request may go
    without a byte of the body it promised, `body_total_timeout_s` how long until all of it is
    there (64 MiB at 75 kB/s), `send_timeout_s` how long a caller may take nothing
    of an answer. `idle_timeout_s` is above the 60 s after which common proxies let go of an
    idle connection, and well above the interval at which callers poll. `connections_max` bounds
    them all together: beyond it those that idle longest make room, and where all are at work the
    newest is told to come back. None: as many as there are.
    """

    head_bytes_max: int = 32 * 1024
    head_timeout_s: float = 20.0
    body_timeout_s: float = 30.0
    send_timeout_s: float = 60.0
    idle_timeout_s: float = 75.0
    linger_s: float = 5.0
    pipelined_count_max: int = 64
    body_total_timeout_s: float = 900.0
    connections_max: int | None = None

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
    room_made_count: int = 0
    surplus_refused_count: int = 0


class Bounded(Protocol):
    """A connection with deadlines; `now` is of the loop's clock, in seconds."""

    def is_late(self, now: float) -> bool:
        """Say whether a deadline has passed."""
        ...

    def expire(self, now: float) -> None:
        """Act on the deadline that has passed."""
        ...

    def idle_until(self) -> float:
        """Return when the connection is closed if nothing more comes; inf while it has business."""
        ...

    def make_way(self) -> None:
        """Be closed, because others want the room."""
        ...


class Room:
    """Bounds how many connections a server has: those that idle longest make room for new ones.

    A caller who holds connections and says nothing, or says it byte by byte, so keeps nobody out:
    his own are the first to go. Only where every connection is at work is a new one too many.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connections: Collection[Bounded],
        connections_max: int | None,
    ) -> None:
        self._loop = loop
        self._connections = connections
        self._max = connections_max
        self._parting: set[Bounded] = set()
        self._vain_until = -inf

    def forget(self, gone: Bounded) -> None:
        """Hear that a connection is closed."""
        self._parting.discard(gone)

    def is_full(self) -> bool:
        """Say whether there are more connections than there should be."""
        return self._max is not None and self._count() > self._max

    def is_overfull(self) -> bool:
        """Say whether there are too many even for a polite refusal."""
        return self._max is not None and self._count() > self._max + max(1, self._max // SURPLUS)

    def make(self, newest: Bounded) -> int:
        """Close those that idle longest, if there is no room for the newest; return how many."""
        if not self.is_full() or self._loop.time() < self._vain_until:
            return 0
        idle = [
            (until, number, each)
            for number, each in enumerate(self._connections)
            if each is not newest
            and each not in self._parting
            and (until := each.idle_until()) < inf
        ]
        at_once = 1 + (self._max or 0) // AT_ONCE
        longest = [each for _, _, each in heapq.nsmallest(at_once, idle)]
        if not longest:
            self._vain_until = self._loop.time() + VAIN_S
        self._parting.update(longest)
        for each in longest:
            each.make_way()
        return len(longest)

    def _count(self) -> int:
        """Count the connections; those that are being closed are as good as gone."""
        return len(self._connections) - len(self._parting)


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
