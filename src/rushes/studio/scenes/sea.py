"""The sea: far islands, a mirror of water, rows of waves, and what sails or swims."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.noise import looped
from rushes.studio.plan import Weather
from rushes.studio.planes import Sprite, sprite_of
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Belt, Mirror, Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build the sea."""
    light, unit = setting.light, setting.unit
    horizon = setting.down(0.56)
    pieces = sky(setting, horizon)
    for index, (height, depth, far) in enumerate(((0.11, 0.1, 0.75), (0.06, 0.2, 0.5))):
        ridge = Ridge(horizon + 2 * unit, setting.height * height, 2.2, depth, gain=0.45)
        rows = _islands(setting, ridge, f"island{index}", horizon)
        pieces.append(
            Plate(land(setting, rows, depth, light.far(far), bottom=horizon + 4).drawing(), depth)
        )
    cast = Cast(setting)
    air = Spot(y=setting.down(0.3), depth=0.6, bob=9, scale=0.9)
    pieces += cast.enter(air, Habit.FLY, Habit.FLOAT)
    pieces.append(Mirror(horizon, water_tint(setting, horizon), 0.9 * unit))
    pieces += glints(setting, horizon)
    place = horizon + 0.5 * (setting.height - horizon)
    pieces.append(waves(setting, horizon + 0.22 * (setting.height - horizon), 0.35, "far"))
    pieces.append(waves(setting, place - 12 * unit, 0.7, "middle"))
    spot = Spot(y=place + 12 * unit, bob=6, scale=1.0)
    pieces += cast.enter(spot, Habit.SAIL, Habit.SWIM, Habit.THING, default="sailboat")
    if cast.need(*Habit):
        pieces.append(Plate(_islet(setting, place + 14 * unit), 1.0))
        pieces += cast.enter(Spot(y=place + 8 * unit, from_x=0.4, to_x=0.54), *Habit)
    pieces.append(waves(setting, place + 30 * unit, 1.0, "near"))
    pieces.append(waves(setting, setting.height - 66 * unit, 1.6, "front"))
    return pieces


def _islet(setting: Setting, y: float) -> Drawing:
    """Draw ground for those who cannot swim: a floe in the snow, else a rock."""
    light, unit, width = setting.light, setting.unit, setting.width
    is_ice = setting.plan.weather is Weather.SNOW
    ink = setting.ink(1.0, y - 60 * unit, y + 90 * unit)
    x, wide = width * 0.47, max(width * 0.24, 250 * unit)
    top = light.lit(rgb("f4f9fc" if is_ice else "8a7a5c"))
    side = light.lit(rgb("9cc4d8" if is_ice else "4a4038"))
    foot = [(x - wide, y), (x - wide * 0.8, y + 40 * unit), (x - wide * 0.2, y + 58 * unit)]
    foot += [
        (x + wide * 0.5, y + 50 * unit),
        (x + wide, y + 4 * unit),
        (x + wide * 0.2, y - 14 * unit),
    ]
    ink.shape(foot, Fade(side, darker(side, 0.35)))
    back = [(x - wide, y), (x - wide * 0.5, y - 20 * unit), (x + wide * 0.3, y - 18 * unit)]
    back += [
        (x + wide, y + 2 * unit),
        (x + wide * 0.4, y + 17 * unit),
        (x - wide * 0.5, y + 18 * unit),
    ]
    ink.shape(back, Fade(lighter(top, 0.15), top))
    return ink.drawing()


def _islands(setting: Setting, ridge: Ridge, name: str, horizon: int) -> np.ndarray:
    """Return a ridge that is under water for most of its way."""
    rows = ridge_line(setting, ridge, name)
    return np.minimum(horizon + 4.0, rows + ridge.height * 0.55)


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
    crest = looped(
        dice,
        period,
        waves=(2, 3, 7),
        heights=(3.2 * size * unit, 2.4 * size * unit, 1.0 * size * unit),
    )
    body = mix(
        mix(light.near, light.sky[1], 0.5 - 0.12 * depth),
        light.sky[3],
        max(0.0, 0.22 - 0.16 * depth),
    )
    top = max(2.0, float(-crest.min())) + 3 * unit
    strip = wave_strip(
        tall, crest + top, body, lighter(mix(body, light.sky[3], 0.42), 0.1), unit * size
    )
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
