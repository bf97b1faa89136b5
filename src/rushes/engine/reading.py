"""What a step begins with: a task and its submits as they stand, of one task or of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from rushes.domain.submit import Submit
from rushes.domain.task import Task
from rushes.ports import Store, Transaction

Rows = tuple[Task | None, Sequence[Submit]]


async def rows_of(task_id: str, store: Store) -> Rows:
    """Read the rows of one task."""
    return await store.read(lambda tx: (tx.task(task_id), tx.submits(task_id)))


async def rows_of_many(store: Store, task_ids: Sequence[str]) -> Mapping[str, Rows]:
    """Read the rows of many tasks in one transaction; a task that is not there is None."""
    return await store.read(partial(_rows, task_ids))


def _rows(task_ids: Sequence[str], tx: Transaction) -> dict[str, Rows]:
    tasks, submits = tx.tasks_by_id(task_ids), tx.submits_by_task(task_ids)
    return {task_id: (tasks.get(task_id), submits[task_id]) for task_id in task_ids}
