"""Above the clouds: the sun, towers of cloud, and a sea of cloud below."""

from __future__ import annotations

from rushes.studio.cast import Cast, Spot
from rushes.studio.colours import lighter, mix
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.scenes.cosmos import stars
from rushes.studio.scenes.distance import distance
from rushes.studio.scenes.heavens import sun
from rushes.studio.scenes.setting import Setting, backdrop, gradient
from rushes.studio.stage import Piece, Plate
from rushes.studio.subjects.pen import Habit


def build(setting: Setting) -> list[Piece]:
    """Build the sky above the clouds: sun, far towers of cloud, and a sea of cloud below."""
    light, height, width, unit = setting.light, setting.height, setting.width, setting.unit
    horizon = setting.down(0.8)
    pieces: list[Piece] = [backdrop(setting, gradient(setting, light.sky, horizon))]
    if light.is_dark:
        pieces.append(Plate(stars(setting, 0.0, 150, 0), 0.0))
    low = 0.6 if setting.plan.hour.value in {"dawn", "sunset", "dusk"} else 0.26
    pieces.append(Plate(sun(setting, width * 0.68, height * low), 0.0))
    pieces += distance(setting, height * 0.66)
    cast = Cast(setting)
    for index, (y, size, depth, far) in enumerate(
        ((0.66, 0.7, 0.1, 0.72), (0.76, 1.0, 0.25, 0.5), (0.86, 1.4, 0.5, 0.26))
    ):
        pieces.append(
            Plate(
                _bank(setting, height * y, size, depth, far, f"bank{index}"),
                depth,
                drift_x=(-5 - 9 * index) * unit,
            )
        )
        if index == 1:
            middle = Spot(
                y=height * 0.46, depth=0.9, scale=1.35, bob=13, bob_s=4.6, from_x=0.24, to_x=0.62
            )
            others = (Habit.FLY, Habit.FLOAT, Habit.SWIM)
            pieces += cast.enter(middle, *others, default="balloon")
            lofty = Spot(y=height * 0.72, scale=1.15)
            standing = cast.need(*Habit)
            pieces += cast.enter(lofty, *Habit)
            if standing:
                pieces.append(Plate(_perch(setting, height * 0.72), 1.0))
    pieces.append(
        Plate(_bank(setting, height * 1.0, 2.2, 1.3, 0.06, "front"), 1.3, drift_x=-34 * unit)
    )
    return pieces


def _bank(setting: Setting, y: float, size: float, depth: float, far: float, name: str) -> Drawing:
    """Draw a bank of clouds: heaped discs, bright above, in shadow below."""
    light, unit = setting.light, setting.unit
    dice = setting.dice(name)
    reach = 60 * unit * (1 + depth * 3) + 34 * unit * setting.seconds * depth
    ink = Ink(
        setting.width + 2 * setting.view.margin_x(depth) + 2 * reach,
        setting.height - y + 230 * unit * size + setting.view.margin_y(depth),
        x=setting.view.margin_x(depth) + reach,
        y=230 * unit * size - y,
        fineness=1,
    )
    first, last = setting.across(depth)
    low = setting.height + 40 + setting.view.margin_y(depth)
    bright = mix(lighter(light.sky[3], 0.25), light.sun, 0.4)
    if light.is_dark:
        bright = mix(light.sky[2], light.sun, 0.3)
    tone = mix(bright, light.haze, far * 0.7)
    shade = mix(mix(light.haze, light.sky[0], 0.35), tone, 0.3)
    ink.fill(
        [
            (first - reach, y + 10 * unit),
            (last + reach, y + 10 * unit),
            (last + reach, low),
            (first - reach, low),
        ],
        Fade(mix(tone, shade, 0.5), shade),
    )
    x = first - reach
    heaps: list[tuple[float, float, float]] = []
    while x < last + reach:
        heap = float(dice.uniform(0.5, 1.3)) * size
        count = int(dice.integers(4, 8))
        for puff in range(count):
            part = (puff + 0.5) / count * 2 - 1
            radius = (34 + 46 * (1 - part * part)) * heap * unit * float(dice.uniform(0.75, 1.1))
            heaps.append(
                (x + part * 110 * heap * unit, y - 40 * heap * unit * (1 - part * part), radius)
            )
        x += float(dice.uniform(120, 240)) * size * unit
    for px, py, radius in heaps:
        ink.disc(px, py + radius * 0.2, radius, shade)
    for px, py, radius in heaps:
        ink.disc(px - radius * 0.06, py, radius * 0.94, Fade(tone, mix(tone, shade, 0.8)))
    return ink.drawing()


def _perch(setting: Setting, y: float) -> Drawing:
    """Draw a small cloud for those who cannot fly."""
    light, unit = setting.light, setting.unit
    x = setting.width * 0.46
    wide = setting.width * 0.3
    ink = setting.ink(1.0, y - 90 * unit, y + 150 * unit)
    tone = lighter(mix(light.sky[3], light.sun, 0.5), 0.2)
    shade = mix(light.haze, light.sky[1], 0.3)
    for index in range(11):
        part = index / 10 * 2 - 1
        radius = (30 + 26 * (1 - part * part)) * unit
        ink.disc(x + part * wide, y + radius * 0.8, radius, Fade(tone, mix(tone, shade, 0.7)))
    return ink.drawing()
