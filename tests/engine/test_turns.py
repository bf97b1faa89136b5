"""Whose turn it is, and who goes on with the work of the dead; on the library's real table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from dbos import DBOSClient

from rushes.domain.ids import new_task_id
from rushes.domain.task import Status, Task
from rushes.engine.dispatch import TURN, DbosDispatcher, queue_name
from rushes.ports import Transaction, Work, work_id_of
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, a_hold, a_task
from template import a_database

QUEUE = queue_name(Work.FILM, "gpu")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(a_database(tmp_path / "rushes.db"))) as opened:
        engine = opened.engine_for_workflows()
        DBOSClient(system_database_engine=engine)._sys_db.run_migrations()
        yield opened


class Line:
    """One provider's queue, and its works in the order in which they would start."""

    def __init__(self, store: SqliteStore, **weights: int) -> None:
        self.store = store
        self.dispatcher = DbosDispatcher(store.engine_for_workflows(), weights=weights)
        self.count = 0

    def join(self, account: str, count: int = 1, **changes: Any) -> list[Task]:
        tasks = []
        for _ in range(count):
            self.count += 1
            task_id = new_task_id(NOON + timedelta(seconds=self.count))
            task = a_task(id=task_id, account_id=account, **changes)
            task = replace(task, work_id=work_id_of(task, Work.FILM))
            self.store.write_now(
                lambda tx, t=task: self.dispatcher.enqueue(tx, t, Work.FILM, queue="gpu")
            )
            tasks.append(task)
        return tasks

    def waiting(self) -> list[str]:
        return [str(row[0]) for row in self._ask(
            "SELECT workflow_uuid FROM workflow_status WHERE status = 'ENQUEUED' "
            "ORDER BY priority, created_at, workflow_uuid"
        )]  # fmt: skip

    def start(self, count: int, executor: str = "one") -> None:
        """Start as many as the library would, in its order."""
        for work_id in self.waiting()[:count]:
            self.run(
                "UPDATE workflow_status SET status = 'PENDING', executor_id = ? "
                "WHERE workflow_uuid = ?",
                executor,
                work_id,
            )

    def run(self, statement: str, *values: object) -> None:
        self.store.write_now(
            lambda tx: cast("sa.Connection", tx.connection).exec_driver_sql(statement, values)
        )

    def _ask(self, statement: str) -> list[Any]:
        def act(tx: Transaction) -> list[Any]:
            return list(cast("sa.Connection", tx.connection).exec_driver_sql(statement))

        return self.store.read_now(act)

    def pass_turns(self) -> None:
        self.store.write_now(lambda tx: tx.pass_turns(QUEUE))

    def turns(self) -> dict[str, int]:
        return dict(self._ask("SELECT account_id, last FROM turns"))


def test_the_first_of_another_account_starts_next_however_many_wait(store: SqliteStore) -> None:
    line = Line(store)
    line.join("many", 500)
    line.start(4)
    line.pass_turns()
    (first,) = line.join("one")
    line.join("many", 10)
    assert line.waiting().index(str(first.work_id)) <= 1


def test_accounts_that_wait_take_turns(store: SqliteStore) -> None:
    line = Line(store)
    many, few = line.join("many", 6), line.join("few", 3)
    order = [work_id.partition(":")[0] for work_id in line.waiting()]
    of_few = [order.index(task.id) for task in few]
    assert of_few == [1, 3, 5]
    assert [task_id for task_id in order if task_id in {t.id for t in many}] == [t.id for t in many]


def test_a_line_is_told_in_the_order_of_its_turns(store: SqliteStore) -> None:
    line = Line(store)
    line.join("many", 6)
    line.join("few", 3)
    line.start(2)
    assert store.read_now(lambda tx: tx.turns_of(QUEUE, 100)) == line.waiting()
    assert store.read_now(lambda tx: tx.turns_of(QUEUE, 4)) == line.waiting()[:4]
    assert store.read_now(lambda tx: tx.turns_of("nobody's", 4)) == []


def test_an_account_of_twice_the_weight_has_twice_the_turns(store: SqliteStore) -> None:
    line = Line(store, heavy=2)
    line.join("light", 6)
    heavy = {task.id for task in line.join("heavy", 6)}
    order = [work_id.partition(":")[0] in heavy for work_id in line.waiting()]
    assert sum(order[:6]) == 4


def test_who_had_many_films_before_is_not_behind_for_it(store: SqliteStore) -> None:
    """What an account had while nobody else waited is not held against it."""
    line = Line(store)
    line.join("many", 50)
    line.start(50)
    line.pass_turns()
    assert line.turns() == {}
    line.join("other", 20)
    line.start(5)
    line.pass_turns()
    (again,) = line.join("many")
    assert line.waiting().index(str(again.work_id)) <= 1


