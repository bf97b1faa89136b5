"""The desert: dunes in light and shade, and far mesas."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build dunes: sunlit on one side, in shadow on the other."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.62)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    mesa = setting.ink(0.1, height * 0.4, horizon + 8)
    _mesas(setting, mesa, horizon + 4)
    pieces.append(Plate(mesa.drawing(), 0.1))
    pieces += airborne(setting, cast, y=0.28)
    sand = light.lit(rgb("e8b071"))
    for index, (y, rise, depth, far) in enumerate(
        ((0.62, 0.07, 0.25, 0.55), (0.7, 0.1, 0.5, 0.32), (0.8, 0.1, 0.8, 0.12))
    ):
        colour = mix(sand, light.haze, far)
        pieces.append(Plate(_dune(setting, y, rise, depth, colour, f"dune{index}"), depth))
    pieces.append(Plate(_dune(setting, 0.9, 0.05, 1.0, sand, "front"), 1.0))
    if not cast.need(*Habit):
        pieces.append(
            cast.another("cactus", Spot(y=height * 0.88, scale=1.1, from_x=0.7, to_x=0.7))
        )
    pieces += grounded(setting, cast, height * 0.9, default="camel")
    return pieces


def _mesas(setting: Setting, ink: Ink, base: float) -> None:
    dice = setting.dice("mesas")
    first, last = setting.across(0.1)
    colour = setting.light.far(0.62)
    x = first - 40.0 * setting.unit
    while x < last:
        wide = float(dice.uniform(60, 190)) * setting.unit
        tall = float(dice.uniform(20, 92)) * setting.unit
        if dice.random() < 0.55:  # noqa: PLR2004 -- about every second gap has one
            ink.fill(
                [
                    (x, base),
                    (x + wide * 0.1, base - tall * 0.5),
                    (x + wide * 0.16, base - tall),
                    (x + wide * 0.84, base - tall),
                    (x + wide * 0.9, base - tall * 0.45),
                    (x + wide, base),
                ],
                Fade(colour, mix(colour, setting.light.haze, 0.5)),
            )
        x += wide * float(dice.uniform(0.7, 1.7))


def _dune(
    setting: Setting, y: float, rise: float, depth: float, sand: Colour, name: str
) -> Drawing:
    """Draw a dune whose crest parts light from shade."""
    height, unit = setting.height, setting.unit
    ridge = Ridge(height * y, height * rise, 1.8, depth, octaves=2, gain=0.35)
    rows = ridge_line(setting, ridge, name)
    bright = lighter(mix(sand, setting.light.sun, 0.22), 0.06)
    ink = land(setting, rows, depth, Fade(bright, darker(sand, 0.16)))
    first, _ = setting.across(depth)
    step = max(2, round(8 * unit))
    shade = mix(darker(sand, 0.34), setting.light.shade, 0.25)
    slopes = np.gradient(rows)
    above: list[tuple[float, float]] = []
    below: list[tuple[float, float]] = []
    for index in range(0, len(rows), step):
        slope = float(slopes[index])
        if slope > 0:  # it falls to the right, away from the sun
            above.append((first + index, float(rows[index])))
            below.append(
                (
                    first + index - 26 * unit * depth,
                    float(rows[index]) + slope * 330 * unit * (0.4 + depth),
                )
            )
        elif len(above) > 1:
            ink.fill([*above, *reversed(below)], Fade(shade, mix(shade, sand, 0.85)), 0.85)
            above, below = [], []
    if len(above) > 1:
        ink.fill([*above, *reversed(below)], Fade(shade, mix(shade, sand, 0.85)), 0.85)
    ripple = darker(sand, 0.1)
    dice = setting.dice("ripples", name)
    for _ in range(int(34 * depth)):
        x = first + float(dice.random()) * len(rows)
        low = (
            float(rows[min(len(rows) - 1, int(x - first))])
            + float(dice.uniform(14, 130)) * unit * depth
        )
        long = float(dice.uniform(30, 110)) * unit * depth
        ink.curve(
            [(x, low), (x + long * 0.5, low - 5 * unit), (x + long, low + 2 * unit)],
            1.6 * unit,
            ripple,
            width_end=0.6,
            alpha=0.5,
        )
    return ink.drawing()
