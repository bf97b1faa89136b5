"""Reference pictures in a scene: prints hung up on a line, as rushes are to dry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from rushes.studio.camera import Moment
from rushes.studio.colours import darker, rgb
from rushes.studio.ink import Drawing, Ink
from rushes.studio.lay import lay_turned
from rushes.studio.plan import Scene
from rushes.studio.planes import Frame, Plane, sprite_of
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Plate

PRINTS_MAX: Final = 12
ROW_MAX: Final = 5
_DEPTH: Final = 0.12
_WEIGHTLESS: Final = frozenset({Scene.SPACE, Scene.UNDERWATER, Scene.SKY, Scene.ABSTRACT})


@dataclass(slots=True)
class Print:
    """A print that swings from where it hangs, or floats."""

    drawing: Drawing
    x: float
    y: float
    swing: float
    phase: float
    is_hung: bool
    depth: float = _DEPTH
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        turn = self.swing * math.sin(2 * math.pi * (at.t / 3.1 + self.phase))
        tall = self.drawing.sprite.height
        angle = math.radians(turn)
        x, y = self.x, self.y
        if self.is_hung:
            x, y = x - math.sin(angle) * tall / 2, y + math.cos(angle) * tall / 2
        else:
            y += tall / 2 + 6 * math.sin(2 * math.pi * (at.t / 4.3 + self.phase))
        scale = at.scale(self.depth)
        x = at.pivot_x + (x - at.left(self.depth) - at.pivot_x) * scale
        y = at.pivot_y + (y - at.up(self.depth) - at.pivot_y) * scale
        lay_turned(frame, self.drawing.sprite, (x, y), turn, scale)


def prints(setting: Setting, pictures: Sequence[Plane]) -> list[Piece]:
    """Hang up some BGR pictures."""
    shown = list(pictures)[:PRINTS_MAX]
    rows = [shown[start : start + ROW_MAX] for start in range(0, len(shown), ROW_MAX)]
    is_hung = setting.plan.scene not in _WEIGHTLESS
    pieces: list[Piece] = []
    tall = setting.height * (0.36, 0.25, 0.2)[len(rows) - 1]
    for index, row in enumerate(rows):
        top = setting.height * (0.1, 0.07, 0.05)[len(rows) - 1] + index * tall * 1.22
        pieces += _line_up(setting, row, top, tall, index, is_hung=is_hung)
    return pieces


def _line_up(
    setting: Setting, row: Sequence[Plane], top: float, tall: float, index: int, *, is_hung: bool
) -> list[Piece]:
    width = setting.width
    room = width * 0.9 / len(row)
    drawings = [_framed(setting, picture, tall, room * 0.86) for picture in row]
    xs = [width * 0.05 + room * (place + 0.5) for place in range(len(row))]
    sag = 16 * setting.unit

    def hang(x: float) -> float:
        part = x / width * 2 - 1
        return top + sag * (1 - part * part)

    pieces: list[Piece] = []
    if is_hung:
        first, last = setting.across(_DEPTH)
        ink = setting.ink(_DEPTH, top - 30, top + 60 * setting.unit, fineness=2)
        points = [(float(x), hang(x)) for x in range(first, last + 9, max(8, width // 60))]
        ink.line(points, max(1.0, 2.4 * setting.unit), darker(setting.light.near, 0.3))
        pieces.append(Plate(ink.drawing(), _DEPTH))
    dice = setting.dice("prints", str(index))
    for x, drawing in zip(xs, drawings, strict=True):
        phase = float(dice.random())
        pieces.append(Print(drawing, x, hang(x), 2.6 if is_hung else 4.0, phase, is_hung))
    return pieces


def _framed(setting: Setting, picture: Plane, tall: float, room: float) -> Drawing:
    """Put a white rim and two pegs about a picture."""
    unit = setting.unit
    rim = max(2.0, 9 * unit)
    share = min((tall - 2.6 * rim) / picture.shape[0], (room - 2 * rim) / picture.shape[1])
    wide = max(4, round(picture.shape[1] * share))
    high = max(4, round(picture.shape[0] * share))
    small = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    full_x, full_y = wide + 2 * rim, high + 2.6 * rim
    ink = Ink(full_x + 16 * unit, full_y + 24 * unit, x=8 * unit, y=12 * unit)
    ink.box(4 * unit, 5 * unit, full_x, full_y, (8, 10, 16), round_by=3 * unit, alpha=0.35)
    paper = setting.light.lit(rgb("fbf8f0"))
    ink.box(0, 0, full_x, full_y, paper, round_by=2 * unit)
    for place in (0.2, 0.8):
        ink.box(
            full_x * place - 4 * unit, -9 * unit, 8 * unit, 20 * unit, rgb("b98a54"), round_by=3
        )
    pixels = cv2.resize(ink.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    left, top = round(8 * unit + rim), round(12 * unit + rim)
    pixels[top : top + high, left : left + wide, :3] = small[
        : pixels.shape[0] - top, : pixels.shape[1] - left
    ]
    ring = cv2.copyMakeBorder(pixels, 2, 2, 2, 2, cv2.BORDER_CONSTANT)
    return Drawing(sprite_of(np.asarray(ring, np.uint8)), 0, 0)
