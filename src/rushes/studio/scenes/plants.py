"""What grows: firs, broad trees, and grass with flowers."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Ink
from rushes.studio.scenes.seasons import crown, is_snowy
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Plate


def fir(
    ink: Ink, x: float, y: float, tall: float, colour: Colour, *, snow: Colour | None = None
) -> None:
    """Draw a fir in pixels: its foot at (x, y)."""
    ink.fill(
        [
            (x - tall * 0.03, y),
            (x + tall * 0.03, y),
            (x + tall * 0.03, y - tall * 0.2),
            (x - tall * 0.03, y - tall * 0.2),
        ],
        darker(colour, 0.3),
    )
    for level in range(4):
        wide = tall * (0.27 - 0.052 * level)
        low = y - tall * (0.1 + 0.2 * level)
        top = low - tall * 0.37
        ink.fill(
            [
                (x - wide, low),
                (x - wide * 0.25, low - tall * 0.05),
                (x, low - tall * 0.02),
                (x + wide * 0.25, low - tall * 0.05),
                (x + wide, low),
                (x, top),
            ],
            colour,
        )
        if snow is not None:
            ink.fill(
                [
                    (x - wide * 0.72, low - tall * 0.06),
                    (x, top),
                    (x + wide * 0.2, low - tall * 0.16),
                    (x - wide * 0.1, low - tall * 0.12),
                ],
                snow,
                0.85,
            )


def firs(
    setting: Setting,
    ink: Ink,
    rows: np.ndarray,
    depth: float,
    tall: float,
    colour: Colour,
    name: str,
) -> None:
    """Plant firs along a ridge, closer where they are small."""
    dice = setting.dice("firs", name)
    first, last = setting.across(depth)
    snow = setting.light.lit(rgb("f2f6fa")) if is_snowy(setting) else None
    x = float(first)
    while x < last:
        y = float(rows[min(len(rows) - 1, max(0, int(x - first)))])
        size = tall * setting.unit * float(dice.uniform(0.6, 1.25))
        fir(
            ink,
            x,
            y + 3 * setting.unit,
            size,
            mix(colour, setting.light.haze, float(dice.uniform(0, 0.14))),
            snow=snow,
        )
        x += size * float(dice.uniform(0.22, 0.62))


def broad(
    ink: Ink,
    x: float,
    y: float,
    tall: float,
    colour: Colour,
    *,
    bark: Colour,
    is_bare: bool = False,
) -> None:
    """Draw a broad tree in pixels, its foot at (x, y): a crown of heaps, or bare branches."""
    ink.line([(x, y), (x, y - tall * 0.55)], max(1.0, tall * 0.075), bark, width_end=tall * 0.04)
    if is_bare:
        for dx, dy in ((-0.3, 0.86), (0.28, 0.9), (-0.12, 1.0), (0.14, 0.98), (-0.4, 0.66)):
            points = [(x, y - tall * 0.4), (x + dx * tall * 0.5, y - dy * tall * 0.7)]
            points.append((x + dx * tall, y - dy * tall))
            ink.curve(points, max(0.8, tall * 0.032), bark, width_end=max(0.5, tall * 0.008))
        return
    shade, bright = darker(colour, 0.2), lighter(colour, 0.12)
    for dx, dy, size in _HEAPS:
        ink.disc(x + dx * tall, y - (dy - 0.025) * tall, size * tall, shade)
    for dx, dy, size in _HEAPS:
        ink.disc(x + dx * tall, y - (dy + 0.01) * tall, size * tall * 0.97, colour)
    for dx, dy, size in _HEAPS:
        for side, high, part in ((0.45, 0.35, 0.42), (-0.1, 0.55, 0.3), (0.1, 0.05, 0.26)):
            at = (x + (dx + side * size) * tall, y - (dy + high * size) * tall)
            ink.oval(*at, size * part * tall, size * part * 0.62 * tall, bright, alpha=0.55)


_HEAPS: Final = (
    (-0.24, 0.5, 0.15),
    (0.25, 0.52, 0.15),
    (0.0, 0.5, 0.17),
    (-0.15, 0.68, 0.18),
    (0.16, 0.7, 0.18),
    (0.0, 0.85, 0.15),
)


def broads(
    setting: Setting,
    ink: Ink,
    rows: np.ndarray,
    depth: float,
    tall: float,
    far: float,
    name: str,
) -> None:
    """Plant broad trees of the season along a ridge, closer where they are small."""
    light, dice = setting.light, setting.dice("broads", name)
    first, last = setting.across(depth)
    bark = light.lit(rgb("5a4234"), far)
    x = float(first)
    while x < last:
        y = float(rows[min(len(rows) - 1, max(0, int(x - first)))])
        size = tall * setting.unit * float(dice.uniform(0.65, 1.2))
        leaves = light.lit(crown(setting, float(dice.random())), far)
        broad(ink, x, y + 3 * setting.unit, size, leaves, bark=bark, is_bare=is_snowy(setting))
        x += size * float(dice.uniform(0.3, 0.62))


def grass(setting: Setting, green: Colour, *, row_count: int = 2) -> list[Piece]:
    """Build rows of blades and flowers that sway before everything."""
    light, unit = setting.light, setting.unit
    pieces: list[Piece] = []
    flowers = ("f7e04a", "f2f2f6", "f27a9a", "b48af2")
    for index, (low, depth, tall, shade) in enumerate(
        ((0.985, 1.25, 52, 0.2), (1.03, 1.7, 92, 0.42))[:row_count]
    ):
        ink = setting.ink(depth, setting.height * 0.7, setting.height * low)
        dice = setting.dice("grass", str(index))
        first, last = setting.across(depth)
        base = setting.height * low + 30 * unit
        x = float(first)
        while x < last:
            high = tall * unit * float(dice.uniform(0.5, 1.2))
            lean = float(dice.uniform(-0.4, 0.5)) * high
            colour = light.lit(mix(green, rgb("1f4a2a"), shade * float(dice.uniform(0.6, 1.4))))
            wide = 5.5 * unit * depth
            ink.fill(
                [
                    (x - wide, base),
                    (x + lean * 0.4 - wide * 0.2, base - high * 0.6),
                    (x + lean, base - high - 26 * unit),
                    (x + lean * 0.4 + wide * 0.5, base - high * 0.6),
                    (x + wide, base),
                ],
                colour,
            )
            if dice.random() < 0.07 and not is_snowy(setting):  # noqa: PLR2004 -- here and there
                bloom = light.lit(rgb(str(dice.choice(flowers))))
                for petal in range(5):
                    angle = 2 * math.pi * petal / 5
                    ink.disc(
                        x + lean + 5 * unit * math.cos(angle),
                        base - high - 24 * unit + 5 * unit * math.sin(angle),
                        4.2 * unit,
                        bloom,
                    )
                ink.disc(x + lean, base - high - 24 * unit, 3 * unit, light.lit(rgb("e8a23a")))
            x += unit * depth * float(dice.uniform(4, 11))
        pieces.append(Plate(ink.drawing(), depth, sway=(3 + 2 * index) * unit, sway_s=3.2 + index))
    return pieces
