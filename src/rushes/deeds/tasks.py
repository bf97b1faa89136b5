"""Tasks of all accounts, as operators list and stop them; what happened to one is `story.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rushes.deeds.log import Operator, write_down
from rushes.deeds.showing import shown_text
from rushes.domain.access import CancelRule, canceled
from rushes.domain.errors import TaskAlreadyFinished, TaskNotFound
from rushes.domain.task import Event, Task
from rushes.ports import Transaction


def cancel(
    tx: Transaction, operator: Operator, task_id: str, *, rule: CancelRule, at: datetime
) -> Task:
    """End a task as its caller could; this transaction is the transition.

    Raises:
        TaskNotFound, TaskAlreadyFinished: there is nothing to end.
    """
    task = tx.hold_task(task_id)
    if task is None:
        raise TaskNotFound(f"There is no task {task_id}.", param="task_id")
    after = None if task.is_final else canceled(task, at=at, rule=rule)
    if after is None or not tx.move(task, after, Event.CANCELED, at=at):
        raise TaskAlreadyFinished(f"Task {task_id} has already finished.", param="task_id")
    write_down(tx, operator, "tasks cancel", task_id, f"it was {task.status}", at=at)
    return after


def task_json(task: Task) -> Mapping[str, object]:
    """Return what a list says of a task; not what was wished for."""
    failure = task.failure
    return {
        "id": task.id,
        "account_id": task.account_id,
        "key_id": task.key_id,
        "model": task.model,
        "status": task.status,
        "progress": task.progress,
        "provider": task.queue,
        "is_rehearsal": task.is_rehearsal,
        "created_at": task.created_at,
        "deadline_at": task.deadline_at,
        "finished_at": task.finished_at,
        "reason": failure and failure.reason,
        "message": failure and shown_text(failure.message),
        "hold_microusd": task.hold_microusd,
        "charged_microusd": task.charged_microusd,
    }
