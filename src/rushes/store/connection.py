"""One open connection inside a transaction, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rushes.ports import IntegrityFault

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]

_NOT_UNIQUE: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})


class Prepared:
    """A statement that is compiled once; one that writes, for the columns it is first given.

    A statement of many columns spends more time in SQLAlchemy's caches than in SQLite: the
    accept path and every move go through here instead (`benchmarks/store_accepts.py`). Its
    values must be as the driver takes them, which is how `rows` writes them, and of one shape.
    """

    def __init__(self, statement: sa.Insert | sa.Update | sa.Delete | sa.Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, Sequence[str]]] = {}

    def on(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
        """Return the text for a dialect, and the names of its values in their order."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            columns = None
            if not isinstance(self._statement, sa.Select):
                columns = [name for name in values if name in self._statement.table.c]
            made = self._statement.compile(dialect=dialect, column_keys=columns)
            compiled = self._compiled[dialect.name] = (str(made), tuple(made.positiontup or ()))
        return compiled


_Compiled: TypeAlias = tuple[str, Sequence[tuple[str, Callable[[Any], Any] | None]]]


class Recalling:
    """A connection as the workflow library sees it when it enqueues: inserts are compiled once.

    On SQLite the library builds, and SQLAlchemy caches by, a statement of forty columns for each
    call: two thirds of an accept. What runs is the library's own statement, as compiled for it
    the first time; it has one insert for a table and a set of columns. `tests/engine/` holds
    the rows to those that the library writes by itself.
    """

    _known: ClassVar[dict[tuple[str, str, tuple[str, ...]], _Compiled]] = {}

    def __init__(self, connection: sa.Connection) -> None:
        self._beneath = connection

    def __getattr__(self, name: str) -> object:
        """Be the connection itself in all else."""
        return getattr(self._beneath, name)

    def execute(
        self, statement: sa.Executable, values: Mapping[str, Any] | None = None
    ) -> sa.CursorResult[Any] | Returned:
        """Run a statement; an insert of one row goes the short way."""
        if not isinstance(statement, sa.Insert) or not isinstance(values, Mapping):
            return self._beneath.execute(statement, values)
        key = (self._beneath.dialect.name, statement.table.name, tuple(values))
        compiled = self._known.get(key)
        if compiled is None:
            compiled = self._known[key] = _compiled(statement, values, self._beneath)
        text, parts = compiled
        row = [
            values[name] if process is None else process(values[name]) for name, process in parts
        ]
        return Returned(_first(self._beneath, text, row))


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


def _first(connection: sa.Connection, text: str, values: Sequence[Any]) -> Mapping[str, Any] | None:
    """Run a statement past SQLAlchemy; return its first row, if it has one."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values)
        row = cursor.fetchone() if cursor.description else None
        return (
            None if row is None else {c[0]: v for c, v in zip(cursor.description, row, strict=True)}
        )
    finally:
        cursor.close()


def _compiled(
    statement: sa.Insert, values: Mapping[str, Any], connection: sa.Connection
) -> _Compiled:
    dialect = connection.dialect
    made = statement.compile(
        dialect=dialect,
        column_keys=list(values),
        schema_translate_map=connection.get_execution_options().get("schema_translate_map"),
        render_schema_translate=True,
    )
    processors = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect)
        for name, bind in made.binds.items()
    }
    return str(made), [(name, processors[name]) for name in made.positiontup or ()]


class Rows:
    """Base of the transaction's verbs: runs statements, remembers which tasks changed."""

    def __init__(self, connection: sa.Connection, *, has_many_machines: bool = True) -> None:
        """`has_many_machines` is false on a database of the step before 0003."""
        self._beneath = connection
        self.has_many_machines = has_many_machines
        self.changed: set[str] = set()

    def upsert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an insert that may say what happens to a row that is there already."""
        if self._beneath.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    @property
    def connection(self) -> Recalling:
        """The connection beneath, for the workflow library's own rows."""
        return Recalling(self._beneath)

    def run(self, statement: sa.Executable, values: Values | None = None) -> sa.CursorResult[Any]:
        """Run one statement.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        try:
            return self._beneath.execute(statement, values)
        except sa.exc.IntegrityError as error:
            raise _named(error) from error

    def write(self, prepared: Prepared, values: Mapping[str, Any]) -> int:
        """Run a prepared statement; return how many rows it wrote.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        text, names = prepared.on(self._beneath.dialect, values)
        cursor = self._beneath.connection.cursor()
        try:
            cursor.execute(text, [values[name] for name in names])
        except self._beneath.dialect.loaded_dbapi.IntegrityError as error:
            raise _named(error) from error
        else:
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def fetch(self, prepared: Prepared, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run a prepared select; return its first row, values as the driver gives them."""
        text, names = prepared.on(self._beneath.dialect, values)
        return _first(self._beneath, text, [values[name] for name in names])


def _named(error: Exception) -> Exception:
    """Tell a row that is there already from a value that a column does not take: our own bug."""
    beneath = getattr(error, "orig", error)
    if getattr(beneath, "sqlite_errorname", "") in _NOT_UNIQUE:
        return IntegrityFault(str(beneath))
    return error
