"""Stills set in motion: a camera within a picture, and one picture turning into another."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from rushes.studio.pictures import grey
from rushes.studio.plan import Move
from rushes.studio.planes import Floats, Frame, Plane

ZOOM: Final = 0.12
ZOOM_AT_REST: Final = 0.012
"""A fixed camera: enough to tell a film from a still, not enough to see it move."""

_SMALL: Final = 160
_FLOW_SHARE: Final = 0.1


class Within:
    """A camera that moves within a picture: what seems near moves more than what seems far.

    It begins (or, pulling out, ends) on the very picture, and never sees beyond its edges.
    """

    def __init__(self, picture: Frame, move: Move) -> None:
        self._picture = picture
        self._move = move
        near = _nearness(picture)
        rows, columns = picture.y.shape
        self._across = np.arange(columns, dtype=np.float32)[None]
        self._down = np.arange(rows, dtype=np.float32)[:, None]
        self._near = near
        self._pull_x = near * (self._across - (columns - 1) / 2)
        self._pull_y = near * (self._down - (rows - 1) / 2)

    def paint(self, frame: Frame, progress: float) -> None:
        """Paint the picture as it is seen at a point (0-1) of the way."""
        eased = progress * progress * (3 - 2 * progress) * 0.6 + progress * 0.4
        reach = ZOOM_AT_REST if self._move is Move.STATIC else ZOOM
        zoom = reach * (1 - eased if self._move is Move.PULL_OUT else eased)
        if zoom < 1e-4:  # noqa: PLR2004 -- not a pixel in all the width
            frame.paste(self._picture)
            return
        slide_x, slide_y = self._slide(zoom)
        map_x = cv2.scaleAdd(self._pull_x, -zoom, np.broadcast_to(self._across, frame.y.shape))
        map_y = cv2.scaleAdd(self._pull_y, -zoom, np.broadcast_to(self._down, frame.y.shape))
        if slide_x:
            map_x = cv2.scaleAdd(self._near, slide_x, map_x)
        if slide_y:
            map_y = cv2.scaleAdd(self._near, slide_y, map_y)
        _remap(self._picture, np.asarray(map_x, np.float32), np.asarray(map_y, np.float32), frame)

    def _slide(self, zoom: float) -> tuple[float, float]:
        """Return how far the camera goes aside: at most what the zoom has hidden."""
        room_x = zoom * self._picture.width * 0.34
        room_y = zoom * self._picture.height * 0.34
        match self._move:
            case Move.PAN_LEFT:
                return -room_x, 0.0
            case Move.PAN_RIGHT | Move.AERIAL | Move.TRACK:
                return room_x, 0.0
            case Move.RISE | Move.TILT_UP:
                return 0.0, -room_y
            case Move.FALL | Move.TILT_DOWN:
                return 0.0, room_y
            case _:
                return 0.0, 0.0


class Morph:
    """One picture turning into another of the same things: both flow toward each other.

    It begins on the very first and ends on the very last.
    """

    def __init__(self, first: Frame, last: Frame) -> None:
        self._first = first
        self._last = last
        rows, columns = first.y.shape
        self._across = np.broadcast_to(np.arange(columns, dtype=np.float32)[None], (rows, columns))
        self._down = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], (rows, columns))
        self._there = _flow(first, last)
        self._back = _flow(last, first)
        self._other = Frame(*(np.empty_like(plane) for plane in (first.y, first.u, first.v)))

    def paint(self, frame: Frame, progress: float) -> None:
        """Paint a point (0-1) of the way."""
        if progress <= 0 or progress >= 1:
            frame.paste(self._first if progress <= 0 else self._last)
            return
        eased = progress * progress * (3 - 2 * progress)
        self._warped(self._first, self._there, eased, frame)
        self._warped(self._last, self._back, 1 - eased, self._other)
        fade(frame, self._other, eased)

    def _warped(
        self, picture: Frame, flow: tuple[Floats, Floats], share: float, into: Frame
    ) -> None:
        map_x = cv2.scaleAdd(flow[0], -share, self._across)
        map_y = cv2.scaleAdd(flow[1], -share, self._down)
        _remap(picture, np.asarray(map_x, np.float32), np.asarray(map_y, np.float32), into)


def mix(frame: Frame, other: Frame, weight: Plane) -> None:
    """Turn a frame into another, as much as `weight` (0-255) says of each pixel."""
    size = (frame.u.shape[1], frame.u.shape[0])
    half = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.uint8)
    for mine, its, much in (
        (frame.y, other.y, weight),
        (frame.u, other.u, half),
        (frame.v, other.v, half),
    ):
        rest = cv2.bitwise_not(much)
        cv2.multiply(mine, rest, mine, 1 / 255)
        cv2.add(mine, cv2.multiply(its, much, scale=1 / 255), mine)


def fade(frame: Frame, other: Frame, share: float) -> None:
    """Turn a frame into another by a share (0-1), all of it alike."""
    for mine, its in ((frame.y, other.y), (frame.u, other.u), (frame.v, other.v)):
        cv2.addWeighted(mine, 1 - share, its, share, 0, mine)


def _remap(picture: Frame, map_x: Floats, map_y: Floats, into: Frame) -> None:
    linear, edge = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    cv2.remap(picture.y, map_x, map_y, linear, into.y, edge)
    half_x, half_y = map_x[::2, ::2] * np.float32(0.5), map_y[::2, ::2] * np.float32(0.5)
    cv2.remap(picture.u, half_x, half_y, linear, into.u, edge)
    cv2.remap(picture.v, half_x, half_y, linear, into.v, edge)


def _nearness(picture: Frame) -> Floats:
    """Guess how near things are, 0.35-1: what is low, in the middle, or full of detail."""
    columns = _SMALL
    rows = max(8, round(_SMALL * picture.height / picture.width))
    small = grey(picture, columns, rows).astype(np.float32)
    detail = np.abs(small - np.asarray(cv2.GaussianBlur(small, (0, 0), 6), np.float32))
    detail = np.asarray(cv2.GaussianBlur(detail, (0, 0), 9), np.float32)
    detail /= float(detail.max()) + 1e-6
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, columns, dtype=np.float32)[None]
    middle = np.exp(-(across**2) * 1.6 - ((down - 0.55) * 2) ** 2 * 1.2)
    near = 0.42 * down**1.3 + 0.33 * middle + 0.35 * detail
    near = np.asarray(cv2.GaussianBlur(near.astype(np.float32), (0, 0), 7), np.float32)
    low, high = float(near.min()), float(near.max())
    near = 0.35 + 0.65 * (near - low) / (high - low + 1e-6)
    size = (picture.width, picture.height)
    return np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _flow(one: Frame, other: Frame) -> tuple[Floats, Floats]:
    """Guess where the parts of a picture are in another; only the broad motion is kept."""
    columns = 2 * _SMALL
    rows = max(16, round(columns * one.height / one.width))
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    empty = np.zeros((rows, columns, 2), np.float32)
    flow = method.calc(grey(one, columns, rows), grey(other, columns, rows), empty)
    flow = np.asarray(cv2.GaussianBlur(flow, (0, 0), 12), np.float32)
    bound = columns * _FLOW_SHARE
    flow = np.clip(flow, -bound, bound) * np.float32(one.width / columns)
    large = cv2.resize(flow, (one.width, one.height), interpolation=cv2.INTER_LINEAR)
    there = np.asarray(large, np.float32)
    return np.ascontiguousarray(there[..., 0]), np.ascontiguousarray(there[..., 1])
