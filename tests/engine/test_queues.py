"""Whose queues a process works for, and how fast: a real engine on a real file, in this process.

Its providers make every film at once, so that only the queues themselves hold anything back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from journeying import wait_until
from rushes.bell import LocalBell
from rushes.clock import SystemClock
from rushes.domain.catalog import Catalog, Listing, Route
from rushes.domain.submit import Ticket
from rushes.domain.task import Status, Task
from rushes.engine.dispatch import DbosDispatcher, make_tables, queue_name
from rushes.engine.keeper import Keeper
from rushes.engine.progress import ProgressNotes
from rushes.engine.pulse import Pulse
from rushes.engine.queues import Slots
from rushes.engine.workflows import Assignment, Calls, Crew, Engine
from rushes.engine.world import Upstream, World
from rushes.ports import Transaction, Work, work_id_of
from rushes.providers.base import Outcome, Ready
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import a_hold, a_spec, a_task
from template import a_database
from working import Told, Workers

PATIENCE_S = 20.0
MANY = 20
"""More may be with a provider at once than a test has."""

A_MINUTE_MS = 61_000
"""A minute, and the second that the library's clock is rounded by."""


async def made_at_once(ticket: Ticket) -> Outcome:
    return Ready({"url": "https://films.test/1"})


@dataclass
class Yard:
    """A database, and films for the providers `gpu` and `west`; each has a model of its name."""

    store: SqliteStore

    def __post_init__(self) -> None:
        self.bell = LocalBell()
        self.dispatcher = DbosDispatcher(self.store.engine_for_workflows())

    def want(self, provider: str, count: int = 1) -> list[Task]:
        """Have films wait for a provider, written together, as accepted wishes are."""
        return self.store.write_now(lambda tx: self.wanted(tx, provider, count))

    def wanted(self, tx: Transaction, provider: str, count: int) -> list[Task]:
        tasks = []
        for _ in range(count):
            spec, at = a_spec(model=provider), SystemClock().now()
            task = a_task(model=provider, spec=spec, created_at=at, queue=provider)
            task = replace(task, work_id=work_id_of(task, Work.FILM))
            tx.add_task(task, a_hold(task))
            self.dispatcher.enqueue(tx, task, Work.FILM, queue=provider)
            tasks.append(task)
        return tasks

    def statuses(self, tasks: list[Task]) -> list[Status]:
        return [one.status for task in tasks if (one := self.task(task.id)) is not None]

    def task(self, task_id: str) -> Task | None:
        return self.store.read_now(lambda tx: tx.task(task_id))

    def are_made(self, tasks: list[Task]) -> bool:
        return set(self.statuses(tasks)) == {Status.SUCCEEDED}

    def wait_for(self, tasks: list[Task]) -> None:
        wait_until(
            lambda: self.are_made(tasks),
            timeout_s=PATIENCE_S,
            why=lambda: json.dumps(self.statuses(tasks)),
        )

    def begun_count(self, tasks: list[Task]) -> int:
        """How many were handed to their provider."""

        def count(tx: Transaction) -> int:
            return sum(bool(tx.submits(task.id)) for task in tasks)

        return self.store.read_now(count)

    def set_back(self, provider: str, by_ms: int) -> None:
        """Have everything in a provider's queue begin earlier, by the library's own records."""
        statement = (
            "UPDATE workflow_status SET started_at_epoch_ms = started_at_epoch_ms - ? "
            "WHERE queue_name = ?"
        )
        values = by_ms, queue_name(Work.FILM, provider)

        def act(tx: Transaction) -> None:
            cast("sa.Connection", tx.connection).exec_driver_sql(statement, values)

        self.store.write_now(act)

    def want_dequeued(self, provider: str, by: str) -> list[Task]:
        """Have a film wait that was dequeued a while ago, in a commit that nobody was told of."""
        statement = (
            "UPDATE workflow_status SET status = 'PENDING', executor_id = ?, "
            "started_at_epoch_ms = CAST(strftime('%s') AS INTEGER) * 1000 - 600000 "
            "WHERE workflow_uuid = ?"
        )

        def act(tx: Transaction) -> list[Task]:
            (task,) = self.wanted(tx, provider, 1)
            connection = cast("sa.Connection", tx.connection)
            connection.exec_driver_sql(statement, (by, task.work_id))
            return [task]

        return self.store.write_now(act)

    @contextlib.contextmanager
    def working(self, *, only: frozenset[str] | None = None, **slots: Slots) -> Iterator[World]:
        """Have an engine at work, as `rushes worker` has it."""
        workers = Workers()
        providers = {name: Told(name, on_check=made_at_once) for name in ("gpu", "west")}
        world = workers.world
        world.store, world.clock, world.dispatcher = self.store, SystemClock(), self.dispatcher
        world.upstreams = {n: Upstream(one, "env:GPU_KEY") for n, one in providers.items()}
        world.catalog = Catalog(
            {
                name: Listing(name, cast("Any", None), (Route(name, "wan"),), is_rehearsal=False)
                for name in providers
            },
            {},
        )
        engine = Engine(
            world,
            bell=self.bell,
            crew=Crew(
                keeper=Keeper(world, self.dispatcher),
                progress=ProgressNotes(self.store),
                calls=Calls(PATIENCE_S),
                pulse=Pulse(self.store, "one"),
            ),
            assignment=Assignment(
                "one", {name: Slots(MANY) for name in providers} | slots, MANY, only
            ),
            database=self.store.engine_for_workflows(),
        )
        engine.start()
        try:
            yield world
        finally:
            engine.close()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with contextlib.closing(SqliteStore(a_database(tmp_path / "rushes.db"))) as store:
        make_tables(store.engine_for_workflows())
        yield Yard(store)


