"""Every page on every screen: nobody is kept out, nothing sticks out, and what changes is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from browsing import Visit, check_access
from consoling import ROOMS, come_in, settle
from playhouse import Playhouse

THEMES: Final = ("light", "dark")
TABS: Final = ("routes", "tasks", "doubts", "salvage", "deliveries", "models")


def addresses(house: Playhouse) -> Iterator[str]:
    """Every page that there is, those of one thing included."""
    for room in ROOMS:
        yield room.address
    for name in ("film", "failed", "doubt"):
        yield f"#/films/{house.tasks[name]}"
    for tab in TABS:
        yield f"#/operations/{tab}"
    (account,) = house.ask("GET", "/admin/v1/accounts?limit=1")["data"]
    yield f"#/keys/{account['id']}"
    yield f"#/keys/{house.ask('GET', '/v1/key')['id']}"


def widest(page: Page) -> int:
    """How far a page reaches to the right, in pixels."""
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


def fits(page: Page, width_px: int) -> None:
    """Wait until nothing sticks out."""
    page.wait_for_function(
        "(width) => document.documentElement.scrollWidth === width", arg=width_px, timeout=10_000
    )
    assert widest(page) == width_px


def stand(page: Page, address: str) -> None:
    page.evaluate("(address) => { location.hash = address }", address)
    settle(page)


def test_every_page_lets_everybody_in_and_fits_a_phone(visit: Visit, house: Playhouse) -> None:
    house.wait(house.tasks["film"], "succeeded")
    house.wait(house.tasks["failed"], "failed")
    page = come_in(visit, house)
    for room in ROOMS:
        stand(page, room.address)
        expect(page.get_by_role("alert")).to_have_count(0)
        check_access(page, room.name)
        page.set_viewport_size({"width": 320, "height": 640})
        fits(page, 320)  # a chart is drawn anew a frame after the screen was turned
        page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.long
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width_px", [320, 768, 900, 1440])
def test_every_page_lets_everybody_in_on_every_screen(
    width_px: int, theme: str, visit: Visit, house: Playhouse
) -> None:
    house.wait(house.tasks["film"], "succeeded")
    house.wait(house.tasks["failed"], "failed")
    page = come_in(visit, house)
    page.set_viewport_size({"width": width_px, "height": 900})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    for address in addresses(house):
        stand(page, address)
        check_access(page, f"{address}, {theme}, {width_px} px")
        assert widest(page) == width_px, address


def test_a_film_that_another_makes_appears_and_comes_true_without_a_reload(
    visit: Visit, house: Playhouse
) -> None:
    house.keys["watcher"] = house.key_to("sora-2")
    page = come_in(visit, house, "watcher", "#/films")
    settle(page, "Films")
    other = visit.another_tab()
    visit.page = other
    come_in(visit, house, "watcher")
    other.get_by_label("Prompt", exact=True).fill("A balloon seen from two windows.")
    page.evaluate("window.isTheSame = true")
    other.get_by_role("button", name="Make the film").click()
    tile = page.get_by_role("link", name="A balloon seen from two windows.")
    expect(tile).to_be_visible()
    expect(tile).to_have_attribute("aria-label", "A balloon seen from two windows., succeeded")
    expect(tile.locator("img")).to_be_visible()
    assert page.evaluate("window.isTheSame"), "it was loaded again"
    expect(other.get_by_role("heading", name="Your film is ready")).to_be_visible()
