"""What a transaction on PostgreSQL writes without waiting for an answer to each statement.

An accept writes eight rows, and a group has sixty-four accepts: a wait for each of these rows
would take longer than all else. What was put off goes out together, before the next statement
that somebody does wait for, in one go with it, and at the latest before the commit. Only what
may fail as a whole is put off: rows that must not be there yet, and locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import sqlalchemy as sa

from rushes.ports import IntegrityFault
from rushes.store.prepared import Prepared, Text, named
from rushes.store.schema import turns

if TYPE_CHECKING:  # a database in a file needs no driver of PostgreSQL
    import psycopg

Step: TypeAlias = tuple[Prepared, Mapping[str, Any]]
Turn: TypeAlias = tuple[str, str]
"""A queue, and an account."""

_SET_TURN: Final = Prepared(
    sa.update(turns).where(
        turns.c.queue == sa.bindparam("its_queue"),
        turns.c.account_id == sa.bindparam("its_account"),
    )
)


@dataclass(slots=True)
class _Batch:
    """One statement, once for each of its rows."""

    text: Text
    must_write: bool
    rows: list[Any] = field(default_factory=list)


def _together(pooled: sa.PoolProxiedConnection, count: int) -> AbstractContextManager[object]:
    """Return what lets statements go out without a wait for each; one alone goes as it is."""
    if count == 1:
        return nullcontext()
    driver = cast("psycopg.Connection[Any]", pooled.dbapi_connection)
    return driver.pipeline()


class Later:
    """What one transaction has put off."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._batches: dict[str, _Batch] = {}
        self._turns: dict[Turn, int] = {}
        self._taken: set[Turn] = set()

    def put(self, prepared: Prepared, values: Mapping[str, Any]) -> None:
        """Put a statement off; an insert must insert."""
        text = prepared.on(self._connection.dialect, values)
        self.put_text(text, values, must_write=prepared.is_insert)

    def put_text(self, text: Text, values: Mapping[str, Any], *, must_write: bool) -> None:
        """Put a compiled statement off; say whether it must write its row."""
        batch = self._batches.get(text.text)
        if batch is None:
            batch = self._batches[text.text] = _Batch(text, must_write)
        batch.rows.append(text.given(values))

    def next_turn(self, turn: Turn, step: int) -> int | None:
        """Take a turn after one that this transaction took a moment ago; None if it took none.

        Its row is ours until we commit, so that nobody else can have taken one meanwhile.
        """
        last = self._turns.get(turn)
        if last is None:
            return None
        self._taken.add(turn)
        self._turns[turn] = last + step
        return last + step

    def note_turn(self, turn: Turn, last: int) -> None:
        """Remember a turn that was taken and written."""
        self._turns[turn] = last

    def send(self, *steps: Step) -> list[int]:
        """Write what was put off, and then these steps; return how many rows each of them wrote.

        Raises:
            IntegrityFault: a row that must be unique is there already; what else was written
                stays until the transaction ends.
        """
        batches, awaited = self._due(), [(step, self._text(step)) for step in steps]
        if not batches and not awaited:
            return []
        pooled = self._connection.connection
        cursors = [pooled.cursor() for _ in range(len(batches) + len(awaited))]
        try:
            with _together(pooled, len(cursors)):
                for cursor, batch in zip(cursors, batches, strict=False):
                    cursor.executemany(batch.text.text, batch.rows)
                for cursor, ((_, values), text) in zip(
                    cursors[len(batches) :], awaited, strict=True
                ):
                    cursor.execute(text.text, text.given(values))
            counts = [int(cursor.rowcount) for cursor in cursors]
        except self._connection.dialect.loaded_dbapi.IntegrityError as error:
            raise named(error) from error
        finally:
            for cursor in cursors:
                cursor.close()
        self._check(batches, counts, steps)
        return counts[len(batches) :]

    def _due(self) -> Sequence[_Batch]:
        """Return what was put off, which is forgotten by that."""
        for queue, account_id in sorted(self._taken):
            last = self._turns[queue, account_id]
            self.put(_SET_TURN, {"last": last, "its_queue": queue, "its_account": account_id})
        self._turns.clear()
        self._taken.clear()
        batches, self._batches = list(self._batches.values()), {}
        return batches

    def _text(self, step: Step) -> Text:
        prepared, values = step
        return prepared.on(self._connection.dialect, values)

    @staticmethod
    def _check(batches: Iterable[_Batch], counts: Sequence[int], steps: Sequence[Step]) -> None:
        expected = [len(batch.rows) if batch.must_write else 0 for batch in batches]
        expected += [int(prepared.is_insert) for prepared, _ in steps]
        if any(count < least for count, least in zip(counts, expected, strict=True)):
            raise IntegrityFault("a row that must be unique is there already")
