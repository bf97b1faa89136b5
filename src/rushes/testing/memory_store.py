"""A store in memory, for tests and the world simulator; it obeys the same conformance suite.

Fast enough for a million histories: rows are the frozen values themselves, and a
transaction that raises is undone from a journal of what it overwrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, TypeVar

from rushes.domain.access import (
    NO_LIMITS,
    Account,
    Entry,
    EntryKind,
    Key,
    Period,
    Purse,
    hold,
    settle,
)
from rushes.domain.erasing import told_in_house_words, without_prompt, without_words
from rushes.domain.errors import LeaseLost
from rushes.domain.health import Health
from rushes.domain.insights import Insight, InsightBy
from rushes.domain.prices import Tariff
from rushes.domain.rates import RateKind
from rushes.domain.submit import PERHAPS_PAID, Submit, Ticket, Verdict
from rushes.domain.task import FINAL, Event, Status, Task
from rushes.domain.usage import EndedTask, UsageAsked, UsageBy, Used, used_by
from rushes.domain.webhooks import (
    Answered,
    Delivery,
    Endpoint,
    News,
    Post,
    PostState,
    WebhookSecret,
    origin_of,
)
from rushes.ports import (
    Adoption,
    Answer,
    Artifact,
    ArtifactState,
    Begun,
    Deed,
    Executor,
    Faulted,
    Faults,
    Filed,
    IntegrityFault,
    Lent,
    OpenCount,
    Page,
    Told,
    Took,
    Transaction,
    Waiting,
)
from rushes.testing import memory_overview as overview

T = TypeVar("T")
_ABSENT: Final = object()
_KEPT_OF_KEYS: Final = ("id", "account_id", "digest", "prefix", "created_at")
_MOVED: Final = (
    "status",
    "version",
    "progress",
    "takeover_count",
    "fault_count",
    "submit_count",
    "work_id",
    "queue",
    "finished_at",
    "deadline_at",
    "failure",
    "charged_microusd",
    "measures",
    "expires_at",
    "is_film_gone",
)
"""What a move may change; everything else a task is born with, or other verbs change it."""


@dataclass(frozen=True, slots=True)
class _Refund:
    """What an ended task released, as its purses are to be told."""

    account_id: str
    key_id: str
    held_at: datetime
    amount_microusd: int


@dataclass(slots=True)
class _Tables:
    """Every table as a dict from primary key to a frozen value."""

    tasks: dict[str, Task] = field(default_factory=dict)
    told: dict[tuple[str, int], Told] = field(default_factory=dict)
    faults: dict[tuple[str, Status, str], Faults] = field(default_factory=dict)
    submits: dict[tuple[str, int], Submit] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    inputs: dict[str, Filed] = field(default_factory=dict)
    task_inputs: dict[tuple[str, str], None] = field(default_factory=dict)
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    executors: dict[str, None] = field(default_factory=dict)
    turns: dict[tuple[str, str], int] = field(default_factory=dict)
    rates: dict[tuple[str, RateKind], tuple[datetime, int]] = field(default_factory=dict)
    news: dict[str, tuple[Status, datetime]] = field(default_factory=dict)
    outbox: dict[str, News] = field(default_factory=dict)
    posted: dict[str, datetime] = field(default_factory=dict)
    posts: dict[tuple[str, str], Post] = field(default_factory=dict)
    deliveries: dict[tuple[str, str, int], Delivery] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    secrets: dict[str, WebhookSecret] = field(default_factory=dict)
    house: dict[str, int] = field(default_factory=dict)
    healths: dict[tuple[str, str], Health] = field(default_factory=dict)
    adoptions: dict[str, Adoption] = field(default_factory=dict)
    deeds: dict[str, Deed] = field(default_factory=dict)
    tariffs: dict[str, Tariff] = field(default_factory=dict)
    limits: dict[tuple[str, Period], int] = field(default_factory=dict)
    spending: dict[tuple[str, Period, datetime], int] = field(default_factory=dict)
    refunds: dict[str, _Refund] = field(default_factory=dict)
    used: dict[str, Used] = field(default_factory=dict)
    others: dict[str, object] = field(default_factory=dict)


class MemoryStore:
    """A `ports.Store` without a disk."""

    def __init__(self, *, on_change: Callable[[Iterable[str]], None] | None = None) -> None:
        self.tables = _Tables()
        self.on_change = on_change

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Run `act` whole or not at all."""
        return self._write(act, is_alone=alone)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on a stable, committed state; it must not write."""
        return self.read_now(act)

    def write_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` whole or not at all, at once."""
        return self._write(act, is_alone=True)

    def _write(self, act: Callable[[Transaction], T], *, is_alone: bool) -> T:
        transaction = MemoryTransaction(self.tables, is_alone=is_alone)
        try:
            result = act(transaction)
        except BaseException:
            transaction.undo()
            raise
        if self.on_change is not None and transaction.changed:
            self.on_change(transaction.changed)
        return result

    def read_now(self, act: Callable[[Transaction], T]) -> T:
        """Run `act`; it must not write.

        Raises:
            AssertionError: it wrote; nothing of that stays.
        """
        transaction = MemoryTransaction(self.tables)
        try:
            result = act(transaction)
        finally:
            has_written = transaction.undo()
        if has_written:
            raise AssertionError("a read must not write")
        return result


