"""The data folder: who has it, which schema its books are of, and the books without the engine.

On SQLite a server takes the folder's lock for as long as it works, and that of a database or a
storage that lie elsewhere. On PostgreSQL any number of processes work, and each has only its own
scratch folder to itself. Commands beside a server never lock anything: they read and write the
database as it stands, and leave its schema alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from rushes.clock import Clock
from rushes.deeds.keys import Wanted, create
from rushes.deeds.log import Operator
from rushes.domain.access import Key
from rushes.domain.errors import StoreBusy
from rushes.engine.dispatch import make_tables
from rushes.ports import Books
from rushes.settings import Settings
from rushes.store.migrate import (
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
from rushes.store.sqlite import SqliteStore

LOCK_NAME: Final = "lock"
SCRATCH_NAME: Final = "scratch"
SERVER: Final = "rushes serve"
"""Who makes the first key of a folder."""

Database: TypeAlias = SqliteStore | PostgresStore
OnChange: TypeAlias = Callable[[Iterable[str]], None]


class Unready(Exception):
    """The house cannot be opened; the message says why and what to do, a line each."""


class Unmigrated(Unready):
    """The database waits for `rushes migrate`; whoever is patient may wait with it."""


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

    Database and storage have locks of their own: they may lie in another server's folder. On
    PostgreSQL nobody has anything to itself.

    Raises:
        Unready: another server has a part of it.
    """
    if settings.is_on_postgres:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return contextlib.ExitStack()
    with contextlib.ExitStack() as locks:
        locks.enter_context(lock_folder(settings.data_dir))
        path = settings.database_path
        beside = path.with_name(f"{path.name}.{LOCK_NAME}")
        locks.enter_context(_lock(beside, f"on {path}", "RUSHES_DATABASE_URL"))
        blobs = settings.blobs_path
        if blobs is not None:
            beside = blobs / f".{LOCK_NAME}"
            locks.enter_context(_lock(beside, f"in {blobs}", "RUSHES_STORAGE_URL"))
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


def own_scratch(folder: Path, locks: contextlib.ExitStack) -> Path:
    """Make a folder for what is under way in this process; those of processes that ended go.

    It is ours as long as `locks` are held.
    """
    above = folder / SCRATCH_NAME
    above.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in above.iterdir():
        _remove_if_free(other)
    ours = above / f"{os.getpid()}-{secrets.token_hex(4)}"
    ours.mkdir(mode=0o700)
    lock = locks.enter_context((ours / LOCK_NAME).open("a"))
    fcntl.flock(lock, fcntl.LOCK_EX)
    locks.callback(shutil.rmtree, ours, ignore_errors=True)
    return ours


def _remove_if_free(scratch: Path) -> None:
    with contextlib.suppress(OSError), (scratch / LOCK_NAME).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(scratch, ignore_errors=True)


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
    with lock_all(settings), _reached():
        found = schema_state(settings.database_place, steps=steps)
        return Migrated(found, migrate_now(settings, clock, steps=steps))


def migrate_now(settings: Settings, clock: Clock, *, steps: Steps = STEPS) -> Path | None:
    """Migrate books that are ours; return the copy from before, if one was made.

    Raises:
        Unready: a newer Rushes made them, or the database will not do.
    """
    with _reached():
        if settings.is_on_postgres:
            with contextlib.closing(open_store(settings)) as store:
                engine = store.engine_for_workflows()
                make_tables(engine)
                engine.dispose()
        return migrate(settings.database_place, at=clock.now(), steps=steps)


def see_to_schema(settings: Settings, clock: Clock, *, may_make: bool) -> str | None:
    """Make sure that this process may work on the books; return what its operator should know.

    A SQLite file is ours, and is migrated after a copy of it was made. On PostgreSQL others may
    be at work: only an empty database is migrated, and only where `may_make`.

    Raises:
        Unmigrated: the database waits for `rushes migrate`.
        Unready: a newer Rushes made it, it cannot be reached, or it will not do.
    """
    if not settings.is_on_postgres:
        copy = migrate_now(settings, clock)
        return None if copy is None else f"it was migrated; the copy from before is {copy}"
    with _reached():
        state = schema_state(settings.database_place)
        if state is SchemaState.EMPTY and may_make:
            migrate_now(settings, clock)
            return None
        if state is SchemaState.EMPTY:
            raise Unmigrated("the database is empty. Run `rushes migrate`, or start `rushes api`.")
        if state is SchemaState.BEHIND and not is_workable(settings.database_place):
            raise Unmigrated(
                "the database was made by an older Rushes than this one. Stop what runs, then "
                "run `rushes migrate`."
            )
    if state is SchemaState.FUTURE:
        raise Unready(
            "the database was made by a newer Rushes than this one; upgrade this one, "
            "or use the newer."
        )
    if state is SchemaState.BEHIND:
        return "it is of the schema before: accounts, limits and money wait for `rushes migrate`"
    return None


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    """Tell in the house's words what a database refuses."""
    try:
        yield
    except (SchemaFromTheFuture, UnusableDatabase) as error:
        raise Unready(str(error)) from None
    except StoreBusy as busy:
        told = " ".join(str(busy).split())  # the driver writes lines, and a line is a complaint
        raise Unready(f"RUSHES_DATABASE_URL: {told}") from None


def open_store(settings: Settings, on_change: OnChange | None = None) -> Database:
    """Open the store as it stands; `on_change` hears which tasks a commit changed."""
    if settings.is_on_postgres:
        return PostgresStore(str(settings.database_place), on_change=on_change)
    return SqliteStore(settings.database_path, on_change=on_change)


def open_books(
    settings: Settings, clock: Clock, *, may_make: bool = False, steps: Steps = STEPS
) -> Database:
    """Open the store without the engine, beside a running server too; close it afterwards.

    Only a folder that is empty and free is migrated, and only where `may_make`.

    Raises:
        Unready: there is no database, or it is not of this code's schema.
    """
    place = settings.database_place
    path = "the database" if settings.is_on_postgres else f"{place}"
    with _reached():
        state = schema_state(place, steps=steps)
        is_fit = settings.is_on_postgres and is_workable(place, steps=steps)
    match state:
        case SchemaState.CURRENT:
            pass
        case SchemaState.BEHIND if is_fit:
            pass
        case SchemaState.EMPTY if may_make:
            migrate_folder(settings, clock, steps=steps)
        case SchemaState.EMPTY:
            where = (
                "the database is empty. Run `rushes migrate`."
                if settings.is_on_postgres
                else f"there is no Rushes database at {path}. Set RUSHES_DATA_DIR to the folder "
                "that `rushes serve` works in."
            )
            raise Unready(where)
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
    return open_store(settings)


# -- keys --------------------------------------------------------------------------------------


def make_key(
    store: Books, name: str, clock: Clock, *, by: str = SERVER, is_test: bool = False
) -> tuple[Key, str]:
    """Make a caller's key, and write down `by` whom; return it and its secret, shown once.

    Everything under a key that `is_test` is a rehearsal (CONTRACT §12).

    Raises:
        SchemaBehind: the database needs `rushes migrate` first.
    """
    wanted = Wanted(name, is_test=is_test)
    at = clock.now()
    return store.write_now(lambda tx: create(tx, Operator(by), wanted, at=at))
