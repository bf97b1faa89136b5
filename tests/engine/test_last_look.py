"""A task whose time is over is looked at once more before it ends, and ends whatever comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rushes.domain.errors import Failure, Reason
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status, Task
from rushes.engine import collect, story
from rushes.engine.aftercare import LAST_LOOKS
from rushes.engine.looks import Looks
from rushes.engine.world import OVER, Upstream
from rushes.ports import Budgets, Work
from rushes.providers.base import Found, Lost, Outcome, Ready, Search, Unreachable
from working import Workers, never

HOURS = timedelta(hours=5).total_seconds()


def down_for_hours(workers: Workers, status: Status = Status.RUNNING) -> Task:
    """A task whose deadline passed while no server ran."""
    task = workers.put(status)
    workers.clock.advance(HOURS)
    return task


async def a_round(workers: Workers) -> None:
    await workers.keeper.tend()
    await workers.keeper.look_after_submits()


def reason_of(task: Task) -> Reason | None:
    return task.failure.reason if task.failure else None


@pytest.mark.promise("P11")
async def test_a_film_that_was_ready_in_time_is_brought_home_although_its_time_is_over() -> None:
    workers = Workers()
    task = down_for_hours(workers)

    async def ready(ticket: Ticket) -> Outcome:
        return Ready({"url": "https://films.test/1"})

    workers.provider.on_check = ready
    await a_round(workers)
    assert workers.task(task).status is Status.STORING
    assert workers.dispatcher.given == [(task.id, Work.COLLECT, "")]
    assert (workers.submit(task).verdict, workers.submit(task).look_at) == (Verdict.READY, None)


@pytest.mark.promise("P3")
async def test_one_look_is_all_that_a_task_gets() -> None:
    workers = Workers()
    task = down_for_hours(workers)
    await workers.keeper.tend()
    assert workers.task(task).status is Status.RUNNING, "its provider is asked first"
    await workers.keeper.look_after_submits()
    assert reason_of(workers.task(task)) is Reason.TIMED_OUT


@pytest.mark.promise("P3")
async def test_a_provider_that_says_no_in_its_last_word_is_quoted() -> None:
    workers = Workers()
    task = down_for_hours(workers)

    async def lost(ticket: Ticket) -> Outcome:
        return Lost(Failure.of(Reason.CONTENT_REFUSED))

    workers.provider.on_check = lost
    await a_round(workers)
    assert reason_of(workers.task(task)) is Reason.CONTENT_REFUSED
    assert workers.submit(task).verdict is Verdict.LOST


@pytest.mark.promise("P3")
@pytest.mark.parametrize("trouble", [Unreachable("no route"), KeyError("status"), None])
async def test_a_look_that_says_nothing_is_not_the_last_and_the_time_left_ends_it(
    trouble: Exception | None,
) -> None:
    """A provider that has too much to do after a long outage, hangs, or talks nonsense."""
    workers = Workers(budgets=Budgets(submit_call=timedelta(seconds=0.01)))
    task = down_for_hours(workers)

    looks = list[Ticket]()

    async def speak(ticket: Ticket) -> Outcome:
        looks.append(ticket)
        if trouble is None:
            await never()
        assert trouble is not None
        raise trouble

    workers.provider.on_check = speak
    began = workers.clock.now()
    while workers.task(task).status is Status.RUNNING:
        await a_round(workers)
        assert len(looks) < 100
        workers.clock.advance(5)
    assert len(looks) > 30, "it is asked again and again"
    assert reason_of(workers.task(task)) is Reason.TIMED_OUT
    passed = workers.clock.now() - began
    assert passed <= workers.budgets.last_look + timedelta(seconds=10), "more time is given once"


@pytest.mark.promise("P11")
async def test_a_provider_that_is_busy_for_a_moment_is_asked_again_for_its_last_word() -> None:
    workers = Workers()
    task = down_for_hours(workers)
    answers = iter([Unreachable("HTTP 429")] * 3)

    async def speak(ticket: Ticket) -> Outcome:
        if (trouble := next(answers, None)) is not None:
            raise trouble
        return Ready({"url": "https://films.test/1"})

    workers.provider.on_check = speak
    for _ in range(10):
        await a_round(workers)
        workers.clock.advance(5)
    assert workers.task(task).status is Status.STORING


@pytest.mark.promise("P11")
async def test_a_film_that_waits_to_be_fetched_while_no_server_runs_is_tried_for_once_more() -> (
    None
):
    workers = Workers()
    task = down_for_hours(workers, Status.STORING)
    workers.clock.advance(2 * HOURS)
    await workers.keeper.tend()
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    assert workers.task(task).status is Status.SUCCEEDED


@pytest.mark.promise("P3")
async def test_a_film_that_cannot_be_fetched_in_its_last_minutes_either_is_given_up() -> None:
    workers = Workers()
    task = down_for_hours(workers, Status.STORING)
    workers.clock.advance(2 * HOURS)
    for _ in range(2):
        await workers.keeper.tend()
        assert workers.task(task).status is Status.STORING, "more time is given"
    workers.clock.advance(workers.budgets.last_look.total_seconds())
    await workers.keeper.tend()
    assert reason_of(workers.task(task)) is Reason.OUTPUT_LOST, "and given once"


@pytest.mark.promise("P3")
async def test_a_keeper_that_dies_in_the_last_look_leaves_it_to_the_next_deadline() -> None:
    workers = Workers()
    task = down_for_hours(workers)
    await workers.keeper.tend()
    workers.clock.advance(workers.budgets.last_look.total_seconds())
    await workers.keeper.tend()
    assert reason_of(workers.task(task)) is Reason.TIMED_OUT, "more time is given once"


@pytest.mark.promise("P3")
async def test_a_last_look_waits_for_its_share_of_looks_and_no_longer_than_its_time() -> None:
    workers = Workers()
    looks = Looks(per_s=1.0)
    workers.world.upstreams = {"gpu": Upstream(workers.provider, "env:GPU_KEY", looks)}
    first, second = down_for_hours(workers), workers.put(Status.RUNNING)
    workers.clock.advance(HOURS)
    await a_round(workers)
    assert {workers.task(task).status for task in (first, second)} == {
        Status.RUNNING,
        Status.FAILED,
    }
    for _ in range(3):  # what has ended wants its looks, too
        workers.clock.advance(1)
        await workers.keeper.look_after_submits()
    assert workers.task(second).status is workers.task(first).status is Status.FAILED


@pytest.mark.promise("P3")
async def test_evidence_that_is_written_down_already_needs_no_look() -> None:
    """A worker that had lost its task wrote what it learned; nobody had moved the task yet."""
    workers = Workers()
    task, doubted = down_for_hours(workers), workers.put(Status.IN_DOUBT)
    workers.change(workers.submit(task), verdict=Verdict.READY, film={"url": "x"})
    workers.change(workers.submit(doubted), verdict=Verdict.ACCEPTED, ticket={"job": "7"})
    workers.clock.advance(HOURS)
    await workers.keeper.tend()
    assert workers.task(task).status is Status.STORING
    assert workers.task(doubted).status is Status.RUNNING


@pytest.mark.promise("P11")
async def test_a_submit_in_doubt_is_searched_once_more_before_its_task_ends() -> None:
    workers = Workers()
    task, lost = down_for_hours(workers, Status.IN_DOUBT), workers.put(Status.IN_DOUBT)
    workers.clock.advance(HOURS)
    token = workers.submit(task).token

    async def find(asked: str) -> Search:
        if asked != token:
            raise Unreachable("no route to host")
        return Found({"job": "7"})

    workers.provider.on_find = find
    await a_round(workers)
    assert workers.task(task).status is Status.RUNNING
    assert workers.submit(task).ticket == {"job": "7"}
    assert reason_of(workers.task(lost)) is Reason.SUBMIT_IN_DOUBT


async def test_the_worker_that_took_it_over_may_be_faster_than_the_keeper() -> None:
    workers = Workers()
    task = down_for_hours(workers)

    async def ready(ticket: Ticket) -> Outcome:
        return Ready({"url": "https://films.test/1"})

    workers.provider.on_check = ready
    for _ in range(2):
        await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.STORING
    await workers.keeper.look_after_submits()
    assert workers.task(task).status is Status.STORING
    assert workers.submit(task).look_at is None


@pytest.mark.promise("P11")
async def test_the_end_of_its_life_upstream_is_looked_at_a_few_times_more() -> None:
    workers = Workers()
    task = workers.put(Status.IN_DOUBT)
    workers.clock.advance(HOURS)
    await a_round(workers)
    workers.clock.advance(timedelta(days=2).total_seconds())

    async def find(token: str) -> Search:
        return Found({"job": "7"})

    workers.provider.on_find = find
    await workers.keeper.look_after_submits()
    submit = workers.submit(task)
    assert (submit.verdict, submit.ticket) == (Verdict.ACCEPTED, {"job": "7"})
    workers.change(submit, is_cancel_told=True)
    workers.clock.advance(timedelta(days=2).total_seconds())
    for _ in range(LAST_LOOKS):
        await workers.keeper.look_after_submits()
        assert workers.submit(task).verdict is Verdict.ACCEPTED
        workers.clock.advance(60)
    await workers.keeper.look_after_submits()
    assert workers.submit(task).verdict is Verdict.GONE
    assert workers.submit(task) == replace(workers.submit(task), look_at=None)
