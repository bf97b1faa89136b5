"""The store of many machines: PostgreSQL, any number of processes, a few writers in each.

Every write of ours goes through one of a few threads, which take whatever waits into one
transaction: an accept costs a share of one commit. What may only fail as a whole is not waited
for row by row (`later`). PostgreSQL has no cheap way to take one act of many back, so a group
that meets trouble is taken back whole, and its acts are run again each in a transaction of its
own: an act may run more than once, and one that raises takes only itself back.

What becomes of a commit whose answer was lost is found out. The last thing that a transaction
writes is a mark: a number that this writer never used before, in a row of its own (`house`).
Whoever lost the answer connects again and reads the row, waiting for the old transaction to
end; the number is there, or nothing is. (Transaction ids would not do: a server that crashes
gives those again that it had not yet written down.)

Nothing here waits without a bound (`sessions`), and nothing here ends because the database is
away (`troubles`): connections are replaced, and until it is back whoever asks is told `StoreBusy`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects import postgresql

from rushes.domain.errors import StoreBusy, StoreInDoubt
from rushes.ports import Transaction
from rushes.store.group import WAITING_MAX, Act, Job, Jobs, answer_all, next_group, raisable
from rushes.store.later import Later
from rushes.store.schema import house
from rushes.store.sessions import LIBRARY, LOCK_S, Limits, driver_of, engine_at, lent, take_back
from rushes.store.transaction import SqlTransaction
from rushes.store.troubles import (
    FAULTS,
    ONE_BY_ONE,
    WAITED,
    Trouble,
    state_of,
    told_as,
    trouble_of,
)

T = TypeVar("T")

WRITERS: Final = 3
LONERS: Final = 2
"""Writers of acts that are alone in their transactions, and wait for those of other processes."""

STUCK_S: Final = 0.25
"""After so long nobody waits any more for a writer that does not come back from a group."""

READERS: Final = 8
TRIES_MAX: Final = 6
"""How often an act is run that PostgreSQL took back for another's sake (deadlocks)."""

TRUTH_S: Final = 30.0
"""How long the fate of a commit is asked for when its answer was lost."""

ASK_AGAIN_S: Final = 0.2
STEP_AGAIN_S: Final = 1.0
"""How often a database of the step before is asked whether it has been migrated."""

MARK: Final = "writer:"
MARK_LIFE_S: Final = 7 * 24 * 3600.0


_FRESH: Final = postgresql.insert(house).values(
    name=sa.bindparam("name"), value=sa.bindparam("value")
)
_MARK: Final = _FRESH.on_conflict_do_update(
    index_elements=[house.c.name], set_={"value": _FRESH.excluded.value}
)
_READ_MARK: Final = _FRESH.on_conflict_do_update(
    index_elements=[house.c.name], set_={"value": house.c.value}
).returning(house.c.value)
"""Waits for whoever wrote the row and has not ended, also if it is the first to write it."""

_IS_CURRENT: Final = "SELECT to_regclass('purses') IS NOT NULL"
"""A step of the schema is one transaction: where one of its tables is, all of it is."""

_TIME: Final = sa.select(sa.func.clock_timestamp())
_SWEEP_MARKS: Final = sa.delete(house).where(
    house.c.name.startswith(MARK), house.c.value < sa.bindparam("past")
)
_END_SESSION: Final = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid AND state <> 'idle'"
    " AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
)

_log: Final = logging.getLogger(__name__)


