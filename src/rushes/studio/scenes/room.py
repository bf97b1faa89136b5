"""A room: the world outside a window, and a sill with something on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from rushes.studio.camera import View
from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.light import Light
from rushes.studio.plan import Scene, Weather
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import firs
from rushes.studio.scenes.seasons import is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, ridge_line
from rushes.studio.scenes.skyline import skyline
from rushes.studio.stage import Piece, Plate
from rushes.studio.subjects.pen import Habit
from rushes.studio.weather import Mote, Swarm, before_all


@dataclass(frozen=True, slots=True)
class Opening:
    """Where the glass is, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def build(setting: Setting) -> list[Piece]:
    """Build a room: the world outside a window, and a sill with something on it."""
    unit = setting.unit
    wide = min(setting.width * 0.36, setting.height * 0.66)
    middle = setting.width / 2
    glass = Opening(middle - wide, setting.height * 0.09, middle + wide, setting.height * 0.7)
    pieces = _outside(setting)
    if setting.plan.weather in {Weather.RAIN, Weather.STORM}:
        pieces.append(_drops(setting, glass))
    pieces.append(Plate(_wall(setting, glass), 0.6))
    room = replace(setting, light=_lamplight(setting.light))
    cast = Cast(room)
    sill = glass.bottom + 26 * unit
    lead = cast.lead()
    large = {Habit.STAND, Habit.DRIVE, Habit.SAIL, Habit.SWIM, Habit.FLY, Habit.FLOAT}
    is_toy = lead is not None and lead.habit in large
    airy = Spot(y=glass.bottom - 150 * unit, depth=0.7, scale=0.6, bob=8)
    pieces += cast.enter(airy, Habit.FLY, Habit.FLOAT, Habit.SWIM)
    spot = Spot(y=sill, depth=0.7, scale=0.7 if is_toy else 1.25, from_x=0.34, to_x=0.58)
    pieces += cast.enter(spot, *Habit, default="cup")
    pieces.append(Plate(_on_the_sill(room, glass, sill), 0.72))
    pieces.append(Plate(_curtains(room, glass), 1.0, sway=3 * unit, sway_s=5))
    return pieces


def _lamplight(light: Light) -> Light:
    """Return the light inside: a warm lamp when it is dark, the day's own otherwise."""
    if not light.is_dark:
        return replace(light, shade=rgb("4a3a34"), shade_share=0.12)
    return replace(
        light, shade=rgb("6a3a1c"), shade_share=0.2, haze=rgb("8a5a34"), near=rgb("1c120e")
    )


def _outside(setting: Setting) -> list[Piece]:
    """Build what is seen through the glass: roofs of a town, or hills."""
    view = View(setting.width, setting.height, setting.view.move)
    outside = replace(setting, view=view)
    horizon = setting.down(0.66)
    pieces = sky(outside, horizon)
    if not is_open(setting):
        pieces += distance(
            outside, setting.height * (0.5 if Scene.SEA in setting.plan.beyond else 0.69)
        )
    elif setting.dice("outside").random() < 0.55 and not is_snowy(setting):  # noqa: PLR2004 -- about half
        for index, (depth, far) in enumerate(((0.08, 0.66), (0.2, 0.36))):
            rows = skyline(outside, index, depth, horizon + 60 * setting.unit, (0.3, 0.62), far)
            pieces.append(Plate(rows, depth))
    else:
        light = setting.light
        for index, (y, depth, far) in enumerate(((0.52, 0.08, 0.7), (0.6, 0.16, 0.4))):
            rows_of = ridge_line(
                outside, Ridge(setting.height * y, setting.height * 0.14, 2.2, depth), f"out{index}"
            )
            ink = land(
                outside, rows_of, depth, Fade(light.far(far), light.far(far * 0.8)), growth=140
            )
            firs(outside, ink, rows_of, depth, 60 + 40 * index, light.far(far), f"out{index}")
            pieces.append(Plate(ink.drawing(), depth))
    return [*pieces, *before_all(outside, setting.plan.weather)]


