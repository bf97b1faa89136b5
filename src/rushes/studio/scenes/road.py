"""The open road, seen from beside it: the ground goes by, the car stays."""

from __future__ import annotations

import math

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Move
from rushes.studio.scenes.entrances import airborne
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Belt, Piece, Plate
from rushes.studio.subjects.pen import Habit

_PACE = 430.0


"""How fast the ground goes by, in units a second."""


def build(setting: Setting) -> list[Piece]:
    """Build the open road, from beside it: hills, poles and dashes go by, the car stays."""
    light, height, unit = setting.light, setting.height, setting.unit
    horizon = setting.down(0.66)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    green = rgb("e6edf2") if is_snowy(setting) else rgb("8fae5a")
    way = -1 if setting.view.move is not Move.PAN_LEFT else 1
    for index, (y, rise, depth, far) in enumerate(
        ((0.6, 0.16, 0.06, 0.74), (0.68, 0.1, 0.14, 0.46))
    ):
        rows = ridge_line(setting, Ridge(height * y, height * rise, 2.2, depth), f"hill{index}")
        colour = light.far(far) if index == 0 else light.lit(green, far)
        pieces.append(
            Plate(
                land(setting, rows, depth, Fade(colour, mix(colour, light.haze, 0.3))).drawing(),
                depth,
            )
        )
    pieces += airborne(setting, cast, y=0.28)
    pieces.append(_hedge(setting, horizon + 10 * unit, green, way))
    pieces.append(_poles(setting, height * 0.74, way))
    top = setting.down(0.74)
    pieces.append(Plate(_tarmac(setting, top), 0.0))
    pieces.append(_dashes(setting, top + 0.5 * (height - top), way))
    drive = Spot(y=top + 0.42 * (height - top), depth=0.1, scale=1.55, from_x=0.36, to_x=0.56)
    behind = Spot(y=top - 2 * unit, depth=0.1, scale=1.2, from_x=0.66, to_x=0.8)
    if cast.need(Habit.DRIVE, Habit.WALK):
        pieces += cast.enter(behind, Habit.STAND)
    pieces += cast.enter(drive, *Habit, default="car")
    pieces.append(_rail(setting, way))
    return pieces


def _hedge(setting: Setting, y: float, green: Colour, way: int) -> Belt:
    light, unit = setting.light, setting.unit
    period = round(1500 * unit / 2) * 2
    tall = round(150 * unit / 2) * 2
    ink = Ink(period, tall, fineness=1)
    dice = setting.dice("hedge")
    base = tall - 34 * unit
    ground = light.lit(green, 0.12)
    ink.box(-4, base, period + 8, 60 * unit, Fade(ground, darker(ground, 0.2)))
    for _ in range(20):
        x = float(dice.uniform(60 * unit, period - 60 * unit))
        size = float(dice.uniform(18, 44)) * unit
        colour = light.lit(mix(green, rgb("2a5a34"), float(dice.uniform(0.4, 0.8))), 0.1)
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
