"""What the browser's tests use: one Chromium, one server with something to show, fresh visits.

Every test here is run in the booth (see `tests/browsing.py`), so that it may use a page as it
likes. Where there is no Chromium they are skipped and counted; in CI that is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from browsing import CHROMIUM, MISSING, Booth, Visit, a_booth
from playhouse import Playhouse, a_playhouse


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none."""
    if CHROMIUM is None:
        for item in items:
            if "booth" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test in the booth, if it has one."""
    booth = pyfuncitem.funcargs.get("booth")
    if not isinstance(booth, Booth):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    booth.run(pyfuncitem.obj, **given)
    return True


@pytest.fixture(scope="session")
def booth() -> Iterator[Booth]:
    with a_booth() as found:
        yield found


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playhouse]:
    """The one server of all these tests: what one of them makes, others may see."""
    with a_playhouse(tmp_path_factory.mktemp("playhouse")) as found:
        yield found


@pytest.fixture
def visit(booth: Booth, house: Playhouse) -> Iterator[Visit]:
    """A browser with nothing in it, on the server's pages; nothing may go wrong on them."""
    with booth.visit(house.url) as found:
        yield found
        found.held()
