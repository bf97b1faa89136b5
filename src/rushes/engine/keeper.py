"""The keeper: what must happen although no worker is looking.

Ends what ran out of time, looks after submits of ended tasks, gives new work to tasks whose
work ended early, and sweeps. Every duty is a bounded act over rows, so any number of keepers
may run, and one that dies in the middle has done no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from rushes.domain.catalog import SANDBOX
from rushes.domain.submit import Submit
from rushes.domain.task import Task
from rushes.engine.aftercare import look_after
from rushes.engine.deadlines import run_out
from rushes.engine.queues import give_work
from rushes.engine.world import World
from rushes.observe import log
from rushes.ports import Transaction

BATCH: Final = 100
SWEEP_EVERY: Final = timedelta(seconds=60)
REWORK_EVERY: Final = timedelta(seconds=15)
REWORK_AFTER: Final = timedelta(seconds=10)
TRY_AGE_MIN: Final = timedelta(minutes=10)
TEMPORARY_AGE: Final = timedelta(hours=1)
HISTORY_AGE: Final = timedelta(hours=1)


class Records(Protocol):
    """What the keeper asks of the engine's own records."""

    def ended(self, work_ids: list[str]) -> set[str]:
        """Return which pieces of work have ended, one way or another."""
        ...

    def forget_history(self, before: datetime, limit: int) -> int:
        """Drop the engine's own record of work that ended before."""
        ...


@dataclass(slots=True)
class Keeper:
    """One keeper; `tend` is called about once a second, `executor` names this process."""

    world: World
    records: Records
    executor: str
    _swept_at: datetime | None = field(default=None, init=False)
    _reworked_at: datetime | None = field(default=None, init=False)
    _cursor: str = field(default="", init=False)

    async def tend(self) -> None:
        """Do every duty that is due."""
        at = self.world.clock.now()
        await self.world.store.write(lambda tx: tx.beat(self.executor, at))
        await self.end_overdue(at)
        await self.look_after_submits(at)
        if self._reworked_at is None or at - self._reworked_at >= REWORK_EVERY:
            self._reworked_at = at
            await self.rework(at)
        if self._swept_at is None or at - self._swept_at >= SWEEP_EVERY:
            self._swept_at = at
            await self.sweep(at)

    async def end_overdue(self, at: datetime) -> None:
        """End, or move on, every task whose present status ran out of time (P3)."""
        for task in await self.world.store.read(lambda tx: tx.due(at, BATCH)):
            await run_out(task, self.world)

    async def look_after_submits(self, at: datetime) -> None:
        """Tell providers to stop, and wait for verdicts nobody else waits for (P11)."""

        def due(tx: Transaction) -> list[tuple[Submit, Task | None]]:
            return [
                (submit, tx.task(submit.task_id)) for submit in tx.submits_to_look_at(at, BATCH)
            ]

        for submit, task in await self.world.store.read(due):
            await look_after(submit, task, self.world)

    async def rework(self, at: datetime) -> None:
        """Give new work to unfinished tasks whose work ended early, a page at a time."""
        tasks = await self.world.store.read(lambda tx: tx.unfinished(self._cursor, BATCH))
        self._cursor = tasks[-1].id if len(tasks) == BATCH else ""
        by_work = {
            task.work_id: task
            for task in tasks
            if task.work_id is not None and at - task.created_at >= REWORK_AFTER
        }
        if not by_work:
            return
        for work_id in self.records.ended(list(by_work)):
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
        await self._sweep_artifacts(at - TRY_AGE_MIN)
        await self.world.blobs.sweep_temporary(at - TEMPORARY_AGE)
        await self.world.store.write(lambda tx: self._sweep_inputs(tx, at - budgets.orphan_input))
        await self.world.store.write(lambda tx: tx.forget_answers(at - budgets.answer, BATCH))
        self.records.forget_history(at - HISTORY_AGE, BATCH)

    async def _sweep_artifacts(self, before: datetime) -> None:
        lost = await self.world.store.read(lambda tx: tx.sweepable(before, BATCH))
        for artifact in lost:
            await self.world.blobs.delete(artifact.blob)
        if lost:
            await self.world.store.write(lambda tx: tx.swept([one.blob for one in lost]))

    def _sweep_inputs(self, tx: Transaction, before: datetime) -> None:
        """Remove orphans inside the transaction: an upload of the same bytes waits its turn."""
        orphans = tx.orphan_inputs(before, BATCH)
        for blob in orphans:
            self.world.blobs.delete_now(f"inputs/{blob}")
        if orphans:
            tx.drop_inputs(orphans)
