"""The stage: pieces of scenery, from far to near; each paints itself on a frame at a moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rushes.studio.camera import Moment, View
from rushes.studio.ink import Drawing
from rushes.studio.lay import lay, place
from rushes.studio.plan import Move
from rushes.studio.planes import Frame, Sprite, over


class Piece(Protocol):
    """Something on the stage."""

    @property
    def is_still(self) -> bool:
        """Whether it looks the same at every moment of a camera at rest."""
        ...

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        ...


@dataclass(slots=True)
class Backdrop:
    """The opaque picture behind everything."""

    frame: Frame
    is_still: bool = True

    def draw(self, frame: Frame, at: Moment) -> None:  # noqa: ARG002 -- it never moves
        """Paint itself on a frame."""
        frame.paste(self.frame)


@dataclass(slots=True)
class Plate:
    """A sprite that stands, or drifts by itself (pixels a second), at a depth."""

    drawing: Drawing
    depth: float
    drift_x: float = 0.0
    drift_y: float = 0.0
    sway: float = 0.0
    sway_s: float = 4.0
    phase: float = 0.0

    @property
    def is_still(self) -> bool:
        """Whether it looks the same at every moment of a camera at rest."""
        return not (self.drift_x or self.drift_y or self.sway)

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        swing = self.sway * math.sin(2 * math.pi * at.t / self.sway_s + self.phase)
        x = self.drawing.x + self.drift_x * at.t + swing
        y = self.drawing.y + self.drift_y * at.t + swing * 0.3
        place(frame, self.drawing.sprite, x, y, at, self.depth)


@dataclass(slots=True)
class Belt:
    """A sprite that repeats from side to side and moves along (pixels a second), for ever.

    `tile` has an even width and no rim; `y` is where its upper edge lies.
    """

    strip: Sprite
    period: int
    y: float
    depth: float
    speed_x: float
    is_still: bool = False

    @classmethod
    def of(cls, tile: Sprite, view: View, *, y: float, depth: float, speed_x: float) -> Belt:
        """Build a belt that is wide enough for a view."""
        copies = 2 + math.ceil(view.width / tile.width)
        strip = Sprite(
            *(
                np.tile(plane, (1, copies))
                for plane in (tile.y, tile.u, tile.v, tile.clear, tile.clear_half)
            )
        )
        return cls(strip, tile.width, y, depth, speed_x)

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        along = (self.speed_x * at.t - at.left(self.depth)) % self.period - self.period
        if at.scale(self.depth) == 1:
            lay(frame, self.strip, along, self.y - at.up(self.depth))
        else:
            place(frame, self.strip, along + at.left(self.depth), self.y, at, self.depth)


@dataclass(slots=True)
class Mirror:
    """Water: what is above the line is seen again below it, tinted, in moving rows."""

    line: int
    tint: Sprite
    ripple: float
    squeeze: float = 0.9
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        line = round(at.pivot_y + (self.line - at.up(1.0) - at.pivot_y) * at.scale(1.0))
        line = max(2, min(frame.height - 2, line & ~1))
        count = frame.height - line
        down = np.arange(count, dtype=np.float32)
        depth = down / max(1, count)
        wave = np.sin(down * 0.42 * (1 - 0.72 * depth) + at.t * 3.1)
        wave += np.sin(down * 0.17 * (1 - 0.5 * depth) - at.t * 2.2)
        shift = wave * (0.6 + 5 * depth) * self.ripple
        source = np.clip(line - 1 - down * self.squeeze - shift, 0, line - 1).astype(np.intp)
        frame.y[line:] = frame.y[source]
        half = source[::2] // 2
        frame.u[line // 2 :] = frame.u[half]
        frame.v[line // 2 :] = frame.v[half]
        over(frame, self.tint, 0, line)


@dataclass(slots=True)
class Stage:
    """All pieces, from far to near; what never changes is painted once."""

    view: View
    pieces: Sequence[Piece]
    _ground: Frame | None = None
    _first: int = 0

    def settle(self, frame: Frame, at: Moment) -> None:
        """Paint everything that stands still before the first thing that moves."""
        is_fixed = self.view.move is Move.STATIC
        count = 0
        for piece in self.pieces:
            is_far = isinstance(piece, Backdrop) or (isinstance(piece, Plate) and piece.depth == 0)
            if not piece.is_still or not (is_fixed or is_far):
                break
            piece.draw(frame, at)
            count += 1
        if count:
            self._ground = Frame(frame.y.copy(), frame.u.copy(), frame.v.copy())
            self._first = count

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint a moment."""
        if self._ground is not None:
            frame.paste(self._ground)
        for piece in self.pieces[self._first :]:
            piece.draw(frame, at)
