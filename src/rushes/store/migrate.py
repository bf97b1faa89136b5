"""Schema steps: `rushes migrate`, and what `serve` does before it opens the door.

A database is a file (SQLite) or an address (PostgreSQL). Of PostgreSQL no copy is made: its
operators have their own backups, and on both all steps are taken or none.

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
from typing import Final

import sqlalchemy as sa

from rushes.lean import without
from rushes.store.schema import metadata
from rushes.store.sqlite import open_file

HEAD: Final = "0004"
KNOWN: Final = frozenset({"0001", "0002", "0003", "0004"})
WORKABLE: Final = frozenset({"0003", "0004"})
"""What the code of today can work on: its own schema, and the one before, which it adds to."""

LOCK: Final = 7_380_523_102_001
"""Names the lock that those who migrate one PostgreSQL database take; any number would do."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A folder of schema steps, the newest of them, and all that this code knows.

    The two are written down, not read from the folder: Alembic takes 60 ms to import, and a
    start that finds a current database needs none of it.
    """

    folder: Path
    head: str
    known: frozenset[str]
    workable: frozenset[str] = frozenset()


STEPS: Final = Steps(Path(__file__).parent / "migrations", HEAD, KNOWN, WORKABLE)


class SchemaState(StrEnum):
    """How a database stands to this code."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    FUTURE = "future"


class SchemaFromTheFuture(Exception):
    """A newer Rushes made this database; this one must not touch it."""


class UnusableDatabase(Exception):
    """A PostgreSQL that could lose or refuse what we write; the message says what to change."""


def schema_state(place: Path | str, *, steps: Steps = STEPS) -> SchemaState:
    """Say how a database stands to this code; a missing file is empty, and stays missing.

    Raises:
        sqlite3.Error: the file cannot be read, or is no database.
        StoreBusy: there is no PostgreSQL at the address.
    """
    return _state(_revision(place), steps)


def is_workable(place: Path | str, *, steps: Steps = STEPS) -> bool:
    """Say whether this code may work on a database as it stands.

    It may on its own schema and on the one before: that is how many machines are upgraded, the
    code first and then, when nobody is of the old code any more, the schema.

    Raises:
        sqlite3.Error, StoreBusy: as `schema_state`.
    """
    return _revision(place) in steps.workable | {steps.head}


def _revision(place: Path | str) -> str | None:
    """Return the step a database is at, None before the first."""
    if isinstance(place, str):
        from rushes.store.sessions import at_address  # noqa: PLC0415 -- a file needs no driver of it

        with at_address(place) as connection:
            return _step_of(connection)
    if not place.exists():
        return None
    with contextlib.closing(sqlite3.connect(place)) as connection:
        named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(named).fetchone() is None:
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if found is None else str(found[0])


def migrate(place: Path | str, *, at: datetime, steps: Steps = STEPS) -> Path | None:
    """Bring a database to this code's schema; return the copy made before, if one was needed.

    Of two processes that migrate at once, one waits and then finds nothing to do.

    Raises:
        SchemaFromTheFuture, UnusableDatabase: nothing was changed.
        StoreBusy: there is no PostgreSQL at the address.
    """
    if schema_state(place, steps=steps) is SchemaState.CURRENT:
        return None
    if isinstance(place, Path):
        return _migrate_file(place, at, steps)
    _migrate_address(place, steps)
    return None


def _migrate_file(path: Path, at: datetime, steps: Steps) -> Path | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path) as connection:
        state = _state(_step_of(connection), steps)
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


def _migrate_address(url: str, steps: Steps) -> None:
    from rushes.store.sessions import at_address  # noqa: PLC0415

    with at_address(url) as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        state = _state(_step_of(connection), steps)
        if state is SchemaState.CURRENT:
            return
        if state is SchemaState.FUTURE:
            raise SchemaFromTheFuture(
                "the database was made by a newer Rushes than this one; upgrade Rushes, "
                "or restore a backup from before the last migration."
            )
        _check(connection)
        _upgrade(connection, steps)
        _sort_by_bytes(connection)
        connection.commit()


def _check(connection: sa.Connection) -> None:
    encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise UnusableDatabase(
            f"the database has the encoding {encoding}; Rushes needs UTF8. Make it anew with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


def _sort_by_bytes(connection: sa.Connection) -> None:
    """Have text compared byte by byte, as SQLite does, whatever language the database speaks."""
    preparer = connection.dialect.identifier_preparer
    for table, column in connection.execute(_OTHERWISE_SORTED).all():
        if table in metadata.tables:
            connection.exec_driver_sql(
                f"ALTER TABLE {preparer.quote(table)} "
                f'ALTER COLUMN {preparer.quote(column)} TYPE text COLLATE "C"'
            )


_OTHERWISE_SORTED: Final = sa.text(
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS NULL"
    " ORDER BY table_name, ordinal_position"
)


def _state(found: str | None, steps: Steps) -> SchemaState:
    if found is None:
        return SchemaState.EMPTY
    if found == steps.head:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if found in steps.known else SchemaState.FUTURE


def _step_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


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
    # Alembic's templates would load lexers of many languages, 4 MB that a new server keeps for
    # good, to colour a page that nobody asks for.
    with without("mako.ext.pygmentplugin"):
        from alembic import command  # noqa: PLC0415 -- costs 60 ms and is rarely needed
        from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(steps.folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
