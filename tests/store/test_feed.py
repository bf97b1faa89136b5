"""News between processes, and looks that rest on them; on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from journeying import wait_until
from postgres import Server
from rushes.domain.errors import StoreBusy
from rushes.domain.task import Event, Status
from rushes.ports import Look
from rushes.store.feed import Feed
from rushes.store.looks import FinalRows, PostgresLooks
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import NOON, moved, put_task

PATIENCE_S = 20.0


@dataclass
class Heard:
    """What a feed said."""

    news: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    gaps: int = 0

    def note(self, ids: Iterable[str], is_gone: bool) -> None:
        self.news.append((tuple(ids), is_gone))

    def gap(self) -> None:
        self.gaps += 1

    def has(self, task_id: str, *, is_gone: bool = False) -> bool:
        return any(task_id in ids and gone is is_gone for ids, gone in self.news)


class Process:
    """What one API process has: a feed, and looks that rest on it."""

    def __init__(self, url: str) -> None:
        self.heard = Heard()
        self.looks = PostgresLooks(url, is_fresh=lambda: self.feed.is_fresh)
        self.feed = Feed(url, on_news=self._hear, on_gap=self._miss)
        self.feed.start()
        wait_until(lambda: self.feed.is_fresh, timeout_s=PATIENCE_S)

    def _hear(self, ids: Iterable[str], is_gone: bool) -> None:
        told = list(ids)
        if is_gone:
            self.looks.final.forget(told)
        self.heard.note(told, is_gone)

    def _miss(self) -> None:
        self.looks.final.forget_all()
        self.heard.gap()

    def close(self) -> None:
        self.feed.close()
        self.looks.close()


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(url)) as store:
        yield store


def test_what_one_process_tells_another_hears(url: str) -> None:
    with closing(Process(url)) as one, closing(Process(url)) as other:
        ids = [f"video_{number:032x}" for number in range(400)]
        one.feed.tell(ids)
        wait_until(lambda: all(other.heard.has(name) for name in ids), timeout_s=PATIENCE_S)


def test_that_a_task_is_gone_is_told_with_the_commit_itself(url: str, store: PostgresStore) -> None:
    task = store.write_now(lambda tx: put_task(tx, Status.SUCCEEDED))
    with closing(Process(url)) as one:
        store.write_now(lambda tx: tx.remove_task(task.id))
        wait_until(lambda: one.heard.has(task.id, is_gone=True), timeout_s=PATIENCE_S)


def test_a_feed_that_is_cut_off_is_not_fresh_and_begins_again(postgres: Server, url: str) -> None:
    with closing(Process(url)) as one:
        gaps = one.heard.gaps
        postgres.cut(url)
        wait_until(lambda: one.heard.gaps > gaps, timeout_s=PATIENCE_S)
        wait_until(lambda: one.feed.is_fresh, timeout_s=PATIENCE_S)


@pytest.mark.promise("P6")
async def test_open_rows_are_read_from_the_truth_each_time(url: str, store: PostgresStore) -> None:
    task = store.write_now(put_task)
    with closing(Process(url)) as one:
        before = await one.looks.read(task.id)
        assert before is not None
        assert before.status is Status.QUEUED
        assert one.looks.look(task.id) is None
        after = moved(task, Event.CANCELED)
        assert store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=NOON))
        found = await one.looks.read(task.id)
        assert found is not None
        assert found.status is Status.CANCELED
        assert one.looks.look(task.id) == found
        assert await one.looks.read("video_" + "0" * 32) is None


@pytest.mark.promise("P6")
async def test_a_removed_task_is_unknown_in_every_process(url: str, store: PostgresStore) -> None:
    task = store.write_now(lambda tx: put_task(tx, Status.SUCCEEDED))
    with closing(Process(url)) as one, closing(Process(url)) as other:
        for process in (one, other):
            assert await process.looks.read(task.id) is not None
            assert process.looks.look(task.id) is not None
        store.write_now(lambda tx: tx.remove_task(task.id))
        for process in (one, other):
            wait_until(lambda p=process: p.heard.has(task.id, is_gone=True), timeout_s=PATIENCE_S)
            assert process.looks.look(task.id) is None
            assert await process.looks.read(task.id) is None


async def test_nothing_is_answered_from_memory_while_the_feed_is_stale(
    url: str, store: PostgresStore
) -> None:
    task = store.write_now(lambda tx: put_task(tx, Status.SUCCEEDED))
    looks = PostgresLooks(url, is_fresh=lambda: False)
    found = await looks.read(task.id)
    assert found is not None
    assert looks.look(task.id) is None
    store.write_now(lambda tx: tx.remove_task(task.id))
    assert await looks.read(task.id) is None
    looks.close()


def transaction_count(postgres: Server, url: str) -> int:
    """How many transactions there were in a database that everybody has left.

    A session tells its own when it goes. What stands alone is a transaction of its own.
    """
    name = (sa.make_url(url).database,)
    with postgres.admin() as connection:
        sessions = "SELECT FROM pg_stat_activity WHERE datname = %s"
        wait_until(lambda: not connection.execute(sessions, name).rowcount, timeout_s=PATIENCE_S)
        counted = "SELECT xact_commit FROM pg_stat_database WHERE datname = %s"
        found = connection.execute(counted, name).fetchone()
        assert found is not None
        return int(str(found[0]))


async def test_whoever_looks_at_once_shares_queries(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    tasks = [store.write_now(put_task) for _ in range(30)]
    store.close()
    before = await asyncio.to_thread(transaction_count, postgres, url)
    looks = PostgresLooks(url, is_fresh=lambda: True)
    found = await asyncio.gather(*(looks.read(task.id) for task in tasks for _ in range(20)))
    assert {look.status for look in found if look is not None} == {Status.QUEUED}
    assert len(found) == 600
    looks.close()
    count = await asyncio.to_thread(transaction_count, postgres, url) - before
    assert 1 <= count <= 10, "those of two connections' own beginnings are among them"


async def test_a_database_that_is_away_is_busy_and_looks_go_on_when_it_is_back(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    task = store.write_now(put_task)
    nowhere = PostgresLooks("postgresql://postgres@127.0.0.1:1/none", is_fresh=lambda: True)
    with pytest.raises(StoreBusy):
        await nowhere.read(task.id)
    nowhere.close()
    looks = PostgresLooks(url, is_fresh=lambda: True)
    assert await looks.read(task.id) is not None
    postgres.cut(url)
    answers: list[Look | None] = []
    for _ in range(4):
        try:
            answers.append(await looks.read(task.id))
        except StoreBusy:
            continue
    assert answers
    assert answers[-1] is not None
    looks.close()


def test_a_row_that_was_asked_for_before_something_went_is_not_kept() -> None:
    rows = FinalRows(kept_max=2)
    look = Look("a", Status.SUCCEEDED, 5, 100, None, None, False, None, 0)
    moment = rows.moment
    rows.forget(["x"])
    rows.keep("x", look, moment)
    assert rows.get("x") is None
    for name in "abc":
        rows.keep(name, look, rows.moment)
    assert [rows.get(name) for name in "abc"] == [None, look, look]
    rows.forget_all()
    assert rows.get("c") is None