def test_who_works_for_one_provider_leaves_the_others_films_to_others(yard: Yard) -> None:
    of_west = yard.want("west", 2)
    with yard.working(only=frozenset({"gpu"})):
        for _ in range(2):  # each is a film that is dequeued, made and brought home
            yard.wait_for(yard.want("gpu"))
        assert yard.statuses(of_west) == [Status.QUEUED] * 2
        assert yard.begun_count(of_west) == 0
    with yard.working(only=frozenset({"west"})):
        yard.wait_for(of_west)


def test_a_provider_is_sent_no_more_films_a_minute_than_it_may_be(yard: Yard) -> None:
    waiting = yard.want("gpu", 5)
    with yard.working(gpu=Slots(MANY, starts_per_minute_max=2)):
        wait_until(lambda: yard.begun_count(waiting) >= 2, timeout_s=PATIENCE_S)
        for _ in range(2):  # another provider's films come and go meanwhile, all without a limit
            yard.wait_for(yard.want("west"))
        assert yard.begun_count(waiting) == 2
        assert sorted(yard.statuses(waiting)) == [Status.QUEUED] * 3 + [Status.SUCCEEDED] * 2
        yard.set_back("gpu", A_MINUTE_MS)
        wait_until(lambda: yard.begun_count(waiting) >= 4, timeout_s=PATIENCE_S)
        yard.wait_for(yard.want("west"))
        assert yard.begun_count(waiting) == 4


@pytest.mark.promise("P3")
def test_a_clock_that_was_set_back_does_not_stop_a_provider_that_counts_starts(yard: Yard) -> None:
    """The library counts a start that is yet to come as one of the last minute."""
    limited = Slots(MANY, starts_per_minute_max=1)
    first, second = yard.want("gpu"), yard.want("gpu")
    with yard.working(gpu=limited):
        yard.wait_for(first)
        assert yard.begun_count(second) == 0
    yard.set_back("gpu", -120 * A_MINUTE_MS)
    with yard.working(gpu=limited):
        yard.wait_for(second)


@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
def test_work_that_was_dequeued_in_a_commit_nobody_was_told_of_is_begun_all_the_same(
    yard: Yard,
) -> None:
    """It would wait for ever: its executor lives, and does not know of it."""
    with yard.working(gpu=Slots(1)) as world:
        yard.wait_for(yard.want("gpu"))
        lost = yard.want_dequeued("gpu", "one")
        keeper = Keeper(world, yard.dispatcher, executor="one")
        asyncio.run(keeper.sweep(SystemClock().now()))
        assert yard.statuses(lost) == [Status.QUEUED], "it may be about to begin"
        asyncio.run(keeper.sweep(SystemClock().now()))
        yard.wait_for(lost)
