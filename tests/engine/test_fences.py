"""A worker that lost its task lets go of it, and still tells what it knows about money."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rushes.domain.errors import LeaseLost
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.engine import collect, ledger, story
from rushes.providers.base import Film
from rushes.testing.builders import moved
from working import FILM, Workers

pytestmark = pytest.mark.promise("P10")


@pytest.mark.parametrize(
    "status", [Status.QUEUED, Status.SUBMITTING, Status.IN_DOUBT, Status.RUNNING]
)
async def test_a_step_of_a_worker_that_lost_its_task_does_nothing(status: Status) -> None:
    workers = Workers()
    mine = workers.put(status)
    theirs = workers.take(mine)
    with pytest.raises(LeaseLost):
        await story.step(mine.id, mine.lease_epoch, workers.world)
    assert workers.task(mine) == theirs


async def test_evidence_of_a_worker_that_lost_its_task_is_kept_but_moves_nothing() -> None:
    workers = Workers()
    mine = workers.put(Status.SUBMITTING)
    theirs = workers.take(mine)
    ticket = {"job": "paid"}
    accepted = replace(workers.submit(mine), verdict=Verdict.ACCEPTED, ticket=ticket)
    with pytest.raises(LeaseLost):
        await ledger.learn(mine, accepted, ledger.UNANSWERED, workers.world)
    assert workers.submit(mine).ticket == ticket
    assert workers.task(mine) == theirs
    with pytest.raises(LeaseLost):
        await ledger.follow(mine, accepted, workers.world)
    assert workers.task(mine) == theirs


@pytest.mark.promise("P4")
async def test_a_film_of_a_worker_that_lost_its_task_is_not_the_winner_and_leaves_nothing() -> None:
    workers = Workers()
    mine = workers.put(Status.STORING)

    async def slow(film: Film) -> AsyncIterator[bytes]:
        yield FILM[:4]
        workers.take(mine)
        yield FILM[4:]

    workers.provider.on_open = slow
    with pytest.raises(LeaseLost):
        await collect.step(mine.id, mine.lease_epoch, workers.world)
    assert workers.task(mine).status is Status.STORING
    assert await workers.blob_names() == []


@pytest.mark.promise("P4")
async def test_a_film_that_arrives_after_its_task_was_canceled_leaves_nothing() -> None:
    """The keeper may have swept this try already: what comes later nobody else would find."""
    workers = Workers()
    task = workers.put(Status.STORING)

    async def slow(film: Film) -> AsyncIterator[bytes]:
        yield FILM[:4]
        cancel(workers, task)
        yield FILM[4:]

    workers.provider.on_open = slow
    with pytest.raises(LeaseLost):
        await collect.step(task.id, task.lease_epoch, workers.world)
    assert await workers.blob_names() == []


def cancel(workers: Workers, task: Task) -> None:
    after, at = moved(task, Event.CANCELED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=at))
