"""The forest: tree lines in the mist, trunks, light between them; bamboo where it is asked for."""

from __future__ import annotations

from rushes.studio.cast import Cast
from rushes.studio.colours import Colour, darker, lighter, mix, rgb
from rushes.studio.ink import Drawing, Fade, Ink
from rushes.studio.scenes.distance import distance, is_open
from rushes.studio.scenes.entrances import airborne, grounded
from rushes.studio.scenes.heavens import sky
from rushes.studio.scenes.plants import firs
from rushes.studio.scenes.seasons import crown, is_snowy
from rushes.studio.scenes.setting import Ridge, Setting, land, mist, ridge_line
from rushes.studio.stage import Piece, Plate


def build(setting: Setting) -> list[Piece]:
    """Build the forest."""
    light, height = setting.light, setting.height
    horizon = setting.down(0.72)
    pieces = sky(setting, horizon)
    cast = Cast(setting)
    is_bamboo = "bamboo" in setting.plan.extras
    green = crown(setting)
    pieces += distance(setting, height * 0.62)
    lines = ((0.6, 0.15, 0.72, 90), (0.68, 0.35, 0.46, 150))
    for index, (y, depth, far, tall) in enumerate(lines):
        if index == 0 and not is_open(setting):
            continue
        ridge = Ridge(height * y, height * 0.08, 2.4, depth, octaves=3)
        rows = ridge_line(setting, ridge, f"line{index}")
        colour = mix(light.lit(green), light.haze, far)
        ink = land(setting, rows, depth, Fade(colour, mix(colour, light.haze, 0.3)), growth=210)
        if not is_bamboo:
            firs(setting, ink, rows, depth, tall, colour, f"line{index}")
        pieces.append(Plate(ink.drawing(), depth))
        pieces.append(mist(setting, height * (y + 0.06), height * 0.2, depth, 0.6))
    trunks = _bamboo if is_bamboo else _trunks
    pieces.append(Plate(trunks(setting, 0.55, 14, 0.34, "far"), 0.55))
    pieces.append(Plate(_beams(setting), 0.3, sway=6 * setting.unit, sway_s=7))
    pieces += airborne(setting, cast, y=0.36)
    pieces.append(Plate(_floor(setting, green), 1.0))
    pieces.append(Plate(trunks(setting, 0.8, 7, 0.14, "middle"), 0.8))
    pieces += grounded(setting, cast, height * 0.9, default="deer")
    pieces.append(Plate(_ferns(setting, green), 1.3, sway=2.5 * setting.unit, sway_s=4.4))
    pieces.append(Plate(trunks(setting, 1.9, 0, 0.0, "near"), 1.9))
    return pieces