def _wall(setting: Setting, glass: Opening) -> Drawing:
    """Draw the wall with a hole in it, the frame, and the sill."""
    unit, light = setting.unit, setting.light
    depth = 0.6
    ink = setting.ink(depth, 0, setting.height)
    first, last = setting.across(depth)
    top, low = -setting.view.margin_y(depth) - 4, setting.height + setting.view.margin_y(depth) + 4
    paper = rgb("4a3540") if light.is_dark else light.lit(rgb("d8b8a0"))
    dark = darker(paper, 0.3)
    for x, y, across, down in (
        (float(first), top, glass.left - first, low - top),
        (glass.right, top, last - glass.right, low - top),
        (glass.left - 1, top, glass.right - glass.left + 2, glass.top - top),
        (glass.left - 1, glass.bottom, glass.right - glass.left + 2, low - glass.bottom),
    ):
        ink.box(x, y, across, down, Fade(paper, dark))
    stripe = lighter(paper, 0.07)
    x = float(first)
    while x < last:
        if not glass.left - 30 * unit < x < glass.right + 10 * unit:
            ink.box(x, top, 9 * unit, low - top, stripe, alpha=0.5)
        x += 52 * unit
    if light.is_dark:
        ink.glow(glass.right + 70 * unit, glass.bottom - 130 * unit, 420 * unit, rgb("ffb86a"), 0.5)
    wood = rgb("f0e6d8") if not light.is_dark else rgb("a8835f")
    edge = 20 * unit
    wide, tall = glass.right - glass.left, glass.bottom - glass.top
    for x, y, across, down in (
        (glass.left - edge, glass.top - edge, wide + 2 * edge, edge),
        (glass.left - edge, glass.top, edge, tall),
        (glass.right, glass.top, edge, tall),
        (glass.left + wide / 2 - edge * 0.35, glass.top, edge * 0.7, tall),
        (glass.left, glass.top + tall * 0.36, wide, edge * 0.55),
    ):
        ink.box(x, y, across, down, Fade(lighter(wood, 0.1), darker(wood, 0.14)))
    ink.box(
        glass.left - 64 * unit,
        glass.bottom,
        wide + 128 * unit,
        44 * unit,
        Fade(lighter(wood, 0.18), wood),
        round_by=4 * unit,
    )
    ink.box(
        glass.left - 50 * unit,
        glass.bottom + 44 * unit,
        wide + 100 * unit,
        18 * unit,
        darker(wood, 0.35),
    )
    return ink.drawing()


