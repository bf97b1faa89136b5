"""The city: three rows of buildings, a street with lamps, traffic, and wet ground at night."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Mood, Weather
from rushes.studio.planes import Sprite, sprite_of
from rushes.studio.scenes.entrances import airborne
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.setting import Setting, mist
from rushes.studio.stage import Belt, Mirror, Piece, Plate
from rushes.studio.subjects.pen import Habit, Pen
from rushes.studio.subjects.wheels import car

_WARM = ("ffd98a", "ffe9c2", "ffc066", "bfe3ff")
_NEON = ("7df9ff", "ff7ad9", "ffd36b", "b48aff")
_SIGNS = ("ff3b8d", "3bf0ff", "ffe23b", "9d5bff", "4dff88")


def build(setting: Setting) -> list[Piece]:
    """Build the city."""
    light, height = setting.light, setting.height
    street = setting.down(0.76)
    pieces = sky(setting, street)
    cast = Cast(setting)
    rows = ((0.12, 0.3, 0.5, 0.74), (0.3, 0.34, 0.66, 0.46), (0.6, 0.26, 0.62, 0.16))
    for index, (depth, low, high, far) in enumerate(rows):
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


def skyline(
    setting: Setting, index: int, depth: float, base: float, span: tuple[float, float], far: float
) -> Drawing:
    """Draw a row of buildings with lit windows; nearer ones have signs."""
    light, unit = setting.light, setting.unit
    dice = setting.dice("skyline", str(index))
    ink = setting.ink(depth, 0, base + 6)
    first, last = setting.across(depth)
    body = light.far(far)
    wide_min, wide_max = ((44, 96), (64, 130), (110, 210))[index]
    tall_most = min(base, 560 * unit)
    x = first - 20.0 * unit
    while x < last:
        wide = float(dice.uniform(wide_min, wide_max)) * unit
        tall = tall_most * float(dice.uniform(*span)) * (1.25 if dice.random() < 0.14 else 1.0)  # noqa: PLR2004 -- a tower
        tone = mix(body, light.haze, float(dice.uniform(0, 0.12)))
        ink.fill(
            [(x, base - tall), (x + wide, base - tall), (x + wide, base + 8), (x, base + 8)],
            Fade(tone, mix(tone, light.haze, 0.3)),
        )
        ink.fill(
            [
                (x + wide * 0.74, base - tall),
                (x + wide, base - tall),
                (x + wide, base),
                (x + wide * 0.74, base),
            ],
            darker(tone, 0.3),
            0.4,
        )
        _roof(ink, dice, x, base - tall, wide, tone, unit)
        _windows(setting, ink, dice, (x, base - tall, wide, tall), index)
        if index > 0 and setting.light.is_dark and dice.random() < 0.5:  # noqa: PLR2004 -- every second
            _sign(
                ink,
                dice,
                x + wide * float(dice.uniform(0.1, 0.7)),
                base - tall * float(dice.uniform(0.5, 0.9)),
                unit * (0.6 + 0.5 * index),
            )
        x += wide * float(dice.uniform(0.9, 1.12))
    return ink.drawing()


def _roof(
    ink: Ink,
    dice: np.random.Generator,
    x: float,
    top: float,
    wide: float,
    tone: Colour,
    unit: float,
) -> None:
    kind = int(dice.integers(5))
    if kind == 0:
        ink.line([(x + wide / 2, top), (x + wide / 2, top - 46 * unit)], 2.4 * unit, tone)
        ink.disc(x + wide / 2, top - 48 * unit, 2.4 * unit, (255, 90, 80))
    elif kind == 1:
        ink.fill(
            [(x + wide * 0.2, top), (x + wide * 0.5, top - wide * 0.4), (x + wide * 0.8, top)], tone
        )
    elif kind == 2:  # noqa: PLR2004 -- the third kind of roof
        ink.fill(
            [
                (x + wide * 0.15, top),
                (x + wide * 0.15, top - 22 * unit),
                (x + wide * 0.7, top - 22 * unit),
                (x + wide * 0.7, top),
            ],
            tone,
        )


def _windows(
    setting: Setting,
    ink: Ink,
    dice: np.random.Generator,
    at: tuple[float, float, float, float],
    index: int,
) -> None:
    """Light some windows of a building; by day they are a little darker than the wall."""
    x, top, wide, tall = at
    unit, is_dark = setting.unit, setting.light.is_dark
    cell = (9.5, 12.5, 19.0)[index] * unit
    columns, rows = int((wide - cell * 0.6) / cell), int((tall - cell) / (cell * 1.25))
    if columns <= 0 or rows <= 0:
        return
    palette = _NEON if setting.plan.mood is Mood.NEON else _WARM
    colour = rgb(str(dice.choice(palette)))
    lit_share = 0.44 if is_dark else 0.0
    chance = dice.random((rows, columns))
    size = cell * 0.52
    margin = (wide - (columns - 1) * cell - size) / 2
    dim = mix(setting.light.far(0.3), setting.light.sky[1], 0.35)
    for row in range(rows):
        y = top + cell * (0.7 + row * 1.25)
        for column in range(columns):
            is_lit = chance[row, column] < lit_share
            if not is_lit and is_dark:
                continue
            whiter = 0.35 * max(0.0, 1 - float(chance[row, column]) / 0.16)
            shade = mix(colour, (255, 255, 255), whiter) if is_lit else dim
            left = x + margin + column * cell
            alpha = 0.92 if is_lit else 0.34
            _pane(ink, left, y, size, size * 1.25, shade, alpha)


def _pane(
    ink: Ink, left: float, top: float, wide: float, tall: float, colour: Colour, alpha: float
) -> None:
    """Fill a small upright rectangle at once: thousands of windows go this way."""
    corner_x, corner_y = ink.at(left, top)
    end_x, end_y = ink.at(left + wide, top + tall)
    part = ink.pixels[max(0, corner_y) : max(0, end_y), max(0, corner_x) : max(0, end_x)]
    if part.size:
        value = np.array([*colour[::-1], 255], np.float32)
        part[...] = (part * (1 - alpha) + value * alpha).astype(np.uint8)


def _sign(ink: Ink, dice: np.random.Generator, x: float, y: float, unit: float) -> None:
    colour = rgb(str(dice.choice(_SIGNS)))
    wide, tall = 15 * unit, float(dice.uniform(50, 110)) * unit
    ink.glow(x + wide / 2, y + tall / 2, tall * 0.9, colour, 0.5)
    ink.box(x, y, wide, tall, darker(colour, 0.75), round_by=3 * unit)
    count = int(tall / (wide * 1.05))
    for index in range(count):
        top = y + wide * (0.2 + 1.02 * index)
        ink.box(
            x + wide * 0.2, top, wide * 0.6, wide * 0.62, lighter(colour, 0.25), round_by=2 * unit
        )


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
            rgb(str(dice.choice(_NEON if setting.plan.mood is Mood.NEON else _WARM)))
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
