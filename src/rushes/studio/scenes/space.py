"""Outer space: a nebula, depths of stars, a planet with a ring."""

from __future__ import annotations

from rushes.studio.cast import Cast, Spot
from rushes.studio.planes import frame_of_floats
from rushes.studio.scenes.cosmos import moon, nebula, planet, stars
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Backdrop, Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build outer space: a nebula, three depths of stars, a planet with a ring."""
    width, height = setting.width, setting.height
    dice = setting.dice("space")
    kind = int(dice.integers(3))
    pieces: list[Piece] = [Backdrop(frame_of_floats(nebula(setting, kind)))]
    for index, (depth, count) in enumerate(((0.05, 260), (0.14, 110), (0.3, 36))):
        pieces.append(Plate(stars(setting, depth, count, index), depth))
    cast = Cast(setting)
    radius = min(width, height) * float(dice.uniform(0.27, 0.34))
    side = 0.74 if dice.random() < 0.7 else 0.3  # noqa: PLR2004 -- mostly on the right
    pieces.append(Plate(planet(setting, width * side, height * 0.42, radius, kind), 0.22))
    pieces.append(
        Plate(moon(setting, width * (1 - side) + 0.06 * width, height * 0.24, radius * 0.2), 0.32)
    )
    middle = Spot(y=height * 0.58, scale=1.5, bob=12, bob_s=5.2, from_x=0.26, to_x=0.54)
    pieces += cast.enter(middle, *Habit, default="astronaut")
    return pieces
