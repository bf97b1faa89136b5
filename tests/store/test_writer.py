"""The writer: one thread, many callers, and nothing that one of them does stops the others."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from rushes.domain.errors import StoreBusy
from rushes.domain.task import Event, Status, Task
from rushes.ports import Transaction
from rushes.store.connection import Recalling
from rushes.store.sqlite import SqliteStore
from rushes.store.status import HotRead
from rushes.testing.builders import NOON, a_hold, a_task, moved, put_task

PATIENCE_S = 20


class Gate:
    """An act that holds the writer until the test lets it go on."""

    def __init__(self) -> None:
        self.is_entered = threading.Event()
        self.opens = threading.Event()

    def act(self, tx: Transaction) -> None:
        self.is_entered.set()
        assert self.opens.wait(PATIENCE_S)

    async def close(self, store: SqliteStore) -> asyncio.Task[None]:
        """Send the act in, and return once the writer is inside it."""
        writing = asyncio.create_task(store.write(self.act))
        assert await asyncio.to_thread(self.is_entered.wait, PATIENCE_S)
        return writing


def adding(task: Task) -> Callable[[Transaction], None]:
    return lambda tx: tx.add_task(task, a_hold(task))


def unfinished(store: SqliteStore) -> list[Task]:
    return list(store.read_now(lambda tx: tx.unfinished("", 9999)))


@contextlib.contextmanager
def locked_elsewhere(path: Path) -> Iterator[None]:
    """Let another process hold the file's write lock."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-S", "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.communicate(timeout=PATIENCE_S)


# -- groups --------------------------------------------------------------------------------


async def test_what_waits_is_committed_together(path: Path) -> None:
    groups: list[set[str]] = []

    def note(ids: Iterable[str]) -> None:
        groups.append(set(ids))

    def submitting(task: Task) -> Callable[[Transaction], bool]:
        return lambda tx: tx.move(task, moved(task, Event.INTENT), Event.INTENT, at=NOON)

    with contextlib.closing(SqliteStore(path, on_change=note)) as store:
        tasks = [store.write_now(put_task) for _ in range(100)]
        gate = Gate()
        held = await gate.close(store)
        writing = asyncio.gather(*(store.write(submitting(task)) for task in tasks))
        await asyncio.sleep(0)
        gate.opens.set()
        assert all(await writing)
        await held
    assert [len(group) for group in groups] == [64, 36]


async def test_two_event_loops_share_the_writer(store: SqliteStore) -> None:
    tasks = [[a_task() for _ in range(200)] for _ in range(3)]

    async def add_all(mine: list[Task]) -> list[BaseException | None]:
        def refuse(tx: Transaction) -> None:
            adding(a_task())(tx)
            raise LookupError

        writing = [store.write(adding(task)) for task in mine]
        writing[50:50] = [store.write(refuse) for _ in range(5)]
        return await asyncio.gather(*writing, return_exceptions=True)

    outcomes: list[list[BaseException | None]] = []
    threads = [
        threading.Thread(target=lambda mine=mine: outcomes.append(asyncio.run(add_all(mine))))
        for mine in tasks[1:]
    ]
    for thread in threads:
        thread.start()
    outcomes.append(await add_all(tasks[0]))
    for thread in threads:
        await asyncio.to_thread(thread.join, PATIENCE_S)
    for outcome in outcomes:
        assert [type(one) for one in outcome].count(LookupError) == 5
        assert outcome.count(None) == 200
    expected = {task.id: task for mine in tasks for task in mine}
    assert {task.id: task for task in unfinished(store)} == expected


async def test_a_command_may_write_beside_the_loop(store: SqliteStore) -> None:
    tasks = [a_task() for _ in range(50)]
    writing = asyncio.gather(*(store.write(adding(task)) for task in tasks[::2]))
    for task in tasks[1::2]:
        await asyncio.to_thread(store.write_now, adding(task))
    await writing
    assert {task.id for task in unfinished(store)} == {task.id for task in tasks}


# -- busy ----------------------------------------------------------------------------------


