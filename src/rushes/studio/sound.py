"""Sound that fits a scene: beds of shaped noise, a soft chord, and small voices. Stereo floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.plan import Hour, Mood, Plan, Scene, Weather

Wave = NDArray[np.float32]

_LOOP: Final = 1 << 18
_PEAK: Final = 0.5
_SHARP: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Bed:
    """A band of noise: its edges in Hz, how loud, and the swell of its loudness."""

    low_hz: float
    high_hz: float
    loud: float
    swell: float = 0.0
    swell_s: float = 6.0


_BEDS: Final[Mapping[Scene, tuple[Bed, ...]]] = {
    Scene.SEA: (Bed(60, 700, 0.5, 0.85, 6.5), Bed(900, 5000, 0.12, 0.95, 6.5)),
    Scene.CITY: (Bed(40, 220, 0.5, 0.3, 9.0), Bed(300, 1200, 0.06, 0.5, 5.0)),
    Scene.FOREST: (Bed(200, 1600, 0.1, 0.6, 8.0),),
    Scene.MOUNTAIN: (Bed(120, 800, 0.3, 0.7, 7.0),),
    Scene.DESERT: (Bed(150, 900, 0.24, 0.8, 8.0),),
    Scene.SPACE: (Bed(30, 120, 0.5, 0.4, 11.0),),
    Scene.UNDERWATER: (Bed(30, 260, 0.6, 0.4, 7.0),),
    Scene.MEADOW: (Bed(250, 1800, 0.08, 0.6, 6.0),),
    Scene.SKY: (Bed(160, 1000, 0.3, 0.6, 7.0),),
    Scene.ROAD: (Bed(50, 320, 0.55, 0.15, 3.0), Bed(500, 2200, 0.1, 0.3, 2.2)),
    Scene.WINDOW: (Bed(50, 160, 0.16, 0.2, 9.0),),
    Scene.ABSTRACT: (Bed(60, 240, 0.2, 0.5, 8.0),),
}
_WEATHER_BEDS: Final[Mapping[Weather, tuple[Bed, ...]]] = {
    Weather.RAIN: (Bed(1200, 9000, 0.3, 0.1, 4.0), Bed(200, 900, 0.1)),
    Weather.STORM: (Bed(900, 9000, 0.42, 0.25, 4.0), Bed(60, 500, 0.4, 0.8, 5.0)),
    Weather.SNOW: (Bed(300, 1400, 0.1, 0.7, 8.0),),
    Weather.EMBERS: (Bed(80, 600, 0.3, 0.4, 2.5),),
}
_CHORDS: Final[Mapping[str, tuple[int, ...]]] = {
    "bright": (0, 4, 7, 11, 14),
    "warm": (0, 3, 7, 10, 14),
    "dark": (0, 3, 7, 8, 12),
    "open": (0, 7, 12, 14, 19),
}


def ambience(plan: Plan, seconds: float) -> Sound:
    """Make the sound of a plan, some seconds long."""
    dice = plan.dice("sound")
    count = round(seconds * RATE_HZ)
    sound = np.zeros((2, count), np.float32)
    for bed in (*_BEDS[plan.scene], *_WEATHER_BEDS.get(plan.weather, ())):
        sound += _bed(bed, count, dice)
    _chord(sound, plan, dice)
    for voice in _voices(plan):
        voice(sound, dice)
    _fade(sound)
    peak = float(np.abs(sound).max()) if count else 0.0
    return sound * np.float32(_PEAK / max(peak, _SHARP))


def _bed(bed: Bed, count: int, dice: np.random.Generator) -> Sound:
    hertz = np.fft.rfftfreq(_LOOP, 1 / RATE_HZ)
    shape = 1 / (1 + (hertz / bed.high_hz) ** 4) * (hertz / (hertz + bed.low_hz)) ** 2
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    sides = []
    for side in range(2):
        phases = dice.random(len(hertz), dtype=np.float32) * np.float32(2 * np.pi)
        noise = np.fft.irfft(shape * np.exp(1j * phases), _LOOP).astype(np.float32)
        noise *= 1 / (float(np.std(noise)) * 4 + _SHARP)
        swell = 1 - bed.swell * (0.5 + 0.5 * np.sin(2 * np.pi * t / bed.swell_s + 0.4 * side))
        looped = np.tile(noise, -(-count // _LOOP))[:count]
        sides.append(looped * swell.astype(np.float32) * bed.loud)
    return np.stack(sides).astype(np.float32)


def _chord(sound: Sound, plan: Plan, dice: np.random.Generator) -> None:
    """Add a soft chord that breathes."""
    name = "bright"
    if plan.hour.is_dark or plan.mood is Mood.NEON:
        name = "warm"
    if plan.weather is Weather.STORM or plan.mood is Mood.MONO:
        name = "dark"
    if plan.scene in {Scene.SPACE, Scene.UNDERWATER} or plan.mood is Mood.INK:
        name = "open"
    root = float(dice.choice([98.0, 110.0, 123.47, 130.81]))
    t = np.arange(sound.shape[1], dtype=np.float32) / RATE_HZ
    for index, tone in enumerate(_CHORDS[name]):
        hertz = root * 2 ** (tone / 12)
        breath = 0.6 + 0.4 * np.sin(2 * np.pi * (0.06 + 0.02 * index) * t + index)
        for side, shift in enumerate((-0.35, 0.35)):
            phase = np.float32(2 * np.pi * (hertz + shift)) * t
            sound[side] += 0.05 * breath * np.sin(phase + 0.3 * np.sin(phase * 2))


Voice = Callable[[Sound, np.random.Generator], None]


def _voices(plan: Plan) -> list[Voice]:
    voices: list[Voice] = []
    if plan.scene in {Scene.FOREST, Scene.MEADOW}:
        voices.append(_crickets if plan.hour is Hour.NIGHT else _birds)
    if plan.scene is Scene.SEA and not plan.hour.is_dark:
        voices.append(_gulls)
    if plan.scene is Scene.UNDERWATER:
        voices.append(_bubbles)
    if plan.weather is Weather.EMBERS:
        voices.append(_crackle)
    if plan.scene in {Scene.SPACE, Scene.ABSTRACT, Scene.WINDOW, Scene.SKY}:
        voices.append(_bells)
    return voices


def _birds(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 1.1)):
        base = float(dice.uniform(2300, 3900))
        start = float(dice.random())
        for note in range(int(dice.integers(2, 5))):
            bend = float(dice.uniform(-900, 700))
            _tone(sound, start, 0.13 * note, 0.09, (base, base + bend), 0.05, float(dice.random()))


def _gulls(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(max(1, int(sound.shape[1] / RATE_HZ * 0.3))):
        start, side = float(dice.random()), float(dice.random())
        for note in range(3):
            _tone(sound, start, 0.3 * note, 0.24, (1350, 950), 0.035, side)


def _crickets(sound: Sound, dice: np.random.Generator) -> None:
    del dice
    t = np.arange(sound.shape[1], dtype=np.float32) / RATE_HZ
    trill = np.clip(np.sin(2 * np.pi * 14 * t), 0, 1) * (np.sin(2 * np.pi * 0.7 * t) > 0)
    song = (0.02 * trill * np.sin(2 * np.pi * 4200 * t)).astype(np.float32)
    sound[0] += song
    sound[1] += 0.6 * song


def _bubbles(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 3)):
        low = float(dice.uniform(300, 700))
        _tone(sound, float(dice.random()), 0, 0.07, (low, low * 2.2), 0.06, float(dice.random()))


def _crackle(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 14)):
        high = float(dice.uniform(1500, 5000))
        loud = float(dice.uniform(0.03, 0.2))
        _tone(sound, float(dice.random()), 0, 0.006, (high, high * 0.5), loud, float(dice.random()))


def _bells(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 0.9) + 1):
        tone = float(dice.choice([0, 4, 7, 11, 14]))
        hertz = 440 * 2 ** (tone / 12)
        _tone(sound, float(dice.random()) * 0.8, 0, 1.4, (hertz, hertz), 0.06, float(dice.random()))


def _tone(
    sound: Sound,
    place: float,
    after_s: float,
    length_s: float,
    hertz: tuple[float, float],
    loud: float,
    side: float,
) -> None:
    """Add a note: from a place (0-1) of the whole, bending from one pitch to another."""
    first = int(place * sound.shape[1] + after_s * RATE_HZ)
    count = min(int(length_s * RATE_HZ), sound.shape[1] - first)
    if count <= 1:
        return
    part = np.linspace(0, 1, count, dtype=np.float32)
    pitch = hertz[0] + (hertz[1] - hertz[0]) * part
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    shape = np.clip(part / 0.06, 0, 1) * (1 - part) ** 1.6
    note = (loud * shape * np.sin(phase)).astype(np.float32)
    sound[0, first : first + count] += note * (1 - 0.7 * side)
    sound[1, first : first + count] += note * (0.3 + 0.7 * side)


def _fade(sound: Sound) -> None:
    """Begin and end softly."""
    count = min(sound.shape[1] // 3, int(0.5 * RATE_HZ))
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    sound[:, :count] *= ramp
    sound[:, sound.shape[1] - count :] *= ramp[::-1]
