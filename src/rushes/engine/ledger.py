"""Writing down what was learned: evidence first, for anyone who has it; then the move, fenced.

The row of a submit is evidence of money and is never fenced; the status of a task moves only
for the worker that owns it. Both happen in one transaction.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.errors import Failure, LeaseLost, StoreBusy, StoreInDoubt
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Status, Task, advance
from rushes.engine.world import Unwritten, World
from rushes.ports import Budgets, Transaction, Work, work_id_of

UNANSWERED: Final = frozenset({Verdict.INTENT, Verdict.DOUBT})
UNFINISHED: Final = UNANSWERED | {Verdict.ACCEPTED}
_HAS_IT: Final = frozenset({Verdict.ACCEPTED, Verdict.READY, Verdict.LOST, Verdict.CANCELED})


async def learn(
    task: Task,
    submit: Submit,
    expected: frozenset[Verdict],
    world: World,
    *,
    failure: Failure | None = None,
    is_found: bool = False,
) -> bool:
    """Record what became of a submit, and move the task by it if it is still this worker's.

    A ticket that was found by a search (`is_found`) may be another submit's: then nothing is
    recorded, and the answer is False.

    `task` is the worker's view of it; `failure` ends the task. For a task that has ended the
    row goes to the keeper, and a film that is ready counts as late (P11). What the store does not
    take now is remembered, and written by the keeper as soon as it does: the ticket of a film that
    may be on a bill is in no other place.

    Raises:
        LeaseLost: the evidence is recorded, but the task belongs to someone else.
        StoreBusy, StoreInDoubt: it is remembered, but perhaps not recorded yet.
    """
    at = world.clock.now()

    def act(tx: Transaction) -> bool | None:
        if is_found and tx.is_ticket_known(submit):
            return None
        now = tx.hold_task(task.id)  # else a move that came too late would take the evidence along
        is_over = now is None or now.is_final
        learned = _after_the_end(submit, at) if is_over else submit
        is_news = tx.change_submit(learned, expected)
        if now is None or is_over or now.lease_epoch != task.lease_epoch:
            return False
        if is_news:
            _follow(tx, now, submit, world, at, failure)
        return True

    name = (submit.task_id, submit.n)
    try:
        is_ours = await world.store.write(act)
    except (StoreBusy, StoreInDoubt):
        if not is_found:  # a search finds it again
            world.unwritten.setdefault(name, Unwritten(task, submit, expected, failure))
        raise
    late = world.unwritten.get(name)
    if late is not None and late.submit == submit:
        del world.unwritten[name]
    if is_ours is False:
        raise LeaseLost(f"{task.id}: what was learned is recorded, the task is not ours")
    return is_ours is not None


async def write_down(world: World) -> None:
    """Record what was learned while the store was away.

    Raises:
        StoreBusy: it still is.
    """
    for late in list(world.unwritten.values()):
        with suppress(LeaseLost):  # it is recorded, and somebody else goes on by it
            await learn(late.task, late.submit, late.expected, world, failure=late.failure)


async def follow(task: Task, submit: Submit, world: World) -> None:
    """Move a task by evidence that is in its submit's row already."""
    at = world.clock.now()

    def act(tx: Transaction) -> None:
        now = tx.task(task.id)
        if now is None or now.is_final or now.lease_epoch != task.lease_epoch:
            raise LeaseLost(f"{task.id}: not ours to move")
        follow_now(tx, now, submit, world, at)

    await world.store.write(act)


def follow_now(tx: Transaction, task: Task, submit: Submit, world: World, at: datetime) -> None:
    """Move a task by evidence that is in its submit's row, within a transaction.

    Raises:
        LeaseLost: the task moved on meanwhile; nothing was written.
    """
    _follow(tx, task, submit, world, at, None)


def _after_the_end(submit: Submit, at: datetime) -> Submit:
    """What a submit's row says once nobody waits for its film any more."""
    if submit.verdict is Verdict.READY:
        return replace(submit, verdict=Verdict.LATE, look_at=None)
    return replace(submit, look_at=at if submit.is_open else None)


def _follow(
    tx: Transaction,
    task: Task,
    submit: Submit,
    world: World,
    at: datetime,
    failure: Failure | None,
) -> None:
    if failure is not None:
        fail(tx, task, failure, at=at)
    elif task.status in {Status.SUBMITTING, Status.IN_DOUBT}:
        _follow_answer(tx, task, submit, world, at)
    elif task.status is Status.RUNNING and submit.verdict is Verdict.READY:
        budget = world.budgets.collect
        after = advance(task, Event.READY, at=at, deadline_at=at + budget)
        after = replace(after, work_id=work_id_of(after, Work.COLLECT))
        _move(tx, task, after, Event.READY, at)
        world.dispatcher.enqueue(tx, after, Work.COLLECT, queue="")


def _follow_answer(tx: Transaction, task: Task, submit: Submit, world: World, at: datetime) -> None:
    if submit.verdict in _HAS_IT:
        accept(tx, task, world.budgets, at=at)
    elif submit.verdict is Verdict.RETURNED:
        _move_back(tx, task, at)
    elif submit.verdict is Verdict.DOUBT and task.status is Status.SUBMITTING:
        after = advance(task, Event.DOUBTED, at=at, deadline_at=at + world.budgets.doubt)
        _move(tx, task, after, Event.DOUBTED, at)


def accept(tx: Transaction, task: Task, budgets: Budgets, *, at: datetime) -> None:
    """Say that a provider has the task.

    Raises:
        LeaseLost: the task moved on meanwhile; nothing was written.
    """
    after = advance(task, Event.ACCEPTED, at=at, deadline_at=at + budgets.render)
    _move(tx, task, after, Event.ACCEPTED, at)


def queue_deadline(task: Task) -> datetime:
    """Return when a queued task runs out of time: the queue's budget or the caller's own."""
    if task.start_within_s is None:
        return task.queue_deadline_at
    started_by = task.created_at + timedelta(seconds=task.start_within_s)
    return min(task.queue_deadline_at, started_by)


def _move_back(tx: Transaction, task: Task, at: datetime) -> None:
    after = advance(task, Event.RETURNED, at=at, deadline_at=queue_deadline(task))
    _move(tx, task, after, Event.RETURNED, at)


async def give_back(task: Task, world: World) -> None:
    """Take a task of an own GPU out of doubt: it may be rendered again."""
    at = world.clock.now()
    await world.store.write(lambda tx: _move_back(tx, task, at))


async def end(task: Task, failure: Failure, world: World) -> None:
    """End a task without a film."""
    at = world.clock.now()
    await world.store.write(lambda tx: fail(tx, task, failure, at=at))


def fail(tx: Transaction, task: Task, failure: Failure, *, at: datetime) -> None:
    """End a task without a film; nothing is charged.

    Raises:
        LeaseLost: the task moved on meanwhile; nothing was written.
    """
    _move(tx, task, advance(task, Event.FAILED, at=at, failure=failure), Event.FAILED, at)


def _move(tx: Transaction, before: Task, after: Task, event: Event, at: datetime) -> None:
    if not tx.move(before, after, event, at=at):
        raise LeaseLost(f"{before.id}: it moved on meanwhile")