def test_what_was_begun_already_is_before_all_turns(store: SqliteStore) -> None:
    line = Line(store)
    line.join("many", 5)
    (begun,) = line.join("one", status=Status.RUNNING)
    assert line.waiting()[0] == begun.work_id


def test_turns_of_accounts_that_are_done_are_forgotten(store: SqliteStore) -> None:
    line = Line(store)
    for number in range(20):
        line.join(f"account-{number}")
    line.join("many", 5)
    line.start(21)
    line.pass_turns()
    assert set(line.turns()) == {"", "many"}
    assert line.turns()["many"] == 5 * TURN


@pytest.mark.promise("P10")
def test_the_work_of_the_dead_goes_back_to_its_queue_and_keeps_its_turn(
    store: SqliteStore,
) -> None:
    line = Line(store)
    line.join("many", 3)
    line.start(3, executor="dead")
    line.join("many", 2)
    order = line.waiting()
    store.write_now(lambda tx: tx.beat("alive"))
    assert store.write_now(lambda tx: tx.reassign_work(4.0)) == 3
    assert line.waiting()[3:] == order
    assert len(line.waiting()) == 5
    assert store.write_now(lambda tx: tx.reassign_work(4.0)) == 0


@pytest.mark.promise("P10")
def test_the_work_of_the_living_stays_where_it_is(store: SqliteStore) -> None:
    line = Line(store)
    line.join("many", 3)
    line.start(2, executor="one")
    line.start(1, executor="two")
    for executor in ("one", "two"):
        store.write_now(lambda tx, name=executor: tx.beat(name))
    assert store.write_now(lambda tx: tx.reassign_work(4.0)) == 0
    line.run("UPDATE live_executors SET seen_at = seen_at - 5000000 WHERE id = 'two'")
    assert store.write_now(lambda tx: tx.reassign_work(4.0)) == 1
    assert store.read_now(lambda tx: tx.executor_count(4.0)) == 1


def test_what_an_executor_dequeued_and_does_not_carry_can_be_given_back(
    store: SqliteStore,
) -> None:
    line = Line(store)
    line.join("many", 4)
    line.start(2)
    line.start(1, executor="two")
    ago = "CAST(strftime('%s') AS INTEGER) * 1000 - "
    line.run(f"UPDATE workflow_status SET started_at_epoch_ms = {ago} 90000")
    mine = store.read_now(lambda tx: tx.dequeued("one", 60.0))
    assert len(mine) == 2
    assert store.read_now(lambda tx: tx.dequeued("one", 120.0)) == []
    assert store.write_now(lambda tx: tx.requeue([mine[0], "unknown"])) == 1
    assert mine[0] in line.waiting()
    assert mine[1] not in line.waiting()
    assert store.write_now(lambda tx: tx.requeue([mine[0]])) == 0, "it waits already"


def test_work_that_came_before_there_were_shares_gets_its_account(store: SqliteStore) -> None:
    line = Line(store)
    (task,) = line.join("many")
    store.write_now(lambda tx: tx.add_task(task, a_hold(task)))
    line.run("UPDATE workflow_status SET queue_partition_key = NULL")
    assert store.write_now(lambda tx: tx.share_out(QUEUE)) == 1
    assert line._ask("SELECT queue_partition_key FROM workflow_status") == [("many",)]
    assert store.write_now(lambda tx: tx.share_out(QUEUE)) == 0


def test_starts_of_before_a_clock_was_set_back_count_no_more_and_others_do(
    store: SqliteStore,
) -> None:
    line = Line(store)
    line.join("many", 3)
    line.start(3)
    now = "CAST(strftime('%s') AS INTEGER) * 1000"
    line.run(f"UPDATE workflow_status SET rate_limited = TRUE, started_at_epoch_ms = {now}")
    assert store.write_now(lambda tx: tx.forgive_starts()) == 0
    line.run(
        "UPDATE workflow_status SET started_at_epoch_ms = started_at_epoch_ms + 7200000 "
        "WHERE workflow_uuid = (SELECT MIN(workflow_uuid) FROM workflow_status)"
    )
    assert store.write_now(lambda tx: tx.forgive_starts()) == 1
    assert store.write_now(lambda tx: tx.forgive_starts()) == 0
    counted = "SELECT count(*) FROM workflow_status WHERE rate_limited"
    assert line._ask(counted) == [(2,)]
