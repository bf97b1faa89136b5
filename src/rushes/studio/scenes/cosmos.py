"""What shines far out: nebulae, stars, planets, and the Milky Way over a landscape."""

from __future__ import annotations

import math

import cv2
import numpy as np

from rushes.studio.colours import Colour, mix, rgb
from rushes.studio.ink import Drawing, Ink
from rushes.studio.noise import field, line
from rushes.studio.planes import Floats, sprite_of
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Plate

_NEBULAE = (
    ("3a1a6a", "c04a9a", "ffb07a"),
    ("0f2a5a", "2f8ab8", "8af0e0"),
    ("4a1030", "d04a4a", "ffc86a"),
)
_PLANETS = (
    ("e8b07a", "8a4a2a", "f4e0b8"),
    ("6ab0e0", "27508a", "e8f6ff"),
    ("b88ae0", "5a3490", "f0d8ff"),
)


def galaxy(setting: Setting, horizon: float) -> list[Piece]:
    """Build the Milky Way over a landscape, and a planet where words ask for one."""
    pieces: list[Piece] = [Plate(_milky_way(setting, horizon), 0.0)]
    pieces.append(Plate(stars(setting, 0.0, 260, 0), 0.0))
    pieces.append(Plate(stars(setting, 0.02, 40, 2), 0.02))
    if "planet" in setting.plan.extras:
        radius = min(setting.width, setting.height) * 0.2
        kind = int(setting.dice("space").integers(3))
        at = (setting.width * 0.74, horizon * 0.46)
        pieces.append(Plate(planet(setting, *at, radius, kind, depth=0.04), 0.04))
    return pieces


def _milky_way(setting: Setting, horizon: float) -> Drawing:
    """Paint a slanting river of light with dark lanes in it, fainter toward the horizon."""
    dice = setting.dice("milky way")
    width, height = setting.width & ~1, max(8, int(horizon) & ~1)
    small = (max(16, width // 3), max(16, height // 3))
    thick, thin, lanes = (
        field(dice, *small, cells=cells, octaves=5) for cells in ((5, 4), (9, 7), (7, 6))
    )
    down, across = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
    # The band goes up from the lower left, whatever the shape of the picture.
    along = across / small[0] - 0.56 + (down / small[1] - 0.5) * 0.62
    offset = along + (thick - 0.5) * 0.2
    band = np.exp(-((offset * 5.2) ** 2))
    core = np.exp(-((offset * 11.0) ** 2))
    dark = np.clip((lanes - 0.5) * 5, 0, 1) * core
    glow = np.clip(band * (0.34 + 0.9 * (thin - 0.3)) + core * 0.4, 0, 1) * (1 - 0.72 * dark)
    glow *= np.clip((1 - down / small[1]) * 3.2, 0, 1) * 0.86
    cool, warm, rose = (
        np.array(rgb(word)[::-1], np.float32) for word in ("7fa8f0", "ffe2c0", "d87ac0")
    )
    tint = cool + (warm - cool) * np.clip(core * 1.2 - dark * 0.5, 0, 1)[..., None]
    tint += (rose - tint) * (np.clip(thick - 0.5, 0, 1) * 1.1 * band)[..., None]
    pixels = np.dstack([tint * glow[..., None], 255 * glow * 0.82])
    pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR))
    return Drawing(sprite_of(pixels.clip(0, 255).astype(np.uint8)), 0, 0)