def _on_the_sill(setting: Setting, glass: Opening, y: float) -> Drawing:
    """Draw a plant, books, and a lamp, for company."""
    unit, light = setting.unit, setting.light
    ink = setting.ink(0.72, y - 300 * unit, y + 30 * unit, fineness=2)
    x = glass.left + 34 * unit
    pot = light.lit(rgb("c8684a"))
    ink.fill(
        [
            (x - 34 * unit, y - 52 * unit),
            (x + 34 * unit, y - 52 * unit),
            (x + 25 * unit, y),
            (x - 25 * unit, y),
        ],
        Fade(pot, darker(pot, 0.3)),
    )
    ink.box(
        x - 38 * unit, y - 62 * unit, 76 * unit, 15 * unit, lighter(pot, 0.1), round_by=3 * unit
    )
    for index in range(9):
        angle = math.radians(-160 + index * 17.5)
        long = (86 + 26 * (index % 3)) * unit
        leaf = light.lit(mix(rgb("3f8a4a"), rgb("7fc06a"), (index % 4) / 4))
        tip = (x + long * math.cos(angle), y - 58 * unit + long * math.sin(angle))
        side = (
            x + long * 0.55 * math.cos(angle - 0.24),
            y - 58 * unit + long * 0.55 * math.sin(angle - 0.24),
        )
        other = (
            x + long * 0.55 * math.cos(angle + 0.24),
            y - 58 * unit + long * 0.55 * math.sin(angle + 0.24),
        )
        ink.shape([(x, y - 58 * unit), side, tip, other], leaf)
    bx = glass.right - 150 * unit
    for index, (colour, wide) in enumerate((("3a6a8a", 120), ("d8a03a", 104), ("a84a4a", 112))):
        low = y - index * 19 * unit
        ink.box(
            bx + index * 5 * unit,
            low - 19 * unit,
            wide * unit,
            18 * unit,
            light.lit(rgb(colour)),
            round_by=3 * unit,
        )
        ink.box(
            bx + (wide - 18 + index * 5) * unit,
            low - 16 * unit,
            14 * unit,
            12 * unit,
            light.lit(rgb("f4ead8")),
        )
    lx = glass.right + 4 * unit
    brass = light.lit(rgb("b8904a"))
    ink.oval(lx, y - 3 * unit, 34 * unit, 8 * unit, brass)
    ink.line([(lx, y - 4 * unit), (lx, y - 120 * unit)], 7 * unit, brass)
    shade = rgb("ffdf9a") if setting.light.is_dark else light.lit(rgb("f4dcae"))
    if setting.light.is_dark:
        ink.glow(lx, y - 150 * unit, 180 * unit, rgb("ffcc7a"), 0.6)
    ink.fill(
        [
            (lx - 34 * unit, y - 200 * unit),
            (lx + 34 * unit, y - 200 * unit),
            (lx + 66 * unit, y - 116 * unit),
            (lx - 66 * unit, y - 116 * unit),
        ],
        Fade(lighter(shade, 0.3), shade),
    )
    return ink.drawing()


def _curtains(setting: Setting, glass: Opening) -> Drawing:
    unit, light = setting.unit, setting.light
    depth = 1.0
    ink = setting.ink(depth, 0, setting.height)
    first, last = setting.across(depth)
    cloth = light.lit(rgb("a8443f" if setting.light.is_dark else "e0b48a"))
    low = setting.height + 30 * unit
    for side, outer, inner in (
        (1, float(first), glass.left - 6 * unit),
        (-1, float(last), glass.right + 6 * unit),
    ):
        folds = 7
        for fold in range(folds):
            near = outer + (inner - outer) * fold / folds
            far = outer + (inner - outer) * (fold + 1) / folds
            swing = side * 14 * unit * math.sin(fold * 1.7)
            shade = mix(cloth, darker(cloth, 0.5), 0.25 + 0.6 * (fold % 2))
            ink.fill(
                [(near, -20), (far, -20), (far + swing, low), (near + swing, low)],
                Fade(shade, darker(shade, 0.2)),
            )
    rod = light.lit(rgb("8a6a3a"))
    ink.box(first, glass.top - 58 * unit, last - first, 11 * unit, rod, round_by=4 * unit)
    return ink.drawing()


def _drops(setting: Setting, glass: Opening) -> Piece:
    """Build drops that run down the pane."""
    unit, dice = setting.unit, setting.dice("drops")
    looks = []
    for size in (3.0, 4.5, 6.5):
        ink = Ink(24, 60, x=12, y=40, unit=unit)
        ink.line([(0, -34), (0, 0)], 1.2, rgb("e8f4ff"), width_end=size * 0.7, alpha=0.34)
        ink.oval(0, 0, size * 0.72, size, rgb("dcecf8"), alpha=0.62)
        ink.oval(-size * 0.2, -size * 0.3, size * 0.24, size * 0.3, rgb("ffffff"), alpha=0.9)
        looks.append([ink.drawing()])
    motes = [
        Mote(
            x=float(dice.uniform(glass.left, glass.right)),
            y=float(dice.random()) * setting.height,
            speed_x=0.0,
            speed_y=float(dice.uniform(6, 70)) * unit,
            wander=float(dice.uniform(0.5, 3)) * unit,
            phase=float(dice.random()),
            depth=0.6,
        )
        for _ in range(46)
    ]
    return Swarm(looks, motes, 9.0, setting.width, setting.height)
