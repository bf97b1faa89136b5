"""Erasing: what other records than its own hold of a task's wish is blanked; money stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rushes.domain.erasing import without_prompt
from rushes.domain.errors import Failure, Reason
from rushes.domain.submit import OPEN
from rushes.domain.task import Task
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import idempotency, inputs, outbox, submits, task_inputs, tasks

_OPEN: Final = [verdict.value for verdict in sorted(OPEN)]


class ErasingRows(Rows):
    """The verbs of a transaction that concern erasing."""

    def tasks_of(
        self, after_id: str, limit: int, *, account_id: str | None = None, user: str | None = None
    ) -> Sequence[Task]:
        """Page by id through the tasks of an account, of an end user, or of both."""
        statement = sa.select(tasks).where(tasks.c.id > after_id)
        if account_id is not None:
            statement = statement.where(tasks.c.account_id == account_id)
        if user is not None:
            statement = statement.where(tasks.c.user == user)
        statement = statement.order_by(tasks.c.id).limit(limit)
        return [rows.task_of(found) for found in self.run(statement).mappings()]

    def blank_remains(self, task_id: str) -> None:
        """Blank what answers, events and submits hold of a task's wish."""
        mine = submits.c.task_id == task_id
        self.run(sa.update(submits).where(mine).values(note=""))
        is_over = submits.c.verdict.not_in(_OPEN)
        self.run(sa.update(submits).where(mine, is_over).values(film=None))
        told = sa.select(idempotency.c.body).where(idempotency.c.task_id == task_id)
        for body in list(self.run(told).scalars()):
            blanked = sa.update(idempotency).where(idempotency.c.task_id == task_id)
            self.run(blanked.values(body=without_prompt(bytes(body))))
        ended = sa.select(outbox.c.reason).where(outbox.c.task_id == task_id)
        for reason in list(self.run(ended.where(outbox.c.reason.is_not(None))).scalars()):
            message = Failure.of(Reason(reason)).message
            retold = sa.update(outbox).where(outbox.c.task_id == task_id)
            self.run(retold.values(message=message))

    def take_inputs(self, blobs: Sequence[str], before: datetime) -> Sequence[str]:
        """Forget those of some inputs that no task refers to; return them.

        One that was filed since `before` may be about to be referred to, and stays.
        """
        statement = (
            sa.select(inputs.c.blob)
            .where(inputs.c.blob.in_(sorted(blobs)), inputs.c.created_at < rows.micros(before))
            .order_by(inputs.c.blob)
        )
        if self._takes_locks:
            statement = statement.with_for_update(of=inputs)
        held = list(self.run(statement).scalars())
        referred = sa.select(task_inputs.c.blob).where(task_inputs.c.blob.in_(held))
        wanted = set(self.run(referred).scalars())
        taken = [blob for blob in held if blob not in wanted]
        if taken:
            self.run(sa.delete(inputs).where(inputs.c.blob.in_(taken)))
        return taken
