"""One time for one machine: its own clock's, for as long as nobody sets it.

Where the database is a file there is no other clock to ask. One that is set while tasks are
under way would end them hours early, or have them wait for hours: their instants were written by
another time. So time goes on as it was, counted by a clock that cannot be set, and what the
machine says instead is taken over once it has stood by that for a while and no task is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from rushes.clock import Clock, SharedClock, counting_pauses
from rushes.ports import Transaction
from rushes.store.timekeeper import APART_MAX

T = TypeVar("T")

SETTLED_AFTER_S: Final = 60.0
"""For how long a machine must stand by a time before it is believed."""

_log: Final = logging.getLogger(__name__)


class Reading(Protocol):
    """A store that is read in the thread that asks."""

    def read_now(self, query: Callable[[Transaction], T]) -> T:
        """Run `query` in a transaction of its own."""
        ...


class SteadyTime:
    """Tells the time by `own`, the machine's clock, and does not jump with it.

    A jump of less than `APART_MAX` is followed at once, as every correction by NTP is.
    """

    def __init__(
        self,
        own: Clock,
        store: Reading,
        *,
        count_s: Callable[[], float] = counting_pauses,
    ) -> None:
        """Begin with the machine's time, or where its clock was set back, with that of the books.

        Raises:
            StoreBusy: they cannot be read.
        """
        self._own = own
        self._store = store
        self._count_s = count_s
        self._apart = timedelta(0)
        self._apart_since_s: float | None = None
        known = store.read_now(lambda tx: tx.last_event_at())
        at = own.now()
        self._steady = SharedClock(at if known is None else max(at, known), count_s=count_s)

    def time_now(self) -> datetime:
        """Return the time that counts.

        Raises:
            StoreBusy: nobody knows whether a task is under way.
        """
        if self._may_follow(self._own.now() - self._steady.now()):
            self._steady.set(self._own.now(), self._count_s())
        return self._steady.now()

    def _may_follow(self, apart: timedelta) -> bool:
        if abs(apart) <= APART_MAX:
            self._apart_since_s = None
            return True
        counted_s = self._count_s()
        if self._apart_since_s is None or abs(apart - self._apart) > APART_MAX:
            self._apart, self._apart_since_s = apart, counted_s
        if counted_s - self._apart_since_s < SETTLED_AFTER_S or self._is_at_work():
            return False
        self._apart_since_s = None
        _log.warning("no task is under way: time is set by %+.0f s", apart.total_seconds())
        return True

    def _is_at_work(self) -> bool:
        return bool(self._store.read_now(lambda tx: tx.unfinished("", 1)))


def tell_of_a_jump(apart: timedelta | None) -> None:
    """Tell the operator that the machine's clock jumped; None: it agrees again."""
    if apart is None:
        _log.warning("this machine's clock agrees with the time that counts again")
        return
    _log.warning(
        "this machine's clock is %+.0f s from the time that counts, which goes on as it was until "
        "no task is under way: have it kept by NTP",
        apart.total_seconds(),
    )
