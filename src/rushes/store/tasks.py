"""Tasks, their events, and what follows from a move: the rows that must change together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final

import sqlalchemy as sa

from rushes.domain.access import Entry, EntryKind, hold, settle
from rushes.domain.submit import OPEN
from rushes.domain.task import Event, Status, Task
from rushes.domain.webhooks import News
from rushes.ports import ArtifactState, Faults, Page, Told
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.later import Step
from rushes.store.prepared import Prepared, any_of
from rushes.store.schema import (
    INTEGER_MAX,
    artifacts,
    ledger,
    outbox,
    refunds,
    submits,
    task_events,
    task_faults,
    task_inputs,
    tasks,
    usage,
)

CHANNEL: Final = "rushes_tasks"
"""Where processes on PostgreSQL tell each other of tasks that changed (`feed`)."""

GONE: Final = "-"
"""Before the id of a task that was removed."""

# Written into the text as the partial index has it, so that SQLite sees that it fits.
_HAS_FILM: Final = sa.text("NOT is_film_gone")

_OPEN: Final[list[sa.ColumnElement[str]]] = [
    sa.literal_column(f"'{verdict.value}'") for verdict in sorted(OPEN)
]

_ADD_TASK: Final = Prepared(sa.insert(tasks))
_ADD_EVENT: Final = Prepared(sa.insert(task_events))
_ADD_ENTRY: Final = Prepared(sa.insert(ledger))
_ADD_NEWS: Final = Prepared(sa.insert(outbox))
_ADD_USAGE: Final = Prepared(sa.insert(usage))
_ADD_REFUND: Final = Prepared(sa.insert(refunds))
_SELECT: Final = sa.select(tasks).where(tasks.c.id == sa.bindparam("task_id"))
_ONE: Final = Prepared(_SELECT)
_HOLD: Final = Prepared(_SELECT.with_for_update())
_MANY: Final = Prepared(sa.select(tasks).where(tasks.c.id == any_of("task_ids")))
_AS_SEEN: Final = sa.update(tasks).where(
    tasks.c.id == sa.bindparam("seen_id"),
    tasks.c.status == sa.bindparam("seen_status"),
    tasks.c.version == sa.bindparam("seen_version"),
    tasks.c.lease_epoch == sa.bindparam("seen_epoch"),
)
_MOVE: Final = Prepared(_AS_SEEN)
_REWORK: Final = Prepared(_AS_SEEN)
_SET_SPEC: Final = Prepared(_AS_SEEN)
_EXTEND: Final = Prepared(_AS_SEEN)
_HAND_OVER: Final = Prepared(
    sa.update(submits).where(
        submits.c.task_id == sa.bindparam("seen_id"), submits.c.verdict.in_(_OPEN)
    )
)
_RAISE_PROGRESS: Final = (
    sa.update(tasks)
    .where(
        tasks.c.id == sa.bindparam("seen_id"),
        tasks.c.lease_epoch == sa.bindparam("seen_epoch"),
        tasks.c.status == Status.RUNNING.value,
        tasks.c.progress < sa.bindparam("percent"),
    )
    .values(progress=sa.bindparam("percent"), takeover_count=0)
)


@cache
def _take(statuses: frozenset[Status]) -> Prepared:
    """Return what takes over a task in one of these statuses."""
    one = sa.literal_column("1", sa.Integer)
    return Prepared(
        sa.update(tasks)
        .where(
            tasks.c.id == sa.bindparam("seen_id"),
            tasks.c.work_id == sa.bindparam("seen_work"),
            tasks.c.takeover_count < sa.bindparam("takeovers_max"),
            tasks.c.status.in_([sa.literal_column(f"'{s.value}'") for s in sorted(statuses)]),
        )
        .values(lease_epoch=tasks.c.lease_epoch + one, takeover_count=tasks.c.takeover_count + one)
        .returning(*tasks.c)
    )


def _told(task: Task, event: Event | None, at: datetime) -> dict[str, object]:
    return {
        "task_id": task.id,
        "number": task.version,
        "event": None if event is None else event.value,
        "status": task.status.value,
        "at": rows.micros(at),
    }


def _entered(entry: Entry, at: datetime) -> dict[str, object]:
    return {
        "task_id": entry.task_id,
        "kind": entry.kind.value,
        "account_id": entry.account_id,
        "amount_microusd": entry.amount_microusd,
        "at": rows.micros(at),
    }


def _seen(task: Task) -> dict[str, object]:
    return {
        "seen_id": task.id,
        "seen_status": task.status.value,
        "seen_version": task.version,
        "seen_epoch": task.lease_epoch,
    }


class TaskRows(Rows):
    """The verbs of a transaction that concern tasks."""

    def add_task(self, task: Task, holding: Entry) -> None:
        """Insert a queued task, its first event and its hold."""
        self.write_later(
            (_ADD_TASK, rows.task_values(task)),
            (_ADD_EVENT, _told(task, None, task.created_at)),
            (_ADD_ENTRY, _entered(holding, task.created_at)),
        )

    def task(self, task_id: str) -> Task | None:
        """Read one task."""
        found = self.fetch(_ONE, {"task_id": task_id})
        return None if found is None else rows.task_of(found)

    def tasks_by_id(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Read many tasks; on PostgreSQL by one question, as SQLite asks nobody else."""
        if self.speaks_postgres:
            found = self.fetch_all(_MANY, {"task_ids": list(task_ids)})
            return {row["id"]: rows.task_of(row) for row in found}
        told = {task_id: self.task(task_id) for task_id in task_ids}
        return {task_id: task for task_id, task in told.items() if task is not None}

    def hold_task(self, task_id: str) -> Task | None:
        """Read one task, and on PostgreSQL hold its row; SQLite has one writer."""
        found = self.fetch(_HOLD, {"task_id": task_id})
        return None if found is None else rows.task_of(found)

    def move(self, before: Task, after: Task, event: Event, *, at: datetime) -> bool:
        """Write a move, and all that follows from it; say whether it was still possible."""
        if self.write(_MOVE, {**rows.moved_values(after), **_seen(before)}) != 1:
            return False
        follows: list[Step] = [(_ADD_EVENT, _told(after, event, at))]
        if after.is_final:
            follows += self._end(after, at)
        self.write_later(*follows)
        self.changed.add(after.id)
        return True

    def _end(self, task: Task, at: datetime) -> list[Step]:
        """Settle the money, owe the webhook, and hand what is still open to the keeper."""
        holding = hold(task.id, task.account_id, task.hold_microusd)
        capture, release = settle(holding, task.charged_microusd or 0)
        return [
            (_HAND_OVER, {"seen_id": task.id, "look_at": rows.micros(at)}),
            (_ADD_ENTRY, _entered(capture, at)),
            (_ADD_ENTRY, _entered(release, at)),
            (_ADD_NEWS, _news(task, at)),
            *(self._used(task, capture, release, at) if self.is_current else ()),
        ]

    @staticmethod
    def _used(task: Task, capture: Entry, release: Entry, at: datetime) -> list[Step]:
        """Write down what a task used; what it released goes to purses later, with others'."""
        who = {"task_id": task.id, "account_id": task.account_id, "key_id": task.key_id}
        created_at = rows.micros(task.created_at)
        used = {
            **who,
            "model": task.model,
            "status": task.status.value,
            "is_rehearsal": task.is_rehearsal,
            "created_at": created_at,
            "finished_at": rows.micros(at),
            "film_seconds": task.measures.seconds if task.measures else None,
            "charged_microusd": capture.amount_microusd,
        }
        amount = release.amount_microusd
        refund = {**who, "held_at": created_at, "amount_microusd": amount}
        return [(_ADD_USAGE, used), *([(_ADD_REFUND, refund)] if amount else [])]

    def take(
        self,
        task_id: str,
        statuses: frozenset[Status],
        work_id: str,
        *,
        takeovers_max: int | None = None,
    ) -> Task | None:
        """Take over a task in one of `statuses`: epoch and takeover count rise by one."""
        if not statuses:
            return None
        self.has_written = True
        seen = {"seen_id": task_id, "seen_work": work_id}
        limit = {"takeovers_max": INTEGER_MAX if takeovers_max is None else takeovers_max}
        found = self.fetch(_take(statuses), {**seen, **limit})
        return None if found is None else rows.task_of(found)

    def rework(self, task: Task, work_id: str, queue: str | None) -> bool:
        """Give a task to new work, in a queue of its own; its epoch rises by one."""
        values = {"work_id": work_id, "queue": queue, "lease_epoch": task.lease_epoch + 1}
        return self.write(_REWORK, {**values, **_seen(task)}) == 1

    def set_spec(self, task: Task) -> bool:
        """Write a spec whose inputs were fetched; fenced like a move."""
        values = {"spec": rows.to_json(task.spec)}
        return self.write(_SET_SPEC, {**values, **_seen(task)}) == 1

    def extend(self, task: Task, deadline_at: datetime) -> bool:
        """Give a task more time where it stands; fenced like a move, and no event."""
        values = {"deadline_at": rows.micros(deadline_at)}
        return self.write(_EXTEND, {**values, **_seen(task)}) == 1

    def set_progress(self, steps: Iterable[tuple[str, int, int]]) -> None:
        """Raise progress: (task id, epoch, percent); never lowers it, only while running.

        No bell rings for it: a worker that woke itself by it would look again too soon.
        """
        values = [
            {"seen_id": task_id, "seen_epoch": epoch, "percent": percent}
            for task_id, epoch, percent in steps
        ]
        if values:
            self.run(_RAISE_PROGRESS, values)

    def count_fault(self, task: Task, note: str, *, at: datetime) -> None:
        """Count one more thing that we did not understand or that broke while watching."""
        counted = self.run(
            sa.update(tasks)
            .where(
                tasks.c.id == task.id,
                tasks.c.status == task.status.value,
                tasks.c.lease_epoch == task.lease_epoch,
            )
            .values(fault_count=tasks.c.fault_count + 1)
        )
        if counted.rowcount != 1:
            return
        now = rows.micros(at)
        values = {"task_id": task.id, "status": task.status.value, "note": note}
        self.put(
            task_faults,
            {**values, "count": 1, "first_at": now, "last_at": now},
            {"count": task_faults.c.count + 1, "last_at": now},
        )

    def faults(self, task_id: str) -> Sequence[Faults]:
        """Return what went wrong on the way, by first sight."""
        statement = (
            sa.select(task_faults)
            .where(task_faults.c.task_id == task_id)
            .order_by(task_faults.c.first_at, task_faults.c.status, task_faults.c.note)
        )
        return [
            Faults(
                status=Status(found["status"]),
                note=found["note"],
                count=found["count"],
                first_at=rows.instant(found["first_at"]),
                last_at=rows.instant(found["last_at"]),
            )
            for found in self.run(statement).mappings()
        ]

    def remove_task(self, task_id: str) -> None:
        """Remove record and events; artifacts become sweepable. Money and answers stay."""
        for table in (task_events, task_faults, task_inputs):
            self.run(sa.delete(table).where(table.c.task_id == task_id))
        self._lose_artifacts(task_id)
        self.run(sa.delete(tasks).where(tasks.c.id == task_id))
        if self.speaks_postgres:
            self.run(sa.select(sa.func.pg_notify(CHANNEL, f"{GONE}{task_id}")))
        self.changed.add(task_id)

    def expired(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return ended tasks whose film, or record, was to be kept until now at the longest."""
        statement = (
            sa.select(tasks)
            .where(
                tasks.c.expires_at.is_not(None),
                tasks.c.expires_at <= rows.micros(at),
                _HAS_FILM,
                tasks.c.finished_at.is_not(None),
            )
            .order_by(tasks.c.expires_at, tasks.c.id)
            .limit(limit)
        )
        return rows.readable(self.run(statement).mappings(), rows.task_of)

    def give_up_film(self, task_id: str) -> bool:
        """Say that retention removes a task's film; its artifacts become sweepable."""
        has_film = (
            tasks.c.id == task_id,
            tasks.c.status == Status.SUCCEEDED.value,
            _HAS_FILM,
        )
        if self.run(sa.update(tasks).where(*has_film).values(is_film_gone=True)).rowcount != 1:
            return False
        self._lose_artifacts(task_id)
        return True

    def _lose_artifacts(self, task_id: str) -> None:
        """Make what a task kept a try that lost, for the sweep to find."""
        self.run(
            sa.update(artifacts)
            .where(artifacts.c.task_id == task_id, artifacts.c.state == ArtifactState.KEPT.value)
            .values(state=ArtifactState.WRITING.value)
        )

    def due(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return unfinished tasks whose deadline has passed."""
        statement = (
            sa.select(tasks)
            .where(tasks.c.deadline_at.is_not(None), tasks.c.deadline_at <= rows.micros(at))
            .order_by(tasks.c.deadline_at, tasks.c.id)
            .limit(limit)
        )
        return rows.readable(self.run(statement).mappings(), rows.task_of)

    def unfinished(self, after_id: str, limit: int) -> Sequence[Task]:
        """Page through unfinished tasks by id."""
        statement = (
            sa.select(tasks)
            .where(tasks.c.deadline_at.is_not(None), tasks.c.id > after_id)
            .order_by(tasks.c.id)
            .limit(limit)
        )
        return rows.readable(self.run(statement).mappings(), rows.task_of)

    def last_event_at(self) -> datetime | None:
        """Return when the last event of any unfinished task was; None if all have ended."""
        statement = (
            sa.select(sa.func.max(task_events.c.at))
            .join(tasks, tasks.c.id == task_events.c.task_id)
            .where(tasks.c.deadline_at.is_not(None))
        )
        found = self.run(statement).scalar()
        return None if found is None else rows.instant(found)

    def queues(self) -> Sequence[str]:
        """Return the providers whose slots unfinished tasks hold, or wait for."""
        statement = sa.select(tasks.c.queue).where(
            tasks.c.deadline_at.is_not(None), tasks.c.queue.is_not(None)
        )
        return sorted({str(row.queue) for row in self.run(statement.distinct())})

    def page(self, page: Page) -> Sequence[Task]:
        """Return one page of an account's tasks, or of all, and one more if there is more."""
        statement = sa.select(tasks)
        if page.account_id is not None:
            statement = statement.where(tasks.c.account_id == page.account_id)
        if page.key_id is not None:
            statement = statement.where(tasks.c.key_id == page.key_id)
        if page.after is not None:
            is_beyond = tasks.c.id < page.after if page.is_newest_first else tasks.c.id > page.after
            statement = statement.where(is_beyond)
        if page.statuses:
            statement = statement.where(tasks.c.status.in_(sorted(page.statuses)))
        if page.model is not None:
            statement = statement.where(tasks.c.model == page.model)
        order = tasks.c.id.desc() if page.is_newest_first else tasks.c.id.asc()
        statement = statement.order_by(order).limit(page.limit + 1)
        return [rows.task_of(found) for found in self.run(statement).mappings()]

    def told(self, task_id: str, after: int = 0) -> Sequence[Told]:
        """Return the events of a task with a number above `after`."""
        statement = (
            sa.select(task_events)
            .where(task_events.c.task_id == task_id, task_events.c.number > after)
            .order_by(task_events.c.number)
        )
        return [
            Told(
                number=found["number"],
                event=None if found["event"] is None else Event(found["event"]),
                status=Status(found["status"]),
                at=rows.instant(found["at"]),
            )
            for found in self.run(statement).mappings()
        ]

    def counts(self) -> Mapping[Status, int]:
        """Return how many tasks stand where."""
        count = sa.func.count().label("count")
        statement = sa.select(tasks.c.status, count).group_by(tasks.c.status)
        return {Status(row["status"]): row["count"] for row in self.run(statement).mappings()}

    def entries(self, task_id: str) -> Sequence[Entry]:
        """Return the ledger rows of a task."""
        statement = sa.select(ledger).where(ledger.c.task_id == task_id)
        found = sorted(self.run(statement).mappings(), key=lambda row: _ENTRY_ORDER[row["kind"]])
        return [
            Entry(
                task_id=row["task_id"],
                account_id=row["account_id"],
                kind=EntryKind(row["kind"]),
                amount_microusd=row["amount_microusd"],
            )
            for row in found
        ]


_ENTRY_ORDER: Final = {kind.value: place for place, kind in enumerate(EntryKind)}


def _news(task: Task, at: datetime) -> dict[str, object]:
    """Write the one event the outbox owes for a task (CONTRACT §10)."""
    news = News.of(task, at)
    return {
        "event_id": news.event_id,
        "task_id": news.task_id,
        "account_id": news.account_id,
        "type": news.type,
        "created_at": rows.micros(at),
        "callback_url": news.callback_url,
        "reason": news.failure.reason.value if news.failure else None,
        "message": news.failure.message if news.failure else None,
    }