async def test_a_full_queue_says_busy_at_once(path: Path) -> None:
    with contextlib.closing(SqliteStore(path, waiting_max=2)) as store:
        gate, tasks = Gate(), [a_task() for _ in range(3)]
        held = await gate.close(store)
        writing = asyncio.gather(*(store.write(adding(task)) for task in tasks[:2]))
        await asyncio.sleep(0)
        with pytest.raises(StoreBusy):
            await store.write(adding(tasks[2]))
        gate.opens.set()
        await asyncio.gather(held, writing)
        assert unfinished(store) == tasks[:2]
        await store.write(adding(tasks[2]))


async def test_a_file_locked_too_long_says_busy_to_everyone_who_waits(path: Path) -> None:
    with contextlib.closing(SqliteStore(path, busy_timeout_s=0.05)) as store:
        task = store.write_now(put_task)
        with locked_elsewhere(path):
            adds = (store.write(adding(a_task())) for _ in range(5))
            outcome = await asyncio.gather(*adds, return_exceptions=True)
            assert [type(one) for one in outcome] == [StoreBusy] * 5
            with pytest.raises(StoreBusy):
                store.write_now(adding(a_task()))
            assert unfinished(store) == [task]
        await store.write(adding(a_task()))
        assert len(unfinished(store)) == 2


async def test_a_short_lock_elsewhere_is_waited_out(path: Path) -> None:
    with contextlib.closing(SqliteStore(path, busy_timeout_s=PATIENCE_S)) as store:
        task = a_task()
        with locked_elsewhere(path):
            writing = asyncio.create_task(store.write(adding(task)))
            await asyncio.sleep(0)
            assert unfinished(store) == []
        await asyncio.wait_for(writing, PATIENCE_S)
        assert unfinished(store) == [task]


async def test_a_full_disk_loses_nothing_that_was_answered(store: SqliteStore) -> None:
    def fill(tx: Transaction) -> None:
        for _ in range(20):
            put_task(tx, metadata={"film script": "x" * 10_000})

    def limit(pages: int) -> Callable[[Transaction], None]:
        def act(tx: Transaction) -> None:
            assert isinstance(tx.connection, Recalling)
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        return act

    await store.write(limit(100))
    tasks = [a_task() for _ in range(4)]
    writing = [store.write(adding(tasks[0])), store.write(fill), store.write(adding(tasks[1]))]
    outcome = await asyncio.gather(*writing, return_exceptions=True)
    assert isinstance(outcome[1], StoreBusy)
    answered = [task for task, one in zip(tasks, outcome[::2], strict=False) if one is None]
    assert unfinished(store) == answered
    await store.write(limit(100_000))
    await store.write(adding(tasks[2]))
    assert unfinished(store) == [*answered, tasks[2]]


# -- nothing stops the writer --------------------------------------------------------------


async def test_a_listener_that_fails_does_not_unsay_the_commit(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def listen(ids: object) -> None:
        raise ZeroDivisionError

    with contextlib.closing(SqliteStore(path, on_change=listen)) as store:
        task = store.write_now(lambda tx: put_task(tx, Status.SUBMITTING))
        await asyncio.wait_for(store.write(lambda tx: tx.remove_task(task.id)), PATIENCE_S)
        await asyncio.wait_for(store.write(put_task), PATIENCE_S)
    assert "listener" in caplog.text


async def test_an_act_that_ruins_the_transaction_takes_its_group_back(path: Path) -> None:
    told: list[str] = []
    with contextlib.closing(SqliteStore(path, on_change=told.extend)) as store:
        task = store.write_now(put_task)
        gate = Gate()
        held = await gate.close(store)

        def ruin(tx: Transaction) -> None:
            assert isinstance(tx.connection, Recalling)
            tx.connection.exec_driver_sql("ROLLBACK")

        def remove(tx: Transaction) -> None:
            tx.remove_task(task.id)

        together = asyncio.gather(*map(store.write, (remove, ruin)), return_exceptions=True)
        await asyncio.sleep(0)
        gate.opens.set()
        assert [type(one) for one in await together] == [StoreBusy, StoreBusy]
        await held
        assert (unfinished(store), told) == ([task], [])
        await store.write(remove)
        assert (unfinished(store), told) == ([], [task.id])


async def test_a_loop_that_closed_meanwhile_is_let_go(store: SqliteStore) -> None:
    gate = Gate()

    def leave() -> None:
        loop = asyncio.new_event_loop()
        writing = loop.create_task(store.write(gate.act))
        loop.run_until_complete(asyncio.sleep(0))
        assert gate.is_entered.wait(PATIENCE_S)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(writing)
        loop.close()

    await asyncio.to_thread(leave)
    gate.opens.set()
    await asyncio.wait_for(store.write(put_task), PATIENCE_S)


async def test_a_caller_that_left_before_its_turn_writes_nothing(store: SqliteStore) -> None:
    gate = Gate()
    held = await gate.close(store)
    writing = asyncio.create_task(store.write(put_task))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.sleep(0)
    gate.opens.set()
    await held
    task = await store.write(put_task)
    assert unfinished(store) == [task]


async def test_closing_finishes_what_waits_and_takes_no_more(path: Path) -> None:
    store = SqliteStore(path)
    gate, tasks = Gate(), [a_task() for _ in range(100)]
    held = await gate.close(store)
    writing = asyncio.gather(*(store.write(adding(task)) for task in tasks))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(store.close))
    gate.opens.set()
    await asyncio.wait_for(asyncio.gather(closing, held, writing), PATIENCE_S)
    with pytest.raises(StoreBusy):
        await asyncio.wait_for(store.write(put_task), PATIENCE_S)
    with pytest.raises(StoreBusy):
        store.write_now(put_task)
    store.close()
    with contextlib.closing(SqliteStore(path)) as again:
        assert unfinished(again) == tasks


