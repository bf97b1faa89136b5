"""The meadow: rolling hills, lone trees, grass and flowers."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Fade, Ink
from rushes.studio.plan import Mood, Weather
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import grass, is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Piece, Plate


def build(setting: Setting) -> list[Piece]:
    """Build rolling hills, lone trees, and a meadow of grass and flowers."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.66)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    green = rgb("eef3f8") if is_snowy(setting) else _season_green(setting)
    for index, (y, rise, depth, far) in enumerate(
        ((0.6, 0.1, 0.15, 0.66), (0.67, 0.09, 0.3, 0.44), (0.75, 0.08, 0.55, 0.22))
    ):
        ridge = Ridge(height * y, height * rise, 1.7, depth, octaves=3, gain=0.32)
        rows = ridge_line(setting, ridge, f"hill{index}")
        colour = light.lit(mix(green, (40, 90, 90), 0.12 * (2 - index)), far)
        ink = land(
            setting,
            rows,
            depth,
            Fade(lighter(colour, 0.08), darker(colour, 0.12)),
            growth=120,
        )
        _trees_on(setting, ink, rows, depth, darker(colour, 0.32), f"trees{index}", 4 + 3 * index)
        pieces.append(Plate(ink.drawing(), depth))
        if index == 1:
            pieces += airborne(setting, cast)
    turf = light.lit(green)
    ground = Ridge(height * 0.84, height * 0.03, 1.3, 1.0, octaves=2, gain=0.3)
    rows = ridge_line(setting, ground, "ground")
    pieces.append(
        Plate(land(setting, rows, 1.0, Fade(lighter(turf, 0.1), darker(turf, 0.42))).drawing(), 1.0)
    )
    pieces += grounded(setting, cast, height * 0.88, default="tree")
    pieces += grass(setting, green)
    return pieces


def _season_green(setting: Setting) -> Colour:
    match setting.plan.weather:
        case Weather.LEAVES:
            return rgb("c89a44")
        case Weather.PETALS:
            return rgb("8fbf5a")
        case _:
            return rgb("b8ab9a") if setting.plan.mood is Mood.INK else rgb("6fae4c")


def _trees_on(
    setting: Setting,
    ink: Ink,
    rows: np.ndarray,
    depth: float,
    colour: Colour,
    name: str,
    count: int,
) -> None:
    dice = setting.dice(name)
    first, _ = setting.across(depth)
    blossom = setting.light.lit(rgb("f4a8c4"), 0.4 * (1 - depth))
    for _ in range(count):
        index = int(dice.integers(0, len(rows)))
        x, y = first + index, float(rows[index])
        tall = (20 + 60 * depth) * setting.unit * float(dice.uniform(0.6, 1.2))
        crown = blossom if setting.plan.weather is Weather.PETALS else colour
        ink.line([(x, y + 3), (x, y - tall * 0.5)], max(1.0, tall * 0.09), darker(colour, 0.4))
        for dx, dy, size in ((-0.22, -0.62, 0.3), (0.22, -0.64, 0.28), (0.0, -0.86, 0.32)):
            ink.disc(x + dx * tall, y + dy * tall, size * tall, crown)