def _trunks(setting: Setting, depth: float, count: int, far: float, name: str) -> Drawing:
    """Draw trunks from top to bottom; the nearest two frame the picture."""
    light, unit, height = setting.light, setting.unit, setting.height
    ink = setting.ink(depth, 0, height)
    dice = setting.dice("trunks", name)
    first, last = setting.across(depth)
    bark = mix(light.lit(rgb("5a4234")), light.haze, far)
    is_near = count == 0
    places = (
        [first + 30 * unit, last - 24 * unit]
        if is_near
        else [
            first + (last - first) * (index + float(dice.uniform(0.1, 0.9))) / count
            for index in range(count)
        ]
    )
    leaf = mix(light.lit(crown(setting)), light.haze, far)
    for x in places:
        wide = (64 if is_near else 26 * depth + 8) * unit * float(dice.uniform(0.7, 1.3))
        base = height * (0.78 + 0.1 * depth) if not is_near else height + 60 * unit
        lean = float(dice.uniform(-16, 16)) * unit
        colour = darker(bark, 0.45) if is_near else bark
        ink.fill(
            [
                (x - wide * 0.95, base + 8 * unit),
                (x - wide * 0.5, base - 60 * unit),
                (x - wide * 0.4 + lean, -60 * unit),
                (x + wide * 0.4 + lean, -60 * unit),
                (x + wide * 0.5, base - 60 * unit),
                (x + wide * 0.98, base + 8 * unit),
            ],
            colour,
        )
        if not is_near:
            ink.fill(
                [
                    (x + wide * 0.12, base),
                    (x + wide * 0.1 + lean, -40 * unit),
                    (x + wide * 0.4 + lean, -40 * unit),
                    (x + wide * 0.5, base - 60 * unit),
                    (x + wide * 0.9, base),
                ],
                darker(colour, 0.3),
                0.55,
            )
        for branch in range(3):
            y = height * (0.12 + 0.16 * branch) * float(dice.uniform(0.7, 1.2))
            side = 1 if (branch + int(x)) % 2 else -1
            reach = wide * float(dice.uniform(2.2, 4.0))
            ink.curve(
                [
                    (x + lean * 0.6, y + 26 * unit),
                    (x + side * reach * 0.5, y),
                    (x + side * reach, y - 22 * unit),
                ],
                wide * 0.34,
                colour,
                width_end=wide * 0.08,
            )
            for puff in range(4):
                px = x + side * reach * (0.5 + 0.2 * puff)
                tuft = darker(leaf, 0.35) if is_near else leaf
                ink.oval(
                    px,
                    y - 24 * unit + 8 * unit * (puff % 2),
                    wide * 1.1,
                    wide * 0.7,
                    mix(tuft, light.haze, 0.06 * puff),
                )
        if is_snowy(setting) and not is_near:
            ink.oval(x, base + 2 * unit, wide * 1.2, 9 * unit, light.lit(rgb("f2f6fa")))
    return ink.drawing()


def _bamboo(setting: Setting, depth: float, count: int, far: float, name: str) -> Drawing:
    """Draw bamboo: jointed stems and pointed leaves."""
    light, unit, height = setting.light, setting.unit, setting.height
    ink = setting.ink(depth, 0, height)
    dice = setting.dice("bamboo", name)
    first, last = setting.across(depth)
    is_near = count == 0
    stems = 6 if is_near else count * 3
    for index in range(stems):
        share = (index + float(dice.uniform(0.1, 0.9))) / stems
        if is_near:
            share = share * 0.16 if index % 2 else 1 - share * 0.14
        x = first + (last - first) * share
        wide = (30 if is_near else 9 + 12 * depth) * unit * float(dice.uniform(0.7, 1.2))
        lean = float(dice.uniform(-30, 40)) * unit
        base = height * (0.8 + 0.1 * depth) + (200 * unit if is_near else 0)
        tone = rgb("2f5a34") if is_near else rgb("7fb05a")
        colour = mix(
            light.lit(mix(tone, rgb("a8b84a"), float(dice.uniform(0, 0.4)))), light.haze, far
        )
        ink.fill(
            [
                (x - wide / 2, base),
                (x + lean - wide * 0.4, -40),
                (x + lean + wide * 0.4, -40),
                (x + wide / 2, base),
            ],
            colour,
        )
        ink.fill(
            [
                (x + wide * 0.1, base),
                (x + lean + wide * 0.1, -40),
                (x + lean + wide * 0.4, -40),
                (x + wide / 2, base),
            ],
            darker(colour, 0.3),
            0.6,
        )
        y = base - 40 * unit
        while y > -30:  # noqa: PLR2004 -- above the picture
            at = x + lean * (base - y) / (base + 40)
            ink.line(
                [(at - wide * 0.55, y), (at + wide * 0.55, y)],
                max(1.0, 3 * unit),
                lighter(colour, 0.28),
            )
            if dice.random() < 0.4 and y < height * 0.6:  # noqa: PLR2004 -- leaves grow high
                for leaf in range(4):
                    angle = float(dice.uniform(-0.9, 0.9))
                    long = float(dice.uniform(40, 84)) * unit * (0.6 + depth * 0.5)
                    side = 1 if leaf % 2 else -1
                    tip = (at + side * long, y + long * (0.35 + 0.4 * angle))
                    ink.shape(
                        [
                            (at, y - 2),
                            ((at + tip[0]) / 2, (y + tip[1]) / 2 - 8 * unit),
                            tip,
                            ((at + tip[0]) / 2, (y + tip[1]) / 2 + 6 * unit),
                        ],
                        mix(colour, light.lit(rgb("5a9a44")), 0.6),
                    )
            y -= float(dice.uniform(60, 100)) * unit * (0.6 + 0.5 * depth)
    return ink.drawing()


