"""The pen subjects are drawn with: colours are named as they are in white light."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np

from rushes.studio.colours import Colour, darker, lighter, rgb
from rushes.studio.ink import Drawing, Fade, Ink, Point, Points, oval, smooth
from rushes.studio.light import Light
from rushes.studio.plan import Season

Paint: TypeAlias = str | tuple[str, str]
"""A colour, or two from the top of a shape to its bottom, as on the web (`e8832a`)."""


_LEAVES: Final = {
    Season.SPRING: "f6b4cc",
    Season.AUTUMN: "e08a34",
    Season.WINTER: "e6eef4",
}
"""What leaves are like when they are not green: in blossom, turned, under snow."""


class Habit(StrEnum):
    """How a subject lives: where it is put, and how it moves."""

    WALK = "walk"
    DRIVE = "drive"
    SAIL = "sail"
    SWIM = "swim"
    FLY = "fly"
    FLOAT = "float"
    STAND = "stand"
    THING = "thing"


class Pen:
    """Draws in the light of a film; the origin is where a subject stands, y goes down."""

    def __init__(self, ink: Ink, light: Light, *, distance: float = 0.0) -> None:
        self._ink = ink
        self._light = light
        self._distance = distance

    @property
    def is_dark(self) -> bool:
        """Whether lamps are lit."""
        return self._light.is_dark

    @property
    def season(self) -> Season:
        """What the year has done to leaves."""
        return self._light.season

    def leaf(self, colour: str) -> str:
        """Return what a green leaf's colour has become in this season."""
        turned = _LEAVES.get(self._light.season)
        if turned is None:
            return colour
        bright = sum(rgb(colour)) / 330
        parts = (min(255, round(part * (0.74 + 0.26 * bright))) for part in rgb(turned))
        return "".join(f"{part:02x}" for part in parts)

    def lit(self, colour: str) -> Colour:
        """Return a colour as it looks in this light."""
        return self._light.lit(rgb(colour), self._distance)

    def fill(self, points: Points, paint: Paint, alpha: float = 1.0) -> None:
        """Fill a polygon."""
        self._ink.fill(points, self._paint(paint), alpha)

    def shape(self, points: Points, paint: Paint, alpha: float = 1.0) -> None:
        """Fill the smooth closed curve through some points."""
        self._ink.shape(points, self._paint(paint), alpha)

    def oval(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        paint: Paint,
        *,
        turn: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Fill an ellipse."""
        self._ink.oval(x, y, rx, ry, self._paint(paint), turn=turn, alpha=alpha)

    def disc(self, x: float, y: float, radius: float, paint: Paint, alpha: float = 1.0) -> None:
        """Fill a circle."""
        self._ink.disc(x, y, radius, self._paint(paint), alpha)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        paint: Paint,
        *,
        round_by: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Fill a rectangle from its upper left corner."""
        self._ink.box(x, y, width, height, self._paint(paint), round_by=round_by, alpha=alpha)

    def line(
        self,
        points: Points,
        width: float,
        colour: str,
        *,
        width_end: float | None = None,
        alpha: float = 1.0,
    ) -> None:
        """Draw a stroke."""
        self._ink.line(points, width, self.lit(colour), width_end=width_end, alpha=alpha)

    def curve(
        self,
        points: Points,
        width: float,
        colour: str,
        *,
        width_end: float | None = None,
        alpha: float = 1.0,
    ) -> None:
        """Draw a smooth stroke through some points."""
        self._ink.curve(points, width, self.lit(colour), width_end=width_end, alpha=alpha)

    def shade(self, points: Points, alpha: float, colour: str = "101428") -> None:
        """Darken what is drawn already, within a polygon."""
        self._ink.shadow_over(points, rgb(colour), alpha)

    def shade_smooth(self, points: Points, alpha: float, colour: str = "101428") -> None:
        """Darken what is drawn already, within a smooth curve."""
        self._ink.shadow_over(smooth(points), rgb(colour), alpha)

    def lamp(self, x: float, y: float, radius: float, colour: str, strength: float = 0.9) -> None:
        """Shine: a light has its own colour in any light."""
        self._ink.glow(x, y, radius, rgb(colour), strength)

    def beam(
        self, start: Point, end: Point, widths: tuple[float, float], colour: str, strength: float
    ) -> None:
        """Shine one way: soft at the sides, gone at the end."""
        self._ink.beam(start, end, widths, rgb(colour), strength)

    def bright(self, points: Points, colour: str, alpha: float = 1.0) -> None:
        """Fill a polygon with its own light."""
        self._ink.fill(points, rgb(colour), alpha)

    def ground_shadow(self, width: float, *, x: float = 0.0, y: float = 0.0) -> None:
        """Darken the ground where a subject stands."""
        dark = darker(self._light.near, 0.5)
        self._ink.fill(oval(x, y, width / 2, max(3.0, width * 0.045)), dark, 0.34)

    def _paint(self, paint: Paint) -> Colour | Fade:
        if isinstance(paint, str):
            return self.lit(paint)
        return Fade(self.lit(paint[0]), self.lit(paint[1]))


Draw: TypeAlias = Callable[[Pen, float], None]
"""Draws a subject at a phase (0-1) of its movement, facing right."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A drawing with its habit.

    `room` is the canvas from the origin: left, up, right, down, in drawing units. `size` is
    how many units of film a drawing unit has. `poses` of one `cycle_s` are drawn once;
    `stride` is how far a step carries (drawing units). `rocks` is how far it leans, degrees.
    """

    draw: Draw
    habit: Habit
    room: tuple[float, float, float, float]
    size: float = 1.0
    poses: int = 1
    cycle_s: float = 1.0
    stride: float = 0.0
    rocks: float = 0.0

    def pose(
        self, light: Light, unit: float, phase: float, *, mirrored: bool, distance: float = 0.0
    ) -> Drawing:
        """Draw one pose for a film whose unit is so many pixels."""
        left, up, right, down = self.room
        ink = Ink(left + right, up + down, x=left, y=up, unit=unit * self.size)
        self.draw(Pen(ink, light, distance=distance), phase)
        return ink.drawing(mirrored=mirrored)


def wave(phase: float, shift: float = 0.0) -> float:
    """Return the height of a wave of one cycle, -1..1."""
    return math.sin(2 * math.pi * (phase + shift))


def bent(hip: Point, foot: Point, upper: float, lower: float, side: float) -> Point:
    """Return where a knee is, between two limbs of given lengths; `side` says which way (±1)."""
    dx, dy = foot[0] - hip[0], foot[1] - hip[1]
    reach = max(1e-6, math.hypot(dx, dy))
    span = min(reach, (upper + lower) * 0.999)
    along = (upper * upper - lower * lower + span * span) / (2 * span)
    out = math.sqrt(max(0.0, upper * upper - along * along)) * side
    ux, uy = dx / reach, dy / reach
    return (hip[0] + ux * along - uy * out, hip[1] + uy * along + ux * out)


def step(phase: float, stride: float, lift: float) -> Point:
    """Return where a foot is, from below its hip: on the ground going back, or swung forward."""
    phase %= 1.0
    stance = 0.6
    if phase < stance:
        return (stride * (0.5 - phase / stance), 0.0)
    part = (phase - stance) / (1 - stance)
    eased = part * part * (3 - 2 * part)
    return (stride * (eased - 0.5), -lift * math.sin(math.pi * part))


def star(x: float, y: float, outer: float, inner: float, points: int = 5) -> np.ndarray:
    """Return a star as a polygon."""
    around = np.arange(points * 2) * (math.pi / points) - math.pi / 2
    radius = np.where(np.arange(points * 2) % 2 == 0, outer, inner)
    return np.stack([x + radius * np.cos(around), y + radius * np.sin(around)], 1)


__all__ = ["Habit", "Pen", "Subject", "bent", "lighter", "star", "step", "wave"]
