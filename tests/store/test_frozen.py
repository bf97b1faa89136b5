"""A process that stands still in the middle of a transaction holds locks; nobody waits for it.

Its session here is a connection that has written and does not commit, as that of a process does
which was stopped between two statements. One that ends there has done nothing of its beat.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa

from rushes.engine.dispatch import make_tables
from rushes.engine.pulse import Pulse
from rushes.store.postgres import PostgresStore

LOST_AFTER_S = 4.0
LONG_AGO = 1


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with contextlib.closing(PostgresStore(url, lock_timeout_s=1.0)) as store:
        make_tables(store.engine_for_workflows())
        yield store


def work_of(executor: str, name: str, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO dbos.workflow_status (workflow_uuid, status, executor_id, queue_name,"
            " created_at, updated_at, priority) VALUES (%s, 'PENDING', %s, 'film', 1, 1, 0)",
            (name, executor),
        )


def waiting(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT workflow_uuid FROM dbos.workflow_status WHERE status = 'ENQUEUED' ORDER BY 1"
        )
        return [str(row[0]) for row in found]


@pytest.mark.promise("P10")
def test_one_that_froze_in_its_beat_is_found_dead_and_holds_up_nobody_s_beat(
    store: PostgresStore, url: str
) -> None:
    with psycopg.connect(url) as frozen:
        with psycopg.connect(url) as other:
            other.execute("INSERT INTO live_executors VALUES ('frozen', %s)", (LONG_AGO,))
        work_of("frozen", "its-task", url)
        frozen.execute("UPDATE live_executors SET seen_at = seen_at + 1 WHERE id = 'frozen'")
        store.write_now(lambda tx: tx.beat("living"))
        assert store.write_now(lambda tx: tx.reassign_work(LOST_AFTER_S)) == 1
        assert waiting(url) == ["its-task"]
        assert store.read_now(lambda tx: tx.executor_count(LOST_AFTER_S)) == 1
    assert store.write_now(lambda tx: tx.reassign_work(LOST_AFTER_S)) == 0


@pytest.mark.promise("P10")
def test_work_whose_row_a_frozen_process_holds_keeps_no_other_work_back(
    store: PostgresStore, url: str
) -> None:
    for name in ("held", "free"):
        work_of("frozen", name, url)
    store.write_now(lambda tx: tx.beat("living"))
    with psycopg.connect(url) as frozen:
        frozen.execute(
            "UPDATE dbos.workflow_status SET updated_at = 2 WHERE workflow_uuid = 'held'"
        )
        assert store.write_now(lambda tx: tx.reassign_work(LOST_AFTER_S)) == 1
        assert waiting(url) == ["free"]
    assert store.write_now(lambda tx: tx.reassign_work(LOST_AFTER_S)) == 1
    assert waiting(url) == ["free", "held"]


REFUSAL = """
    CREATE FUNCTION refuse() RETURNS trigger AS
        $$ BEGIN RAISE EXCEPTION 'not now'; END $$ LANGUAGE plpgsql;
    CREATE TRIGGER refused BEFORE UPDATE ON dbos.workflow_status
        FOR EACH ROW EXECUTE FUNCTION refuse()
"""
"""The work of the dead cannot be given to anybody."""


def standing(url: str) -> list[tuple[object, ...]]:
    """Who lives since when, and who has which work."""
    with psycopg.connect(url) as connection:
        lives = connection.execute("SELECT id, seen_at FROM live_executors ORDER BY id")
        works = connection.execute(
            "SELECT workflow_uuid, status, executor_id FROM dbos.workflow_status ORDER BY 1"
        )
        return [*lives.fetchall(), *works.fetchall()]


@pytest.mark.promise("P10")
def test_a_beat_that_breaks_before_it_gave_work_on_has_not_been_and_the_next_does_all_of_it(
    store: PostgresStore, url: str
) -> None:
    pulse = Pulse(store, "living", lost_after_s=LOST_AFTER_S, now=lambda: 100.0)
    pulse.beat()
    work_of("dead", "its-task", url)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO live_executors VALUES ('dead', %s)", (LONG_AGO,))
        connection.execute(REFUSAL)
    before = standing(url)
    with pytest.raises(sa.exc.DBAPIError, match="not now"):
        pulse.beat()
    assert standing(url) == before
    with psycopg.connect(url) as connection:
        connection.execute("DROP TRIGGER refused ON dbos.workflow_status")
    assert pulse.beat() == 1
    assert waiting(url) == ["its-task"]
    assert [row[0] for row in standing(url)] == ["living", "its-task"]
