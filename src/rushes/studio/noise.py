"""Noise that looks like nature: sums of smooth random waves, finer and fainter."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rushes.studio.planes import Floats


def field(
    dice: np.random.Generator, width: int, height: int, *, cells: tuple[int, int], octaves: int = 4
) -> Floats:
    """Return a noise field (height, width) of about 0..1; `cells` are its coarsest lumps."""
    total = np.zeros((height, width), np.float32)
    weight, whole = 1.0, 0.0
    for octave in range(octaves):
        across, down = cells[0] << octave, cells[1] << octave
        grid = dice.random((min(down + 3, height), min(across + 3, width)), dtype=np.float32)
        total += weight * np.asarray(
            cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32
        )
        whole += weight
        weight *= 0.5
    return np.asarray(total / whole, np.float32)


def line(
    dice: np.random.Generator, count: int, *, lumps: float, octaves: int = 5, gain: float = 0.5
) -> NDArray[np.float64]:
    """Return a noise line of `count` values of about -1..1; `lumps` are its coarsest waves."""
    total = np.zeros(count)
    weight, whole = 1.0, 0.0
    for octave in range(octaves):
        waves = lumps * 2**octave
        knots = dice.random(int(waves) + 3) * 2 - 1
        at = np.linspace(0, waves, count, endpoint=False)
        index = at.astype(np.intp)
        part = at - index
        part = part * part * (3 - 2 * part)
        total += weight * (knots[index] * (1 - part) + knots[index + 1] * part)
        whole += weight
        weight *= gain
    return total / whole * 1.6


def looped(
    dice: np.random.Generator, count: int, *, waves: tuple[int, ...], heights: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return a line of `count` values that begins again where it ends."""
    around = np.arange(count) * (2 * np.pi / count)
    total = np.zeros(count)
    for wave, height in zip(waves, heights, strict=True):
        total += height * np.sin(around * wave + dice.random() * 2 * np.pi)
    return total
