"""What operators are shown of the whole house: where work stands, what went wrong, how it fared.

Every question is bounded: by what is unfinished, by a span of ids (an id tells when its task was
accepted, so the primary key finds a span), or by a number of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from rushes.domain.ids import first_task_id
from rushes.domain.insights import Insight, InsightBy
from rushes.domain.submit import FAILED, Verdict
from rushes.domain.task import Status
from rushes.ports import FAULT_ROWS_MAX, Executor, Faulted, Faults, OpenCount, newest_first
from rushes.store import rows
from rushes.store.schema import live_executors, submits, task_faults, tasks
from rushes.store.works import WorkRows

_DAY_MICROS: Final = sa.literal_column(str(24 * 3600 * 1_000_000), sa.BigInteger)
_MICROS: Final = 1_000_000
_MILLISECOND: Final = timedelta(milliseconds=1)


_OF_TASK: Final = (tasks.c.account_id, tasks.c.model)
_NEWEST_FAULTS: Final = (
    sa.select(task_faults)
    .order_by(task_faults.c.task_id.desc(), task_faults.c.status.desc(), task_faults.c.note.desc())
    .limit(FAULT_ROWS_MAX)
    .subquery("newest")
)
_TASK_FAULTS: Final = sa.select(
    _NEWEST_FAULTS, *_OF_TASK, tasks.c.queue.label("provider"), tasks.c.submit_count.label("n")
).join(tasks, tasks.c.id == _NEWEST_FAULTS.c.task_id)
_NEWEST_SUBMITS: Final = (
    sa.select(
        submits.c.task_id,
        submits.c.n,
        submits.c.provider,
        submits.c.verdict,
        submits.c.note,
        sa.func.coalesce(submits.c.answered_at, submits.c.intent_at).label("last_at"),
    )
    .order_by(submits.c.task_id.desc(), submits.c.n.desc())
    .limit(FAULT_ROWS_MAX)
    .subquery("newest")
)
_SUBMITS: Final = (
    sa.select(_NEWEST_SUBMITS, *_OF_TASK, tasks.c.status)
    .join(tasks, tasks.c.id == _NEWEST_SUBMITS.c.task_id)
    .where(_NEWEST_SUBMITS.c.verdict.in_(sorted(verdict.value for verdict in FAILED)))
)


class _Place(NamedTuple):
    """What a line is about, as the database names it: days since 1970, a model."""

    day: int | None
    model: str | None


class OverviewRows(WorkRows):
    """The verbs of a transaction that concern all tasks at once."""

    def open_counts(self) -> Sequence[OpenCount]:
        """Return how many unfinished tasks stand where, by provider and status."""
        statement = (
            sa.select(tasks.c.queue, tasks.c.status, sa.func.count().label("count"))
            .where(tasks.c.deadline_at.is_not(None))
            .group_by(tasks.c.queue, tasks.c.status)
        )
        found = [
            OpenCount(row["queue"], Status(row["status"]), row["count"])
            for row in self.run(statement).mappings()
        ]
        return sorted(found, key=lambda one: (one.provider or "", one.status))

    def newest_faults(self, limit: int, *, provider: str | None = None) -> Sequence[Faulted]:
        """Return what went wrong last with tasks, and with their submits, the last seen first."""
        found = [
            *map(_faulted, self.run(_newest_of(_TASK_FAULTS, limit, provider)).mappings()),
            *map(_failed, self.run(_newest_of(_SUBMITS, limit, provider)).mappings()),
        ]
        return newest_first(found)[:limit]

    def executors(self) -> Sequence[Executor]:
        """Return the executors that beat and were not forgotten since, by name."""
        silent = (self._database_now - live_executors.c.seen_at).label("silent")
        statement = sa.select(live_executors.c.id, silent).order_by(live_executors.c.id)
        return [
            Executor(row.id, max(0.0, int(row.silent) / _MICROS)) for row in self.run(statement)
        ]

    def insights(self, by: InsightBy, since: datetime, until: datetime) -> Sequence[Insight]:
        """Return how tasks fared that were accepted from `since` on and before `until`."""
        of = [
            tasks.c.id >= first_task_id(since),
            tasks.c.id < first_task_id(until + _MILLISECOND),
            tasks.c.created_at >= rows.micros(since),
            tasks.c.created_at < rows.micros(until),
        ]
        names: dict[str, sa.ColumnElement[Any]] = {}
        if by.has_day:
            names["day"] = tasks.c.created_at // _DAY_MICROS
        if by.has_model:
            names["model"] = tasks.c.model
        counted, took = self._counted(names, of), self._took(names, of)
        ordered = sorted(counted, key=lambda place: (place.day or 0, place.model or ""))
        return [_insight(place, counted[place], took.get(place)) for place in ordered]

    def _counted(
        self, names: Mapping[str, sa.ColumnElement[Any]], of: Sequence[sa.ColumnElement[bool]]
    ) -> Mapping[_Place, Sequence[sa.RowMapping]]:
        """Count tasks by place, status and reason."""
        statement = (
            sa.select(
                *(column.label(name) for name, column in names.items()),
                tasks.c.status,
                tasks.c.reason,
                sa.func.count().label("count"),
                sa.func.count().filter(tasks.c.is_rehearsal).label("rehearsals"),
            )
            .where(*of)
            .group_by(*names.values(), tasks.c.status, tasks.c.reason)
        )
        found: defaultdict[_Place, list[sa.RowMapping]] = defaultdict(list)
        for row in self.run(statement).mappings():
            found[_place(row)].append(row)
        return found

    def _took(
        self, names: Mapping[str, sa.ColumnElement[Any]], of: Sequence[sa.ColumnElement[bool]]
    ) -> Mapping[_Place, tuple[float, float]]:
        """Return median and 95th percentile of how long films took, in seconds, by place."""
        took = tasks.c.finished_at - tasks.c.created_at
        by = list(names.values())
        ranked = (
            sa.select(
                *(column.label(name) for name, column in names.items()),
                took.label("took"),
                sa.func.row_number().over(partition_by=by, order_by=took).label("rank"),
                sa.func.count().over(partition_by=by).label("among"),
            )
            .where(*of, tasks.c.status == Status.SUCCEEDED.value)
            .subquery("ranked")
        )

        def at(percent: int) -> sa.ColumnElement[Any]:
            is_it = ranked.c.rank == (percent * ranked.c.among + 99) // 100
            return sa.func.max(sa.case((is_it, ranked.c.took)))

        places = [ranked.c[name] for name in names]
        statement = sa.select(*places, at(50).label("median"), at(95).label("p95"))
        return {
            _place(row): (int(row["median"]) / _MICROS, int(row["p95"]) / _MICROS)
            for row in self.run(statement.group_by(*places)).mappings()
        }


def _place(row: sa.RowMapping) -> _Place:
    day = row.get("day")
    return _Place(None if day is None else int(day), row.get("model"))


def _insight(
    place: _Place, counted: Sequence[sa.RowMapping], took: tuple[float, float] | None
) -> Insight:
    failed: defaultdict[str, int] = defaultdict(int)
    by_status: defaultdict[Status, int] = defaultdict(int)
    for row in counted:
        status = Status(row["status"])
        by_status[status] += row["count"]
        if status in {Status.FAILED, Status.EXPIRED}:
            failed[row["reason"]] += row["count"]
    median_s, p95_s = took or (None, None)
    day = None if place.day is None else date(1970, 1, 1) + timedelta(days=place.day)
    return Insight(
        day=None if day is None else day.isoformat(),
        model=place.model,
        accepted=sum(by_status.values()),
        films=by_status[Status.SUCCEEDED],
        canceled=by_status[Status.CANCELED],
        failed=dict(sorted(failed.items())),
        unfinished=sum(count for status, count in by_status.items() if not status.is_final),
        rehearsals=sum(row["rehearsals"] for row in counted),
        median_s=median_s,
        p95_s=p95_s,
    )


def _newest_of(statement: sa.Select[Any], limit: int, provider: str | None) -> sa.Select[Any]:
    named = statement.selected_columns
    if provider is not None:
        statement = statement.where(named["provider"] == provider)
    order = (named["last_at"].desc(), named["task_id"].desc(), named["note"])
    return statement.order_by(*order).limit(limit)


def _faulted(row: sa.RowMapping) -> Faulted:
    return Faulted(
        task_id=row["task_id"],
        account_id=row["account_id"],
        model=row["model"],
        provider=row["provider"],
        n=row["n"] or None,
        faults=Faults(
            status=Status(row["status"]),
            note=row["note"],
            count=row["count"],
            first_at=rows.instant(row["first_at"]),
            last_at=rows.instant(row["last_at"]),
        ),
    )


def _failed(row: sa.RowMapping) -> Faulted:
    at = rows.instant(row["last_at"])
    return Faulted(
        task_id=row["task_id"],
        account_id=row["account_id"],
        model=row["model"],
        provider=row["provider"],
        n=row["n"],
        faults=Faults(Status(row["status"]), row["note"], 1, at, at),
        verdict=Verdict(row["verdict"]),
    )
