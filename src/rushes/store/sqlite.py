"""The default store: one SQLite file, one process, one writer.

SQLite has one write lock. Here every write of ours goes through one thread that takes
whatever is waiting into one transaction, each act in its own savepoint, and answers after
the commit: a durable accept costs a share of one fsync. The workflow library writes to the
same file through its own connections and takes turns with us (`turns`). Reads run where they
are called: a primary-key read is microseconds, and in WAL mode no writer blocks it.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import sqlalchemy as sa

from rushes.domain.errors import StoreBusy
from rushes.store.group import WAITING_MAX, Act, Job, Jobs, answer_all, next_group
from rushes.store.transaction import SqlTransaction
from rushes.store.turns import PoliteConnection, Turns

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
MMAP_BYTES: Final = 256 * 2**20
CACHE_KIB: Final = 16 * 1024
KEPT_MAX: Final = 8
"""How many connections for reading are kept beside the pool."""

_log: Final = logging.getLogger(__name__)


def open_file(
    path: Path,
    kind: type[sqlite3.Connection] = sqlite3.Connection,
    *,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
) -> sqlite3.Connection:
    """Open the file as every connection of ours does: WAL, and each commit on the disk.

    What is let go of is written over, so that what was erased is not left between the rows; many
    a system's library does so by itself.
    """
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, factory=kind)
    connection.execute(f"PRAGMA busy_timeout={round(busy_timeout_s * 1000)}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


class SqliteStore:
    """A `ports.Store` over one SQLite file, which one process may write to."""

    def __init__(
        self,
        path: Path,
        *,
        on_change: Callable[[Iterable[str]], None] | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Open the store; `on_change` hears the ids of tasks a commit changed, in the writer.

        Another process may hold the file's write lock for `busy_timeout_s`; `waiting_max`
        writes may wait for the writer.
        """
        self.path = path
        self._on_change = on_change
        self._busy_timeout_s = busy_timeout_s
        self._waiting_max = waiting_max
        self._turns = Turns(busy_timeout_s)
        self._reader = self._engine(self._open_for_reading)
        self._writer = self._engine(self._open)
        self._kept: list[sa.Connection] = []
        self._jobs: Jobs = queue.SimpleQueue()
        self._door = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._write_groups, name="store-writer", daemon=True)
        self._thread.start()

    # -- the callers' side -----------------------------------------------------------------

    async def write(self, act: Act[T], *, alone: bool = False) -> T:
        """Run `act` in a transaction; return when it is durable.

        There is one writer, so that no act waits for another, `alone` or not. A caller that is
        canceled meanwhile cannot know whether its act was written.

        Raises:
            StoreBusy: the writer is far behind, the database was locked too long, or the store
                is closed.
        """
        loop = asyncio.get_running_loop()
        job: Job[T] = Job(act, loop, loop.create_future(), alone)
        with self._door:
            if self._is_closed:
                raise StoreBusy("the store is closed")
            if self._jobs.qsize() >= self._waiting_max:
                raise StoreBusy("the store has too many writes waiting")
            self._jobs.put(job)
        return await job.answer

    def write_now(self, act: Act[T]) -> T:
        """Run `act` in a transaction of its own; for commands that run no event loop.

        Raises:
            StoreBusy: the database was locked too long, or the store is closed.
        """
        if self._is_closed:
            raise StoreBusy("the store is closed")
        try:
            with self._transaction() as connection:
                transaction = SqlTransaction(connection)
                result = act(transaction)
        except _DATABASE_FAULTS as fault:
            raise _told(fault) from fault
        self._tell(transaction.changed)
        return result

    async def read(self, act: Act[T]) -> T:
        """Run `act` on a stable, committed state; it must not write."""
        return self.read_now(act)

    def read_now(self, act: Act[T]) -> T:
        """Run `act` on a stable, committed state, in this thread."""
        try:
            connection = self._kept.pop()
        except IndexError:
            connection = self._reader.connect()
        try:
            _driver(connection).execute("BEGIN")
            return act(SqlTransaction(connection))
        finally:
            self._keep(connection)

    def close(self) -> None:
        """Finish what is waiting, then close the file."""
        with self._door:
            if self._is_closed:
                return
            self._is_closed = True
            self._jobs.put(None)
        self._thread.join()
        while self._kept:
            self._kept.pop().close()
        for engine in (self._reader, self._writer):
            engine.dispose()

    # -- the writer thread -----------------------------------------------------------------

    def _write_groups(self) -> None:
        """Write whatever waits, a group at a time, until None says that nothing follows."""
        is_open = True
        while is_open:
            jobs, is_open = next_group(self._jobs)
            if jobs:
                self._write_group(jobs)

    def _write_group(self, jobs: list[Job[Any]]) -> None:
        """Commit many acts at once; one that raises takes only itself back."""
        changed: set[str] = set()
        try:
            with self._transaction() as connection:
                for job in jobs:
                    self._run(job, connection, changed)
        except BaseException as fault:  # noqa: BLE001 -- nothing was written, and the writer lives on
            for job in jobs:
                job.fault = job.fault or _told(fault)
            changed.clear()
        self._tell(changed)
        answer_all(jobs)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Hold our turn and SQLite's write lock for one transaction."""
        with self._turns.taken(), self._writer.connect() as connection, connection.begin():
            _driver(connection).execute("BEGIN IMMEDIATE")
            yield connection

    def _run(self, job: Job[Any], connection: sa.Connection, changed: set[str]) -> None:
        if job.answer.cancelled():
            return
        driver = _driver(connection)
        transaction = SqlTransaction(connection, is_alone=job.is_alone)
        driver.execute("SAVEPOINT act")
        try:
            job.result = job.act(transaction)
        except BaseException as fault:  # noqa: BLE001 -- it belongs to the caller, who gets it whole
            job.fault = _told(fault)
            driver.execute("ROLLBACK TO act")
        else:
            changed.update(transaction.changed)
        driver.execute("RELEASE act")

    def _tell(self, changed: Iterable[str]) -> None:
        if self._on_change is None or not changed:
            return
        try:
            self._on_change(changed)
        except Exception:  # noqa: BLE001 -- a bell may be missed, the writer may not
            _log.exception("a listener to changes failed; the rows are written")

    # -- connections -----------------------------------------------------------------------

    def _keep(self, connection: sa.Connection) -> None:
        """End a read, and keep its connection: the pool takes longer to lend one than to read."""
        try:
            connection.rollback()  # what SQLAlchemy knows of it
            _driver(connection).rollback()
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        if self._is_closed or len(self._kept) >= KEPT_MAX:
            connection.close()
        else:
            self._kept.append(connection)

    def _open(self) -> sqlite3.Connection:
        return open_file(self.path, busy_timeout_s=self._busy_timeout_s)

    def _open_for_reading(self) -> sqlite3.Connection:
        connection = self._open()
        connection.execute("PRAGMA query_only=ON")
        return connection

    def _open_for_workflows(self) -> sqlite3.Connection:
        connection = open_file(self.path, PoliteConnection, busy_timeout_s=self._busy_timeout_s)
        cast("PoliteConnection", connection).turns = self._turns
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def _engine(self, connect: Callable[[], sqlite3.Connection]) -> sa.Engine:
        return sa.create_engine(
            "sqlite://",
            creator=connect,
            poolclass=sa.pool.QueuePool,
            pool_size=8,
            max_overflow=24,
            hide_parameters=True,  # else an error quotes prompts
        )

    def engine_for_workflows(self) -> sa.Engine:
        """Return an engine on the same file for the workflow library.

        It begins transactions as that library's own does (immediately, before the first
        write), commits as durably as we do, and takes turns with our writer.
        """
        return self._engine(self._open_for_workflows)


_DATABASE_FAULTS: Final = (sa.exc.OperationalError, sqlite3.OperationalError)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    """Return the connection beneath, for statements too small for SQLAlchemy's care."""
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _told(fault: BaseException) -> BaseException:
    """Return a fault as a caller may know it."""
    if not isinstance(fault, _DATABASE_FAULTS):
        return fault
    told = StoreBusy(f"the database did not take the write: {fault}")
    told.__cause__ = fault
    return told
