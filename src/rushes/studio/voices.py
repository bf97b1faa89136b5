"""Small voices in a scene's sound: birds, crickets, bubbles, thunder, engines, a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from rushes.studio.film import RATE_HZ, Sound
from rushes.studio.noises import Bed, Motion, add_bed
from rushes.studio.plan import Plan, Scene, Weather

Voice = Callable[[Sound, np.random.Generator], None]

_AIRLESS: Final = frozenset({Scene.SPACE, Scene.UNDERWATER})
_GREEN: Final = frozenset({Scene.FOREST, Scene.MEADOW})
_WET: Final = frozenset({Weather.RAIN, Weather.STORM})


def voices_of(plan: Plan) -> list[Voice]:
    """Return what is to be heard of who lives, falls or runs in a plan."""
    voices = [voice for voice, is_heard in _VOICES if is_heard(plan)]
    runner = next((ENGINES[name] for name in plan.subjects if name in ENGINES), None)
    if runner is None and plan.scene is Scene.ROAD:
        runner = ENGINES["car"]
    if runner is not None and plan.scene not in _AIRLESS:
        voices.append(runner.add)
    return voices


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs: its beat in Hz, how loud it hums, and the noise it makes."""

    beat_hz: float
    hum: float
    noises: tuple[Bed, ...] = ()
    clack_s: float = 0.0

    def add(self, sound: Sound, dice: np.random.Generator) -> None:
        """Add itself, running."""
        t = np.arange(sound.shape[1], dtype=np.float32) / RATE_HZ
        pitch = self.beat_hz * (1 + 0.02 * np.sin(2 * np.pi * 0.31 * t))
        turn = (2 * np.pi * np.cumsum(pitch) / RATE_HZ).astype(np.float32)
        hum = sum(np.sin(turn * part + part) / part**1.1 for part in (1, 2, 3, 4, 6))
        uneven = 1 + 0.18 * np.sin(turn * 0.5)
        sound += np.asarray(self.hum * uneven * hum, np.float32)
        for bed in self.noises:
            add_bed(sound, bed, dice)
        if self.clack_s:
            for number in range(int(sound.shape[1] / RATE_HZ / self.clack_s)):
                for late in (0.0, 0.16):
                    _knock(sound, number * self.clack_s + late, 310, 0.5)


ENGINES: Final[Mapping[str, Engine]] = {
    "car": Engine(58, 0.05, (Bed(60, 420, 0.07, Motion.GUST, 0.3, 3.0),)),
    "taxi": Engine(54, 0.04, (Bed(60, 420, 0.05, Motion.GUST, 0.3, 3.0),)),
    "bus": Engine(41, 0.07, (Bed(40, 300, 0.07),)),
    "motorbike": Engine(88, 0.09),
    "train": Engine(36, 0.05, (Bed(40, 500, 0.1, Motion.GUST, 0.2, 2.0),), clack_s=0.72),
    "plane": Engine(112, 0.025, (Bed(90, 900, 0.12, Motion.GUST, 0.3, 6.0),)),
    "helicopter": Engine(30, 0.03, (Bed(40, 420, 0.22, Motion.CHOPPED, 0.9, 1 / 11),)),
    "ship": Engine(29, 0.08),
    "rocket": Engine(33, 0.05, (Bed(30, 900, 0.3, Motion.GUST, 0.3, 1.2),)),
}


def _sing_crickets(plan: Plan) -> bool:
    is_calm = plan.weather not in {*_WET, Weather.SNOW}
    return plan.scene in _GREEN and plan.hour.is_dark and is_calm


def _sing_birds(plan: Plan) -> bool:
    is_calm = plan.weather not in {*_WET, Weather.SNOW}
    return plan.scene in {*_GREEN, Scene.MOUNTAIN} and not plan.hour.is_dark and is_calm


def _cry_gulls(plan: Plan) -> bool:
    return plan.scene is Scene.SEA and not plan.hour.is_dark and plan.weather not in _WET


def _ticks(plan: Plan) -> bool:
    return "clock" in plan.subjects or (
        plan.scene is Scene.WINDOW and plan.weather is Weather.CLEAR
    )


