"""What stands where it is; the origin is on the ground."""

from __future__ import annotations

import math
from typing import Final

from rushes.studio.ink import box
from rushes.studio.plan import Season
from rushes.studio.subjects.pen import Habit, Pen, Subject, wave


def tree(pen: Pen, phase: float) -> None:
    """Draw a broad tree whose crown moves a little; bare under snow in winter."""
    sway = 4 * wave(phase)
    pen.ground_shadow(250, y=3)
    trunk = [(-26, 3), (-14, -40), (-12, -90), (-44, -160), (-32, -164), (-4, -118), (4, -180)]
    trunk += [(18, -180), (14, -116), (48, -150), (56, -140), (18, -78), (17, -36), (30, 3)]
    if pen.season is Season.WINTER:
        _bare(pen, sway)
        return
    pen.shape(trunk, ("6f4a30", "4a2f1e"))
    for x, y, size, _ in _CROWN:
        pen.disc(x + sway * (-y / 200), y + size * 0.06, size, pen.leaf("27592f"))
    for x, y, size, colour in _CROWN:
        pen.disc(x + sway * (-y / 200), y - 3, size * 0.93, pen.leaf(colour))
    for number, (x, y, size, _) in enumerate(_CROWN):
        for index in range(34):
            # Single leaves catch the light: brighter ones where the sun comes from.
            angle, out = index * 2.4 + number, size * 0.84 * math.sqrt((index + 0.5) / 34)
            dx, dy = out * math.cos(angle), out * math.sin(angle)
            is_lit = dx - dy > size * 0.1
            tone = pen.leaf("6cae62" if is_lit else "367a40")
            at = (x + dx + sway * (-y / 200), y + dy)
            pen.oval(*at, 7, 4, tone, turn=index * 37.0)


_CROWN: Final = (
    (-78, -168, 54, "2f6b3a"), (80, -166, 52, "2f6b3a"), (0, -158, 56, "2a6034"),
    (-50, -226, 64, "3f8446"), (54, -222, 62, "3a7c42"), (2, -274, 60, "52994f"),
)  # fmt: skip


def _bare(pen: Pen, sway: float) -> None:
    """Draw a tree without leaves, with snow on its branches."""
    pen.shape(
        [(-28, 3), (-15, -40), (-11, -112), (0, -124), (11, -112), (16, -40), (30, 3)],
        ("5f4330", "44301f"),
    )
    _branch(pen, (0, -112), -90, 84, 4, sway)
    _branch(pen, (0, -104), -128, 74, 3, sway)
    _branch(pen, (0, -104), -52, 76, 3, sway)


def _branch(
    pen: Pen, root: tuple[float, float], angle: float, long: float, levels: int, sway: float
) -> None:
    """Draw a branch with what grows from it; `angle` is in degrees, up is -90."""
    way = math.radians(angle)
    tip = (
        root[0] + long * math.cos(way) + sway * long / 300,
        root[1] + long * math.sin(way),
    )
    wide = 1.6 + 4.6 * levels
    pen.line([root, tip], wide, "5a3c28", width_end=max(1.8, wide - 4.6))
    lift = wide * 0.34
    pen.line(
        [(root[0], root[1] - lift), (tip[0], tip[1] - lift * 0.6)],
        1.4 + 0.9 * levels,
        "f4f8fc",
        width_end=1.2,
    )
    if levels > 1:
        for turn, part in ((-31, 0.74), (27, 0.7)):
            _branch(pen, tip, angle + turn + 5 * math.sin(root[0]), long * part, levels - 1, sway)


def flower(pen: Pen, phase: float) -> None:
    """Draw a few large flowers."""
    for x, tall, colour, shift in (
        (-64, 150, "f7b23a", 0.2),
        (62, 176, "f2608a", 0.5),
        (0, 232, "f04a3c", 0.0),
    ):
        sway = 9 * wave(phase, shift)
        pen.curve(
            [(x * 0.5, 0), (x * 0.8, -tall * 0.5), (x + sway, -tall)], 7, "3f7f3a", width_end=4
        )
        pen.shape(
            [
                (x * 0.65, -tall * 0.3),
                (x * 0.65 + 34, -tall * 0.46),
                (x * 0.65 + 58, -tall * 0.4),
                (x * 0.65 + 26, -tall * 0.28),
            ],
            "4c9444",
        )
        for petal in range(9):
            angle = 2 * math.pi * petal / 9 + 0.1 * wave(phase)
            px, py = x + sway + 31 * math.cos(angle), -tall + 31 * math.sin(angle)
            pen.oval(px, py, 24, 13, (colour, colour), turn=math.degrees(angle))
        pen.disc(x + sway, -tall, 19, ("6a3a1c", "44240f"))
        pen.disc(x + sway - 4, -tall - 4, 10, "8f5a2c", 0.8)


