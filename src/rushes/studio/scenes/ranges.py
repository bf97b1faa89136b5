"""Mountain ranges: rock in light and shade, and snow where it is high or cold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from rushes.studio.colours import Colour, lighter, mix
from rushes.studio.ink import Drawing, Fade, Ink, Point
from rushes.studio.noise import line
from rushes.studio.plan import Mood
from rushes.studio.scenes.setting import Ridge, Setting, land

_SMOOTH = 13.0
"""What is narrower than this is no peak, in units."""


@dataclass(frozen=True, slots=True)
class Rock:
    """What a range is made of: its colour, what it fades to at its foot, snow if there is any.

    `snow_line` is the row below which no snow lies, in pixels.
    """

    body: Colour
    foot: Colour
    snow: Colour | None = None
    snow_line: float = 0.0


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak and the valley on its left, as indexes into the rows of a range."""

    top: int
    valley: int


def snow_of(setting: Setting) -> Colour:
    """Return the colour of snow that the sun shines on."""
    light = setting.light
    return lighter(mix(light.sky[3], light.sun, 0.4), 0.25 if not light.is_dark else 0.1)


def peaks(setting: Setting, ridge: Ridge, rock: Rock, name: str) -> Drawing:
    """Draw a range: the sun is on the right, so what faces left is in shade, snow and all."""
    rows = _crest(setting, ridge, name)
    low = min(setting.height, ridge.y + setting.height * 0.14)
    bright = mix(rock.body, setting.light.sun, 0.08)
    ink = land(setting, rows, ridge.depth, Fade(bright, rock.foot), bottom=low)
    if setting.plan.mood is not Mood.INK:
        _cap(setting, ink, rows, rock, ridge.depth, name)
    shade = mix(setting.light.near, setting.light.sky[0], 0.4)
    for peak in summits(rows, _SMOOTH * setting.unit):
        outline = _shaded(setting, rows, peak, low, ridge.depth, name)
        ink.shadow_over(outline, mix(shade, rock.foot, 0.25), 0.3)
    return ink.drawing()


def _crest(setting: Setting, ridge: Ridge, name: str) -> np.ndarray:
    """Return the rows of a range: sharp peaks, great and small, and round valleys."""
    first, last = setting.across(ridge.depth)
    dice = setting.dice("crest", name)
    # As broad in a tall picture as in a wide one: fewer of them find room.
    lumps = ridge.lumps * float(np.clip(setting.width / (1280 * setting.unit), 0.5, 1.7))
    total = np.zeros(last - first)
    for share, finer in ((0.62, 1.0), (0.26, 2.3), (0.12, 5.1)):
        wave = line(dice, last - first, lumps=lumps * 1.6 * finer, octaves=1) / 1.6
        total += share * (1 - np.abs(wave)) ** 1.5
    total += 0.03 * line(dice, last - first, lumps=lumps * 18, octaves=3)
    return np.asarray(ridge.y - ridge.height * np.clip(total * 1.5 - 0.42, -0.05, 1.1))


def summits(rows: np.ndarray, smooth_px: float) -> Iterator[Peak]:
    """Find the peaks of a line of rows, from left to right."""
    blurred = cv2.GaussianBlur(rows[None].astype(np.float32), (0, 0), max(1.0, smooth_px))
    slope = np.diff(np.asarray(blurred, np.float32)[0])
    turns = np.flatnonzero((slope[:-1] < 0) != (slope[1:] < 0)) + 1
    valley, near = 0, max(2, round(smooth_px))
    for turn in turns.tolist():
        if slope[turn - 1] < 0:  # it rose to here: a peak
            first: int = max(0, turn - near)
            top = first + int(np.argmin(rows[first : turn + near]))
            if top > valley:
                yield Peak(top, valley)
        else:
            valley = turn


def _shaded(
    setting: Setting, rows: np.ndarray, peak: Peak, low: float, depth: float, name: str
) -> list[Point]:
    """Return the side of a peak that looks away from the sun: down its spine, and back."""
    first, _ = setting.across(depth)
    dice = setting.dice("spine", name, str(peak.top))
    x, y = float(first + peak.top), float(rows[peak.top])
    tall = low - y
    step = max(1, round(4 * setting.unit))
    side = [(float(first + i), float(rows[i])) for i in range(peak.valley, peak.top, step)]
    spine: list[Point] = [(x, y)]
    swing = 1.0
    for share in (0.1, 0.2, 0.32, 0.46, 0.62, 0.8, 1.0):
        reach = tall * float(dice.uniform(0.02, 0.09)) * (0.4 + share)
        spine.append((x + swing * reach + tall * 0.06 * share, y + tall * share))
        swing = -swing
    left = float(first + peak.valley)
    return [*side, *spine, (left - tall * 0.12, low)]


def _cap(setting: Setting, ink: Ink, rows: np.ndarray, rock: Rock, depth: float, name: str) -> None:
    """Lay snow on what is above the line: its lower edge runs out in tongues."""
    if rock.snow is None:
        return
    first, _ = setting.across(depth)
    dice = setting.dice("snowcap", name)
    step = max(2, round(9 * setting.unit))
    above: list[Point] = []
    below: list[Point] = []
    swing = 0
    for index in range(0, len(rows), step):
        y, x = float(rows[index]), float(first + index)
        deep = rock.snow_line - y
        if deep > 0:
            swing += 1
            tongue = min(deep * 0.6, 40 * setting.unit)
            part = float(dice.uniform(-0.1, 0.35) if swing % 2 else dice.uniform(0.55, 1.0))
            above.append((x, y - 1))
            below.append((x, y + max(2.0, deep - tongue * part)))
        if (deep <= 0 or index + step >= len(rows)) and above:
            ink.fill([*above, *reversed(below)], rock.snow, 0.94)
            above, below = [], []
