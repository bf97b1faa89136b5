"""Wonders of the sky, where words ask for them: aurora, rainbow, fireworks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rushes.studio.camera import Moment
from rushes.studio.colours import lighter, rgb
from rushes.studio.ink import Drawing, Ink
from rushes.studio.lay import lay
from rushes.studio.noise import line
from rushes.studio.planes import Frame, sprite_of
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Plate

_SPARKS = 26
_BURST_S = 1.9


def wonders(setting: Setting, horizon: float) -> list[Piece]:
    """Build what the words ask for above the horizon (a row)."""
    pieces: list[Piece] = []
    asked = setting.plan.extras
    if "aurora" in asked:
        unit = setting.unit
        pieces += [
            Plate(
                _aurora(setting, horizon, index),
                0.02,
                sway=26 * unit,
                sway_s=9 + 3 * index,
                phase=index,
            )
            for index in range(2)
        ]
    if "rainbow" in asked:
        pieces.append(Plate(_rainbow(setting, horizon), 0.03))
    if "fireworks" in asked:
        pieces.append(_fireworks(setting, horizon))
    return pieces


def _aurora(setting: Setting, horizon: float, index: int) -> Drawing:
    """Paint a curtain of light: a bright wavy foot that fades upward in rays."""
    dice = setting.dice("aurora", str(index))
    width, tall = setting.width + 120, max(8, int(horizon))
    small = (max(16, width // 3), max(8, tall // 3))
    foot = (
        small[1] * (0.62 + 0.14 * index)
        + line(dice, small[0], lumps=2.4, octaves=3) * small[1] * 0.14
    )
    rays = 0.55 + 0.45 * line(dice, small[0], lumps=46, octaves=2)
    above = foot[None] - np.arange(small[1])[:, None]
    reach = small[1] * 0.5
    body = np.where(above >= 0, np.exp(-above / reach * 2.2), np.exp(above / (small[1] * 0.03)))
    body = (body * np.clip(rays, 0.1, 1)[None]).astype(np.float32) * 0.72
    share = np.clip(above / reach, 0, 1)[..., None]
    low = np.array(rgb(("5affa8", "4ad8ff")[index])[::-1], np.float32)
    high = np.array(rgb(("8a5aff", "d05aff")[index])[::-1], np.float32)
    pixels = np.dstack([(low + (high - low) * share) * body[..., None], 255 * body])
    large = cv2.resize(pixels.clip(0, 255).astype(np.uint8), (width & ~1, tall & ~1))
    return Drawing(sprite_of(np.asarray(large, np.uint8)), -60, 0)


def _rainbow(setting: Setting, horizon: float) -> Drawing:
    ink = Ink(setting.width, horizon, fineness=1)
    middle, radius = setting.width * 0.42, min(setting.width * 0.42, horizon * 0.92)
    around = np.linspace(math.pi, 2 * math.pi, 90)
    colours = ("ff5a5a", "ff9a4a", "ffe45a", "6ae07a", "5ab4ff", "7a7aff", "c07aff")
    for index, colour in enumerate(colours):
        reach = radius * (1 - 0.026 * index)
        arc = np.stack([middle + reach * np.cos(around), horizon + reach * np.sin(around)], 1)
        ink.line(arc, radius * 0.034, rgb(colour), alpha=0.42)
    soft = cv2.GaussianBlur(ink.pixels, (0, 0), max(0.8, 3 * setting.unit))
    ink.pixels[...] = soft
    return ink.drawing()


@dataclass(frozen=True, slots=True)
class Burst:
    """One firework: where and when it opens, how far it reaches, and its sparks by age."""

    x: float
    y: float
    after_s: float
    reach: float
    sparks: Sequence[Drawing]


@dataclass(slots=True)
class Fireworks:
    """Bursts that open one after another, and come round again."""

    bursts: Sequence[Burst]
    round_s: float
    fall: float
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        for burst in self.bursts:
            age = ((at.t - burst.after_s) % self.round_s) / _BURST_S
            if age >= 1:
                continue
            spark = burst.sparks[int(age * len(burst.sparks))]
            reach = burst.reach * (1 - (1 - age) ** 3)
            for index in range(_SPARKS):
                angle = 2 * math.pi * index / _SPARKS + burst.x
                part = reach * (0.55 + 0.45 * ((index * 7) % 5) / 4)
                x = burst.x + part * math.cos(angle)
                y = burst.y + part * math.sin(angle) + self.fall * age * age
                lay(frame, spark.sprite, x + spark.x, y + spark.y)


def _fireworks(setting: Setting, horizon: float) -> Fireworks:
    unit, dice = setting.unit, setting.dice("fireworks")
    bursts = []
    for index, word in enumerate(("ff5a6a", "ffd24a", "5ad0ff", "c07aff", "6aff9a")):
        colour = rgb(word)
        sparks = []
        for age in range(8):
            left = 1 - age / 8
            ink = Ink(40, 40, x=20, y=20, unit=unit)
            ink.glow(0, 0, 15, colour, 0.7 * left)
            ink.disc(0, 0, 2.6, lighter(colour, 0.6), left)
            sparks.append(ink.drawing())
        x = setting.width * (0.14 + 0.18 * index + float(dice.uniform(-0.05, 0.05)))
        y = horizon * float(dice.uniform(0.2, 0.55))
        bursts.append(Burst(x, y, 0.62 * index, float(dice.uniform(130, 210)) * unit, sparks))
    return Fireworks(bursts, 3.1, 46 * unit)