class PostgresStore:
    """A `ports.Store` over a PostgreSQL database that many processes write to."""

    def __init__(
        self,
        url: str,
        *,
        on_change: Callable[[Iterable[str]], None] | None = None,
        waiting_max: int = WAITING_MAX,
        writers: int = WRITERS,
        readers: int = READERS,
        lock_timeout_s: float = LOCK_S,
        truth_s: float = TRUTH_S,
    ) -> None:
        """Open the store; nothing is connected to before it is asked for.

        Args:
            url: `postgresql://…`.
            on_change: hears the ids of tasks a commit changed, in a writer's thread.
            waiting_max: how many writes may wait for a writer, and reads for a reader.
            writers: how many transactions of ours may be under way at once.
            readers: how many reads may be under way at once.
            lock_timeout_s: how long a statement waits for another process's lock.
            truth_s: how long the fate of a commit is asked for whose answer was lost.
        """
        self.url = url
        self._on_change = on_change
        self._waiting_max = waiting_max
        self._truth_s = truth_s
        limits = Limits(lock_s=lock_timeout_s)
        self._writer = engine_at(url, limits, size=writers + LONERS + 1)
        self._reader = engine_at(url, limits, size=readers + 1, is_reading=True)
        self._engines = [self._writer, self._reader]
        self._marks = _Marks(f"{MARK}{secrets.token_hex(8)}")
        self._schema = _Schema()
        self._jobs: Jobs = queue.SimpleQueue()
        self._lone_jobs: Jobs = queue.SimpleQueue()
        self._door = threading.Lock()
        self._baton = threading.Lock()
        self._is_closed = False
        self._has_swept = False
        self._reads = ThreadPoolExecutor(readers, thread_name_prefix="store-reader")
        self._reads_waiting = 0
        self._threads = [
            threading.Thread(target=self._write_groups, name=f"store-writer-{number}", daemon=True)
            for number in range(writers)
        ]
        self._loners = [
            threading.Thread(target=self._write_lone, name=f"store-loner-{number}", daemon=True)
            for number in range(LONERS)
        ]
        for thread in (*self._threads, *self._loners):
            thread.start()

    # -- the callers' side -----------------------------------------------------------------

    async def write(self, act: Act[T], *, alone: bool = False) -> T:
        """Run `act` in a transaction, more than once if need be; return when it is durable.

        An act that is `alone` shares its transaction with none: it may wait for locks that it
        takes before all others, and nobody waits for it meanwhile. A caller that is canceled
        cannot know whether its act was written.

        Raises:
            StoreBusy: the writers are far behind, or the database is away or does not take the
                write; nothing was written. Or the store is closed.
            StoreInDoubt: the connection was lost during the commit, and the database was not
                back in time to tell.
        """
        loop = asyncio.get_running_loop()
        job: Job[T] = Job(act, loop, loop.create_future(), alone)
        with self._door:
            if self._is_closed:
                raise StoreBusy("the store is closed")
            jobs = self._lone_jobs if alone else self._jobs
            if jobs.qsize() >= self._waiting_max:
                raise StoreBusy("the store has too many writes waiting")
            jobs.put(job)
        return await job.answer

    def write_now(self, act: Act[T]) -> T:
        """Run `act` in a transaction of its own; for commands that run no event loop.

        Raises:
            StoreBusy, StoreInDoubt: as `write`.
        """
        if self._is_closed:
            raise StoreBusy("the store is closed")
        result, changed = self._alone(act)
        self._tell(changed)
        return result

    async def read(self, act: Act[T]) -> T:
        """Run `act` on a stable, committed state, in a reader's thread; it must not write.

        Raises:
            StoreBusy: the database is away, or too many reads wait.
        """
        if self._is_closed:
            raise StoreBusy("the store is closed")
        if self._reads_waiting >= self._waiting_max:
            raise StoreBusy("the store has too many reads waiting")
        self._reads_waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reads, self.read_now, act)
        finally:
            self._reads_waiting -= 1

    def read_now(self, act: Act[T]) -> T:
        """Run `act` on a stable, committed state, in this thread.

        Raises:
            StoreBusy: the database is away.
        """
        try:
            return self._read(act)
        except FAULTS as fault:
            if trouble_of(fault) is not Trouble.LOST:
                raise told_as(fault) from fault
        self._reader.dispose()  # what lies in the pool is as old as the one that was lost
        try:
            return self._read(act)
        except FAULTS as fault:
            raise told_as(fault) from fault

    def time_now(self) -> datetime:
        """Return what the database's clock says: it is one for all.

        Raises:
            StoreBusy: the database is away.
        """
        return self.read_now(_time_now)

    def close(self) -> None:
        """Finish what is waiting, then let go of all connections."""
        with self._door:
            if self._is_closed:
                return
            self._is_closed = True
            for _ in self._threads:
                self._jobs.put(None)
            for _ in self._loners:
                self._lone_jobs.put(None)
        for thread in (*self._threads, *self._loners):
            thread.join()
        self._reads.shutdown()
        self._forget_marks()
        for engine in self._engines:
            engine.dispose()

    def engine_for_workflows(self) -> sa.Engine:
        """Return an engine on the same database for the workflow library; `close` ends it too."""
        engine = engine_at(self.url, LIBRARY, size=8, overflow=24)
        self._engines.append(engine)
        return engine

    # -- reading ---------------------------------------------------------------------------

    def _read(self, act: Act[T]) -> T:
        with lent(self._reader) as connection:
            driver = driver_of(connection)
            try:
                return act(self._transaction(connection, is_reading=True))
            except StopIteration as fault:
                raise raisable(fault) from fault
            finally:
                take_back(driver)

    def _transaction(
        self,
        connection: sa.Connection,
        *,
        is_reading: bool = False,
        is_alone: bool = True,
        later: Later | None = None,
    ) -> SqlTransaction:
        """Begin a transaction that knows of which step its database is."""
        return SqlTransaction(
            connection,
            is_reading=is_reading,
            is_current=self._schema.is_current(driver_of(connection)),
            is_alone=is_alone,
            later=later,
        )

    # -- the writers' threads --------------------------------------------------------------

    def _write_groups(self) -> None:
        """Write whatever waits, a group at a time, until None says that nothing follows.

        Where much waits one writer at a time has the baton: one large group costs less than
        three small ones, and no two wait for the same rows. The others go on without it where
        the one that has it is stuck, behind a lock of another process say.
        """
        is_open = True
        while is_open:
            has_baton = self._baton.acquire(timeout=STUCK_S)
            try:
                jobs, is_open = next_group(self._jobs)
                self._write_group([job for job in jobs if not job.answer.cancelled()])
            finally:
                if has_baton:
                    self._baton.release()

    def _write_group(self, jobs: list[Job[Any]]) -> None:
        if len(jobs) == 1 or (jobs and not self._is_written_together(jobs)):
            for job in jobs:
                self._write_alone(job)
        answer_all(jobs)

    def _is_written_together(self, jobs: list[Job[Any]]) -> bool:
        """Commit many acts at once; say whether all of them have their outcome by that."""
        acts = [job.act for job in jobs]
        try:
            results, changed = self._together(acts, is_alone=False)
        except BaseException as fault:  # noqa: BLE001 -- nothing was written, and the writer lives on
            is_ours = isinstance(fault, StoreBusy | StoreInDoubt)
            if not is_ours and trouble_of(fault) in ONE_BY_ONE:
                return False
            for job in jobs:
                job.fault = told_as(fault)
            return True
        for job, result in zip(jobs, results, strict=True):
            job.result = result
        self._tell(changed)
        return True

    def _write_lone(self) -> None:
        """Write what waits to be alone, until None says that nothing follows."""
        while (job := self._lone_jobs.get()) is not None:
            self._write_alone(job)
            answer_all([job])

    def _write_alone(self, job: Job[Any]) -> None:
        if job.answer.cancelled():
            return
        try:
            job.result, changed = self._alone(job.act, is_alone=job.is_alone)
        except BaseException as fault:  # noqa: BLE001 -- it belongs to the caller, who gets it whole
            job.fault = fault
        else:
            self._tell(changed)

    def _alone(self, act: Act[T], *, is_alone: bool = True) -> tuple[T, set[str]]:
        """Run one act, again if PostgreSQL took it back for another's sake.

        Which of those that may be grouped comes by itself is chance: they are not `is_alone`.
        """
        for tries_left in reversed(range(TRIES_MAX)):
            try:
                results, changed = self._together([act], is_alone=is_alone)
            except FAULTS as fault:
                if trouble_of(fault) is Trouble.AGAIN and tries_left:
                    continue
                raise told_as(fault) from fault
            return results[0], changed
        raise AssertionError("not reached")

    def _together(self, acts: list[Act[Any]], *, is_alone: bool) -> tuple[list[Any], set[str]]:
        """Run acts in one transaction, once more if a connection turns out to be dead.

        Raises:
            BaseException: what an act or the database raised; nothing was written.
            StoreInDoubt: nobody knows whether it was written.
        """
        try:
            return self._attempt(acts, is_alone=is_alone)
        except FAULTS as fault:
            if trouble_of(fault) is not Trouble.LOST:
                raise
        self._writer.dispose()  # what lies in the pool is as old as the one that was lost
        return self._attempt(acts, is_alone=is_alone)

    def _attempt(self, acts: list[Act[Any]], *, is_alone: bool) -> tuple[list[Any], set[str]]:
        changed: set[str] = set()
        results = []
        with lent(self._writer) as connection:
            driver, later = driver_of(connection), Later(connection)
            pid, has_written = driver.info.backend_pid, False
            try:
                for act in acts:
                    transaction = self._transaction(connection, is_alone=is_alone, later=later)
                    results.append(act(transaction))
                    changed |= transaction.changed
                    has_written = has_written or transaction.has_written
                if not has_written:
                    driver.rollback()
                    return results, changed
                later.send()
                number = self._mark(connection)
            except BaseException:
                take_back(driver)
                raise
            try:
                driver.commit()
            except psycopg.Error as fault:
                if not driver.closed:
                    raise  # PostgreSQL said no: nothing was written
                lost = fault
            else:
                return results, changed
        if self._was_written(number, pid):
            return results, changed
        raise lost

    def _tell(self, changed: Iterable[str]) -> None:
        if self._on_change is None or not changed:
            return
        try:
            self._on_change(changed)
        except Exception:  # noqa: BLE001 -- a bell may be missed, the writer may not
            _log.exception("a listener to changes failed; the rows are written")

    # -- marks: what became of a commit ----------------------------------------------------

    def _mark(self, connection: sa.Connection) -> int:
        """Write a number that this writer never used; return it."""
        if driver_of(connection).info.transaction_status is not TransactionStatus.INTRANS:
            raise StoreBusy("an act ended the transaction that it was part of")
        if not self._has_swept:
            self._has_swept = True
            connection.execute(_SWEEP_MARKS, {"past": _now_micros() - int(MARK_LIFE_S * 1e6)})
        name, number = self._marks.next()
        connection.execute(_MARK, {"name": name, "value": number})
        return number

    def _was_written(self, number: int, pid: int) -> bool:
        """Find out whether the transaction with this mark was committed.

        Raises:
            StoreInDoubt: the database was not back in time.
        """
        give_up_at = time.monotonic() + self._truth_s
        pause = threading.Event()
        self._writer.dispose()
        while True:
            try:
                return self._read_mark(pid) == number
            except (*FAULTS, StoreBusy) as fault:
                if time.monotonic() >= give_up_at:
                    raise StoreInDoubt(
                        "the connection was lost during a commit, and the database could not be "
                        f"asked in time whether it was done: {fault}"
                    ) from fault
            pause.wait(ASK_AGAIN_S)

    def _read_mark(self, pid: int) -> int:
        """Read this writer's mark once nobody else is at it any more.

        A lost transaction may still hang in its session, which is ended if it does.
        """
        with lent(self._writer) as connection:
            try:
                values = {"name": self._marks.name, "value": 0}
                found = connection.execute(_READ_MARK, values).scalar_one()
            except sa.exc.DBAPIError as fault:
                if state_of(fault) == WAITED:
                    driver_of(connection).rollback()
                    connection.execute(_END_SESSION, {"pid": pid})
                raise
            driver_of(connection).commit()
        return int(found)

    def _forget_marks(self) -> None:
        """Leave nothing of ours behind, if the database is there."""
        if not self._marks.names:
            return
        with (
            suppress(*FAULTS, StoreBusy),
            lent(self._writer) as connection,
        ):
            connection.execute(sa.delete(house).where(house.c.name.in_(self._marks.names)))
            driver_of(connection).commit()


