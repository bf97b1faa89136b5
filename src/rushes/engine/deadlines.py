"""Every task ends (P3): what happens to one whose present status ran out of time.

Used by the worker that holds the task and by the keeper that finds it; whoever is first
wins, by compare-and-set on the row.

No task that a provider has, or may have, ends unasked: a server that was down for hours finds
deadlines passed, and films that were ready in time. Such a task gets a little more time, once,
and the keeper looks at its provider in it. What says that this was granted is a counted fault of
the task, so that no worker's late write can take it back and grant it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.errors import Failure, LeaseLost, Reason
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Status, Task, advance
from rushes.engine import ledger, routing
from rushes.engine.world import World
from rushes.ports import Transaction

LAST_LOOK: Final = "its time was over: its provider is asked once more"
_ANSWERED: Final = frozenset(
    {Verdict.RETURNED, Verdict.ACCEPTED, Verdict.READY, Verdict.LOST, Verdict.CANCELED}
)


async def run_out(task: Task, world: World) -> None:
    """Move a task on whose deadline has passed; one that moved meanwhile is left alone."""
    at = world.clock.now()

    def act(tx: Transaction) -> None:
        now = tx.task(task.id)
        if now is not None and now.deadline_at is not None and now.deadline_at <= at:
            _end(tx, now, world, at)

    try:
        await world.store.write(act)
    except LeaseLost:
        return


async def end_looked_at(task: Task, submit: Submit, world: World) -> None:
    """A look found nothing new: end the task if that was its last one, else leave it be."""
    at = world.clock.now()

    def act(tx: Transaction) -> None:
        now = tx.task(task.id)
        tx.change_submit(replace(submit, look_at=None), frozenset({submit.verdict}))
        if now is None or now.status is not task.status or not is_last_look(tx, now):
            return
        if now.status is Status.RUNNING:
            _time_out(tx, now, world, at)
        elif now.status is Status.IN_DOUBT:
            ledger.fail(tx, now, Failure.of(Reason.SUBMIT_IN_DOUBT), at=at)

    await world.store.write(act)


def is_last_look(tx: Transaction, task: Task) -> bool:
    """Say whether a task has its time behind it, and only waits for one last look."""
    return any(
        fault.note == LAST_LOOK and fault.status is task.status for fault in tx.faults(task.id)
    )


def _end(tx: Transaction, task: Task, world: World, at: datetime) -> None:
    submits = tx.submits(task.id)
    match task.status:
        case Status.QUEUED if task.submit_count == 0:
            after = advance(task, Event.EXPIRED, at=at, failure=_expired(task, at))
            tx.move(task, after, Event.EXPIRED, at=at)
        case Status.QUEUED:
            ledger.fail(tx, task, _never_taken(task, submits[-1], at), at=at)
        case Status.SUBMITTING | Status.IN_DOUBT if submits[-1].verdict in _ANSWERED:
            ledger.follow_now(tx, task, submits[-1], world, at)
        case Status.SUBMITTING:
            _into_doubt(tx, task, submits[-1], world, at)
        case Status.IN_DOUBT:
            _out_of_doubt(tx, task, submits, world, at)
        case Status.RUNNING:
            _out_of_render(tx, task, submits[-1], world, at)
        case Status.STORING:
            _out_of_collect(tx, task, world, at)


def _out_of_render(tx: Transaction, task: Task, submit: Submit, world: World, at: datetime) -> None:
    if submit.verdict is Verdict.READY:
        ledger.follow_now(tx, task, submit, world, at)
        return
    is_there = submit.verdict is Verdict.ACCEPTED
    if not is_there or not _owe_a_last_look(tx, task, submit, world, at):
        _time_out(tx, task, world, at)


def _out_of_collect(tx: Transaction, task: Task, world: World, at: datetime) -> None:
    """A film that is there is tried for once more: whoever was to fetch it may have been away."""
    if not _give_more_time(tx, task, world, at):
        ledger.fail(tx, task, Failure.of(Reason.OUTPUT_LOST), at=at)


def _time_out(tx: Transaction, task: Task, world: World, at: datetime) -> None:
    limit = int(world.budgets.render.total_seconds())
    message = f"The video was not finished within {limit} seconds."
    ledger.fail(tx, task, Failure.of(Reason.TIMED_OUT, message), at=at)


def _owe_a_last_look(
    tx: Transaction, task: Task, submit: Submit, world: World, at: datetime
) -> bool:
    """Leave a task its provider's last word, once; say whether it was not had before."""
    if not _give_more_time(tx, task, world, at):
        return False
    tx.change_submit(replace(submit, look_at=at), frozenset({submit.verdict}))
    return True


def _give_more_time(tx: Transaction, task: Task, world: World, at: datetime) -> bool:
    """Give a task a little more time where it stands, once; say whether it had none before."""
    if is_last_look(tx, task):
        return False
    if not tx.extend(task, at + world.budgets.last_look):
        raise LeaseLost(f"{task.id}: it moved on meanwhile")
    tx.count_fault(task, LAST_LOOK, at=at)
    return True


def _into_doubt(tx: Transaction, task: Task, submit: Submit, world: World, at: datetime) -> None:
    """Nobody wrote an answer in time: from now on finds and the quarantine decide."""
    if submit.verdict is Verdict.INTENT:
        note = "no answer was written down in time"
        doubted = replace(submit, verdict=Verdict.DOUBT, note=note, answered_at=at)
        tx.change_submit(doubted, frozenset({Verdict.INTENT}))
    after = advance(task, Event.DOUBTED, at=at, deadline_at=at + world.budgets.doubt)
    tx.move(task, after, Event.DOUBTED, at=at)


def _out_of_doubt(
    tx: Transaction, task: Task, submits: Sequence[Submit], world: World, at: datetime
) -> None:
    submit = submits[-1]
    if submit.is_billable:
        is_searchable = submit.verdict is Verdict.DOUBT
        if not is_searchable or not _owe_a_last_look(tx, task, submit, world, at):
            ledger.fail(tx, task, Failure.of(Reason.SUBMIT_IN_DOUBT), at=at)
        return
    may_ask_again = routing.attempts_left(submit, submits, world.catalog, task)
    if may_ask_again and at < ledger.queue_deadline(task):
        after = advance(task, Event.RETURNED, at=at, deadline_at=ledger.queue_deadline(task))
        tx.move(task, after, Event.RETURNED, at=at)
        return
    ledger.fail(tx, task, Failure.of(Reason.PROVIDER_FAILED), at=at)


def _is_start_deadline(task: Task, at: datetime) -> bool:
    if task.start_within_s is None:
        return False
    return task.created_at + timedelta(seconds=task.start_within_s) <= at


def _expired(task: Task, at: datetime) -> Failure:
    if not _is_start_deadline(task, at):
        return Failure.of(Reason.EXPIRED)
    message = f"The task was not started within {task.start_within_s} seconds, as the caller asked."
    return Failure.of(Reason.EXPIRED, message)


def _never_taken(task: Task, submit: Submit, at: datetime) -> Failure:
    """Say why a task that was offered, but never taken, ends."""
    if _is_start_deadline(task, at):
        return _expired(task, at)
    return Failure.of(submit.reason or Reason.PROVIDER_RATE_LIMITED)
