"""Money over whole lives of tasks, on every store: balances are exact, and no budget is exceeded.

A model of what is held and charged is kept beside the store, and after every step each purse is
held against it, and the ledger against itself. On PostgreSQL many take from one purse at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rushes.deeds import salvage
from rushes.deeds.salvage import NotAdoptable
from rushes.domain.access import CancelRule, EntryKind, Key, Limits, Period, canceled
from rushes.domain.catalog import Price
from rushes.domain.errors import Failure, InsufficientQuota, Reason, TooManyActiveTasks
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.domain.usage import UsageAsked, UsageBy
from rushes.engine.charging import charge_for
from rushes.gateway.active import check_active
from rushes.gateway.funds import set_aside
from rushes.ports import Books, Budgets, Transaction, Work
from rushes.store.postgres import PostgresStore
from rushes.store.schema import metadata
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import (
    ACCOUNT_ID,
    NOON,
    a_key,
    a_measure,
    a_submit,
    a_task,
    answered,
    moved,
)
from rushes.testing.memory_store import MemoryStore

OTHER = "acct_" + "b" * 32
WORK = "work"
TARIFF = (Price("second", 100), Price("million_tokens", 30_000))
SHM = Path("/dev/shm")
ENDS = {Event.FAILED, Event.CANCELED, Event.STORED}
DOLLAR = st.sampled_from([0, 500, 1_000, 2_500, 10_000])


@dataclass
class Held:
    """What the model knows of a task's money."""

    owners: frozenset[str]
    held_at: datetime
    hold: int
    charged: int | None = None

    @property
    def counts(self) -> int:
        return self.hold if self.charged is None else self.charged


def keys_of() -> list[Key]:
    return [
        a_key(f"sk-live-{number}", id=f"key_{number}", account_id=account_id)
        for number, account_id in enumerate((ACCOUNT_ID, ACCOUNT_ID, OTHER))
    ]


class Refused(Exception):
    """The act is taken back."""


class Idle:
    """Takes work and does none of it."""

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        del tx, task, work, queue


