"""The keeper: what must happen although no worker is looking.

Ends what ran out of time, looks after submits of ended tasks, gives new work to tasks whose
work ended early, and sweeps. Every duty is a bounded act over rows, so any number of keepers
may run, and one that dies in the middle has done no harm. A row that breaks its act is told,
and keeps no other row waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from rushes.domain.catalog import SANDBOX
from rushes.domain.errors import StoreBusy
from rushes.domain.submit import Submit
from rushes.domain.task import Task
from rushes.engine import aftercare, ledger
from rushes.engine.deadlines import run_out
from rushes.engine.mailroom import Mailroom
from rushes.engine.queues import give_work
from rushes.engine.routing import by_way, may_go_on
from rushes.engine.world import World
from rushes.observe import about, log
from rushes.ports import Transaction

BATCH: Final = 100
PARTS_MAX: Final = 100
"""A sweep takes at most so many batches, else it would keep deadlines waiting."""

INPUTS_AT_ONCE: Final = 10
"""Inputs go inside a transaction, which a bucket must not hold for long."""

REMOVED_AT_ONCE: Final = 10
"""So many blobs are removed before it is written down, so that a sweep cut short gets on."""

SWEEP_S: Final = 5.0
"""How long a part of a sweep may take: deadlines wait for it. The rest goes a minute later."""

SWEEP_EVERY: Final = timedelta(seconds=60)
REWORK_EVERY: Final = timedelta(seconds=15)
REWORK_AFTER: Final = timedelta(seconds=10)
WRITING_MARGIN: Final = timedelta(minutes=10)
"""How long after the time of its task a writer may still be at a try, decoding included."""

DEQUEUED_FOR_S: Final = 60.0
"""How long ago work must have been dequeued that is expected to have begun."""

TEMPORARY_AGE: Final = timedelta(hours=1)
HISTORY_AGE: Final = timedelta(hours=1)


class Records(Protocol):
    """What the keeper asks of the engine's own records."""

    async def ended(self, work_ids: list[str]) -> set[str]:
        """Return which pieces of work are not alive; one without a record has ended."""
        ...

    async def forget_history(self, before: datetime, limit: int) -> int:
        """Drop the engine's own record of work that ended before."""
        ...


def _ring_nobody(_task_ids: Iterable[str]) -> None:
    """Nobody waits here."""


def _tell(name: str, fault: Exception) -> None:
    log.error("a keeper's duty failed", about=name, exc_info=fault)


