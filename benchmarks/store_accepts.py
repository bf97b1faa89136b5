"""Durable accepts per second of the SQLite store alone, beside plain `sqlite3` in the same run.

An accept is what the gateway's transaction writes for a new task: the task with its first
event and its hold, the first answer to the create, and a row for the workflow engine. `house`
writes each as an act of its own, with 1, 16 or 64 callers waiting on one event loop; `plain`
writes the same rows with `executemany`, in groups of as many, with a commit for each: what
SQLite and this disk can do at all. With `--engine`, the engine's row is DBOS's own enqueue
instead of one plain insert.

    python benchmarks/store_accepts.py [--engine] [--profile] [--accepts N] [--folder PATH]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import json
import logging
import pstats
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, cast

import sqlalchemy as sa

from rushes.domain.ids import new_task_id
from rushes.domain.task import Task
from rushes.ports import Answer, Dispatcher, Transaction, Work, work_id_of
from rushes.store import rows, schema
from rushes.store.migrate import migrate
from rushes.store.sqlite import SqliteStore, open_file
from rushes.testing.builders import a_hold, a_task, an_answer

IN_FLIGHT = (1, 16, 64)
ROUNDS = 5
WORK = "CREATE TABLE IF NOT EXISTS work (id TEXT PRIMARY KEY, name TEXT, queue TEXT, task TEXT)"
ADD_WORK = "INSERT INTO work VALUES (?, ?, ?, ?)"


class PlainDispatcher:
    """Stands in for the engine's enqueue: one row in the same transaction."""

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        connection = cast("sa.Connection", tx.connection)
        connection.exec_driver_sql(ADD_WORK, (task.work_id, str(work), queue, task.id))


@dataclass(frozen=True, slots=True)
class Accept:
    """One create, all facts settled."""

    task: Task
    answer: Answer

    def act(self, dispatcher: Dispatcher) -> Callable[[Transaction], None]:
        since = self.task.created_at - timedelta(hours=24)

        def act(tx: Transaction) -> None:
            tx.add_task(self.task, a_hold(self.task))
            tx.add_answer(self.answer, since=since)
            dispatcher.enqueue(tx, self.task, Work.FILM, queue="gpu")

        return act


def some_accepts(count: int) -> list[Accept]:
    made = []
    for _ in range(count):
        at = datetime.now(tz=UTC)
        task = a_task(id=new_task_id(at), created_at=at, metadata={"order": "17"})
        task = replace(task, work_id=work_id_of(task, Work.FILM))
        made.append(Accept(task, an_answer(task, body=b"{}" * 400, key=task.id)))
    return made


class Contender(Protocol):
    """Something that makes accepts durable."""

    def run(self, accepts: Sequence[Accept], in_flight: int) -> None: ...


