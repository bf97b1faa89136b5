"""First answers to creates, kept so that a repeat gets the same one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rushes.ports import Answer
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.prepared import Prepared
from rushes.store.schema import idempotency

_ADD: Final = Prepared(sa.insert(idempotency))
_DROP_OLD: Final = Prepared(
    sa.delete(idempotency).where(
        idempotency.c.account_id == sa.bindparam("account"),
        idempotency.c.route == sa.bindparam("path"),
        idempotency.c.key == sa.bindparam("name"),
        idempotency.c.created_at < sa.bindparam("since"),
    )
)
_BY_KEY: Final = Prepared(
    sa.select(idempotency).where(
        idempotency.c.account_id == sa.bindparam("account"),
        idempotency.c.route == sa.bindparam("path"),
        idempotency.c.key == sa.bindparam("name"),
        idempotency.c.created_at >= sa.bindparam("since"),
    )
)
_BY_DIGEST: Final = Prepared(
    sa.select(idempotency)
    .where(
        idempotency.c.account_id == sa.bindparam("account"),
        idempotency.c.route == sa.bindparam("path"),
        idempotency.c.digest == sa.bindparam("sha256"),
        idempotency.c.created_at >= sa.bindparam("since"),
    )
    .order_by(idempotency.c.created_at.desc(), idempotency.c.task_id.desc())
)


def _scope(answer: Answer, since: datetime) -> dict[str, object]:
    return {
        "account": answer.account_id,
        "path": answer.route,
        "name": answer.key,
        "since": rows.micros(since),
    }


def _same_body(account_id: str, route: str, digest: bytes) -> tuple[str, ...]:
    """Name what creates with the same body wait for, if one of them may be a repeat."""
    return ("create", account_id, route, digest.hex())


class AnswerRows(Rows):
    """The verbs of a transaction that concern answers."""

    def add_answer(self, answer: Answer, *, since: datetime) -> None:
        """Keep the first answer to a create; one under the same key from before `since` goes.

        Raises:
            IntegrityFault: the key is already used in this scope.
        """
        steps = self.waiting_for(*_same_body(answer.account_id, answer.route, answer.digest))
        if answer.key is not None:
            steps.append((_DROP_OLD, _scope(answer, since)))
        self.write_later(*steps, (_ADD, rows.answer_values(answer)))

    def answer(self, account_id: str, route: str, key: str, since: datetime) -> Answer | None:
        """Return the answer given under an Idempotency-Key."""
        scope = {"account": account_id, "path": route, "name": key, "since": rows.micros(since)}
        found = self.fetch(_BY_KEY, scope)
        return None if found is None else rows.answer_of(found)

    def recent_answer(
        self, account_id: str, route: str, digest: bytes, since: datetime
    ) -> Answer | None:
        """Return the newest answer to a create with the same body.

        Within a write it waits for creates with that body that are being written.
        """
        self.alone_with(*_same_body(account_id, route, digest))
        scope = {"account": account_id, "path": route, "sha256": digest}
        found = self.fetch(_BY_DIGEST, {**scope, "since": rows.micros(since)})
        return None if found is None else rows.answer_of(found)

    def forget_answers(self, before: datetime, limit: int) -> int:
        """Drop old answers; return how many."""
        old = (
            sa.select(idempotency.c.task_id)
            .where(idempotency.c.created_at < rows.micros(before))
            .order_by(idempotency.c.created_at, idempotency.c.task_id)
            .limit(limit)
        )
        statement = sa.delete(idempotency).where(idempotency.c.task_id.in_(old.scalar_subquery()))
        return self.run(statement).rowcount