@dataclass(slots=True)
class Keeper:
    """One keeper; `tell` hears of acts that broke, `ring` wakes who carries tasks in this process.

    Without a `mailroom` no webhooks are delivered here; `executor` is the name under which this
    process dequeues work.

    `tend` and `look_after_submits` are called about once a second, each by a caller of its
    own: only the latter waits for providers.
    """

    world: World
    records: Records
    tell: Callable[[str, Exception], None] = _tell
    mailroom: Mailroom | None = None
    ring: Callable[[Iterable[str]], None] = _ring_nobody
    executor: str | None = None
    _unbegun: set[str] = field(default_factory=set, init=False)
    _swept_at: datetime | None = field(default=None, init=False)
    _reworked_at: datetime | None = field(default=None, init=False)
    _cursor: str = field(default="", init=False)

    async def tend(self) -> None:
        """Do every duty that is due and needs no provider."""
        at = self.world.clock.now()
        with self._apart("what was learned while the store was away"):
            await ledger.write_down(self.world)
        with self._apart("tasks that ran out of time"):
            await self.end_overdue(at)
        with self._apart("whose turn it is"):
            await self.pass_turns()
        with self._apart("tasks whose route works again"):
            await self.wake_waiting(at)
        if _is_due(self._reworked_at, REWORK_EVERY, at):
            self._reworked_at = at
            with self._apart("tasks whose work ended early"):
                await self.rework(at)
        if _is_due(self._swept_at, SWEEP_EVERY, at):
            self._swept_at = at
            await self.sweep(at)

    @contextmanager
    def _apart(self, name: str) -> Iterator[None]:
        """Let what breaks here break nothing else; a busy store is busy for all."""
        try:
            yield
        except StoreBusy:
            raise
        except Exception as fault:  # noqa: BLE001 -- one bad row must not stop the keeper
            self.tell(name, fault)

    async def end_overdue(self, at: datetime) -> None:
        """End, or move on, every task whose present status ran out of time (P3)."""
        for task in await self.world.store.read(lambda tx: tx.due(at, BATCH)):
            with self._apart(task.id), about(task_id=task.id):
                await run_out(task, self.world)

    async def pass_turns(self) -> None:
        """Note where each queue stands, so that whoever comes new begins there."""
        for queue in await self.world.store.read(lambda tx: tx.turn_queues()):
            await self.world.store.write(partial(_pass_turns, queue))

    async def wake_waiting(self, at: datetime) -> None:
        """Wake tasks of this process whose route works again before it was to be asked.

        A probe that is taken, or an operator, has it work for all; who waits for it was told to
        wait for up to ten minutes.
        """
        if not self.world.waiting:
            return
        healths = by_way(await self.world.store.read(lambda tx: tx.healths()))
        waiting = list(self.world.waiting.items())
        self.ring([task_id for task_id, ways in waiting if may_go_on(ways, healths, at)])

    async def look_after_submits(self) -> None:
        """Tell providers to stop, and wait for verdicts nobody else waits for (P11)."""
        for submit in await self.submits_to_look_after():
            await self.look_after(submit)

    async def submits_to_look_after(self) -> Sequence[Submit]:
        """Take submits in hand that are due: of many keepers each is looked after by one."""
        at, budgets = self.world.clock.now(), self.world.budgets
        due = await self.world.store.read(lambda tx: tx.submits_to_look_at(at, BATCH))
        if not due:
            return ()
        until = at + budgets.submit_call + budgets.submit_margin
        return await self.world.store.write(lambda tx: _hold(tx, due, until))

    async def look_after(self, submit: Submit) -> None:
        """Do one bounded act for a submit; one that breaks has to wait, as after any trouble."""
        name = f"{submit.task_id}, submit {submit.n}"
        try:
            task = await self.world.store.read(lambda tx: tx.task(submit.task_id))
            with about(task_id=submit.task_id):
                await aftercare.look_after(submit, task, self.world)
        except StoreBusy:
            raise
        except Exception as fault:  # noqa: BLE001 -- a provider may raise anything
            self.tell(name, fault)
            with self._apart(name):
                await aftercare.later(submit, self.world)

    async def rework(self, at: datetime) -> None:
        """Give new work to unfinished tasks whose work ended early, a page at a time."""
        tasks = await self.world.store.read(lambda tx: tx.unfinished(self._cursor, BATCH))
        if not tasks and self._cursor:
            tasks = await self.world.store.read(lambda tx: tx.unfinished("", BATCH))
        self._cursor = tasks[-1].id if tasks else ""
        by_work = {
            task.work_id: task
            for task in tasks
            if task.work_id is not None and at - task.created_at >= REWORK_AFTER
        }
        if not by_work:
            return
        for work_id in await self.records.ended(list(by_work)):
            with self._apart(work_id):
                await self._give_new_work(by_work[work_id])

    async def _give_new_work(self, task: Task) -> None:
        def act(tx: Transaction) -> bool:
            now = tx.task(task.id)
            if now is None or now.is_final or now.work_id != task.work_id:
                return False
            return give_work(tx, now, now.queue or SANDBOX, self.world.dispatcher)

        if await self.world.store.write(act):
            log.warning("work ended early; the task was given new work", task_id=task.id)

    async def sweep(self, at: datetime) -> None:
        """Remove what nobody will want: lost tries, orphan inputs, old answers and history."""
        budgets = self.world.budgets
        parts: dict[str, Callable[[], Awaitable[int]]] = {
            "inputs of ended tasks": partial(self._release_inputs, at),
            "what ended tasks released": self._fold_refunds,
            "old answers": partial(self._forget_answers, at - budgets.answer),
            "old history": partial(self._forget_history, at - HISTORY_AGE),
            "expired films": partial(self._expire, at),
            "lost tries": partial(self._sweep_artifacts, at - budgets.collect - WRITING_MARGIN),
            "orphan inputs": partial(self._sweep_inputs, at - budgets.orphan_input),
            "work that nobody began": self._give_back_unbegun,
            "starts that are yet to come": self._forgive_starts,
            "temporary files": partial(self._sweep_temporary, at - TEMPORARY_AGE),
        }
        if self.mailroom is not None:
            parts["old posts"] = self.mailroom.sweep
        for name, part in parts.items():
            try:
                async with self.world.patience(SWEEP_S):
                    with self._apart(name):
                        await _until_little_is_left(part)
            except TimeoutError:
                log.warning("a sweep was cut short; it goes on in a minute", about=name)
                break

    async def _expire(self, at: datetime) -> int:
        """Remove films that were kept long enough, and tasks of test keys, record and all.

        The rows come first: a blob that stays is found by the sweep of lost tries.
        """
        tasks, keys = await self.world.store.read(lambda tx: (tx.expired(at, BATCH), tx.keys()))
        test_keys = {key.id for key in keys if key.is_test}

        def give_up(tx: Transaction, task: Task) -> list[str]:
            blobs = [artifact.blob for artifact in tx.artifacts(task.id)]
            if task.key_id in test_keys:
                tx.remove_task(task.id)
                return blobs
            return blobs if tx.give_up_film(task.id) else []

        for task in tasks:
            await self._remove(await self.world.store.write(partial(give_up, task=task)))
        return len(tasks)

    async def _release_inputs(self, at: datetime) -> int:
        inputs_s = self.world.retention.inputs_s
        if inputs_s is None:
            return 0
        before = at - timedelta(seconds=inputs_s)
        return await self.world.store.write(lambda tx: tx.release_inputs(before, BATCH))

    async def _fold_refunds(self) -> int:
        """Tell purses what ended tasks released, where no accept of theirs has."""
        accounts = await self.world.store.read(lambda tx: tx.refunded(BATCH))
        for account_id in accounts:
            await self.world.store.write(partial(_fold, account_id), alone=True)
        return len(accounts)

    async def _give_back_unbegun(self) -> int:
        """Give back work that this process dequeued, and does not know of, twice in a row.

        It was dequeued in a commit whose answer was lost: nobody carries it, and its slot is taken.
        """
        if self.executor is None:
            return 0
        executor = self.executor
        dequeued = await self.world.store.read(lambda tx: tx.dequeued(executor, DEQUEUED_FOR_S))
        unbegun = set(dequeued) - self.world.carrying
        works, self._unbegun = sorted(unbegun & self._unbegun), unbegun
        if works:
            count = await self.world.store.write(lambda tx: tx.requeue(works))
            log.warning("work that was dequeued and not begun goes back to its queue", tasks=count)
        return 0

    async def _forgive_starts(self) -> int:
        return await self.world.store.write(lambda tx: tx.forgive_starts())

    async def _sweep_artifacts(self, before: datetime) -> int:
        lost = await self.world.store.read(lambda tx: tx.sweepable(before, BATCH))
        await self._remove([artifact.blob for artifact in lost])
        return len(lost)

    async def _remove(self, blobs: Sequence[str]) -> None:
        """Remove blobs, and write down that they are gone, a few at a time."""
        for start in range(0, len(blobs), REMOVED_AT_ONCE):
            some = blobs[start : start + REMOVED_AT_ONCE]
            for blob in some:
                await self.world.blobs.delete(blob)
            await self.world.store.write(partial(_write_off, blobs=some))

    async def _sweep_temporary(self, before: datetime) -> int:
        return await self.world.blobs.sweep_temporary(self.world.told_at(before))

    async def _sweep_inputs(self, before: datetime) -> int:
        """Remove orphans inside the transaction: an upload of the same bytes waits its turn."""

        def act(tx: Transaction) -> int:
            orphans = tx.take_orphans(before, INPUTS_AT_ONCE)
            for blob in orphans:
                self.world.blobs.delete_now(f"inputs/{blob}")
            return len(orphans)

        count = await self.world.store.write(act)
        return BATCH if count == INPUTS_AT_ONCE else count  # there may be more

    async def _forget_answers(self, before: datetime) -> int:
        return await self.world.store.write(lambda tx: tx.forget_answers(before, BATCH))

    async def _forget_history(self, before: datetime) -> int:
        return await self.records.forget_history(before, BATCH)


def _hold(tx: Transaction, due: Sequence[Submit], until: datetime) -> list[Submit]:
    """Take submits in hand, in one order for all, so that no two keepers wait for each other.

    The oldest is returned first: where an account's looks are few, it has waited longest.
    """
    in_order = sorted(due, key=lambda submit: (submit.task_id, submit.n))
    held = {(one.task_id, one.n): tx.hold_submit(one, until) for one in in_order}
    return [mine for one in due if (mine := held[one.task_id, one.n]) is not None]


def _pass_turns(queue: str, tx: Transaction) -> None:
    tx.pass_turns(queue)


def _fold(account_id: str, tx: Transaction) -> None:
    tx.fold_refunds(account_id)


def _is_due(last: datetime | None, every: timedelta, at: datetime) -> bool:
    """Say whether to do it again; a clock that was set back makes it due."""
    return last is None or not timedelta(0) <= at - last < every


def _write_off(tx: Transaction, blobs: Sequence[str]) -> None:
    tx.swept(blobs)


async def _until_little_is_left(part: Callable[[], Awaitable[int]]) -> None:
    """Take batch after batch: what a minute brings must not be more than a sweep takes away."""
    for _ in range(PARTS_MAX):
        if await part() < BATCH:
            return
