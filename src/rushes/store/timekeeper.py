"""One time for many machines: the database's, asked once a second.

Deadlines are written by one machine and judged by another, so that a machine whose clock is an
hour ahead would end everybody's tasks an hour early. Nobody's own clock is asked: between two
answers of the database time goes on by a clock that cannot be set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from rushes.clock import Clock, SharedClock, counting_pauses
from rushes.domain.errors import StoreBusy

ASK_EVERY_S: Final = 1.0
ANSWER_WITHIN_S: Final = 0.5
"""An answer that took longer says too little about when it was given."""

APART_MAX: Final = timedelta(seconds=5)
"""How far a machine's own clock may be from the database's before its operator is told."""

_log: Final = logging.getLogger(__name__)


class Telling(Protocol):
    """A database that tells the time, or whatever does in its place."""

    def time_now(self) -> datetime:
        """Return what its clock says.

        Raises:
            StoreBusy: it is away.
        """
        ...


def tell_of_the_database(apart: timedelta | None) -> None:
    """Tell the operator how far the machine's clock is from the database's; None: it agrees."""
    if apart is None:
        _log.warning("this machine's clock agrees with the database's again")
        return
    _log.warning(
        "this machine's clock is %+.0f s from the database's, which is the one that "
        "counts: have both kept by NTP",
        apart.total_seconds(),
    )


class Timekeeper:
    """Keeps a `clock` by the database's; `own` is the machine's, which is only compared.

    `tell` hears once when that is wrong, by how much, and once, with None, when it is right again.
    """

    def __init__(
        self,
        database: Telling,
        own: Clock,
        *,
        tell: Callable[[timedelta | None], None] = tell_of_the_database,
        count_s: Callable[[], float] = counting_pauses,
    ) -> None:
        """Ask for the time.

        Raises:
            StoreBusy: the database is away.
        """
        self._database = database
        self._own = own
        self._tell = tell
        self._count_s = count_s
        self._is_apart = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="timekeeper", daemon=True)
        self.clock = SharedClock(database.time_now(), count_s=count_s)
        self._compare()

    def ask(self) -> None:
        """Ask for the time, and go by it from now on; an answer that took long is not heeded.

        Raises:
            StoreBusy: the database is away.
        """
        began_s = self._count_s()
        at = self._database.time_now()
        took_s = self._count_s() - began_s
        if took_s <= ANSWER_WITHIN_S:
            self.clock.set(at, began_s + took_s / 2)
        self._compare()

    def start(self) -> None:
        """Ask once a second from now on."""
        self._thread.start()

    def close(self) -> None:
        """Ask no more; time goes on."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _go_on(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            try:
                self.ask()
            except StoreBusy:
                continue  # whoever needs the database says so; time goes on without it
            except Exception:  # noqa: BLE001 -- the outermost frame of this thread
                _log.exception("the time that counts could not be asked for")

    def _compare(self) -> None:
        apart = self._own.now() - self.clock.now()
        is_apart = abs(apart) > APART_MAX
        if is_apart is not self._is_apart:
            self._tell(apart if is_apart else None)
        self._is_apart = is_apart
