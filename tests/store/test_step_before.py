"""Two versions at work: today's code on the schema before, and code before on today's schema.

The schema before is that of step 0003. Code before it is not run here: what it can have written
is a row with the columns that its tables had, and those are read from its schema.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
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
from rushes.domain.access import CALLERS, Account, Limits, Period, Scope
from rushes.domain.ids import new_deed_id
from rushes.domain.task import Event
from rushes.domain.usage import UsageAsked, UsageBy
from rushes.ports import Deed, SchemaBehind, Transaction
from rushes.store.migrate import STEPS, migrate
from rushes.store.postgres import PostgresStore
from rushes.store.sessions import at_address
from rushes.store.sqlite import open_file
from rushes.testing.builders import NOON, a_hold, a_key, a_task, moved

BEFORE = "0003"


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


DEEDS_MAX = 10_000


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


def a_deed(**changes: Any) -> Deed:
    return replace(Deed(new_deed_id(NOON), NOON, "root", "keys revoke", "key_1", ""), **changes)


BOUND = Limits(requests_per_s=5)
AT_HOME = (ip_network("10.0.0.0/8"),)
WRITES: dict[str, Callable[[Transaction], object]] = {
    "what a task costs": lambda tx: tx.add_tariff("video_1", ()),
    "a hold that may count": lambda tx: tx.count_hold(a_hold(a_task()), "key_1", at=NOON),
    "a hold that is bounded": lambda tx: tx.spend(a_hold(a_task()), "key_1", at=NOON),
    "a budget": lambda tx: tx.set_purse("acct_1", Period.TOTAL, 1, account_id="acct_1", at=NOON),
    "a recount": lambda tx: tx.recount_purses("acct_1", account_id="acct_1", at=NOON),
    "no budget any more": lambda tx: tx.drop_purse("acct_1", Period.TOTAL),
    "usage of before": lambda tx: tx.fill_usage(),
    "usage": lambda tx: tx.usage(UsageAsked(UsageBy.MODEL, NOON, NOON, 1)),
    "a key with limits": lambda tx: tx.add_key(a_key(limits=BOUND)),
    "a key of some networks": lambda tx: tx.add_key(a_key(networks=AT_HOME)),
    "another key": lambda tx: tx.change_key(a_key(), a_key()),
    "an account with limits": lambda tx: tx.add_account(
        Account("acct_1", "studio", NOON, limits=BOUND)
    ),
    "another account": lambda tx: tx.change_account(
        Account("acct_1", "studio", NOON), Account("acct_1", "another", NOON)
    ),
}


@pytest.mark.parametrize("verb", WRITES)
def test_what_needs_the_newest_step_says_so_on_the_step_before(verb: str, before: str) -> None:
    with contextlib.closing(PostgresStore(before)) as store:
        with pytest.raises(SchemaBehind, match="rushes migrate"):
            store.write_now(WRITES[verb])
        assert store.read_now(lambda tx: (tx.keys(), tx.accounts())) == ([], [])


def test_callers_have_their_keys_on_the_step_before_and_nobody_is_an_operator(before: str) -> None:
    key, account = a_key(scopes=frozenset(Scope)), Account("acct_1", "studio", NOON)
    with contextlib.closing(PostgresStore(before)) as store:
        store.write_now(lambda tx: (tx.add_account(account), tx.add_key(key)))
        found = store.read_now(lambda tx: tx.key_by_digest(key.digest))
        assert found == replace(key, scopes=CALLERS)
        assert store.read_now(lambda tx: tx.account("acct_1")) == account
        store.write_now(lambda tx: tx.revoke_key(key.id, NOON))
        migrate(before, at=NOON)
        after = store.read_now(lambda tx: tx.keys())
    assert after == [replace(key, scopes=CALLERS, revoked_at=NOON)]


@pytest.mark.promise("P10")
def test_a_store_at_work_learns_of_a_migration_and_what_ended_before_it_is_usage(
    before: str,
) -> None:
    now = SystemClock().now()
    with contextlib.closing(PostgresStore(before)) as store:
        task_id = ended(store, created_at=now)
        store.write_now(lambda tx: tx.add_audit(a_deed(origin="192.0.2.1")))
        migrate(before, at=now)

        def origin_is_kept() -> bool:
            deed = a_deed(origin="192.0.2.2")  # which of them is the newest is chance
            store.write_now(lambda tx: tx.add_audit(deed))
            return deed in store.read_now(lambda tx: tx.audit(DEEDS_MAX))

        wait_until(origin_is_kept, timeout_s=10)
    with at_address(before) as connection:
        found = connection.execute(sa.text("SELECT task_id, status FROM usage")).all()
    assert found == [(task_id, "canceled")]


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


def test_on_the_step_before_nothing_costs_and_nobody_is_bounded(before: str) -> None:
    with contextlib.closing(PostgresStore(before)) as store:
        task_id = ended(store)
        assert store.read_now(lambda tx: len(tx.entries(task_id))) == 3
        assert store.read_now(lambda tx: tx.tariff(task_id)) == ()
        assert store.read_now(lambda tx: tx.purses(None, at=NOON)) == []
        assert store.read_now(lambda tx: tx.refunded(9)) == []
        assert store.write_now(lambda tx: tx.fold_refunds("acct_1")) == 0
