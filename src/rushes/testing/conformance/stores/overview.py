"""Checks of what operators are shown of the whole house."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rushes.domain.errors import Failure, Reason
from rushes.domain.ids import new_task_id
from rushes.domain.insights import Insight, InsightBy
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.ports import Faults, OpenCount, Transaction
from rushes.testing.builders import NOON, a_submit, moved
from rushes.testing.conformance.stores.subject import Subject, later

DAY = timedelta(days=1)
TODAY, TOMORROW = "2026-11-23", "2026-11-24"


async def _accepted(subject: Subject, at: datetime = NOON, **born: Any) -> Task:  # noqa: ANN401 -- fields of Task
    return await subject.put(
        id=new_task_id(at),
        created_at=at,
        queue_deadline_at=at + DAY,
        deadline_at=at + DAY,
        **born,
    )


async def _went(
    subject: Subject,
    task: Task,
    *events: Event,
    lasted_s: float = 1,
    **facts: Any,  # noqa: ANN401 -- facts of the last move
) -> Task:
    """Move a task on; the last move comes so long after it was accepted."""
    at = task.created_at + timedelta(seconds=lasted_s)
    for event in events:
        after = moved(task, event, at=at, **(facts if event is events[-1] else {}))
        assert await subject.do(Transaction.move, task, after, event, at=at)
        task = after
    return task


MADE = (Event.INTENT, Event.ACCEPTED, Event.READY, Event.STORED)


async def what_is_unfinished_is_counted_by_provider_and_status(subject: Subject) -> None:
    """Ended tasks count no more; a task without a provider is nobody's."""
    for queue in ("ark", "ark", "gpu", None):
        await _accepted(subject, queue=queue)
    await _went(subject, await _accepted(subject, queue="gpu"), Event.INTENT)
    await _went(subject, await _accepted(subject, queue="gpu"), Event.CANCELED)
    assert list(await subject.ask(Transaction.open_counts)) == [
        OpenCount(None, Status.QUEUED, 1),
        OpenCount("ark", Status.QUEUED, 2),
        OpenCount("gpu", Status.QUEUED, 1),
        OpenCount("gpu", Status.SUBMITTING, 1),
    ]


async def submits_that_came_to_nothing_are_faults_too(subject: Subject) -> None:
    """By when they were answered, at the provider that was asked; those that went well are not."""
    task = await _accepted(subject, queue="gpu", account_id="acct_1")
    verdicts = (Verdict.RETURNED, Verdict.DOUBT, Verdict.ACCEPTED, Verdict.LOST, Verdict.INTENT)
    for n, verdict in enumerate(verdicts, start=1):
        answered_at = None if verdict is Verdict.INTENT else later(minutes=n)
        submit = a_submit(task, verdict, n=n, provider="ark", note=f"no {n}")
        await subject.do(Transaction.add_submit, replace(submit, answered_at=answered_at))
    await subject.do(Transaction.count_fault, task, "HTTP 503", at=later(minutes=3))
    found = await subject.ask(Transaction.newest_faults, 9)
    assert [(one.n, one.verdict, one.provider, one.faults.note) for one in found] == [
        (4, Verdict.LOST, "ark", "no 4"),
        (None, None, "gpu", "HTTP 503"),
        (2, Verdict.DOUBT, "ark", "no 2"),
        (1, Verdict.RETURNED, "ark", "no 1"),
    ]
    assert found[0].faults == Faults(Status.QUEUED, "no 4", 1, later(minutes=4), later(minutes=4))
    assert await subject.ask(Transaction.newest_faults, 2, provider="ark") == [found[0], found[2]]


async def the_newest_faults_come_first_whoever_s_they_are(subject: Subject) -> None:
    """With whose they are; of one provider where that is asked; not of removed tasks."""
    first = await _accepted(subject, queue="ark", account_id="acct_1")
    second = await _accepted(subject, later(minutes=1), queue="gpu", account_id="acct_2")
    third = await _accepted(subject, later(minutes=2), queue="gpu")
    await subject.do(Transaction.count_fault, first, "HTTP 503", at=later(minutes=3))
    await subject.do(Transaction.count_fault, second, "HTTP 500", at=later(minutes=4))
    await subject.do(Transaction.count_fault, third, "gone", at=later(minutes=9))
    await subject.do(Transaction.count_fault, first, "HTTP 503", at=later(minutes=5))
    await subject.do(Transaction.remove_task, third.id)
    found = await subject.ask(Transaction.newest_faults, 9)
    assert [(one.task_id, one.account_id, one.provider) for one in found] == [
        (first.id, "acct_1", "ark"),
        (second.id, "acct_2", "gpu"),
    ]
    assert (found[0].faults.note, found[0].faults.count) == ("HTTP 503", 2)
    assert (found[0].faults.first_at, found[0].faults.last_at) == (
        later(minutes=3),
        later(minutes=5),
    )
    assert found[0].n is None
    assert await subject.ask(Transaction.newest_faults, 1) == found[:1]
    assert await subject.ask(Transaction.newest_faults, 9, provider="gpu") == found[1:]
    assert await subject.ask(Transaction.newest_faults, 9, provider="nobody") == []


