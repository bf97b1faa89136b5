"""Who waits for whom, and how long films take: what a forecast is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from rushes.domain.task import Event, Status
from rushes.ports import Begun, Took, Waiting
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import task_events, tasks

_BEGUN: Final = [
    status.value for status in (Status.SUBMITTING, Status.IN_DOUBT, Status.RUNNING, Status.STORING)
]
_MICROS: Final = 1_000_000
_SUBMITS: Final = [Event.INTENT.value, Event.RENEWED.value]
_SINCE: Final = (
    sa.select(sa.func.max(task_events.c.at))
    .where(task_events.c.task_id == tasks.c.id, task_events.c.event.in_(_SUBMITS))
    .scalar_subquery()
)
"""When a task was handed to a provider for the last time."""


class QueueRows(Rows):
    """The verbs of a transaction that concern queues as a whole."""

    def waiting(self, queue: str, limit: int) -> Sequence[Waiting]:
        """Return the queued tasks of a queue, oldest first."""
        statement = (
            sa.select(tasks.c.id, tasks.c.model, tasks.c.work_id)
            .where(tasks.c.queue == queue, tasks.c.status == Status.QUEUED.value)
            .order_by(tasks.c.id)
            .limit(limit)
        )
        return [Waiting(row.id, row.model, row.work_id) for row in self.run(statement)]

    def begun(self, limit: int) -> Sequence[Begun]:
        """Return unfinished tasks that a provider has, or may have, oldest first."""
        columns = (tasks.c.id, tasks.c.model, tasks.c.queue, tasks.c.status, tasks.c.progress)
        statement = (
            sa.select(*columns, _SINCE.label("since"))
            .where(tasks.c.status.in_(_BEGUN))
            .order_by(tasks.c.id)
            .limit(limit)
        )
        return [
            Begun(
                task_id=row.id,
                model=row.model,
                queue=row.queue,
                status=Status(row.status),
                progress=row.progress,
                since=rows.instant_or_none(row.since),
            )
            for row in self.run(statement)
        ]

    def took(self, limit: int) -> Sequence[Took]:
        """Return how long films took, among the newest ended tasks."""
        newest = (
            sa.select(tasks.c.id)
            .where(tasks.c.deadline_at.is_(None))
            .order_by(tasks.c.id.desc())
            .limit(limit)
            .subquery()
        )
        statement = (
            sa.select(tasks.c.model, tasks.c.queue, tasks.c.finished_at, _SINCE.label("since"))
            .join(newest, newest.c.id == tasks.c.id)
            .where(tasks.c.status == Status.SUCCEEDED.value)
            .order_by(tasks.c.id.desc())
        )
        return [
            Took(row.model, row.queue, (row.finished_at - row.since) / _MICROS)
            for row in self.run(statement)
            if row.since is not None
        ]
