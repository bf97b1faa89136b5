"""Which pictures of a film become stills, and how they are laid out; no film is read here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from PIL import Image

STILLS: Final = 10
COLUMNS: Final = 5
STILL_WIDTH_PX_MAX: Final = 320
STILL_HEIGHT_PX_MAX: Final = 640

T = TypeVar("T")


class Evenly(Generic[T]):
    """Chooses evenly spaced pictures while a film goes by, once, to an end nobody knows.

    `expected` is how many frames the container promises. Kept, the promise gives exact
    places; where it is broken, or not given (0), every n-th picture is kept, and n doubles
    whenever there are too many. The first picture is always kept: there may be no other.
    Never more than 4 x `count` are held.
    """

    def __init__(self, expected: int = 0, count: int = STILLS) -> None:
        self._count = count
        self._planned = frozenset(_places(expected, count)) if expected > 0 else frozenset()
        self._expected = expected
        self._stride = 1
        self._kept: dict[int, T] = {}

    def wants(self, number: int) -> bool:
        """Say whether the picture with this number should be kept."""
        if number < self._expected:
            return number == 0 or number in self._planned
        return number % self._stride == 0

    def keep(self, number: int, picture: T) -> None:
        """Keep a picture; numbers must rise."""
        self._kept[number] = picture
        if len(self._kept) > 4 * self._count:
            self._stride *= 2
            self._kept = {n: kept for n, kept in self._kept.items() if n % self._stride == 0}

    def pick(self, total: int) -> list[T]:
        """Return `count` pictures of the `total` that went by, the nearest where one is missing."""
        numbers = list(self._kept)
        return [
            self._kept[min(numbers, key=lambda number: abs(number - place))]
            for place in _places(total, self._count)
        ]


def _places(total: int, count: int) -> list[int]:
    """Return the middles of `count` equal parts of 0..total-1.

    >>> _places(120, 10)
    [6, 18, 30, 42, 54, 66, 78, 90, 102, 114]
    """
    return [(2 * part + 1) * total // (2 * count) for part in range(count)]


def still_size(width_px: int, height_px: int) -> tuple[int, int]:
    """Return the size of a still of a film, which is never enlarged.

    >>> still_size(1280, 720), still_size(720, 1280), still_size(64, 48)
    ((320, 180), (320, 569), (64, 48))
    """
    scale = min(1.0, STILL_WIDTH_PX_MAX / width_px, STILL_HEIGHT_PX_MAX / height_px)
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def spritesheet(stills: Sequence[Image.Image]) -> Image.Image:
    """Lay stills of one size out in rows of five, in order."""
    width_px, height_px = stills[0].size
    rows = -(-len(stills) // COLUMNS)
    sheet = Image.new("RGB", (width_px * COLUMNS, height_px * rows))
    for number, still in enumerate(stills):
        row, column = divmod(number, COLUMNS)
        sheet.paste(still, (column * width_px, row * height_px))
    return sheet