def mushroom(pen: Pen, phase: float) -> None:
    """Draw mushrooms."""
    del phase
    pen.ground_shadow(190, y=2)
    for x, size in ((58, 0.55), (-14, 1.0), (-88, 0.42)):
        pen.shape(
            [
                (x - 24 * size, 0),
                (x - 18 * size, -90 * size),
                (x + 18 * size, -90 * size),
                (x + 26 * size, 0),
            ],
            ("fbf4e4", "d8c8ac"),
        )
        pen.shape(
            [
                (x - 84 * size, -86 * size),
                (x - 60 * size, -142 * size),
                (x, -170 * size),
                (x + 60 * size, -142 * size),
                (x + 84 * size, -86 * size),
                (x, -74 * size),
            ],
            ("ec4a3a", "b82a24"),
        )
        for dx, dy, dot in ((-40, -112, 11), (4, -142, 14), (44, -110, 10), (-6, -98, 8)):
            pen.disc(x + dx * size, dy * size, dot * size, "fff6e6")


def cactus(pen: Pen, phase: float) -> None:
    """Draw a cactus."""
    del phase
    pen.ground_shadow(120, y=2)
    green, dark = "4f8f54", "3a7044"
    pen.line([(-4, -80), (-58, -84), (-60, -140)], 30, green)
    pen.line([(4, -110), (56, -114), (58, -176)], 28, dark)
    pen.line([(0, -4), (0, -220)], 48, green)
    for x in (-12, 0, 12):
        pen.line([(x, -12), (x, -222)], 2, dark, alpha=0.8)
    pen.disc(2, -248, 11, "f27a9a")


def lighthouse(pen: Pen, phase: float) -> None:
    """Draw a lighthouse whose beam comes round."""
    pen.shape(
        [(-130, 6), (-104, -26), (-50, -44), (10, -38), (70, -46), (112, -20), (138, 8)],
        ("6a5f5c", "3a3436"),
    )
    pen.fill([(-38, -36), (-25, -250), (25, -250), (38, -36)], ("fdfaf4", "d2ccc4"))
    for index in range(3):
        top, low = -226 + index * 72, -190 + index * 72
        half_top = 25 + 13 * (top + 250) / 214
        half_low = 25 + 13 * (low + 250) / 214
        pen.fill(
            [(-half_top, top), (half_top, top), (half_low, low), (-half_low, low)],
            ("dd4238", "a92c28"),
        )
    pen.box(-9, -70, 18, 30, "4a3226", round_by=8)
    pen.box(-36, -258, 72, 10, "2c3038")
    pen.box(-21, -294, 42, 37, "fff0b0")
    pen.fill([(-28, -294), (0, -326), (28, -294)], "b8322a")
    pen.line([(0, -326), (0, -342)], 3, "2c3038")
    turn = math.cos(2 * math.pi * phase)
    strength = 0.72 if pen.is_dark else 0.3
    # Whatever way it shines, it is as bright; what comes toward us is only shorter.
    pen.beam((0, -277), (620 * turn, -292), (16, 150), "fff2b8", strength)
    pen.lamp(0, -277, 70 + 60 * (1 - abs(turn)), "fff2b8", 0.85)
    pen.line([(-12, -294), (-12, -258)], 2.4, "2c3038")
    pen.line([(12, -294), (12, -258)], 2.4, "2c3038")


def house(pen: Pen, phase: float) -> None:
    """Draw a cottage with smoke from its chimney."""
    pen.ground_shadow(270, y=2)
    for puff in range(5):
        rise = (phase + puff / 5) % 1
        pen.disc(
            64 + 26 * rise + 5 * wave(rise),
            -214 - 92 * rise,
            9 + 17 * rise,
            "e8e6e4",
            0.5 * (1 - rise),
        )
    pen.box(50, -206, 28, 60, ("8a4a3a", "6a3428"))
    pen.box(-100, -110, 200, 112, ("f4e4c8", "d0b890"))
    pen.fill([(-126, -104), (0, -206), (126, -104)], ("b8503c", "7f3228"))
    glass = "ffd67a" if pen.is_dark else "a8d8e8"
    for x in (-76, 40):
        pen.box(x, -82, 38, 38, "fbf6ea", round_by=2)
        pen.box(x + 4, -78, 30, 30, glass)
        pen.line([(x + 19, -78), (x + 19, -48)], 2.6, "fbf6ea")
        pen.line([(x + 4, -63), (x + 34, -63)], 2.6, "fbf6ea")
        if pen.is_dark:
            pen.lamp(x + 19, -63, 46, "ffc86a", 0.5)
    pen.box(-20, -78, 40, 80, ("7a4a2e", "553019"), round_by=4)
    pen.disc(12, -38, 3, "f0c86a")
    pen.shape([(-118, 2), (-112, -22), (-90, -26), (-78, 2)], "4f8f4a")
    pen.shape([(70, 2), (78, -28), (104, -24), (116, 2)], "478244")