def _beams(setting: Setting) -> Drawing:
    """Draw light that falls in slanted beams."""
    light, height, width = setting.light, setting.height, setting.width
    ink = setting.ink(0.3, 0, height * 0.9)
    strength = 0.2 if light.is_dark else 0.4
    for x, wide in ((0.2, 0.06), (0.38, 0.1), (0.55, 0.05), (0.7, 0.09), (0.86, 0.05)):
        start, end = (width * (x + 0.24), -height * 0.1), (width * (x - 0.08), height * 0.96)
        widths = (width * wide * 0.9, width * wide * 2.4)
        ink.beam(start, end, widths, light.sun, strength)
    return ink.drawing()


def _floor(setting: Setting, green: Colour) -> Drawing:
    light, height, unit = setting.light, setting.height, setting.unit
    ridge = Ridge(height * 0.83, height * 0.03, 2.0, 1.0, octaves=4)
    rows = ridge_line(setting, ridge, "floor")
    ground = light.lit(rgb("eaf0f5") if is_snowy(setting) else mix(green, rgb("4a3a28"), 0.5))
    ink = land(setting, rows, 1.0, Fade(mix(ground, light.haze, 0.2), darker(ground, 0.45)))
    width = setting.width
    path = mix(ground, light.lit(rgb("c8b08a")), 0.5)
    ink.shape(
        [
            (width * 0.1, height * 0.92),
            (width * 0.4, height * 0.87),
            (width * 0.75, height * 0.9),
            (width * 0.98, height * 0.88),
            (width * 0.9, height * 0.95),
            (width * 0.5, height * 0.94),
            (width * 0.2, height * 0.97),
        ],
        path,
        0.35,
    )
    dice = setting.dice("floor")
    for _ in range(60):
        x, y = float(dice.uniform(-0.1, 1.1)) * width, height * float(dice.uniform(0.86, 1.0))
        ink.oval(
            x,
            y,
            float(dice.uniform(6, 26)) * unit,
            4 * unit,
            darker(ground, float(dice.uniform(0, 0.3))),
            alpha=0.4,
        )
    return ink.drawing()


def _ferns(setting: Setting, green: Colour) -> Drawing:
    """Draw ferns along the lower edge."""
    light, unit, depth = setting.light, setting.unit, 1.3
    ink = setting.ink(depth, setting.height * 0.72, setting.height)
    dice = setting.dice("ferns")
    first, last = setting.across(depth)
    x = float(first)
    base = setting.height + 22 * unit
    while x < last:
        colour = light.lit(mix(green, rgb("12301c"), float(dice.uniform(0.35, 0.7))))
        if is_snowy(setting):
            colour = mix(colour, light.lit(rgb("e8eef4")), 0.4)
        for frond in range(7):
            spread = (frond - 3) / 3
            long = float(dice.uniform(56, 104)) * unit
            tip = (x + spread * long, base - long * (1.15 - 0.5 * abs(spread)))
            _frond(ink, (x, base), tip, colour, unit)
        x += float(dice.uniform(60, 150)) * unit
    return ink.drawing()


def _frond(
    ink: Ink, base: tuple[float, float], tip: tuple[float, float], colour: Colour, unit: float
) -> None:
    middle = ((base[0] * 0.6 + tip[0] * 0.4), (base[1] * 0.35 + tip[1] * 0.65) - 8 * unit)
    ink.curve([base, middle, tip], 3.4 * unit, colour, width_end=1.0)
    for leaf in range(5):
        share = 0.25 + 0.16 * leaf
        x = base[0] + (tip[0] - base[0]) * share
        y = base[1] + (tip[1] - base[1]) * share - 5 * unit
        long = (15 - 2.2 * leaf) * unit
        for side in (-1, 1):
            ink.oval(
                x + side * long * 0.6, y + long * 0.3, long, 3.4 * unit, colour, turn=side * 24
            )
