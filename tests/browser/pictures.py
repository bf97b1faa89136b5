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

sys.path.insert(0, str(Path(__file__).parents[1]))

import nursery
from browsing import Visit, a_booth
from consoling import CONSOLE, come_in, settle
from playhouse import Playhouse, a_playhouse

SCREENS: Final = {320: 640, 768: 1024, 1440: 900}
"""Widths of screens in pixels, and how much of a page a picture shows at least."""

DARK_AT_PX: Final = 1440
TALLER_MAX: Final = 2.5
PICTURE_BYTES_MAX: Final = 60_000
QUALITIES: Final = (84, 76, 68, 60, 50, 40, 30)

WISHES: Final = (
    ("A heron lands on a jetty at dawn, mist over the water, slow push in.", "16:9"),
    ("A fox runs through fresh snow at dawn, camera pans right.", "16:9"),
    ("A lighthouse in a storm at night, waves against the rocks, rain.", "16:9"),
    ("A paper boat crosses a rain puddle at dusk, neon reflections.", "9:16"),
    ("A red car on a coastal road at sunset, drone shot.", "16:9"),
    ("A whale below the ice, shafts of light, wide shot.", "16:9"),
    ("A hot air balloon over autumn hills in the morning.", "1:1"),
    ("A train through a field of wheat, clouds, golden hour.", "16:9"),
    ("An astronaut floats above a blue planet, stars.", "16:9"),
    ("A cat sleeps on a window sill while rain falls outside.", "16:9"),
    ("A sailing ship on a calm sea under the moon.", "9:16"),
    ("A city skyline at night, lights go on one by one.", "16:9"),
)


@dataclass(frozen=True, slots=True)
class View:
    """One picture's subject: a page by its address, and what is done there before it is taken."""

    name: str
    address: str
    before: Callable[[Visit], None] = lambda _visit: None


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
    """Return what there is to see."""
    return (
        View("playground", "#/"),
        View("films", "#/films"),
        View("film", f"#/films/{house.tasks['shown']}"),
        View("failed-film", f"#/films/{house.tasks['failed']}"),
        View("operations", "#/operations"),
        View("keys", "#/keys"),
        View("usage", "#/usage"),
        View("audit", "#/audit"),
    )


def pictures(visit: Visit, house: Playhouse) -> Iterator[tuple[str, Image.Image]]:
    """Take them all; yields each with its name."""
    page = visit.page
    page.goto(CONSOLE)
    settle(page)
    yield from _looks(visit, "sign-in")
    come_in(visit, house)
    for view in views(house):
        page.evaluate("(address) => { location.hash = address }", view.address)
        settle(page)
        page.wait_for_load_state("networkidle")
        view.before(visit)
        yield from _looks(visit, view.name)


def _looks(visit: Visit, name: str) -> Iterator[tuple[str, Image.Image]]:
    """Look at a page on every screen, and in the dark on one."""
    for width_px, height_px in SCREENS.items():
        visit.page.set_viewport_size({"width": width_px, "height": height_px})
        yield f"{name}-{width_px}", _taken(visit, height_px)
    visit.page.emulate_media(color_scheme="dark")
    yield f"{name}-{DARK_AT_PX}-dark", _taken(visit, SCREENS[DARK_AT_PX])
    visit.page.emulate_media(color_scheme="light")


def _taken(visit: Visit, height_px: int) -> Image.Image:
    visit.page.evaluate(
        "() => Promise.all([...document.images].map((one) => one.decode().catch(() => {})))"
    )
    taken = Image.open(BytesIO(visit.page.screenshot(full_page=True))).convert("RGB")
    return taken.crop((0, 0, taken.width, min(taken.height, int(height_px * TALLER_MAX))))


def small(picture: Image.Image) -> bytes:
    """Return a picture as WebP, as good as its bound allows."""
    for quality in QUALITIES:
        file = BytesIO()
        picture.save(file, "WEBP", quality=quality, method=6)
        if file.tell() <= PICTURE_BYTES_MAX:
            break
    return file.getvalue()


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