class House:
    """The store, with callers that each wait for their own accept."""

    def __init__(self, store: SqliteStore, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher

    def run(self, accepts: Sequence[Accept], in_flight: int) -> None:
        asyncio.run(self._run(accepts, in_flight))

    async def _run(self, accepts: Sequence[Accept], in_flight: int) -> None:
        todo = iter(accepts)

        async def caller() -> None:
            for accept in todo:
                await self._store.write(accept.act(self._dispatcher))

        await asyncio.gather(*(caller() for _ in range(in_flight)))


class Plain:
    """`sqlite3` itself: the same rows, many at once, one commit for each group."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        tables = (schema.tasks, schema.task_events, schema.ledger, schema.idempotency)
        dialect = sa.create_engine("sqlite://").dialect
        self._adds = []
        for table in tables:
            made = sa.insert(table).compile(dialect=dialect)
            self._adds.append((str(made), tuple(made.positiontup or ())))

    def run(self, accepts: Sequence[Accept], in_flight: int) -> None:
        for start in range(0, len(accepts), in_flight):
            self._write(accepts[start : start + in_flight])

    def _write(self, group: Sequence[Accept]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        columns = zip(*(_values_of(accept) for accept in group), strict=True)
        for (sql, names), values in zip(self._adds, columns, strict=True):
            self._connection.executemany(sql, [tuple(map(row.get, names)) for row in values])
        works = [(accept.task.work_id, "film", "gpu", accept.task.id) for accept in group]
        self._connection.executemany(ADD_WORK, works)
        self._connection.execute("COMMIT")


def _values_of(accept: Accept) -> tuple[dict[str, object], ...]:
    task, at = accept.task, rows.micros(accept.task.created_at)
    return (
        rows.task_values(task),
        {"task_id": task.id, "number": 1, "event": None, "status": "queued", "at": at},
        {
            "task_id": task.id,
            "kind": "hold",
            "account_id": task.account_id,
            "amount_microusd": task.hold_microusd,
            "at": at,
        },
        rows.answer_values(accept.answer),
    )


@dataclass(frozen=True, slots=True)
class Speed:
    """What one round took, per accept."""

    accepts_per_s: float
    cpu_us: float


def timed(contender: Contender, count: int, in_flight: int) -> Speed:
    accepts = some_accepts(count)
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    contender.run(accepts, in_flight)
    took_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    return Speed(count / took_s, cpu_s / count * 1e6)


def median(speeds: Sequence[Speed]) -> Speed:
    return Speed(
        statistics.median(speed.accepts_per_s for speed in speeds),
        statistics.median(speed.cpu_us for speed in speeds),
    )


def make_work(tx: Transaction) -> None:
    cast("sa.Connection", tx.connection).exec_driver_sql(WORK)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SqliteStore]:
    migrate(path, at=datetime.now(tz=UTC))
    with contextlib.closing(SqliteStore(path)) as store:
        store.write_now(make_work)
        yield store


def dispatcher_over(store: SqliteStore) -> Dispatcher:
    """Return the engine's own dispatcher, its tables made."""
    from dbos import DBOSClient  # noqa: PLC0415 -- half a second, for one of the modes

    from rushes.engine.dispatch import DbosDispatcher  # noqa: PLC0415 -- the same

    logging.disable(logging.WARNING)
    engine = store.engine_for_workflows()
    DBOSClient(system_database_engine=engine)._sys_db.run_migrations()  # noqa: SLF001 -- as its launch does
    return DbosDispatcher(engine)


def compare(folder: Path, count: int, *, is_engine: bool) -> None:
    with opened(folder / "house.db") as store, opened(folder / "plain.db") as beside:
        dispatcher = dispatcher_over(store) if is_engine else PlainDispatcher()
        connection = open_file(beside.path)
        contenders: dict[str, Contender] = {
            "house": House(store, dispatcher),
            "plain": Plain(connection),
        }
        print("| in flight | house /s | plain /s | ratio | house CPU µs | plain CPU µs |")
        print("|---|---|---|---|---|---|")
        facts = []
        for in_flight in IN_FLIGHT:
            some = max(200, count * in_flight // IN_FLIGHT[-1])
            speeds: dict[str, list[Speed]] = {name: [] for name in contenders}
            for contender in contenders.values():
                timed(contender, some // 4, in_flight)
            for _ in range(ROUNDS):
                for name, contender in contenders.items():
                    speeds[name].append(timed(contender, some, in_flight))
            house, plain = (median(speeds[name]) for name in ("house", "plain"))
            print(
                f"| {in_flight} | {house.accepts_per_s:,.0f} | {plain.accepts_per_s:,.0f} "
                f"| {house.accepts_per_s / plain.accepts_per_s:.2f} "
                f"| {house.cpu_us:.0f} | {plain.cpu_us:.0f} |"
            )
            facts.append({"in_flight": in_flight, "house": asdict(house), "plain": asdict(plain)})
        print(json.dumps({"is_engine": is_engine, "rounds": ROUNDS, "speeds": facts}))
        connection.close()


def profile(folder: Path, count: int, *, is_engine: bool) -> None:
    """Say where the writer's time goes, without the event loop."""
    with opened(folder / "house.db") as store:
        dispatcher = dispatcher_over(store) if is_engine else PlainDispatcher()
        acts = [accept.act(dispatcher) for accept in some_accepts(count)]

        def write(group: Sequence[Callable[[Transaction], None]]) -> None:
            store.write_now(lambda tx: [act(tx) for act in group])

        write(acts[:20])
        with cProfile.Profile() as profiler:
            for start in range(20, count, 20):
                write(acts[start : start + 20])
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", action="store_true", help="enqueue with DBOS itself")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    parser.add_argument("--accepts", type=int, default=3000, help="per round at the full width")
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    asked = parser.parse_args()
    show = profile if asked.profile else compare
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        show(Path(folder), asked.accepts, is_engine=asked.engine)


if __name__ == "__main__":
    main()
