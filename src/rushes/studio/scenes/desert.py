"""The desert: dunes in light and shade, and far mesas."""

from __future__ import annotations

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.dunes import dune, mesas
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build dunes: sunlit on one side, in shadow on the other."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.62)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    if is_open(setting):
        mesa = setting.ink(0.1, height * 0.4, horizon + 8)
        mesas(setting, mesa, horizon + 4)
        pieces.append(Plate(mesa.drawing(), 0.1))
    pieces += distance(setting, horizon)
    pieces += airborne(setting, cast, y=0.28)
    sand = light.lit(rgb("e8b071"))
    for index, (y, rise, depth, far) in enumerate(
        ((0.63, 0.11, 0.25, 0.5), (0.72, 0.13, 0.5, 0.28), (0.83, 0.12, 0.8, 0.1))
    ):
        colour = mix(sand, light.haze, far)
        pieces.append(Plate(dune(setting, y, rise, depth, colour, f"dune{index}"), depth))
    pieces.append(Plate(dune(setting, 0.9, 0.05, 1.0, sand, "front"), 1.0))
    if not cast.need(*Habit):
        pieces.append(
            cast.another("cactus", Spot(y=height * 0.88, scale=1.1, from_x=0.72, to_x=0.72))
        )
    pieces += grounded(setting, cast, height * 0.9, default="camel")
    pieces.append(Plate(_near(setting, sand), 1.5))
    return pieces


def _near(setting: Setting, sand: Colour) -> Drawing:
    """Draw stones and dry grass along the lower edge."""
    unit, height, depth = setting.unit, setting.height, 1.5
    ink = setting.ink(depth, height * 0.8, height)
    dice = setting.dice("near")
    first, last = setting.across(depth)
    rock = mix(darker(sand, 0.5), setting.light.near, 0.3)
    straw = setting.light.lit(rgb("b89a58"))
    x = first + 30.0 * unit
    while x < last:
        base, size = height + 6 * unit, float(dice.uniform(22, 64)) * unit
        if dice.random() < 0.5:  # noqa: PLR2004 -- stones and grass take turns
            stone = [(x - size * 1.4, base), (x - size, base - size * 0.5)]
            stone += [(x - size * 0.2, base - size * 0.8), (x + size * 0.8, base - size * 0.5)]
            ink.shape([*stone, (x + size * 1.3, base)], Fade(lighter(rock, 0.12), rock))
        else:
            for blade in range(15):
                lean = (blade - 7) * size * 0.16
                tip = (x + lean * 1.9, base - size * float(dice.uniform(0.8, 1.7)))
                root = x + lean * 0.3
                points = [(root, base), (x + lean, base - size * 0.7), tip]
                ink.curve(
                    points, 4 * unit, mix(straw, rock, float(dice.uniform(0, 0.5))), width_end=1
                )
        x += float(dice.uniform(90, 260)) * unit
    return ink.drawing()
