"""Handing work over: what we write is what the workflow library would have written itself."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from rushes.domain.ids import new_task_id
from rushes.domain.task import Task
from rushes.engine.dispatch import DbosDispatcher, make_tables
from rushes.ports import Transaction, Work, work_id_of
from rushes.store.connection import Recalling
from rushes.store.migrate import migrate
from rushes.store.postgres import PostgresStore
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, a_hold, a_task
from template import a_database

TABLES = ("workflow_status", "workflow_input")
Stores = SqliteStore | PostgresStore
OWN = {"workflow_uuid", "created_at", "updated_at", "creator_xid", "retention_timestamp"}
"""What is drawn or read from a clock for each."""

TURN = {"priority"}
"""Each has its own."""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "sqlite":
        with closing(SqliteStore(a_database(tmp_path / "rushes.db"))) as opened:
            with_tables(opened)
            yield opened
        return
    server = request.getfixturevalue("postgres")
    url = server.make_database()
    migrate(url, at=NOON)
    with closing(PostgresStore(url)) as opened:
        with_tables(opened)
        yield opened
    server.drop_database(url)


def with_tables(store: Stores) -> None:
    engine = store.engine_for_workflows()
    for _ in range(2):
        make_tables(engine)
    engine.dispose()


@pytest.fixture
def dispatcher(store: Stores) -> DbosDispatcher:
    return DbosDispatcher(store.engine_for_workflows())


def a_task_with_work(number: int) -> Task:
    task = a_task(id=new_task_id(NOON + timedelta(seconds=number)))
    return replace(task, work_id=work_id_of(task, Work.FILM))


def rows_of(store: Stores, table: str) -> dict[str, dict[str, Any]]:
    def read(tx: Transaction) -> dict[str, dict[str, Any]]:
        connection = cast("sa.Connection", tx.connection)
        found = connection.exec_driver_sql(f"SELECT * FROM {named(tx, table)}").mappings()
        return {row["workflow_uuid"]: dict(row) for row in found}

    return store.read_now(read)


def named(tx: Transaction, table: str) -> str:
    """Return where the library keeps a table."""
    dialect = cast("sa.Connection", tx.connection).dialect
    return f"dbos.{table}" if dialect.name == "postgresql" else table


class _Stock:
    """A transaction whose connection is SQLAlchemy's own."""

    def __init__(self, tx: Transaction) -> None:
        self.connection = cast("Recalling", tx.connection)._beneath
        self.take_turn = tx.take_turn


def test_what_is_written_is_what_the_library_writes_itself(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    """The first two of a kind are the library's own, and the others are cast from them."""
    ours, second, again, theirs = (a_task_with_work(number) for number in range(4))
    for task in (ours, ours, second, again):
        store.write_now(lambda tx, t=task: dispatcher.enqueue(tx, t, Work.FILM, queue="gpu"))
    assert [mould.is_true for mould in dispatcher._moulds.values()] == [True]
    store.write_now(
        lambda tx: dispatcher.enqueue(cast("Any", _Stock(tx)), theirs, Work.FILM, queue="gpu")
    )
    for table in TABLES:
        rows = rows_of(store, table)
        plain = {
            name: {column: value for column, value in row.items() if column not in OWN | TURN}
            for name, row in rows.items()
        }
        assert len(rows) == 4
        if table == "workflow_input":
            assert len({row["inputs"] for row in rows.values()}) == 4, "each has its own task"
            told = b64decode(rows[again.work_id]["inputs"])
            told = told.replace(again.id.encode(), theirs.id.encode())
            assert told == b64decode(rows[theirs.work_id]["inputs"])
            plain = {name: {**row, "inputs": None} for name, row in plain.items()}
        assert plain[ours.work_id] == plain[again.work_id] == plain[theirs.work_id]
        for column in OWN & set(rows[ours.work_id]):
            assert type(rows[ours.work_id][column]) is type(rows[theirs.work_id][column]), column


def test_work_of_another_account_and_another_turn_is_cast_with_its_own(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    tasks = [
        replace(a_task_with_work(number), account_id=f"acct_{number % 2}") for number in range(6)
    ]
    stock = DbosDispatcher(store.engine_for_workflows())
    for task in tasks:
        store.write_now(lambda tx, t=task: dispatcher.enqueue(tx, t, Work.FILM, queue="gpu"))
        other = replace(task, work_id=f"{task.work_id}:stock")
        store.write_now(
            lambda tx, t=other: stock.enqueue(cast("Any", _Stock(tx)), t, Work.FILM, queue="stock")
        )
    rows = rows_of(store, "workflow_status")
    for task in tasks:
        mine, theirs = rows[task.work_id], rows[f"{task.work_id}:stock"]
        assert mine["queue_partition_key"] == theirs["queue_partition_key"] == task.account_id
        assert mine["priority"] == theirs["priority"]
    assert len({row["creator_xid"] for row in rows.values()}) == len(rows)


def test_work_that_is_handed_over_twice_is_there_once(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    task = a_task_with_work(1)
    store.write_now(lambda tx: dispatcher.enqueue(tx, task, Work.FILM, queue="gpu"))
    before = rows_of(store, "workflow_status")
    store.write_now(lambda tx: dispatcher.enqueue(tx, task, Work.FILM, queue="gpu"))
    assert rows_of(store, "workflow_status") == before


def test_work_is_there_only_if_its_transaction_commits(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    task = a_task_with_work(1)

    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        dispatcher.enqueue(tx, task, Work.FILM, queue="gpu")
        raise LookupError("something after it went wrong")

    with pytest.raises(LookupError):
        store.write_now(act)
    assert rows_of(store, "workflow_status") == {}
    assert store.read_now(lambda tx: tx.task(task.id)) is None


def test_a_task_without_work_cannot_be_handed_over(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    with pytest.raises(ValueError, match="has no work id"):
        store.write_now(
            lambda tx: dispatcher.enqueue(tx, a_task(work_id=None), Work.FILM, queue="gpu")
        )


async def test_work_has_ended_unless_it_is_alive_and_may_have_no_record_any_more(
    store: Stores, dispatcher: DbosDispatcher
) -> None:
    waiting, failed = a_task_with_work(1), a_task_with_work(2)
    for task in (waiting, failed):
        store.write_now(lambda tx, t=task: dispatcher.enqueue(tx, t, Work.FILM, queue="gpu"))
    store.write_now(
        lambda tx: cast("sa.Connection", tx.connection).exec_driver_sql(
            f"UPDATE {named(tx, 'workflow_status')} SET status = 'ERROR', completed_at = 1"
            f" WHERE workflow_uuid = '{failed.work_id}'"
        )
    )
    works = [str(waiting.work_id), str(failed.work_id), "nobody"]
    assert await dispatcher.ended(works) == {failed.work_id, "nobody"}
    assert await dispatcher.forget_history(datetime.now(tz=UTC) + timedelta(days=1), 10) == 1
    assert await dispatcher.ended(works) == {failed.work_id, "nobody"}
