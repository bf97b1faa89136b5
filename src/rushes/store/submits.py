"""The submit ledger: evidence of what was handed to whom, and what may have been paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final

import sqlalchemy as sa

from rushes.domain.submit import PERHAPS_PAID, Submit, Verdict
from rushes.domain.task import FINAL
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.prepared import Prepared, any_of
from rushes.store.schema import submits, tasks

_FINAL: Final = [status.value for status in FINAL]
_PERHAPS_PAID: Final = [verdict.value for verdict in PERHAPS_PAID]
_UNANSWERED: Final = [Verdict.INTENT.value, Verdict.DOUBT.value]
_OF_TASK: Final = Prepared(
    sa.select(submits).where(submits.c.task_id == sa.bindparam("task_id")).order_by(submits.c.n)
)
_OF_TASKS: Final = Prepared(
    sa.select(submits)
    .where(submits.c.task_id == any_of("task_ids"))
    .order_by(submits.c.task_id, submits.c.n)
)


@cache
def _change(expected_count: int) -> Prepared:
    """Return what changes a submit whose verdict is one of so many."""
    verdicts = [
        submits.c.verdict == sa.bindparam(f"seen_{place}") for place in range(expected_count)
    ]
    return Prepared(
        sa.update(submits).where(
            submits.c.task_id == sa.bindparam("seen_id"),
            submits.c.n == sa.bindparam("seen_n"),
            sa.or_(sa.false(), *verdicts),
        )
    )


class SubmitRows(Rows):
    """The verbs of a transaction that concern submits."""

    def add_submit(self, submit: Submit) -> None:
        """Write an intent; must be committed before the call goes out."""
        self.add(submits, rows.submit_values(submit))

    def submits(self, task_id: str) -> Sequence[Submit]:
        """Return the submits of a task by number."""
        return [rows.submit_of(found) for found in self.fetch_all(_OF_TASK, {"task_id": task_id})]

    def submits_by_task(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Submit]]:
        """Return the submits of many tasks; on PostgreSQL by one question."""
        if not self.speaks_postgres:
            return {task_id: self.submits(task_id) for task_id in task_ids}
        found: dict[str, list[Submit]] = {task_id: [] for task_id in task_ids}
        for row in self.fetch_all(_OF_TASKS, {"task_ids": list(task_ids)}):
            found[row["task_id"]].append(rows.submit_of(row))
        return found

    def submit_by_token(self, provider: str, token: str) -> Submit | None:
        """Return the submit that a provider knows by this token."""
        statement = sa.select(submits).where(
            submits.c.token == token, submits.c.provider == provider
        )
        found = self.run(statement.limit(1)).mappings().first()
        return None if found is None else rows.submit_of(found)

    def change_submit(self, submit: Submit, expected: frozenset[Verdict]) -> bool:
        """Write what was learned of a submit, if its verdict is still one of `expected`."""
        seen = {"seen_id": submit.task_id, "seen_n": submit.n}
        seen |= {f"seen_{place}": verdict.value for place, verdict in enumerate(expected)}
        return self.write(_change(len(expected)), {**rows.submit_values(submit), **seen}) == 1

    def is_ticket_known(self, submit: Submit) -> bool:
        """Say whether another submit to the same provider already holds this ticket.

        Within a write no other can ask for the same ticket until it ends.
        """
        if submit.ticket is None:
            return False
        self.alone_with("ticket", submit.provider, rows.to_json(submit.ticket))
        is_self = sa.and_(submits.c.task_id == submit.task_id, submits.c.n == submit.n)
        statement = sa.select(sa.literal(1)).where(
            submits.c.provider == submit.provider,
            submits.c.ticket == rows.to_json(submit.ticket),
            sa.not_(is_self),
        )
        return self.run(statement.limit(1)).first() is not None

    def unanswered(self, submit: Submit, since: datetime, limit: int) -> Sequence[str]:
        """Return whose submits to the same route, begun since then, have no answer either."""
        statement = (
            sa.select(submits.c.task_id)
            .where(
                submits.c.verdict.in_(_UNANSWERED),
                submits.c.provider == submit.provider,
                submits.c.upstream_model == submit.upstream_model,
                submits.c.intent_at >= rows.micros(since),
                submits.c.task_id != submit.task_id,
            )
            .distinct()
            .order_by(submits.c.task_id)
            .limit(limit)
        )
        return list(self.run(statement).scalars())

    def submits_to_look_at(self, at: datetime, limit: int) -> Sequence[Submit]:
        """Return submits of ended tasks that the keeper should look after now."""
        statement = (
            sa.select(submits)
            .where(submits.c.look_at.is_not(None), submits.c.look_at <= rows.micros(at))
            .order_by(submits.c.look_at, submits.c.task_id, submits.c.n)
            .limit(limit)
        )
        return rows.readable(self.run(statement).mappings(), rows.submit_of)

    def hold_submit(self, submit: Submit, until: datetime) -> Submit | None:
        """Take a submit that is due in hand until an instant, if it stands as it was seen."""
        statement = (
            sa.update(submits)
            .where(
                submits.c.task_id == submit.task_id,
                submits.c.n == submit.n,
                submits.c.verdict == submit.verdict.value,
                submits.c.look_at == rows.micros_or_none(submit.look_at),
            )
            .values(look_at=rows.micros(until))
            .returning(*submits.c)
        )
        found = self.run(statement).mappings().first()
        return None if found is None else rows.submit_of(found)

    def salvage(self, limit: int, after: tuple[str, int] | None = None) -> Sequence[Submit]:
        """Return submits of ended, undelivered tasks that may have been paid."""
        statement = (
            sa.select(submits)
            .outerjoin(tasks, tasks.c.id == submits.c.task_id)
            .where(
                submits.c.is_billable,
                submits.c.verdict.in_(_PERHAPS_PAID),
                sa.or_(tasks.c.id.is_(None), tasks.c.status.in_(_FINAL)),
            )
        )
        if after is not None:
            is_beyond = sa.tuple_(submits.c.task_id, submits.c.n) > sa.tuple_(
                *map(sa.literal, after)
            )
            statement = statement.where(is_beyond)
        statement = statement.order_by(submits.c.task_id, submits.c.n).limit(limit)
        return [rows.submit_of(found) for found in self.run(statement).mappings()]
