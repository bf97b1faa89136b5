"""The deep: light from above, rocks and coral, weed, bubbles and small fish."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.noise import line
from rushes.studio.plan import Scene
from rushes.studio.scenes.setting import Setting, backdrop, gradient
from rushes.studio.scenes.skyline import skyline
from rushes.studio.stage import Piece, Plate
from rushes.studio.subjects import fins
from rushes.studio.subjects.pen import Habit
from rushes.studio.weather import Mote, Swarm


def build(setting: Setting) -> list[Piece]:
    """Build the deep: light from above, rocks and coral, weed, bubbles and small fish."""
    height, unit = setting.height, setting.unit
    stops = tuple(rgb(word) for word in ("7fe8e0", "2fa8c4", "15688f", "0a2f55"))
    if setting.light.is_dark:
        stops = tuple(darker(stop, 0.5) for stop in stops)
    pieces: list[Piece] = [backdrop(setting, gradient(setting, stops, height))]
    pieces.append(Plate(_rays(setting), 0.1, sway=26 * unit, sway_s=7))
    pieces.append(Plate(_rays(setting, shift=0.13), 0.15, sway=-20 * unit, sway_s=9))
    deep = rgb("0c3f66")
    if Scene.CITY in setting.plan.beyond:
        pieces.append(Plate(_sunken(setting, mix(deep, stops[1], 0.5)), 0.12))
    for index, (y, rise, depth, share) in enumerate(
        ((0.74, 0.22, 0.2, 0.6), (0.82, 0.16, 0.5, 0.3))
    ):
        ink = setting.ink(depth, height * 0.4, height)
        _rocks(
            setting,
            ink,
            height * y,
            height * rise,
            depth,
            mix(deep, stops[1], share),
            f"rock{index}",
        )
        pieces.append(Plate(ink.drawing(), depth))
        pieces.append(_school(setting, index))
    cast = Cast(setting)
    high = Spot(y=height * 0.46, scale=1.3, bob=12, bob_s=4.4, from_x=0.24, to_x=0.6)
    bed = Spot(y=height * 0.88, scale=1.1)
    pieces += cast.enter(bed, Habit.STAND, Habit.THING, Habit.DRIVE)
    pieces += cast.enter(high, *Habit, default="turtle")
    pieces.append(Plate(_reef(setting), 1.0))
    pieces.append(_bubbles(setting))
    pieces += _weed(setting)
    return pieces


def _sunken(setting: Setting, colour: Colour) -> Drawing:
    """Draw a town that the sea has taken: towers without a light, pale with distance."""
    light = replace(setting.light, is_dark=False, haze=colour, near=darker(colour, 0.3))
    drowned = replace(setting, light=replace(light, sky=(colour,) * 4))
    return skyline(drowned, 1, 0.12, setting.height * 0.82, (0.34, 0.66), 0.5)


def _rays(setting: Setting, *, shift: float = 0.0) -> Drawing:
    width, height = setting.width, setting.height
    ink = setting.ink(0.15, 0, height)
    dice = setting.dice("rays", str(shift))
    for index in range(6):
        x = width * (0.04 + 0.17 * index + shift + float(dice.uniform(-0.04, 0.04)))
        wide = width * float(dice.uniform(0.02, 0.07))
        low = height * float(dice.uniform(0.6, 0.9))
        for layer in range(3):
            spread = wide * (1 - 0.28 * layer)
            ink.fill(
                [
                    (x - spread * 0.4, -40),
                    (x + spread * 0.4, -40),
                    (x - width * 0.09 + spread * 1.5, low),
                    (x - width * 0.09 - spread * 1.5, low),
                ],
                Fade(rgb("e8fff8"), rgb("2f9ab8")),
                0.07,
            )
    return ink.drawing()


def _rocks(
    setting: Setting, ink: Ink, y: float, rise: float, depth: float, colour: Colour, name: str
) -> None:
    dice = setting.dice(name)
    first, last = setting.across(depth)
    noise = line(dice, last - first, lumps=3.2, octaves=6, gain=0.55)
    rows = y - rise * (0.5 + 0.5 * noise)
    xs = np.arange(first, last)[::4]
    low = setting.height + setting.view.margin_y(depth)
    ink.fill(
        [*zip(xs.tolist(), rows[::4].tolist(), strict=True), (last, low), (first, low)],
        Fade(lighter(colour, 0.06), darker(colour, 0.3)),
    )


def _reef(setting: Setting) -> Drawing:
    """Draw the sandy bed with coral."""
    height, unit, light = setting.height, setting.unit, setting.light
    ink = setting.ink(1.0, height * 0.6, height)
    dice = setting.dice("reef")
    first, last = setting.across(1.0)
    noise = line(dice, last - first, lumps=2.2, octaves=3, gain=0.4)
    rows = height * 0.9 - height * 0.03 * noise
    low = height + setting.view.margin_y(1.0)
    sand = mix(light.lit(rgb("d8c898")), rgb("2f7a98"), 0.42)
    ink.fill(
        [*zip(range(first, last, 4), rows[::4].tolist(), strict=False), (last, low), (first, low)],
        Fade(sand, darker(sand, 0.5)),
    )
    colours = ("ff6f6a", "ff9a4a", "f06ab0", "b06af0", "ffd24a", "5ad0b0")
    for index in range(15):
        x = first + (last - first) * (index + float(dice.uniform(0, 0.9))) / 15
        base = float(rows[min(len(rows) - 1, max(0, int(x - first)))]) + 12 * unit
        colour = mix(light.lit(rgb(colours[int(dice.integers(6))])), rgb("1f6a90"), 0.22)
        size = float(dice.uniform(0.6, 1.4)) * unit
        if index % 3 == 0:
            _branch(ink, x, base, 58 * size, -90, colour, 3, dice)
        elif index % 3 == 1:
            for puff in range(6):
                ink.disc(
                    x + (puff - 2.5) * 15 * size,
                    base - (18 + 14 * (puff % 2)) * size,
                    19 * size,
                    mix(colour, (255, 255, 255), 0.05 * puff),
                )
        else:
            for tube in range(4):
                px = x + (tube - 1.5) * 19 * size
                tall = (46 + 20 * ((tube * 7) % 3)) * size
                ink.line([(px, base), (px + 4 * size, base - tall)], 17 * size, colour)
                ink.oval(px + 4 * size, base - tall, 9 * size, 5 * size, darker(colour, 0.45))
    return ink.drawing()


def _branch(
    ink: Ink,
    x: float,
    y: float,
    long: float,
    angle: float,
    colour: Colour,
    levels: int,
    dice: np.random.Generator,
) -> None:
    end = (x + long * math.cos(math.radians(angle)), y + long * math.sin(math.radians(angle)))
    ink.line([(x, y), end], long * 0.24, colour, width_end=long * 0.16)
    if levels:
        for turn in (-28, 24):
            _branch(
                ink,
                *end,
                long * 0.68,
                angle + turn + float(dice.uniform(-9, 9)),
                lighter(colour, 0.07),
                levels - 1,
                dice,
            )


def _weed(setting: Setting) -> list[Piece]:
    """Build two stands of weed that lean to and fro."""
    unit, height, depth = setting.unit, setting.height, 1.6
    pieces: list[Piece] = []
    first, last = setting.across(depth)
    for index, (start, end) in enumerate(((first, first + 210 * unit), (last - 190 * unit, last))):
        ink = setting.ink(depth, height * 0.3, height)
        dice = setting.dice("weed", str(index))
        for _ in range(8):
            x = float(dice.uniform(start, end))
            tall = float(dice.uniform(150, 330)) * unit
            colour = mix(rgb("1f5a48"), rgb("0a2f3a"), float(dice.uniform(0.1, 0.8)))
            points = [
                (x + 22 * unit * math.sin(step * 1.25 + x), height + 30 - tall * step / 6)
                for step in range(7)
            ]
            ink.curve(points, 17 * unit, colour, width_end=3 * unit)
            for step in range(1, 6):
                px, py = points[step]
                side = 1 if step % 2 else -1
                ink.oval(px + side * 15 * unit, py, 19 * unit, 6 * unit, colour, turn=-24 * side)
        pieces.append(
            Plate(ink.drawing(), depth, sway=(7 if index else -7) * unit, sway_s=3.8 + index)
        )
    return pieces


def _bubbles(setting: Setting) -> Swarm:
    unit, dice = setting.unit, setting.dice("bubbles")
    looks = []
    for size in (3, 5, 8, 12):
        ink = Ink(40, 40, x=20, y=20, unit=unit)
        ink.disc(0, 0, size, rgb("d8fbff"), 0.26)
        ink.disc(-size * 0.3, -size * 0.35, size * 0.26, rgb("ffffff"), 0.85)
        looks.append([ink.drawing()])
    motes = [
        Mote(
            x=float(dice.random()) * setting.width,
            y=float(dice.random()) * setting.height,
            speed_x=0.0,
            speed_y=-float(dice.uniform(40, 110)) * unit,
            wander=float(dice.uniform(6, 18)) * unit,
            phase=float(dice.random()),
            depth=float(dice.uniform(0.7, 1.4)),
        )
        for _ in range(30)
    ]
    return Swarm(looks, motes, 5.0, setting.width, setting.height)


def _school(setting: Setting, index: int) -> Swarm:
    """Build a school of small fish that swims along."""
    unit, dice = setting.unit, setting.dice("school", str(index))
    scale = 0.75 + 0.6 * index
    looks = [
        [
            fins.SMALL_FISH.pose(
                setting.light, unit * scale, step / 6, mirrored=False, distance=0.25
            )
            for step in range(6)
        ]
    ]
    middle_x, middle_y = setting.width * float(dice.random()), setting.height * (0.3 + 0.28 * index)
    speed = float(dice.uniform(50, 80)) * unit
    motes = [
        Mote(
            x=middle_x + float(dice.normal()) * 100 * unit,
            y=middle_y + float(dice.normal()) * 36 * unit,
            speed_x=speed,
            speed_y=0.0,
            wander=float(dice.uniform(4, 12)) * unit,
            phase=float(dice.random()),
            depth=0.5,
        )
        for _ in range(9)
    ]
    return Swarm(looks, motes, 0.7, setting.width, setting.height)
