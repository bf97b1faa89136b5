"""Sand and rock: dunes in light and shade, and far mesas."""

from __future__ import annotations

import numpy as np

from rushes.studio.colours import Colour, darker, lighter, mix
from rushes.studio.ink import Drawing, Fade, Ink, flowing
from rushes.studio.scenes.ranges import summits
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line


def mesas(setting: Setting, ink: Ink, base: float) -> None:
    """Draw flat-topped hills on a row, here and there."""
    dice = setting.dice("mesas")
    first, last = setting.across(0.1)
    colour = setting.light.far(0.62)
    x = first - 40.0 * setting.unit
    while x < last:
        wide = float(dice.uniform(60, 190)) * setting.unit
        tall = float(dice.uniform(20, 92)) * setting.unit
        if dice.random() < 0.55:  # noqa: PLR2004 -- about every second gap has one
            ink.fill(
                [
                    (x, base),
                    (x + wide * 0.1, base - tall * 0.5),
                    (x + wide * 0.16, base - tall),
                    (x + wide * 0.84, base - tall),
                    (x + wide * 0.9, base - tall * 0.45),
                    (x + wide, base),
                ],
                Fade(colour, mix(colour, setting.light.haze, 0.5)),
            )
            for band in (0.2, 0.34, 0.62):
                strip = [(x, base - tall * (1 - band)), (x + wide, base - tall * (1 - band))]
                strip += [(px, py + tall * 0.08) for px, py in reversed(strip)]
                ink.shadow_over(strip, setting.light.shade, 0.2)
        x += wide * float(dice.uniform(0.7, 1.7))


def dune(setting: Setting, y: float, rise: float, depth: float, sand: Colour, name: str) -> Drawing:
    """Draw a dune: each crest runs down toward us in a curve that parts light from shade."""
    height, unit = setting.height, setting.unit
    ridge = Ridge(height * y, height * rise, 2.1, depth, octaves=2, gain=0.3)
    rows = ridge_line(setting, ridge, name)
    first, _ = setting.across(depth)
    bright = lighter(mix(sand, setting.light.sun, 0.24), 0.05)
    low = min(float(setting.height), float(rows.max()) + height * (0.1 + 0.12 * depth))
    ink = land(setting, rows, depth, Fade(bright, mix(sand, darker(sand, 0.2), 0.7)))
    shade = mix(darker(sand, 0.34), setting.light.shade, 0.3)
    dice = setting.dice("crest", name)
    for peak in summits(rows, 16 * unit):
        x, top = float(first + peak.top), float(rows[peak.top])
        tall = low - top
        bend = float(dice.uniform(0.5, 0.95)) * tall
        crest = flowing(
            [
                (x, top),
                (x - bend * 0.22, top + tall * 0.16),
                (x + bend * 0.28, top + tall * 0.4),
                (x - bend * 0.1, top + tall * 0.7),
                (x + bend * 0.9, low),
            ]
        )
        step = max(2, round(8 * unit))
        side = [
            (float(first + index), float(rows[index]))
            for index in range(peak.valley, peak.top, step)
        ]
        outline = np.concatenate(
            [np.array(side or [(x, top)]), crest, [(first + peak.valley - tall * 0.5, low)]]
        )
        ink.fill(outline, Fade(shade, mix(shade, sand, 0.9)), 0.82)
    _ripples(setting, ink, rows, depth, sand, name)
    return ink.drawing()


def _ripples(
    setting: Setting, ink: Ink, rows: np.ndarray, depth: float, sand: Colour, name: str
) -> None:
    """Draw what the wind wrote: long lines along the slope, fainter at both ends."""
    unit, dice = setting.unit, setting.dice("ripples", name)
    first, _ = setting.across(depth)
    tone = darker(sand, 0.14)
    for _ in range(int(26 * depth)):
        start = int(dice.integers(0, max(1, len(rows) - 8)))
        long = float(dice.uniform(90, 260)) * unit * depth
        below = float(dice.uniform(16, 130)) * unit * depth
        points = []
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            at = min(len(rows) - 1, start + int(long * share))
            sag = 5 * unit * np.sin(share * np.pi * 2)
            points.append((float(first + at), float(rows[at]) + below + float(sag)))
        ink.curve(points, 2.2 * unit * depth, tone, width_end=0.6, alpha=0.3)
