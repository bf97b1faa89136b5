"""Statements that are compiled once, and run past SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from rushes.ports import IntegrityFault
from rushes.store.words import storable

POSTGRESQL: Final = "postgresql"

_NOT_UNIQUE: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_UNIQUE_VIOLATION: Final = "23505"

_Process: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A compiled statement: its text, its values in their order, and how a driver takes them.

    SQLite's driver wants values by place, PostgreSQL's by name. `columns` are the names of what it
    returns, once it has run: PostgreSQL's driver takes longer to describe a row than to read it.
    """

    text: str
    parts: Sequence[tuple[str, _Process | None]]
    is_named: bool
    columns: list[str] = field(default_factory=list)

    def given(self, values: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        """Return the values as the driver takes them."""
        if self.is_named:
            return {name: _driven(values[name], process) for name, process in self.parts}
        return [_driven(values[name], process) for name, process in self.parts]


def _driven(value: Any, process: _Process | None) -> Any:  # noqa: ANN401 -- a column takes any value
    if process is not None:
        value = process(value)
    return storable(value) if type(value) is str else value


class Prepared:
    """A statement that is compiled once; one that writes, for the columns it is first given.

    A statement of many columns spends more time in SQLAlchemy's caches than in SQLite: the
    accept path and every move go through here instead (`benchmarks/store_accepts.py`). Its
    values must be as the driver takes them, which is how `rows` writes them, and of one shape.

    On PostgreSQL an insert that meets a row that is there already does nothing, and says so by
    its count: an error would end the whole transaction, and with it the acts of others.
    """

    def __init__(
        self, statement: sa.Insert | sa.Update | sa.Delete | sa.Select[Any] | sa.TextClause
    ) -> None:
        self._statement = statement
        self._compiled: dict[str, Text] = {}

    @property
    def is_insert(self) -> bool:
        """Whether a row is missing when nothing was written."""
        return isinstance(self._statement, sa.Insert)

    def on(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> Text:
        """Return the text for a dialect, and the names of its values in their order."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect, values)
        return compiled

    def _compile(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> Text:
        statement, columns = self._statement, None
        if isinstance(statement, sa.Insert | sa.Update | sa.Delete):
            columns = [name for name in values if name in statement.table.c]
        if isinstance(statement, sa.Insert) and dialect.name == POSTGRESQL:
            statement = postgresql.insert(statement.table).on_conflict_do_nothing()
        made = statement.compile(dialect=dialect, column_keys=columns)
        names = made.binds if made.positiontup is None else made.positiontup
        return Text(str(made), [(name, None) for name in names], made.positiontup is None)


def any_of(name: str) -> sa.CollectionAggregate[bool]:
    """Return what a column is compared with to be one of many texts; PostgreSQL alone has it."""
    return sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(sa.Text)))


def named(error: Exception) -> Exception:
    """Tell a row that is there already from a value that a column does not take: our own bug."""
    beneath = getattr(error, "orig", error)
    is_sqlite = getattr(beneath, "sqlite_errorname", "") in _NOT_UNIQUE
    if is_sqlite or getattr(beneath, "sqlstate", "") == _UNIQUE_VIOLATION:
        return IntegrityFault(str(beneath))
    return error


def compiled(statement: sa.Insert, values: Mapping[str, Any], connection: sa.Connection) -> Text:
    """Return the text of an insert of one row, for what stands in these columns."""
    dialect = connection.dialect
    made = statement.compile(
        dialect=dialect,
        column_keys=list(values),
        schema_translate_map=connection.get_execution_options().get("schema_translate_map"),
        render_schema_translate=True,
    )
    names = made.binds if made.positiontup is None else made.positiontup
    processors = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect)
        for name, bind in made.binds.items()
    }
    parts = [(name, processors[name]) for name in names]
    return Text(str(made), parts, made.positiontup is None)


def first(
    connection: sa.Connection, compiled: Text, values: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Run a statement past SQLAlchemy; return its first row, if it has one."""
    found = every(connection, compiled, values)
    return found[0] if found else None


def every(
    connection: sa.Connection, compiled: Text, values: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Run a statement past SQLAlchemy; return its rows, if it has any."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(compiled.text, compiled.given(values))
        if not compiled.columns:
            compiled.columns[:] = [column[0] for column in cursor.description or ()]
        names = compiled.columns
        if not names:
            return []
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        cursor.close()
