"""Every test that asks for a stage is played twice: by either client."""

from __future__ import annotations

import pytest

from client.scripted import Stage


@pytest.fixture(params=["sync", "async"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param)
