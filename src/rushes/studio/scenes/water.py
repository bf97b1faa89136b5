"""Water: what it lays over its mirror image, the sun's glitter on it, and rows of waves."""

from __future__ import annotations

from typing import Final

import numpy as np

from rushes.studio.colours import Colour, lighter, mix
from rushes.studio.ink import Ink
from rushes.studio.noise import looped
from rushes.studio.plan import Mood, Weather
from rushes.studio.planes import Sprite, sprite_of
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Belt, Piece, Plate

_SWELL: Final = {Weather.STORM: 3.2, Weather.RAIN: 1.3, Weather.FOG: 0.7}
"""How high the waves go, by the weather."""

_OVERCAST: Final = frozenset({Weather.RAIN, Weather.STORM, Weather.FOG, Weather.SNOW})


def water_tint(setting: Setting, horizon: int, *, strength: float = 0.5) -> Sprite:
    """Return what water lays over a mirror image: little far away, more near by."""
    light = setting.light
    deep = mix(light.near, light.sky[1], 0.42)
    rows = setting.height - horizon + 2 * setting.view.margin_y(1.0)
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    alpha = strength * 0.55 + (0.86 - strength * 0.55) * down**0.75
    far = np.array(mix(light.sky[3], light.sky[1], 0.4)[::-1], np.float32)
    near = np.array(deep[::-1], np.float32)
    colour = far + (near - far) * down
    column = np.concatenate([colour * alpha, 255 * alpha], 1)
    pixels = np.repeat(column[:, None], setting.width, axis=1)
    return sprite_of((pixels + 0.5).astype(np.uint8))


def glints(setting: Setting, horizon: int) -> list[Piece]:
    """Build the sun's glitter on the water: two sets of dashes that pass one another."""
    light, unit = setting.light, setting.unit
    pieces: list[Piece] = []
    if setting.plan.mood is Mood.INK or setting.plan.weather in _OVERCAST:
        return pieces
    for index in range(2):
        dice = setting.dice("glint", str(index))
        ink = Ink(setting.width, setting.height - horizon, y=-horizon, fineness=1)
        for _ in range(150):
            down = float(dice.random()) ** 1.7
            y = horizon + 3 * unit + down * (setting.height - horizon) * 0.86
            spread = setting.width * (0.05 + 0.3 * down)
            x = setting.width * 0.66 + float(dice.normal()) * spread * 0.6
            length = (4 + 34 * down) * unit * float(dice.uniform(0.4, 1.0))
            ink.oval(
                x,
                y,
                length,
                max(0.6, (0.7 + 1.6 * down) * unit),
                light.sun,
                alpha=float(dice.uniform(0.25, 0.75)),
            )
        pieces.append(
            Plate(ink.drawing(), 0.05, sway=(1 if index else -1) * 7 * unit, sway_s=2.6 + index)
        )
    return pieces


def waves(setting: Setting, y: float, depth: float, name: str) -> Belt:
    """Build a row of waves that rolls along; each row has its own colour and speed."""
    light, unit, dice = setting.light, setting.unit, setting.dice("waves", name)
    size = 0.35 + depth
    period = max(64, round(460 * size * unit / 2) * 2)
    tall = max(8, round((26 + 50 * depth) * unit / 2) * 2)
    swell = _SWELL.get(setting.plan.weather, 1.0)
    heights = tuple(high * swell * size * unit for high in (3.2, 2.4, 1.0))
    crest = looped(dice, period, waves=(2, 3, 7), heights=heights)
    tall += round((swell - 1) * 24 * size * unit / 2) * 2
    body = mix(
        mix(light.near, light.sky[1], 0.5 - 0.12 * depth),
        light.sky[3],
        max(0.0, 0.22 - 0.16 * depth),
    )
    top = max(2.0, float(-crest.min())) + 3 * unit
    foam = lighter(mix(body, light.sky[3], 0.42 + 0.14 * (swell - 1)), 0.1 * swell)
    strip = wave_strip(tall, crest + top, body, foam, unit * size * swell**0.6)
    speed = (-1 if name in {"far", "near"} else 1) * (9 + 20 * depth) * unit
    return Belt.of(strip, setting.view, y=y, depth=depth, speed_x=speed)


def wave_strip(tall: int, crest: np.ndarray, body: Colour, foam: Colour, unit: float) -> Sprite:
    """Paint one period of a row of waves: foam on the crest, then fading into the deep."""
    rows = np.arange(tall, dtype=np.float32)[:, None]
    below = rows - crest[None].astype(np.float32)
    cover = np.clip(below + 0.5, 0, 1)
    fade = np.clip(1 - below / (tall - crest.max()), 0, 1) ** 0.8
    edge = np.exp(-np.clip(below, 0, None) / max(0.8, 2.2 * unit))
    alpha = cover * np.maximum(fade * 0.72, edge * 0.9)
    low, high = np.array(body[::-1], np.float32), np.array(foam[::-1], np.float32)
    colour = low + (high - low) * edge[..., None]
    pixels = np.dstack([colour * alpha[..., None], 255 * alpha])
    return sprite_of((pixels + 0.5).clip(0, 255).astype(np.uint8))
