"""Two writers on one file: ours, and the workflow library's own connections."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from rushes.domain.task import Task
from rushes.ports import Transaction
from rushes.store.sqlite import SqliteStore
from rushes.store.turns import Turns, is_write
from rushes.testing.builders import a_hold, a_task, put_task

PATIENCE_S = 60


@pytest.fixture
def engine(store: SqliteStore) -> Iterator[sa.Engine]:
    engine = store.engine_for_workflows()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE work (id INTEGER PRIMARY KEY, note TEXT UNIQUE)")
    yield engine
    engine.dispose()


def is_free(store: SqliteStore) -> bool:
    """Say whether our writer could write now; it must never find the turn left taken."""
    if store._turns._lock.acquire(blocking=False):
        store._turns._lock.release()
        return True
    return False


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO work VALUES (1)",
        "\n  insert or ignore into work values (1)",
        "Update work SET note = 1",
        "DELETE FROM work",
        "REPLACE INTO work VALUES (1)",
        "CREATE TABLE x (id)",
        "DROP TABLE x",
        "ALTER TABLE x ADD y",
        "BEGIN IMMEDIATE",
        "BEGIN  EXCLUSIVE TRANSACTION",
        "SAVEPOINT one",
        "WITH old AS (SELECT 1)\nDELETE FROM work WHERE id IN old",
    ],
)
def test_what_may_take_the_file_s_lock_takes_a_turn(sql: str) -> None:
    assert is_write(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM work",
        "PRAGMA table_info('work')",
        "BEGIN",
        "BEGIN DEFERRED",
        "COMMIT",
        "ROLLBACK",
        "WITH work_of AS (SELECT 1) SELECT * FROM work_of",
        "EXPLAIN DELETE FROM work",
        "CREATED",
    ],
)
def test_what_only_reads_takes_no_turn(sql: str) -> None:
    assert not is_write(sql)


def test_a_turn_lasts_from_the_first_write_to_the_commit(
    store: SqliteStore, engine: sa.Engine
) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM work")
        assert is_free(store)
        connection.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")
        assert not is_free(store)
        connection.exec_driver_sql("INSERT INTO work VALUES (2, 'b')")
        assert not is_free(store)
        connection.commit()
        assert is_free(store)


async def test_our_writer_takes_its_turn(store: SqliteStore) -> None:
    assert not store.write_now(lambda tx: is_free(store))
    assert is_free(store)
    assert not await store.write(lambda tx: is_free(store))
    assert store.read_now(lambda tx: is_free(store))


def test_a_rollback_ends_the_turn(store: SqliteStore, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")
        connection.rollback()
        assert is_free(store)


def test_an_error_ends_the_turn(store: SqliteStore, engine: sa.Engine) -> None:
    def add_twice() -> None:
        with engine.begin() as connection:
            for _ in range(2):
                connection.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")

    with pytest.raises(sa.exc.IntegrityError):
        add_twice()
    with pytest.raises(sa.exc.OperationalError), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")
    assert is_free(store)


def test_a_connection_that_is_just_closed_ends_its_turn(
    store: SqliteStore, engine: sa.Engine
) -> None:
    left = engine.connect()
    left.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")
    left.close()
    assert is_free(store)
    broken = engine.connect()
    broken.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")
    broken.invalidate()
    broken.close()
    assert is_free(store)
    detached = engine.raw_connection()
    detached.cursor().executemany("INSERT INTO work VALUES (?, ?)", [(1, "a"), (2, "b")])
    assert not is_free(store)
    detached.close()
    assert is_free(store)


def test_a_statement_outside_any_transaction_ends_its_turn(
    store: SqliteStore, engine: sa.Engine
) -> None:
    with engine.connect() as connection:
        automatic = connection.execution_options(isolation_level="AUTOCOMMIT")
        automatic.exec_driver_sql("INSERT INTO work VALUES (1, 'a')")
    assert is_free(store)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id FROM work").scalars().all()
    assert found == [1]


def test_an_interrupted_migration_of_the_library_ends_its_turn(
    store: SqliteStore, engine: sa.Engine
) -> None:
    def migrate() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("BEGIN IMMEDIATE"))
            connection.execute(sa.text("CREATE TABLE more (id)"))
            raise LookupError

    with pytest.raises(LookupError):
        migrate()
    assert is_free(store)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE more (id)"))
    assert is_free(store)


def test_whoever_waits_too_long_for_a_turn_hears_what_sqlite_would_say(path: Path) -> None:
    with contextlib.closing(SqliteStore(path, busy_timeout_s=0.05)) as store:
        engine = store.engine_for_workflows()
        with engine.begin() as holder:
            holder.exec_driver_sql("CREATE TABLE work (id)")
            with pytest.raises(sa.exc.OperationalError, match="locked"), engine.begin() as other:
                other.exec_driver_sql("INSERT INTO work VALUES (1)")
            assert not is_free(store)
        assert is_free(store)
        engine.dispose()


def test_an_act_that_writes_through_the_neighbour_fails_instead_of_hanging(path: Path) -> None:
    with contextlib.closing(SqliteStore(path, busy_timeout_s=0.05)) as store:
        engine = store.engine_for_workflows()
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE work (id)")

        def act(tx: object) -> None:
            with engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO work VALUES (1)")

        with pytest.raises(Exception, match="locked"):
            asyncio.run(store.write(act))
        task = store.write_now(put_task)
        assert store.read_now(lambda tx: tx.task(task.id)) == task
        engine.dispose()


def test_turns_given_back_are_free_for_the_next() -> None:
    turns = Turns(patience_s=0.01)
    with turns.taken(), pytest.raises(sqlite3.OperationalError):
        turns.take()
    with turns.taken():
        pass


# -- both at once --------------------------------------------------------------------------


def adding(task: Task) -> Callable[[Transaction], None]:
    return lambda tx: tx.add_task(task, a_hold(task))


class Neighbours:
    """Threads that use the file as the workflow library does: read, then write, then end."""

    def __init__(self, engine: sa.Engine, count: int, rounds: int) -> None:
        self._engine = engine
        self._rounds = rounds
        self.faults: list[BaseException] = []
        self.done = threading.Event()
        self._left = count
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> bool:
        """Wait for all; say whether they came to an end."""
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, n: int) -> None:
        try:
            for k in range(self._rounds):
                self._round(n * self._rounds + k, k % 4)
        except BaseException as fault:  # noqa: BLE001 -- the test asks for it
            self.faults.append(fault)
        self._left -= 1
        if self._left == 0:
            self.done.set()

    def _round(self, number: int, way: int) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM work").scalar()
            add = "INSERT INTO work VALUES (?, ?)"
            connection.exec_driver_sql(add, (number, f"w{number}"))
            if way == 0:
                connection.rollback()
                connection.exec_driver_sql(add, (number, f"w{number}"))
            if way == 1:
                with contextlib.suppress(sa.exc.IntegrityError):
                    connection.exec_driver_sql(add, (number, "twice"))
            connection.commit()


async def test_our_writer_and_the_library_never_lock_each_other_out(
    store: SqliteStore, engine: sa.Engine
) -> None:
    neighbours = Neighbours(engine, count=4, rounds=250)
    tasks = [a_task() for _ in range(4000)]
    todo = iter(tasks)

    async def caller() -> None:
        for task in todo:
            await store.write(adding(task))

    neighbours.start()
    await asyncio.wait_for(asyncio.gather(*(caller() for _ in range(32))), PATIENCE_S)
    assert await asyncio.to_thread(neighbours.join)
    assert neighbours.faults == []
    assert is_free(store)
    assert len(await store.read(lambda tx: tx.unfinished("", 9999))) == len(tasks)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM work").scalar() == 1000


async def test_a_flood_of_ours_does_not_starve_the_library(
    store: SqliteStore, engine: sa.Engine
) -> None:
    neighbours = Neighbours(engine, count=1, rounds=100)
    written = 0

    async def flood() -> None:
        nonlocal written
        while not neighbours.done.is_set():
            task = a_task()
            await store.write(adding(task))
            written += 1

    neighbours.start()
    await asyncio.wait_for(asyncio.gather(*(flood() for _ in range(64))), PATIENCE_S)
    assert await asyncio.to_thread(neighbours.join)
    assert neighbours.faults == []
    assert written < 50_000, "the library waited through hundreds of groups of ours"
