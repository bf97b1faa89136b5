"""What wakes a worker that waits to look again, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from accounts import a_world
from rushes.bell import LocalBell
from rushes.domain.submit import Ticket
from rushes.domain.task import Status, Task
from rushes.engine.carry import carry
from rushes.engine.looks import Looks
from rushes.engine.world import World
from rushes.ports import Work
from rushes.providers.base import Outcome, Quiet, Ready, Working
from rushes.testing.builders import NOON, WORK_ID, put_task
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore
from working import turn

PATIENCE_S = 10.0


@dataclass
class Slow(Quiet):
    """An upstream that wants an hour between two looks, and has the film at the second."""

    name: str = "gpu"
    looks: int = 0
    while_looking: Callable[[], None] = lambda: None
    has_looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self, ticket: Ticket) -> Outcome:
        self.looks += 1
        self.has_looked.set()
        if self.looks > 1:
            return Ready({"url": "https://films.test/1"})
        self.while_looking()
        return Working(progress=50, look_again_s=3600)


@dataclass
class Watch:
    """One running task, and the bell that its worker listens to."""

    slow: Slow = field(default_factory=Slow)
    bell: LocalBell = field(default_factory=LocalBell)
    world: World = field(init=False)
    task: Task = field(init=False)

    def __post_init__(self) -> None:
        store = MemoryStore(on_change=self.bell.ring_all)
        self.world = a_world(self.slow, store, ManualClock(NOON))
        self.task = store.write_now(lambda tx: put_task(tx, Status.RUNNING))

    async def carry(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await carry(self.task.id, Work.FILM, WORK_ID, self.world, self.bell)


async def test_a_ring_that_comes_during_a_look_is_answered_by_another() -> None:
    watch = Watch()
    watch.slow.while_looking = lambda: watch.bell.ring(watch.task.id)
    await watch.carry()
    assert watch.slow.looks == 2


async def test_progress_is_no_reason_to_look_before_the_upstream_wants_it() -> None:
    watch = Watch()
    carrying = asyncio.create_task(watch.carry())
    await watch.slow.has_looked.wait()
    await turn()
    steps = [(watch.task.id, watch.task.lease_epoch + 1, 50)]
    await watch.world.store.write(lambda tx: tx.set_progress(steps))
    await turn()
    assert watch.slow.looks == 1, "the worker woke itself"
    watch.bell.ring(watch.task.id)
    await carrying
    assert watch.slow.looks == 2


@dataclass
class Gate:
    """Writes down who passes: those that somebody rang for, and those that are due."""

    passed: list[bool] = field(default_factory=list)

    async def __call__(self, allowance: Looks, *, is_rung: bool) -> None:
        self.passed.append(is_rung)


async def looked_once(gate: Gate) -> tuple[Watch, asyncio.Task[None]]:
    """Return a watch whose worker looked once and sleeps, and what carries it."""
    watch = Watch()
    watch.world.turnstile = gate
    carrying = asyncio.create_task(watch.carry())
    await watch.slow.has_looked.wait()
    await turn()
    return watch, carrying


async def test_a_look_that_somebody_rang_for_says_so_where_looks_stand_in_line() -> None:
    gate = Gate()
    watch, carrying = await looked_once(gate)
    watch.bell.ring(watch.task.id)
    await carrying
    assert gate.passed == [False, True]


async def test_a_look_that_is_put_off_is_still_one_that_somebody_rang_for() -> None:
    gate, full = Gate(), Full()
    watch, carrying = await looked_once(gate)
    watch.world.upstreams = {"gpu": replace(watch.world.upstreams["gpu"], looks=full)}
    watch.bell.ring(watch.task.id)
    await carrying
    assert full.asked == [True, True]
    assert gate.passed == [False, True]


class Full(Looks):
    """Looks of which none is left for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []

    def turn_s(self, at: datetime, who: str, *, is_rung: bool = False) -> float:
        self.asked.append(is_rung)
        return 0.01 if len(self.asked) == 1 else 0.0