def _birds(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(1 + int(sound.shape[1] / RATE_HZ * 1.1)):
        base = float(dice.uniform(2300, 3900))
        start, side = float(dice.random()), float(dice.random())
        for note in range(int(dice.integers(2, 5))):
            bend = float(dice.uniform(-900, 700))
            _tone(sound, start, 0.13 * note, 0.09, (base, base + bend), 0.09, side)


def _gulls(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(max(1, int(sound.shape[1] / RATE_HZ * 0.3))):
        start, side = float(dice.random()) * 0.8, float(dice.random())
        for note in range(3):
            _tone(sound, start, 0.3 * note, 0.24, (1350, 950), 0.06, side)


def _crickets(sound: Sound, dice: np.random.Generator) -> None:
    t = np.arange(sound.shape[1], dtype=np.float32) / RATE_HZ
    for side, hertz in enumerate((4200.0, 4550.0)):
        chirp = np.clip(np.sin(2 * np.pi * (14 + side) * t), 0, 1)
        phrase = np.clip(4 * np.sin(2 * np.pi * 0.7 * t + 6 * float(dice.random())), 0, 1)
        song = (0.15 * chirp * phrase * np.sin(2 * np.pi * hertz * t)).astype(np.float32)
        sound[side] += song
        sound[1 - side] += 0.4 * song


def _bubbles(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 3)):
        low, place = float(dice.uniform(300, 700)), float(dice.random())
        _tone(sound, place, 0, 0.07, (low, low * 2.2), 0.07, float(dice.random()))


def _drops(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 26)):
        high, loud = float(dice.uniform(1800, 5200)), float(dice.uniform(0.02, 0.09))
        place = float(dice.random())
        _tone(sound, place, 0, 0.012, (high, high * 0.7), loud, float(dice.random()))


def _crackle(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(int(sound.shape[1] / RATE_HZ * 14)):
        high, loud = float(dice.uniform(1500, 5000)), float(dice.uniform(0.04, 0.25))
        place = float(dice.random())
        _tone(sound, place, 0, 0.006, (high, high * 0.5), loud, float(dice.random()))


def _horn(sound: Sound, dice: np.random.Generator) -> None:
    for _ in range(max(1, int(sound.shape[1] / RATE_HZ * 0.15))):
        place, side = float(dice.uniform(0.15, 0.8)), float(dice.random())
        for hertz in (370.0, 466.0):
            _tone(sound, place, 0, 0.5, (hertz, hertz), 0.02, side)


def _ticking(sound: Sound, dice: np.random.Generator) -> None:
    del dice
    for second in range(int(sound.shape[1] / RATE_HZ) + 1):
        _knock(sound, second + 0.4, 1900 if second % 2 else 1600, 0.05)


def _thunder(sound: Sound, dice: np.random.Generator) -> None:
    t = np.arange(sound.shape[1], dtype=np.float32) / RATE_HZ
    rolls = np.zeros_like(t)
    at = float(dice.uniform(0.1, 0.4)) * min(5.0, sound.shape[1] / RATE_HZ)
    while at < sound.shape[1] / RATE_HZ:
        since = np.clip(t - np.float32(at), 0, None)
        rolls += np.clip(since / 0.08, 0, 1) * np.exp(-since / 1.1)
        at += float(dice.uniform(3.5, 8.0))
    rumble = np.zeros_like(sound)
    add_bed(rumble, Bed(28, 160, 0.5, Motion.GUST, 0.7, 0.5), dice)
    sound += rumble * rolls


def _knock(sound: Sound, at_s: float, hertz: float, loud: float) -> None:
    """Add a short dry knock."""
    first = int(at_s * RATE_HZ)
    count = min(int(0.06 * RATE_HZ), sound.shape[1] - first)
    if count <= 1:
        return
    t = np.arange(count, dtype=np.float32) / RATE_HZ
    knock = loud * np.exp(-t / 0.009) * np.sin(2 * np.pi * hertz * t)
    sound[:, first : first + count] += knock.astype(np.float32)


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


_VOICES: Final[tuple[tuple[Voice, Callable[[Plan], bool]], ...]] = (
    (_crickets, _sing_crickets),
    (_birds, _sing_birds),
    (_gulls, _cry_gulls),
    (_bubbles, lambda plan: plan.scene is Scene.UNDERWATER),
    (_horn, lambda plan: plan.scene is Scene.CITY),
    (_crackle, lambda plan: plan.weather is Weather.EMBERS),
    (_thunder, lambda plan: plan.weather is Weather.STORM and plan.scene not in _AIRLESS),
    (_drops, lambda plan: plan.weather in _WET and plan.scene not in _AIRLESS),
    (_ticking, _ticks),
)
