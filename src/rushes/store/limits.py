"""What limits ask: how much of a rate is left, and how many tasks are open or wait.

A rate is a row for each owner and kind, of the newest window in which anybody took something.
Processes take from it in lots, each by one conditional statement, so that together they never
take more than the limit.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final

import sqlalchemy as sa

from rushes.domain.rates import RateKind
from rushes.domain.task import Status
from rushes.ports import Lent
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.prepared import Prepared
from rushes.store.schema import tasks

_TAKE: Final = Prepared(
    sa.text(
        """
        INSERT INTO rates (owner, kind, began_at, taken) VALUES (:owner, :kind, :began, :count)
        ON CONFLICT (owner, kind) DO UPDATE SET began_at = excluded.began_at,
            taken = excluded.taken
                + CASE WHEN rates.began_at = excluded.began_at THEN rates.taken ELSE 0 END
        WHERE rates.began_at < excluded.began_at OR rates.began_at > :ahead
            OR (rates.began_at = excluded.began_at AND rates.taken < :most)
        RETURNING taken
        """
    )
)
"""Writes down the whole lot, and may so write more than the limit: the taker knows what it got.

A row from further ahead than clocks may be apart was written by a wrong one, and does not count.
"""

_WINDOWS_APART_MAX: Final = 2

# Written into the text as partial indexes have it, so that a database sees that they fit.
_IS_OPEN: Final = tasks.c.deadline_at.is_not(None)
_IS_QUEUED: Final = tasks.c.status == sa.literal_column(f"'{Status.QUEUED.value}'")


class LimitRows(Rows):
    """The verbs of a transaction that concern limits."""

    def take_rate(
        self, owner: str, kind: RateKind, began_at: datetime, *, limit: int, count: int
    ) -> Lent:
        """Take up to `count` of what an owner's rate leaves in the window that began then."""
        if not self.is_current:
            return Lent(count, limit)
        if limit <= 0:
            return Lent(0, 0)
        self.has_written = True
        values = {
            "owner": owner,
            "kind": kind.value,
            "began": rows.micros(began_at),
            "ahead": rows.micros(began_at + _WINDOWS_APART_MAX * kind.window),
            "count": count,
            "most": limit,
        }
        found = self.fetch(_TAKE, values)
        if found is None:
            return Lent(0, 0)
        before = found["taken"] - count
        lent = max(0, min(count, limit - before))
        return Lent(lent, max(0, limit - before - lent))

    def open_task_count(
        self, account_id: str, key_id: str | None, *, at_most: int, is_waiting: bool = False
    ) -> int:
        """Count unfinished tasks of a key, or of a whole account, as far as `at_most`."""
        values = {"account": account_id, "most": at_most}
        if key_id is not None:
            values["key"] = key_id
        question = _open(is_of_key=key_id is not None, is_waiting=is_waiting)
        found = self.fetch(question, values)
        return 0 if found is None else int(found["count"])

    def waiting_count(self, at_most: int) -> int:
        """Count all tasks that are queued, whoever's, as far as `at_most`."""
        found = self.fetch(_WAITING, {"most": at_most})
        return 0 if found is None else int(found["count"])


def _counting(*where: sa.ColumnElement[bool]) -> Prepared:
    """Return what counts tasks, and stops where it has counted enough."""
    most = sa.bindparam("most", type_=sa.Integer)
    found = sa.select(sa.literal_column("1", sa.Integer)).select_from(tasks).where(*where)
    # Without an offset SQLAlchemy makes one for SQLite, of a value that nobody gives.
    some = found.limit(most).offset(sa.literal_column("0", sa.Integer)).subquery("counted")
    return Prepared(sa.select(sa.func.count().label("count")).select_from(some))


@cache
def _open(*, is_of_key: bool, is_waiting: bool) -> Prepared:
    where = [tasks.c.account_id == sa.bindparam("account"), _IS_OPEN]
    if is_of_key:
        where.append(tasks.c.key_id == sa.bindparam("key"))
    if is_waiting:
        where.append(_IS_QUEUED)
    return _counting(*where)


_WAITING: Final = _counting(_IS_QUEUED)
