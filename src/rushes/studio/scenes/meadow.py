"""The meadow: rolling hills, lone trees, grass and flowers."""

from __future__ import annotations

from typing import Final

import numpy as np

from rushes.studio.cast import Cast
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
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
        if index == 2 and not is_snowy(setting):  # noqa: PLR2004 -- the nearest hill
            _beds(setting, ink, rows, depth)
        pieces.append(Plate(ink.drawing(), depth))
        if index == 1:
            pieces += airborne(setting, cast)
    lawn = light.lit(green)
    ground = Ridge(height * 0.84, height * 0.03, 1.3, 1.0, octaves=2, gain=0.3)
    rows = ridge_line(setting, ground, "ground")
    ink = land(setting, rows, 1.0, Fade(lighter(lawn, 0.1), darker(lawn, 0.42)))
    _tufts(setting, ink, rows, lawn)
    pieces.append(Plate(ink.drawing(), 1.0))
    pieces += grounded(setting, cast, height * 0.88, default="tree")
    pieces += grass(setting, green)
    return pieces


_BEDS: Final = ("e0485a", "f2c23a", "f08ab0", "9a6ad8", "f4f0e8", "f0803a")
_BEDS_OF: Final = {
    "lavender": ("8a6ad0", "a486dc", "7658c0"),
    "golden": ("f0c040", "e8ae34", "f4d060"),
}


def _beds(setting: Setting, ink: Ink, rows: np.ndarray, depth: float) -> None:
    """Draw flowers on a hill: whole beds, row before row, where the words ask for them."""
    light, unit = setting.light, setting.unit
    if "blooms" not in setting.plan.extras:
        return
    first, _ = setting.across(depth)
    dice = setting.dice("beds")
    kinds = [beds for name, beds in _BEDS_OF.items() if name in setting.plan.extras]
    beds = kinds[0] if kinds else _BEDS
    start = int(dice.integers(len(beds)))
    for row in range(8):
        colour = light.lit(rgb(beds[(start + row) % len(beds)]), 0.16 - 0.02 * row)
        low, size = (9 + row * (7 + 1.5 * row)) * unit, (2.4 + 0.75 * row) * unit
        index = 0.0
        while index < len(rows):
            y = float(rows[int(index)]) + low + float(dice.uniform(-0.5, 0.5)) * size
            tone = mix(colour, (255, 255, 255), float(dice.uniform(0.0, 0.22)))
            ink.oval(first + index, y, size * 0.8, size, tone)
            index += size * float(dice.uniform(1.0, 1.7))


def _tufts(setting: Setting, ink: Ink, rows: np.ndarray, lawn: Colour) -> None:
    """Break up the lawn: tufts of grass, or dents in the snow."""
    unit, dice = setting.unit, setting.dice("tufts")
    first, _ = setting.across(1.0)
    is_white = is_snowy(setting)
    for _ in range(round(len(rows) / (7 * unit))):
        index = int(dice.integers(len(rows)))
        part = float(dice.random())
        x, y = float(first + index), float(rows[index]) + (4 + 100 * part) * unit
        tone = mix(lawn, darker(lawn, 0.4) if dice.random() < 0.6 else lighter(lawn, 0.3), 0.6)  # noqa: PLR2004 -- more dark than bright
        size = (3 + 7 * part) * unit
        if is_white:
            ink.oval(x, y, size * 3, size * 0.5, mix(lawn, setting.light.shade, 0.16), alpha=0.6)
            continue
        for lean in (-0.8, 0.0, 0.8):
            tip = (x + lean * size * 1.2, y - size * 1.9)
            ink.fill([(x + lean * 2 - 1.3 * unit, y), tip, (x + lean * 2 + 1.3 * unit, y)], tone)


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
