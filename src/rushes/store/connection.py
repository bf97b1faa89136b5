"""One open connection inside a transaction, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rushes.ports import IntegrityFault, SchemaBehind
from rushes.store.later import Later, Step
from rushes.store.prepared import POSTGRESQL, Prepared, Text, compiled, every, first, named

_ASKS_NOBODY: Final = frozenset({"dialect", "execution_options", "get_execution_options"})
"""What a connection answers by itself: nothing need be written before."""

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Recalling:
    """A connection as the workflow library sees it when it enqueues: inserts are compiled once.

    On SQLite the library builds, and SQLAlchemy caches by, a statement of forty columns for each
    call: two thirds of an accept. What runs is the library's own statement, as compiled for it
    the first time; it has one insert for a table and a set of columns. `tests/engine/` holds
    the rows to those that the library writes by itself.
    """

    _known: ClassVar[dict[tuple[str, str, tuple[str, ...]], Text]] = {}

    def __init__(self, connection: sa.Connection, later: Later | None = None) -> None:
        """With `later`, inserts are put off, and a new row is taken to be as it was given.

        The library writes a row of work that is there already once more, as it is, and then
        compares; the work of ours has its kind and its task in its name, so that it is the same.
        """
        self._beneath = connection
        self._later = later
        self.inserted: list[tuple[Text, Mapping[str, Any]]] = []

    def __getattr__(self, name: str) -> object:
        """Be the connection itself in all else."""
        beneath = self._beneath if name in _ASKS_NOBODY else self._settled()
        return getattr(beneath, name)

    def execute(
        self, statement: sa.Executable, values: Mapping[str, Any] | None = None
    ) -> sa.CursorResult[Any] | Returned:
        """Run a statement; an insert of one row goes the short way."""
        if not isinstance(statement, sa.Insert) or not isinstance(values, Mapping):
            return self._settled().execute(statement, values)
        key = (self._beneath.dialect.name, statement.table.name, tuple(values))
        text = self._known.get(key)
        if text is None:
            text = self._known[key] = compiled(statement, values, self._beneath)
        self.inserted.append((text, values))
        if self._later is None:
            return Returned(first(self._beneath, text, values))
        self._later.put_text(text, values, must_write=False)
        return Returned(values)

    def insert(self, statement: Text, values: Mapping[str, Any]) -> None:
        """Run an insert of `inserted` with other values; a row that is there stays as it is."""
        if self._later is None:
            first(self._beneath, statement, values)
        else:
            self._later.put_text(statement, values, must_write=False)

    def _settled(self) -> sa.Connection:
        if self._later is not None:
            self._later.send()
        return self._beneath


@dataclass(frozen=True, slots=True)
class Returned:
    """What an insert of the workflow library returned, read in its way: at most one row."""

    row: Mapping[str, Any] | None

    def fetchone(self) -> Row | None:
        """Return the row."""
        return None if self.row is None else Row(self.row)


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is read by the names of its columns."""

    _mapping: Mapping[str, Any]


