"""Mountains: ranges one behind another, snow, firs, and a volcano."""

from __future__ import annotations

from typing import Final

from rushes.studio.cast import Cast
from rushes.studio.colours import darker, mix, rgb
from rushes.studio.ink import Drawing, Fade
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import fir, firs, grass
from rushes.studio.scenes.ranges import Rock, peaks, snow_of
from rushes.studio.scenes.seasons import is_snowy, turf
from rushes.studio.scenes.setting import Ridge, Setting, land, mist, ridge_line
from rushes.studio.stage import Piece, Plate

_RANGES: Final = (
    (0.62, 0.44, 1.7, 0.12, 0.76),
    (0.7, 0.32, 2.4, 0.25, 0.52),
    (0.79, 0.2, 3.2, 0.5, 0.28),
)
"""Of each range: its row, how high it rises, its lumps, its depth, how far it is."""


def build(setting: Setting) -> list[Piece]:
    """Build mountains: four ranges, the far ones pale and snow-capped, firs in front."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.74)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    snow_line = 0.72 if is_snowy(setting) else 0.42
    for index, (y, rise, lumps, depth, far) in enumerate(_RANGES):
        ridge = Ridge(height * y, height * rise, lumps, depth, gain=0.54)
        body = light.far(far)
        white = snow_of(setting) if index < 2 or is_snowy(setting) else None  # noqa: PLR2004 -- high
        foot = mix(body, light.haze, 0.6 if index < 2 else 0.2)  # noqa: PLR2004 -- in the mist
        rock = Rock(body, foot, white, height * snow_line - 40 * setting.unit * index)
        pieces.append(Plate(peaks(setting, ridge, rock, f"range{index}"), depth))
        if index == 0 and "volcano" in setting.plan.extras:
            pieces.append(Plate(_volcano(setting, horizon), 0.18))
        if index == 1:
            pieces.append(mist(setting, height * 0.72, height * 0.16, 0.4, 0.8))
            pieces += airborne(setting, cast, y=0.32)
    ground = Ridge(height * 0.86, height * 0.05, 1.6, 1.0, gain=0.4)
    rows = ridge_line(setting, ground, "ground")
    lawn = light.lit(mix(turf(setting), rgb("4a6a4a"), 0.0 if is_snowy(setting) else 0.4))
    back = Ridge(height * 0.845, height * 0.06, 2.2, 0.8, gain=0.4)
    ink = land(setting, ridge_line(setting, back, "wood"), 0.8, light.far(0.2), growth=90)
    firs(setting, ink, ridge_line(setting, back, "wood"), 0.8, 64, light.far(0.16), "back")
    pieces.append(Plate(ink.drawing(), 0.8))
    pieces.append(
        Plate(
            land(
                setting, rows, 1.0, Fade(mix(lawn, light.haze, 0.12), darker(lawn, 0.5))
            ).drawing(),
            1.0,
        )
    )
    pieces += grounded(setting, cast, height * 0.89)
    pieces += grass(setting, turf(setting), row_count=1)
    pieces.append(_frame_of_firs(setting))
    return pieces


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
