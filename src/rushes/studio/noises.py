"""Noise as it sounds outdoors: bands of it, and how their loudness moves. Stereo floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from rushes.studio.film import RATE_HZ, Sound

_LOOP: Final = 1 << 17
_SHARP: Final = 1e-9
_ALIKE: Final = 0.6
"""How much both sides of a band have in common: wide, and nothing is lost in mono."""


class Motion(StrEnum):
    """How the loudness of a band moves."""

    STEADY = "steady"
    GUST = "gust"
    SURF = "surf"
    PASSING = "passing"
    CHOPPED = "chopped"


@dataclass(frozen=True, slots=True)
class Bed:
    """A band of noise: its edges in Hz, how loud it is at most, and how it moves.

    `depth` (0-1) is how much of it goes away between, `every_s` how often it comes.
    """

    low_hz: float
    high_hz: float
    loud: float
    motion: Motion = Motion.STEADY
    depth: float = 0.0
    every_s: float = 6.0


def add_bed(sound: Sound, bed: Bed, dice: np.random.Generator) -> None:
    """Add a band of noise."""
    count = sound.shape[1]
    one, two = (_band(bed, count, dice) for _ in range(2))
    sides = one, _ALIKE * one + (1 - _ALIKE**2) ** 0.5 * two
    for side, heard in enumerate(sides):
        swell = 1 - bed.depth + bed.depth * _MOTIONS[bed.motion](count, bed.every_s, dice, side)
        sound[side] += bed.loud * heard * swell


def _band(bed: Bed, count: int, dice: np.random.Generator) -> Sound:
    """Return noise between two pitches, of unit loudness, that goes on for ever."""
    hertz = np.fft.rfftfreq(_LOOP, 1 / RATE_HZ).astype(np.float32)
    shape = (hertz / (hertz + bed.low_hz)) ** 2 / (1 + (hertz / bed.high_hz) ** 4)
    turns = dice.random(len(hertz), dtype=np.float32) * np.float32(2 * np.pi)
    waves = np.empty(len(hertz), np.complex64)
    waves.real, waves.imag = shape * np.cos(turns), shape * np.sin(turns)
    noise = np.fft.irfft(waves, _LOOP).astype(np.float32)
    noise *= np.float32(1 / (float(np.std(noise)) + _SHARP))
    return np.asarray(np.tile(noise, -(-count // _LOOP))[:count])


def _steady(count: int, every_s: float, dice: np.random.Generator, side: int) -> Sound:
    del every_s, dice, side
    return np.ones(count, np.float32)


def _gust(count: int, every_s: float, dice: np.random.Generator, side: int) -> Sound:
    """Rise and fall by chance, never at once."""
    del side
    knots = dice.random(int(count / RATE_HZ / every_s * 2) + 4, dtype=np.float32)
    at = np.arange(count, dtype=np.float32) * np.float32(2 / RATE_HZ / every_s)
    index = at.astype(np.intp)
    part = at - index
    part = part * part * (3 - 2 * part)
    return np.asarray(knots[index] * (1 - part) + knots[index + 1] * part)


def _surf(count: int, every_s: float, dice: np.random.Generator, side: int) -> Sound:
    """Break, and run out: one wave after another, a little later on the right."""
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    waves = np.zeros(count, np.float32)
    begin = -0.55 * every_s + 0.12 * side
    for _ in range(int(count / RATE_HZ / every_s) + 3):
        since = t - np.float32(begin)
        rise = np.clip(since / (0.3 * every_s), 0, 1)
        fall = np.exp(-np.clip(since - 0.3 * every_s, 0, None) / (0.27 * every_s))
        waves += rise * rise * fall
        begin += every_s * (0.95 + 0.1 * float(dice.random()))
    return np.asarray(np.clip(waves, 0, 1), np.float32)


def _passing(count: int, every_s: float, dice: np.random.Generator, side: int) -> Sound:
    """Come, pass from one side to the other, and go."""
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    passes = np.zeros(count, np.float32)
    at = 0.35 * every_s
    for number in range(int(count / RATE_HZ / every_s) + 2):
        early = 0.35 if (number + side) % 2 else -0.35
        passes += np.exp(-(((t - np.float32(at + early)) / (0.2 * every_s)) ** 2))
        at += every_s * float(dice.uniform(0.8, 1.2))
    return np.asarray(np.clip(passes, 0, 1), np.float32)


def _chopped(count: int, every_s: float, dice: np.random.Generator, side: int) -> Sound:
    """Beat, as blades do."""
    del dice
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * t / every_s + 0.3 * side)
    return np.asarray(beat**2, np.float32)


_MOTIONS: Final[Mapping[Motion, Callable[[int, float, np.random.Generator, int], Sound]]] = {
    Motion.STEADY: _steady,
    Motion.GUST: _gust,
    Motion.SURF: _surf,
    Motion.PASSING: _passing,
    Motion.CHOPPED: _chopped,
}
