"""Who works, on what, and whose turn is next.

The workflow library keeps a row for every piece of work. It is written here in four places only:
where the work of executors that stopped goes back to its queues (which the library does for its
own executor alone), and work that was dequeued in a commit nobody was told of; where work that came
before there were shares is told whose it is; and where a clock was set back. It is read to see
which work waits first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from rushes.store.connection import Rows
from rushes.store.prepared import Prepared
from rushes.store.schema import INTEGER_MAX, live_executors, tasks, turns

LIBRARY: Final = "dbos"
"""The schema of the workflow library's tables on PostgreSQL."""

TURN_MAX: Final = INTEGER_MAX
"""The library's largest priority; whoever gets it comes last, together with others."""

HEAD_OF_QUEUE: Final = ""
"""In the place of an account: where a queue stands."""

YET_TO_COME: Final = 5_000
"""By how many milliseconds a start must lie ahead for the clock to have been set back since."""

REQUEUED_AT_ONCE: Final = 500

_BACK: Final = {"status": "ENQUEUED", "owner_xid": None, "started_at_epoch_ms": None}
"""How work looks that waits in its queue again."""

_MICROS: Final = 1_000_000
_COLUMNS: Final = (
    "workflow_uuid",
    "status",
    "executor_id",
    "queue_name",
    "priority",
    "owner_xid",
    "started_at_epoch_ms",
    "created_at",
    "queue_partition_key",
    "rate_limited",
)


def _works(schema: str | None) -> sa.TableClause:
    columns: list[sa.ColumnClause[object]] = [sa.column(name) for name in _COLUMNS]
    return sa.table("workflow_status", *columns, schema=schema)


_HERE: Final = {"sqlite": _works(None), "postgresql": _works(LIBRARY)}
_NOW: Final = {
    "sqlite": sa.literal_column(
        "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000", sa.BigInteger
    ),
    "postgresql": sa.literal_column(
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)", sa.BigInteger
    ),
}


_TAKE_TURN: Final = Prepared(
    sa.text(
        """
        INSERT INTO turns (queue, account_id, last) VALUES (:queue, :account, :step + COALESCE(
            (SELECT last FROM turns WHERE queue = :queue AND account_id = :head), 0))
        ON CONFLICT (queue, account_id) DO UPDATE SET last = :step + CASE
            WHEN turns.last > excluded.last - :step THEN turns.last ELSE excluded.last - :step END
        RETURNING last
        """
    )
)


