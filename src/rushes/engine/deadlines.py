"""Every task ends (P3): what happens to one whose present status ran out of time.

Used by the worker that holds the task and by the keeper that finds it; whoever is first
wins, by compare-and-set on the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rushes.domain.errors import Failure, LeaseLost, Reason
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Status, Task, advance
from rushes.engine import ledger, routing
from rushes.engine.world import World
from rushes.ports import Transaction


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


def _end(tx: Transaction, task: Task, world: World, at: datetime) -> None:
    submits = tx.submits(task.id)
    match task.status:
        case Status.QUEUED if task.submit_count == 0:
            after = advance(task, Event.EXPIRED, at=at, failure=_expired(task, at))
            tx.move(task, after, Event.EXPIRED, at=at)
        case Status.QUEUED:
            ledger.fail(tx, task, _never_taken(task, submits[-1], at), at=at)
        case Status.SUBMITTING:
            _into_doubt(tx, task, submits[-1], world, at)
        case Status.IN_DOUBT:
            _out_of_doubt(tx, task, submits, world, at)
        case Status.RUNNING:
            limit = _whole_seconds(world.budgets.render)
            message = f"The video was not finished within {limit} seconds."
            ledger.fail(tx, task, Failure.of(Reason.TIMED_OUT, message), at=at)
        case Status.STORING:
            ledger.fail(tx, task, Failure.of(Reason.OUTPUT_LOST), at=at)


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


def _whole_seconds(budget: timedelta) -> int:
    return int(budget.total_seconds())
