"""The meadow: rolling hills, lone trees, grass and flowers."""

from __future__ import annotations

import numpy as np

from rushes.studio.cast import Cast
from rushes.studio.colours import darker, lighter, mix, rgb
from rushes.studio.ink import Fade, Ink
from rushes.studio.plan import Scene
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import broad, grass
from rushes.studio.scenes.seasons import crown, is_snowy, turf
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.stage import Piece, Plate


def build(setting: Setting) -> list[Piece]:
    """Build rolling hills, lone trees, and a meadow of grass and flowers."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.66)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    green = turf(setting)
    pieces += distance(setting, height * (0.56 if Scene.SEA in setting.plan.beyond else 0.6))
    hills = ((0.6, 0.1, 0.15, 0.66), (0.67, 0.09, 0.3, 0.44), (0.75, 0.08, 0.55, 0.22))
    for index, (y, rise, depth, far) in enumerate(hills):
        if index == 0 and not is_open(setting):
            continue
        if index == 1 and Scene.SEA in setting.plan.beyond:
            pieces += airborne(setting, cast)
            continue
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
        _trees_on(setting, ink, rows, depth, far, f"trees{index}", 4 + 3 * index)
        pieces.append(Plate(ink.drawing(), depth))
        if index == 1:
            pieces += airborne(setting, cast)
    lawn = light.lit(green)
    ground = Ridge(height * 0.84, height * 0.03, 1.3, 1.0, octaves=2, gain=0.3)
    rows = ridge_line(setting, ground, "ground")
    pieces.append(
        Plate(land(setting, rows, 1.0, Fade(lighter(lawn, 0.1), darker(lawn, 0.42))).drawing(), 1.0)
    )
    pieces += grounded(setting, cast, height * 0.88, default="tree")
    pieces += grass(setting, green)
    return pieces


def _trees_on(
    setting: Setting,
    ink: Ink,
    rows: np.ndarray,
    depth: float,
    far: float,
    name: str,
    count: int,
) -> None:
    dice = setting.dice(name)
    first, _ = setting.across(depth)
    bark = setting.light.lit(rgb("5a4234"), far)
    places = sorted(int(dice.integers(0, len(rows))) for _ in range(count))
    for index in places:
        tall = (34 + 84 * depth) * setting.unit * float(dice.uniform(0.6, 1.2))
        leaves = setting.light.lit(crown(setting, float(dice.random())), far)
        foot = float(rows[index]) + 3
        broad(ink, first + index, foot, tall, leaves, bark=bark, is_bare=is_snowy(setting))
