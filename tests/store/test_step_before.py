"""Two versions at work: today's code on the schema before, and code before on today's schema.

The schema before is that of step 0002. Code before it is not run here: what it can have written
is a row with the columns that its tables had, and those are read from its schema.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from journeying import wait_until
from postgres import Server
from rushes.clock import SystemClock
from rushes.domain.ids import new_deed_id, new_endpoint_id
from rushes.domain.task import Event
from rushes.domain.webhooks import Endpoint
from rushes.ports import Deed, SchemaBehind, Transaction
from rushes.store.migrate import STEPS, migrate
from rushes.store.postgres import PostgresStore
from rushes.store.sessions import at_address
from rushes.store.sqlite import open_file
from rushes.testing.builders import ACCOUNT_ID, NOON, a_hold, a_task, moved

BEFORE = "0002"
HOOK = "https://hooks.example/films"


def upgrade_to(connection: sa.Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@dataclass
class Books:
    """A database by its address or its file; `open` lends a connection that commits."""

    place: Path | str

    @contextlib.contextmanager
    def open(self) -> Iterator[sa.Connection]:
        if isinstance(self.place, str):
            with at_address(self.place) as connection:
                yield connection
                connection.commit()
            return
        path = self.place
        engine = sa.create_engine("sqlite://", creator=lambda: open_file(path))
        with engine.begin() as connection:
            yield connection
        engine.dispose()


@pytest.fixture
def before(postgres: Server) -> Iterator[str]:
    """The address of a PostgreSQL database of the step before."""
    with postgres.database_of(BEFORE) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Books:
    """A database of the step before, of either kind."""
    if request.param == "postgres":
        return Books(request.getfixturevalue("before"))
    made = Books(tmp_path / "rushes.db")
    with made.open() as connection:
        upgrade_to(connection, BEFORE)
    return made


def ended(store: PostgresStore, **changes: Any) -> str:
    """Have a task end; return its id."""
    task = a_task(**changes)

    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        after = moved(task, Event.CANCELED, at=task.created_at)
        assert tx.move(task, after, Event.CANCELED, at=task.created_at)

    store.write_now(act)
    return task.id


def a_deed() -> Deed:
    return Deed(new_deed_id(NOON), NOON, "root", "keys revoke", "key_1", "")


WRITES: dict[str, Callable[[Transaction], object]] = {
    "audit": lambda tx: tx.add_audit(a_deed()),
    "endpoints": lambda tx: tx.add_endpoint(
        Endpoint(new_endpoint_id(NOON), ACCOUNT_ID, HOOK, NOON)
    ),
    "addresses": lambda tx: tx.endpoints(),
    "posts": lambda tx: tx.posts(10),
}


@pytest.mark.parametrize("verb", WRITES)
def test_what_needs_the_newest_step_says_so_on_the_step_before(verb: str, before: str) -> None:
    with contextlib.closing(PostgresStore(before)) as store:
        with pytest.raises(SchemaBehind, match="rushes migrate"):
            store.write_now(WRITES[verb])
        assert store.read_now(lambda tx: (tx.can_post(), tx.turn_queues(), tx.audit(9))) == (
            False,
            [],
            [],
        )


@pytest.mark.promise("P10")
def test_a_store_at_work_learns_of_a_migration_and_owes_what_ended_before_it(before: str) -> None:
    now = SystemClock().now()
    with contextlib.closing(PostgresStore(before)) as store:
        assert store.write_now(lambda tx: tx.take_turn("film:one", ACCOUNT_ID, 10)) is None
        ended(store, created_at=now)
        owed = ended(store, created_at=now, callback_url=HOOK)
        late = now - timedelta(hours=25)
        ended(store, created_at=late, callback_url=HOOK)
        migrate(before, at=now)
        wait_until(lambda: store.read_now(lambda tx: tx.can_post()), timeout_s=10)
        store.write_now(lambda tx: tx.add_audit(a_deed()))
        assert store.write_now(lambda tx: tx.take_turn("film:one", ACCOUNT_ID, 10)) == 10
        assert [news.task_id for news in store.read_now(lambda tx: tx.unposted(10))] == [owed]


@pytest.mark.promise("P10")
def test_a_migration_and_a_server_that_ends_a_task_do_not_lock_each_other_out(before: str) -> None:
    faults: list[BaseException] = []

    def run() -> None:
        try:
            migrate(before, at=NOON)
        except BaseException as fault:
            faults.append(fault)
            raise

    def is_waiting() -> bool:
        with psycopg.connect(before) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
                " WHERE NOT granted AND locktype = 'relation' AND datname = current_database()"
            ).fetchone()
        return bool(found and found[0])

    with contextlib.closing(PostgresStore(before)) as store:
        task = a_task()
        store.write_now(lambda tx: tx.add_task(task, a_hold(task)))
    migrating = Thread(target=run)
    with psycopg.connect(before) as server:
        server.execute("UPDATE tasks SET status = 'canceled' WHERE id = %s", (task.id,))
        migrating.start()
        wait_until(is_waiting, timeout_s=20)
        server.execute(
            "INSERT INTO outbox (event_id, task_id, account_id, type, created_at)"
            " VALUES ('evt_1', %s, %s, 'video.canceled', 1)",
            (task.id, task.account_id),
        )
    migrating.join(30)
    assert faults == []
    assert not migrating.is_alive()


def values_of(table: sa.Table, number: int) -> dict[str, Any]:
    """A value for every column that the table had, another for another number."""
    made: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type.python_type
        values: dict[type, Any] = {int: number, str: f"{column.name} {number}"}
        values |= {bool: number == 1, float: float(number), bytes: b"\0%d" % number}
        made[column.name] = values[kind]
    return made


def test_the_code_before_goes_on_writing_on_the_schema_of_today(books: Books) -> None:
    with books.open() as connection:
        old = sa.MetaData()
        old.reflect(connection, resolve_fks=False)
    migrate(books.place, at=NOON)
    tables = [table for table in old.sorted_tables if table.name != "alembic_version"]
    assert {"tasks", "submits", "outbox", "ledger"} <= {table.name for table in tables}
    with books.open() as connection:
        for table in tables:
            first, second = values_of(table, 1), values_of(table, 2)
            connection.execute(sa.insert(table).values(first))
            assert connection.execute(sa.select(table)).mappings().all() == [first]
            key = {column.name for column in table.primary_key}
            rest = {name: value for name, value in second.items() if name not in key}
            if rest:
                connection.execute(sa.update(table).values(rest))
            assert connection.execute(sa.select(table)).mappings().all() == [
                second | {name: first[name] for name in key}
            ]
            connection.execute(sa.delete(table))