class MemoryTransaction:
    """A `ports.Transaction` over dicts; only one that `is_alone` may hold accounts."""

    def __init__(self, tables: _Tables, *, is_alone: bool = True) -> None:
        self._t = tables
        self._is_alone = is_alone
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self.changed: set[str] = set()

    @property
    def connection(self) -> object:
        """There is no connection beneath: the transaction keeps other people's rows itself."""
        return self

    def put_row(self, key: str, value: object) -> None:
        """Write a row of someone else, within this transaction."""
        self._put(self._t.others, key, value)

    def undo(self) -> bool:
        """Take back everything, newest first; say whether there was anything."""
        for table, key, old in reversed(self._journal):
            if old is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = old
        return bool(self._journal)

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:  # noqa: ANN401
        self._journal.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def _add(self, table: dict[Any, Any], key: Any, value: Any) -> None:  # noqa: ANN401
        if key in table:
            raise IntegrityFault(f"{key} is there already")
        self._put(table, key, value)

    def _drop(self, table: dict[Any, Any], key: Any) -> None:  # noqa: ANN401
        if key in table:
            self._journal.append((table, key, table.pop(key)))

    # -- tasks -------------------------------------------------------------------------

    def add_task(self, task: Task, holding: Entry) -> None:
        """Insert a queued task, its first event and its hold."""
        self._add(self._t.tasks, task.id, task)
        self._tell(task, None, task.created_at)
        self._add(self._t.entries, (task.id, holding.kind), holding)

    def task(self, task_id: str) -> Task | None:
        """Read one task."""
        return self._t.tasks.get(task_id)

    def tasks_by_id(self, task_ids: Sequence[str]) -> Mapping[str, Task]:
        """Read many tasks."""
        return {one: self._t.tasks[one] for one in task_ids if one in self._t.tasks}

    def hold_task(self, task_id: str) -> Task | None:
        """Read one task; there is one writer, so that nobody else moves it meanwhile."""
        return self.task(task_id)

    def _stands(self, seen: Task) -> Task | None:
        now = self._t.tasks.get(seen.id)
        if now is None or now.status is not seen.status or now.version != seen.version:
            return None
        return now if now.lease_epoch == seen.lease_epoch else None

    def move(self, before: Task, after: Task, event: Event, *, at: datetime) -> bool:
        """Write a move, and all that follows from it; say whether it was still possible."""
        now = self._stands(before)
        if now is None:
            return False
        row = replace(now, **{name: getattr(after, name) for name in _MOVED})
        self._put(self._t.tasks, after.id, row)
        self._tell(after, event, at)
        if after.is_final:
            self._end(after, at)
        self.changed.add(after.id)
        return True

    def _end(self, task: Task, at: datetime) -> None:
        """Write what follows from an end, in the order of the other stores: one may be refused."""
        for submit in self.submits(task.id):
            if submit.is_open:
                key = (submit.task_id, submit.n)
                self._put(self._t.submits, key, replace(submit, look_at=at))
        holding = hold(task.id, task.account_id, task.hold_microusd)
        capture, release = settle(holding, task.charged_microusd or 0)
        for entry in (capture, release):
            self._add(self._t.entries, (task.id, entry.kind), entry)
        self._add(self._t.news, task.id, (task.status, at))
        news = News.of(task, at)
        self._add(self._t.outbox, news.event_id, news)
        self._use(task, capture, release, at)

    def _use(self, task: Task, capture: Entry, release: Entry, at: datetime) -> None:
        """Write down what a task used, and what its purses are to be told."""
        ended = EndedTask(
            task.id, task.account_id, task.key_id, task.model, task.status, task.is_rehearsal,
            task.created_at, at,
        )  # fmt: skip
        seconds = task.measures.seconds if task.measures else None
        self._add(self._t.used, task.id, used_by(ended, seconds, capture.amount_microusd))
        if release.amount_microusd:
            refund = _Refund(task.account_id, task.key_id, task.created_at, release.amount_microusd)
            self._add(self._t.refunds, task.id, refund)

    def _tell(self, task: Task, event: Event | None, at: datetime) -> None:
        told = Told(number=task.version, event=event, status=task.status, at=at)
        self._add(self._t.told, (task.id, task.version), told)

    def take(
        self,
        task_id: str,
        statuses: frozenset[Status],
        work_id: str,
        *,
        takeovers_max: int | None = None,
    ) -> Task | None:
        """Take over a task in one of `statuses`: epoch and takeover count rise by one."""
        task = self._t.tasks.get(task_id)
        if task is None or task.status not in statuses or task.work_id != work_id:
            return None
        if takeovers_max is not None and task.takeover_count >= takeovers_max:
            return None
        taken = replace(
            task, lease_epoch=task.lease_epoch + 1, takeover_count=task.takeover_count + 1
        )
        self._put(self._t.tasks, task_id, taken)
        return taken

    def rework(self, task: Task, work_id: str, queue: str | None) -> bool:
        """Give a task to new work, in a queue of its own; its epoch rises by one."""
        now = self._stands(task)
        if now is None:
            return False
        given = replace(now, work_id=work_id, queue=queue, lease_epoch=now.lease_epoch + 1)
        self._put(self._t.tasks, task.id, given)
        return True

    def set_spec(self, task: Task) -> bool:
        """Write a spec whose inputs were fetched; fenced like a move."""
        now = self._stands(task)
        if now is None:
            return False
        self._put(self._t.tasks, task.id, replace(now, spec=task.spec))
        return True

    def extend(self, task: Task, deadline_at: datetime) -> bool:
        """Give a task more time where it stands; fenced like a move, and no event."""
        now = self._stands(task)
        if now is None:
            return False
        self._put(self._t.tasks, task.id, replace(now, deadline_at=deadline_at))
        return True

    def set_progress(self, steps: Iterable[tuple[str, int, int]]) -> None:
        """Raise progress: (task id, epoch, percent); never lowers it, only while running."""
        for task_id, epoch, percent in steps:
            task = self._t.tasks.get(task_id)
            if task is None or task.lease_epoch != epoch or task.status is not Status.RUNNING:
                continue
            if task.progress < percent:
                self._put(self._t.tasks, task_id, replace(task, progress=percent, takeover_count=0))

    def count_fault(self, task: Task, note: str, *, at: datetime) -> None:
        """Count one more thing that we did not understand or that broke while watching."""
        now = self._t.tasks.get(task.id)
        if now is None or now.status is not task.status or now.lease_epoch != task.lease_epoch:
            return
        self._put(self._t.tasks, task.id, replace(now, fault_count=now.fault_count + 1))
        key = (task.id, task.status, note)
        seen = self._t.faults.get(key)
        counted = (
            Faults(task.status, note, 1, at, at)
            if seen is None
            else replace(seen, count=seen.count + 1, last_at=at)
        )
        self._put(self._t.faults, key, counted)

    def faults(self, task_id: str) -> Sequence[Faults]:
        """Return what went wrong on the way, by first sight."""
        mine = [found for key, found in self._t.faults.items() if key[0] == task_id]
        return sorted(mine, key=lambda found: (found.first_at, found.status, found.note))

    def remove_task(self, task_id: str) -> None:
        """Remove record and events; artifacts become sweepable. Money and answers stay."""
        tables: tuple[dict[Any, Any], ...] = (self._t.told, self._t.faults, self._t.task_inputs)
        for table in tables:
            for key in [key for key in table if key[0] == task_id]:
                self._drop(table, key)
        self._lose_artifacts(task_id)
        self._drop(self._t.tasks, task_id)
        self.changed.add(task_id)

    def _lose_artifacts(self, task_id: str) -> None:
        for artifact in self.artifacts(task_id):
            if artifact.state is ArtifactState.KEPT:
                loser = replace(artifact, state=ArtifactState.WRITING)
                self._put(self._t.artifacts, artifact.blob, loser)

    def expired(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return ended tasks whose film, or record, was to be kept until now at the longest."""
        found = [
            (task.expires_at, task.id, task)
            for task in self._t.tasks.values()
            if task.expires_at is not None
            and task.expires_at <= at
            and not task.is_film_gone
            and task.finished_at is not None
        ]
        return [task for _, _, task in sorted(found, key=lambda one: one[:2])[:limit]]

    def give_up_film(self, task_id: str) -> bool:
        """Say that retention removes a task's film; its artifacts become sweepable."""
        task = self._t.tasks.get(task_id)
        if task is None or task.status is not Status.SUCCEEDED or task.is_film_gone:
            return False
        self._put(self._t.tasks, task_id, replace(task, is_film_gone=True))
        self._lose_artifacts(task_id)
        return True

    def due(self, at: datetime, limit: int) -> Sequence[Task]:
        """Return unfinished tasks whose deadline has passed."""
        late = [
            (task.deadline_at, task.id, task)
            for task in self._t.tasks.values()
            if task.deadline_at is not None and task.deadline_at <= at
        ]
        return [task for _, _, task in sorted(late, key=lambda found: found[:2])[:limit]]

    def unfinished(self, after_id: str, limit: int) -> Sequence[Task]:
        """Page through unfinished tasks by id."""
        found = [t for t in self._t.tasks.values() if not t.is_final and t.id > after_id]
        return sorted(found, key=lambda task: task.id)[:limit]

    def last_event_at(self) -> datetime | None:
        """Return when the last event of any unfinished task was; None if all have ended."""
        tasks = self._t.tasks
        return max(
            (t.at for key, t in self._t.told.items() if not tasks[key[0]].is_final), default=None
        )

    def queues(self) -> Sequence[str]:
        """Return the providers whose slots unfinished tasks hold, or wait for."""
        open_tasks = (task for task in self._t.tasks.values() if not task.is_final)
        return sorted({task.queue for task in open_tasks if task.queue is not None})

    def waiting(self, queue: str, limit: int) -> Sequence[Waiting]:
        """Return the queued tasks of a queue, oldest first."""
        found = [t for t in self._t.tasks.values() if t.queue == queue]
        line = sorted((t for t in found if t.status is Status.QUEUED), key=lambda task: task.id)
        return [Waiting(task.id, task.model, task.work_id) for task in line[:limit]]

    def begun(self, limit: int) -> Sequence[Begun]:
        """Return unfinished tasks that a provider has, or may have, oldest first."""
        open_tasks = [task for task in self._t.tasks.values() if not task.is_final]
        found = sorted((t for t in open_tasks if t.status is not Status.QUEUED), key=_by_id)
        return [
            Begun(t.id, t.model, t.queue, t.status, t.progress, self._since(t.id))
            for t in found[:limit]
        ]

    def took(self, limit: int) -> Sequence[Took]:
        """Return how long films took, among the newest ended tasks."""
        ended = sorted((t for t in self._t.tasks.values() if t.is_final), key=_by_id)[::-1]
        return [
            Took(task.model, task.queue, (task.finished_at - since).total_seconds())
            for task in ended[:limit]
            if task.status is Status.SUCCEEDED and task.finished_at is not None
            if (since := self._since(task.id)) is not None
        ]

    def _since(self, task_id: str) -> datetime | None:
        submits = {Event.INTENT, Event.RENEWED}
        return max((told.at for told in self.told(task_id) if told.event in submits), default=None)

    def page(self, page: Page) -> Sequence[Task]:
        """Return one page of an account's tasks, or of all, and one more if there is more."""

        def fits(task: Task) -> bool:
            if page.account_id not in {None, task.account_id}:
                return False
            if page.key_id not in {None, task.key_id}:
                return False
            if page.after is not None and (task.id < page.after) is not page.is_newest_first:
                return False
            if task.id == page.after or (page.statuses and task.status not in page.statuses):
                return False
            return page.model is None or task.model == page.model

        found = sorted(filter(fits, self._t.tasks.values()), key=lambda task: task.id)
        ordered = found[::-1] if page.is_newest_first else found
        return ordered[: page.limit + 1]

    def told(self, task_id: str, after: int = 0) -> Sequence[Told]:
        """Return the events of a task with a number above `after`."""
        found = [told for key, told in self._t.told.items() if key[0] == task_id]
        return sorted((t for t in found if t.number > after), key=lambda told: told.number)

    def counts(self) -> Mapping[Status, int]:
        """Return how many tasks stand where."""
        counted: dict[Status, int] = {}
        for task in self._t.tasks.values():
            counted[task.status] = counted.get(task.status, 0) + 1
        return counted

    def entries(self, task_id: str) -> Sequence[Entry]:
        """Return the ledger rows of a task."""
        keys = ((task_id, kind) for kind in EntryKind)
        return [self._t.entries[key] for key in keys if key in self._t.entries]

    # -- money -------------------------------------------------------------------------

    def add_tariff(self, task_id: str, tariff: Tariff) -> None:
        """Freeze what a task costs."""
        self._add(self._t.tariffs, task_id, tariff)

    def tariff(self, task_id: str) -> Tariff:
        """Return what a task costs; nothing where it is free."""
        return self._t.tariffs.get(task_id, ())

    def count_hold(self, holding: Entry, key_id: str, *, at: datetime) -> None:
        """Count a hold in the purses of its account and key, if they have any, as it is."""
        for owner, period in self._t.limits:
            if owner in {holding.account_id, key_id}:
                self._count((owner, period, period.began(at)), holding.amount_microusd)

    def spend(self, holding: Entry, key_id: str, *, at: datetime) -> bool:
        """Count a hold in the purses of its account and key, if each of them has so much left."""
        self.fold_refunds(holding.account_id)
        owners = (holding.account_id, key_id)
        left = [purse.left_microusd for purse in self.purses(owners, at=at)]
        if any(holding.amount_microusd > amount for amount in left):
            return False
        self.count_hold(holding, key_id, at=at)
        return True

    def _count(self, place: tuple[str, Period, datetime], amount: int) -> None:
        self._put(self._t.spending, place, self._t.spending.get(place, 0) + amount)

    def purses(self, owners: Iterable[str] | None, *, at: datetime) -> Sequence[Purse]:
        """Return the purses of these owners, or all, with what was spent in the present period."""
        wanted = None if owners is None else set(owners)
        return [
            self._purse(owner, period, limit, at)
            for (owner, period), limit in sorted(self._t.limits.items())
            if wanted is None or owner in wanted
        ]

    def _purse(self, owner: str, period: Period, limit: int, at: datetime) -> Purse:
        began_at = period.began(at)
        released = sum(
            refund.amount_microusd
            for refund in self._t.refunds.values()
            if owner in {refund.account_id, refund.key_id} and refund.held_at >= began_at
        )
        spent = self._t.spending.get((owner, period, began_at), 0)
        return Purse(owner, period, limit, spent - released)

    def set_purse(
        self, owner: str, period: Period, limit_microusd: int, *, account_id: str, at: datetime
    ) -> None:
        """Bound what an account or a key may spend in a period, by a new or another limit."""
        self.fold_refunds(account_id)
        is_new = (owner, period) not in self._t.limits
        self._put(self._t.limits, (owner, period), limit_microusd)
        if is_new:
            self._recount(owner, period, at)
            self._bump()

    def recount_purses(self, owner: str, *, account_id: str, at: datetime) -> None:
        """Count anew what the purses of an owner have spent in their present periods."""
        self.fold_refunds(account_id)
        for period in [period for whose, period in self._t.limits if whose == owner]:
            self._recount(owner, period, at)

    def _recount(self, owner: str, period: Period, at: datetime) -> None:
        began_at = period.began(at)
        spent = [
            (task.account_id, task.key_id, task.created_at, task.hold_microusd)
            for task in self._t.tasks.values()
            if not task.is_final
        ]
        spent += [
            (one.task.account_id, one.task.key_id, one.task.created_at, one.charged_microusd)
            for one in self._t.used.values()
            if one.task is not None
        ]
        total = sum(
            amount
            for account_id, key_id, since, amount in spent
            if owner in {account_id, key_id} and since >= began_at
        )
        self._put(self._t.spending, (owner, period, began_at), total)

    def drop_purse(self, owner: str, period: Period) -> bool:
        """Take a bound away; say whether there was one."""
        if (owner, period) not in self._t.limits:
            return False
        self._drop(self._t.limits, (owner, period))
        for place in [place for place in self._t.spending if place[:2] == (owner, period)]:
            self._drop(self._t.spending, place)
        self._bump()
        return True

    def refunded(self, limit: int) -> Sequence[str]:
        """Return accounts whose purses were not told yet what some ended tasks released."""
        return sorted({refund.account_id for refund in self._t.refunds.values()})[:limit]

    def fold_refunds(self, account_id: str) -> int:
        """Tell the purses of an account what its ended tasks released; return how many."""
        self.hold_account(account_id)
        mine = {
            task_id: refund
            for task_id, refund in self._t.refunds.items()
            if refund.account_id == account_id
        }
        for task_id, refund in mine.items():
            for owner in (account_id, refund.key_id):
                for period in Period:
                    place = (owner, period, period.began(refund.held_at))
                    if place in self._t.spending:
                        self._count(place, -refund.amount_microusd)
            self._drop(self._t.refunds, task_id)
        return len(mine)

    def usage(self, asked: UsageAsked) -> Sequence[Used]:
        """Return what was used, and one more line if there is more."""
        found = [
            one
            for one in self._t.used.values()
            if one.task is not None
            and asked.since <= one.task.finished_at < asked.until
            and asked.account_id in {None, one.task.account_id}
        ]
        if asked.by is not UsageBy.TASK:
            name = _NAMED[asked.by]
            by_name = groupby(sorted(found, key=name), key=name)
            found = [_added_up(told, list(lines)) for told, lines in by_name]
        found.sort(key=lambda one: one.place)
        beyond = [one for one in found if asked.after is None or one.place > asked.after]
        return beyond[: asked.limit + 1]

    def fill_usage(self) -> int:
        """Write down nothing: no other version ended tasks here."""
        return 0

    # -- submits -----------------------------------------------------------------------

    def add_submit(self, submit: Submit) -> None:
        """Write an intent; must be committed before the call goes out."""
        self._add(self._t.submits, (submit.task_id, submit.n), submit)

    def submits(self, task_id: str) -> Sequence[Submit]:
        """Return the submits of a task by number."""
        found = [submit for key, submit in self._t.submits.items() if key[0] == task_id]
        return sorted(found, key=lambda submit: submit.n)

    def submits_by_task(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Submit]]:
        """Return the submits of many tasks."""
        return {task_id: self.submits(task_id) for task_id in task_ids}

    def submit_by_token(self, provider: str, token: str) -> Submit | None:
        """Return the submit that a provider knows by this token."""
        for submit in self._t.submits.values():
            if submit.token == token and submit.provider == provider:
                return submit
        return None

    def change_submit(self, submit: Submit, expected: frozenset[Verdict]) -> bool:
        """Write what was learned of a submit, if its verdict is still one of `expected`."""
        now = self._t.submits.get((submit.task_id, submit.n))
        if now is None or now.verdict not in expected:
            return False
        self._put(self._t.submits, (submit.task_id, submit.n), submit)
        return True

    def is_ticket_known(self, submit: Submit) -> bool:
        """Say whether another submit to the same provider already holds this ticket."""
        return submit.ticket is not None and any(
            other.provider == submit.provider and _text(other.ticket) == _text(submit.ticket)
            for key, other in self._t.submits.items()
            if key != (submit.task_id, submit.n)
        )

    def unanswered(self, submit: Submit, since: datetime, limit: int) -> Sequence[str]:
        """Return whose submits to the same route, begun since then, have no answer either."""
        route = submit.provider, submit.upstream_model
        found = {
            other.task_id
            for other in self._t.submits.values()
            if other.verdict in {Verdict.INTENT, Verdict.DOUBT}
            and (other.provider, other.upstream_model) == route
            and other.intent_at >= since
            and other.task_id != submit.task_id
        }
        return sorted(found)[:limit]

    def submits_to_look_at(self, at: datetime, limit: int) -> Sequence[Submit]:
        """Return submits of ended tasks that the keeper should look after now."""
        late = [
            (submit.look_at, key, submit)
            for key, submit in self._t.submits.items()
            if submit.look_at is not None and submit.look_at <= at
        ]
        return [submit for _, _, submit in sorted(late, key=lambda found: found[:2])[:limit]]

    def hold_submit(self, submit: Submit, until: datetime) -> Submit | None:
        """Take a submit that is due in hand until an instant, if it stands as it was seen."""
        key = (submit.task_id, submit.n)
        found = self._t.submits.get(key)
        if found is None or found.look_at is None:
            return None
        if (found.verdict, found.look_at) != (submit.verdict, submit.look_at):
            return None
        held = replace(found, look_at=until)
        self._put(self._t.submits, key, held)
        return held

    def salvage(self, limit: int, after: tuple[str, int] | None = None) -> Sequence[Submit]:
        """Return submits of ended, undelivered tasks that may have been paid."""

        def counts(key: tuple[str, int], submit: Submit) -> bool:
            task = self._t.tasks.get(submit.task_id)
            is_over = task is None or task.status in FINAL
            is_beyond = after is None or key > after
            return is_over and is_beyond and submit.is_billable and submit.verdict in PERHAPS_PAID

        return [s for key, s in sorted(self._t.submits.items()) if counts(key, s)][:limit]

    # -- operators ---------------------------------------------------------------------

    def add_adoption(self, adoption: Adoption) -> None:
        """Write down whose film a task has.

        Raises:
            IntegrityFault: that film was adopted before.
        """
        if any(
            (other.adopted_from, other.submit_n) == (adoption.adopted_from, adoption.submit_n)
            for other in self._t.adoptions.values()
        ):
            raise IntegrityFault(f"submit {adoption.submit_n} of {adoption.adopted_from} is taken")
        self._add(self._t.adoptions, adoption.task_id, adoption)

    def adoption_of(self, task_id: str) -> Adoption | None:
        """Return whose film a task has; None if it has its own."""
        return self._t.adoptions.get(task_id)

    def adoptions_from(self, task_id: str) -> Sequence[Adoption]:
        """Return which tasks have late films of a task, by the number of its submit."""
        found = [one for one in self._t.adoptions.values() if one.adopted_from == task_id]
        return sorted(found, key=lambda one: one.submit_n)

    def add_audit(self, deed: Deed) -> None:
        """Append a line to the audit log."""
        self._add(self._t.deeds, deed.id, deed)

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
        found = [
            deed
            for deed in self._t.deeds.values()
            if object_id in {None, deed.object}
            and (since is None or deed.at >= since)
            and (before is None or deed.id < before)
        ]
        return sorted(found, key=lambda deed: deed.id, reverse=True)[:limit]

    # -- routes ------------------------------------------------------------------------

    def healths(self) -> Sequence[Health]:
        """Return what is known of all routes, by name."""
        return [self._t.healths[key] for key in sorted(self._t.healths)]

    def health(self, provider: str, upstream_model: str) -> Health | None:
        """Return what is known of one route; None if nothing ever went wrong."""
        return self._t.healths.get((provider, upstream_model))

    def put_health(self, health: Health) -> None:
        """Write how a route fares; a clean one needs no row."""
        key = (health.provider, health.upstream_model)
        if health.is_clean:
            self._drop(self._t.healths, key)
        else:
            self._put(self._t.healths, key, health)

    def add_artifacts(self, *artifacts: Artifact) -> None:
        """Write down blobs that are about to be written."""
        for artifact in artifacts:
            self._add(self._t.artifacts, artifact.blob, artifact)

    def keep_artifacts(self, *artifacts: Artifact) -> None:
        """Name winners: the rows become `kept` with their measures.

        Raises:
            LeaseLost: there is no such try, or its blob was swept; nothing of it can be kept.
        """
        for artifact in artifacts:
            now = self._t.artifacts.get(artifact.blob)
            if now is None or now.state is ArtifactState.SWEPT:
                raise LeaseLost(f"{artifact.blob} is not there to be kept")
            winner = replace(artifact, state=ArtifactState.KEPT)
            self._put(self._t.artifacts, artifact.blob, winner)

    def artifacts(self, task_id: str) -> Sequence[Artifact]:
        """Return a task's artifacts that are not swept."""
        found = [
            artifact
            for artifact in self._t.artifacts.values()
            if artifact.task_id == task_id and artifact.state is not ArtifactState.SWEPT
        ]
        return sorted(found, key=lambda artifact: (artifact.created_at, artifact.blob))

    def sweepable(self, before: datetime, limit: int) -> Sequence[Artifact]:
        """Return blobs nobody will want: tries that lost, and films of removed tasks."""

        def has_lost(artifact: Artifact) -> bool:
            task = self._t.tasks.get(artifact.task_id)
            return task is None or task.is_final or task.lease_epoch > artifact.epoch

        found = [
            artifact
            for artifact in self._t.artifacts.values()
            if artifact.state is ArtifactState.WRITING
            and artifact.created_at < before
            and has_lost(artifact)
        ]
        return sorted(found, key=lambda artifact: (artifact.created_at, artifact.blob))[:limit]

    def swept(self, blobs: Iterable[str]) -> None:
        """Record that these blobs are gone."""
        for blob in blobs:
            if artifact := self._t.artifacts.get(blob):
                gone = replace(artifact, state=ArtifactState.SWEPT)
                self._put(self._t.artifacts, blob, gone)

    def file_input(self, filed: Filed) -> None:
        """Record an input blob; an existing row becomes as young as this one."""
        seen = self._t.inputs.get(filed.blob)
        young = filed if seen is None else replace(seen, created_at=filed.created_at)
        self._put(self._t.inputs, filed.blob, young)

    def input(self, blob: str) -> Filed | None:
        """Read what is known of an input blob."""
        return self._t.inputs.get(blob)

    def refer_input(self, task_id: str, blob: str) -> None:
        """Say that a task needs this input."""
        self._put(self._t.task_inputs, (task_id, blob), None)

    def release_inputs(self, before: datetime, limit: int) -> int:
        """Say that tasks which ended before need their inputs no more; return how many inputs."""
        found = []
        for key in self._t.task_inputs:
            task = self._t.tasks.get(key[0])
            if task is not None and task.finished_at is not None and task.finished_at < before:
                found.append(key)
        for key in found[:limit]:
            self._drop(self._t.task_inputs, key)
        return len(found[:limit])

    def orphan_inputs(self, before: datetime, limit: int) -> Sequence[str]:
        """Return input blobs older than `before` that no task refers to."""
        wanted = {blob for _, blob in self._t.task_inputs}
        found = [
            (filed.created_at, blob)
            for blob, filed in self._t.inputs.items()
            if filed.created_at < before and blob not in wanted
        ]
        return [blob for _, blob in sorted(found)[:limit]]

    def take_orphans(self, before: datetime, limit: int) -> Sequence[str]:
        """Forget orphan inputs, and return them: their bytes go in this same transaction."""
        orphans = self.orphan_inputs(before, limit)
        self.drop_inputs(orphans)
        return orphans

    def drop_inputs(self, blobs: Iterable[str]) -> None:
        """Forget input blobs that were removed."""
        for blob in blobs:
            self._drop(self._t.inputs, blob)

    # -- erasing -----------------------------------------------------------------------

    def tasks_of(
        self, after_id: str, limit: int, *, account_id: str | None = None, user: str | None = None
    ) -> Sequence[Task]:
        """Page by id through the tasks of an account, of an end user, or of both."""
        found = [
            task
            for task_id, task in sorted(self._t.tasks.items())
            if task_id > after_id
            and account_id in {None, task.account_id}
            and user in {None, task.user}
        ]
        return found[:limit]

    def blank_remains(self, task_id: str) -> None:
        """Blank what answers, events and submits hold of a task's wish."""
        for key, submit in list(self._t.submits.items()):
            if submit.task_id == task_id:
                self._put(self._t.submits, key, without_words(submit))
        answer = self._t.answers.get(task_id)
        if answer is not None:
            blanked = replace(answer, body=without_prompt(answer.body))
            self._put(self._t.answers, task_id, blanked)
        for event_id, news in list(self._t.outbox.items()):
            if news.task_id == task_id and news.failure is not None:
                told = replace(news, failure=told_in_house_words(news.failure))
                self._put(self._t.outbox, event_id, told)

    def take_inputs(self, blobs: Sequence[str], before: datetime) -> Sequence[str]:
        """Forget those of some inputs that no task refers to; return them."""
        orphans = self.orphan_inputs(before, len(self._t.inputs))
        taken = sorted(set(blobs) & set(orphans))
        self.drop_inputs(taken)
        return taken

    # -- stock -------------------------------------------------------------------------

    def kept_artifacts(self, after_blob: str, limit: int) -> Sequence[Artifact]:
        """Page through what tasks made and have, by name of the blob."""
        kept = [
            artifact
            for blob, artifact in sorted(self._t.artifacts.items())
            if blob > after_blob and artifact.state is ArtifactState.KEPT
        ]
        return kept[:limit]

    def wanted_inputs(self, after_blob: str, limit: int) -> Sequence[Filed]:
        """Page through the inputs that unfinished tasks refer to, by name of the blob."""
        unfinished = {task.id for task in self._t.tasks.values() if not task.is_final}
        wanted = {blob for task_id, blob in self._t.task_inputs if task_id in unfinished}
        found = [
            filed
            for blob, filed in sorted(self._t.inputs.items())
            if blob > after_blob and blob in wanted
        ]
        return found[:limit]

    def known_artifacts(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs a task made, or is making; swept ones are not."""
        found = (self._t.artifacts.get(blob) for blob in blobs)
        return frozenset(
            artifact.blob
            for artifact in found
            if artifact is not None and artifact.state is not ArtifactState.SWEPT
        )

    def known_inputs(self, blobs: Sequence[str]) -> frozenset[str]:
        """Return which of these blobs are inputs on record."""
        return frozenset(blob for blob in blobs if blob in self._t.inputs)

    # -- answers -----------------------------------------------------------------------

    def add_answer(self, answer: Answer, *, since: datetime) -> None:
        """Keep the first answer to a create; one under the same key from before `since` goes.

        Raises:
            IntegrityFault: the key is already used in this scope.
        """
        for other in list(self._t.answers.values()):
            is_same = (other.account_id, other.route, other.key) == (
                answer.account_id,
                answer.route,
                answer.key,
            )
            if answer.key is None or not is_same:
                continue
            if other.created_at >= since:
                raise IntegrityFault("this Idempotency-Key is taken")
            self._drop(self._t.answers, other.task_id)
        self._add(self._t.answers, answer.task_id, answer)

    def answer(self, account_id: str, route: str, key: str, since: datetime) -> Answer | None:
        """Return the answer given under an Idempotency-Key."""
        for found in self._t.answers.values():
            if (found.account_id, found.route, found.key) == (account_id, route, key):
                return found if found.created_at >= since else None
        return None

    def recent_answer(
        self, account_id: str, route: str, digest: bytes, since: datetime
    ) -> Answer | None:
        """Return the newest answer to a create with the same body."""
        found = [
            answer
            for answer in self._t.answers.values()
            if (answer.account_id, answer.route, answer.digest) == (account_id, route, digest)
            and answer.created_at >= since
        ]
        return max(found, key=lambda answer: (answer.created_at, answer.task_id), default=None)

    def forget_answers(self, before: datetime, limit: int) -> int:
        """Drop old answers; return how many."""
        found = [
            (answer.created_at, key)
            for key, answer in self._t.answers.items()
            if answer.created_at < before
        ]
        old = sorted(found)[:limit]
        for _, key in old:
            self._drop(self._t.answers, key)
        return len(old)

    # -- keys --------------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """Insert an account."""
        self._add(self._t.accounts, account.id, account)

    def see_to_account(self, account: Account) -> None:
        """Insert an account without rules, unless it is there."""
        if account.id not in self._t.accounts:
            self._put(self._t.accounts, account.id, account)

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        return self._t.accounts.get(account_id)

    def accounts(self) -> Sequence[Account]:
        """Return all accounts, closed ones included, by birth."""
        return sorted(self._t.accounts.values(), key=lambda one: (one.created_at, one.id))

    def change_account(self, before: Account, after: Account) -> bool:
        """Write name, limits and end of an account, if it stands as it was seen."""
        if self._t.accounts.get(before.id) != before:
            return False
        changed = replace(after, id=before.id, created_at=before.created_at)
        self._put(self._t.accounts, before.id, changed)
        self._bump()
        return True

    def add_key(self, key: Key) -> None:
        """Insert a key; its account is made if it is new."""
        if any(other.digest == key.digest for other in self._t.keys.values()):
            raise IntegrityFault("this secret is taken")
        if key.account_id not in self._t.accounts:
            account = Account(key.account_id, key.name, key.created_at)
            self._put(self._t.accounts, account.id, account)
        self._add(self._t.keys, key.id, _bare(key))
        self._bump()

    def key(self, key_id: str) -> Key | None:
        """Return a key, a revoked one too."""
        found = self._t.keys.get(key_id)
        return None if found is None else self._with_account(found)

    def key_by_digest(self, digest: bytes) -> Key | None:
        """Find a key, revoked ones included."""
        found = (key for key in self._t.keys.values() if key.digest == digest)
        return next(map(self._with_account, found), None)

    def keys(self) -> Sequence[Key]:
        """Return all keys, revoked ones included, by birth."""
        found = sorted(self._t.keys.values(), key=lambda key: (key.created_at, key.id))
        return [self._with_account(key) for key in found]

    def change_key(self, before: Key, after: Key) -> bool:
        """Write what may change of a key, if it stands as it was seen."""
        if self._t.keys.get(before.id) != _bare(before):
            return False
        kept = {name: getattr(before, name) for name in _KEPT_OF_KEYS}
        self._put(self._t.keys, before.id, _bare(replace(after, **kept)))
        self._bump()
        return True

    def _with_account(self, key: Key) -> Key:
        account = self._t.accounts[key.account_id]
        sisters = {one.id for one in self._t.keys.values() if one.account_id == account.id}
        return replace(
            key,
            account_limits=account.limits,
            is_closed=account.closed_at is not None,
            has_purse=any(owner in {*sisters, account.id} for owner, _ in self._t.limits),
        )

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; say whether there was one to revoke."""
        key = self._t.keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        self._put(self._t.keys, key_id, replace(key, revoked_at=at))
        self._bump()
        return True

    def key_version(self) -> int:
        """Return a number that changes with every change to any key."""
        return self._t.house.get("key_version", 0)

    def _bump(self) -> None:
        self._put(self._t.house, "key_version", self.key_version() + 1)

    # -- webhooks ----------------------------------------------------------------------

    def news(self, event_id: str) -> News | None:
        """Return the event that a task's end left in the outbox."""
        return self._t.outbox.get(event_id)

    def unposted(self, limit: int) -> Sequence[News]:
        """Return events of the outbox that nobody has made posts of, the oldest first."""
        found = [news for key, news in self._t.outbox.items() if key not in self._t.posted]
        return sorted(found, key=lambda news: (news.created_at, news.event_id))[:limit]

    def pass_over(self, event_ids: Iterable[str], *, at: datetime) -> None:
        """Say of events that no posts are to be made of them."""
        for event_id in event_ids:
            if event_id in self._t.outbox and event_id not in self._t.posted:
                self._add(self._t.posted, event_id, at)

    def post(self, news: News, posts: Iterable[Post], *, at: datetime) -> bool:
        """Make the posts of an event, unless somebody has; say whether they were made."""
        if news.event_id not in self._t.outbox or news.event_id in self._t.posted:
            return False
        self._add(self._t.posted, news.event_id, at)
        for one in posts:
            self._add(self._t.posts, (one.event_id, one.url), one)
        return True

    def due_posts(
        self,
        at: datetime,
        limit: int,
        *,
        origins: Iterable[str] = (),
        accounts: Iterable[str] = (),
    ) -> Sequence[Post]:
        """Return posts that may be attempted now, but none to these origins or accounts."""
        without, of = set(origins), set(accounts)
        late = [
            (post.due_at, key, post)
            for key, post in self._t.posts.items()
            if post.due_at is not None
            and post.due_at <= at
            and post.account_id not in of
            and origin_of(post.url) not in without
        ]
        return [post for _, _, post in sorted(late, key=lambda found: found[:2])[:limit]]

    def hold_post(self, post: Post, until: datetime) -> Post | None:
        """Take a due post in hand until an instant, if it stands as it was seen."""
        now = self._t.posts.get((post.event_id, post.url))
        if now is None or now.due_at is None or now.due_at != post.due_at:
            return None
        held = replace(now, due_at=until)
        self._put(self._t.posts, (post.event_id, post.url), held)
        return held

    def change_post(self, before: Post, after: Post) -> bool:
        """Write what became of a post; say whether it stood as `before` says."""
        now = self._t.posts.get((before.event_id, before.url))
        if now is None or now.state is not before.state:
            return False
        if after.state is not PostState.DELIVERED and now.due_at != before.due_at:
            return False
        self._put(self._t.posts, (before.event_id, before.url), after)
        return True

    def add_delivery(self, post: Post, answered: Answered, *, at: datetime) -> None:
        """Keep an attempt in the log; the store numbers the attempts of a post."""
        attempt = 1 + len(self.deliveries(post.event_id, post.url))
        kept = Delivery(post.event_id, post.url, attempt, at, answered.http_status, answered.note)
        self._add(self._t.deliveries, (post.event_id, post.url, attempt), kept)

    def deliveries(self, event_id: str, url: str) -> Sequence[Delivery]:
        """Return the attempts of a post by number."""
        mine = [one for key, one in self._t.deliveries.items() if key[:2] == (event_id, url)]
        return sorted(mine, key=lambda one: one.attempt)

    def posts_of(self, event_id: str) -> Sequence[Post]:
        """Return the posts of an event by address."""
        found = [post for key, post in self._t.posts.items() if key[0] == event_id]
        return sorted(found, key=lambda post: post.url)

    def posts(
        self, limit: int, *, state: PostState | None = None, before: str | None = None
    ) -> Sequence[Post]:
        """Return posts by event, the newest first; with `before`, those of older events."""
        found = [
            post
            for post in self._t.posts.values()
            if state in {None, post.state} and (before is None or post.event_id < before)
        ]
        by_url = sorted(found, key=lambda post: post.url)
        return sorted(by_url, key=lambda post: post.event_id, reverse=True)[:limit]

    def forget_posts(self, before: datetime, limit: int) -> int:
        """Drop posts that ended before, with their attempts; return how many."""
        old = [
            (post.ended_at, key)
            for key, post in self._t.posts.items()
            if post.ended_at is not None and post.ended_at < before
        ]
        gone = [key for _, key in sorted(old)[:limit]]
        for event_id, url in gone:
            for one in self.deliveries(event_id, url):
                self._drop(self._t.deliveries, (event_id, url, one.attempt))
            self._drop(self._t.posts, (event_id, url))
        return len(gone)

    def endpoints(self, account_id: str | None = None) -> Sequence[Endpoint]:
        """Return the addresses of an account, or of all, by birth."""
        found = [one for one in self._t.endpoints.values() if account_id in {None, one.account_id}]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """Read one address."""
        return self._t.endpoints.get(endpoint_id)

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Insert an address."""
        self._add(self._t.endpoints, endpoint.id, endpoint)

    def change_endpoint(self, before: Endpoint, after: Endpoint) -> bool:
        """Write how an address fares, if it still fares as `before` says."""
        now = self._t.endpoints.get(before.id)
        if now is None or (now.failing_since, now.disabled_at) != (
            before.failing_since,
            before.disabled_at,
        ):
            return False
        self._put(self._t.endpoints, before.id, after)
        return True

    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Remove an address; say whether there was one."""
        is_there = endpoint_id in self._t.endpoints
        self._drop(self._t.endpoints, endpoint_id)
        return is_there

    def webhook_secret(self, account_id: str) -> WebhookSecret | None:
        """Return what an account's deliveries are signed with, None if it has none yet."""
        return self._t.secrets.get(account_id)

    def keep_webhook_secret(self, fresh: WebhookSecret) -> WebhookSecret:
        """Return the secret of an account; if it has none, `fresh` is it from now on."""
        standing = self._t.secrets.get(fresh.account_id)
        if standing is None:
            self._add(self._t.secrets, fresh.account_id, fresh)
        return standing or fresh

    def change_webhook_secret(self, before: WebhookSecret, after: WebhookSecret) -> bool:
        """Write a rotation, unless somebody else rotated first."""
        now = self._t.secrets.get(before.account_id)
        if now is None or now.secret != before.secret:
            return False
        self._put(self._t.secrets, before.account_id, after)
        return True

    # -- limits ------------------------------------------------------------------------

    def take_rate(
        self, owner: str, kind: RateKind, began_at: datetime, *, limit: int, count: int
    ) -> Lent:
        """Take up to `count` of what an owner's rate leaves in the window that began then."""
        began_before, taken = self._t.rates.get((owner, kind), (began_at, 0))
        if began_before != began_at:
            if timedelta(0) < began_before - began_at <= 2 * kind.window:
                return Lent(0, 0)
            taken = 0
        lent = max(0, min(count, limit - taken))
        if lent:
            self._put(self._t.rates, (owner, kind), (began_at, taken + lent))
        return Lent(lent, max(0, limit - taken - lent))

    def hold_account(self, account_id: str) -> None:
        """Hold nothing, as there is no other transaction; who may not is refused all the same."""
        if not self._is_alone:
            raise RuntimeError(f"an act that holds {account_id} must be written alone")

    def open_task_count(
        self, account_id: str, key_id: str | None, *, at_most: int, is_waiting: bool = False
    ) -> int:
        """Count unfinished tasks of a key, or of a whole account, as far as `at_most`."""
        found = sum(
            task.account_id == account_id
            and (key_id is None or task.key_id == key_id)
            and (task.status is Status.QUEUED if is_waiting else task.status not in FINAL)
            for task in self._t.tasks.values()
        )
        return min(found, at_most)

    def waiting_count(self, at_most: int) -> int:
        """Count all tasks that are queued, whoever's, as far as `at_most`."""
        found = sum(task.status is Status.QUEUED for task in self._t.tasks.values())
        return min(found, at_most)

    # -- all of them -------------------------------------------------------------------

    def open_counts(self) -> Sequence[OpenCount]:
        """Return how many unfinished tasks stand where, by provider and status."""
        return overview.open_counts(self._t.tasks.values())

    def newest_faults(self, limit: int, *, provider: str | None = None) -> Sequence[Faulted]:
        """Return what went wrong last with tasks, and with their submits, the last seen first."""
        own = self._t.tasks
        faults = [(own[key[0]], one) for key, one in self._t.faults.items() if key[0] in own]
        submits = [(own[key[0]], one) for key, one in self._t.submits.items() if key[0] in own]
        return overview.newest_faults(faults, submits, limit, provider)

    def insights(self, by: InsightBy, since: datetime, until: datetime) -> Sequence[Insight]:
        """Return how tasks fared that were accepted from `since` on and before `until`."""
        return overview.insights(self._t.tasks.values(), by, since, until)

    # -- executors ---------------------------------------------------------------------

    def executors(self) -> Sequence[Executor]:
        """Return the executors that beat; nothing here is ever silent."""
        return [Executor(name, 0.0) for name in sorted(self._t.executors)]

    def beat(self, executor: str) -> None:
        """Say that an executor is alive; nothing here ever dies."""
        self._put(self._t.executors, executor, None)

    def retire(self, executor: str) -> None:
        """Say that an executor has stopped."""
        self._drop(self._t.executors, executor)

    def executor_count(self, lost_after_s: float) -> int:
        """Return how many executors ever beat."""
        return len(self._t.executors)

    def reassign_work(self, lost_after_s: float) -> int:
        """Give nothing back: whoever drives the story keeps its own records."""
        return 0

    def share_out(self, queue: str) -> int:
        """Say nothing of work: whoever drives the story keeps its own records."""
        return 0

    def dequeued(self, executor: str, for_s: float) -> Sequence[str]:
        """Know of no queue: whoever drives the story keeps its own records."""
        return ()

    def requeue(self, works: Sequence[str]) -> int:
        """Give nothing back."""
        return 0

    def forgive_starts(self) -> int:
        """Forgive nothing: whoever drives the story keeps its own records."""
        return 0

    # -- turns -------------------------------------------------------------------------

    def take_turn(self, queue: str, account_id: str, step: int) -> int:
        """Take the next turn of an account in a queue."""
        head = self._t.turns.get((queue, ""), 0)
        turn = max(self._t.turns.get((queue, account_id), 0), head) + step
        self._put(self._t.turns, (queue, account_id), turn)
        return turn

    def turns_of(self, queue: str, limit: int) -> Sequence[str]:
        """Return no work: whoever drives the story keeps its own records."""
        return []

    def turn_queues(self) -> Sequence[str]:
        """Return the queues in which turns were taken and not forgotten since."""
        return sorted({queue for queue, _ in self._t.turns})

    def pass_turns(self, queue: str) -> None:
        """Start over: no work waits here."""
        for key in [key for key in self._t.turns if key[0] == queue]:
            self._drop(self._t.turns, key)


def _ended(one: Used) -> EndedTask:
    if one.task is None:
        raise AssertionError("a line of usage of its own has its task")
    return one.task


_NAMED: Final[Mapping[UsageBy, Callable[[Used], str]]] = {
    UsageBy.ACCOUNT: lambda one: _ended(one).account_id,
    UsageBy.KEY: lambda one: _ended(one).key_id,
    UsageBy.MODEL: lambda one: _ended(one).model,
    UsageBy.DAY: lambda one: f"{_ended(one).finished_at:%Y-%m-%d}",
}


def _added_up(name: str, lines: Sequence[Used]) -> Used:
    return Used(
        name=name,
        tasks=len(lines),
        films=sum(one.films for one in lines),
        rehearsals=sum(one.rehearsals for one in lines),
        film_seconds=round(sum(one.film_seconds for one in lines), 3),
        charged_microusd=sum(one.charged_microusd for one in lines),
        place=name,
    )


def _by_id(task: Task) -> str:
    return task.id


def _text(ticket: Ticket | None) -> str:
    """Write a ticket as a database would: what is one number to Python may be two there."""
    return json.dumps(ticket, sort_keys=True)


def _bare(key: Key) -> Key:
    """Return a key without what its account says."""
    return replace(key, account_limits=NO_LIMITS, has_purse=False, is_closed=False)
