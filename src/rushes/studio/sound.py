"""Sound that fits a film: what a place sounds like, music under it, and one sane loudness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.music import add_music
from rushes.studio.noises import Bed, Motion, add_bed
from rushes.studio.plan import Plan, Scene, Weather
from rushes.studio.voices import voices_of

LOUDNESS_LUFS: Final = -20.0
"""About where the web plays things: a film is neither lost beside others nor shouts."""

PEAK_MAX: Final = 0.89
_KNEE: Final = 0.6
_BLOCK: Final = 1 << 17
_FADE_S: Final = 0.5
_CROSSING_S: Final = 0.25
_SILENCE: Final = 1e-12

_BEDS: Final[Mapping[Scene, tuple[Bed, ...]]] = {
    Scene.SEA: (
        Bed(50, 620, 0.2, Motion.SURF, 0.75, 5.6),
        Bed(700, 4200, 0.09, Motion.SURF, 0.92, 5.6),
    ),
    Scene.CITY: (
        Bed(40, 200, 0.16, Motion.GUST, 0.3, 6.0),
        Bed(180, 1100, 0.09, Motion.PASSING, 0.9, 3.4),
    ),
    Scene.FOREST: (Bed(300, 2200, 0.09, Motion.GUST, 0.7, 4.0),),
    Scene.MOUNTAIN: (Bed(140, 700, 0.15, Motion.GUST, 0.8, 3.6),),
    Scene.DESERT: (
        Bed(160, 800, 0.12, Motion.GUST, 0.8, 4.4),
        Bed(900, 3000, 0.03, Motion.GUST, 0.9, 3.0),
    ),
    Scene.SPACE: (Bed(30, 110, 0.16, Motion.GUST, 0.4, 6.0),),
    Scene.UNDERWATER: (Bed(30, 240, 0.2, Motion.GUST, 0.5, 5.0),),
    Scene.MEADOW: (Bed(300, 2400, 0.07, Motion.GUST, 0.7, 4.0),),
    Scene.SKY: (Bed(180, 900, 0.13, Motion.GUST, 0.7, 4.0),),
    Scene.ROAD: (Bed(60, 500, 0.1, Motion.GUST, 0.2, 3.0),),
    Scene.WINDOW: (Bed(50, 220, 0.03),),
    Scene.ABSTRACT: (Bed(60, 240, 0.04, Motion.GUST, 0.5, 6.0),),
}
_WEATHER_BEDS: Final[Mapping[Weather, tuple[Bed, ...]]] = {
    Weather.RAIN: (Bed(1400, 8500, 0.14, Motion.GUST, 0.15, 2.0), Bed(250, 900, 0.03)),
    Weather.STORM: (
        Bed(1200, 8000, 0.17, Motion.GUST, 0.35, 1.6),
        Bed(70, 500, 0.16, Motion.GUST, 0.8, 2.4),
    ),
    Weather.SNOW: (Bed(260, 1300, 0.06, Motion.GUST, 0.8, 4.0),),
    Weather.EMBERS: (Bed(80, 520, 0.1, Motion.GUST, 0.5, 0.8),),
}
_AIRLESS: Final = frozenset({Scene.SPACE, Scene.UNDERWATER})


@dataclass(frozen=True, slots=True)
class Heard:
    """What is heard for some seconds."""

    plan: Plan
    seconds: float


def ambience(heard: Sequence[Heard]) -> Sound:
    """Make the sound of a film's shots, one after another, with one music under all of them."""
    counts = [round(one.seconds * RATE_HZ) for one in heard]
    sound = np.zeros((2, sum(counts)), np.float32)
    at = 0
    for one, count in zip(heard, counts, strict=True):
        _lay(sound, one.plan, at, count)
        at += count
    add_music(sound, heard[0].plan)
    return _finished(sound)


def _lay(sound: Sound, plan: Plan, start: int, count: int) -> None:
    """Lay the sound of one shot over the end of the one before and the begin of the next."""
    crossing = int(_CROSSING_S * RATE_HZ)
    first, last = max(0, start - crossing // 2), min(sound.shape[1], start + count + crossing // 2)
    place = atmosphere(plan, last - first)
    ramp = np.sin(np.linspace(0, np.pi / 2, crossing, dtype=np.float32))
    ramp = ramp[: place.shape[1]]
    if first > 0:
        place[:, : len(ramp)] *= ramp
    if last < sound.shape[1]:
        place[:, place.shape[1] - len(ramp) :] *= ramp[::-1]
    sound[:, first:last] += place


def atmosphere(plan: Plan, count: int) -> Sound:
    """Make so many samples of what a plan's place sounds like, without music."""
    sound = np.zeros((2, count), np.float32)
    weather = () if plan.scene in _AIRLESS else _WEATHER_BEDS.get(plan.weather, ())
    dice = plan.dice("sound")
    for bed in (*_BEDS[plan.scene], *weather):
        add_bed(sound, bed, dice)
    for voice in voices_of(plan):
        voice(sound, dice)
    return sound


def _finished(sound: Sound) -> Sound:
    """Bring a sound to its loudness, hold its peaks, begin and end softly."""
    gain = 10 ** ((LOUDNESS_LUFS - loudness(sound)) / 20)
    level = np.abs(sound) * np.float32(gain)
    room = PEAK_MAX - _KNEE
    held = np.where(level > _KNEE, _KNEE + room * np.tanh((level - _KNEE) / room), level)
    finished = np.asarray(np.copysign(held, sound), np.float32)
    count = min(sound.shape[1] // 3, int(_FADE_S * RATE_HZ))
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    finished[:, :count] *= ramp
    finished[:, sound.shape[1] - count :] *= ramp[::-1]
    return finished


def loudness(sound: Sound) -> float:
    """Return how loud a sound is in LUFS, about: weighted as ears do, without gates.

    Source: ITU-R BS.1770-5; its two filters are drawn by their curves here, within half a dB.
    """
    hertz = np.fft.rfftfreq(_BLOCK, 1 / RATE_HZ)
    shelf = 1 + (10**0.4 - 1) * hertz**4 / (hertz**4 + 1500**4)
    weight = shelf * (hertz**2 / (hertz**2 + 38**2)) ** 2
    power = 0.0
    for start in range(0, sound.shape[1], _BLOCK):
        spectrum = np.fft.rfft(sound[:, start : start + _BLOCK], _BLOCK)
        power += float((np.abs(spectrum) ** 2 * weight).sum()) * 2 / _BLOCK
    return -0.691 + 10 * float(np.log10(power / max(1, sound.shape[1]) + _SILENCE))
