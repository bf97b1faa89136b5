"""Stores to test: a fresh SQLite file for every test, and the one in memory."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from rushes.domain.task import Status
from rushes.store.migrate import migrate
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON
from rushes.testing.memory_store import MemoryStore

pytest.register_assert_rewrite(
    *(
        f"rushes.testing.conformance.stores.{room}"
        for room in ("tasks", "moves", "submits", "files", "access", "writes")
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
    path = tmp_path_factory.mktemp("template") / "rushes.db"
    migrate(path, at=NOON)
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rushes.db"
    shutil.copy(template, path)
    return path


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with contextlib.closing(SqliteStore(path)) as store:
        yield store


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


@pytest.fixture(params=["sqlite", "memory"])
def subject(request: pytest.FixtureRequest, path: Path) -> Iterator[Subject]:
    factory = sqlite_subject if request.param == "sqlite" else memory_subject
    with factory(path) as subject:
        yield subject
