"""Colours, and the light of a time of day."""

from __future__ import annotations

from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0-255."""


def rgb(text: str) -> Colour:
    """Read a colour as it is written on the web.

    >>> rgb("ff8000")
    (255, 128, 0)
    """
    value = int(text, 16)
    return (value >> 16 & 255, value >> 8 & 255, value & 255)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour that is `share` (0-1) of the way from one to the other."""
    red, green, blue = (
        round(a + (b - a) * min(1.0, max(0.0, share))) for a, b in zip(one, other, strict=True)
    )
    return (red, green, blue)


def lighter(colour: Colour, share: float) -> Colour:
    """Return a colour nearer to white."""
    return mix(colour, (255, 255, 255), share)


def darker(colour: Colour, share: float) -> Colour:
    """Return a colour nearer to black."""
    return mix(colour, (0, 0, 0), share)
