"""Tariffs, purses and what was spent of them, and the use that is told to accounts.

What counts of a purse is held or captured. `spending` has it as a sum, so that an accept needs one
conditional update; `tasks`, `usage` and `refunds` have it as rows, so that it can be counted anew.
Who ends a task only inserts: what it released waits in `refunds` until the next accept of its
account, or the keeper, folds it into the sums.

Whoever takes from a purse, makes one or folds holds the account until his transaction ends. Accepts
of accounts that are not known to have a purse share it among each other: so no hold slips past a
purse that is made at the same moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from rushes.domain.access import Entry, Period, Purse
from rushes.domain.prices import Tariff
from rushes.domain.task import Status
from rushes.domain.usage import EndedTask, UsageAsked, UsageBy, Used, used_by
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.keys import KEY_VERSION
from rushes.store.prepared import Prepared
from rushes.store.schema import house, keys, purses, refunds, spending, tariffs, tasks, usage

DAY_MICROS: Final = 24 * 3600 * 1_000_000
FILL: Final = 10_000
"""How many ended tasks are written down at once that an older version ended."""

_BEGAN: Final = "CASE period WHEN 'total' THEN :total WHEN 'day' THEN :day ELSE :month END"
_COUNT: Final = Prepared(
    sa.text(
        f"""
        INSERT INTO spending (owner, period, began_at, spent_microusd)
        SELECT owner, period, {_BEGAN}, :amount FROM purses WHERE owner IN (:account, :key)
        ON CONFLICT (owner, period, began_at)
        DO UPDATE SET spent_microusd = spending.spent_microusd + excluded.spent_microusd
        """  # noqa: S608 -- no value in it
    )
)
_SPEND: Final = Prepared(
    sa.text(
        """
        INSERT INTO spending (owner, period, began_at, spent_microusd)
        VALUES (:owner, :period, :began_at, :amount)
        ON CONFLICT (owner, period, began_at)
        DO UPDATE SET spent_microusd = spending.spent_microusd + excluded.spent_microusd
        WHERE spending.spent_microusd + excluded.spent_microusd <= :limit
        """
    )
)
_REFUND: Final = Prepared(
    sa.text(
        """
        UPDATE spending SET spent_microusd = spent_microusd - :amount
        WHERE owner = :owner AND period = :period AND began_at = :began_at
        """
    )
)
_FOLD: Final = Prepared(
    sa.text(
        """
        DELETE FROM refunds WHERE account_id = :account
        RETURNING key_id, held_at, amount_microusd
        """
    )
)
_ADD_TARIFF: Final = Prepared(sa.insert(tariffs))
_TARIFF: Final = Prepared(
    sa.select(tariffs.c.rules).where(tariffs.c.task_id == sa.bindparam("task_id"))
)
_PURSES: Final = sa.select(purses).order_by(purses.c.owner, purses.c.period)
_OF_OWNERS: Final = Prepared(
    sa.text(
        "SELECT owner, period, limit_microusd FROM purses WHERE owner IN (:account, :key)"
        " ORDER BY owner, period"
    )
)


class MoneyRows(Rows):
    """The verbs of a transaction that concern prices, purses and usage."""

    # -- tariffs -----------------------------------------------------------------------

    def add_tariff(self, task_id: str, tariff: Tariff) -> None:
        """Freeze what a task costs."""
        self.need(tariffs)
        self.write_later((_ADD_TARIFF, {"task_id": task_id, "rules": rows.to_json(tariff)}))

    def tariff(self, task_id: str) -> Tariff:
        """Return what a task costs; nothing where it is free."""
        if not self.is_current:
            return ()
        found = self.fetch(_TARIFF, {"task_id": task_id})
        return () if found is None else rows.tariff_of(found["rules"])

    # -- purses ------------------------------------------------------------------------

    def count_hold(self, holding: Entry, key_id: str, *, at: datetime) -> None:
        """Count a hold in the purses of its account and key, if they have any, as it is."""
        self.need(spending)
        owners = {"account": holding.account_id, "key": key_id}
        began = {period.value: rows.micros(period.began(at)) for period in Period}
        self.write_later(
            *self.sharing_account(holding.account_id),
            (_COUNT, {**owners, **began, "amount": holding.amount_microusd}),
        )

    def spend(self, holding: Entry, key_id: str, *, at: datetime) -> bool:
        """Count a hold in the purses of its account and key, if each of them has so much left."""
        self.need(spending)
        self.fold_refunds(holding.account_id)
        amount = holding.amount_microusd
        owners = {"account": holding.account_id, "key": key_id}
        found = self.fetch_all(_OF_OWNERS, owners)
        if any(amount > purse["limit_microusd"] for purse in found):
            return False
        steps = [
            (
                _SPEND,
                {
                    "owner": purse["owner"],
                    "period": purse["period"],
                    "began_at": rows.micros(Period(purse["period"]).began(at)),
                    "amount": amount,
                    "limit": purse["limit_microusd"],
                },
            )
            for purse in found
        ]
        return all(count == 1 for count in self.write_all(*steps)) if steps else True

    def purses(self, owners: Iterable[str] | None, *, at: datetime) -> Sequence[Purse]:
        """Return the purses of these owners, or all, with what was spent in the present period."""
        if not self.is_current:
            return []
        statement = _PURSES
        if owners is not None:
            statement = statement.where(purses.c.owner.in_(list(owners)))
        return [self._purse(found, at) for found in self.run(statement).mappings().all()]

    def _purse(self, found: rows.Found, at: datetime) -> Purse:
        owner, period = found["owner"], Period(found["period"])
        began_at = rows.micros(period.began(at))
        spent = sa.select(spending.c.spent_microusd).where(
            spending.c.owner == owner,
            spending.c.period == period.value,
            spending.c.began_at == began_at,
        )
        of_key = sa.select(keys.c.account_id).where(keys.c.id == owner).scalar_subquery()
        is_its = sa.or_(
            refunds.c.account_id == owner,
            sa.and_(refunds.c.account_id == of_key, refunds.c.key_id == owner),
        )
        released = _total(refunds.c.amount_microusd, is_its, refunds.c.held_at >= began_at)
        both = sa.select(
            sa.func.coalesce(spent.scalar_subquery(), 0).label("spent"),
            released.label("released"),
        )
        row = self.run(both).one()
        return Purse(owner, period, found["limit_microusd"], int(row.spent) - int(row.released))

    def set_purse(
        self, owner: str, period: Period, limit_microusd: int, *, account_id: str, at: datetime
    ) -> None:
        """Bound what an account or a key may spend in a period, by a new or another limit."""
        self.need(purses)
        self.fold_refunds(account_id)
        values = {"owner": owner, "period": period.value, "limit_microusd": limit_microusd}
        changed = self.run(
            sa.update(purses)
            .where(purses.c.owner == owner, purses.c.period == period.value)
            .values(limit_microusd=limit_microusd)
        )
        if changed.rowcount == 0:
            self.add(purses, values)
            self._recount(owner, period, account_id, at)
            self._tell_keys()

    def recount_purses(self, owner: str, *, account_id: str, at: datetime) -> None:
        """Count anew what the purses of an owner have spent in their present periods."""
        self.need(purses)
        self.fold_refunds(account_id)
        statement = sa.select(purses.c.period).where(purses.c.owner == owner)
        for period in list(self.run(statement).scalars()):
            self._recount(owner, Period(period), account_id, at)

    def _recount(self, owner: str, period: Period, account_id: str, at: datetime) -> None:
        """Write what an owner holds and was charged with, by its rows; one statement sees them.

        What ended at this moment, and is not seen, will leave a refund; what it left, and is seen
        as ended, is still to be folded, and counts until then.
        """
        began_at = rows.micros(period.began(at))

        is_open = tasks.c.deadline_at.is_not(None)
        is_its = {
            table: table.c.account_id == account_id
            if owner == account_id
            else sa.and_(table.c.account_id == account_id, table.c.key_id == owner)
            for table in (tasks, usage, refunds)
        }
        held = _total(tasks.c.hold_microusd, is_its[tasks], is_open, tasks.c.created_at >= began_at)
        charged = _total(usage.c.charged_microusd, is_its[usage], usage.c.created_at >= began_at)
        released = _total(refunds.c.amount_microusd, is_its[refunds], refunds.c.held_at >= began_at)
        spent = sa.select(held + charged + released)
        amount = int(self.run(spent).scalar_one())
        values = {"owner": owner, "period": period.value, "began_at": began_at}
        self.put(spending, {**values, "spent_microusd": amount}, {"spent_microusd": amount})

    def drop_purse(self, owner: str, period: Period) -> bool:
        """Take a bound away; say whether there was one."""
        self.need(purses)
        is_it = purses.c.owner == owner, purses.c.period == period.value
        if self.run(sa.delete(purses).where(*is_it)).rowcount == 0:
            return False
        of_it = spending.c.owner == owner, spending.c.period == period.value
        self.run(sa.delete(spending).where(*of_it))
        self._tell_keys()
        return True

    def _tell_keys(self) -> None:
        """Have every process read its keys again: they say who has a purse."""
        self.put(house, {"name": KEY_VERSION, "value": 1}, {"value": house.c.value + 1})

    def refunded(self, limit: int) -> Sequence[str]:
        """Return accounts whose purses were not told yet what some ended tasks released."""
        if not self.is_current:
            return []
        accounts = sa.select(refunds.c.account_id).distinct()
        ordered = accounts.order_by(refunds.c.account_id).limit(limit)
        return list(self.run(ordered).scalars())

    def fold_refunds(self, account_id: str) -> int:
        """Tell the purses of an account what its ended tasks released; return how many."""
        if not self.is_current:
            return 0
        self.hold_account(account_id)
        self.has_written = True
        found = self.fetch_all(_FOLD, {"account": account_id})
        released: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        for row in found:
            held_at = rows.instant(row["held_at"])
            for owner in (account_id, row["key_id"]):
                for period in Period:
                    began_at = rows.micros(period.began(held_at))
                    released[owner, period.value, began_at] += row["amount_microusd"]
        steps = [
            (_REFUND, {"owner": owner, "period": period, "began_at": began_at, "amount": amount})
            for (owner, period, began_at), amount in sorted(released.items())
        ]
        if steps:
            self.write_later(*steps)
        return len(found)

    # -- usage -------------------------------------------------------------------------

    def usage(self, asked: UsageAsked) -> Sequence[Used]:
        """Return what was used, and one more line if there is more."""
        self.need(usage)
        of = [
            usage.c.finished_at >= rows.micros(asked.since),
            usage.c.finished_at < rows.micros(asked.until),
        ]
        if asked.account_id is not None:
            of.append(usage.c.account_id == asked.account_id)
        if asked.by is UsageBy.TASK:
            return self._tasks_used(asked, of)
        name: sa.ColumnElement[Any] = {
            UsageBy.ACCOUNT: usage.c.account_id,
            UsageBy.KEY: usage.c.key_id,
            UsageBy.MODEL: usage.c.model,
            UsageBy.DAY: usage.c.finished_at // sa.literal_column(str(DAY_MICROS), sa.BigInteger),
        }[asked.by]
        if asked.after is not None:
            is_day = asked.by is UsageBy.DAY
            of.append(name > (_number_of(asked.after) if is_day else asked.after))
        count = sa.func.count
        is_done = usage.c.status == Status.SUCCEEDED.value
        statement = (
            sa.select(
                name.label("name"),
                count().label("tasks"),
                count().filter(is_done).label("films"),
                count().filter(usage.c.is_rehearsal).label("rehearsals"),
                sa.func.coalesce(sa.func.sum(usage.c.film_seconds), 0.0).label("seconds"),
                sa.func.sum(usage.c.charged_microusd).label("charged"),
            )
            .where(*of)
            .group_by(name)
            .order_by(name)
            .limit(asked.limit + 1)
        )
        return [
            Used(
                name=(told := _day(found.name) if asked.by is UsageBy.DAY else found.name),
                tasks=found.tasks,
                films=found.films,
                rehearsals=found.rehearsals,
                film_seconds=round(float(found.seconds), 3),
                charged_microusd=int(found.charged),
                place=told,
            )
            for found in self.run(statement)
        ]

    def _tasks_used(self, asked: UsageAsked, of: list[sa.ColumnElement[bool]]) -> Sequence[Used]:
        if asked.after is not None:
            instant, _, task_id = asked.after.rpartition(".")
            place = (rows.micros(datetime.fromisoformat(instant).replace(tzinfo=UTC)), task_id)
            of = [
                *of,
                sa.tuple_(usage.c.finished_at, usage.c.task_id)
                > sa.tuple_(sa.literal(place[0], sa.BigInteger), sa.literal(place[1])),
            ]
        statement = (
            sa.select(usage)
            .where(*of)
            .order_by(usage.c.finished_at, usage.c.task_id)
            .limit(asked.limit + 1)
        )
        return [
            used_by(_ended(found), found["film_seconds"], found["charged_microusd"])
            for found in self.run(statement).mappings()
        ]

    def fill_usage(self) -> int:
        """Write down the use of ended tasks whose end an older version wrote; return how many."""
        self.need(usage)
        kept = [column for column in usage.c if column.name not in {"task_id", "charged_microusd"}]
        is_missing = ~sa.exists().where(usage.c.task_id == tasks.c.id)
        ended = sa.select(
            tasks.c.id,
            sa.func.coalesce(tasks.c.charged_microusd, 0),
            *(tasks.c[column.name] for column in kept),
        ).where(tasks.c.finished_at.is_not(None), is_missing)
        into = ["task_id", "charged_microusd", *(column.name for column in kept)]
        return self.run(sa.insert(usage).from_select(into, ended.limit(FILL))).rowcount


def _total(amount: sa.Column[int], *which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.coalesce(sa.func.sum(amount), 0)).where(*which).scalar_subquery()


def _ended(found: rows.Found) -> EndedTask:
    return EndedTask(
        id=found["task_id"],
        account_id=found["account_id"],
        key_id=found["key_id"],
        model=found["model"],
        status=Status(found["status"]),
        is_rehearsal=bool(found["is_rehearsal"]),
        created_at=rows.instant(found["created_at"]),
        finished_at=rows.instant(found["finished_at"]),
    )


def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=int(number))).isoformat()


def _number_of(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days
