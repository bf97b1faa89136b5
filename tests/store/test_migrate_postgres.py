"""Schema steps on PostgreSQL: the same as on SQLite, one at a time, and never into the unknown."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from postgres import Server
from rushes.domain.errors import StoreBusy
from rushes.domain.task import Event
from rushes.store.migrate import (
    HEAD,
    KNOWN,
    STEPS,
    SchemaFromTheFuture,
    SchemaState,
    Steps,
    UnusableDatabase,
    is_workable,
    migrate,
    schema_state,
)
from rushes.store.postgres import PostgresStore
from rushes.store.schema import metadata
from rushes.store.sessions import at_address
from rushes.testing.builders import NOON, moved, put_task

STEP = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    op.create_table("wishes", sa.Column("id", sa.Text(), primary_key=True))
    op.add_column("accounts", sa.Column("motto", sa.Text()))
    {more}
"""


@pytest.fixture
def empty(postgres: Server) -> Iterator[str]:
    url = postgres.make_database()
    yield url
    postgres.drop_database(url)


def steps_ahead(tmp_path: Path, more: str = "") -> Steps:
    """The steps of a Rushes that is one step ahead."""
    folder = tmp_path / "tomorrow"
    shutil.copytree(STEPS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_wishes.py").write_text(STEP.format(before=HEAD, more=more))
    return Steps(folder, "9999", KNOWN | {"9999"}, frozenset({HEAD, "9999"}))


def tables_of(url: str) -> set[str]:
    with at_address(url) as connection:
        return set(sa.inspect(connection).get_table_names())


def upgrade_to(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    with at_address(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def test_the_steps_make_the_tables_of_the_metadata(url: str) -> None:
    with at_address(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_steps_make_every_index_and_constraint_of_the_metadata(url: str, empty: str) -> None:
    with at_address(empty) as connection:
        metadata.create_all(connection)
        connection.commit()

    def objects_of(url: str) -> set[tuple[object, ...]]:
        with psycopg.connect(url) as connection:
            indexes = connection.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            ).fetchall()
            constraints = connection.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace"
            ).fetchall()
        return {found for found in (*indexes, *constraints) if "alembic" not in str(found)}

    assert objects_of(url) == objects_of(empty)


@pytest.mark.parametrize("revision", sorted(KNOWN))
def test_every_step_runs_from_empty(revision: str, empty: str) -> None:
    upgrade_to(empty, revision)
    expected = SchemaState.CURRENT if revision == HEAD else SchemaState.BEHIND
    assert schema_state(empty) is expected


def test_an_empty_database_is_told_from_one_of_ours(empty: str) -> None:
    for _ in range(2):
        assert schema_state(empty) is SchemaState.EMPTY
        assert not is_workable(empty)
    assert tables_of(empty) == set()
    for _ in range(2):
        assert migrate(empty, at=NOON) is None
        assert schema_state(empty) is SchemaState.CURRENT
        assert is_workable(empty)


def test_text_is_sorted_byte_by_byte_whatever_language_the_database_speaks(url: str) -> None:
    with psycopg.connect(url) as connection:
        spoken = connection.execute(
            "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        found = connection.execute(
            "SELECT count(*) FILTER (WHERE collation_name = 'C'), count(*)"
            " FROM information_schema.columns WHERE data_type = 'text'"
            " AND table_schema = 'public' AND table_name <> 'alembic_version'"
        ).fetchone()
    assert spoken != ("C",), "the database itself sorts otherwise"
    assert found is not None
    assert found[0] == found[1] > 0


def test_the_code_of_today_works_on_the_schema_before_it(empty: str) -> None:
    upgrade_to(empty, "0003")
    assert schema_state(empty) is SchemaState.BEHIND
    assert is_workable(empty)
    with contextlib.closing(PostgresStore(empty)) as store:
        task = store.write_now(put_task)
        canceled = moved(task, Event.CANCELED)
        assert store.write_now(lambda tx: tx.move(task, canceled, Event.CANCELED, at=NOON))
        assert store.read_now(lambda tx: tx.task(task.id)) == canceled


def test_a_step_that_takes_something_away_is_not_worked_before(url: str, tmp_path: Path) -> None:
    tomorrow = replace(steps_ahead(tmp_path), workable=frozenset({"9999"}))
    assert schema_state(url, steps=tomorrow) is SchemaState.BEHIND
    assert not is_workable(url, steps=tomorrow)


def test_what_is_there_survives_a_step(url: str, tmp_path: Path) -> None:
    with contextlib.closing(PostgresStore(url)) as store:
        task = store.write_now(put_task)
        tomorrow = steps_ahead(tmp_path)
        assert is_workable(url, steps=tomorrow)
        migrate(url, at=NOON, steps=tomorrow)
        assert "wishes" in tables_of(url)
        assert store.read_now(lambda tx: tx.task(task.id)) == task
        store.write_now(put_task)


def test_a_schema_from_the_future_is_refused(url: str, tmp_path: Path) -> None:
    migrate(url, at=NOON, steps=steps_ahead(tmp_path))
    assert schema_state(url) is SchemaState.FUTURE
    assert not is_workable(url)
    with pytest.raises(SchemaFromTheFuture, match="newer Rushes"):
        migrate(url, at=NOON)


def test_a_step_that_fails_leaves_everything_as_it_was(url: str, tmp_path: Path) -> None:
    broken = steps_ahead(tmp_path, more='op.execute("SELEKT")')
    with pytest.raises(sa.exc.ProgrammingError):
        migrate(url, at=NOON, steps=broken)
    assert "wishes" not in tables_of(url)
    assert schema_state(url) is SchemaState.CURRENT


def test_of_those_that_migrate_at_once_one_does_the_work(empty: str) -> None:
    start, faults = threading.Barrier(4), []

    def run() -> None:
        start.wait(20)
        try:
            migrate(empty, at=NOON)
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert schema_state(empty) is SchemaState.CURRENT


def test_a_database_that_cannot_hold_every_letter_is_refused(postgres: Server) -> None:
    name = "rushes_letters"
    with postgres.admin() as connection:
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
        )
    url = postgres.at(name)
    try:
        with pytest.raises(UnusableDatabase, match="LATIN1"):
            migrate(url, at=NOON)
        assert tables_of(url) == set()
    finally:
        postgres.drop_database(url)


def test_an_address_where_nobody_answers_is_told_as_such() -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    for ask in (schema_state, is_workable):
        with pytest.raises(StoreBusy, match="cannot be reached"):
            ask(url)
