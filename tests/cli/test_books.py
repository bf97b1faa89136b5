"""`rushes migrate`: empty, behind, current, from the future, and locked."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from living import Typed
from rushes.cli.books import migrate
from rushes.clock import SystemClock
from rushes.folder import Unready, lock_folder, open_books
from rushes.settings import Settings, load
from rushes.store.migrate import HEAD, KNOWN, STEPS, SchemaState, Steps, schema_state

STEP = f"""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{HEAD}"


def upgrade() -> None:
    op.create_table("wishes", sa.Column("id", sa.Text(), primary_key=True))
"""


@pytest.fixture
def tomorrow(tmp_path: Path) -> Steps:
    """The steps of a Rushes that is one step ahead."""
    folder = tmp_path / "steps"
    shutil.copytree(STEPS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9999_wishes.py").write_text(STEP)
    return Steps(folder, "9999", KNOWN | {"9999"})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "rushes.db"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path / "data")


def test_an_empty_folder_gets_its_tables(typed: Typed, database: Path) -> None:
    run = typed("migrate")
    assert run.exit_code == 0
    assert run.stdout.startswith("Made ")
    assert schema_state(database) is SchemaState.CURRENT


def test_a_current_database_is_left_alone(typed: Typed, database: Path) -> None:
    typed("migrate")
    before = database.read_bytes()
    run = typed("migrate")
    assert run.exit_code == 0
    assert "nothing to do" in run.stdout
    assert database.read_bytes() == before


def test_migrate_answers_machines(typed: Typed, database: Path) -> None:
    told = json.loads(typed("migrate", "--json").stdout)
    assert told == {"database": str(database), "schema": HEAD, "found": "empty", "copy": None}


def test_a_database_that_is_behind_is_copied_and_migrated(
    typed: Typed,
    database: Path,
    tomorrow: Steps,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed("migrate")
    monkeypatch.setenv("RUSHES_DATA_DIR", str(database.parent))
    migrate(as_json=False, steps=tomorrow)
    told = capsys.readouterr().out
    assert "Migrated" in told
    (copy,) = database.parent.glob("rushes.db.before-9999-*")
    assert str(copy) in told
    assert schema_state(copy) is SchemaState.CURRENT
    assert schema_state(database, steps=tomorrow) is SchemaState.CURRENT


def test_the_books_of_an_older_rushes_are_not_opened(
    typed: Typed, settings: Settings, tomorrow: Steps
) -> None:
    typed("migrate")
    with pytest.raises(Unready, match="rushes migrate"):
        open_books(settings, SystemClock(), may_make=True, steps=tomorrow)
    assert schema_state(settings.database_path) is SchemaState.CURRENT


@pytest.mark.parametrize("words", ["migrate", "keys list", "keys create bob", "serve --port 0"])
def test_a_database_from_the_future_is_refused(words: str, typed: Typed, database: Path) -> None:
    typed("migrate")
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2999'")
        connection.commit()
    run = typed(*words.split())
    assert run.exit_code == 2
    assert "newer Rushes" in run.stderr
    assert run.stdout == ""
    assert schema_state(database) is SchemaState.FUTURE


def test_a_locked_folder_is_refused_with_what_to_do(typed: Typed, database: Path) -> None:
    typed("migrate")
    with lock_folder(database.parent):
        run = typed("migrate")
    assert run.exit_code == 2
    assert "Stop it" in run.stderr