def nebula(setting: Setting, kind: int) -> Floats:
    """Paint clouds of glowing gas along a band across the picture (BGR)."""
    dice = setting.dice("nebula")
    width, height = setting.width, setting.height
    small = (max(16, width // 4), max(16, height // 4))
    thick = field(dice, *small, cells=(3, 2), octaves=5)
    thin = field(dice, *small, cells=(4, 3), octaves=5)
    down, across = np.mgrid[0 : small[1], 0 : small[0]].astype(np.float32)
    band = np.exp(-(((down / small[1] - 0.2 - 0.6 * across / small[0]) * 2.4) ** 2))
    cloud = np.clip((thick - 0.38) * 2.2, 0, 1) * (0.25 + 0.75 * band)
    core = np.clip((thin - 0.5) * 2.6, 0, 1) * band**2
    base = np.array(setting.light.sky[1][::-1], np.float32)
    low, middle, high = (np.array(rgb(word)[::-1], np.float32) for word in _NEBULAE[kind])
    picture = (
        base + cloud[..., None] * (low - base) * 1.1 + (cloud * cloud)[..., None] * middle * 0.5
    )
    picture += core[..., None] * (high * 0.34)
    large = cv2.resize(picture.clip(0, 255), (width, height), interpolation=cv2.INTER_CUBIC)
    grain = dice.random((height, width, 1), dtype=np.float32) * 2 - 1
    return np.asarray(np.clip(large + grain, 0, 255), np.float32)


def stars(setting: Setting, depth: float, count: int, index: int) -> Drawing:
    """Scatter stars over a plate at a depth; the nearest, of index 2, shine."""
    dice = setting.dice("stars", str(index))
    unit = setting.unit
    ink = setting.ink(depth, 0, setting.height)
    first, last = setting.across(depth)
    tints = ("ffffff", "cfe0ff", "ffe6c8", "ffd0d0")
    for _ in range(int(count * setting.width * setting.height / (921600 * unit * unit))):
        x, y = float(dice.uniform(first, last)), float(dice.uniform(-20, setting.height + 20))
        colour = rgb(tints[int(dice.integers(4))])
        size = unit * (0.8 + 0.6 * index) * float(dice.uniform(0.6, 1.3))
        if index == 2 and dice.random() < 0.4:  # noqa: PLR2004 -- some of the nearest shine
            ink.glow(x, y, 13 * unit, colour, 0.5)
            ink.oval(x, y, 9 * unit, 0.7 * unit, colour, alpha=0.7)
            ink.oval(x, y, 0.7 * unit, 9 * unit, colour, alpha=0.7)
        ink.disc(x, y, max(0.45, size), colour, float(dice.uniform(0.5, 1.0)))
    return ink.drawing()


def planet(
    setting: Setting, x: float, y: float, radius: float, kind: int, *, depth: float = 0.22
) -> Drawing:
    """Paint a banded planet lit from the upper left, with a ring about it."""
    dice = setting.dice("planet")
    light, dark, pale = (rgb(word) for word in _PLANETS[(kind + 1) % 3])
    size = max(8, int(radius * 2) & ~1)
    grid = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
    across, down = grid[None], grid[:, None]
    inside = np.clip((1 - np.sqrt(across**2 + down**2)) * size / 2, 0, 1)
    deep = np.sqrt(np.clip(1 - across**2 - down**2, 0, 1))
    rows = line(dice, size, lumps=7, octaves=3).astype(np.float32)[:, None]
    swirl = field(dice, size, size, cells=(5, 10), octaves=4) - 0.5
    band = np.clip(0.5 + 0.55 * rows + 0.7 * swirl, 0, 1)[..., None]
    colour = (
        np.array(dark[::-1], np.float32) * (1 - band) + np.array(light[::-1], np.float32) * band
    )
    colour += (np.clip(band - 0.78, 0, 1) * 2.4) * (np.array(pale[::-1], np.float32) - colour)
    shade = np.clip(-0.52 * across - 0.42 * down + 0.74 * deep, 0, 1)
    rim = (np.clip(1 - deep, 0, 1) ** 3) * np.clip(-0.5 * across - 0.4 * down + 0.5, 0, 1)
    body = (
        colour * (0.06 + 0.98 * shade[..., None])
        + rim[..., None] * np.array(pale[::-1], np.float32) * 0.8
    )
    pixels = np.dstack([body.clip(0, 255) * inside[..., None], 255 * inside])
    ink = setting.ink(depth, 0, setting.height)
    ink.glow(x, y, radius * 1.6, light, 0.28)
    _ring(ink, x, y, radius, pale, is_front=False)
    left, top = ink.at(x - size / 2, y - size / 2)
    _paste(ink, pixels, left, top)
    _ring(ink, x, y, radius, pale, is_front=True)
    return ink.drawing()


def _ring(ink: Ink, x: float, y: float, radius: float, colour: Colour, *, is_front: bool) -> None:
    start, end = (0.0, math.pi) if is_front else (math.pi, 2 * math.pi)
    around = np.linspace(start, end, 48)
    tilt = math.radians(-16)
    for index in range(9):
        share = 1.42 + 0.085 * index
        rx, ry = radius * share, radius * share * 0.22
        px, py = rx * np.cos(around), ry * np.sin(around)
        points = np.stack(
            [
                x + px * math.cos(tilt) - py * math.sin(tilt),
                y + px * math.sin(tilt) + py * math.cos(tilt),
            ],
            1,
        )
        if index != 5:  # noqa: PLR2004 -- the gap
            ink.line(
                points,
                radius * 0.062,
                mix(colour, (90, 80, 110), 0.09 * index),
                alpha=0.62 - 0.045 * index,
            )


def moon(setting: Setting, x: float, y: float, radius: float) -> Drawing:
    """Draw a small moon with its craters."""
    ink = setting.ink(0.32, 0, setting.height, fineness=2)
    ink.disc(x, y, radius, rgb("b8b4bc"))
    ink.disc(x - radius * 0.1, y - radius * 0.08, radius * 0.9, rgb("d8d4da"))
    for dx, dy, size in (
        (-0.3, -0.2, 0.2),
        (0.25, 0.1, 0.28),
        (-0.1, 0.45, 0.16),
        (0.35, -0.45, 0.12),
    ):
        ink.disc(x + dx * radius, y + dy * radius, size * radius, rgb("aaa6b0"))
    return ink.drawing()


def _paste(ink: Ink, pixels: Floats, left: int, top: int) -> None:
    """Lay premultiplied pixels over a canvas."""
    rows, columns = ink.pixels.shape[:2]
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(columns, left + pixels.shape[1]), min(rows, top + pixels.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    part = pixels[y0 - top : y1 - top, x0 - left : x1 - left]
    seen = ink.pixels[y0:y1, x0:x1]
    seen[...] = (seen * (1 - part[..., 3:] / 255) + part + 0.5).clip(0, 255).astype(np.uint8)
