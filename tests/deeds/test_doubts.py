"""What an operator decides about a submit in doubt, beside whatever worker holds the task."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rushes.deeds import doubts
from rushes.deeds.doubts import Doubt, NotInDoubt
from rushes.domain.errors import Reason
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Event, Status, Task
from rushes.engine import story
from rushes.providers.base import Found, Outcome, Ready, Search, Unknown
from rushes.testing.builders import moved
from working import Workers

TICKET = {"job": "found by hand"}


def ended(workers: Workers) -> Task:
    """A task that ended while its submit was in doubt."""
    task = workers.put(Status.IN_DOUBT)
    after, at = moved(task, Event.FAILED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.FAILED, at=at))
    return workers.task(task)


def accept(workers: Workers, task: Task, ticket: Ticket = TICKET) -> Doubt:
    return workers.store.write_now(
        lambda tx: doubts.accept(
            tx, task.id, ticket, budgets=workers.budgets, at=workers.clock.now()
        )
    )


def look(workers: Workers, task: Task) -> Doubt:
    return workers.store.write_now(lambda tx: doubts.look_now(tx, task.id, at=workers.clock.now()))


async def test_a_task_in_doubt_runs_on_with_the_ticket_that_an_operator_found() -> None:
    workers = Workers()
    task = workers.put(Status.IN_DOUBT)
    accept(workers, task)
    assert workers.task(task).status is Status.RUNNING

    async def ready(ticket: Ticket) -> Outcome:
        assert ticket == TICKET
        return Ready({"url": "x"})

    workers.provider.on_check = ready
    await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.STORING, "by the worker that held it all along"


@pytest.mark.promise("P11")
async def test_a_task_that_ended_in_doubt_is_watched_to_its_late_film_and_not_stopped() -> None:
    workers = Workers()
    task = ended(workers)
    workers.clock.advance(timedelta(days=3).total_seconds())
    accept(workers, task)
    workers.provider.on_cancel = None  # type: ignore[assignment]  # nobody calls it

    async def ready(ticket: Ticket) -> Outcome:
        return Ready({"url": "x"})

    workers.provider.on_check = ready
    await workers.keeper.look_after_submits()
    assert workers.submit(task).verdict is Verdict.LATE, "its life upstream begins anew"
    assert workers.task(task) == task, "P6"


@pytest.mark.promise("P2")
async def test_a_ticket_that_another_submit_holds_is_refused() -> None:
    workers = Workers()
    other, task = workers.put(Status.RUNNING), workers.put(Status.IN_DOUBT)
    with pytest.raises(NotInDoubt, match="Another submit"):
        accept(workers, task, workers.submit(other).ticket or {})
    assert workers.task(task).status is Status.IN_DOUBT


async def test_giving_up_ends_the_task_and_keeps_the_evidence() -> None:
    workers = Workers()
    task = workers.put(Status.IN_DOUBT)

    def give_up() -> Doubt:
        return workers.store.write_now(
            lambda tx: doubts.give_up(tx, task.id, at=workers.clock.now())
        )

    give_up()
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.reason is Reason.SUBMIT_IN_DOUBT
    assert workers.task(task).charged_microusd == 0
    (reported,) = workers.store.read_now(lambda tx: tx.salvage(9))
    assert reported.verdict is Verdict.DOUBT
    with pytest.raises(NotInDoubt, match="ended already"):
        give_up()


async def test_a_look_that_is_asked_for_is_made_at_the_next_round() -> None:
    workers = Workers()
    task = workers.put(Status.IN_DOUBT)
    found: list[Search] = [Unknown(), Found(TICKET)]

    async def find(token: str) -> Search:
        return found.pop(0)

    workers.provider.on_find = find
    for status in (Status.IN_DOUBT, Status.RUNNING):
        look(workers, task)
        await workers.keeper.look_after_submits()
        assert workers.task(task).status is status
        assert workers.submit(task).look_at is None
    assert workers.submit(task).ticket == TICKET


async def test_a_look_after_the_end_of_its_life_is_made_all_the_same() -> None:
    workers = Workers()
    task = ended(workers)
    workers.change(workers.submit(task), look_at=None)
    workers.clock.advance(timedelta(days=30).total_seconds())

    async def find(token: str) -> Search:
        return Found(TICKET)

    workers.provider.on_find = find
    look(workers, task)
    await workers.keeper.look_after_submits()
    assert workers.submit(task).ticket == TICKET


async def test_where_nothing_is_in_doubt_it_says_so() -> None:
    workers = Workers()
    running, queued, deleted = workers.put(Status.RUNNING), workers.put(), ended(workers)
    workers.store.write_now(lambda tx: tx.remove_task(deleted.id))
    for task, why in (
        (running, "nothing is in doubt"),
        (queued, "never sent"),
        (deleted, "deleted"),
        (replace(running, id="video_0"), "know nothing"),
    ):
        with pytest.raises(NotInDoubt, match=why):
            look(workers, task)
    accept(workers, deleted)
    assert workers.submit(deleted).verdict is Verdict.ACCEPTED, "evidence of money is kept"
