"""Taking turns at SQLite's one write lock, within this process.

Connections that want the file's write lock poll for it, and the unlucky one polls long. Here
whoever wants to write waits at a lock of this process first: it wakes at once, and two writers
of ours never meet at the file. Another process still can be met; SQLite's own timeout is for
that.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_WRITES: Final = re.compile(
    r"\s*(?:INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|REINDEX|ANALYZE"
    r"|BEGIN\s+(?:IMMEDIATE|EXCLUSIVE)|SAVEPOINT|WITH\b.*?\b(?:INSERT|UPDATE|DELETE|REPLACE))\b",
    re.IGNORECASE | re.DOTALL,
)


def is_write(sql: str) -> bool:
    """Say whether a statement may take SQLite's write lock, or begins what will.

    >>> is_write(" insert into tasks values (1)"), is_write("SELECT 1")
    (True, False)
    """
    return _WRITES.match(sql) is not None


class Turns:
    """A lock of this process that gives up as SQLite does, so that nothing hangs for ever."""

    def __init__(self, patience_s: float) -> None:
        self._lock = threading.Lock()
        self._patience_s = patience_s

    def take(self) -> None:
        """Wait for our turn.

        Raises:
            sqlite3.OperationalError: it did not come in time.
        """
        if not self._lock.acquire(timeout=self._patience_s):
            raise sqlite3.OperationalError("database is locked")

    def give(self) -> None:
        """Let the next one in."""
        self._lock.release()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn for a block.

        Raises:
            sqlite3.OperationalError: it did not come in time.
        """
        self.take()
        try:
            yield
        finally:
            self.give()


class PoliteConnection(sqlite3.Connection):
    """Takes its turn at its first write, and keeps it until commit, rollback or close.

    Made for SQLAlchemy, which runs everything through cursors and ends every use of a
    connection with one of the three; `sqlite3`'s own short cuts (`connection.execute`,
    `with connection:`) take no turn.
    """

    turns: Turns | None = None
    has_turn = False

    def cursor(self, *_args: Any) -> sqlite3.Cursor:  # type: ignore[override]  # noqa: ANN401 -- no other factory than ours
        """Return a cursor that takes a turn before it writes."""
        return super().cursor(_PoliteCursor)

    def wait_for_turn(self) -> None:
        """Take the turn, unless this connection has it already."""
        if self.turns is not None and not self.has_turn:
            self.turns.take()
            self.has_turn = True

    def commit(self) -> None:
        """Commit, and let the next writer in."""
        try:
            super().commit()
        finally:
            self._let_go()

    def rollback(self) -> None:
        """Roll back, and let the next writer in."""
        try:
            super().rollback()
        finally:
            self._let_go()

    def close(self) -> None:
        """Close, and let the next writer in."""
        try:
            super().close()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self.turns is not None and self.has_turn:
            self.has_turn = False
            self.turns.give()


class _PoliteCursor(sqlite3.Cursor):
    connection: PoliteConnection

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]  # noqa: ANN401 -- as sqlite3 has it
        if is_write(sql):
            self.connection.wait_for_turn()
        return super().execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]  # noqa: ANN401 -- as sqlite3 has it
        if is_write(sql):
            self.connection.wait_for_turn()
        return super().executemany(sql, *values)
