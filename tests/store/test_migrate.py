"""Schema steps: equal to the metadata, whole or not at all, and never into the unknown."""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rushes.store.migrate import (
    HEAD,
    KNOWN,
    STEPS,
    SchemaFromTheFuture,
    SchemaState,
    Steps,
    migrate,
    schema_state,
)
from rushes.store.schema import metadata
from rushes.store.sqlite import SqliteStore, open_file
from rushes.testing.builders import NOON, put_task

STEP = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    op.create_table("wishes", sa.Column("id", sa.Text(), primary_key=True))
    with op.batch_alter_table("accounts") as accounts:
        accounts.add_column(sa.Column("motto", sa.Text()))
    {more}
"""


def scripts(folder: Path = STEPS.folder) -> ScriptDirectory:
    return ScriptDirectory(str(folder))


def names_in(path: Path) -> set[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    return {(kind, name) for kind, name in found}


def version_of(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.fixture
def tomorrow(tmp_path: Path) -> Steps:
    """The steps of a Rushes that is one step ahead, in a folder with a name to trip over."""
    folder = tmp_path / "50% of it, tomorrow"
    shutil.copytree(STEPS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    step = STEP.format(revision="9999", before=HEAD, more="")
    (folder / "versions" / "9999_wishes.py").write_text(step)
    return Steps(folder, "9999", KNOWN | {"9999"})


def test_the_newest_step_and_all_known_steps_are_written_down() -> None:
    assert scripts().get_current_head() == HEAD
    assert {script.revision for script in scripts().walk_revisions()} == KNOWN


def test_the_steps_make_the_tables_of_the_metadata(path: Path) -> None:
    engine = sa.create_engine("sqlite://", creator=lambda: open_file(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_steps_make_every_index_and_constraint_to_the_letter(
    path: Path, tmp_path: Path
) -> None:
    created = tmp_path / "created.db"
    engine = sa.create_engine(f"sqlite:///{created}")
    metadata.create_all(engine)
    engine.dispose()

    def objects_of(file: Path) -> dict[str, set[str]]:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
        return {  # a column that was added stands on the line of the one before
            name: {part.strip().replace('"', "") for part in re.split(r"[,\n]", sql or "")} - {""}
            for name, sql in found
            if name != "alembic_version" and "alembic" not in name
        }

    assert objects_of(path) == objects_of(created)


def test_the_workflow_library_s_tables_live_beside_ours(store: SqliteStore, path: Path) -> None:
    before = names_in(path)
    from dbos._sys_db import SystemDatabase

    engine = store.engine_for_workflows()
    library = SystemDatabase.create(
        system_database_url="sqlite:///unused.db",
        engine_kwargs={},
        engine=engine,
        schema=None,
        serializer=None,  # type: ignore[arg-type]
        executor_id=None,
    )
    library.run_migrations()
    engine.dispose()
    theirs = {name for kind, name in names_in(path) - before if kind == "table"}
    assert "workflow_status" in theirs
    assert not theirs & set(metadata.tables)
    store.write_now(put_task)


@pytest.mark.parametrize("revision", sorted(KNOWN))
def test_every_step_runs_from_empty(revision: str, tmp_path: Path) -> None:
    path = tmp_path / "rushes.db"
    engine = sa.create_engine("sqlite://", creator=lambda: open_file(path))
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    assert version_of(path) == revision


def test_an_empty_place_is_migrated_without_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "rushes.db"
    assert schema_state(path) is SchemaState.EMPTY
    assert not path.parent.exists()
    assert migrate(path, at=NOON) is None
    assert schema_state(path) is SchemaState.CURRENT
    assert [child.name for child in path.parent.iterdir() if ".before" in child.name] == []


@pytest.mark.parametrize("content", [b"", None])
def test_a_file_without_our_tables_is_empty(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "rushes.db"
    if content is None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE workflow_status (id)")
    else:
        path.write_bytes(content)
    assert schema_state(path) is SchemaState.EMPTY
    migrate(path, at=NOON)
    assert schema_state(path) is SchemaState.CURRENT


def test_looking_at_the_state_changes_nothing(path: Path) -> None:
    content = path.read_bytes()
    for _ in range(2):
        assert schema_state(path) is SchemaState.CURRENT
    assert path.read_bytes() == content


def test_what_is_no_database_is_an_error_not_an_empty_place(tmp_path: Path) -> None:
    path = tmp_path / "rushes.db"
    path.write_bytes(b"a letter to mother\n" * 300)
    with pytest.raises(sqlite3.DatabaseError):
        schema_state(path)
    with pytest.raises(sqlite3.DatabaseError):
        migrate(path, at=NOON)
    assert path.read_bytes() == b"a letter to mother\n" * 300


def test_a_file_that_is_behind_is_copied_then_migrated(
    store: SqliteStore, path: Path, tomorrow: Steps
) -> None:
    task = store.write_now(put_task)
    store.close()
    assert schema_state(path, steps=tomorrow) is SchemaState.BEHIND
    copy = migrate(path, at=NOON, steps=tomorrow)
    assert schema_state(path, steps=tomorrow) is SchemaState.CURRENT
    assert copy == path.with_name("rushes.db.before-9999-20261123T120000")
    assert (version_of(copy), version_of(path)) == (HEAD, "9999")
    assert ("table", "wishes") in names_in(path) - names_in(copy)
    for file in (path, copy):
        with contextlib.closing(SqliteStore(file)) as opened:
            assert opened.read_now(lambda tx: tx.task(task.id)) == task


def test_a_current_file_is_left_alone(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    assert migrate(path, at=NOON) is None
    assert path.read_bytes() == content
    assert list(tmp_path.glob("*before*")) == []


def test_a_current_file_is_not_waited_for(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        assert migrate(path, at=NOON) is None


def test_a_schema_from_the_future_is_refused(path: Path, tomorrow: Steps, tmp_path: Path) -> None:
    migrate(path, at=NOON, steps=tomorrow)
    before = names_in(path)
    assert schema_state(path) is SchemaState.FUTURE
    with pytest.raises(SchemaFromTheFuture, match=r"rushes\.db"):
        migrate(path, at=NOON + timedelta(seconds=1))
    assert (version_of(path), names_in(path)) == ("9999", before)
    assert len(list(tmp_path.glob("*before*"))) == 1


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, tomorrow: Steps) -> None:
    before = names_in(path)
    broken = STEP.format(revision="9999", before=HEAD, more='op.execute("SELEKT")')
    (tomorrow.folder / "versions" / "9999_wishes.py").write_text(broken)
    with pytest.raises(sa.exc.OperationalError):
        migrate(path, at=NOON, steps=tomorrow)
    assert (version_of(path), names_in(path)) == (HEAD, before)
    assert schema_state(path, steps=tomorrow) is SchemaState.BEHIND


def test_of_two_that_migrate_at_once_one_does_the_work(
    store: SqliteStore, path: Path, tomorrow: Steps, tmp_path: Path
) -> None:
    task = store.write_now(put_task)
    store.close()
    copies: list[Path | None] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait(10)
        copies.append(migrate(path, at=NOON, steps=tomorrow))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    made = [copy for copy in copies if copy is not None]
    assert (len(copies), len(made)) == (4, 1)
    assert version_of(made[0]) == HEAD
    with contextlib.closing(SqliteStore(made[0])) as opened:
        assert opened.read_now(lambda tx: tx.task(task.id)) == task
