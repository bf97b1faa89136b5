"""Soft music under a film: a few chords of one key, by its mood, and a note here and there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.plan import Mood, Plan, Scene, Weather

CHORD_S: Final = 2.6
_ROOTS_HZ: Final = (98.0, 110.0, 123.47, 130.81, 146.83)
_PAD: Final = 0.026
_NOTE: Final = 0.036
_NOTE_S: Final = 1.5
_CROSSING_S: Final = 0.9

_MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)
_MINOR: Final = (0, 2, 3, 5, 7, 8, 10)
_DORIAN: Final = (0, 2, 3, 5, 7, 9, 10)

_KEYS: Final[Mapping[str, tuple[Sequence[int], Sequence[int]]]] = {
    "bright": (_MAJOR, (0, 4, 5, 3)),
    "warm": (_MINOR, (0, 5, 2, 6)),
    "dark": (_MINOR, (0, 3, 5, 4)),
    "open": (_DORIAN, (0, 3, 0, 6)),
}
"""The scale of a temper in semitones, and the degrees its chords stand on."""


def temper(plan: Plan) -> str:
    """Say how music for a plan feels: bright, warm, dark or open."""
    if plan.scene in {Scene.SPACE, Scene.UNDERWATER} or plan.mood is Mood.INK:
        return "open"
    if plan.weather is Weather.STORM or plan.mood is Mood.MONO:
        return "dark"
    return "warm" if plan.hour.is_dark or plan.mood is Mood.NEON else "bright"


def scale_hz(plan: Plan) -> tuple[float, list[float]]:
    """Return the root of a plan's key in Hz, and the steps of its scale as parts of it."""
    steps, _ = _KEYS[temper(plan)]
    root = float(plan.dice("music").choice(_ROOTS_HZ))
    return root, [2 ** (step / 12) for step in steps]


def add_music(sound: Sound, plan: Plan) -> None:
    """Lay chords under a sound, each about as long as a breath, and a few notes over them."""
    count = sound.shape[1]
    seconds = count / RATE_HZ
    root, steps = scale_hz(plan)
    _, degrees = _KEYS[temper(plan)]
    chords = max(1, round(seconds / CHORD_S))
    length = seconds / chords
    dice = plan.dice("music", "notes")
    for number in range(chords):
        tones = _chord(root, steps, degrees[number % len(degrees)])
        _pad(sound, tones, number * length, length)
        for beat in (0.3, 0.62):
            tone = tones[1 + int(dice.integers(len(tones) - 1))] * 2
            _note(sound, tone, (number + beat) * length, float(dice.random()))


def _chord(root: float, steps: Sequence[float], degree: int) -> list[float]:
    """Return a bass and four tones of a chord, the tones within an octave of each other."""
    bass = root * steps[degree] * (0.5 if steps[degree] > steps[4] else 1.0)
    tones = [bass]
    for third in (0, 2, 4, 6):
        tone = root * steps[(degree + third) % len(steps)] * 2
        tones.append(tone if tone < 2.9 * root else tone / 2)
    return tones


def _pad(sound: Sound, tones: Sequence[float], start_s: float, length_s: float) -> None:
    """Add a chord that comes and goes softly, over its neighbours."""
    first = max(0, int((start_s - _CROSSING_S / 2) * RATE_HZ))
    last = min(sound.shape[1], int((start_s + length_s + _CROSSING_S / 2) * RATE_HZ))
    t = np.arange(last - first, dtype=np.float32) / RATE_HZ
    end = np.float32((last - first) / RATE_HZ)
    shape = np.clip(t / _CROSSING_S, 0, 1) * np.clip((end - t) / _CROSSING_S, 0, 1)
    shape = np.sin(0.5 * np.pi * shape).astype(np.float32)
    for index, tone in enumerate(tones):
        loud = _PAD * (1.2 if index == 0 else 0.8) * shape
        turn = np.float32(2 * np.pi * tone) * t + np.float32(index)
        wave = loud * (np.sin(turn) + 0.28 * np.sin(2 * turn) + 0.08 * np.sin(3 * turn))
        # It wanders between the sides: wide, and all of it is left in mono.
        aside = 0.45 * np.sin(np.float32(2 * np.pi * (0.11 + 0.05 * index)) * t + 2 * index)
        sound[0, first:last] += wave * (1 - aside)
        sound[1, first:last] += wave * (1 + aside)


def _note(sound: Sound, hertz: float, start_s: float, side: float) -> None:
    """Add a soft plucked note."""
    first = int(start_s * RATE_HZ)
    count = min(int(_NOTE_S * RATE_HZ), sound.shape[1] - first)
    if count < RATE_HZ // 8:
        return
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    turn = np.float32(2 * np.pi * hertz) * t
    shape = np.clip(t / 0.012, 0, 1) * np.exp(-t / 0.42)
    note = (_NOTE * shape * (np.sin(turn) + 0.2 * np.sin(2 * turn) * np.exp(-t / 0.1))).astype(
        np.float32
    )
    sound[0, first : first + count] += note * (1 - 0.6 * side)
    sound[1, first : first + count] += note * (0.4 + 0.6 * side)
