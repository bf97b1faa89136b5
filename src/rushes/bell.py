"""A bell within one process: rows are the truth, the bell only saves waiting."""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections.abc import Callable, Iterable
from contextvars import Context
from itertools import count
from types import TracebackType
from typing import Final, Self
from weakref import WeakKeyDictionary

TIDY_MIN: Final = 1_000
"""A line of fewer waits is not looked through for those that have ended."""

OVERDUE_S: Final = 2.0
"""So long after a ring was due its timer is taken for lost, and the next wait sets another."""


class LocalEar:
    """A `ports.Ear` on the loop that it was made on, while it is entered.

    Thousands wait, each with one of these, so it is small: no event, no timeout, one future.
    """

    __slots__ = ("_alarm", "_bell", "_is_rung", "_loop", "_task_id", "_waiter")

    def __init__(self, bell: LocalBell, task_id: str) -> None:
        self._bell = bell
        self._task_id = task_id
        self._loop = asyncio.get_running_loop()
        self._alarm = bell.alarm_of(self._loop)
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        """Begin to hear."""
        self._bell.add(self._task_id, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hear no more."""
        self._bell.remove(self._task_id, self)

    def hear(self) -> None:
        """Hear a ring; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring, context=self._alarm.nowhere)

    def forget(self) -> None:
        """Forget the rings that came until now."""
        self._is_rung = False

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a ring that is not forgotten; say whether there was one. One may wait."""
        if not self._is_rung:
            self._waiter = self._loop.create_future()
            self._alarm.set(timeout_s, self._waiter)
            try:
                await self._waiter
            finally:
                self._waiter = None
                self._alarm.tidy()
        return self._is_rung

    def _ring(self) -> None:
        self._is_rung = True
        if self._waiter is not None:
            _wake(self._waiter)


class Alarm:
    """Ends waits of one loop when their time is over, all by one timer of the loop.

    A timer for each would be half of what a wait takes. A wait that ended before its time stays
    in the line until then, or until there are as many of those as of others. It does not keep
    its loop: it goes with it.

    Timers run `nowhere`, since each would else keep a copy of its waiter's own context. Each loop
    has a context for that of its own: one can be entered by one thread at a time, and a timer
    that finds it entered is lost, and with it everyone who waits.
    """

    def __init__(self) -> None:
        self.nowhere = Context()
        self._line: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = float("inf")
        self._tidy_at = TIDY_MIN

    @property
    def waits_count(self) -> int:
        """How many waits stand in the line, those that ended before their time included."""
        return len(self._line)

    def set(self, after_s: float, waiter: asyncio.Future[None]) -> None:
        """Wake a waiter after some time, if nothing did before."""
        loop = waiter.get_loop()
        at = loop.time() + max(0.0, after_s)
        heapq.heappush(self._line, (at, next(self._numbers), waiter))
        if at < self._rings_at or self._rings_at + OVERDUE_S < loop.time():
            self._set_timer(min(at, self._line[0][0]), loop)

    def tidy(self) -> None:
        """Let go of waits that ended before their time, once they may be many."""
        if len(self._line) < self._tidy_at:
            return
        self._line = [each for each in self._line if not each[2].done()]
        heapq.heapify(self._line)
        self._tidy_at = max(TIDY_MIN, 2 * len(self._line))

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._line and (self._line[0][0] <= now or self._line[0][2].done()):
            _wake(heapq.heappop(self._line)[2])
        self._timer, self._rings_at = None, float("inf")
        if self._line:
            self._set_timer(self._line[0][0], loop)

    def _set_timer(self, at: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(at, self._ring, loop, context=self.nowhere)
        self._rings_at = at


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class LocalBell:
    """A `ports.Bell` for waiters on any event loop of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: dict[str, tuple[LocalEar, ...]] = {}
        self._alarms: WeakKeyDictionary[asyncio.AbstractEventLoop, Alarm] = WeakKeyDictionary()

    def ring(self, task_id: str) -> None:
        """Wake everyone who waits for news of a task; from any thread."""
        self.ring_here([task_id])

    def ring_all(self, task_ids: Iterable[str]) -> None:
        """Wake everyone who waits for news of one of these tasks."""
        self.ring_here(task_ids)

    def ring_here(self, task_ids: Iterable[str]) -> None:
        """Wake who waits in this process for news of one of these tasks."""
        for task_id in task_ids:
            for ear in self._ears.get(task_id, ()):
                ear.hear()

    def listen(self, task_id: str) -> LocalEar:
        """Listen for news of a task; a ring is heard by whoever listens, waiting or not."""
        return LocalEar(self, task_id)

    def alarm_of(self, loop: asyncio.AbstractEventLoop) -> Alarm:
        """Return what ends waits on a loop; called on that loop."""
        with self._lock:
            alarm = self._alarms.get(loop)
            if alarm is None:
                alarm = self._alarms[loop] = Alarm()
            return alarm

    def add(self, task_id: str, ear: LocalEar) -> None:
        """Let an ear hear of a task."""
        with self._lock:
            self._ears[task_id] = (*self._ears.get(task_id, ()), ear)

    def remove(self, task_id: str, ear: LocalEar) -> None:
        """Let an ear hear no more."""
        with self._lock:
            left = tuple(other for other in self._ears[task_id] if other is not ear)
            if left:
                self._ears[task_id] = left
            else:
                del self._ears[task_id]

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        """Wait for a ring; say whether there was one."""
        with self.listen(task_id) as ear:
            return await ear.wait(timeout_s)


class TellingBell(LocalBell):
    """A bell that is heard in other processes too: `tell` takes the word there."""

    def __init__(self, tell: Callable[[Iterable[str]], None]) -> None:
        super().__init__()
        self._tell = tell

    def ring(self, task_id: str) -> None:
        """Wake everyone who waits for news of a task, wherever they are; from any thread."""
        self.ring_here([task_id])
        self._tell([task_id])

    def ring_all(self, task_ids: Iterable[str]) -> None:
        """Wake everyone who waits for news of one of these tasks, wherever they are."""
        ids = list(task_ids)
        self.ring_here(ids)
        self._tell(ids)