class Money(RuleBasedStateMachine):
    make: Callable[[], Books]

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make()
        self.at = NOON
        self.keys = keys_of()
        self.held: dict[str, Held] = {}
        self.limits: dict[tuple[str, Period], int] = {}
        self.salvaged = 0
        for key in self.keys:
            self.write(lambda tx, key=key: tx.add_key(key))

    def teardown(self) -> None:
        if isinstance(self.store, SqliteStore):
            self.store.close()

    def write(self, act: Callable[[Transaction], Any]) -> Any:
        return self.store.write_now(act)

    def read(self, act: Callable[[Transaction], Any]) -> Any:
        return self.store.read_now(act)

    def tick(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def tasks(self, *statuses: Status) -> list[Task]:
        found = (self.read(lambda tx, one=one: tx.task(one)) for one in self.held)
        return [task for task in found if task is not None and task.status in statuses]

    def one(self, choice: int, *statuses: Status) -> Task | None:
        found = self.tasks(*statuses)
        return found[choice % len(found)] if found else None

    def spent(self, owner: str, period: Period) -> int:
        return sum(
            held.counts
            for held in self.held.values()
            if owner in held.owners and held.held_at >= period.began(self.at)
        )

    def left(self, owners: frozenset[str]) -> list[int]:
        return [
            limit - self.spent(owner, period)
            for (owner, period), limit in self.limits.items()
            if owner in owners
        ]

    # -- what callers do ---------------------------------------------------------------

    @rule(number=st.integers(0, 2), hold=st.sampled_from([0, 1, 500, 999, 1_000, 2_000]))
    def submit(self, number: int, hold: int) -> None:
        at, key = self.tick(), self.keys[number]
        task = a_task(
            account_id=key.account_id, key_id=key.id, created_at=at, hold_microusd=hold,
            deadline_at=at + timedelta(days=99), work_id=WORK,
        )  # fmt: skip
        owners = frozenset({key.id, key.account_id})
        is_covered = all(left >= hold for left in self.left(owners))
        has_purse = self.read(lambda tx: tx.key(key.id)).has_purse
        is_bounded = has_purse and hold > 0
        try:
            self.write(lambda tx: set_aside(tx, task, TARIFF, is_bounded=is_bounded))
        except InsufficientQuota:
            assert not is_covered
            assert hold
            assert self.read(lambda tx: tx.task(task.id)) is None
            return
        assert is_covered or not hold
        self.held[task.id] = Held(owners, at, hold)

    @rule(choice=st.integers(0, 99), cancel=st.sampled_from(CancelRule))
    def cancel(self, choice: int, cancel: CancelRule) -> None:
        task = self.one(choice, Status.QUEUED, Status.RUNNING, Status.STORING)
        if task is None:
            return
        after = canceled(task, at=self.tick(), rule=cancel)
        self.end(task, after, Event.CANCELED)

    @rule(choice=st.integers(0, 99))
    def delete(self, choice: int) -> None:
        task = self.one(choice, Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
        if task is not None:
            self.write(lambda tx: tx.remove_task(task.id))

    # -- what workers do ---------------------------------------------------------------

    @rule(choice=st.integers(0, 99))
    def go_on(self, choice: int) -> None:
        """A queued task is submitted and taken; a running one's film is ready."""
        task = self.one(choice, Status.QUEUED, Status.RUNNING)
        if task is None:
            return None
        if task.status is Status.RUNNING:
            return self.ready(task)

        def act(tx: Transaction) -> None:
            sent = moved(task, Event.INTENT, at=self.tick())
            assert tx.move(task, sent, Event.INTENT, at=self.at)
            tx.add_submit(answered(a_submit(sent), Verdict.ACCEPTED))
            taken = moved(sent, Event.ACCEPTED, at=self.tick())
            assert tx.move(sent, taken, Event.ACCEPTED, at=self.at)

        return self.write(act)

    def ready(self, task: Task) -> None:
        def act(tx: Transaction) -> None:
            (submit,) = tx.submits(task.id)
            tx.change_submit(replace(submit, verdict=Verdict.READY), frozenset(Verdict))
            after = moved(task, Event.READY, at=self.tick())
            assert tx.move(task, after, Event.READY, at=self.at)

        self.write(act)

    @rule(choice=st.integers(0, 99))
    def kill(self, choice: int) -> None:
        """The worker dies; another one takes the task over, and what the first knew is past."""
        task = self.one(choice, Status.RUNNING, Status.STORING)
        if task is None:
            return
        taken = self.write(lambda tx: tx.take(task.id, frozenset(Status), task.work_id or WORK))
        assert taken.lease_epoch == task.lease_epoch + 1
        stale = moved(task, Event.FAILED, at=self.tick())
        assert not self.write(lambda tx: tx.move(task, stale, Event.FAILED, at=self.at))

    @rule(choice=st.integers(0, 99))
    def fail(self, choice: int) -> None:
        task = self.one(choice, Status.QUEUED, Status.RUNNING, Status.STORING)
        if task is not None:
            failure = Failure.of(Reason.PROVIDER_FAILED)
            after = moved(task, Event.FAILED, at=self.tick(), failure=failure)
            self.end(task, after, Event.FAILED)

    @rule(
        choice=st.integers(0, 99),
        seconds=st.sampled_from([0.5, 4.96, 5.04, 9.0, 600.0]),
        tokens=st.sampled_from([None, 0, 7, 10_000, -5, 10**18]),
    )
    def finish(self, choice: int, seconds: float, tokens: int | None) -> None:
        task = self.one(choice, Status.STORING)
        if task is None:
            return
        measures = replace(a_measure(), seconds=seconds)
        usage = {} if tokens is None else {"total_tokens": tokens}

        def act(tx: Transaction) -> Task:
            (submit,) = tx.submits(task.id)
            charge = charge_for(tx, task, replace(submit, usage=usage), measures)
            after = moved(
                task, Event.STORED, at=self.tick(), measures=measures,
                charged_microusd=charge.microusd,
            )  # fmt: skip
            assert tx.move(task, after, Event.STORED, at=self.at)
            return after

        after = self.write(act)
        self.held[task.id].charged = after.charged_microusd

    def end(self, task: Task, after: Task, event: Event) -> None:
        assert self.write(lambda tx: tx.move(task, after, event, at=after.finished_at))
        assert not self.write(lambda tx: tx.move(task, after, event, at=after.finished_at))
        self.held[task.id].charged = after.charged_microusd

    # -- what operators and keepers do ---------------------------------------------------

    @rule(choice=st.integers(0, 99), is_charged=st.booleans())
    def adopt(self, choice: int, is_charged: bool) -> None:
        """A film that came late becomes a task of its own, as a gift or for what was held."""
        ended = [
            task
            for task in self.tasks(Status.FAILED, Status.CANCELED)
            if self.read(lambda tx, task=task: tx.submits(task.id))
            and not self.read(lambda tx, task=task: tx.adoptions_from(task.id))
        ]
        if not ended:
            return
        old, at = ended[choice % len(ended)], self.tick()

        def act(tx: Transaction) -> Task:
            (submit,) = tx.submits(old.id)
            tx.change_submit(replace(submit, verdict=Verdict.LATE), frozenset(Verdict))
            return salvage.adopt(
                tx, old.id, None, dispatcher=Idle(), budgets=Budgets(), at=at,
                is_charged=is_charged,
            )  # fmt: skip

        hold = old.hold_microusd - (old.charged_microusd or 0) if is_charged else 0
        owners = frozenset({old.account_id, old.key_id})
        is_covered = all(left >= hold for left in self.left(owners))
        try:
            new = self.write(act)
        except NotAdoptable:
            assert not is_covered
            return
        assert is_covered or not hold
        assert new.hold_microusd == hold
        self.held[new.id] = Held(owners, at, hold)
        self.salvaged += 1

    @rule(number=st.integers(0, 4), period=st.sampled_from(Period), limit=DOLLAR)
    def set_budget(self, number: int, period: Period, limit: int) -> None:
        """Set anew, topped up or lowered, beside tasks that go on."""
        owner = [key.id for key in self.keys] + [ACCOUNT_ID, OTHER]
        account_id = {self.keys[2].id: OTHER, OTHER: OTHER}.get(owner[number], ACCOUNT_ID)
        self.write(
            lambda tx: tx.set_purse(owner[number], period, limit, account_id=account_id, at=self.at)
        )
        self.limits[owner[number], period] = limit

    @precondition(lambda self: self.limits)
    @rule(choice=st.integers(0, 99))
    def remove_budget(self, choice: int) -> None:
        owner, period = sorted(self.limits)[choice % len(self.limits)]
        assert self.write(lambda tx: tx.drop_purse(owner, period))
        del self.limits[owner, period]

    @rule()
    def fold(self) -> None:
        """The keeper comes by."""
        for account_id in self.read(lambda tx: tx.refunded(9)):
            self.write(lambda tx, one=account_id: tx.fold_refunds(one))

    @rule()
    def recount(self) -> None:
        for owner, _ in self.limits:
            is_others = owner in {OTHER, self.keys[2].id}
            account_id = OTHER if is_others else ACCOUNT_ID
            self.write(
                lambda tx, one=(owner, account_id): tx.recount_purses(
                    one[0], account_id=one[1], at=self.at
                )
            )

    @rule(days=st.sampled_from([1, 1, 1, 31]))
    def sleep(self, days: int) -> None:
        """Another day begins, or another month."""
        self.at += timedelta(days=days)

    # -- what holds at all times ---------------------------------------------------------

    @invariant()
    def every_purse_has_spent_what_is_held_and_charged(self) -> None:
        found = self.read(lambda tx: tx.purses(None, at=self.at))
        told = {(purse.owner, purse.period): purse.spent_microusd for purse in found}
        assert told == {place: self.spent(*place) for place in self.limits}

    @invariant()
    def the_ledger_balances(self) -> None:
        for task_id, held in self.held.items():
            rows = {
                entry.kind: entry.amount_microusd
                for entry in self.read(lambda tx, one=task_id: tx.entries(one))
            }
            assert rows[EntryKind.HOLD] == held.hold
            if held.charged is None:
                assert set(rows) == {EntryKind.HOLD}
                continue
            assert rows[EntryKind.CAPTURE] == held.charged
            assert rows[EntryKind.CAPTURE] + rows[EntryKind.RELEASE] == held.hold

    @invariant()
    def usage_is_what_was_charged(self) -> None:
        since, until = NOON - timedelta(days=1), self.at + timedelta(days=1)
        asked = UsageAsked(UsageBy.ACCOUNT, since, until, 9)
        lines = self.read(lambda tx: tx.usage(asked))
        ended = [held for held in self.held.values() if held.charged is not None]
        assert sum(line.tasks for line in lines) == len(ended)
        assert sum(line.charged_microusd for line in lines) == sum(
            held.charged or 0 for held in ended
        )


def machine_over(make: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    """Return the machine over fresh stores of one kind."""
    return type("MoneyOf", (Money,), {"make": staticmethod(make)})


BRIEF = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
PATIENT = settings(
    BRIEF, max_examples=1_000, stateful_step_count=50, derandomize=False, phases=list(Phase)
)


@contextlib.contextmanager
def sqlite_files(template: Path) -> Iterator[Callable[[], Books]]:
    with tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None) as folder:
        names = iter(range(10**6))

        def make() -> Books:
            path = Path(folder) / f"{next(names)}.db"
            shutil.copy(template, path)
            return SqliteStore(path)

        yield make


@pytest.mark.promise("P5")
def test_money_balances_whatever_happens_in_memory() -> None:
    run_state_machine_as_test(machine_over(MemoryStore), settings=settings(BRIEF, max_examples=100))


@pytest.mark.promise("P5")
def test_money_balances_whatever_happens_on_sqlite(template: Path) -> None:
    with sqlite_files(template) as make:
        brief = settings(BRIEF, max_examples=15)
        run_state_machine_as_test(machine_over(make), settings=brief)


@pytest.mark.promise("P5")
def test_money_balances_whatever_happens_on_postgresql(emptied: PostgresStore) -> None:
    def make() -> PostgresStore:
        emptied.write_now(empty)
        return emptied

    brief = settings(BRIEF, max_examples=4, stateful_step_count=25)
    run_state_machine_as_test(machine_over(make), settings=brief)


def empty(tx: Transaction) -> None:
    for table in reversed(metadata.sorted_tables):
        cast("Any", tx.connection).execute(sa.delete(table))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_money_balances_in_the_long_run(kind: str, template: Path) -> None:
    with sqlite_files(template) as make:
        machine = machine_over(MemoryStore if kind == "memory" else make)
        few = settings(PATIENT, max_examples=1_000 if kind == "memory" else 100)
        run_state_machine_as_test(machine, settings=few)


# -- many at once --------------------------------------------------------------------------------


@pytest.mark.promise("P5")
async def test_many_at_once_from_two_processes_never_overspend_one_purse(url: str) -> None:
    """Two stores, four keys, one of them with a purse of its own; workers release meanwhile."""
    one, other = PostgresStore(url), PostgresStore(url)
    with contextlib.closing(one), contextlib.closing(other):
        keys = [a_key(f"sk-live-{n}", id=f"key_{n}") for n in range(4)]
        for key in keys:
            one.write_now(lambda tx, key=key: tx.add_key(key))
        for owner, limit in ((ACCOUNT_ID, 10_000), (keys[0].id, 1_500)):
            one.write_now(
                lambda tx, owner=owner, limit=limit: tx.set_purse(
                    owner, Period.DAY, limit, account_id=ACCOUNT_ID, at=NOON
                )
            )

        async def submit(number: int) -> Task | None:
            store, key = (one, other)[number % 2], keys[number % 4]
            task = a_task(key_id=key.id, hold_microusd=100)
            try:
                await store.write(
                    lambda tx: set_aside(tx, task, TARIFF, is_bounded=True), alone=True
                )
            except InsufficientQuota:
                return None
            if number % 5:
                return task
            after = moved(task, Event.FAILED)
            at = NOON + timedelta(minutes=1)
            assert await store.write(lambda tx: tx.move(task, after, Event.FAILED, at=at))
            return None

        async with asyncio.timeout(60):
            kept = [one for one in await asyncio.gather(*map(submit, range(240))) if one]
        held = [task.key_id for task in kept]
        purses = one.read_now(lambda tx: tx.purses(None, at=NOON))
        spent = {purse.owner: purse.spent_microusd for purse in purses}
        assert spent == {ACCOUNT_ID: 100 * len(held), keys[0].id: 100 * held.count(keys[0].id)}
        assert all(purse.left_microusd >= 0 for purse in purses)
        assert spent[ACCOUNT_ID] > 9_000, "the purse was used"


@pytest.mark.promise("P5")
async def test_a_limit_and_a_budget_of_one_account_are_kept_together_by_two_processes(
    url: str,
) -> None:
    """Both are decided under one lock, so that nobody waits crosswise."""
    one, other = PostgresStore(url), PostgresStore(url)
    with contextlib.closing(one), contextlib.closing(other):
        bound, free = (
            a_key(f"sk-live-{n}", id=f"key_{n}", limits=Limits(in_flight_max=most))
            for n, most in enumerate((9, None))
        )
        for key in (bound, free):
            one.write_now(lambda tx, key=key: tx.add_key(key))
        one.write_now(
            lambda tx: tx.set_purse(ACCOUNT_ID, Period.DAY, 2_000, account_id=ACCOUNT_ID, at=NOON)
        )

        async def submit(number: int) -> str:
            store, key = (one, other)[number % 2], (bound, free)[number // 2 % 2]
            task = a_task(key_id=key.id, hold_microusd=100)

            def act(tx: Transaction) -> None:
                tx.hold_account(ACCOUNT_ID)
                check_active(tx, key)
                set_aside(tx, task, TARIFF, is_bounded=True)

            try:
                await store.write(act, alone=True)
            except (InsufficientQuota, TooManyActiveTasks) as refusal:
                return type(refusal).__name__
            return key.id

        async with asyncio.timeout(60):
            outcomes = Counter(await asyncio.gather(*map(submit, range(120))))
        assert outcomes["key_0"] <= 9
        assert outcomes["key_0"] + outcomes["key_1"] == 20
        assert outcomes.keys() - {"TooManyActiveTasks"} == {"key_0", "key_1", "InsufficientQuota"}
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    with psycopg.connect(url) as connection:
        assert connection.execute(deadlocks).fetchone() == (0,)


@pytest.mark.promise("P5")
async def test_no_hold_slips_past_a_purse_that_is_made_meanwhile(url: str) -> None:
    """Accepts that do not know of it go on in groups, and the purse has counted every one."""
    one, other = PostgresStore(url), PostgresStore(url)
    with contextlib.closing(one), contextlib.closing(other):

        async def submit(number: int) -> None:
            task = a_task(hold_microusd=100)
            store = (one, other)[number % 2]
            await store.write(lambda tx: set_aside(tx, task, TARIFF, is_bounded=False))
            if number % 3 == 0:
                after = moved(task, Event.FAILED)
                at = NOON + timedelta(minutes=1)
                assert await store.write(lambda tx: tx.move(task, after, Event.FAILED, at=at))

        async def bound(period: Period) -> None:
            await asyncio.to_thread(
                other.write_now,
                lambda tx: tx.set_purse(ACCOUNT_ID, period, 10**6, account_id=ACCOUNT_ID, at=NOON),
            )

        async with asyncio.timeout(60):
            await asyncio.gather(
                *map(submit, range(100)),
                bound(Period.TOTAL),
                *map(submit, range(100, 200)),
                bound(Period.DAY),
            )
        purses = one.read_now(lambda tx: tx.purses(None, at=NOON))
        held = 100 * sum(1 for number in range(200) if number % 3)
        assert [purse.spent_microusd for purse in purses] == [held, held]
