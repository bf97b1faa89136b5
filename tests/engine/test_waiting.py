"""Tasks that wait for a route which is left alone: who wakes them, and what shuts a route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from rushes.bell import LocalBell
from rushes.domain.errors import Reason
from rushes.domain.health import FAULTS_MAX, Health, after_fault, after_retirement, probing
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status, Task
from rushes.engine import story
from rushes.engine.carry import carry
from rushes.ports import Work
from working import Workers, turn

PATIENCE_S = 10.0
WAY = ("gpu", "wan2.5-t2v")


@dataclass
class House:
    """Workers with a bell; `rung` is whom the keeper woke."""

    workers: Workers = field(default_factory=Workers)
    bell: LocalBell = field(default_factory=LocalBell)
    rung: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.submitted = asyncio.Event()
        self.workers.provider.on_submit = self._submit
        self.workers.keeper.ring = self._ring

    async def _submit(self, spec: Spec, token: str) -> Ticket:
        self.submitted.set()
        return {"job": token}

    def _ring(self, task_ids: Iterable[str]) -> None:
        self.rung += task_ids
        self.bell.ring_here(task_ids)

    def put(self, change: Callable[[Health], Health]) -> None:
        """Have the route fare otherwise than it did."""
        known = Health(*WAY, changed_at=self.workers.clock.now())
        self.workers.store.write_now(lambda tx: tx.put_health(change(known)))

    def leave_alone(self) -> None:
        """Have the route left alone for minutes."""

        def fail_often(known: Health) -> Health:
            for _ in range(FAULTS_MAX + 4):
                known = after_fault(known, at=known.changed_at, note="HTTP 503")
            return known

        self.put(fail_often)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[Task]:
        """A queued task that is carried, and waits for its route."""
        self.leave_alone()
        task = self.workers.put()
        world = self.workers.world
        carrying = asyncio.create_task(
            carry(task.id, Work.FILM, str(task.work_id), world, self.bell)
        )
        await turn()
        assert world.waiting == {task.id: frozenset({WAY})}
        try:
            yield task
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
        assert not world.waiting, "nothing is left of a task that is carried no more"


@pytest.mark.promise("P3")
async def test_a_task_goes_on_as_soon_as_its_route_works_and_not_when_it_was_to_be_asked() -> None:
    house = House()
    async with house.waiting() as task:
        house.put(lambda clean: clean)
        await house.workers.keeper.tend()
        async with asyncio.timeout(PATIENCE_S):
            await house.submitted.wait()
        assert house.rung == [task.id]


async def test_nobody_is_woken_while_the_route_is_left_alone_or_probed() -> None:
    house = House()
    async with house.waiting():
        await house.workers.keeper.tend()
        at = house.workers.clock.now()
        house.put(lambda health: probing(health, at=at, until=at + timedelta(seconds=90)))
        await house.workers.keeper.tend()
        assert house.rung == []


async def test_a_task_whose_model_is_retired_while_it_waits_ends_at_once() -> None:
    house = House()
    async with house.waiting() as task:
        house.put(lambda health: after_retirement(health, at=health.changed_at, note="gone"))
        await house.workers.keeper.tend()
        await turn()
        failure = house.workers.task(task).failure
        assert failure is not None
        assert failure.reason is Reason.PROVIDER_UNUSABLE


async def test_a_worker_that_stopped_in_its_calls_says_nothing_about_their_route() -> None:
    workers = Workers()
    tasks = [workers.put(Status.SUBMITTING) for _ in range(FAULTS_MAX + 1)]
    for task in tasks:
        await story.step(task.id, task.lease_epoch, workers.world)
    assert {workers.task(task).status for task in tasks} == {Status.IN_DOUBT}
    assert {workers.submit(task).verdict for task in tasks} == {Verdict.DOUBT}
    assert workers.store.read_now(lambda tx: tx.healths()) == []
