"""Where queued tasks stand in line, and when unfinished ones are expected to be final.

Looks are many and must cost nothing, so the forecast is made once for all of them: each process
that answers callers reads the lines about once a second and keeps them in memory. A look finds
its task there or not; all of it is best effort, and none of it is part of a task's state.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Final, TypeAlias

from rushes.clock import Clock
from rushes.domain.task import FINAL, Status
from rushes.observe import log
from rushes.ports import Begun, Books, Took, Transaction, Waiting

WAITING_MAX: Final = 10_000
"""How many of a line are counted; whoever is behind them is told no place."""

BEGUN_MAX: Final = 10_000
TOOK_MAX: Final = 500
TOOK_EVERY: Final = timedelta(seconds=20)
PROGRESS_MIN: Final = 10
"""Percent from which on progress tells more than what other films took."""

PAUSE_S: Final = 1.0
SHARE: Final = 20
"""A forecast that takes long is made less often: it may not cost more than a 20th of the time."""

Film: TypeAlias = tuple[str | None, str]
"""What films of a kind have in common: queue and model."""

Turns: TypeAlias = Callable[[Transaction, str, int], Sequence[str]]


def _in_order_of_ids(tx: Transaction, queue: str, limit: int) -> Sequence[str]:
    """Know of no turns: first come, first served."""
    del tx, queue, limit
    return ()


@dataclass(frozen=True, slots=True)
class Place:
    """What is expected of one task: its place in line from 1, and when it is final (Unix s)."""

    position: int | None
    final_at_s: float | None


@dataclass(slots=True)
class Forecast:
    """The forecast of one process. `slots` says how many tasks each queue has in flight at most.

    `turns` tells which work waits in a queue, in the order in which it will start. Whoever keeps
    the forecast fresh waits `pause_s` between two.
    """

    store: Books
    clock: Clock
    slots: Mapping[str, int]
    turns: Turns = _in_order_of_ids
    places: dict[str, Place] = field(default_factory=dict)
    pause_s: float = PAUSE_S
    _typical: dict[Film, float] = field(default_factory=dict)
    _typical_at: datetime | None = None

    def facts(self, task_id: str, status: Status, at: datetime) -> tuple[int | None, int | None]:
        """Return a task's place in line, from 1, and the seconds until it is expected to be final.

        Either is None where nothing is known.
        """
        place = self.places.get(task_id)
        if place is None or status in FINAL:
            return None, None
        position = place.position if status is Status.QUEUED else None
        if place.final_at_s is None:
            return position, None
        return position, max(0, math.ceil(place.final_at_s - at.timestamp()))

    def headers(self, task_id: str, status: Status, at: datetime) -> dict[str, str]:
        """Return the same as headers of an answer (CONTRACT §2)."""
        position, eta_s = self.facts(task_id, status, at)
        headers = {}
        if position is not None:
            headers["Rushes-Queue-Position"] = str(position)
        if eta_s is not None:
            headers["Rushes-Eta-Seconds"] = str(eta_s)
        return headers

    async def refresh(self) -> None:
        """Make the forecast anew, away from the loop that answers; where that fails, have none."""
        began_s = time.monotonic()
        try:
            self.places = await asyncio.to_thread(self._made)
        except Exception as fault:  # noqa: BLE001 -- looks are answered without it
            log.warning("no forecast could be made", exc_info=fault)
            self.places = {}
        self.pause_s = max(PAUSE_S, SHARE * (time.monotonic() - began_s))

    def _made(self) -> dict[str, Place]:
        at = self.clock.now()
        if self._typical_at is None or at - self._typical_at >= TOOK_EVERY:
            self._typical = typical(self.store.read_now(lambda tx: tx.took(TOOK_MAX)))
            self._typical_at = at
        lines, begun = self.store.read_now(self._read)
        return places(lines, begun, self._typical, self.slots, at)

    def _read(self, tx: Transaction) -> tuple[dict[str, list[Waiting]], Sequence[Begun]]:
        lines = {}
        for queue in tx.queues():
            line = tx.waiting(queue, WAITING_MAX)
            if line:
                lines[queue] = in_turn(line, self.turns(tx, queue, WAITING_MAX))
        return lines, tx.begun(BEGUN_MAX)


def typical(films: Iterable[Took]) -> dict[Film, float]:
    """Return the median of what films took, in seconds, by queue and model."""
    seconds: dict[Film, list[float]] = defaultdict(list)
    for film in films:
        seconds[film.queue, film.model].append(film.seconds)
    return {key: median(values) for key, values in seconds.items()}


def in_turn(line: Sequence[Waiting], work_ids: Sequence[str]) -> list[Waiting]:
    """Return a line in the order of its turns; what waits for no turn has a slot already."""
    turns = {work_id: turn for turn, work_id in enumerate(work_ids)}
    return sorted(line, key=lambda task: turns.get(task.work_id or "", -1))


def places(
    lines: Mapping[str, Sequence[Waiting]],
    begun: Iterable[Begun],
    known: Mapping[Film, float],
    slots: Mapping[str, int],
    at: datetime,
) -> dict[str, Place]:
    """Return what is expected of every task that waits or is under way."""
    now_s = at.timestamp()
    found: dict[str, Place] = {}
    busy: Counter[str | None] = Counter()
    for task in begun:
        if task.status is not Status.STORING:  # a film that is there holds no slot
            busy[task.queue] += 1
        left_s = _left_s(task, known.get((task.queue, task.model)), at)
        found[task.task_id] = Place(None, None if left_s is None else now_s + left_s)
    for queue, line in lines.items():
        width = max(1, slots.get(queue, 1))
        free = max(0, width - busy[queue])
        pace_s = 0.0
        for position, one in enumerate(line, start=1):
            film_s = known.get((queue, one.model))
            if film_s is None:
                found[one.task_id] = Place(position, None)
                continue
            # The mean of those before, so that a line of short films and long ones adds up.
            pace_s = film_s if pace_s == 0 else pace_s + (film_s - pace_s) / position
            wait_s = max(0, position - free) * pace_s / width
            found[one.task_id] = Place(position, now_s + wait_s + film_s)
    return found


def _left_s(task: Begun, film_s: float | None, at: datetime) -> float | None:
    """Return how many seconds a task under way will still take; None if nobody can tell."""
    if task.since is None:
        return None
    elapsed_s = max(0.0, (at - task.since).total_seconds())
    if task.status is Status.RUNNING and task.progress >= PROGRESS_MIN:
        return elapsed_s * (100 - task.progress) / task.progress
    return None if film_s is None else max(0.0, film_s - elapsed_s)
