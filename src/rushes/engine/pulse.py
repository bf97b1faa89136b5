"""The pulse of a worker process: it beats, it fences itself off, and it finds the dead (P10).

Once a second a process writes that it lives, in the same transaction in which the work of those
that stopped writing goes back to its queues: a finder that dies in between has found nobody. A
process that could not write for as long as others wait (paused, cut off, its database away)
takes for granted that its work was given to others: it submits nothing any more until it has
beaten again, and everything it writes is fenced by epochs anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from rushes.clock import counting_pauses
from rushes.domain.errors import StoreBusy
from rushes.observe import log
from rushes.ports import Transaction

T = TypeVar("T")

BEAT_S: Final = 1.0
LOST_AFTER_S: Final = 4.0


class Writing(Protocol):
    """A store that writes in the thread that asks."""

    def write_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` in a transaction of its own."""
        ...


def _ignore(_crowd: int) -> None:
    """Hear nothing."""


class Pulse:
    """The pulse of one executor. `now` counts the seconds in which it was stopped, too.

    `on_crowd` hears at each beat how many executors are alive.
    """

    def __init__(
        self,
        store: Writing,
        executor: str,
        *,
        lost_after_s: float = LOST_AFTER_S,
        now: Callable[[], float] = counting_pauses,
    ) -> None:
        self._store = store
        self._executor = executor
        self._lost_after_s = lost_after_s
        self._now = now
        self.on_crowd: Callable[[int], None] = _ignore
        self._beaten_at: float | None = None
        self._finds_from = 0.0
        self._life = 1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="pulse", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether nobody can take us for dead: our last beat began less than that ago."""
        beaten_at = self._beaten_at
        return beaten_at is not None and self._now() - beaten_at < self._lost_after_s

    @property
    def life(self) -> int | None:
        """Which life this is: another one after each gap; None while we may be taken for dead."""
        return self._life if self.is_alive else None

    def beat(self) -> int:
        """Say that we live, and give back the work of the dead; return how much that was.

        After a gap of our own nobody is found for a while: where the database was away, all of us
        look dead to whoever comes back first.

        Raises:
            StoreBusy: nobody heard it.
        """
        began = self._now()
        before = self._beaten_at
        if before is not None and began - before >= self._lost_after_s:
            self._finds_from = began + self._lost_after_s
            self._life += 1  # before anybody sees us alive again: our work may be with others
        may_find = before is not None and began >= self._finds_from

        def act(tx: Transaction) -> tuple[int, int]:
            tx.beat(self._executor)
            found = tx.reassign_work(self._lost_after_s) if may_find else 0
            return found, tx.executor_count(self._lost_after_s)

        found, crowd = self._store.write_now(act)
        self._beaten_at = began
        self.on_crowd(max(1, crowd))
        if found:
            log.warning("work of a worker that stopped goes on elsewhere", tasks=found)
        return found

    def start(self) -> None:
        """Beat once, so that our work is never taken for a dead one's; then go on in a thread.

        Raises:
            StoreBusy: the first beat was not heard.
        """
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more, and say so: what is unfinished may go to others at once."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._beaten_at = None
        try:
            self._store.write_now(lambda tx: tx.retire(self._executor))
        except StoreBusy:
            log.warning("nobody was told of the stop; others find out by themselves")

    def _go_on(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self.beat()
            except StoreBusy as busy:
                log.warning("the heartbeat was not heard", note=str(busy))
            except Exception as fault:  # noqa: BLE001 -- the outermost frame of the pulse
                log.error("the heartbeat failed", exc_info=fault)
