"""Mountains: ranges one behind another, snow, firs, and a volcano."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import fir, firs, is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, mist, ridge_line
from rushes.studio.stage import Piece, Plate


def build(setting: Setting) -> list[Piece]:
    """Build mountains: four ranges, the far ones pale and snow-capped, firs in front."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.74)
    pieces = sky(setting, horizon)
    snow = lighter(mix(light.sky[3], light.sun, 0.4), 0.25)
    ranges = (
        (0.6, 0.34, 2.0, 0.12, 0.8),
        (0.68, 0.3, 2.6, 0.25, 0.58),
        (0.78, 0.2, 3.2, 0.5, 0.34),
    )
    cast = Cast(setting)
    for index, (y, rise, lumps, depth, far) in enumerate(ranges):
        ridge = Ridge(height * y, height * rise, lumps, depth, gain=0.55)
        rows = ridge_line(setting, ridge, f"range{index}")
        colour = light.far(far)
        ink = land(setting, rows, depth, Fade(colour, mix(colour, light.haze, 0.45)))
        if index < 2:  # noqa: PLR2004 -- the two far ranges are high enough for snow
            _snowcaps(setting, ink, rows, ridge, snow if index == 0 else mix(snow, colour, 0.3))
        pieces.append(Plate(ink.drawing(), depth))
        if index == 0 and "volcano" in setting.plan.extras:
            pieces.append(Plate(_volcano(setting, horizon), 0.18))
        if index == 1:
            pieces.append(mist(setting, height * 0.72, height * 0.16, 0.4, 0.8))
            pieces += airborne(setting, cast, y=0.32)
    ground = Ridge(height * 0.86, height * 0.05, 1.6, 1.0, gain=0.4)
    rows = ridge_line(setting, ground, "ground")
    turf = light.lit(rgb("eef3f8" if is_snowy(setting) else "5d7a52"))
    back = Ridge(height * 0.845, height * 0.06, 2.2, 0.8, gain=0.4)
    ink = land(setting, ridge_line(setting, back, "wood"), 0.8, light.far(0.2), growth=90)
    firs(setting, ink, ridge_line(setting, back, "wood"), 0.8, 64, light.far(0.16), "back")
    pieces.append(Plate(ink.drawing(), 0.8))
    pieces.append(
        Plate(
            land(
                setting, rows, 1.0, Fade(mix(turf, light.haze, 0.12), darker(turf, 0.5))
            ).drawing(),
            1.0,
        )
    )
    pieces += grounded(setting, cast, height * 0.89)
    pieces.append(_frame_of_firs(setting))
    return pieces


def _snowcaps(setting: Setting, ink: Ink, rows: np.ndarray, ridge: Ridge, snow: Colour) -> None:
    """Lay snow on the tops: a jagged edge below the ridge line, where it is high."""
    first, _ = setting.across(ridge.depth)
    dice = setting.dice("snowcap", str(ridge.y))
    line = ridge.y - ridge.height * 0.42
    step = max(3, round(15 * setting.unit))
    above: list[tuple[float, float]] = []
    below: list[tuple[float, float]] = []
    for index in range(0, len(rows), step):
        y = float(rows[index])
        deep = max(0.0, line - y) * float(dice.uniform(0.4, 0.8))
        if deep > 0:
            above.append((first + index, y - 1))
            below.append((first + index, y + deep))
        elif above:
            ink.fill([*above, *reversed(below)], snow, 0.92)
            above, below = [], []
    if len(above) > 1:
        ink.fill([*above, *reversed(below)], snow, 0.92)


def _volcano(setting: Setting, horizon: int) -> Drawing:
    light, unit = setting.light, setting.unit
    ink = setting.ink(0.18, 0, horizon + 40 * unit)
    x, top, low = setting.width * 0.42, setting.height * 0.3, horizon + 30 * unit
    rock = light.far(0.45)
    for step, (dx, dy, size) in enumerate(
        ((-10, -60, 46), (30, -96, 58), (-30, -140, 66), (24, -190, 78))
    ):
        ink.disc(
            x + dx * unit,
            top + dy * unit,
            size * unit,
            mix(rock, rgb("5a3038"), 0.4),
            0.5 - 0.07 * step,
        )
    ink.glow(x, top - 10 * unit, 240 * unit, rgb("ff6a2a"), 0.85)
    ink.fill(
        [(x - 46 * unit, top), (x + 46 * unit, top), (x + 300 * unit, low), (x - 310 * unit, low)],
        rock,
    )
    for dx, end, wide in ((-10, -70, 9), (14, 60, 12), (2, 8, 7)):
        points = [
            (x + dx * unit, top),
            (x + (dx + end * 0.3) * unit, top + 70 * unit),
            (x + (dx + end) * unit, top + 190 * unit),
        ]
        ink.curve(points, wide * unit, rgb("ff8a3a"), width_end=3 * unit)
        ink.curve(points, wide * 0.4 * unit, rgb("ffe08a"), width_end=1.5 * unit)
    ink.oval(x, top, 46 * unit, 8 * unit, rgb("ffb04a"))
    return ink.drawing()


def _frame_of_firs(setting: Setting) -> Plate:
    """Stand dark firs at both sides, nearer than everything."""
    unit, depth = setting.unit, 1.7
    ink = setting.ink(depth, setting.height * 0.3, setting.height)
    dark = darker(setting.light.near, 0.12)
    first, last = setting.across(depth)
    snow = setting.light.lit(rgb("dfe8f0")) if is_snowy(setting) else None
    low = setting.height + 30 * unit
    for x, tall in (
        (first + 10 * unit, 330),
        (first + 84 * unit, 220),
        (last - 20 * unit, 370),
        (last - 104 * unit, 250),
    ):
        fir(ink, x, low, tall * unit, dark, snow=snow)
    return Plate(ink.drawing(), depth)