class _Schema:
    """Whether the database has its newest step; any thread may ask.

    A step never goes away, so that whoever knows it asks no more. Before that it is asked for
    now and then: `rushes migrate` may come at any moment.
    """

    def __init__(self) -> None:
        self._is_current = False
        self._asked_at_s = float("-inf")

    def is_current(self, driver: psycopg.Connection[Any]) -> bool:
        """Say whether what is new in the newest step is there."""
        now_s = time.monotonic()
        if not self._is_current and now_s - self._asked_at_s >= STEP_AGAIN_S:
            found = driver.execute(_IS_CURRENT).fetchone()
            self._asked_at_s = now_s
            self._is_current = found is not None and bool(found[0])
        return self._is_current


class _Marks:
    """The names of this store's marks, one for each thread that writes, and their next numbers."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._last: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The mark of this thread."""
        return f"{self._prefix}:{threading.get_ident()}"

    @property
    def names(self) -> list[str]:
        """All marks that were written."""
        return list(self._last)

    def next(self) -> tuple[str, int]:
        """Return this thread's mark, and a number that was never written there."""
        name = self.name
        number = self._last[name] = max(_now_micros(), self._last.get(name, 0) + 1)
        return name, number


def _time_now(tx: Transaction) -> datetime:
    told: datetime = cast("SqlTransaction", tx).run(_TIME).scalar_one()
    return told.astimezone(UTC)


def _now_micros() -> int:
    return time.time_ns() // 1000
