"""How many tasks that are due at once read their rows: together, in one transaction.

A step begins with the rows as they are now. On PostgreSQL that is two questions, and three waits
in a thread; where two hundred tasks a second look at their upstream it was half of what a look
took. Whoever comes while a read is under way waits for the next one, with all who came meanwhile,
so that nobody sees less than was committed when it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from rushes.domain.submit import Submit
from rushes.domain.task import Task
from rushes.ports import Store, Transaction

TOGETHER_MAX: Final = 100

Rows = tuple[Task | None, Sequence[Submit]]


async def alone(task_id: str, store: Store) -> Rows:
    """Read the rows of one task."""
    return await store.read(lambda tx: (tx.task(task_id), tx.submits(task_id)))


class Together:
    """Reads the rows of tasks for the steps of one loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, asyncio.Future[Rows]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __call__(self, task_id: str) -> Rows:
        """Return a task and its submits as they stand.

        Raises:
            StoreBusy: the database is away, or too many reads wait.
        """
        answer = self._waiting.get(task_id)
        if answer is None:
            answer = self._waiting[task_id] = asyncio.get_running_loop().create_future()
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(answer)

    async def _read(self) -> None:
        """Read for all who wait, until nobody does."""
        asked: dict[str, asyncio.Future[Rows]] = {}
        try:
            while self._waiting:
                asked = {one: self._waiting.pop(one) for one in list(self._waiting)[:TOGETHER_MAX]}
                try:
                    found = await self._store.read(partial(_rows, list(asked)))
                except Exception as fault:  # noqa: BLE001 -- theirs who asked
                    for answer in asked.values():
                        answer.set_exception(fault)
                else:
                    for task_id, answer in asked.items():
                        answer.set_result(found[task_id])
        finally:
            self._reading = None
            for answer in (*asked.values(), *self._waiting.values()):
                answer.cancel()  # nothing, to one that was answered
            self._waiting.clear()


def _rows(task_ids: Sequence[str], tx: Transaction) -> dict[str, Rows]:
    tasks, submits = tx.tasks_by_id(task_ids), tx.submits_by_task(task_ids)
    return {task_id: (tasks.get(task_id), submits[task_id]) for task_id in task_ids}
