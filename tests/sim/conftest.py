from __future__ import annotations

import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Histories log tens of thousands of expected troubles."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
