"""The camera: what it can see, and where it is at an instant.

`depth` says how much of the camera's way a thing goes: 0 is infinitely far, 1 is where the
subjects are, more is nearer. Places are pixels of the film, with the camera at rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from rushes.studio.plan import Move

REFERENCE_PX: Final = 720


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
        short = min(self.width, self.height)
        share = {Move.PAN_LEFT: 0.26, Move.PAN_RIGHT: 0.26, Move.AERIAL: 0.16, Move.HANDHELD: 0.03}
        return short * share.get(self.move, 0.02)

    @property
    def reach_y(self) -> float:
        """The longest way of the camera up or down, in pixels."""
        short = min(self.width, self.height)
        share = {Move.RISE: 0.07, Move.FALL: 0.07, Move.AERIAL: 0.05, Move.HANDHELD: 0.02}
        return short * share.get(self.move, 0.004)

    def margin_x(self, depth: float) -> int:
        """How many pixels a piece at a depth must reach over either side."""
        return 2 * math.ceil(self.reach_x * depth / 2) + 4

    def margin_y(self, depth: float) -> int:
        """How many pixels a piece at a depth must reach over top and bottom."""
        return 2 * math.ceil(self.reach_y * depth / 2) + 4


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant of a film, and where the camera is: pixels at depth 1, and magnification."""

    t: float
    progress: float
    x: float
    y: float
    zoom: float
    pivot_x: float
    pivot_y: float

    def scale(self, depth: float) -> float:
        """How much larger a piece at a depth appears."""
        return 1 + (self.zoom - 1) * (0.25 + 0.75 * depth)


def moment(view: View, t: float, seconds: float) -> Moment:
    """Say where the camera is at an instant."""
    progress = min(1.0, max(0.0, t / seconds)) if seconds > 0 else 0.0
    eased = 0.5 * progress + 0.5 * progress * progress * (3 - 2 * progress)
    x = y = 0.0
    zoom = 1.0
    match view.move:
        case Move.PAN_LEFT:
            x = view.reach_x * (1 - 2 * eased)
        case Move.PAN_RIGHT:
            x = view.reach_x * (2 * eased - 1)
        case Move.PUSH_IN:
            zoom = 1 + 0.16 * eased
        case Move.PULL_OUT:
            zoom = 1 + 0.16 * (1 - eased)
        case Move.RISE:
            y = view.reach_y * (1 - 2 * eased)
        case Move.FALL:
            y = view.reach_y * (2 * eased - 1)
        case Move.AERIAL:
            x = view.reach_x * (2 * eased - 1)
            y = view.reach_y * (1 - 2 * eased)
        case Move.HANDHELD:
            x = view.reach_x * (0.6 * math.sin(1.7 * t) + 0.4 * math.sin(3.1 * t + 1))
            y = view.reach_y * (0.6 * math.sin(2.3 * t + 2) + 0.4 * math.sin(4.3 * t))
            zoom = 1.03
        case Move.STATIC:
            pass
    return Moment(t, progress, x, y, zoom, view.width / 2, view.height * 0.55)