def _window(pen: Pen, x: float, y: float, wide: float, tall: float, glass: str) -> None:
    """Draw a small window; after dark it shines by itself."""
    if not pen.is_dark:
        pen.box(x, y, wide, tall, glass, round_by=wide / 2)
        return
    pen.lamp(x + wide / 2, y + tall / 2, tall * 1.3, "ffb84a", 0.55)
    pen.bright(box(x, y, wide, tall, round_by=wide / 2), "ffd98a")


def castle(pen: Pen, phase: float) -> None:
    """Draw a castle with flags."""
    pen.ground_shadow(360, y=2)
    window = "ffd67a" if pen.is_dark else "4a5264"
    for x, wide, tall in ((-130, 56, 190), (76, 58, 220), (-40, 74, 300)):
        pen.box(x, -tall, wide, tall + 2, ("ccc6ce", "8f8a98"))
        for index in range(4):
            pen.box(x - 4 + index * (wide + 8) / 4, -tall - 14, (wide + 8) / 7, 16, "bcb6c0")
        pen.fill(
            [(x - 10, -tall - 12), (x + wide / 2, -tall - 96), (x + wide + 10, -tall - 12)],
            ("5a6aa8", "37437a"),
        )
        pen.line([(x + wide / 2, -tall - 94), (x + wide / 2, -tall - 126)], 3, "4a4038")
        flap = 8 * wave(phase, x * 0.01)
        pen.shape(
            [
                (x + wide / 2, -tall - 126),
                (x + wide / 2 + 24, -tall - 120 + flap),
                (x + wide / 2 + 44, -tall - 114 - flap),
                (x + wide / 2, -tall - 104),
            ],
            "e0483c",
        )
        for row in range(2):
            _window(pen, x + wide / 2 - 6, -tall + 34 + row * 56, 12, 24, window)
    pen.box(-96, -120, 192, 122, ("d8d2d8", "9f99a6"))
    for index in range(7):
        pen.box(-98 + index * 29, -134, 16, 16, "c8c2ca")
    pen.box(-28, -78, 56, 80, ("5a4030", "3a281e"), round_by=27)


def pagoda(pen: Pen, phase: float) -> None:
    """Draw a pagoda of five roofs."""
    del phase
    pen.ground_shadow(250, y=2)
    pen.box(-104, -18, 208, 20, ("b8b0a4", "857e74"))
    for level in range(5):
        y = -18 - level * 62
        wide = 150 - level * 20
        pen.box(-wide * 0.36, y - 46, wide * 0.72, 48, ("b83a2e", "8a2822"))
        glow = "ffd67a" if pen.is_dark else "f4e0b4"
        for column in (-0.2, 0.0, 0.2):
            _window(pen, wide * column - 7, y - 36, 14, 28, glow)
        pen.shape(
            [
                (-wide * 0.78, y - 50),
                (-wide * 0.66, y - 54),
                (-wide * 0.3, y - 70),
                (wide * 0.3, y - 70),
                (wide * 0.66, y - 54),
                (wide * 0.78, y - 50),
                (wide * 0.4, y - 44),
                (-wide * 0.4, y - 44),
            ],
            ("3f4a5a", "262e3a"),
        )
        pen.curve(
            [(-wide * 0.7, y - 52), (-wide * 0.8, y - 56), (-wide * 0.86, y - 68)],
            6,
            "2c3442",
            width_end=2,
        )
        pen.curve(
            [(wide * 0.7, y - 52), (wide * 0.8, y - 56), (wide * 0.86, y - 68)],
            6,
            "2c3442",
            width_end=2,
        )
    pen.line([(0, -334), (0, -396)], 7, "e0b04a", width_end=2)
    for y in (-350, -364, -376):
        pen.disc(0, y, 7, "e0b04a")


