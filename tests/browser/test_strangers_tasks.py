"""What a stranger wants, each in three steps at most from the page that he first sees.

A step is a click, or a field that is filled in; docs/console.md tells the same steps in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, expect

from browsing import Visit
from consoling import check_it_plays, come_in, settle
from journeying import wait_until
from playhouse import Playhouse

STEPS_MAX = 3


@dataclass
class Steps:
    """Counts what a visitor does."""

    taken: int = 0

    def click(self, what: Locator) -> None:
        self.taken += 1
        what.click()

    def fill(self, field: Locator, text: str) -> None:
        self.taken += 1
        field.fill(text)


@pytest.fixture
def steps() -> Iterator[Steps]:
    counted = Steps()
    yield counted
    assert 0 < counted.taken <= STEPS_MAX


def test_to_make_a_film(visit: Visit, house: Playhouse, steps: Steps) -> None:
    page = come_in(visit, house)
    steps.fill(page.get_by_label("Prompt", exact=True), "A stranger's first film.")
    steps.click(page.get_by_role("button", name="Make the film"))
    expect(page.get_by_role("heading", name="Your film is ready")).to_be_visible()
    check_it_plays(page.locator("video"))


def test_to_find_why_a_film_failed(visit: Visit, house: Playhouse, steps: Steps) -> None:
    house.wait(house.tasks["failed"], "failed")
    page = come_in(visit, house)
    steps.click(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Films"))
    steps.click(page.get_by_role("link", name="A kite that fails to rise.").first)
    settle(page, "A kite that fails to rise.")
    expect(page.locator("main")).to_contain_text("Out of VRAM.")
    expect(page.locator("main")).to_contain_text("Make it again, or with another model.")


def test_to_revoke_a_key(visit: Visit, house: Playhouse, steps: Steps) -> None:
    made = house.ask("POST", "/admin/v1/keys", {"name": "lost on a train"})
    page = come_in(visit, house)
    steps.click(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Keys"))
    steps.click(page.get_by_role("button", name="Revoke lost on a train"))
    steps.click(page.get_by_role("button", name="Revoke the key"))
    expect(page.get_by_text("lost on a train is revoked.")).to_be_visible()
    assert house.ask("GET", f"/admin/v1/keys/{made['id']}")["state"] == "revoked"


def test_to_adopt_a_film_that_came_too_late(visit: Visit, house: Playhouse, steps: Steps) -> None:
    wait_until(lambda: house.ask("GET", "/admin/v1/salvage")["data"], timeout_s=60)
    page = come_in(visit, house)
    pages = page.get_by_role("navigation", name="Pages")
    steps.click(pages.get_by_role("link", name="Operations"))
    steps.click(page.get_by_role("link", name=re.compile("^Adopt")))
    steps.click(page.get_by_role("button", name="Adopt the film", exact=True))
    expect(page.get_by_text("its film is on its way to its caller")).to_be_visible()
    settle(page, "A lighthouse in fog, late.")
    expect(page.locator("main video")).to_be_visible()
    assert house.ask("GET", "/admin/v1/salvage")["data"] == []
