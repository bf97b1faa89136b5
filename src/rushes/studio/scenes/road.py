"""The open road, seen from beside it: the ground goes by, the car stays."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Move, Scene, Weather
from rushes.studio.planes import Sprite, sprite_of
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.entrances import airborne
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import broad, fir
from rushes.studio.scenes.seasons import crown, is_snowy, turf
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Belt, Mirror, Piece, Plate
from rushes.studio.subjects.pen import Habit

_PACE = 430.0
"""How fast the ground goes by, in units a second."""


def build(setting: Setting) -> list[Piece]:
    """Build the open road, from beside it: hills, poles and dashes go by, the car stays."""
    light, height, unit = setting.light, setting.height, setting.unit
    horizon = setting.down(0.66)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    green = mix(turf(setting), rgb("a8b060"), 0.0 if is_snowy(setting) else 0.35)
    way = -1 if setting.view.move is not Move.PAN_LEFT else 1
    if Scene.DESERT in setting.plan.beyond:
        green = rgb("c8a468")
    by_water = Scene.SEA in setting.plan.beyond
    pieces += distance(setting, height * (0.52 if by_water else 0.62))
    hills = ((0.6, 0.16, 0.06, 0.74), (0.68, 0.1, 0.14, 0.46))
    for index, (y, rise, depth, far) in enumerate(hills):
        if not (is_open(setting) or (index == 1 and _LOW.isdisjoint(setting.plan.beyond))):
            continue
        rows = ridge_line(setting, Ridge(height * y, height * rise, 2.2, depth), f"hill{index}")
        colour = light.far(far) if index == 0 else light.lit(green, far)
        pieces.append(
            Plate(
                land(setting, rows, depth, Fade(colour, mix(colour, light.haze, 0.3))).drawing(),
                depth,
            )
        )
    pieces += airborne(setting, cast, y=0.28)
    is_wooded = Scene.FOREST in setting.plan.beyond
    if is_wooded:
        pieces.append(_wood(setting, height * 0.745, way))
    else:
        pieces.append(
            _hedge(setting, horizon + 10 * unit, green, way, 20 if is_open(setting) else 5)
        )
        pieces.append(_poles(setting, height * 0.74, way))
    top = setting.down(0.74)
    is_rail = setting.plan.subjects[:1] == ("train",)
    pieces += _rails(setting, top, way) if is_rail else _lanes(setting, top, way)
    drive = Spot(y=top + 0.42 * (height - top), depth=0.1, scale=1.55, from_x=0.36, to_x=0.56)
    behind = Spot(y=top - 2 * unit, depth=0.1, scale=1.2, from_x=0.66, to_x=0.8)
    if cast.need(Habit.DRIVE, Habit.WALK):
        pieces += cast.enter(behind, Habit.STAND)
    pieces += cast.enter(drive, *Habit, default="car")
    pieces.append(_verge(setting, green, way) if is_rail or is_wooded else _rail(setting, way))
    return pieces


_LOW: Final = frozenset({Scene.SEA, Scene.CITY, Scene.DESERT})
"""What would not be seen behind a hill."""


def _lanes(setting: Setting, top: int, way: int) -> list[Piece]:
    """Build the road itself: a mirror where it is wet, else plain tarmac; and its dashes."""
    is_wet = setting.plan.weather in {Weather.RAIN, Weather.STORM} or (
        setting.light.is_dark and Scene.CITY in setting.plan.beyond
    )
    ground: list[Piece] = [Plate(_tarmac(setting, top), 0.0)]
    if is_wet:
        ground = [Mirror(top, _wet(setting, top), 0.3 * setting.unit)]
    return [*ground, _dashes(setting, top + 0.5 * (setting.height - top), way)]


def _wet(setting: Setting, top: int) -> Sprite:
    """Return what a wet road lays over its mirror image."""
    light = setting.light
    stone = mix(light.lit(rgb("4c4c58")), light.near, 0.55)
    rows = setting.height - top + 2 * setting.view.margin_y(1.0)
    alpha = 0.5 + 0.4 * np.linspace(0, 1, rows, dtype=np.float32)[:, None] ** 0.7
    column = np.concatenate([np.array(stone[::-1], np.float32) * alpha, 255 * alpha], 1)
    return sprite_of((np.repeat(column[:, None], setting.width, axis=1) + 0.5).astype(np.uint8))


def _rails(setting: Setting, top: int, way: int) -> list[Piece]:
    """Build a railway: a bed of stones, sleepers that go by, and rails."""
    light, unit, height = setting.light, setting.unit, setting.height
    bed = light.lit(rgb("d4dae0" if is_snowy(setting) else "8a8078"))
    ink = Ink(setting.width + 8, height - top + 8, x=4, y=-top, fineness=1)
    ink.box(-4, top, setting.width + 8, height - top + 8, Fade(bed, darker(bed, 0.5)))
    dice = setting.dice("stones")
    for _ in range(420):
        x, y = float(dice.uniform(0, setting.width)), float(dice.uniform(top, height))
        size = (1.5 + 4 * (y - top) / (height - top)) * unit
        ink.oval(x, y, size * 1.5, size, darker(bed, float(dice.uniform(0.0, 0.45))), alpha=0.6)
    low = top + 0.42 * (height - top)
    period, tall = round(96 * unit / 2) * 2, round(40 * unit / 2) * 2
    tie = Ink(period, tall, fineness=1)
    wood = light.lit(rgb("5a4434"))
    tie.fill([(20 * unit, 4), (66 * unit, 4), (56 * unit, tall - 2), (4 * unit, tall - 2)], wood)
    sleepers = Belt.of(
        tie.tile(), setting.view, y=low - 18 * unit, depth=0.1, speed_x=way * _PACE * unit
    )
    steel = Ink(setting.width + 8, 60 * unit, x=4, y=20 * unit - low, fineness=1)
    for dy, wide in ((-12, 5), (10, 7)):
        y = low + dy * unit
        steel.box(-4, y, setting.width + 8, wide * unit, light.lit(rgb("c8d0d8")))
        steel.box(-4, y + wide * unit, setting.width + 8, 3 * unit, darker(wood, 0.5))
    return [Plate(ink.drawing(), 0.0), sleepers, Plate(steel.drawing(), 0.0)]


def _wood(setting: Setting, y: float, way: int) -> Belt:
    """Build the trees of a wood at the roadside, which go by."""
    light, unit = setting.light, setting.unit
    period, tall = round(1700 * unit / 2) * 2, round(430 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    dice = setting.dice("roadside")
    bark = light.lit(rgb("5a4234"), 0.08)
    base = tall - 12 * unit
    for index in range(19):
        x = (index + float(dice.uniform(0.25, 0.75))) * period / 19
        size = float(dice.uniform(230, 390)) * unit * (0.8 if index % 2 else 1.0)
        x = min(period - size * 0.42, max(size * 0.42, x))
        far = 0.22 if index % 2 else 0.06
        leaves = light.lit(crown(setting, float(dice.random())), far)
        if index % 3 == 0:
            snow = light.lit(rgb("f2f6fa")) if is_snowy(setting) else None
            tone = light.lit(mix(crown(setting), rgb("2a5244"), 0.6), far)
            fir(ink, x, base, size, tone, snow=snow)
        else:
            broad(ink, x, base, size, leaves, bark=bark, is_bare=is_snowy(setting))
    ground = light.lit(turf(setting), 0.08)
    ink.box(-4, base - 16 * unit, period + 8, 40 * unit, Fade(darker(ground, 0.3), ground))
    return Belt.of(
        ink.tile(), setting.view, y=y - tall, depth=0.2, speed_x=way * _PACE * 0.5 * unit
    )


def _verge(setting: Setting, green: Colour, way: int) -> Belt:
    """Build the grass and bushes of the near side, which go by fastest."""
    light, unit = setting.light, setting.unit
    period, tall = round(1240 * unit / 2) * 2, round(150 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    dice = setting.dice("verge")
    dark = light.lit(mix(green, rgb("1f3a2a"), 0.5))
    for _ in range(7):
        x, size = float(dice.uniform(90 * unit, period - 90 * unit)), float(dice.uniform(30, 52))
        for dx, dy, part in ((-0.7, 0.2, 0.8), (0.7, 0.2, 0.8), (0.0, -0.3, 1.0)):
            at = (x + dx * size * unit, tall - (30 - dy * size) * unit)
            ink.disc(*at, size * part * unit, Fade(lighter(dark, 0.08), darker(dark, 0.3)))
    for _ in range(260):
        x = float(dice.uniform(14 * unit, period - 14 * unit))
        high, lean = float(dice.uniform(40, 92)) * unit, float(dice.uniform(-14, 12)) * unit
        tone = light.lit(mix(green, rgb("1f3a2a"), float(dice.uniform(0.2, 0.6))))
        ink.fill([(x - 4 * unit, tall), (x + lean, tall - high), (x + 4 * unit, tall)], tone)
    return Belt.of(
        ink.tile(),
        setting.view,
        y=setting.height - tall + 24 * unit,
        depth=0.2,
        speed_x=way * _PACE * 1.7 * unit,
    )


def _hedge(setting: Setting, y: float, green: Colour, way: int, count: int) -> Belt:
    light, unit = setting.light, setting.unit
    period = round(1500 * unit / 2) * 2
    tall = round(150 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    dice = setting.dice("hedge")
    base = tall - 34 * unit
    ground = light.lit(green, 0.12)
    ink.box(-4, base, period + 8, 60 * unit, Fade(ground, darker(ground, 0.2)))
    for _ in range(count):
        x = float(dice.uniform(60 * unit, period - 60 * unit))
        size = float(dice.uniform(18, 44)) * unit
        share = float(dice.uniform(0.4, 0.8))
        leaves = mix(crown(setting, share), rgb("2a5a34"), 0.3)
        colour = light.lit(mix(green, leaves, share), 0.1)
        for dx, dy, part in ((-0.6, 0.1, 0.8), (0.6, 0.1, 0.75), (0.0, -0.4, 1.0)):
            ink.disc(x + dx * size, base - size * 0.5 + dy * size, size * part, colour)
    return Belt.of(
        ink.tile(),
        setting.view,
        y=y - base + 20 * unit,
        depth=0.2,
        speed_x=way * _PACE * 0.3 * unit,
    )


def _poles(setting: Setting, y: float, way: int) -> Belt:
    unit = setting.unit
    period = round(760 * unit / 2) * 2
    tall = round(330 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    iron = darker(setting.light.near, 0.1)
    x, foot = period / 2, float(tall)
    ink.line([(x, foot), (x, foot - 300 * unit)], 8 * unit, iron, width_end=6 * unit)
    ink.line(
        [(x - 44 * unit, foot - 268 * unit), (x + 44 * unit, foot - 268 * unit)], 6 * unit, iron
    )
    for dx in (-38, 38):
        high = foot - (272 - (dx + 38) * 0.12) * unit
        wire = [
            (px, high + 42 * unit * math.sin(math.pi * ((px - x) / period % 1)))
            for px in np.linspace(0, period, 33)
        ]
        ink.line(wire, max(1.0, 1.4 * unit), iron, alpha=0.8)
    return Belt.of(
        ink.tile(), setting.view, y=y - tall, depth=0.3, speed_x=way * _PACE * 0.62 * unit
    )


def _tarmac(setting: Setting, top: int) -> Drawing:
    light, unit = setting.light, setting.unit
    ink = Ink(setting.width + 8, setting.height - top + 8, x=4, y=-top, fineness=1)
    stone = mix(light.lit(rgb("5c5c66")), light.near, 0.3)
    ink.box(
        -4,
        top,
        setting.width + 8,
        setting.height - top + 8,
        Fade(mix(stone, light.haze, 0.18), darker(stone, 0.4)),
    )
    kerb = light.lit(rgb("d8d0c0"))
    ink.box(-4, top, setting.width + 8, 6 * unit, kerb, alpha=0.7)
    return ink.drawing()


def _dashes(setting: Setting, y: float, way: int) -> Belt:
    unit = setting.unit
    period = round(260 * unit / 2) * 2
    ink = Ink(period, 14 * unit, fineness=1)
    paint = setting.light.lit(rgb("f4ecd0"))
    ink.fill(
        [(10 * unit, 2), (150 * unit, 2), (140 * unit, 12 * unit), (0, 12 * unit)], paint, 0.85
    )
    return Belt.of(ink.tile(), setting.view, y=y, depth=0.0, speed_x=way * _PACE * unit)


def _rail(setting: Setting, way: int) -> Belt:
    """Build the near guard rail, which goes by fastest."""
    unit = setting.unit
    period = round(420 * unit / 2) * 2
    tall = round(120 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    steel = mix(setting.light.lit(rgb("aab4be")), setting.light.near, 0.35)
    ink.box(period / 2 - 12 * unit, 20 * unit, 24 * unit, tall, darker(steel, 0.45))
    ink.box(-4, 14 * unit, period + 8, 34 * unit, Fade(lighter(steel, 0.1), darker(steel, 0.35)))
    ink.box(-4, 28 * unit, period + 8, 5 * unit, darker(steel, 0.5))
    return Belt.of(
        ink.tile(),
        setting.view,
        y=setting.height - 74 * unit,
        depth=0.2,
        speed_x=way * _PACE * 1.7 * unit,
    )
