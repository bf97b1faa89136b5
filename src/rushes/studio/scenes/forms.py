"""Pure form: ribbons of colour, rings, and lights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rushes.studio.camera import Moment
from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, lighter, mix, rgb
from rushes.studio.ink import Drawing, Ink
from rushes.studio.lay import lay_turned
from rushes.studio.noise import looped
from rushes.studio.plan import Mood
from rushes.studio.planes import Frame, Sprite, sprite_of
from rushes.studio.scenes.setting import Setting, backdrop, gradient
from rushes.studio.stage import Belt, Piece, Plate
from rushes.studio.subjects.pen import Habit
from rushes.studio.weather import Mote, Swarm

_FORMS = (
    ("0f1035 5a2fae e8508a ffb86a", "ffe8c8"),
    ("06283a 0f7a8a 4ad0b0 f4e88a", "f8ffe8"),
    ("1a0f2a 8a2f6a f06a4a ffd48a", "fff0d8"),
    ("10203f 2f5fb8 7ab0f0 f0f4ff", "ffffff"),
)


def build(setting: Setting) -> list[Piece]:
    """Build pure form: ribbons of colour that flow past one another, rings, and lights."""
    width, height = setting.width, setting.height
    dice = setting.dice("abstract")
    words, bright_word = _FORMS[int(dice.integers(len(_FORMS)))]
    colours = [rgb(word) for word in words.split()]
    bright = rgb(bright_word)
    if setting.plan.mood is Mood.NEON:
        colours = [rgb(word) for word in ("0a0524", "5a1fb8", "ff3b9d", "3bf0ff")]
    stops = (
        colours[0],
        mix(colours[0], colours[1], 0.55),
        mix(colours[0], colours[1], 0.9),
        colours[1],
    )
    pieces: list[Piece] = [backdrop(setting, gradient(setting, stops, height))]
    glow = Ink(width, height, fineness=1)
    at = (width * float(dice.uniform(0.4, 0.6)), height * 0.42)
    glow.glow(*at, min(width, height) * 0.75, mix(colours[2], bright, 0.4), 0.7)
    glow.disc(*at, min(width, height) * 0.13, mix(bright, colours[3], 0.2), 0.95)
    pieces.append(Plate(glow.drawing(), 0.0))
    pieces += [
        Turner(_ring(setting, 130 + 74 * index, bright, index), *at, speed)
        for index, speed in enumerate((14, -10, 7))
    ]
    count = 6
    for index in range(count):
        share = index / (count - 1)
        colour = mix(
            mix(colours[1], colours[2], min(1.0, share * 1.6)),
            colours[3],
            max(0.0, share * 1.4 - 0.6),
        )
        colour = mix(colour, colours[0], 0.25 * (index % 2))
        pieces.append(
            _ribbon(
                setting,
                height * (0.46 + 0.1 * index),
                0.3 + 0.2 * index,
                colour,
                lighter(colour, 0.35),
                index,
            )
        )
        if index == 1:
            spot = Spot(y=height * 0.46, scale=1.4, bob=12, bob_s=5, from_x=0.34, to_x=0.6)
            cast = Cast(setting)
            pieces += cast.enter(spot, Habit.FLY, Habit.FLOAT, Habit.SWIM)
            pieces += cast.enter(replace(spot, y=height * 0.62), *Habit)
    pieces.append(_orbs(setting, bright))
    return pieces


@dataclass(slots=True)
class Turner:
    """A drawing that turns about its middle, some degrees a second."""

    drawing: Drawing
    x: float
    y: float
    speed: float
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        lay_turned(frame, self.drawing.sprite, (self.x, self.y), self.speed * at.t, at.scale(0.3))


def _ring(setting: Setting, radius: float, colour: Colour, index: int) -> Drawing:
    unit = setting.unit
    ink = Ink(2 * radius + 40, 2 * radius + 40, x=radius + 20, y=radius + 20, unit=unit)
    around = np.linspace(0, 1.5 * math.pi, 60)
    arc = np.stack([radius * np.cos(around), radius * np.sin(around)], 1)
    ink.line(arc, 5 - index, colour, width_end=0.8, alpha=0.75)
    for dot in range(3 + index):
        angle = 2 * math.pi * dot / (3 + index) + index
        ink.disc(radius * math.cos(angle), radius * math.sin(angle), 9 - 2 * index, colour)
    return ink.drawing()


def _ribbon(
    setting: Setting, y: float, depth: float, body: Colour, edge: Colour, index: int
) -> Belt:
    unit, dice = setting.unit, setting.dice("ribbon", str(index))
    period = max(64, round(1150 * unit / 2) * 2)
    tall = max(16, round(440 * unit / 2) * 2)
    crest = looped(dice, period, waves=(1, 2, 3), heights=(58 * unit, 26 * unit, 10 * unit))
    top = float(-crest.min()) + 6 * unit
    strip = _silk(tall, crest + top, body, edge, unit)
    speed = (34 + 26 * index) * (1 if index % 2 else -1) * unit
    return Belt.of(strip, setting.view, y=y - top, depth=depth * 0.4, speed_x=speed)


def _silk(tall: int, crest: np.ndarray, body: Colour, edge: Colour, unit: float) -> Sprite:
    """Paint one period of a ribbon: bright along its crest, then deeper."""
    below = np.arange(tall, dtype=np.float32)[:, None] - crest[None].astype(np.float32)
    cover = np.clip(below + 0.5, 0, 1)
    light = np.exp(-np.clip(below, 0, None) / (46 * unit))[..., None]
    deep = np.clip(below / (tall * 0.9), 0, 1)[..., None]
    low, high = np.array(body[::-1], np.float32), np.array(edge[::-1], np.float32)
    colour = (low + (high - low) * light) * (1 - 0.45 * deep)
    alpha = cover * 0.94
    pixels = np.dstack([colour * alpha[..., None], 255 * alpha])
    return sprite_of((pixels + 0.5).clip(0, 255).astype(np.uint8))


def _orbs(setting: Setting, colour: Colour) -> Swarm:
    unit, dice = setting.unit, setting.dice("orbs")
    looks = []
    for size in (10, 18, 30):
        ink = Ink(120, 120, x=60, y=60, unit=unit)
        ink.glow(0, 0, size * 1.9, colour, 0.5)
        ink.disc(0, 0, size * 0.34, colour, 0.85)
        looks.append([ink.drawing()])
    motes = [
        Mote(
            x=float(dice.random()) * setting.width,
            y=float(dice.random()) * setting.height,
            speed_x=float(dice.uniform(-10, 10)) * unit,
            speed_y=-float(dice.uniform(6, 26)) * unit,
            wander=float(dice.uniform(20, 60)) * unit,
            phase=float(dice.random()),
            depth=float(dice.uniform(0.6, 1.5)),
        )
        for _ in range(16)
    ]
    return Swarm(looks, motes, 6.0, setting.width, setting.height)
