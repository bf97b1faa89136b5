"""Drawing: vector shapes on a canvas of premultiplied BGRA, finished into sprites.

Lengths are in units; `unit` pixels make one, so that one drawing serves every film size. A
canvas is `fineness` times finer than what it becomes. OpenCV's anti-aliased fill blends all
four channels alike, which on a premultiplied canvas is exactly *over* for opaque colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from rushes.studio.colours import Colour
from rushes.studio.planes import Plane, Sprite, sprite_of

Point: TypeAlias = tuple[float, float]
Points: TypeAlias = Sequence[Point] | NDArray[np.float64]

_SHIFT: Final = 4
_STEPS: Final = 8
_PIXELS_MAX: Final = 16_384


@dataclass(frozen=True, slots=True)
class Fade:
    """A colour that turns into another from the top of a shape to its bottom."""

    top: Colour
    bottom: Colour


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A sprite, and where its corner lies from the drawing's origin, in pixels."""

    sprite: Sprite
    x: int
    y: int


class Ink:
    """A canvas `width` by `height` units large; its origin is (`x`, `y`) units from the corner."""

    def __init__(
        self,
        width: float,
        height: float,
        *,
        x: float = 0.0,
        y: float = 0.0,
        unit: float = 1.0,
        fineness: int = 2,
    ) -> None:
        self._fineness = fineness
        self._scale = unit * fineness
        columns = max(2, math.ceil(width * unit / 2) * 2)
        rows = max(2, math.ceil(height * unit / 2) * 2)
        self._corner = (round(x * unit), round(y * unit))
        self._origin = (self._corner[0] * fineness, self._corner[1] * fineness)
        self.pixels: Plane = np.zeros((rows * fineness, columns * fineness, 4), np.uint8)

    def fill(self, points: Points, paint: Colour | Fade, alpha: float = 1.0) -> None:
        """Fill a polygon."""
        self._fill([self._fixed(points)], paint, alpha)

    def shape(self, points: Points, paint: Colour | Fade, alpha: float = 1.0) -> None:
        """Fill the smooth closed curve through some points."""
        self.fill(smooth(points), paint, alpha)

    def oval(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        paint: Colour | Fade,
        *,
        turn: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Fill an ellipse, turned by `turn` degrees."""
        self.fill(oval(x, y, rx, ry, turn=turn), paint, alpha)

    def disc(
        self, x: float, y: float, radius: float, paint: Colour | Fade, alpha: float = 1.0
    ) -> None:
        """Fill a circle."""
        self.fill(oval(x, y, radius, radius), paint, alpha)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        paint: Colour | Fade,
        *,
        round_by: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Fill a rectangle from its upper left corner, its corners rounded."""
        self.fill(box(x, y, width, height, round_by=round_by), paint, alpha)

    def line(
        self,
        points: Points,
        width: float,
        colour: Colour,
        *,
        width_end: float | None = None,
        alpha: float = 1.0,
    ) -> None:
        """Draw a stroke with round joints that may grow thinner or thicker to its end."""
        end = width if width_end is None else width_end
        path = [(float(x), float(y)) for x, y in points]
        pieces = []
        count = max(1, len(path) - 1)
        for index, (here, there) in enumerate(pairwise(path)):
            near = width + (end - width) * index / count
            far = width + (end - width) * (index + 1) / count
            pieces.append(self._fixed(_limb(here, there, near / 2, far / 2)))
        if alpha >= 1:
            for piece in pieces:
                self._fill([piece], colour, 1.0)
        elif pieces:
            self._fill(pieces, colour, alpha)

    def curve(
        self,
        points: Points,
        width: float,
        colour: Colour,
        *,
        width_end: float | None = None,
        alpha: float = 1.0,
    ) -> None:
        """Draw a stroke along the smooth open curve through some points."""
        self.line(flowing(points), width, colour, width_end=width_end, alpha=alpha)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Lay soft light over a place: full in the middle, gone at the radius."""
        cx = x * self._scale + self._origin[0]
        cy = y * self._scale + self._origin[1]
        reach = radius * self._scale
        rows, columns = self.pixels.shape[:2]
        left, right = max(0, int(cx - reach)), min(columns, math.ceil(cx + reach))
        top, bottom = max(0, int(cy - reach)), min(rows, math.ceil(cy + reach))
        if right <= left or bottom <= top:
            return
        across = (np.arange(left, right, dtype=np.float32) - cx) / reach
        down = (np.arange(top, bottom, dtype=np.float32) - cy) / reach
        distance = cv2.sqrt(across[None] ** 2 + down[:, None] ** 2)
        light = cv2.pow(np.clip(1 - distance, 0, 1), 2.2)
        self._shine(light, (slice(top, bottom), slice(left, right)), colour, strength)

    def beam(
        self,
        start: Point,
        end: Point,
        widths: tuple[float, float],
        colour: Colour,
        strength: float,
    ) -> None:
        """Lay a beam of light: brightest at its start, gone at its end, and soft at its sides."""
        here, there = (np.multiply(at, self._scale) + self._origin for at in (start, end))
        near, far = (width * self._scale / 2 for width in widths)
        reach = max(near, far) + 2
        rows, columns = self.pixels.shape[:2]
        left, right = (
            int(np.clip(edge, 0, columns))
            for edge in (min(here[0], there[0]) - reach, max(here[0], there[0]) + reach)
        )
        top, bottom = (
            int(np.clip(edge, 0, rows))
            for edge in (min(here[1], there[1]) - reach, max(here[1], there[1]) + reach)
        )
        way = there - here
        long = float(np.hypot(*way))
        if right <= left or bottom <= top or long < 1:
            return
        across = np.arange(left, right, dtype=np.float32)[None] + np.float32(0.5 - here[0])
        down = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - here[1])
        ux, uy = (np.float32(part / long) for part in way)
        along = (across * ux + down * uy) / np.float32(long)
        aside = np.abs(across * uy - down * ux)
        half = np.maximum(near + (far - near) * np.clip(along, 0, 1), 1)
        light = np.clip(1 - (aside / half) ** 2, 0, 1) ** 2 * np.clip(1 - along, 0, 1)
        light *= np.clip(along * (long / 6), 0, 1)
        self._shine(light, (slice(top, bottom), slice(left, right)), colour, strength)

    def shadow_over(self, points: Points, colour: Colour, alpha: float) -> None:
        """Darken or tint what is drawn already, within a polygon, without growing it."""
        mask, where = self._mask([self._fixed(points)])
        if mask.size == 0:
            return
        seen = self.pixels[where]
        weight = mask.astype(np.float32)[..., None] * (alpha / 255)
        weight *= seen[..., 3:].astype(np.float32) / 255
        value = np.array(colour[::-1], np.float32)
        seen[..., :3] = (seen[..., :3] * (1 - weight) + value * weight + 0.5).astype(np.uint8)

    def drawing(self, *, mirrored: bool = False) -> Drawing:
        """Finish: the sprite of what was drawn, cut to what is not empty."""
        pixels = self.pixels
        if self._fineness > 1:
            size = (pixels.shape[1] // self._fineness, pixels.shape[0] // self._fineness)
            pixels = _plane(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        corner_x = self._corner[0]
        if mirrored:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
            corner_x = pixels.shape[1] - corner_x
        alpha = cv2.extractChannel(pixels, 3)
        left, top, width, height = cv2.boundingRect(alpha)
        if width == 0 or height == 0:
            left, top, width, height = 0, 0, 2, 2
        # A clear rim of two pixels lets a sprite be moved by parts of a pixel.
        rim = cv2.copyMakeBorder(
            pixels[top : top + height, left : left + width], 2, 2, 2, 2, cv2.BORDER_CONSTANT
        )
        return Drawing(sprite_of(_plane(rim)), left - 2 - corner_x, top - 2 - self._corner[1])

    def tile(self) -> Sprite:
        """Finish without a rim, to be laid side by side with itself."""
        pixels = self.pixels
        if self._fineness > 1:
            size = (pixels.shape[1] // self._fineness, pixels.shape[0] // self._fineness)
            pixels = _plane(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        return sprite_of(pixels)

    def at(self, x: float, y: float) -> tuple[int, int]:
        """Return the column and the row of the canvas at a place."""
        return (
            round(x * self._scale + self._origin[0]),
            round(y * self._scale + self._origin[1]),
        )

    def _shine(
        self, light: object, where: tuple[slice, slice], colour: Colour, strength: float
    ) -> None:
        """Lay light (0-1) of a colour over a part of the canvas."""
        mask = _plane(cv2.convertScaleAbs(_plane(light), alpha=255 * strength))
        weight = cv2.merge([mask, mask, mask, mask])
        value = np.empty_like(weight)
        value[:] = (*colour[::-1], 255)
        seen = self.pixels[where]
        cv2.multiply(seen, cv2.bitwise_not(weight), seen, 1 / 255)
        cv2.add(seen, cv2.multiply(value, weight, scale=1 / 255), seen)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        array = np.asarray(points, np.float64) * self._scale + self._origin
        # A pixel's middle is its corner plus a half, which OpenCV counts from the middle.
        fixed = np.rint((array - 0.5) * (1 << _SHIFT))
        bound = _PIXELS_MAX << _SHIFT
        clipped: NDArray[np.int32] = np.clip(fixed, -bound, bound).astype(np.int32)
        return clipped

    def _fill(self, shapes: list[NDArray[np.int32]], paint: Colour | Fade, alpha: float) -> None:
        if isinstance(paint, tuple) and alpha >= 1:
            red, green, blue = paint
            colour = (blue, green, red, 255)
            cv2.fillPoly(self.pixels, shapes, colour, cv2.LINE_AA, _SHIFT)
            return
        mask, where = self._mask(shapes)
        if mask.size == 0:
            return
        if alpha < 1:
            mask = _plane(cv2.convertScaleAbs(mask, alpha=alpha))
        fade = paint if isinstance(paint, Fade) else Fade(paint, paint)
        down = np.linspace(0, 1, mask.shape[0], dtype=np.float32)[:, None]
        top, bottom = (np.array([*end[::-1], 255], np.float32) for end in (fade.top, fade.bottom))
        rows = (top + (bottom - top) * down + 0.5).astype(np.uint8)
        weight = cv2.merge([mask, mask, mask, mask])
        value = np.ascontiguousarray(np.broadcast_to(rows[:, None], weight.shape))
        # Three passes over bytes are many times as fast as one over floats.
        seen = self.pixels[where]
        cv2.multiply(seen, cv2.bitwise_not(weight), seen, 1 / 255)
        cv2.add(seen, cv2.multiply(value, weight, scale=1 / 255), seen)

    def _mask(self, shapes: Iterable[NDArray[np.int32]]) -> tuple[Plane, tuple[slice, slice]]:
        """Return the coverage of some shapes, and the part of the canvas that it is for."""
        together = list(shapes)
        everything = np.concatenate(together)
        low = (everything.min(axis=0) >> _SHIFT) - 1
        high = (everything.max(axis=0) >> _SHIFT) + 3
        rows, columns = self.pixels.shape[:2]
        left, top = max(0, int(low[0])), max(0, int(low[1]))
        right, bottom = min(columns, int(high[0])), min(rows, int(high[1]))
        mask = np.zeros((max(0, bottom - top), max(0, right - left)), np.uint8)
        if mask.size:
            moved = [shape - (np.array([left, top], np.int32) << _SHIFT) for shape in together]
            for shape in moved:
                cv2.fillPoly(mask, [shape], (255,), cv2.LINE_AA, _SHIFT)
        return mask, (slice(top, bottom), slice(left, right))


def smooth(points: Points) -> NDArray[np.float64]:
    """Return the closed Catmull-Rom curve through some points."""
    path = np.asarray(points, np.float64)
    return _spline(np.roll(path, 1, 0), path, np.roll(path, -1, 0), np.roll(path, -2, 0))


def flowing(points: Points) -> NDArray[np.float64]:
    """Return the open Catmull-Rom curve through some points."""
    path = np.asarray(points, np.float64)
    padded = np.concatenate([path[:1], path, path[-1:]])
    return np.concatenate([_spline(padded[:-3], padded[1:-2], padded[2:-1], padded[3:]), path[-1:]])


def _spline(
    before: NDArray[np.float64],
    here: NDArray[np.float64],
    there: NDArray[np.float64],
    after: NDArray[np.float64],
) -> NDArray[np.float64]:
    t = (np.arange(_STEPS) / _STEPS)[None, :, None]
    a, b, c, d = (part[:, None, :] for part in (before, here, there, after))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    return np.reshape(curve, (-1, 2))


def oval(
    x: float, y: float, rx: float, ry: float, *, turn: float = 0.0, points: int = 36
) -> NDArray[np.float64]:
    """Return an ellipse as a polygon, turned by `turn` degrees."""
    around = np.arange(points) * (2 * math.pi / points)
    rim = np.stack([rx * np.cos(around), ry * np.sin(around)], 1)
    rim = turned(rim, turn)
    rim += (x, y)
    return rim


def box(
    x: float, y: float, width: float, height: float, *, round_by: float = 0.0
) -> NDArray[np.float64]:
    """Return a rectangle as a polygon, its corners rounded."""
    radius = min(round_by, width / 2, height / 2)
    if radius <= 0:
        return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    quarter = np.linspace(0, math.pi / 2, 7)
    middles = (
        (x + width - radius, y + height - radius, 0.0),
        (x + radius, y + height - radius, 0.5),
        (x + radius, y + radius, 1.0),
        (x + width - radius, y + radius, 1.5),
    )
    corners = [
        np.stack(
            [
                mx + radius * np.cos(quarter + start * math.pi),
                my + radius * np.sin(quarter + start * math.pi),
            ],
            1,
        )
        for mx, my, start in middles
    ]
    return np.concatenate(corners)


def turned(points: Points, degrees: float, about: Point = (0.0, 0.0)) -> NDArray[np.float64]:
    """Return points turned clockwise about one of them, as seen on a screen."""
    path = np.asarray(points, np.float64) - about
    if degrees:
        angle = math.radians(degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        path = path @ np.array([[cos, sin], [-sin, cos]])
    return path + about


def _limb(here: Point, there: Point, near: float, far: float) -> NDArray[np.float64]:
    """Return a stroke between two points with round ends."""
    angle = math.atan2(there[1] - here[1], there[0] - here[0])
    half = np.linspace(math.pi / 2, 3 * math.pi / 2, 9) + angle
    back = np.stack([here[0] + near * np.cos(half), here[1] + near * np.sin(half)], 1)
    half = half + math.pi
    front = np.stack([there[0] + far * np.cos(half), there[1] + far * np.sin(half)], 1)
    return np.concatenate([back, front])


def _plane(array: object) -> Plane:
    assert isinstance(array, np.ndarray)  # noqa: S101 -- narrows the type, costs nothing
    return array