async def who_beats_is_named_until_it_retires(subject: Subject) -> None:
    """With how long it has been silent, which is nothing at first."""
    for name in ("b", "a"):
        await subject.do(Transaction.beat, name)
    found = await subject.ask(Transaction.executors)
    assert [one.id for one in found] == ["a", "b"]
    assert all(0 <= one.silent_s < 60 for one in found)
    await subject.do(Transaction.retire, "a")
    assert [one.id for one in await subject.ask(Transaction.executors)] == ["b"]


async def insights_count_what_was_accepted_in_a_span_by_what_is_asked(subject: Subject) -> None:
    """Each task counts once, where it was accepted, whatever became of it and whenever."""
    noon, next_day = NOON, NOON + DAY
    await _went(subject, await _accepted(subject, noon, model="wan"), *MADE, lasted_s=12.5)
    await _went(
        subject,
        await _accepted(subject, noon, model="sora", is_rehearsal=True),
        Event.INTENT,
        Event.ACCEPTED,
        Event.FAILED,
        failure=Failure.of(Reason.PROVIDER_FAILED),
    )
    await _went(subject, await _accepted(subject, next_day, model="wan"), Event.CANCELED)
    await _went(subject, await _accepted(subject, next_day, model="wan"), Event.EXPIRED)
    await _accepted(subject, next_day, model="wan")
    await _accepted(subject, NOON + 2 * DAY, model="wan")
    span = (noon, NOON + 2 * DAY)
    both = await subject.ask(Transaction.insights, InsightBy.DAY_AND_MODEL, *span)
    failed = {Reason.PROVIDER_FAILED.value: 1}
    late = {Reason.EXPIRED.value: 1}
    assert list(both) == [
        Insight(TODAY, "sora", 1, 0, 0, failed, 0, 1, None, None),
        Insight(TODAY, "wan", 1, 1, 0, {}, 0, 0, 12.5, 12.5),
        Insight(TOMORROW, "wan", 3, 0, 1, late, 1, 0, None, None),
    ]
    assert list(await subject.ask(Transaction.insights, InsightBy.DAY, *span)) == [
        Insight(TODAY, None, 2, 1, 0, failed, 0, 1, 12.5, 12.5),
        Insight(TOMORROW, None, 3, 0, 1, late, 1, 0, None, None),
    ]
    assert list(await subject.ask(Transaction.insights, InsightBy.MODEL, *span)) == [
        Insight(None, "sora", 1, 0, 0, failed, 0, 1, None, None),
        Insight(None, "wan", 4, 1, 1, late, 1, 0, 12.5, 12.5),
    ]


async def insights_begin_at_their_first_instant_and_end_before_their_last(
    subject: Subject,
) -> None:
    """To the microsecond; an empty span has no line."""
    instant = timedelta(microseconds=1)
    for at in (NOON - instant, NOON, NOON + instant, NOON + 1000 * instant):
        await _accepted(subject, at)

    async def count(since: datetime, until: datetime) -> int:
        found = await subject.ask(Transaction.insights, InsightBy.DAY, since, until)
        return sum(one.accepted for one in found)

    assert await count(NOON, NOON + instant) == 1
    assert await count(NOON, NOON + 2 * instant) == 2
    assert await count(NOON - instant, NOON + 1000 * instant) == 3
    assert await count(NOON, NOON) == 0
    assert list(await subject.ask(Transaction.insights, InsightBy.MODEL, NOON, NOON)) == []


async def how_long_films_took_is_told_by_nearest_rank(subject: Subject) -> None:
    """Of twenty films the tenth and the nineteenth; what made no film has no say."""
    for lasted_s in (*range(20, 0, -1),):
        await _went(subject, await _accepted(subject), *MADE, lasted_s=lasted_s)
    await _went(subject, await _accepted(subject), Event.CANCELED, lasted_s=9_000)
    (line,) = await subject.ask(Transaction.insights, InsightBy.DAY, NOON, NOON + DAY)
    assert (line.films, line.median_s, line.p95_s) == (20, 10.0, 19.0)
