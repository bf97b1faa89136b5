"""What every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog
from hypothesis import HealthCheck, settings

import nursery
from postgres import Server, shared
from promises import Roll, called_elsewhere
from seaweed import Seaweed, a_seaweed

settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")

DIFFUSERS: Final = Path(__file__).parents[1] / ".venv" / "diffusers"
collect_ignore = [] if DIFFUSERS.exists() else ["providers/test_real_diffusers.py"]
"""Films by the real library have a target of their own, `make test-diffusers`, and half an hour."""

ROLL: Final = pytest.StashKey[Roll]()
"""Every test there is, where the whole suite was asked for."""

# A shell that runs us behind its back ignores Ctrl-C for us, and so would what we start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL that answers; it starts with the first test that asks for it."""
    with shared() as server:
        yield server


def _log_plainly() -> None:
    """Log as the library does by itself, but for faults: with colours and locals each takes 3 s."""
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, console])


_log_plainly()


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Leave no test's way of logging to the next one."""
    yield
    _log_plainly()


@pytest.fixture(scope="session")
def roll(request: pytest.FixtureRequest) -> Roll:
    """Every test there is, of `make test-all` too; collected anew if only some were asked for."""
    known = request.config.stash.get(ROLL, None)
    return called_elsewhere() if known is None else known


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real S3, one for all tests of a process that ask for it."""
    with a_seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the longest tests begin first, so that no process waits for another's last one."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)
    if [Path(argument).absolute() for argument in config.args] == [Path(__file__).parent]:
        config.stash[ROLL] = Roll()
        config.stash[ROLL].enter(items)  # before any is deselected


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a journey counted, so that it can be quoted."""
    for report in terminalreporter.getreports("passed"):
        for name, told in report.user_properties:
            if name == "told":
                terminalreporter.write_line(str(told))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: its machine must be able to run everything."""
    nursery.close()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped, and CI allows none", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
