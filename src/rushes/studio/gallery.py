"""The gallery: prompts that show what the studio draws, as stills, a contact sheet and a page.

    python -m rushes.studio.gallery docs/gallery

Whoever runs that gets the same pictures again: prompt, seed and size say everything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from rushes.domain.spec import Mode, Size, Spec
from rushes.studio.director import direct, shoot
from rushes.studio.order import SANDBOX, Order, label_of
from rushes.studio.planes import bgr_of

WIDE: Final = Size(1280, 720)
TALL: Final = Size(720, 1280)
SQUARE: Final = Size(960, 960)

SECONDS: Final = 5
QUALITY: Final = 90
SHEET_QUALITY: Final = 82
SHEET_WIDTH_PX: Final = 2400
ROW_HEIGHT_PX: Final = 315
GAP_PX: Final = 6
_PAPER: Final = (16, 18, 24)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the gallery: an order, and when its film is looked at.

    `at` is the share (0-1) of the film that has gone by. `name` is its file's, if it is shown
    by itself.
    """

    prompt: str
    seed: int
    size: Size = WIDE
    at: float = 0.5
    name: str | None = None


PICTURES: Final = (
    Picture("A lighthouse above a stormy sea at night", 7, name="lighthouse"),
    Picture("A red car on a road through an autumn forest, afternoon", 7, name="autumn-road"),
    Picture("霓虹城市的雨夜, 一只纸船漂过街道", 12, name="neon-boat"),
    Picture("A city by the sea at dusk, a sailboat", 7, name="harbour"),
    Picture("Sky lanterns over a lake under the mountains at night", 7, TALL),
    Picture("A red fox runs through a snowy forest at dawn", 7, name="fox"),
    Picture("A camel crosses the desert under the Milky Way", 5, name="milky-way"),
    Picture("大熊猫在竹林里散步, 晨雾", 3),
    Picture("A cat at the window, snowy mountains outside, dusk", 7, name="window"),
    Picture("A deer in an autumn forest, golden hour", 9, SQUARE),
    Picture("Hot air balloons over the mountains at sunrise", 4),
    Picture("A sea turtle glides over a coral reef", 7, name="reef"),
    Picture("樱花树下的小女孩, 春天的草地, 早晨", 2),
    Picture("东京的雨夜, 一个女人走过霓虹街道", 7, TALL),
    Picture("A dragon above the clouds at sunset", 7, name="dragon"),
    Picture("高铁驶过雪山", 7, name="train"),
    Picture("Penguins on the ice under the northern lights", 7),
    Picture("An astronaut drifts past a nebula", 2),
    Picture("A cup of coffee at the window, rain over the city", 7, SQUARE),
    Picture("A windmill in a tulip field on a spring morning", 6),
    Picture("水墨画, 孤舟, 远山", 7),
    Picture("A whale passes a city under the sea", 7),
    Picture("A cyclist on a coast road by the sea, summer", 7),
    Picture("Abstract ribbons of colour", 3),
)


def order_of(picture: Picture) -> Order:
    """Return the order that a caller would give for a picture."""
    spec = Spec(SANDBOX, Mode.TEXT_TO_VIDEO, picture.prompt, SECONDS, picture.size, picture.seed)
    return Order(spec, label_of(SANDBOX))


def paint(picture: Picture) -> Image.Image:
    """Paint the one frame of a picture's film that the gallery shows."""
    order = order_of(picture)
    index = min(order.frame_count - 1, round(order.frame_count * picture.at))
    (frame,) = (
        np.ascontiguousarray(bgr_of(one)[..., ::-1])
        for one in direct(shoot(order)).frames(index, index + 1)
    )
    return Image.fromarray(frame)


def rows_of(widths: Sequence[float], width: float) -> list[list[int]]:
    """Cut pictures of some widths (pixels at one height) into rows about as wide as a page.

    >>> rows_of([40, 40, 40, 40], 90)
    [[0, 1], [2, 3]]
    """
    rows: list[list[int]] = []
    count = max(1, round(sum(widths) / width))
    gone, whole = 0.0, sum(widths)
    for index, wide in enumerate(widths):
        row = min(count - 1, int((gone + wide / 2) * count / whole))
        while len(rows) <= row:
            rows.append([])
        rows[row].append(index)
        gone += wide
    return rows


def sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """Hang pictures in rows, each row as wide as the sheet."""
    widths = [ROW_HEIGHT_PX * picture.width / picture.height for picture in pictures]
    rows = []
    for row in rows_of(widths, SHEET_WIDTH_PX):
        room = SHEET_WIDTH_PX - GAP_PX * (len(row) + 1)
        rows.append((row, room / sum(widths[index] for index in row) * ROW_HEIGHT_PX))
    tall = round(sum(high + GAP_PX for _, high in rows) + GAP_PX)
    whole = Image.new("RGB", (SHEET_WIDTH_PX, tall), _PAPER)
    y = float(GAP_PX)
    for row, high in rows:
        x = float(GAP_PX)
        for index in row:
            wide = widths[index] * high / ROW_HEIGHT_PX
            size = round(x + wide) - round(x), round(y + high) - round(y)
            small = pictures[index].resize(size, Image.Resampling.LANCZOS)
            whole.paste(small, (round(x), round(y)))
            x += wide + GAP_PX
        y += high + GAP_PX
    return whole


def page() -> str:
    """Write the page of the gallery: what each picture was asked for."""
    lines = [
        "# Gallery",
        "",
        "Frames of films that the built-in studio made of these words: no model, no network, no",
        "GPU. Prompt, seed and size say everything, so the same pictures come again with",
        "",
        "```console",
        "$ python -m rushes.studio.gallery docs/gallery",
        "```",
        "",
        "![Twenty-four frames](sheet.webp)",
        "",
        "| prompt | seed | size | still |",
        "|---|---|---|---|",
    ]
    for one in PICTURES:
        still = f"[{one.name}]({one.name}.webp)" if one.name else ""
        lines.append(f"| {one.prompt} | {one.seed} | {one.size} | {still} |")
    return "\n".join([*lines, ""])


def write(folder: Path) -> None:
    """Make the whole gallery in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    painted = [paint(picture) for picture in PICTURES]
    for picture, image in zip(PICTURES, painted, strict=True):
        if picture.name:
            image.save(folder / f"{picture.name}.webp", quality=QUALITY, method=6)
    sheet(painted).save(folder / "sheet.webp", quality=SHEET_QUALITY, method=6)
    (folder / "README.md").write_text(page(), encoding="utf-8")


def main() -> int:
    """Make the gallery in the folder that the command line names; return the exit code."""
    if len(sys.argv) != 2:  # noqa: PLR2004 -- the program and its one argument
        sys.stderr.write("usage: python -m rushes.studio.gallery FOLDER\n")
        return os.EX_USAGE
    write(Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
