"""A town against the sky: rows of buildings, their windows, their signs."""

from __future__ import annotations

import numpy as np

from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Mood
from rushes.studio.scenes.seasons import is_snowy
from rushes.studio.scenes.setting import Setting

WARM = ("ffd98a", "ffe9c2", "ffc066", "bfe3ff")
NEON = ("7df9ff", "ff7ad9", "ffd36b", "b48aff")
_SIGNS = ("ff3b8d", "3bf0ff", "ffe23b", "9d5bff", "4dff88")


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
    tall_most = min(base, 560 * unit * max(1.0, 0.8 * setting.height / setting.width))
    signed = 0.85 if setting.plan.mood is Mood.NEON else 0.5
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
        if is_snowy(setting):
            white = mix(light.lit(rgb("f4f8fc")), light.haze, far * 0.6)
            ink.box(x - unit, base - tall - 3 * unit, wide + 2 * unit, 7 * unit, white)
        _windows(setting, ink, dice, (x, base - tall, wide, tall), index)
        if index > 0 and setting.light.is_dark and dice.random() < signed:
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
    palette = NEON if setting.plan.mood is Mood.NEON else WARM
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
