"""What a visitor does in the console, for tests: come in, go somewhere, watch a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page, expect

from browsing import Visit
from playhouse import Playhouse

CONSOLE: Final = "/console/"
PLACE: Final = "rushes.key"
"""Where the page keeps the key."""


@dataclass(frozen=True, slots=True)
class Room:
    """A page of the console: its address, its name in the menu, and the scope that opens it."""

    address: str
    name: str
    scope: str


ROOMS: Final = (
    Room("#/", "Playground", "generate"),
    Room("#/films", "Films", "read"),
    Room("#/usage", "Usage", "read"),
    Room("#/operations", "Operations", "admin"),
    Room("#/keys", "Keys", "admin"),
    Room("#/audit", "Audit", "admin"),
)

SCOPES: Final = {
    "owner": {"generate", "read", "admin"},
    "caller": {"generate", "read"},
    "reader": {"read"},
    "operator": {"admin"},
    "rehearsal": {"generate", "read"},
}
"""Of each key of the playhouse, what it may."""


def come_in(visit: Visit, house: Playhouse, who: str = "owner", address: str = "#/") -> Page:
    """Sign in with a key, as a visitor does, and stand on a page."""
    page = visit.page
    page.goto(CONSOLE + address)
    page.get_by_label("API key").fill(house.keys[who])
    page.keyboard.press("Enter")
    expect(menu(page)).to_be_visible()
    return page


def menu(page: Page) -> Locator:
    """The console's own links."""
    return page.get_by_role("navigation", name="Pages")


def go(page: Page, room: Room) -> None:
    """Go to a page, and wait until everything it loads is there."""
    page.evaluate("(address) => { location.hash = address }", room.address)
    settle(page, room.name)


def settle(page: Page, title: str | None = None) -> None:
    """Wait until a page says what it is, and waits for nothing any more."""
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_count(1)
    if title is not None:
        expect(heading).to_contain_text(title)
    expect(page.locator("main .wait")).to_have_count(0)


_PICTURE: Final = """
async (film) => {
    film.muted = true;
    await film.play();
    if (!film.currentTime) await new Promise((done) => film.ontimeupdate = done);
    film.pause();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const pen = canvas.getContext("2d");
    pen.drawImage(film, 0, 0, 64, 36);
    const seen = pen.getImageData(0, 0, 64, 36).data;
    const grey = [];
    for (let at = 0; at < seen.length; at += 4) {
        grey.push(Math.round((seen[at] + seen[at + 1] + seen[at + 2]) / 3));
    }
    return {
        readyState: film.readyState,
        width: film.videoWidth,
        height: film.videoHeight,
        darkest: Math.min(...grey),
        brightest: Math.max(...grey),
        shades: new Set(grey).size,
    };
}
"""


def check_it_plays(film: Locator) -> None:
    """Make sure that a film is there, moves, and shows a picture: not black, nor one colour."""
    expect(film).to_be_visible()
    seen = film.evaluate(_PICTURE)
    assert seen["readyState"] >= 2, seen
    assert seen["width"] > 0, seen
    assert seen["brightest"] > 40, f"it is black: {seen}"
    assert seen["shades"] > 8, f"it is of one colour: {seen}"
