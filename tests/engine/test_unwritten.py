"""A database that is away at the wrong moment costs nobody a film: what was learned is kept.

The wrong moment is between an upstream's answer and our writing it down: the ticket of what may
be on a bill is then in no other place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from rushes.domain.errors import Blame, Failure, Reason, StoreBusy, StoreInDoubt
from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status
from rushes.engine import story
from rushes.ports import Transaction
from rushes.providers.base import Busy, InDoubt, Refused
from rushes.testing.memory_store import MemoryStore
from working import Told, Workers

T = TypeVar("T")


class Away(MemoryStore):
    """A store that goes away while an upstream answers."""

    is_away = False

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        if self.is_away:
            raise StoreBusy("the database is away")
        return await super().write(act, alone=alone)


def workers_whose_store_goes(outcome: Exception | None) -> tuple[Workers, Away]:
    store = Away()

    async def on_submit(spec: Spec, token: str) -> Ticket:
        store.is_away = True
        if outcome is not None:
            raise outcome
        return {"job": "j1"}

    return Workers(provider=Told(on_submit=on_submit), store=store), store


OUTCOMES = [
    (None, Verdict.ACCEPTED, Status.RUNNING),
    (Busy("later"), Verdict.RETURNED, Status.QUEUED),
    (InDoubt("no answer"), Verdict.DOUBT, Status.IN_DOUBT),
    (
        Refused(Failure.of(Reason.CONTENT_REFUSED), Blame.CALLER, note="no"),
        Verdict.RETURNED,
        Status.FAILED,
    ),
]


@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
@pytest.mark.parametrize(("outcome", "verdict", "status"), OUTCOMES)
async def test_an_answer_that_could_not_be_written_is_written_when_the_store_is_back(
    outcome: Exception | None, verdict: Verdict, status: Status
) -> None:
    workers, store = workers_whose_store_goes(outcome)
    task = workers.put()
    with pytest.raises(StoreBusy):
        await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.submit(task).verdict is Verdict.INTENT
    with pytest.raises(StoreBusy):
        await workers.keeper.tend()
    store.is_away = False
    await workers.keeper.tend()
    assert workers.submit(task).verdict is verdict
    assert workers.task(task).status is status
    assert workers.world.unwritten == {}
    assert workers.broken == []


class InDoubtOfCommits(MemoryStore):
    """A store that went away in the middle of a commit, which it took or not."""

    is_away = False
    takes = False

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        if not self.is_away:
            return await super().write(act, alone=alone)
        if self.takes:
            await super().write(act, alone=alone)
        raise StoreInDoubt("nobody knows")


@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
@pytest.mark.parametrize("takes", [False, True])
@pytest.mark.parametrize(("outcome", "verdict", "status"), OUTCOMES)
async def test_an_answer_is_kept_whatever_became_of_the_commit_that_nobody_was_told_of(
    outcome: Exception | None, verdict: Verdict, status: Status, *, takes: bool
) -> None:
    store = InDoubtOfCommits()
    store.takes = takes

    async def on_submit(spec: Spec, token: str) -> Ticket:
        store.is_away = True
        if outcome is not None:
            raise outcome
        return {"job": "j1"}

    workers = Workers(provider=Told(on_submit=on_submit), store=store)
    task = workers.put()
    with pytest.raises(StoreInDoubt):
        await story.step(task.id, task.lease_epoch, workers.world)
    store.is_away = False
    await workers.keeper.tend()
    assert workers.submit(task).verdict is verdict
    assert workers.task(task).status is status
    assert workers.world.unwritten == {}
    assert workers.broken == []


@pytest.mark.promise("P11")
async def test_whoever_takes_the_task_again_in_the_same_process_goes_by_the_answer() -> None:
    workers, store = workers_whose_store_goes(None)
    task = workers.put()
    with pytest.raises(StoreBusy):
        await story.step(task.id, task.lease_epoch, workers.world)
    store.is_away = False
    taken = workers.take(workers.task(task))
    await story.step(taken.id, taken.lease_epoch, workers.world)
    assert workers.task(task).status is Status.RUNNING
    assert workers.submit(task).ticket == {"job": "j1"}
    assert workers.world.unwritten == {}


@pytest.mark.promise("P11")
async def test_a_ticket_that_comes_late_ends_the_doubt_of_whoever_has_the_task_now() -> None:
    workers, store = workers_whose_store_goes(None)
    task = workers.put()
    with pytest.raises(StoreBusy):
        await story.step(task.id, task.lease_epoch, workers.world)
    store.is_away = False
    others = replace(workers.world, unwritten={})
    taken = workers.take(workers.task(task))
    await story.step(taken.id, taken.lease_epoch, others)
    assert workers.task(task).status is Status.IN_DOUBT
    await workers.keeper.tend()
    assert workers.submit(task).ticket == {"job": "j1"}
    await story.step(taken.id, taken.lease_epoch, others)
    assert workers.task(task).status is Status.RUNNING
