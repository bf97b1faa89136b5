"""Schema steps: `rushes migrate`, and what `serve` does before it opens the door.

A database is empty, current, behind, or from the future. Behind is migrated after a copy of
the file is made; the future is refused, because code that does not know a schema must not
write to it. All steps are one transaction: a step that fails leaves the file as it was.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, cast

import sqlalchemy as sa

from rushes.store.sqlite import open_file

HEAD: Final = "0003"
KNOWN: Final = frozenset({"0001", "0002", "0003"})


@dataclass(frozen=True, slots=True)
class Steps:
    """A folder of schema steps, the newest of them, and all that this code knows.

    The two are written down, not read from the folder: Alembic takes 60 ms to import, and a
    start that finds a current database needs none of it.
    """

    folder: Path
    head: str
    known: frozenset[str]


STEPS: Final = Steps(Path(__file__).parent / "migrations", HEAD, KNOWN)


class SchemaState(StrEnum):
    """How a database stands to this code."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    FUTURE = "future"


class SchemaFromTheFuture(Exception):
    """A newer Rushes made this database; this one must not touch it."""


def schema_state(path: Path, *, steps: Steps = STEPS) -> SchemaState:
    """Say how the file stands to this code; a missing file is empty, and stays missing.

    Raises:
        sqlite3.Error: the file cannot be read, or is no database.
    """
    if not path.exists():
        return SchemaState.EMPTY
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return _state(connection, steps)


def migrate(path: Path, *, at: datetime, steps: Steps = STEPS) -> Path | None:
    """Bring the file to this code's schema; return the copy made before, if one was needed.

    Of two processes that migrate at once, one waits and then finds nothing to do.

    Raises:
        SchemaFromTheFuture: nothing was changed.
    """
    if schema_state(path, steps=steps) is SchemaState.CURRENT:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as connection:
        state = _state(cast("sqlite3.Connection", connection.connection.dbapi_connection), steps)
        if state is SchemaState.CURRENT:
            return None
        if state is SchemaState.FUTURE:
            raise SchemaFromTheFuture(
                f"{path} was made by a newer Rushes than this one; upgrade Rushes, "
                f"or restore the copy made before the last migration."
            )
        copy = _copy(path, at, steps) if state is SchemaState.BEHIND else None
        _upgrade(connection, steps)
    return copy


def _state(connection: sqlite3.Connection, steps: Steps) -> SchemaState:
    named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(named).fetchone() is None:
        return SchemaState.EMPTY
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if found is None:
        return SchemaState.EMPTY
    if found[0] == steps.head:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found[0] in steps.known else SchemaState.FUTURE


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[sa.Connection]:
    """Hold the file's write lock for one transaction."""
    engine = sa.create_engine("sqlite://", creator=lambda: open_file(path))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
    finally:
        engine.dispose()


def _copy(path: Path, at: datetime, steps: Steps) -> Path:
    copy = path.with_name(f"{path.name}.before-{steps.head}-{at:%Y%m%dT%H%M%S}")
    with (
        contextlib.closing(open_file(path)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def _upgrade(connection: sa.Connection, steps: Steps) -> None:
    from alembic import command  # noqa: PLC0415 -- costs 60 ms and is rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(steps.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
