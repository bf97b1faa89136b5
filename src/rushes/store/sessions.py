"""Connections to PostgreSQL, all made alike: bounded, durable, by name; and how they are lent."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import psycopg
import sqlalchemy as sa
from psycopg.types.string import TextLoader

from rushes.domain.errors import StoreBusy
from rushes.store.troubles import FAULTS, beneath

CONNECT_S: Final = 5
STATEMENT_S: Final = 10.0
LOCK_S: Final = 5.0
IDLE_IN_TRANSACTION_S: Final = 30.0

IDLE_S: Final = 1.0
"""A connection of the workflow library that lay idle for so long is asked whether it is there."""

WORD_MAX: Final = 32
"""Up to how many characters a text is one that stands in many rows: a status, a name, a queue."""

APPLICATION: Final = "rushes"

_SESSION: Final = """
    SELECT set_config('statement_timeout', %(statement_s)s, false),
        set_config('lock_timeout', %(lock_s)s, false),
        set_config('idle_in_transaction_session_timeout', %(idle_in_transaction_s)s, false),
        set_config('synchronous_commit', CASE current_setting('synchronous_commit')
            WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)"""
"""Nothing waits for ever, and a commit is on the disk (and on a standby, where one must be)."""

_SESSION_OF_OURS: Final[dict[str, object]] = {
    "application_name": APPLICATION,
    "connect_timeout": CONNECT_S,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may wait for, in seconds."""

    statement_s: float = STATEMENT_S
    lock_s: float = LOCK_S
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S

    def settings(self) -> dict[str, str]:
        """Return them as PostgreSQL reads them."""
        return {name: f"{round(value * 1000)}ms" for name, value in asdict(self).items()}


_PATIENT: Final = Limits(statement_s=600.0, lock_s=120.0, idle_in_transaction_s=600.0)
LIBRARY: Final = Limits(statement_s=60.0, lock_s=30.0, idle_in_transaction_s=60.0)
"""What the workflow library's sessions may wait for."""


def engine_at(
    url: str, limits: Limits, *, size: int, overflow: int = 0, is_reading: bool = False
) -> sa.Engine:
    """Make a pool of connections as every one of ours is: bounded, durable, by name."""
    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    given: dict[str, Any] = {
        name: value for name, value in _SESSION_OF_OURS.items() if name not in address.query
    }
    engine = sa.create_engine(
        address,
        pool_size=size,
        max_overflow=overflow,
        pool_timeout=CONNECT_S,
        connect_args=given,
        hide_parameters=True,  # else an error quotes prompts
    )
    if overflow:
        _ask_the_idle(engine)
        _say_again(engine)
    level = psycopg.IsolationLevel
    isolation = level.REPEATABLE_READ if is_reading else level.READ_COMMITTED

    @sa.event.listens_for(engine, "connect")
    def prepare(driver: psycopg.Connection[Any], _record: object) -> None:
        driver.autocommit = True
        driver.execute(_SESSION, limits.settings())
        driver.autocommit = False
        driver.isolation_level = isolation
        driver.read_only = is_reading or None

    return engine


def _ask_the_idle(engine: sa.Engine) -> None:
    """Ask a connection that lay idle whether it is there, before it is lent.

    SQLAlchemy's own ping asks at each lending, which is a way to the server and back for each
    write of the workflow library.
    """

    @sa.event.listens_for(engine, "checkin")
    def note(_driver: object, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def ask(
        driver: psycopg.Connection[Any], record: sa.pool.ConnectionPoolEntry, _: object
    ) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < IDLE_S:
            return
        try:
            driver.autocommit = True
            driver.execute("")
            driver.autocommit = False
        except psycopg.Error as fault:
            raise sa.exc.DisconnectionError(str(fault)) from fault


def _say_again(engine: sa.Engine) -> None:
    """Read words that stand in row after row as one object each, and not one for each row.

    The workflow library keeps the whole row of every piece of work while that runs.
    """

    @sa.event.listens_for(engine, "connect")
    def prepare(driver: psycopg.Connection[Any], _record: object) -> None:
        for kind in ("text", "varchar"):
            driver.adapters.register_loader(kind, _OneOfEach)


class _OneOfEach(TextLoader):
    """Reads text; a short one is the same object wherever it stands."""

    def load(self, data: Any) -> Any:  # noqa: ANN401 -- as the driver has it
        text = super().load(data)
        return sys.intern(text) if type(text) is str and len(text) <= WORD_MAX else text


@contextmanager
def lent(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Lend a connection in a transaction; one that broke is thrown away.

    Raises:
        StoreBusy: there is none to be had.
    """
    try:
        connection = engine.connect()
    except FAULTS as fault:
        raise StoreBusy(f"the database cannot be reached: {beneath(fault)}") from fault
    try:
        connection.begin()
        driver = driver_of(connection)
        try:
            yield connection
        finally:
            if driver.closed:
                connection.invalidate()
    finally:
        connection.close()


@contextmanager
def at_address(url: str) -> Iterator[sa.Connection]:
    """Lend a connection of its own, with patience for long work; what is not committed is undone.

    Raises:
        StoreBusy: the database cannot be reached.
    """
    engine = engine_at(url, _PATIENT, size=1)
    try:
        with lent(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def driver_of(connection: sa.Connection) -> psycopg.Connection[Any]:
    """Return the connection beneath, for what is too small for SQLAlchemy's care."""
    return cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)


def take_back(driver: psycopg.Connection[Any]) -> None:
    """Roll back, if there is still somebody to tell."""
    with suppress(psycopg.Error):
        driver.rollback()
