"""The sky: its colours, stars, sun or moon, and clouds."""

from __future__ import annotations

import cv2
import numpy as np

from rushes.studio.colours import Colour, mix
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.plan import Mood, Scene, Weather
from rushes.studio.scenes.cosmos import galaxy
from rushes.studio.scenes.setting import Setting, backdrop, gradient
from rushes.studio.scenes.wonders import wonders
from rushes.studio.stage import Piece, Plate


def sky(
    setting: Setting, horizon: int, *, sun_at: tuple[float, float] | None = None
) -> list[Piece]:
    """Build sky, stars, sun or moon, clouds: all that is above the horizon (a row)."""
    light = setting.light
    back = backdrop(setting, gradient(setting, light.sky, horizon))
    pieces: list[Piece] = [back]
    if light.is_dark and setting.plan.mood is not Mood.INK and not _is_veiled(setting):
        pieces.append(Plate(_stars(setting, horizon), 0.0))
    is_starlit = Scene.SPACE in setting.plan.beyond
    if is_starlit:
        pieces += galaxy(setting, horizon)
    at = sun_at or _sun_place(setting, horizon)
    if not (is_starlit and light.is_dark):  # no moon: it would outshine the stars
        pieces.append(Plate(sun(setting, *at), 0.0))
    if setting.plan.mood is not Mood.INK and not is_starlit and "aurora" not in setting.plan.extras:
        pieces.append(clouds(setting, horizon))
    return [*pieces, *wonders(setting, horizon)]


def _is_veiled(setting: Setting) -> bool:
    """Say whether clouds hide sun, moon and stars."""
    veils = {Weather.RAIN, Weather.STORM, Weather.FOG, Weather.SNOW}
    return setting.plan.weather in veils


def _sun_place(setting: Setting, horizon: int) -> tuple[float, float]:
    dice = setting.dice("sun")
    x = setting.width * float(dice.uniform(0.56, 0.78))
    low = setting.plan.hour.value in {"dawn", "sunset", "dusk"}
    return x, horizon * float(dice.uniform(0.62, 0.76) if low else dice.uniform(0.2, 0.34))


def _stars(setting: Setting, horizon: int) -> Drawing:
    dice = setting.dice("stars")
    unit = setting.unit
    ink = Ink(setting.width, setting.height)
    for _ in range(int(150 * setting.width * setting.height / (1280 * 720 * unit * unit))):
        x, y = dice.random() * setting.width, dice.random() ** 1.5 * horizon * 0.85
        size = unit * float(dice.choice([0.8, 1.1, 1.7], p=[0.6, 0.32, 0.08]))
        ink.disc(x, y, max(0.4, size), (235, 240, 255), float(dice.uniform(0.35, 0.95)))
    return ink.drawing()


def sun(setting: Setting, x: float, y: float) -> Drawing:
    """Draw the sun, or the moon, and its light in the air."""
    light, unit = setting.light, setting.unit
    ink = Ink(setting.width, setting.height, fineness=1)
    is_ink = setting.plan.mood is Mood.INK
    veiled = _is_veiled(setting)
    short = min(setting.width, setting.height)
    if not is_ink:
        strength = 0.3 if veiled else (0.5 if light.is_dark else 0.75)
        ink.glow(x, y, short * 0.95, mix(light.sun, light.sky[3], 0.5), strength * 0.7)
        ink.glow(x, y, short * 0.32, light.sun, strength)
    if not veiled or is_ink:
        radius = short * (0.058 if light.is_dark else 0.062)
        ink.disc(x, y, radius, light.sun)
        if light.is_dark and setting.plan.mood is not Mood.NEON:
            for dx, dy, part in ((-0.3, -0.2, 0.24), (0.3, 0.25, 0.3), (0.05, -0.5, 0.14)):
                spot = mix(light.sun, light.sky[1], 0.16)
                ink.disc(x + dx * radius, y + dy * radius, part * radius, spot, 0.7)
        if setting.plan.mood is Mood.NEON:
            for stripe in range(5):
                top = y + radius * (-0.05 + stripe * 0.22)
                tall = max(1.0, unit * (1.5 + stripe))
                ink.shadow_over(
                    [
                        (x - radius, top),
                        (x + radius, top),
                        (x + radius, top + tall),
                        (x - radius, top + tall),
                    ],
                    light.sky[2],
                    0.9,
                )
    return ink.drawing()


def clouds(setting: Setting, horizon: int) -> Plate:
    """Build clouds that drift: heaps with flat feet, bright above and thin below."""
    view, light, unit = setting.view, setting.light, setting.unit
    dice = setting.dice("clouds")
    is_heavy = setting.plan.weather in {Weather.RAIN, Weather.STORM, Weather.SNOW}
    drift, depth = 7.0 * unit, 0.08
    reach = view.margin_x(depth) + drift * setting.seconds
    width = setting.width + 2 * reach
    ink = Ink(width, horizon * 0.9, x=reach, fineness=1)
    bright = mix(light.sky[3], light.sun, 0.45)
    low = mix(light.haze, light.sky[1], 0.6 if is_heavy else 0.35)
    if is_heavy:
        bright = mix(bright, low, 0.55)
    count = round((15 if is_heavy else 8) * width / (1280 * unit))
    for index in range(count):
        x = -reach + width * (index + float(dice.uniform(0, 1))) / count
        height = float(dice.uniform(0.06, 0.72))
        size = unit * (1.5 if is_heavy else 1.0) * (1.15 - 0.85 * height)
        _cloud(ink, dice, x, horizon * height, size, (bright, mix(low, light.sky[2], height * 0.6)))
    soft = cv2.GaussianBlur(ink.pixels, (0, 0), max(0.7, 1.5 * unit))
    ink.pixels[...] = soft
    return Plate(ink.drawing(), depth, drift_x=drift)


def _cloud(
    ink: Ink,
    dice: np.random.Generator,
    x: float,
    y: float,
    size: float,
    colours: tuple[Colour, Colour],
) -> None:
    """Draw one cloud: its shadow first, then the lit heaps, then a long thin foot."""
    bright, low = colours
    wide = float(dice.uniform(90, 210)) * size
    heaps = []
    for puff in range(int(dice.integers(6, 11))):
        part = (puff + 0.5) / 8 * 2 - 1
        radius = (16 + 34 * max(0.0, 1 - part * part)) * size * float(dice.uniform(0.7, 1.15))
        heaps.append((x + part * wide * 0.8, y - radius * 0.5, radius))
    for px, py, radius in heaps:
        ink.oval(px, py + radius * 0.14, radius * 1.12, radius * 0.82, low, alpha=0.5)
    for px, py, radius in heaps:
        ink.oval(
            px - radius * 0.08,
            py - radius * 0.06,
            radius,
            radius * 0.78,
            Fade(bright, mix(bright, low, 0.75)),
            alpha=0.82,
        )
    ink.oval(x, y + 7 * size, wide * 1.25, 8 * size, low, alpha=0.5)
