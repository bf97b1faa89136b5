"""One open connection inside a transaction, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from rushes.ports import IntegrityFault, SchemaBehind
from rushes.store.words import storable

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]

POSTGRESQL: Final = "postgresql"

_NOT_UNIQUE: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_UNIQUE_VIOLATION: Final = "23505"

_Process: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A compiled statement: its text, its values in their order, and how a driver takes them.

    SQLite's driver wants values by place, PostgreSQL's by name.
    """

    text: str
    parts: Sequence[tuple[str, _Process | None]]
    is_named: bool

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
        self._compiled: dict[str, _Text] = {}

    @property
    def is_insert(self) -> bool:
        """Whether a row is missing when nothing was written."""
        return isinstance(self._statement, sa.Insert)

    def on(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> _Text:
        """Return the text for a dialect, and the names of its values in their order."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect, values)
        return compiled

    def _compile(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> _Text:
        statement, columns = self._statement, None
        if isinstance(statement, sa.Insert | sa.Update | sa.Delete):
            columns = [name for name in values if name in statement.table.c]
        if isinstance(statement, sa.Insert) and dialect.name == POSTGRESQL:
            statement = postgresql.insert(statement.table).on_conflict_do_nothing()
        made = statement.compile(dialect=dialect, column_keys=columns)
        names = made.binds if made.positiontup is None else made.positiontup
        return _Text(str(made), [(name, None) for name in names], made.positiontup is None)


class Recalling:
    """A connection as the workflow library sees it when it enqueues: inserts are compiled once.

    On SQLite the library builds, and SQLAlchemy caches by, a statement of forty columns for each
    call: two thirds of an accept. What runs is the library's own statement, as compiled for it
    the first time; it has one insert for a table and a set of columns. `tests/engine/` holds
    the rows to those that the library writes by itself.
    """

    _known: ClassVar[dict[tuple[str, str, tuple[str, ...]], _Text]] = {}

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
        return Returned(_first(self._beneath, compiled, values))


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


def _first(
    connection: sa.Connection, compiled: _Text, values: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Run a statement past SQLAlchemy; return its first row, if it has one."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(compiled.text, compiled.given(values))
        row = cursor.fetchone() if cursor.description else None
        return (
            None if row is None else {c[0]: v for c, v in zip(cursor.description, row, strict=True)}
        )
    finally:
        cursor.close()


def _compiled(statement: sa.Insert, values: Mapping[str, Any], connection: sa.Connection) -> _Text:
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
    return _Text(str(made), parts, made.positiontup is None)


class Rows:
    """Base of the transaction's verbs: runs statements, remembers which tasks changed."""

    _adds: ClassVar[dict[str, Prepared]] = {}

    def __init__(
        self,
        connection: sa.Connection,
        *,
        is_reading: bool = False,
        has_many_machines: bool = True,
    ) -> None:
        """A reading transaction takes no locks on rows.

        `has_many_machines` is false on a database of the step before 0003.
        """
        self._beneath = connection
        self.has_many_machines = has_many_machines
        self._takes_locks = self.speaks_postgres and not is_reading
        self.changed: set[str] = set()
        self.has_written = False

    def need(self, table: sa.Table) -> None:
        """Make sure that a table of the newest step is there.

        Raises:
            SchemaBehind: the database waits for `rushes migrate`.
        """
        if not self.has_many_machines:
            raise SchemaBehind(
                f"The database has no table {table.name} yet, so nothing was done: "
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
        return Recalling(self._beneath)

    def run(self, statement: sa.Executable, values: Values | None = None) -> sa.CursorResult[Any]:
        """Run one statement; one row is inserted by `add` or `put`.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        if isinstance(statement, sa.UpdateBase):
            self.has_written = True
        try:
            return self._beneath.execute(statement, values)
        except sa.exc.IntegrityError as error:
            raise _named(error) from error

    def add(self, table: sa.Table, values: Mapping[str, Any]) -> None:
        """Insert one row.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        prepared = self._adds.get(table.name)
        if prepared is None:
            prepared = self._adds[table.name] = Prepared(sa.insert(table))
        self.write(prepared, values)

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
        if again is None:
            self._beneath.execute(statement.on_conflict_do_nothing(index_elements=key))
        else:
            self._beneath.execute(
                statement.on_conflict_do_update(index_elements=key, set_=dict(again))
            )

    def write(self, prepared: Prepared, values: Mapping[str, Any]) -> int:
        """Run a prepared statement; return how many rows it wrote.

        Raises:
            IntegrityFault: a row that must be unique is there already.
        """
        self.has_written = True
        compiled = prepared.on(self._beneath.dialect, values)
        cursor = self._beneath.connection.cursor()
        try:
            cursor.execute(compiled.text, compiled.given(values))
        except self._beneath.dialect.loaded_dbapi.IntegrityError as error:
            raise _named(error) from error
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
        if self._beneath.dialect.name != POSTGRESQL:
            return [self.write(prepared, values) for prepared, values in steps]
        self.has_written = True
        dialect, fairy = self._beneath.dialect, self._beneath.connection
        texts = [(prepared.on(dialect, values), values) for prepared, values in steps]
        cursors = [fairy.cursor() for _ in steps]
        try:
            with cast("Any", fairy.dbapi_connection).pipeline():
                for cursor, (compiled, values) in zip(cursors, texts, strict=True):
                    cursor.execute(compiled.text, compiled.given(values))
            counts = [int(cursor.rowcount) for cursor in cursors]
        except dialect.loaded_dbapi.IntegrityError as error:
            raise _named(error) from error
        finally:
            for cursor in cursors:
                cursor.close()
        for (prepared, _), count in zip(steps, counts, strict=True):
            if count == 0 and prepared.is_insert:
                raise IntegrityFault("a row that must be unique is there already")
        return counts

    def fetch(self, prepared: Prepared, values: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Run a prepared select; return its first row, values as the driver gives them."""
        return _first(self._beneath, prepared.on(self._beneath.dialect, values), values)

    def alone_with(self, *words: str) -> None:
        """On PostgreSQL, wait until no other transaction is at what these words name.

        SQLite has one writer; a read takes no lock.
        """
        for prepared, values in self.waiting_for(*words):
            self.fetch(prepared, values)

    def waiting_for(self, *words: str) -> list[Step]:
        """Return what `alone_with` runs, to be run together with what comes after it."""
        return [(_ALONE, {"name": "\x1f".join(words)})] if self._takes_locks else []


Step: TypeAlias = tuple[Prepared, Mapping[str, Any]]

_ALONE: Final = Prepared(
    sa.select(
        sa.func.pg_advisory_xact_lock(
            sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), sa.literal_column("0"))
        )
    )
)


def _named(error: Exception) -> Exception:
    """Tell a row that is there already from a value that a column does not take: our own bug."""
    beneath = getattr(error, "orig", error)
    is_sqlite = getattr(beneath, "sqlite_errorname", "") in _NOT_UNIQUE
    if is_sqlite or getattr(beneath, "sqlstate", "") == _UNIQUE_VIOLATION:
        return IntegrityFault(str(beneath))
    return error
