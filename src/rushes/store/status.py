"""The hot read: what a status look needs, by primary key, as raw as Python allows.

Every caller looks every few seconds, so this one query is written by hand, runs on the
event loop that answers, and skips SQLAlchemy. A primary-key read of SQLite takes about
six microseconds; handing it to a thread would cost more than the read (docs/why.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rushes.domain.task import Status
from rushes.ports import Look
from rushes.store.sqlite import open_file

COLUMNS: Final = (
    "account_id, status, version, progress, reason, message, is_rehearsal, served_by,"
    " charged_microusd"
)
_LOOK: Final = f"SELECT {COLUMNS} FROM tasks WHERE id = ?"  # noqa: S608 -- our own words
_STATUS: Final = {status.value: status for status in Status}


def look_of(found: tuple[Any, ...]) -> Look:
    """Read the columns of a look, as a driver gives them."""
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
        return look_of(found)

    async def read(self, task_id: str) -> Look | None:
        """Read how a task stands; there is nothing to wait for."""
        return self.look(task_id)

    def data_version(self) -> int:
        """Return a number that changes when any other connection commits to the file."""
        return int(self._cursor.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
