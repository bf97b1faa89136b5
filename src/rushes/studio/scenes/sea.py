"""The sea: far islands, a mirror of water, rows of waves, and what sails or swims."""

from __future__ import annotations

from typing import Final

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Point
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.seasons import is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.scenes.water import glints, water_tint, waves
from rushes.studio.stage import Mirror, Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build the sea."""
    light, unit = setting.light, setting.unit
    horizon = setting.down(0.56)
    pieces = sky(setting, horizon)
    pieces += distance(setting, horizon)
    islands = ((0.11, 0.1, 0.75), (0.06, 0.2, 0.5)) if is_open(setting) else ()
    for index, (height, depth, far) in enumerate(islands):
        ridge = Ridge(horizon + 2 * unit, setting.height * height, 2.2, depth, gain=0.45)
        rows = _islands(setting, ridge, f"island{index}", horizon)
        pieces.append(
            Plate(land(setting, rows, depth, light.far(far), bottom=horizon + 4).drawing(), depth)
        )
    cast = Cast(setting)
    air = Spot(y=setting.down(0.3), depth=0.6, bob=9, scale=0.9)
    pieces += cast.enter(air, Habit.FLY, Habit.FLOAT)
    # A town or a range stands so near the water that only a dimmer image tells them apart.
    strength = 0.5 if is_open(setting) else 0.9
    pieces.append(Mirror(horizon, water_tint(setting, horizon, strength=strength), 0.9 * unit))
    pieces += glints(setting, horizon)
    place = horizon + 0.5 * (setting.height - horizon)
    pieces.append(waves(setting, horizon + 0.22 * (setting.height - horizon), 0.35, "far"))
    pieces.append(waves(setting, place - 12 * unit, 0.7, "middle"))
    spot = Spot(y=place + 12 * unit, bob=6, scale=1.0)
    pieces += cast.enter(spot, Habit.SAIL, Habit.SWIM, Habit.THING, default="sailboat")
    if cast.need(*Habit):
        if not _HAVE_GROUND.issuperset(setting.plan.subjects):
            pieces.append(Plate(_islet(setting, place + 14 * unit), 1.0))
        pieces += cast.enter(Spot(y=place + 8 * unit, from_x=0.4, to_x=0.54), *Habit)
    pieces.append(waves(setting, place + 30 * unit, 1.0, "near"))
    pieces.append(waves(setting, setting.height - 66 * unit, 1.6, "front"))
    if is_open(setting):
        pieces.append(Plate(_rocks(setting), 1.7))
    return pieces


def _islet(setting: Setting, y: float) -> Drawing:
    """Draw ground for those who cannot swim: a floe where it is cold, else a rock."""
    light, unit, width = setting.light, setting.unit, setting.width
    is_ice = is_snowy(setting)
    ink = setting.ink(1.0, y - 60 * unit, y + 90 * unit)
    x, wide = width * 0.47, max(width * 0.22, 250 * unit)
    top = light.lit(rgb("f4f9fc" if is_ice else "7d8a5c"))
    side = light.lit(rgb("8fc0d8" if is_ice else "5c5048"))
    dice = setting.dice("islet")
    rim = [(x + wide * share, y + float(dice.uniform(-3, 9)) * unit) for share in _STEPS]
    foot = [
        (px + (px - x) * 0.05, y + float(dice.uniform(38, 62)) * unit) for px, _ in reversed(rim)
    ]
    ink.fill([*rim, *foot], Fade(side, darker(side, 0.4)))
    for index in range(0, len(rim) - 1, 2):
        (x0, y0), (x1, y1) = rim[index], rim[index + 1]
        facet = [(x0, y0), (x1, y1), (x1, y1 + 50 * unit), (x0 + 8 * unit, y0 + 50 * unit)]
        ink.shadow_over(facet, light.shade, 0.3)
    back = [(x + wide * share, y - 24 * unit * (1 - share * share)) for share in reversed(_STEPS)]
    ink.fill([*rim, *back], Fade(lighter(top, 0.14), top))
    return ink.drawing()


def _rocks(setting: Setting) -> Drawing:
    """Draw wet rocks at the near edge, on the side that no words stand on."""
    light, unit, depth = setting.light, setting.unit, 1.7
    ink = setting.ink(depth, setting.height * 0.7, setting.height)
    first, last = setting.across(depth)
    dice = setting.dice("rocks")
    low = setting.height + setting.view.margin_y(depth) + 6
    rock = mix(darker(light.near, 0.1), light.haze, 0.1)
    # One group is in view whatever the camera does: they come again and again.
    span = max(setting.width * 1.15, 1000 * unit)
    groups = [setting.width - 40 * unit + span * number for number in range(-2, 3)]
    stones = [
        (right - away * unit, wide, tall)
        for right in groups
        for away, wide, tall in ((250, 96, 62), (20, 190, 150), (140, 120, 96))
        if first - 200 * unit < right < last + 300 * unit
    ]
    for x, wide, tall in stones:
        points: list[Point] = [(x - wide * unit, low)]
        for share in (-0.7, -0.35, 0.0, 0.3, 0.62):
            high = tall * (1 - share * share) * float(dice.uniform(0.72, 1.1))
            points.append((x + wide * share * unit, low - high * unit))
        ink.fill([*points, (x + wide * unit, low)], Fade(lighter(rock, 0.14), rock))
        ink.fill(
            [points[2], points[3], (x + wide * 0.1 * unit, low), (x - wide * 0.5 * unit, low)],
            lighter(rock, 0.16),
            0.5,
        )
    return ink.drawing()


_STEPS: Final = (-1.0, -0.78, -0.55, -0.3, 0.0, 0.28, 0.52, 0.8, 1.0)
_HAVE_GROUND: Final = frozenset({"lighthouse", "bridge"})
"""Subjects that are drawn with what they stand on."""


def _islands(setting: Setting, ridge: Ridge, name: str, horizon: int) -> np.ndarray:
    """Return a ridge that is under water for most of its way."""
    rows = ridge_line(setting, ridge, name)
    return np.minimum(horizon + 4.0, rows + ridge.height * 0.55)
