"""What lies beyond a place, where words name two: the far shore, the town behind the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from rushes.studio.colours import darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade
from rushes.studio.plan import Scene
from rushes.studio.scenes.dunes import dune, mesas
from rushes.studio.scenes.plants import broads, firs
from rushes.studio.scenes.ranges import Rock, peaks, snow_of
from rushes.studio.scenes.seasons import crown, is_snowy, turf
from rushes.studio.scenes.setting import Ridge, Setting, land, mist, ridge_line
from rushes.studio.scenes.skyline import skyline
from rushes.studio.scenes.water import glints, water_tint, waves
from rushes.studio.stage import Mirror, Piece, Plate


def distance(setting: Setting, horizon: float) -> list[Piece]:
    """Build what the plan says lies beyond, standing on the horizon (a row)."""
    pieces: list[Piece] = []
    for place in reversed(setting.plan.beyond):
        if place in _FAR:
            pieces += _FAR[place](setting, horizon)
    return pieces


def is_open(setting: Setting) -> bool:
    """Say whether nothing in particular lies beyond."""
    return not any(place in _FAR for place in setting.plan.beyond)


def _town(setting: Setting, horizon: float) -> list[Piece]:
    rows = ((0, 0.06, 0.24, 0.44, 0.62), (1, 0.12, 0.16, 0.32, 0.36))
    pieces: list[Piece] = []
    for index, depth, low, high, far in rows:
        span = (low, high)
        drawing = skyline(setting, index, depth, horizon + 4, span, far)
        pieces.append(Plate(drawing, depth))
    pieces.append(mist(setting, horizon - 26 * setting.unit, setting.height * 0.1, 0.12, 0.3))
    if setting.plan.scene is Scene.SEA:
        return [*pieces, Plate(_quay(setting, horizon), 0.12)]
    ground = setting.light.lit(turf(setting), 0.45)
    plain = np.full(len(range(*setting.across(0.12))), horizon)
    low = min(setting.height, horizon + 0.14 * setting.height)
    ink = land(setting, plain, 0.12, Fade(ground, darker(ground, 0.2)), bottom=low)
    return [*pieces, Plate(ink.drawing(), 0.12)]


def _quay(setting: Setting, horizon: float) -> Drawing:
    """Draw the edge between town and water, with its row of lamps."""
    unit, light, depth = setting.unit, setting.light, 0.12
    ink = setting.ink(depth, horizon - 60 * unit, horizon + 8)
    first, last = setting.across(depth)
    stone = darker(light.far(0.12), 0.25)
    ink.box(first, horizon - 11 * unit, last - first, 15 * unit, stone)
    ink.box(first, horizon - 13 * unit, last - first, 3 * unit, lighter(stone, 0.22))
    if light.is_dark:
        for x in range(first, last, max(8, round(46 * unit))):
            ink.glow(x, horizon - 17 * unit, 17 * unit, rgb("ffd98a"), 0.7)
            ink.disc(x, horizon - 17 * unit, 2.2 * unit, rgb("fff2cc"))
    return ink.drawing()


def _mountains(setting: Setting, horizon: float) -> list[Piece]:
    height, light = setting.height, setting.light
    pieces: list[Piece] = []
    for index, (rise, lumps, depth, far) in enumerate(
        ((0.36, 1.9, 0.05, 0.72), (0.2, 2.8, 0.1, 0.46))
    ):
        ridge = Ridge(horizon, height * rise, lumps, depth, gain=0.52)
        body = light.far(far)
        has_snow = index == 0 or is_snowy(setting)
        rock = Rock(
            body,
            mix(body, light.haze, 0.6),
            snow_of(setting) if has_snow else None,
            horizon - height * (rise * (0.12 if is_snowy(setting) else 0.42)),
        )
        pieces.append(Plate(peaks(setting, ridge, rock, f"beyond{index}"), depth))
    pieces.append(mist(setting, horizon - 8 * setting.unit, height * 0.1, 0.1, 0.5))
    return pieces


def _woods(setting: Setting, horizon: float) -> list[Piece]:
    height, light = setting.height, setting.light
    pieces: list[Piece] = []
    for index, (rise, depth, far, tall) in enumerate(
        ((0.07, 0.08, 0.62, 78), (0.03, 0.16, 0.36, 116))
    ):
        ridge = Ridge(horizon, height * rise, 2.0, depth, octaves=3)
        rows = ridge_line(setting, ridge, f"woods{index}")
        ground = light.lit(turf(setting), far)
        low = min(setting.height, horizon + height * 0.12)
        ink = land(setting, rows, depth, Fade(ground, darker(ground, 0.1)), bottom=low, growth=190)
        colour = light.lit(mix(crown(setting), rgb("2f5a44"), 0.4), far)
        firs(setting, ink, rows, depth, tall, colour, f"woods{index}")
        broads(setting, ink, rows, depth, tall * 0.8, far, f"woods{index}")
        pieces.append(Plate(ink.drawing(), depth))
    return pieces


def _dunes(setting: Setting, horizon: float) -> list[Piece]:
    ink = setting.ink(0.06, setting.height * 0.3, horizon + 8)
    mesas(setting, ink, horizon + 4)
    sand = mix(setting.light.lit(rgb("e8b071")), setting.light.haze, 0.4)
    share = horizon / setting.height
    return [
        Plate(ink.drawing(), 0.06),
        Plate(dune(setting, share + 0.01, 0.1, 0.14, sand, "beyond"), 0.14),
    ]


def _water(setting: Setting, horizon: float) -> list[Piece]:
    line = round(horizon / 2) * 2
    room = setting.height - line
    return [
        Mirror(line, water_tint(setting, line), 0.9 * setting.unit),
        *glints(setting, line),
        waves(setting, line + 0.12 * room, 0.2, "far"),
    ]


def _hills(setting: Setting, horizon: float) -> list[Piece]:
    rows = ridge_line(setting, Ridge(horizon, setting.height * 0.1, 1.7, 0.1, octaves=3), "hills")
    colour = setting.light.lit(turf(setting), 0.5)
    low = min(setting.height, horizon + setting.height * 0.12)
    ink = land(setting, rows, 0.1, Fade(lighter(colour, 0.06), colour), bottom=low, growth=60)
    broads(setting, ink, rows, 0.1, 34, 0.5, "hills")
    return [Plate(ink.drawing(), 0.1)]


_FAR: Final[Mapping[Scene, Callable[[Setting, float], list[Piece]]]] = {
    Scene.CITY: _town,
    Scene.MOUNTAIN: _mountains,
    Scene.FOREST: _woods,
    Scene.DESERT: _dunes,
    Scene.SEA: _water,
    Scene.MEADOW: _hills,
}
