"""What operators did: the audit log, and late films that were given to tasks of their own.

From where an operator asked is of schema step 0004; on a database of the step before it is not
written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rushes.ports import Adoption, Deed
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import adoptions, audit

_BEFORE: Final = sa.select(*(column for column in audit.c if column.name != "origin"))


class AuditRows(Rows):
    """The verbs of a transaction that concern operators."""

    def add_adoption(self, adoption: Adoption) -> None:
        """Write down whose film a task has.

        Raises:
            IntegrityFault: that film was adopted before.
        """
        self.add(
            adoptions,
            {
                "task_id": adoption.task_id,
                "adopted_from": adoption.adopted_from,
                "submit_n": adoption.submit_n,
                "at": rows.micros(adoption.at),
            },
        )

    def adoption_of(self, task_id: str) -> Adoption | None:
        """Return whose film a task has; None if it has its own."""
        found = self._adoptions(adoptions.c.task_id == task_id)
        return found[0] if found else None

    def adoptions_from(self, task_id: str) -> Sequence[Adoption]:
        """Return which tasks have late films of a task, by the number of its submit."""
        return self._adoptions(adoptions.c.adopted_from == task_id)

    def _adoptions(self, where: sa.ColumnElement[bool]) -> list[Adoption]:
        statement = sa.select(adoptions).where(where).order_by(adoptions.c.submit_n)
        return [
            Adoption(
                task_id=found["task_id"],
                adopted_from=found["adopted_from"],
                submit_n=found["submit_n"],
                at=rows.instant(found["at"]),
            )
            for found in self.run(statement).mappings()
        ]

    def add_audit(self, deed: Deed) -> None:
        """Append a line to the audit log."""
        values = {
            "id": deed.id,
            "at": rows.micros(deed.at),
            "actor": deed.actor,
            "verb": deed.verb,
            "object": deed.object,
            "note": deed.note,
        }
        if self.is_current:
            self.add(audit, {**values, "origin": deed.origin})
        else:
            self.run(sa.insert(audit).values(values))

    def audit(
        self,
        limit: int,
        *,
        object_id: str | None = None,
        since: datetime | None = None,
        before: str | None = None,
    ) -> Sequence[Deed]:
        """Return lines of the audit log, the newest first: those about `object_id`, from `since`.

        `before` is the id of the last line of the page before.
        """
        statement: sa.Select[Any] = sa.select(audit) if self.is_current else _BEFORE
        if object_id is not None:
            statement = statement.where(audit.c.object == object_id)
        if since is not None:
            statement = statement.where(audit.c.at >= rows.micros(since))
        if before is not None:
            statement = statement.where(audit.c.id < before)
        statement = statement.order_by(audit.c.id.desc()).limit(limit)
        return [_deed_of(found) for found in self.run(statement).mappings()]


def _deed_of(found: sa.RowMapping) -> Deed:
    return Deed(
        id=found["id"],
        at=rows.instant(found["at"]),
        actor=found["actor"],
        verb=found["verb"],
        object=found["object"],
        note=found["note"],
        origin=found.get("origin"),
    )
