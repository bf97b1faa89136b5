"""Stores to test: a fresh SQLite file or PostgreSQL database for every test, and memory."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from postgres import Server
from rushes.domain.task import Status
from rushes.store.migrate import migrate
from rushes.store.postgres import PostgresStore
from rushes.store.schema import metadata
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON
from rushes.testing.memory_store import MemoryStore
from template import a_database

pytest.register_assert_rewrite(
    *(
        f"rushes.testing.conformance.stores.{room}"
        for room in (
            "tasks",
            "moves",
            "submits",
            "files",
            "stock",
            "access",
            "limits",
            "money",
            "overview",
            "webhooks",
            "writes",
        )
    )
)

from rushes.testing.conformance.store import Subject  # noqa: E402 -- after the line above

NEWS = {
    Status.SUCCEEDED: "video.completed",
    Status.FAILED: "video.failed",
    Status.EXPIRED: "video.failed",
    Status.CANCELED: "video.canceled",
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, migrated once: copying it is a hundred times faster."""
    return a_database(tmp_path_factory.mktemp("template") / "rushes.db")


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rushes.db"
    shutil.copy(template, path)
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with contextlib.closing(SqliteStore(path)) as store:
        yield store


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> Iterator[str]:
    """The name of an empty database, migrated once."""
    url = postgres.make_database()
    migrate(url, at=NOON)
    yield str(sa.make_url(url).database)
    postgres.drop_database(url)


@pytest.fixture
def url(postgres: Server, postgres_template: str) -> Iterator[str]:
    """The address of a fresh PostgreSQL database."""
    url = postgres.make_database(postgres_template)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def shared_store(postgres: Server, postgres_template: str) -> Iterator[PostgresStore]:
    url = postgres.make_database(postgres_template)
    with contextlib.closing(PostgresStore(url)) as store:
        yield store
    postgres.drop_database(url)


@pytest.fixture
def emptied(shared_store: PostgresStore) -> PostgresStore:
    """A PostgreSQL store that all tests share, emptied: faster than a new one."""
    emptying = ";".join(f'DELETE FROM "{name}"' for name in metadata.tables)
    with psycopg.connect(shared_store.url) as connection:
        connection.execute(emptying)
    return shared_store


def outbox_of(path: Path) -> Callable[[], Sequence[tuple[str, str]]]:
    def news() -> Sequence[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute("SELECT task_id, type FROM outbox").fetchall()

    return news


@contextlib.contextmanager
def sqlite_subject(path: Path) -> Iterator[Subject]:
    changes: list[set[str]] = []

    def note(ids: Iterable[str]) -> None:
        changes.append(set(ids))

    with contextlib.closing(SqliteStore(path, on_change=note)) as store:
        yield Subject(store, outbox_of(path), changes)


@contextlib.contextmanager
def memory_subject(_path: Path) -> Iterator[Subject]:
    changes: list[set[str]] = []
    store = MemoryStore(on_change=lambda ids: changes.append(set(ids)))

    def news() -> Sequence[tuple[str, str]]:
        return [(task_id, NEWS[status]) for task_id, (status, _) in store.tables.news.items()]

    yield Subject(store, news, changes)


@contextlib.contextmanager
def postgres_subject(store: PostgresStore) -> Iterator[Subject]:
    changes: list[set[str]] = []

    def note(ids: Iterable[str]) -> None:
        changes.append(set(ids))

    def news() -> Sequence[tuple[str, str]]:
        with psycopg.connect(store.url) as connection:
            found = connection.execute("SELECT task_id, type FROM outbox")
            return [(str(task_id), str(kind)) for task_id, kind in found]

    store._on_change = note
    yield Subject(store, news, changes)
    store._on_change = None


@pytest.fixture(params=["sqlite", "memory", "postgres"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "postgres":
        with postgres_subject(request.getfixturevalue("emptied")) as subject:
            yield subject
        return
    factory = sqlite_subject if request.param == "sqlite" else memory_subject
    with factory(request.getfixturevalue("path")) as subject:
        yield subject