class WorkRows(Rows):
    """The verbs of a transaction that concern executors and turns."""

    @property
    def _dialect(self) -> str:
        return self._beneath.dialect.name

    @property
    def _database_now(self) -> sa.ColumnElement[int]:
        """The database's clock: it is one for all, and nobody's machine sets it."""
        return _NOW[self._dialect]

    def _earliest(self, lost_after_s: float) -> sa.ColumnElement[int]:
        return self._database_now - round(lost_after_s * _MICROS)

    def beat(self, executor: str) -> None:
        """Say that an executor is alive, by the database's clock."""
        seen = {"seen_at": self._database_now}
        self.put(live_executors, {"id": executor, **seen}, seen)

    def retire(self, executor: str) -> None:
        """Say that an executor has stopped: its work may go to others at once."""
        self.run(sa.delete(live_executors).where(live_executors.c.id == executor))

    def executor_count(self, lost_after_s: float) -> int:
        """Return how many executors beat within that time."""
        alive = live_executors.c.seen_at >= self._earliest(lost_after_s)
        count = sa.select(sa.func.count()).select_from(live_executors).where(alive)
        return int(self.run(count).scalar_one())

    def reassign_work(self, lost_after_s: float) -> int:
        """Give work back to its queues whose executor did not beat for that long.

        Rows that one of the dead still holds locked, because it stood still in the middle of a
        transaction, are left for the next beat: waiting for them would stop the living, too.
        """
        earliest = self._earliest(lost_after_s)
        late = sa.select(live_executors.c.id).where(live_executors.c.seen_at < earliest)
        late = late.with_for_update(skip_locked=True)
        self.run(sa.delete(live_executors).where(live_executors.c.id.in_(late)))
        alive = sa.select(live_executors.c.id).where(live_executors.c.seen_at >= earliest)
        works = _HERE[self._dialect]
        left = (
            sa.select(works.c.workflow_uuid)
            .where(
                works.c.status == "PENDING",
                works.c.queue_name.is_not(None),
                works.c.executor_id.not_in(alive),
            )
            .with_for_update(skip_locked=True)
        )
        statement = sa.update(works).where(works.c.workflow_uuid.in_(left)).values(_BACK)
        return self.run(statement).rowcount

    def dequeued(self, executor: str, for_s: float) -> Sequence[str]:
        """Return the work that an executor dequeued longer ago than that, and did not end."""
        works = _HERE[self._dialect]
        statement = sa.select(works.c.workflow_uuid).where(
            works.c.status == "PENDING",
            works.c.executor_id == executor,
            works.c.queue_name.is_not(None),
            works.c.started_at_epoch_ms < self._earliest(for_s) / 1000,
        )
        return list(self.run(statement).scalars())

    def requeue(self, works: Sequence[str]) -> int:
        """Give work back to its queues; return how much of it still was dequeued."""
        table = _HERE[self._dialect]
        count = 0
        for start in range(0, len(works), REQUEUED_AT_ONCE):
            some = works[start : start + REQUEUED_AT_ONCE]
            statement = sa.update(table).where(
                table.c.workflow_uuid.in_(some), table.c.status == "PENDING"
            )
            count += self.run(statement.values(_BACK)).rowcount
        return count

    def share_out(self, queue: str) -> int:
        """Say of work that waits in a queue whose it is, where that was not said when it came."""
        works = _HERE[self._dialect]
        account = sa.select(tasks.c.account_id).where(tasks.c.work_id == works.c.workflow_uuid)
        is_known = sa.exists().where(tasks.c.work_id == works.c.workflow_uuid)
        statement = (
            sa.update(works)
            .where(
                works.c.queue_name == queue,
                works.c.status.in_(["ENQUEUED", "DELAYED", "PENDING"]),
                works.c.queue_partition_key.is_(None),
                is_known,
            )
            .values(queue_partition_key=account.scalar_subquery())
        )
        return self.run(statement).rowcount

    def forgive_starts(self) -> int:
        """Count no start of work that is yet to come by the database's clock: it was set back.

        The library counts every start that is later than a minute ago, and would let a queue with
        so many starts a minute start nothing until its clock has come to where it was.
        """
        works = _HERE[self._dialect]
        ahead = works.c.started_at_epoch_ms > self._database_now / 1000 + YET_TO_COME
        statement = sa.update(works).where(works.c.rate_limited.is_(True), ahead)
        return self.run(statement.values(rate_limited=False)).rowcount

    def take_turn(self, queue: str, account_id: str, step: int) -> int:
        """Take the next turn of an account in a queue; smaller ones start first."""
        self.has_written = True
        values = {"queue": queue, "account": account_id, "step": step, "head": HEAD_OF_QUEUE}
        turn = (queue, account_id)
        last = None if self._later is None else self._later.next_turn(turn, step)
        if last is None:
            taken = self.fetch(_TAKE_TURN, values)
            if taken is None:
                raise RuntimeError(f"no turn was taken in {queue}")
            last = int(taken["last"])
            if self._later is not None:
                self._later.note_turn(turn, last)
        return min(last, TURN_MAX)

    def turns_of(self, queue: str, limit: int) -> Sequence[str]:
        """Return the work that waits in a queue of the library's, in the order it will start."""
        works = _HERE[self._dialect]
        waiting = (
            sa.select(works.c.workflow_uuid)
            .where(works.c.queue_name == queue, works.c.status == "ENQUEUED")
            .order_by(works.c.priority, works.c.created_at, works.c.workflow_uuid)
            .limit(limit)
        )
        return list(self.run(waiting).scalars())

    def turn_queues(self) -> Sequence[str]:
        """Return the queues in which turns were taken and not forgotten since."""
        return sorted(self.run(sa.select(turns.c.queue).distinct()).scalars())

    def pass_turns(self, queue: str) -> None:
        """Note where a queue stands by the work that waits first in it; start over if none does."""
        works = _HERE[self._dialect]
        waiting = (
            sa.select(works.c.priority)
            .where(works.c.queue_name == queue, works.c.status == "ENQUEUED")
            .where(works.c.priority > 0)
            .order_by(works.c.priority)
            .limit(1)
        )
        first = self.run(waiting).scalar()
        if first is None:
            self.run(sa.delete(turns).where(turns.c.queue == queue))
            return
        stands = int(first) - 1
        passed = turns.c.queue == queue, turns.c.last <= stands
        self.run(sa.delete(turns).where(*passed))
        last = {"last": stands}
        self.put(turns, {"queue": queue, "account_id": HEAD_OF_QUEUE, **last}, last)
