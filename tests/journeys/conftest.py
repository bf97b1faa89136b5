"""One real server for all journeys that only call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from journeying import Running, a_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with a_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
