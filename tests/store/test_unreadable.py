"""A row that this version cannot read: it is left alone, and those behind it have their turn."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from rushes.domain.task import Event, Status, Task
from rushes.ports import Transaction
from rushes.store.connection import Recalling
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, put_move, put_task

A_DAY_LATER = NOON + timedelta(days=1)


def spoil(store: SqliteStore, text: str, task: Task) -> None:
    def act(tx: Transaction) -> None:
        assert isinstance(tx.connection, Recalling)
        tx.connection.execute(sa.text(text), {"id": task.id})

    store.write_now(act)


@pytest.mark.promise("P3")
def test_a_task_that_cannot_be_read_keeps_no_other_from_its_deadline(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled, sound = store.write_now(put_task), store.write_now(put_task)
    spoil(store, "UPDATE tasks SET spec = '{' WHERE id = :id", spoiled)
    assert store.read_now(lambda tx: tx.due(A_DAY_LATER, 9)) == [sound]
    assert store.read_now(lambda tx: tx.unfinished("", 9)) == [sound]
    assert spoiled.id in caplog.text


@pytest.mark.promise("P11")
def test_a_submit_that_cannot_be_read_keeps_no_other_from_being_looked_after(
    store: SqliteStore,
) -> None:
    def canceled(tx: Transaction) -> Task:
        return put_move(tx, put_task(tx, Status.RUNNING), Event.CANCELED)

    spoiled, sound = store.write_now(canceled), store.write_now(canceled)
    spoil(store, "UPDATE submits SET reason = 'of a newer version' WHERE task_id = :id", spoiled)
    (found,) = store.read_now(lambda tx: tx.submits_to_look_at(A_DAY_LATER, 9))
    assert found.task_id == sound.id