class Rows:
    """Base of the transaction's verbs: runs statements, remembers which tasks changed."""

    _adds: ClassVar[dict[str, Prepared]] = {}

    def __init__(
        self,
        connection: sa.Connection,
        *,
        is_reading: bool = False,
        is_current: bool = True,
        is_alone: bool = True,
        later: Later | None = None,
    ) -> None:
        """A reading transaction takes no locks on rows. `later` takes what need not be waited for.

        `is_current` is false on a database of the step before the newest, which is 0004.
        `is_alone` is false where other acts may share the transaction.
        """
        self._beneath = connection
        self._later = later
        self.is_current = is_current
        self._is_alone = is_alone
        self._takes_locks = self.speaks_postgres and not is_reading
        self.changed: set[str] = set()
        self.has_written = False

    def need(self, table: sa.Table) -> None:
        """Make sure that a table, or a column of it, of the newest step is there.

        Raises:
            SchemaBehind: the database waits for `rushes migrate`.
        """
        if not self.is_current:
            raise SchemaBehind(
                f"The database has no room for this in {table.name} yet, so nothing was done: "
                "run `rushes migrate` first."
            )

    @property
    def speaks_postgres(self) -> bool:
        """Whether the database is PostgreSQL."""
        return bool(self._beneath.dialect.name == POSTGRESQL)

    @property
    def connection(self) -> Recalling:
        """The connection beneath, for the workflow library's own rows."""
        self.has_written = True
        return Recalling(self._beneath, self._later)

    def _settled(self) -> sa.Connection:
        """Return the connection, once it has what was put off: whoever asks must see it."""
        if self._later is not None:
            self._later.send()
        return self._beneath

    def run(self, statement: sa.Executable, values: Values | None = None) -> sa.CursorResult[Any]:
        """Run one statement; one row is inserted by `add` or `put`.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        if isinstance(statement, sa.UpdateBase):
            self.has_written = True
        try:
            return self._settled().execute(statement, values)
        except sa.exc.IntegrityError as error:
            raise named(error) from error

    def add(self, table: sa.Table, values: Mapping[str, Any]) -> None:
        """Insert one row.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        prepared = self._adds.get(table.name)
        if prepared is None:
            prepared = self._adds[table.name] = Prepared(sa.insert(table))
        self.write_later((prepared, values))

    def put(
        self, table: sa.Table, values: Mapping[str, Any], again: Mapping[str, Any] | None = None
    ) -> None:
        """Insert one row, or write `again` over the one with its primary key, if that is given.

        Two processes that put the same row at once write one row.
        """
        self.has_written = True
        on = postgresql if self.speaks_postgres else sqlite
        statement = on.insert(table).values(dict(values))
        key = list(table.primary_key.columns)
        connection = self._settled()
        if again is None:
            connection.execute(statement.on_conflict_do_nothing(index_elements=key))
        else:
            connection.execute(
                statement.on_conflict_do_update(index_elements=key, set_=dict(again))
            )

    def write(self, prepared: Prepared, values: Mapping[str, Any]) -> int:
        """Run a prepared statement; return how many rows it wrote.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        self.has_written = True
        if self._later is not None:
            return self._later.send((prepared, values))[0]
        text = prepared.on(self._beneath.dialect, values)
        cursor = self._beneath.connection.cursor()
        try:
            cursor.execute(text.text, text.given(values))
        except self._beneath.dialect.loaded_dbapi.IntegrityError as error:
            raise named(error) from error
        else:
            count = int(cursor.rowcount)
        finally:
            cursor.close()
        if count == 0 and prepared.is_insert:
            raise IntegrityFault("a row that must be unique is there already")
        return count

    def write_all(self, *steps: Step) -> list[int]:
        """Run prepared statements; return how many rows each wrote.

        On PostgreSQL they go out together and are answered together: a wait less for each.

        Raises:
            IntegrityFault: a row that must be unique is there already; what else was written of
                these stays, on PostgreSQL, until the transaction ends.
        """
        self.has_written = True
        if self._later is not None:
            return self._later.send(*steps)
        return [self.write(prepared, values) for prepared, values in steps]

    def write_later(self, *steps: Step) -> None:
        """Run prepared statements, none of which is asked how many rows it wrote.

        On PostgreSQL they wait for company, until somebody asks something or the transaction
        ends; so may the fault.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        self.has_written = True
        for prepared, values in steps:
            if self._later is None:
                self.write(prepared, values)
            else:
                self._later.put(prepared, values)

    def fetch(self, prepared: Prepared, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run a prepared select; return its first row, values as the driver gives them."""
        return first(self._settled(), prepared.on(self._beneath.dialect, values), values)

    def fetch_all(
        self, prepared: Prepared, values: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Run a prepared select; return its rows, values as the driver gives them."""
        return every(self._settled(), prepared.on(self._beneath.dialect, values), values)

    def alone_with(self, *words: str) -> None:
        """On PostgreSQL, wait until no other transaction is at what these words name.

        SQLite has one writer; a read takes no lock.
        """
        for prepared, values in self.waiting_for(*words):
            self.fetch(prepared, values)

    def waiting_for(self, *words: str) -> list[Step]:
        """Return what `alone_with` runs, to be run together with what comes after it."""
        return [(_ALONE, {"name": _name(*words)})] if self._takes_locks else []

    def hold_account(self, account_id: str) -> None:
        """Wait until no other transaction has to do with an account, and keep others from it.

        Whoever counts what an account has, to add to it, holds it. Together with other acts it
        could wait for one who waits for them, so that only an act that is alone may.

        Raises:
            RuntimeError: the act was not written `alone`; that is our own bug.
        """
        if not self._is_alone:
            raise RuntimeError(f"an act that holds {account_id} must be written alone")
        self.alone_with(_ACCOUNT, account_id)

    def sharing_account(self, account_id: str) -> list[Step]:
        """Return what waits until nobody holds an account, and shares it with others that do."""
        return [(_SHARING, {"name": _name(_ACCOUNT, account_id)})] if self._takes_locks else []


def _name(*words: str) -> str:
    """Return what names a lock; no word has the sign between them."""
    return "\x1f".join(words)


_ACCOUNT: Final = "account"
_NAME: Final = sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), sa.literal_column("0"))
_ALONE: Final = Prepared(sa.select(sa.func.pg_advisory_xact_lock(_NAME)))
_SHARING: Final = Prepared(sa.select(sa.func.pg_advisory_xact_lock_shared(_NAME)))
