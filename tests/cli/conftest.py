"""One living server for all tests of this room that only talk to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from living import Living, Typed, at_keyboard, environment_of, living


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("living")) as one:
        yield one


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Type words after `rushes`, on a data folder that is not there yet."""
    return at_keyboard(environment_of(tmp_path / "data"))


@pytest.fixture
def asked(server: Living) -> Typed:
    """Type words after `rushes`, as a caller of the living server, or beside it."""
    return at_keyboard(
        {**server.environment, "RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    )
