"""The hot read: what a status look needs, by primary key, as raw as Python allows.

Every caller looks every few seconds, so this one query is written by hand, runs on the
event loop that answers, and skips SQLAlchemy. A primary-key read of SQLite takes about
six microseconds; handing it to a thread would cost more than the read (docs/why.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rushes.domain.task import Status
from rushes.ports import Books, Look
from rushes.store.sqlite import open_file

_LOOK: Final = (
    "SELECT account_id, status, version, progress, reason, message, is_rehearsal, served_by,"
    " charged_microusd FROM tasks WHERE id = ?"
)
_STATUS: Final = {status.value: status for status in Status}


class HotRead:
    """Status looks on one connection; to be used by the thread that made it."""

    def __init__(self, path: Path) -> None:
        self._connection = open_file(path)
        self._cursor = self._connection.cursor()

    def look(self, task_id: str) -> Look | None:
        """Read how a task stands; None if there is no such task."""
        found = self._cursor.execute(_LOOK, (task_id,)).fetchone()
        if found is None:
            return None
        account, status, version, progress, reason, message, rehearsal, served_by, charged = found
        return Look(
            account,
            _STATUS[status],
            version,
            progress,
            reason,
            message,
            bool(rehearsal),
            served_by,
            charged,
        )

    def data_version(self) -> int:
        """Return a number that changes when any other connection commits to the file."""
        return int(self._cursor.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class PlainRead:
    """Status looks through the store; each waits for the database."""

    def __init__(self, store: Books) -> None:
        self._store = store
        self._count = 0

    def look(self, task_id: str) -> Look | None:
        """Read how a task stands; None if there is no such task."""
        task = self._store.read_now(lambda tx: tx.task(task_id))
        if task is None:
            return None
        failure = task.failure
        return Look(
            task.account_id,
            task.status,
            task.version,
            task.progress,
            failure.reason.value if failure else None,
            failure.message if failure else None,
            task.is_rehearsal,
            task.served_by,
            task.charged_microusd,
        )

    def data_version(self) -> int:
        """Return another number each time: nobody tells whether anything was written."""
        self._count += 1
        return self._count

    def close(self) -> None:
        """Let go of nothing: the store is its owner's."""
