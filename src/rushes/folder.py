"""The data folder: who has it, which schema it is of, and its books without the engine.

A server takes the folder's lock for as long as it works, and that of a database or a storage
that lie elsewhere. Commands beside it never do: they read and write the database as it stands,
and leave its schema alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rushes.clock import Clock
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Key
from rushes.domain.ids import LIVE_KEY_PREFIX, digest_of, new_key_id, new_secret
from rushes.settings import Settings
from rushes.store.migrate import (
    STEPS,
    SchemaFromTheFuture,
    SchemaState,
    Steps,
    migrate,
    schema_state,
)
from rushes.store.sqlite import SqliteStore

LOCK_NAME: Final = "lock"
PREFIX_CHARACTERS: Final = len(LIVE_KEY_PREFIX) + 4


class Unready(Exception):
    """The house cannot be opened; the message says why and what to do, a line each."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was found, and the copy from before, if one was made."""

    found: SchemaState
    copy: Path | None


# -- the lock --------------------------------------------------------------------------------


def lock_folder(folder: Path) -> IO[str]:
    """Take the folder for this process; the lock goes when the process goes.

    Raises:
        Unready: another server has it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _lock(folder / LOCK_NAME, f"in {folder}", "RUSHES_DATA_DIR")


def lock_all(settings: Settings) -> contextlib.ExitStack:
    """Take all that a server must have to itself, until this is closed or the process goes.

    Database and storage have locks of their own: they may lie in another server's folder.

    Raises:
        Unready: another server has a part of it.
    """
    with contextlib.ExitStack() as locks:
        locks.enter_context(lock_folder(settings.data_dir))
        path = settings.database_path
        beside = path.with_name(f"{path.name}.{LOCK_NAME}")
        locks.enter_context(_lock(beside, f"on {path}", "RUSHES_DATABASE_URL"))
        path = settings.blobs_path
        locks.enter_context(_lock(path / f".{LOCK_NAME}", f"in {path}", "RUSHES_STORAGE_URL"))
        return locks.pop_all()


def _lock(path: Path, where: str, setting: str) -> IO[str]:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise Unready(
            f"another rushes serve (process {holder}) works {where}; SQLite is one process. "
            f"Stop it, or choose another {setting}."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def folder_holder(folder: Path) -> str | None:
    """Return the process that has the folder, `unknown` if it did not say; None if it is free."""
    try:
        lock = (folder / LOCK_NAME).open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return lock.read().strip() or "unknown"
    return None


# -- the schema ------------------------------------------------------------------------------


def migrate_folder(settings: Settings, clock: Clock, *, steps: Steps = STEPS) -> Migrated:
    """Bring the folder's database to this code's schema, while no server works on it.

    Raises:
        Unready: a server has the folder, or a newer Rushes made it.
    """
    with lock_all(settings):
        found = schema_state(settings.database_path, steps=steps)
        return Migrated(found, migrate_now(settings, clock, steps=steps))


def migrate_now(settings: Settings, clock: Clock, *, steps: Steps = STEPS) -> Path | None:
    """Migrate a folder that is ours; return the copy from before, if one was made.

    Raises:
        Unready: a newer Rushes made it.
    """
    try:
        return migrate(settings.database_path, at=clock.now(), steps=steps)
    except SchemaFromTheFuture as error:
        raise Unready(str(error)) from None


def open_books(
    settings: Settings, clock: Clock, *, may_make: bool = False, steps: Steps = STEPS
) -> SqliteStore:
    """Open the store without the engine, beside a running server too; close it afterwards.

    Only a folder that is empty and free is migrated, and only where `may_make`.

    Raises:
        Unready: there is no database, or it is not of this code's schema.
    """
    path = settings.database_path
    match schema_state(path, steps=steps):
        case SchemaState.CURRENT:
            pass
        case SchemaState.EMPTY if may_make:
            migrate_folder(settings, clock, steps=steps)
        case SchemaState.EMPTY:
            raise Unready(
                f"there is no Rushes database at {path}. Set RUSHES_DATA_DIR to the folder that "
                "`rushes serve` works in."
            )
        case SchemaState.BEHIND:
            raise Unready(
                f"{path} was made by an older Rushes than this one. Stop the server if one "
                "runs, then run `rushes migrate`."
            )
        case SchemaState.FUTURE:
            raise Unready(
                f"{path} was made by a newer Rushes than this one; upgrade this one, "
                "or use the newer."
            )
    return SqliteStore(path)


# -- keys --------------------------------------------------------------------------------------


def make_key(store: SqliteStore, name: str, clock: Clock) -> tuple[Key, str]:
    """Make a key; return it and its secret, which is shown this once and never stored."""
    at, secret = clock.now(), new_secret()
    key = Key(
        id=new_key_id(at),
        account_id=DEFAULT_ACCOUNT_ID,
        name=name,
        digest=digest_of(secret.encode()),
        prefix=secret[:PREFIX_CHARACTERS],
        created_at=at,
    )
    store.write_now(lambda tx: tx.add_key(key))
    return key, secret