# -- reads ---------------------------------------------------------------------------------


async def test_a_read_sees_what_is_committed_and_waits_for_no_writer(store: SqliteStore) -> None:
    first, second, gate = a_task(), a_task(), Gate()
    await store.write(adding(first))

    def add_slowly(tx: Transaction) -> None:
        tx.add_task(second, a_hold(second))
        gate.act(tx)

    writing = asyncio.create_task(store.write(add_slowly))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    assert await store.read(lambda tx: tx.unfinished("", 9)) == [first]
    gate.opens.set()
    await writing
    assert await store.read(lambda tx: tx.unfinished("", 9)) == [first, second]


async def test_a_read_is_of_one_instant(store: SqliteStore) -> None:
    first, second = a_task(), a_task()
    await store.write(adding(first))

    def look_twice(tx: Transaction) -> tuple[list[Task], list[Task]]:
        before = list(tx.unfinished("", 9))
        store.write_now(adding(second))
        return before, list(tx.unfinished("", 9))

    assert await store.read(look_twice) == ([first], [first])
    assert await store.read(lambda tx: tx.unfinished("", 9)) == [first, second]


# -- the file ------------------------------------------------------------------------------


def test_every_connection_commits_to_the_disk(store: SqliteStore, path: Path) -> None:
    def settings_of(connection: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "busy_timeout", "query_only")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    def of_transaction(tx: Transaction) -> list[object]:
        assert isinstance(tx.connection, Recalling)
        return settings_of(tx.connection)

    wal, full, timeout_ms = "wal", 2, 30_000
    assert store.write_now(of_transaction) == [wal, full, timeout_ms, 0]
    assert store.read_now(of_transaction) == [wal, full, timeout_ms, 1]
    engine = store.engine_for_workflows()
    with engine.connect() as connection:
        assert settings_of(connection) == [wal, full, timeout_ms, 0]
    engine.dispose()
    with contextlib.closing(HotRead(path)) as hot:
        assert hot._cursor.execute("PRAGMA journal_mode").fetchone() == (wal,)


def test_the_outbox_says_all_that_a_webhook_needs(store: SqliteStore, path: Path) -> None:
    at = NOON.replace(microsecond=17)

    def cancel(tx: Transaction) -> Task:
        task = put_task(tx, callback_url="https://caller.test/hook")
        after = moved(task, Event.CANCELED, at=at)
        assert tx.move(task, after, Event.CANCELED, at=at)
        return after

    task = store.write_now(cancel)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        found = dict(connection.execute("SELECT * FROM outbox").fetchone())
    assert found.pop("event_id").startswith("evt_")
    assert task.failure is not None
    assert found == {
        "task_id": task.id,
        "account_id": task.account_id,
        "type": "video.canceled",
        "created_at": int(at.timestamp()) * 1_000_000 + 17,
        "callback_url": "https://caller.test/hook",
        "reason": "canceled",
        "message": task.failure.message,
        "posted_at": None,
    }