def windmill(pen: Pen, phase: float) -> None:
    """Draw a windmill that turns."""
    pen.ground_shadow(170, y=2)
    pen.fill([(-62, 2), (-36, -190), (36, -190), (62, 2)], ("f6eede", "c8b89c"))
    pen.shape([(-44, -188), (-30, -222), (0, -236), (30, -222), (44, -188)], ("9a4a38", "6a3024"))
    pen.box(-15, -52, 30, 54, "7a4a2e", round_by=14)
    pen.box(-10, -130, 20, 26, "ffd67a" if pen.is_dark else "8ab4c8", round_by=9)
    for blade in range(4):
        angle = 2 * math.pi * (blade / 4 + phase / 4)
        cos, sin = math.cos(angle), math.sin(angle)
        corners = [(14, -4), (140, -8), (140, 26), (28, 20)]
        pen.fill(
            [(x * cos - y * sin, -200 + x * sin + y * cos) for x, y in corners], "fbf4e4", 0.92
        )
        pen.line([(0, -200), (142 * cos, -200 + 142 * sin)], 6, "6a4630")
        for rung in (50, 80, 110):
            here = (rung * cos + 7 * sin, -200 + rung * sin - 7 * cos)
            there = (rung * cos - 23 * sin, -200 + rung * sin + 23 * cos)
            pen.line([here, there], 2, "8a6a4a")
    pen.disc(0, -200, 11, "4a3022")


def bridge(pen: Pen, phase: float) -> None:
    """Draw an arched stone bridge."""
    del phase
    outline = [(-300, 30), (-300, -40), (-150, -104), (0, -126), (150, -104), (300, -40), (300, 30)]
    arches = [
        (214 * math.cos(math.pi * i / 16), 30 - 118 * math.sin(math.pi * i / 16)) for i in range(17)
    ]
    pen.fill([*outline, *arches], ("c8beb0", "8f8678"))
    pen.line(arches, 9, "a49a8c")
    pen.line([(-300, -44), (-150, -108), (0, -130), (150, -108), (300, -44)], 11, "dcd4c8")
    for index in range(9):
        x = -240 + index * 60
        y = -130 + (x / 300) ** 2 * 86
        pen.line([(x, y), (x, y - 24)], 7, "dcd4c8")
    pen.line([(-290, -72), (-150, -132), (0, -154), (150, -132), (290, -72)], 6, "dcd4c8")


def tent(pen: Pen, phase: float) -> None:
    """Draw a tent beside a fire."""
    pen.ground_shadow(280, y=2)
    pen.fill([(-130, 0), (-40, -132), (60, -132), (138, 0)], ("e8803a", "b4562a"))
    pen.fill([(-130, 0), (-40, -132), (28, 0)], ("f2a04a", "cc6e2e"))
    pen.fill([(-76, 0), (-40, -100), (-8, 0)], "ffd88a" if pen.is_dark else "5a3420")
    if pen.is_dark:
        pen.lamp(-42, -34, 96, "ffc86a", 0.5)
    for x in (184, 206, 228):
        pen.line([(206 + (206 - x), -2), (x, -14)], 8, "5a3a26")
    flare = 10 * wave(2 * phase)
    pen.lamp(206, -34, 100, "ff9a3a", 0.55)
    pen.shape(
        [(182, -10), (190, -48), (204, -84 - flare), (216, -52), (232, -12), (206, -4)],
        ("ffb43a", "f05a24"),
    )
    pen.shape([(194, -10), (200, -34), (207, -56 + flare), (214, -32), (220, -10)], "fff0b0")


SUBJECTS: Final = {
    "tree": Subject(tree, Habit.STAND, (160, 350, 160, 14), size=1.05, poses=8, cycle_s=4.0),
    "flower": Subject(flower, Habit.STAND, (130, 290, 150, 10), size=0.95, poses=8, cycle_s=3.2),
    "mushroom": Subject(mushroom, Habit.STAND, (140, 180, 130, 12), size=1.1),
    "cactus": Subject(cactus, Habit.STAND, (90, 270, 90, 12), size=1.1),
    "lighthouse": Subject(
        lighthouse, Habit.STAND, (640, 400, 640, 14), size=1.1, poses=24, cycle_s=5.0
    ),
    "house": Subject(house, Habit.STAND, (150, 330, 150, 14), size=1.1, poses=10, cycle_s=3.4),
    "castle": Subject(castle, Habit.STAND, (190, 440, 190, 14), size=0.95, poses=8, cycle_s=1.6),
    "pagoda": Subject(pagoda, Habit.STAND, (150, 410, 150, 14), size=0.95),
    "windmill": Subject(
        windmill, Habit.STAND, (160, 360, 160, 14), size=1.0, poses=12, cycle_s=1.6
    ),
    "bridge": Subject(bridge, Habit.STAND, (310, 170, 310, 40), size=1.1),
    "tent": Subject(tent, Habit.STAND, (150, 150, 320, 14), size=1.0, poses=8, cycle_s=0.7),
}
