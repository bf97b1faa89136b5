"""The camera: what it can see, and where it is at an instant.

`depth` says how much of the camera's way a thing goes: 0 is infinitely far, 1 is where the
subjects are, more is nearer. Places are pixels of the film, with the camera at rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rushes.studio.plan import Move

REFERENCE_PX: Final = 720
EASE: Final = 0.2
"""The part of its time in which a camera gets going, and in which it comes to rest."""

ZOOM_MAX: Final = 1.26
TILTS: Final = frozenset({Move.TILT_UP, Move.TILT_DOWN})
LENSES: Final = frozenset({Move.ZOOM_IN, Move.ZOOM_OUT})
FOLLOWING: Final = frozenset({Move.TRACK, Move.ORBIT})
"""Movements that keep the subject in the middle, wherever it goes."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a movement begins and ends: in reaches of the camera, and its magnification."""

    x: tuple[float, float] = (0.0, 0.0)
    y: tuple[float, float] = (0.0, 0.0)
    turn: tuple[float, float] = (0.0, 0.0)
    tilt: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (1.0, 1.0)


_TOP: Final = -0.45
"""A camera that sinks does not begin so high that subjects lose their feet."""

_WAYS: Final[Mapping[Move, Way]] = {
    Move.PAN_LEFT: Way(x=(1, -1)),
    Move.PAN_RIGHT: Way(x=(-1, 1)),
    Move.TRACK: Way(x=(-1, 1)),
    Move.PUSH_IN: Way(zoom=(1, ZOOM_MAX)),
    Move.PULL_OUT: Way(zoom=(ZOOM_MAX, 1)),
    Move.ZOOM_IN: Way(zoom=(1, ZOOM_MAX)),
    Move.ZOOM_OUT: Way(zoom=(ZOOM_MAX, 1)),
    Move.RISE: Way(y=(1, _TOP), zoom=(1.06, 1)),
    Move.FALL: Way(y=(_TOP, 1), zoom=(1, 1.06)),
    Move.TILT_UP: Way(tilt=(1, _TOP)),
    Move.TILT_DOWN: Way(tilt=(_TOP, 1)),
    Move.ORBIT: Way(turn=(-1, 1), zoom=(1, 1.08)),
    Move.AERIAL: Way(x=(-1, 1), y=(1, _TOP), zoom=(1, 1.1)),
}

_REACH_X: Final[Mapping[Move, float]] = {
    Move.PAN_LEFT: 0.26,
    Move.PAN_RIGHT: 0.26,
    Move.TRACK: 0.34,
    Move.ORBIT: 0.42,
    Move.AERIAL: 0.16,
    Move.HANDHELD: 0.034,
}
_REACH_Y: Final[Mapping[Move, float]] = {
    Move.RISE: 0.12,
    Move.FALL: 0.12,
    Move.TILT_UP: 0.14,
    Move.TILT_DOWN: 0.14,
    Move.AERIAL: 0.07,
    Move.HANDHELD: 0.024,
}
"""The longest ways, as shares of the short edge."""


@dataclass(frozen=True, slots=True)
class View:
    """What the camera can see: the size of the film, and how far the camera will go.

    `unit` is how many pixels a drawing's unit has: one at 720 lines. `reach_x` and `reach_y`
    are the longest ways of the camera from rest, in pixels at depth 1.
    """

    width: int
    height: int
    move: Move

    @property
    def unit(self) -> float:
        """Pixels in one unit of drawing."""
        return min(self.width, self.height) / REFERENCE_PX

    @property
    def reach_x(self) -> float:
        """The longest way of the camera to a side, in pixels."""
        return min(self.width, self.height) * _REACH_X.get(self.move, 0.02)

    @property
    def reach_y(self) -> float:
        """The longest way of the camera up or down, in pixels."""
        return min(self.width, self.height) * _REACH_Y.get(self.move, 0.004)

    def margin_x(self, depth: float) -> int:
        """How many pixels a piece at a depth must reach over either side."""
        way = _around(depth) if self.move is Move.ORBIT else depth
        return 2 * math.ceil(self.reach_x * abs(way) / 2) + 4

    def margin_y(self, depth: float) -> int:
        """How many pixels a piece at a depth must reach over top and bottom."""
        way = _over(depth) if self.move in TILTS else depth
        return 2 * math.ceil(self.reach_y * way / 2) + 4


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of a film, and where the camera is: pixels at depth 1, and magnification.

    `turn` is how far it has gone round the subjects, and `tilt` how far it looks up or down,
    in pixels. `is_lens` says that it only magnifies, and goes no nearer.
    """

    t: float
    progress: float
    x: float
    y: float
    zoom: float
    pivot_x: float
    pivot_y: float
    turn: float = 0.0
    tilt: float = 0.0
    is_lens: bool = False

    def scale(self, depth: float) -> float:
        """How much larger a piece at a depth appears."""
        if self.is_lens:
            return self.zoom if depth else 1.0
        return 1 + (self.zoom - 1) * (0.25 + 0.75 * depth)

    def left(self, depth: float) -> float:
        """How far a piece at a depth has gone to the left, in pixels."""
        return self.x * depth + self.turn * _around(depth)

    def up(self, depth: float) -> float:
        """How far a piece at a depth has gone up, in pixels."""
        return self.y * depth + self.tilt * _over(depth)


def _around(depth: float) -> float:
    """Return how far a piece goes when the camera goes round what is at depth 1.

    What is behind goes with the camera, what is before it the other way; the sky stays.
    """
    return 2.4 * depth * (depth - 1) if depth < 1 else 0.9 * (depth - 1)


def _over(depth: float) -> float:
    """Return how far a piece goes when the camera looks up or down: all alike, but for the sky."""
    return 0.75 + 0.25 * depth if depth else 0.0


def eased(progress: float) -> float:
    """Return how far the camera is at a point (0-1) of its time: it starts and ends at rest.

    >>> eased(0.0), round(eased(0.5), 6), eased(1.0)
    (0.0, 0.5, 1.0)
    """
    whole = 1 - EASE
    if progress < EASE:
        return progress * progress / (2 * EASE * whole)
    if progress > whole:
        return 1 - (1 - progress) * (1 - progress) / (2 * EASE * whole)
    return (progress - EASE / 2) / whole


def moment(view: View, t: float, seconds: float) -> Moment:
    """Say where the camera is at an instant."""
    progress = min(1.0, max(0.0, t / seconds)) if seconds > 0 else 0.0
    middle = view.width / 2, view.height * 0.55
    if view.move is Move.HANDHELD:
        x, y, zoom = _in_hand(t)
        return Moment(t, progress, x * view.reach_x, y * view.reach_y, zoom, *middle)
    way = _WAYS.get(view.move, Way())
    share = eased(progress)
    x, y, turn, tilt, zoom = (
        start + (end - start) * share for start, end in (way.x, way.y, way.turn, way.tilt, way.zoom)
    )
    return Moment(
        t,
        progress,
        x * view.reach_x,
        y * view.reach_y,
        zoom,
        *middle,
        turn * view.reach_x,
        tilt * view.reach_y,
        view.move in LENSES,
    )


def _in_hand(t: float) -> tuple[float, float, float]:
    """Return where a camera in somebody's hand is, in reaches, and its magnification."""
    x = 0.55 * math.sin(1.7 * t) + 0.35 * math.sin(3.1 * t + 1) + 0.1 * math.sin(9.7 * t)
    y = 0.55 * math.sin(2.3 * t + 2) + 0.35 * math.sin(4.3 * t) + 0.1 * math.sin(11.3 * t + 1)
    return x, y, 1.03 + 0.012 * math.sin(0.9 * t)
