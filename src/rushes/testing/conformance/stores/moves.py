"""Checks of moves: compare-and-set on the row, and all that follows in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rushes.domain.access import Entry, EntryKind
from rushes.domain.submit import OPEN, Verdict
from rushes.domain.task import FINAL, MOVES, Event, Status, Task
from rushes.ports import Told, Transaction
from rushes.testing.builders import WORK_ID, a_hold, a_measure, a_spec, a_submit, answered, moved
from rushes.testing.conformance.stores.subject import Subject, later

AT = later(minutes=7)
NEWS = {
    Status.SUCCEEDED: "video.completed",
    Status.FAILED: "video.failed",
    Status.EXPIRED: "video.failed",
    Status.CANCELED: "video.canceled",
}


async def every_legal_move_is_written(subject: Subject) -> None:
    """The row stands as `after` says, and one event, numbered by the version, tells of it."""
    for (status, event), reached in MOVES.items():
        before = await subject.put(status)
        after = moved(before, event, at=AT)
        assert await subject.do(Transaction.move, before, after, event, at=AT)
        assert await subject.task(before.id) == after
        told = await subject.ask(Transaction.told, before.id)
        assert told[-1] == Told(after.version, event, reached, AT)
        assert [one.number for one in told] == list(range(1, after.version + 1))


async def a_move_needs_the_row_as_it_was_seen(subject: Subject) -> None:
    """Another status, version, epoch or id: nothing is written, nowhere (P10)."""
    task = await subject.put(Status.RUNNING)
    await subject.do(Transaction.take, task.id, frozenset({Status.RUNNING}), WORK_ID)
    now = await subject.task(task.id)
    assert now is not None
    submits = await subject.ask(Transaction.submits, task.id)
    for stale in (
        task,
        replace(now, lease_epoch=2),
        replace(now, version=now.version - 1),
        replace(now, version=now.version + 1),
        replace(now, status=Status.STORING),
        replace(now, id="nobody"),
    ):
        after = moved(stale, Event.CANCELED, at=AT)
        assert not await subject.do(Transaction.move, stale, after, Event.CANCELED, at=AT)
    assert await subject.task(task.id) == now
    assert len(await subject.ask(Transaction.told, task.id)) == now.version
    assert await subject.ask(Transaction.entries, task.id) == [a_hold(task)]
    assert await subject.ask(Transaction.submits, task.id) == submits
    assert subject.news() == []


async def a_final_task_never_moves(subject: Subject) -> None:
    """Not even by a writer that knows the row and makes the move up (P6)."""
    for status in FINAL:
        task = await subject.put(status)
        revived = replace(task, status=Status.RUNNING, version=task.version + 1)
        stale = replace(task, status=Status.RUNNING)
        done = await subject.do(Transaction.move, stale, revived, Event.RENEWED, at=AT)
        assert not done
        assert await subject.task(task.id) == task


async def one_of_two_movers_wins(subject: Subject) -> None:
    """Two that saw the same row both try; the row, its events and its money say one thing."""
    task = await subject.put(Status.RUNNING)
    canceled, ready = moved(task, Event.CANCELED, at=AT), moved(task, Event.READY, at=AT)
    outcome = await asyncio.gather(
        subject.do(Transaction.move, task, canceled, Event.CANCELED, at=AT),
        subject.do(Transaction.move, task, ready, Event.READY, at=AT),
    )
    assert sorted(outcome) == [False, True]
    assert await subject.task(task.id) == (canceled if outcome[0] else ready)
    assert len(await subject.ask(Transaction.told, task.id)) == task.version + 1


async def a_move_changes_only_what_moves(subject: Subject) -> None:
    """What a task was born with, its spec and its epoch are not a move's to change."""
    task = await subject.put(Status.RUNNING)
    after = moved(task, Event.READY, at=AT)
    forged = replace(
        after,
        spec=a_spec(seed=99),
        account_id="acct_" + "b" * 32,
        user="mallory",
        lease_epoch=7,
        metadata={"a": 1},
        is_rehearsal=True,
        work_id="work",
        expires_at=later(minutes=90),
        is_film_gone=True,
    )
    assert await subject.do(Transaction.move, task, forged, Event.READY, at=AT)
    assert await subject.task(task.id) == replace(
        after, work_id="work", expires_at=later(minutes=90), is_film_gone=True
    )


async def the_end_settles_the_money_once(subject: Subject) -> None:
    """Hold = capture + release for every end, price 0 included (P5)."""
    for hold_microusd, charged_microusd in ((0, 0), (1, 0), (300, 300), (10**15, 10**15 - 1)):
        task = await subject.put(Status.STORING, hold_microusd=hold_microusd)
        after = moved(
            task, Event.STORED, at=AT, measures=a_measure(), charged_microusd=charged_microusd
        )
        assert await subject.do(Transaction.move, task, after, Event.STORED, at=AT)
        assert await subject.ask(Transaction.entries, task.id) == _settled(task, charged_microusd)
        again = await subject.do(Transaction.move, task, after, Event.STORED, at=AT)
        assert not again
        assert await subject.ask(Transaction.entries, task.id) == _settled(task, charged_microusd)


def _settled(task: Task, charged_microusd: int) -> list[Entry]:
    released = task.hold_microusd - charged_microusd
    return [
        a_hold(task),
        Entry(task.id, task.account_id, EntryKind.CAPTURE, charged_microusd),
        Entry(task.id, task.account_id, EntryKind.RELEASE, released),
    ]


async def the_end_owes_one_webhook(subject: Subject) -> None:
    """Every end puts one event into the outbox, of the type its dialects have a word for."""
    expected = []
    for status in FINAL:
        task = await subject.put(status)
        expected.append((task.id, NEWS[status]))
    assert sorted(subject.news()) == sorted(expected)


async def what_has_not_ended_settles_nothing(subject: Subject) -> None:
    """On the way there is a hold, no webhook, and nothing for the keeper."""
    for status in set(Status) - FINAL:
        task = await subject.put(status)
        assert await subject.ask(Transaction.entries, task.id) == [a_hold(task)]
    assert subject.news() == []
    assert await subject.ask(Transaction.submits_to_look_at, later(minutes=999), 99) == []


async def the_end_hands_open_submits_to_the_keeper(subject: Subject) -> None:
    """What may still be with a provider is looked after from then on; the rest is not (P11)."""
    task = await subject.put(Status.RUNNING)
    written = []
    for n, verdict in enumerate(Verdict, start=2):
        submit = answered(a_submit(task, n=n), verdict)
        await subject.do(Transaction.add_submit, submit)
        written.append(submit)
    other = await subject.put(Status.RUNNING)
    after = moved(task, Event.CANCELED, at=AT)
    assert await subject.do(Transaction.move, task, after, Event.CANCELED, at=AT)
    now = await subject.ask(Transaction.submits, task.id)
    assert now[0].look_at == AT
    assert now[1:] == [
        replace(submit, look_at=AT if submit.verdict in OPEN else None) for submit in written
    ]
    assert [one.look_at for one in await subject.ask(Transaction.submits, other.id)] == [None]


async def a_move_is_told_to_whoever_listens(subject: Subject) -> None:
    """A committed move names its task; one that was not possible names nobody."""
    task = await subject.put(Status.RUNNING)
    subject.changes.clear()
    after = moved(task, Event.READY, at=AT)
    await subject.do(Transaction.move, task, after, Event.READY, at=AT)
    await subject.do(Transaction.move, task, after, Event.READY, at=AT)
    assert subject.changes == [{task.id}]
