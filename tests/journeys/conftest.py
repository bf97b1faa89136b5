"""One real server for all journeys that only call it, and houses for those that look inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from houses import House
from journeying import Running, a_server
from postgres import Server
from seaweed import Seaweed


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with a_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(
    params=[
        pytest.param(False, id="on SQLite and a disk"),
        pytest.param(True, id="on PostgreSQL and S3", marks=pytest.mark.long),
    ]
)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house of either kind; a database and a bucket are started only for whoever has them."""
    if not request.param:
        yield House()
        return
    postgres: Server = request.getfixturevalue("postgres")
    seaweed: Seaweed = request.getfixturevalue("seaweed")
    database = postgres.make_database()
    storage = seaweed.storage(tmp_path, tmp_path.name)
    yield House({"database": {"url": database}, "storage": storage})
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert not left & {"rushes.db", "blobs"}, "rows or films are in the data folder after all"
    postgres.drop_database(database)
