"""What falls and floats before the camera: rain, snow, fog, petals, fireflies, embers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from rushes.studio.camera import Moment
from rushes.studio.colours import Colour, mix, rgb
from rushes.studio.ink import Drawing, Ink
from rushes.studio.lay import lay
from rushes.studio.plan import Mood, Scene, Weather
from rushes.studio.planes import Frame, Plane
from rushes.studio.scenes.setting import Setting, mist
from rushes.studio.stage import Piece

INDOORS: Final = frozenset({Scene.WINDOW})
BELOW: Final = frozenset({Scene.UNDERWATER, Scene.SPACE})

_GRAINY: Final = frozenset({Mood.MONO, Mood.SEPIA})
_GRAIN_HZ: Final = 24
_GRAIN_ROOM_PX: Final = 96
_GRAIN_LUMA: Final = 6.0


def weather(setting: Setting) -> list[Piece]:
    """Build what the weather of a plan puts before everything else, and the grain of old film."""
    scene = setting.plan.scene
    kind = setting.plan.weather
    pieces: list[Piece] = []
    if scene not in BELOW and not (scene in INDOORS and kind is not Weather.DUST):
        pieces += before_all(setting, kind)
    if setting.plan.mood in _GRAINY or "grain" in setting.plan.extras:
        pieces.append(grain(setting))
    return pieces


@dataclass(slots=True)
class Grain:
    """The grain of film: another part of one noisy sheet for every frame, luma only."""

    bright: Plane
    dark: Plane
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        rows, columns = frame.y.shape
        step = round(at.t * _GRAIN_HZ)
        x, y = (step * 37) % _GRAIN_ROOM_PX, (step * 23) % _GRAIN_ROOM_PX
        where = slice(y, y + rows), slice(x, x + columns)
        cv2.add(frame.y, self.bright[where], frame.y)
        cv2.subtract(frame.y, self.dark[where], frame.y)


def grain(setting: Setting) -> Grain:
    """Build the grain of film, as coarse as a film of this size shows it."""
    dice = setting.dice("grain of film")
    size = setting.width + _GRAIN_ROOM_PX, setting.height + _GRAIN_ROOM_PX
    coarse = max(1.0, 1.5 * setting.unit)
    small = dice.standard_normal((round(size[1] / coarse), round(size[0] / coarse)), np.float32)
    noise = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)
    noise *= _GRAIN_LUMA
    bright, dark = (np.clip(part, 0, 40).astype(np.uint8) for part in (noise, -noise))
    return Grain(bright, dark)


def before_all(setting: Setting, kind: Weather) -> list[Piece]:
    """Build what a weather puts before everything else."""
    return _KINDS[kind](setting)


@dataclass(slots=True)
class Fall:
    """A sheet of light marks that falls and comes round again: luma only, added."""

    sheet: Plane
    speed_x: float
    speed_y: float
    sway: float
    depth: float
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        rows, columns = self.sheet.shape
        across = self.speed_x * at.t + self.sway * math.sin(1.3 * at.t) - at.x * self.depth
        x, y = round(across) % columns, round(self.speed_y * at.t - at.y * self.depth) % rows
        for top, bottom, from_row in ((0, y, rows - y), (y, rows, 0)):
            for left, right, from_column in ((0, x, columns - x), (x, columns, 0)):
                if bottom > top and right > left:
                    seen = frame.y[top:bottom, left:right]
                    tall, wide = seen.shape
                    marks = self.sheet[from_row : from_row + tall, from_column : from_column + wide]
                    cv2.add(seen, marks, seen)


def _rain(setting: Setting, much: float) -> Sequence[Fall]:
    falls = []
    for index, (share, length, speed, bright) in enumerate(
        ((240, 30, 900, 46), (120, 52, 1300, 60), (44, 84, 1750, 74))
    ):
        dice = setting.dice("rain", str(index))
        slant = 0.12 * much
        sheet = np.zeros((setting.height, setting.width), np.uint8)
        for _ in range(
            int(share * much * setting.width * setting.height / setting.unit**2 / 921600)
        ):
            x, y = dice.random() * setting.width, dice.random() * setting.height
            tall = length * setting.unit * float(dice.uniform(0.6, 1.2))
            _streak(sheet, x, y, tall, slant, int(bright * dice.uniform(0.5, 1.0)), setting.unit)
        velocity = speed * setting.unit
        falls.append(Fall(sheet, -velocity * slant, velocity, 0.0, 0.5 + 0.5 * index))
    return falls


def _streak(
    sheet: Plane, x: float, y: float, tall: float, slant: float, bright: int, unit: float
) -> None:
    """Draw a streak on a sheet that comes round: what goes over an edge enters at the other."""
    rows = sheet.shape[0]
    for shift in (0, -rows):
        start = (round(x * 16), round((y + shift) * 16))
        end = (round((x - tall * slant) * 16), round((y + shift + tall) * 16))
        thick = max(1, round(1.2 * unit))
        cv2.line(sheet, start, end, (bright,), thick, cv2.LINE_AA, 4)


def _snow(setting: Setting) -> Sequence[Fall]:
    falls = []
    for index, (share, size, speed, bright) in enumerate(
        ((260, 1.5, 46, 110), (120, 2.6, 80, 150), (36, 4.6, 130, 130))
    ):
        dice = setting.dice("snow", str(index))
        sheet = np.zeros((setting.height, setting.width), np.uint8)
        for _ in range(int(share * setting.width * setting.height / setting.unit**2 / 921600)):
            x, y = dice.random() * setting.width, dice.random() * setting.height
            radius = max(0.6, size * setting.unit * float(dice.uniform(0.6, 1.3)))
            middle = (round(x * 16), round(y * 16))
            shade = (int(bright * dice.uniform(0.6, 1.0)),)
            cv2.circle(sheet, middle, round(radius * 16), shade, -1, cv2.LINE_AA, 4)
        if index == 2:  # noqa: PLR2004 -- the nearest flakes are out of focus
            blur = max(0.6, 1.6 * setting.unit)
            sheet = np.asarray(cv2.GaussianBlur(sheet, (0, 0), blur), np.uint8)
        velocity = speed * setting.unit
        falls.append(Fall(sheet, velocity * 0.25, velocity, 18 * setting.unit, 0.5 + 0.5 * index))
    return falls


@dataclass(slots=True)
class Lightning:
    """A soft flash now and then, never more than one in three seconds."""

    seconds: float
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        since = (at.t - min(1.2, self.seconds * 0.4)) % 3.4
        if at.t >= min(1.2, self.seconds * 0.4) and since < 0.4:  # noqa: PLR2004 -- its length
            bright = round(58 * math.exp(-since / 0.12))
            cv2.convertScaleAbs(frame.y, frame.y, 1.0, bright)


@dataclass(frozen=True, slots=True)
class Mote:
    """One of a swarm: where it begins (pixels), how fast, and its own rhythm."""

    x: float
    y: float
    speed_x: float
    speed_y: float
    wander: float
    phase: float
    depth: float


@dataclass(slots=True)
class Swarm:
    """Small drawings that float each on its own way, and come round at the edges."""

    looks: Sequence[Sequence[Drawing]]
    motes: Sequence[Mote]
    looks_s: float
    width: int
    height: int
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        over = 40
        for index, mote in enumerate(self.motes):
            kinds = self.looks[index % len(self.looks)]
            turn = (at.t / self.looks_s + mote.phase) % 1.0
            look = kinds[int(turn * len(kinds)) % len(kinds)]
            swing = 2 * math.pi * (mote.phase + at.t * 0.19)
            x = mote.x + mote.speed_x * at.t + mote.wander * math.sin(swing)
            y = mote.y + mote.speed_y * at.t + mote.wander * 0.6 * math.cos(swing * 1.3)
            x = (x - at.x * mote.depth + over) % (self.width + 2 * over) - over
            y = (y - at.y * mote.depth + over) % (self.height + 2 * over) - over
            lay(frame, look.sprite, x + look.x, y + look.y)


def _flakes(setting: Setting, colours: Sequence[str], count: int) -> Swarm:
    """Build petals or leaves: each turns over as it falls."""
    unit, dice = setting.unit, setting.dice("flakes")
    looks = []
    for index in range(6):
        colour = setting.light.lit(rgb(colours[index % len(colours)]))
        turn = float(dice.uniform(0, 180))
        size = float(dice.uniform(5, 9))
        frames = []
        for frame in range(8):
            flat = max(0.2, abs(math.cos(math.pi * frame / 8)))
            ink = Ink(32, 32, x=16, y=16, unit=unit)
            ink.oval(0, 0, size, size * 0.62 * flat, colour, turn=turn + 25 * frame)
            ink.oval(
                0,
                0,
                size * 0.9,
                size * 0.1,
                mix(colour, (255, 255, 255), 0.3),
                turn=turn + 25 * frame,
                alpha=0.5,
            )
            frames.append(ink.drawing())
        looks.append(frames)
    motes = [
        Mote(
            x=float(dice.random()) * setting.width,
            y=float(dice.random()) * setting.height,
            speed_x=float(dice.uniform(-40, -10)) * unit,
            speed_y=float(dice.uniform(36, 86)) * unit,
            wander=float(dice.uniform(14, 46)) * unit,
            phase=float(dice.random()),
            depth=float(dice.uniform(0.7, 1.6)),
        )
        for _ in range(count)
    ]
    return Swarm(looks, motes, 1.8, setting.width, setting.height)


def _lights(setting: Setting, colour: Colour, count: int, *, rising: float) -> Swarm:
    """Build small lights that come and go: fireflies, embers, dust in the sun."""
    unit, dice = setting.unit, setting.dice("lights")
    is_dust = setting.plan.weather is Weather.DUST
    looks = []
    for index in range(4):
        radius = (9 + 5 * index) * (0.6 if is_dust else 1.0)
        frames = []
        for frame in range(10):
            bright = math.sin(math.pi * frame / 10) ** 2
            ink = Ink(60, 60, x=30, y=30, unit=unit)
            ink.glow(0, 0, radius, colour, bright * (0.34 if is_dust else 0.75))
            if not is_dust:
                ink.disc(0, 0, 1.4 + 0.5 * index, mix(colour, (255, 255, 255), 0.55), bright)
            frames.append(ink.drawing())
        looks.append(frames)
    motes = [
        Mote(
            x=float(dice.random()) * setting.width,
            y=setting.height * float(dice.uniform(0.3, 1.0)),
            speed_x=float(dice.uniform(-8, 14)) * unit,
            speed_y=-rising * unit * float(dice.uniform(0.6, 1.5)),
            wander=float(dice.uniform(16, 60)) * unit,
            phase=float(dice.random()),
            depth=float(dice.uniform(0.8, 1.4)),
        )
        for _ in range(count)
    ]
    return Swarm(looks, motes, 1.6 if rising > 20 else 3.4, setting.width, setting.height)  # noqa: PLR2004 -- embers flicker


def _fog(setting: Setting) -> list[Piece]:
    tall = setting.height
    return [
        mist(setting, tall * 0.56, tall * 0.6, 0.6, 0.38, drift=9),
        mist(setting, tall * 0.94, tall * 0.34, 1.2, 0.6, drift=-16),
    ]


def _dust(setting: Setting) -> list[Piece]:
    colour = mix(setting.light.sun, rgb("ffffff"), 0.3)
    return [_lights(setting, colour, 22, rising=7.0)]


_PETALS: Final = ("ffc4da", "ffdde9", "f7a3c4")
_LEAVES: Final = ("e0752b", "c9452a", "e8b23c")

_KINDS: Final[Mapping[Weather, Callable[[Setting], list[Piece]]]] = {
    Weather.CLEAR: lambda _: [],
    Weather.RAIN: lambda setting: [*_rain(setting, 1.0)],
    Weather.STORM: lambda setting: [*_rain(setting, 1.6), Lightning(setting.seconds)],
    Weather.SNOW: lambda setting: [*_snow(setting)],
    Weather.FOG: _fog,
    Weather.PETALS: lambda setting: [_flakes(setting, _PETALS, 34)],
    Weather.LEAVES: lambda setting: [_flakes(setting, _LEAVES, 26)],
    Weather.FIREFLIES: lambda setting: [_lights(setting, rgb("e6ff8a"), 30, rising=0.0)],
    Weather.EMBERS: lambda setting: [_lights(setting, rgb("ff8a3a"), 44, rising=90.0)],
    Weather.DUST: _dust,
}
