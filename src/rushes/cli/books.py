"""The books of the data folder: opened without the engine, and brought to this schema."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime

from rushes.cli.paper import answers, say, show_json
from rushes.clock import Clock, SystemClock
from rushes.folder import Database, Migrated, folder_holder, migrate_folder, open_books
from rushes.ports import Transaction
from rushes.settings import Settings, load
from rushes.store.migrate import STEPS, SchemaState, Steps


@contextlib.contextmanager
def books(settings: Settings, clock: Clock, *, may_make: bool = False) -> Iterator[Database]:
    """Open the store of the data folder, without the engine.

    Raises:
        Unready: why there is none to open.
    """
    with contextlib.closing(open_books(settings, clock, may_make=may_make)) as store:
        yield store


def now_by(tx: Transaction, clock: Clock) -> datetime:
    """Return the present instant, and none before the last event of an open task.

    A server at work may go by a time from before the machine's clock was set back.
    """
    at, known = clock.now(), tx.last_event_at()
    return at if known is None else max(at, known)


def is_served(store: Database, settings: Settings) -> bool:
    """Say whether anybody works on these books now."""
    return holder_of(store, settings) is not None


def holder_of(store: Database, settings: Settings) -> str | None:
    """Return the process that works on these books, `unknown` if it did not say; None if none does.

    On PostgreSQL it may be many, on any machine.
    """
    if not settings.is_on_postgres:
        return folder_holder(settings.data_dir)
    return "unknown" if executor_count(store, settings) else None


def executor_count(store: Database, settings: Settings) -> int:
    """Return how many processes said a moment ago that they carry tasks."""
    return store.read_now(lambda tx: tx.executor_count(settings.workers.lost_after_s))


def migrate(*, as_json: bool, steps: Steps = STEPS) -> None:
    """Bring the database to this version's schema, or to that of other `steps`.

    Raises:
        SettingsRefused, Unready: why nothing was done.
    """
    settings = load()
    migrated = migrate_folder(settings, SystemClock(), steps=steps)
    path = "the database"
    if not settings.is_on_postgres:
        path = str(settings.database_path.resolve())
    if as_json:
        show_json(
            {
                "database": path,
                "schema": steps.head,
                "found": migrated.found,
                "copy": migrated.copy,
            }
        )
        return
    console = answers()
    for line in outcome(migrated, path, steps.head):
        say(console, line)


def outcome(migrated: Migrated, path: str, head: str) -> list[str]:
    """Say what a migration did."""
    match migrated.found:
        case SchemaState.EMPTY:
            return [f"Made {path} with schema {head}."]
        case SchemaState.CURRENT:
            return [f"{path} has schema {head} already: nothing to do."]
        case SchemaState.BEHIND | SchemaState.FUTURE:
            return [
                f"Migrated {path} to schema {head}.",
                *(
                    [f"The copy from before is {migrated.copy}; remove it when all is well."]
                    if migrated.copy
                    else []
                ),
            ]
