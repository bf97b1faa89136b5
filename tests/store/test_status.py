"""The hot read says what the row says, and notices what others commit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rushes.domain.task import Event, Status, Task
from rushes.ports import Look
from rushes.store.sqlite import SqliteStore
from rushes.store.status import HotRead
from rushes.testing.builders import a_key, put_move, put_task


@pytest.fixture
def hot(path: Path) -> Iterator[HotRead]:
    with contextlib.closing(HotRead(path)) as hot:
        yield hot


def look_at(task: Task) -> Look:
    failure = task.failure
    return Look(
        account_id=task.account_id,
        status=task.status,
        version=task.version,
        progress=task.progress,
        reason=failure.reason if failure else None,
        message=failure.message if failure else None,
        is_rehearsal=task.is_rehearsal,
        served_by=task.served_by,
        charged_microusd=task.charged_microusd,
    )


@pytest.mark.parametrize("is_rehearsal", [False, True])
@pytest.mark.parametrize("status", Status)
def test_a_look_says_what_the_task_says(
    status: Status, is_rehearsal: bool, store: SqliteStore, hot: HotRead
) -> None:
    served_by = "wan2.5" if is_rehearsal else None
    task = store.write_now(
        lambda tx: put_task(tx, status, is_rehearsal=is_rehearsal, served_by=served_by)
    )
    found = hot.look(task.id)
    assert found == look_at(task)
    assert found is not None
    assert (type(found.is_rehearsal), type(found.status)) == (bool, Status)


def test_a_look_at_nothing_is_none(hot: HotRead) -> None:
    assert hot.look("video_" + "0" * 32) is None
    assert hot.look("video_" + "0" * 31 + "\x00") is None


def test_a_look_sees_every_commit_at_once(store: SqliteStore, hot: HotRead) -> None:
    task = store.write_now(put_task)
    for event in (Event.INTENT, Event.ACCEPTED, Event.READY, Event.STORED):
        assert hot.look(task.id) == look_at(task)
        task = store.write_now(partial(put_move, before=task, event=event))
    assert hot.look(task.id) == look_at(task)
    store.write_now(lambda tx: tx.remove_task(task.id))
    assert hot.look(task.id) is None


def test_a_look_holds_nothing_open(store: SqliteStore, hot: HotRead, path: Path) -> None:
    """A reader that forgot to let go would keep the log from ever being folded back."""
    task = store.write_now(put_task)
    assert hot.look(task.id) is not None
    with contextlib.closing(SqliteStore(path)) as other:
        other.write_now(put_task)
        connection = other._writer.raw_connection()
        busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.close()
    assert busy == 0


def test_the_data_version_tells_of_other_connections_commits(
    store: SqliteStore, hot: HotRead
) -> None:
    versions = [hot.data_version()]
    for _ in range(2):
        store.write_now(lambda tx: tx.add_key(a_key()))
        versions.append(hot.data_version())
    assert len(set(versions)) == 3
    hot.look("nobody")
    store.read_now(lambda tx: tx.keys())
    with pytest.raises(LookupError):
        store.write_now(_change_mind)
    assert hot.data_version() == versions[-1]


def _change_mind(tx: object) -> None:
    raise LookupError
