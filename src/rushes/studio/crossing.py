"""From one still to another: as one movement of a camera that leaves the first and finds the last.

Two pictures of the same things (another light, a step further) flow into each other. Any others
are joined as an editor would: the camera flies on into the next picture, or swings over to it,
and both move alike when one gives way to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from rushes.studio.motion import Morph, fade, mix
from rushes.studio.pictures import grey
from rushes.studio.plan import Move
from rushes.studio.planes import Floats, Frame, Plane, blank

ALIKE: Final = 0.4
"""Pictures whose fine structure agrees more than this show the same things."""

_SMALL: Final = (96, 54)
_NEARER: Final = 1.1
"""How much nearer the first picture has come when the last one has taken its place."""

_TURN: Final = (0.28, 0.72)
"""Between which points of its way one picture gives way to the other."""

_SEAM: Final = 0.3
_BLUR: Final = 0.05
_DRIFT: Final = 0.12
_SHARP: Final = 0.25
"""Up to which part of its greatest speed nothing is blurred."""

_SAMPLES: Final = (-1.0, -0.33, 0.33, 1.0)

Paint = Callable[[Frame, float], None]
_SLIDES: Final = {
    Move.PAN_LEFT: (-1, 0),
    Move.PAN_RIGHT: (1, 0),
    Move.TRACK: (1, 0),
    Move.ORBIT: (1, 0),
    Move.RISE: (0, -1),
    Move.TILT_UP: (0, -1),
    Move.FALL: (0, 1),
    Move.TILT_DOWN: (0, 1),
}
_BACKWARD: Final = frozenset({Move.PULL_OUT, Move.ZOOM_OUT})


class Crossing:
    """One picture that becomes another; it begins on the very first and ends on the very last."""

    def __init__(self, first: Frame, last: Frame, move: Move) -> None:
        self._first = first
        self._last = last
        self._move = move
        self._other = blank(first.width, first.height)
        self._sample = blank(first.width, first.height)
        self._morph = Morph(first, last) if likeness(first, last) > ALIKE else None

    def paint(self, frame: Frame, progress: float) -> None:
        """Paint a point (0-1) of the way."""
        if progress <= 0 or progress >= 1:
            frame.paste(self._first if progress <= 0 else self._last)
            return
        if self._morph is not None:
            self._morph.paint(frame, progress)
            return
        smooth = progress**3 * (10 + progress * (6 * progress - 15))
        way = _DRIFT * progress + (1 - _DRIFT) * smooth
        speed = max(0.0, 16 * progress**2 * (1 - progress) ** 2 - _SHARP) / (1 - _SHARP)
        slide = _SLIDES.get(self._move)
        if slide is None:
            self._fly(frame, way, speed)
        else:
            self._swing(frame, way, speed, slide)

    def _fly(self, frame: Frame, way: float, speed: float) -> None:
        """Go on into the picture, and come out before the next, at the same speed."""
        onward = 1 + _NEARER * way
        arriving = (1 + _NEARER * way) / (1 + _NEARER)
        if self._move in _BACKWARD:
            onward, arriving = 1 / onward, (1 + _NEARER * (1 - way))
        share = _smooth((way - _TURN[0]) / (_TURN[1] - _TURN[0]))
        self._zoomed(self._first, onward, speed, frame)
        if share > 0:
            self._zoomed(self._last, arriving, speed, self._other)
            fade(frame, self._other, share)

    def _zoomed(self, picture: Frame, zoom: float, speed: float, into: Frame) -> None:
        """Paint a picture nearer or farther, and as blurred outwards as it is fast."""
        for number, sample in enumerate(_SAMPLES if speed else (0.0,)):
            near = zoom * (1 + _BLUR * speed * sample)
            shift = (1 - near) / 2
            matrix = np.array([[near, 0, shift], [0, near, shift]])
            _warp(picture, matrix, into if number == 0 else self._sample)
            if number:
                fade(into, self._sample, 1 / (number + 1))

    def _swing(self, frame: Frame, way: float, speed: float, slide: tuple[int, int]) -> None:
        """Swing from the one picture over to the other, which lies beside it."""
        across, down = slide
        _warp(self._first, np.array([[1, 0, -across * way], [0, 1, -down * way]]), frame)
        rest = 1 - way
        _warp(self._last, np.array([[1, 0, across * rest], [0, 1, down * rest]]), self._other)
        mix(frame, self._other, self._seam(way, slide))
        if not speed:
            return
        length = round(_BLUR * speed * (frame.width if across else frame.height)) | 1
        for plane, part in ((frame.y, 1), (frame.u, 2), (frame.v, 2)):
            size = max(1, length // part)
            cv2.blur(plane, (size, 1) if across else (1, size), plane)

    def _seam(self, way: float, slide: tuple[int, int]) -> Plane:
        """Return how much (0-255) of the last picture is seen where; the seam is soft."""
        across, down = slide
        count = self._first.width if across else self._first.height
        place = (np.arange(count, dtype=np.float32) + 0.5) / count
        inside = place if across + down > 0 else 1 - place
        edge = 1 + _SEAM / 2 - way * (1 + _SEAM)
        line = np.clip((inside - edge) / _SEAM + 0.5, 0, 1)
        line = line * line * (3 - 2 * line) * 255
        seam = np.broadcast_to(line[None] if across else line[:, None], self._first.y.shape)
        return np.asarray(seam + 0.5, np.uint8)


def likeness(one: Frame, other: Frame) -> float:
    """Return how much the fine structure of two pictures agrees: 1 is all, 0 is by chance.

    Lighter or darker does not count: a place by day and by night is one place.
    """
    fine = [_fine(picture) for picture in (one, other)]
    norms = [float(np.linalg.norm(part)) + 1e-6 for part in fine]
    return float((fine[0] * fine[1]).sum()) / (norms[0] * norms[1])


def _fine(picture: Frame) -> Floats:
    small = grey(picture, *_SMALL).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), 1.2), np.float32)
    return soft - np.asarray(cv2.GaussianBlur(small, (0, 0), 5), np.float32)


def _warp(picture: Frame, matrix: NDArray[np.float64], into: Frame) -> None:
    """Paint a picture moved; `matrix` is in shares of its size, and what lies beside it mirrors."""
    for plane, target in ((picture.y, into.y), (picture.u, into.u), (picture.v, into.v)):
        rows, columns = plane.shape
        moved = matrix.copy()
        moved[0, 2] *= columns
        moved[1, 2] *= rows
        border = cv2.BORDER_REFLECT_101
        cv2.warpAffine(plane, moved, (columns, rows), target, cv2.INTER_LINEAR, border)


def _smooth(part: float) -> float:
    part = min(1.0, max(0.0, part))
    return part * part * (3 - 2 * part)
