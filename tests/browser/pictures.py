"""Take the pictures of the console that docs/gallery shows: on a phone, a tablet and a desk.

    python tests/browser/pictures.py docs/gallery/console

The server is real, its films are the sandbox's, and what Operations tells of was really done to
simulated upstreams. Takes a minute or two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1]))

import nursery
from browsing import Visit, a_booth
from consoling import CONSOLE, come_in, settle
from playhouse import Playhouse, a_playhouse

SCREENS: Final = {320: 640, 768: 1024, 1440: 900}
"""Widths of screens in pixels, and how much of a page a picture shows at least."""

DARK_AT_PX: Final = 1440
TALLER_MAX: Final = 2.2
PICTURE_BYTES_MAX: Final = 60_000
QUALITIES: Final = (84, 76, 68, 60, 52)

WISHES: Final = (
    ("A sailing ship on a calm sea at dawn, slow push in.", "16:9"),
    ("A fox runs through fresh snow at dawn, camera pans right.", "16:9"),
    ("A lighthouse in a storm at night, waves against the rocks, rain.", "16:9"),
    ("A paper boat crosses a rain puddle at dusk, neon reflections.", "9:16"),
    ("A red car on a coastal road at sunset, drone shot.", "16:9"),
    ("A whale below the ice, shafts of light, wide shot.", "16:9"),
    ("A hot air balloon over autumn hills in the morning.", "1:1"),
    ("A train through a field of wheat, clouds, golden hour.", "16:9"),
    ("An astronaut floats above a blue planet, stars.", "16:9"),
    ("A cat sleeps on a window sill while rain falls outside.", "16:9"),
    ("A lantern floats up over a lake under the moon.", "9:16"),
    ("A city skyline at night, lights go on one by one.", "16:9"),
)


@dataclass(frozen=True, slots=True)
class View:
    """One picture's subject: a page by its address, and what is done there before it is taken."""

    name: str
    address: str
    before: Callable[[Page], None] = lambda _page: None


def _make_a_film(page: Page) -> None:
    page.get_by_label("Prompt", exact=True).fill("A red balloon over hills at noon.")
    page.get_by_label("Length").fill("2")
    page.get_by_text("480p", exact=True).click()
    page.get_by_role("button", name="Make the film").click()
    expect(page.get_by_role("heading", name="Your film is ready")).to_be_visible(timeout=90_000)
    page.locator("main video").evaluate(_STAND_STILL)


_STAND_STILL: Final = """
async (film) => {
    film.muted = true;
    const isThere = new Promise((done) => film.addEventListener("seeked", done, { once: true }));
    film.currentTime = 0.9;
    await isThere;
    await new Promise((done) => setTimeout(done, 1500)); // the sign of waiting fades
}
"""


def _revoke_a_key(page: Page) -> None:
    page.get_by_role("button", name="Revoke caller").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def furnish(house: Playhouse) -> None:
    """Have a house that was lived in: films, accounts, keys, budgets."""
    films = [
        house.film(
            wish, seconds=4, size=None, aspect_ratio=ratio, resolution="480p", seed=number + 7
        )
        for number, (wish, ratio) in enumerate(WISHES)
    ]
    house.tasks["shown"] = films[0]
    for name, key in (("Studio North", "shots"), ("Web shop", "product clips")):
        made = house.ask("POST", "/admin/v1/accounts", {"name": name})
        house.ask("POST", "/admin/v1/keys", {"name": key, "account_id": made["id"]})
        for period, usd in (("day", 20), ("month", 400)):
            budget = {"limit_microusd": usd * 1_000_000}
            house.ask("PUT", f"/admin/v1/budgets/{made['id']}/{period}", budget)
    for film in films:
        house.wait(film, "succeeded", "failed")


def views(house: Playhouse) -> Sequence[View]:
    """Return what there is to see; what is done on a page is done after its picture at rest."""
    late = house.tasks["late"]
    return (
        View("playground", "#/"),
        View("films", "#/films"),
        View("film", f"#/films/{house.tasks['shown']}"),
        View("failed-film", f"#/films/{house.tasks['failed']}"),
        View("operations", "#/operations"),
        View("routes", "#/operations/routes"),
        View("salvage", "#/operations/salvage"),
        View("keys", "#/keys"),
        View("usage", "#/usage"),
        View("audit", "#/audit"),
        View("task-make", "#/", _make_a_film),
        View("task-revoke", "#/keys", _revoke_a_key),
        View("task-adopt", f"#/operations/salvage?adopt={late}"),
    )


def pictures(visit: Visit, house: Playhouse) -> Iterator[tuple[str, Image.Image]]:
    """Take them all; yields each with its name."""
    page = visit.page
    page.goto(CONSOLE)
    settle(page)
    yield from _looks(page, "sign-in")
    come_in(visit, house)
    for view in views(house):
        page.evaluate("(address) => { location.hash = address }", view.address)
        settle(page)
        page.wait_for_load_state("networkidle")
        view.before(page)
        is_task = view.name.startswith("task-")
        yield from _looks(page, view.name, screens=(1440,) if is_task else tuple(SCREENS))


def _looks(
    page: Page, name: str, screens: Sequence[int] = tuple(SCREENS)
) -> Iterator[tuple[str, Image.Image]]:
    """Look at a page on screens, and in the dark on one of them, if it is shown on all."""
    for width_px in screens:
        yield f"{name}-{width_px}", _taken(page, width_px, is_whole=len(screens) > 1)
    if len(screens) > 1:
        page.emulate_media(color_scheme="dark")
        yield f"{name}-{DARK_AT_PX}-dark", _taken(page, DARK_AT_PX)
        page.emulate_media(color_scheme="light")


def _taken(page: Page, width_px: int, *, is_whole: bool = True) -> Image.Image:
    """Take a page; one that is longer than its screen on a longer screen, within a bound."""
    height_px = SCREENS[width_px]
    page.set_viewport_size({"width": width_px, "height": height_px})
    if is_whole:
        reach_px: int = page.evaluate("document.documentElement.scrollHeight")
        height_px = min(reach_px, int(height_px * TALLER_MAX))
        page.set_viewport_size({"width": width_px, "height": height_px})
    page.evaluate(_PICTURES_ARE_THERE)
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


_PICTURES_ARE_THERE: Final = """
async () => {
    const isEmpty = (one) => !one.querySelector("img, .poster-words")
        && one.getBoundingClientRect().top < innerHeight;
    const until = Date.now() + 20000;
    while ([...document.querySelectorAll(".tile .poster")].some(isEmpty) && Date.now() < until) {
        await new Promise((done) => setTimeout(done, 100));
    }
    await Promise.all([...document.images].map((one) => one.decode().catch(() => {})));
}
"""


def small(picture: Image.Image) -> bytes:
    """Return a picture as WebP within its bound: as good as that allows, and then as tall."""
    for quality in QUALITIES:
        file = BytesIO()
        picture.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= PICTURE_BYTES_MAX:
            return file.getvalue()
    return small(picture.crop((0, 0, picture.width, picture.height * 4 // 5)))


def main(words: Sequence[str] | None = None) -> None:
    """Take all pictures into a folder."""
    parser = argparse.ArgumentParser(description="Take the console's pictures.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(words).folder
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        a_playhouse(Path(home)) as house,
        a_booth() as booth,
        booth.visit(house.url) as visit,
    ):
        furnish(house)

        def take() -> None:
            for name, picture in pictures(visit, house):
                (folder / f"{name}.webp").write_bytes(small(picture))
            visit.held()

        booth.run(take)
    nursery.close()


if __name__ == "__main__":
    main()
