"""The city: three rows of buildings, a street with lamps, traffic, and wet ground at night."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import darker, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Mood, Weather
from rushes.studio.planes import Sprite, sprite_of
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.entrances import airborne
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.seasons import is_snowy
from rushes.studio.scenes.setting import Setting, mist
from rushes.studio.scenes.skyline import NEON, WARM, skyline
from rushes.studio.stage import Belt, Mirror, Piece, Plate
from rushes.studio.subjects.pen import Habit, Pen
from rushes.studio.subjects.wheels import car


def build(setting: Setting) -> list[Piece]:
    """Build the city."""
    light, height = setting.light, setting.height
    street = setting.down(0.76)
    pieces = sky(setting, street)
    cast = Cast(setting)
    rows = ((0.12, 0.3, 0.5, 0.74), (0.3, 0.34, 0.66, 0.46), (0.6, 0.26, 0.62, 0.16))
    if not is_open(setting):  # low enough to see over
        rows = (rows[0], (0.3, 0.24, 0.46, 0.46), (0.6, 0.16, 0.42, 0.16))
    pieces += distance(setting, street - 0.2 * height)
    for index, (depth, low, high, far) in enumerate(rows):
        if index == 0 and not is_open(setting):
            continue
        pieces.append(Plate(skyline(setting, index, depth, street, (low, high), far), depth))
        if index == 0:
            pieces.append(mist(setting, street - 40 * setting.unit, height * 0.24, 0.2, 0.5))
        if index == 1:
            pieces += airborne(setting, cast, y=0.26)
    is_wet = setting.plan.weather in {Weather.RAIN, Weather.STORM} or setting.plan.mood is Mood.NEON
    pieces.append(Plate(_shopfronts(setting, street), 0.8))
    if is_wet or light.is_dark:
        pieces.append(Mirror(street, _asphalt(setting, street, is_wet=is_wet), 0.35 * setting.unit))
    else:
        pieces.append(
            Plate(Drawing(_asphalt(setting, street, is_wet=False, is_solid=True), 0, street), 0.0)
        )
    pieces.append(Plate(_markings(setting, street), 1.0))
    far_lane = Spot(y=street + 0.22 * (height - street), depth=0.85, scale=0.62)
    if not cast.need(Habit.DRIVE):
        pieces += _traffic(setting, far_lane)
    pieces.append(Plate(_lamps(setting, street), 0.9))
    drive = Spot(y=street + 0.5 * (height - street), scale=1.5, from_x=0.16, to_x=0.6)
    pieces += cast.enter(drive, Habit.DRIVE, Habit.SAIL)
    walk = Spot(y=street + 0.62 * (height - street), scale=1.3)
    pieces += cast.enter(walk, *Habit, default="person")
    return pieces


def _shopfronts(setting: Setting, street: float) -> Drawing:
    """Draw lit shops behind the pavement."""
    light, unit = setting.light, setting.unit
    depth = 0.8
    dice = setting.dice("shops")
    tall = 92 * unit
    ink = setting.ink(depth, street - tall - 30 * unit, street + 6)
    first, last = setting.across(depth)
    x = float(first)
    awnings = ("d8483c", "2f8f83", "e8a23a", "4a6ab8", "b8528f")
    while x < last:
        wide = float(dice.uniform(130, 230)) * unit
        wall = mix(light.lit(rgb("5a4a52")), light.near, 0.4)
        ink.box(x, street - tall, wide, tall + 8, Fade(wall, darker(wall, 0.3)))
        glass = (
            rgb(str(dice.choice(NEON if setting.plan.mood is Mood.NEON else WARM)))
            if light.is_dark
            else light.lit(rgb("9ec4d0"))
        )
        ink.box(
            x + 12 * unit,
            street - tall * 0.66,
            wide - 24 * unit,
            tall * 0.6,
            Fade(glass, mix(glass, wall, 0.45)),
            round_by=3 * unit,
        )
        for pane in range(1, 4):
            at = x + 12 * unit + (wide - 24 * unit) * pane / 4
            ink.line(
                [(at, street - tall * 0.66), (at, street - tall * 0.06)],
                2 * unit,
                darker(wall, 0.4),
            )
        colour = light.lit(rgb(str(dice.choice(awnings))))
        stripes = 8
        for stripe in range(stripes):
            left = x + 6 * unit + (wide - 12 * unit) * stripe / stripes
            right = x + 6 * unit + (wide - 12 * unit) * (stripe + 1) / stripes
            shade = colour if stripe % 2 else light.lit(rgb("f2ece0"))
            ink.fill(
                [
                    (left + 6 * unit, street - tall * 0.86),
                    (right + 6 * unit, street - tall * 0.86),
                    (right, street - tall * 0.62),
                    (left, street - tall * 0.62),
                ],
                shade,
            )
        if is_snowy(setting):
            snow = light.lit(rgb("f4f8fc"))
            ink.box(x - unit, street - tall - 4 * unit, wide + 2 * unit, 9 * unit, snow)
            ink.box(x + 10 * unit, street - tall * 0.89, wide - 20 * unit, 6 * unit, snow)
        if light.is_dark:
            ink.glow(x + wide / 2, street - tall * 0.3, wide * 0.6, glass, 0.28)
        x += wide
    return ink.drawing()


def _asphalt(setting: Setting, street: int, *, is_wet: bool, is_solid: bool = False) -> Sprite:
    """Return what the street lays over its mirror image: all but a little where it is dry."""
    rows = setting.height - street + 2 * setting.view.margin_y(1.0)
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    light = setting.light
    low = 0.55 if is_wet else 0.8
    alpha = np.full_like(down, 1.0) if is_solid else low + (0.95 - low) * down**0.6
    stone = mix(light.lit(rgb("6a6a72")), light.near, 0.25 if is_solid else 0.7)
    if is_snowy(setting):
        stone = mix(stone, light.lit(rgb("e8eef4")), 0.6)
    far, near = (
        np.array(mix(stone, light.haze, 0.2)[::-1], np.float32),
        np.array(darker(stone, 0.3)[::-1], np.float32),
    )
    colour = far + (near - far) * down
    column = np.concatenate([colour * alpha, 255 * alpha], 1)
    return sprite_of((np.repeat(column[:, None], setting.width, axis=1) + 0.5).astype(np.uint8))


def _markings(setting: Setting, street: float) -> Drawing:
    """Draw the kerb and the dashes of the lane."""
    unit, light = setting.unit, setting.light
    room = setting.height - street
    ink = setting.ink(1.0, street - 4, setting.height)
    first, last = setting.across(1.0)
    kerb = light.lit(rgb("b8b2ac"))
    ink.box(first, street, last - first, 7 * unit, kerb, alpha=0.85)
    ink.box(first, street + 7 * unit, last - first, 3 * unit, darker(kerb, 0.5), alpha=0.8)
    x = float(first)
    y = street + room * 0.34
    while x < last:
        ink.fill(
            [
                (x + 8 * unit, y),
                (x + 88 * unit, y),
                (x + 80 * unit, y + 6 * unit),
                (x, y + 6 * unit),
            ],
            light.lit(rgb("e8e2c8")),
            0.55,
        )
        x += 150 * unit
    return ink.drawing()


def _lamps(setting: Setting, street: float) -> Drawing:
    """Draw street lamps, lit when it is dark."""
    unit, light, depth = setting.unit, setting.light, 0.9
    ink = setting.ink(depth, street - 300 * unit, street + 40 * unit)
    first, last = setting.across(depth)
    iron = darker(light.near, 0.2)
    x = first + 120 * unit
    while x < last:
        foot = street + 16 * unit
        top = street - 208 * unit
        ink.line([(x, foot), (x, top)], 7 * unit, iron, width_end=4 * unit)
        ink.curve(
            [(x, top), (x + 14 * unit, top - 26 * unit), (x + 54 * unit, top - 24 * unit)],
            4 * unit,
            iron,
        )
        ink.box(x - 9 * unit, foot - 12 * unit, 18 * unit, 14 * unit, iron, round_by=3 * unit)
        if light.is_dark:
            ink.glow(x + 54 * unit, top - 12 * unit, 110 * unit, rgb("ffd98a"), 0.62)
            ink.disc(x + 54 * unit, top - 16 * unit, 8 * unit, rgb("fff2cc"))
        ink.fill(
            [
                (x + 40 * unit, top - 26 * unit),
                (x + 68 * unit, top - 26 * unit),
                (x + 62 * unit, top - 34 * unit),
                (x + 46 * unit, top - 34 * unit),
            ],
            iron,
        )
        x += 420 * unit
    return ink.drawing()


def _traffic(setting: Setting, lane: Spot) -> list[Piece]:
    """Let a few cars go by in the far lane, if nobody else drives."""
    tile_width = round(max(setting.width * 1.3, 900 * setting.unit) / 2) * 2
    cars = cars_on(setting, tile_width, lane.scale)
    return [
        Belt.of(
            cars,
            setting.view,
            y=lane.y - 120 * setting.unit,
            depth=lane.depth,
            speed_x=130 * setting.unit,
        )
    ]


def cars_on(setting: Setting, width: int, scale: float) -> Sprite:
    """Draw one period of a lane: three cars, facing right."""
    unit = setting.unit
    ink = Ink(width, 150 * unit, fineness=1)
    colours = (("8fa4c0", "56687f"), ("e8e2d8", "a8a29a"), ("3f6fae", "27476f"))
    for index, paint in enumerate(colours):
        part = Ink(
            width / (unit * scale),
            150 / scale,
            x=width / (unit * scale) * (0.2 + 0.3 * index),
            y=120 / scale,
            unit=unit * scale,
            fineness=1,
        )
        car(Pen(part, setting.light), 0.1, body=paint)
        rows, columns = (
            min(part.pixels.shape[0], ink.pixels.shape[0]),
            min(part.pixels.shape[1], ink.pixels.shape[1]),
        )
        clear = 255 - part.pixels[:rows, :columns, 3:].astype(np.uint16)
        seen = ink.pixels[:rows, :columns]
        seen[...] = (seen * clear // 255 + part.pixels[:rows, :columns]).astype(np.uint8)
    return ink.tile()
