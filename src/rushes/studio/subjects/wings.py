"""What flies or floats in the air; the origin is the middle."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np

from rushes.studio.ink import oval
from rushes.studio.subjects.pen import Habit, Pen, Subject, wave


def bird(pen: Pen, phase: float) -> None:
    """Draw a gull on the wing."""
    lift = wave(phase)
    body = 5 * -lift
    for is_far in (True, False):
        shade = ("c3ccd6", "98a4b2") if is_far else ("ffffff", "d4dce4")
        x = 12.0 if is_far else 0.0
        tip = (x - 36 - (14 if is_far else 0), body - 88 * lift - 6)
        middle = (x - 2, body - 50 * lift - 10)
        pen.shape(
            [
                (x + 26, body - 6),
                middle,
                tip,
                (tip[0] - 8, tip[1] + 8),
                (middle[0] - 22, middle[1] + 26),
                (x - 26, body + 2),
            ],
            shade,
        )
        pen.shape([tip, (tip[0] + 14, tip[1] + 2 + 12 * lift), (tip[0] + 2, tip[1] + 16)], "3a424e")
        if is_far:
            pen.shape(
                [
                    (-60, body + 2),
                    (-30, body - 12),
                    (22, body - 14),
                    (52, body - 6),
                    (38, body + 10),
                    (-10, body + 14),
                ],
                ("fbfdff", "c6d0da"),
            )
            pen.fill([(-52, body), (-88, body - 10), (-84, body + 12)], "dfe6ec")
            pen.fill([(48, body - 9), (72, body - 2), (48, body + 2)], "f0a23a")
            pen.disc(42, body - 6, 2.8, "1c2026")


def butterfly(pen: Pen, phase: float) -> None:
    """Draw a butterfly, its wings opening and closing."""
    open_by = 0.35 + 0.65 * (0.5 + 0.5 * wave(phase))
    for is_far in (True, False):
        side = -0.6 if is_far else 1.0
        top = ("f7a83a", "e0642a") if not is_far else ("d98a2a", "b84c20")
        reach = 74 * open_by * side
        pen.shape(
            [
                (0, -6),
                (14, -58),
                (16 + reach * 0.5, -96),
                (10 + reach, -74),
                (reach * 0.8, -20),
                (4, 2),
            ],
            top,
        )
        pen.shape(
            [(0, 0), (reach * 0.7, 2), (reach * 0.75 - 8, 40), (reach * 0.3 - 12, 54), (-8, 22)],
            top,
        )
        pen.oval(14 + reach * 0.55, -66, 10 * open_by, 12, "3a1c14")
        pen.oval(reach * 0.45 - 4, 26, 8 * open_by, 9, "ffe8b0")
    pen.oval(0, 2, 6, 34, "2a1a18", turn=14)
    pen.disc(9, -36, 8, "2a1a18")
    pen.curve([(11, -42), (22, -62), (34, -66)], 2, "2a1a18")
    pen.curve([(9, -43), (12, -66), (22, -74)], 2, "2a1a18")


def balloon(pen: Pen, phase: float) -> None:
    """Draw a hot-air balloon."""
    colours = ("e8503c", "f7b23a", "f4ead4", "3a8fb0", "e8503c", "f7b23a", "f4ead4")
    pen.shape(
        [
            (0, -150),
            (72, -128),
            (106, -62),
            (86, 8),
            (30, 70),
            (-30, 70),
            (-86, 8),
            (-106, -62),
            (-72, -128),
        ],
        "e8503c",
    )
    edges = [math.sin(math.pi * (index / 7 - 0.5)) for index in range(8)]
    for index, colour in enumerate(colours):
        left, right = edges[index], edges[index + 1]
        outline = []
        for side, rows in ((left, range(11)), (right, range(10, -1, -1))):
            for row in rows:
                part = row / 10
                width = 104 * math.sin(math.pi * min(1.0, 0.012 + part * 0.88)) ** 0.62
                outline.append((side * width, -148 + 216 * part))
        pen.fill(outline, colour)
    pen.shade_smooth(
        [(20, -146), (78, -122), (108, -60), (86, 10), (34, 70), (52, 0), (56, -80)], 0.24
    )
    for x in (-26, 26):
        pen.line([(x, 68), (x * 0.72, 116)], 2, "5a4632")
    pen.line([(-30, 70), (30, 70)], 7, "7a4a30")
    pen.box(-24, 114, 48, 34, ("a8743f", "744a26"), round_by=6)
    pen.line([(-25, 116), (25, 116)], 5, "5a3a20")
    flare = 0.5 + 0.4 * wave(phase)
    pen.lamp(0, 84, 30, "ffb84a", flare)
    pen.disc(-8, 106, 7, "e8b48c")
    pen.disc(10, 107, 6.5, "d89a70")


def kite(pen: Pen, phase: float) -> None:
    """Draw a kite with its tail."""
    pen.fill([(0, -90), (62, -10), (0, 86), (-62, -10)], "e8503c")
    pen.fill([(0, -90), (62, -10), (0, -10)], "f7b23a")
    pen.fill([(0, 86), (-62, -10), (0, -10)], "3a8fb0")
    pen.line([(0, -90), (0, 86)], 2.6, "5a3a28")
    pen.line([(-62, -10), (62, -10)], 2.6, "5a3a28")
    tail = [
        (0 - index * 13, 86 + index * 15 + 10 * wave(phase, index * 0.17)) for index in range(8)
    ]
    pen.curve(tail, 3, "f4ead4")
    for x, y in tail[1::2]:
        pen.fill([(x - 11, y - 7), (x + 11, y + 7), (x + 11, y - 7), (x - 11, y + 7)], "f7b23a")


def plane(pen: Pen, phase: float) -> None:
    """Draw an airliner."""
    pen.fill([(-40, -6), (-110, -62), (-84, -66), (8, -8)], "aab4c2")
    pen.fill([(-150, -18), (-196, -78), (-166, -80), (-116, -16)], ("2f6fb0", "1f4f86"))
    pen.shape(
        [
            (-186, -14),
            (-120, -24),
            (60, -28),
            (140, -20),
            (172, 2),
            (140, 16),
            (40, 20),
            (-110, 12),
        ],
        ("ffffff", "b9c3d0"),
    )
    pen.shape([(136, -18), (158, -8), (150, -4), (126, -8)], "2a3a50")
    for index in range(11):
        pen.box(-96 + index * 19, -12, 8, 9, "ffe09a" if pen.is_dark else "4a6a8a", round_by=3)
    pen.line([(-176, 2), (160, 8)], 4, "2f6fb0")
    pen.fill([(30, 4), (-70, 78), (-44, 80), (84, 8)], ("d2dae4", "97a3b4"))
    pen.oval(8, 38, 28, 11, "8a96a6", turn=-4)
    pen.oval(30, 37, 7, 10, "3a4450")
    pen.fill([(-140, 2), (-188, 26), (-170, 28), (-112, 6)], "b4beca")
    if phase < 0.5:  # noqa: PLR2004 -- half the time
        pen.lamp(-58, 78, 18, "ff4a3a", 0.9)


def paper_plane(pen: Pen, phase: float) -> None:
    """Draw a paper plane."""
    del phase
    pen.fill([(110, -10), (-96, -52), (-40, 6)], "dfe4ec")
    pen.fill([(110, -10), (-40, 6), (-62, 46)], ("ffffff", "e4e8ee"))
    pen.fill([(110, -10), (-62, 46), (-34, 58)], "b4bcca")
    pen.fill([(110, -10), (-40, 6), (-52, 26)], "c8d0dc")


def helicopter(pen: Pen, phase: float) -> None:
    """Draw a helicopter."""
    pen.shape([(-20, -12), (-150, -20), (-152, -8), (-20, 24)], ("d8402f", "a02a20"))
    pen.fill([(-148, -14), (-172, -54), (-156, -54), (-132, -14)], "a02a20")
    pen.shape(
        [(-40, -22), (0, -44), (54, -38), (84, 2), (60, 34), (-20, 38), (-46, 14)],
        ("e8503c", "b02f26"),
    )
    pen.shape([(26, -34), (58, -30), (80, 2), (40, 4)], ("cfeaf6", "6f9ab4"))
    pen.line([(-30, 58), (66, 58)], 5, "30343c")
    for x in (-10, 40):
        pen.line([(x, 36), (x + 4, 58)], 4, "30343c")
    pen.line([(6, -40), (6, -58)], 7, "30343c")
    reach = 150 * abs(math.cos(2 * math.pi * phase)) + 20
    pen.oval(6, -60, 150, 5, "cfd6de", alpha=0.28)
    pen.line([(6 - reach, -60), (6 + reach, -60)], 4, "2a2e36")
    pen.disc(-160, -50, 24, "cfd6de", 0.3)


def rocket(pen: Pen, phase: float) -> None:
    """Draw a rocket under way, nose to the right and up."""
    turn = -38.0

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        angle = math.radians(turn)
        cos, sin = math.cos(angle), math.sin(angle)
        return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]

    flare = 26 * wave(3 * phase)
    pen.shape(
        at([(-96, -16), (-150, -12), (-208 - flare, 0), (-150, 12), (-96, 16)]),
        ("ffb03a", "ff6a2a"),
        0.95,
    )
    pen.shape(at([(-96, -9), (-140, -6), (-164 - flare * 0.6, 0), (-140, 6), (-96, 9)]), "fff4c8")
    middle = at([(-130, 0)])[0]
    pen.lamp(middle[0], middle[1], 84, "ff9a3a", 0.6)
    pen.fill(at([(-92, -22), (-128, -64), (-62, -42), (-44, -26)]), ("e8503c", "a83022"))
    pen.fill(at([(-92, 22), (-128, 64), (-62, 42), (-44, 26)]), ("e8503c", "a83022"))
    pen.shape(
        at([(-96, -26), (-20, -36), (60, -30), (128, 0), (60, 30), (-20, 36), (-96, 26)]),
        ("ffffff", "b9c4d2"),
    )
    pen.shape(at([(66, -28), (100, -14), (130, 0), (100, 14), (66, 28)]), ("f0604a", "b83426"))
    for x, size in ((26, 15), (-22, 12)):
        window = at([(x, -2)])[0]
        pen.disc(window[0], window[1], size + 4, "8a96a6")
        pen.disc(window[0], window[1], size, ("8fe0ff", "2f6fa0"))
    pen.fill(at([(-92, -4), (-118, 0), (-92, 4), (-40, 3), (-40, -3)]), "c0392b")


def spaceship(pen: Pen, phase: float) -> None:
    """Draw a spaceship."""
    flare = 14 * wave(2 * phase)
    for y in (-20, 22):
        pen.lamp(-150, y, 60, "5ac8ff", 0.7)
        pen.shape([(-130, y - 8), (-190 - flare, y), (-130, y + 8)], "c8f4ff", 0.9)
    pen.fill([(-60, -16), (-140, -70), (-112, -76), (20, -22)], "6f7c90")
    pen.shape(
        [(-136, -34), (-60, -42), (70, -26), (170, 4), (60, 24), (-70, 40), (-136, 34)],
        ("dfe6f0", "7f8ca0"),
    )
    pen.shape([(40, -24), (84, -16), (110, -2), (60, -4)], ("9fe8ff", "2f6f9a"))
    pen.fill([(-50, 20), (-150, 84), (-116, 88), (40, 22)], ("b4bfcf", "66738a"))
    for index in range(6):
        pen.bright(oval(-90 + index * 22, 6, 4, 4), "ffe28a")
    pen.line([(-130, -4), (40, -2)], 3, "5a6880")


def ufo(pen: Pen, phase: float) -> None:
    """Draw a flying saucer and its beam."""
    pen.beam((0, 14), (0, 300), (90, 250), "9dffcf", 0.5)
    pen.beam((0, 14), (0, 260), (50, 130), "d8ffe8", 0.4)
    pen.shape([(-52, -8), (-44, -46), (0, -64), (44, -46), (52, -8)], ("c8f4ff", "5a9ab4"), 0.92)
    pen.disc(0, -30, 15, "6fbf5a")
    pen.oval(-6, -33, 4, 6, "10201a", turn=-14)
    pen.oval(7, -33, 4, 6, "10201a", turn=14)
    pen.oval(0, 2, 128, 30, ("d2dae6", "6f7c92"))
    pen.oval(0, -6, 92, 15, "eef2f8", alpha=0.5)
    for index in range(9):
        x = -104 + index * 26
        colour = ("ff5a8a", "ffd24a", "5affc8")[(index + int(phase * 6)) % 3]
        pen.lamp(x, 8, 17, colour, 0.8)
        pen.bright(oval(x, 8, 5, 5), colour)


def dragon(pen: Pen, phase: float) -> None:
    """Draw a long dragon that winds through the air."""
    count = 40
    shares = np.arange(count) / (count - 1)
    winding = 62 * np.sin(2 * math.pi * (phase - 1.25 * shares)) * (1 - 0.35 * shares)
    spine = np.stack([-290 + 500 * shares, winding - 14 * shares], 1)
    along = np.gradient(spine, axis=0)
    along /= np.hypot(along[:, 0], along[:, 1])[:, None]
    up = np.stack([along[:, 1], -along[:, 0]], 1)
    girth = (5 + 29 * np.sin(np.pi * np.minimum(1.0, 0.04 + 0.82 * shares)) ** 0.9)[:, None]
    for index in (13, 29):
        _claws(pen, spine[index] - up[index] * girth[index] * 0.5)
    _tail_fin(pen, spine[0])
    for index in range(3, count - 2, 2):
        root, tip = spine[index], spine[index] + up[index] * (girth[index] + 19)
        here, there = root - along[index] * 11, root + along[index] * 9
        fin = [here + up[index] * girth[index] * 0.8, tip - along[index] * 9]
        pen.fill([*fin, there + up[index] * girth[index] * 0.8], ("f4c05a", "d8862a"))
    back, belly = spine + up * girth, spine - up * girth
    pen.fill(np.concatenate([back, belly[::-1]]), ("d83a40", "a8222c"))
    pen.fill(np.concatenate([(spine - up * girth * 0.3), belly[::-1]]), ("f4c468", "dc9a3c"))
    for index in range(2, count - 1):
        low, high = spine[index] - up[index] * girth[index] * 0.3, belly[index]
        pen.line([low, high], 1.6, "b8742a", alpha=0.7)
        if index % 2:
            for side in (0.2, 0.62):
                middle = spine[index] + up[index] * girth[index] * side
                scale = [middle + up[index] * 6, middle - along[index] * 5, middle - up[index] * 6]
                pen.curve(scale, 2, "7f161e", alpha=0.75)
    _dragon_head(pen, (float(spine[-1][0]), float(spine[-1][1])), phase)


def _claws(pen: Pen, hip: np.ndarray) -> None:
    x, y = float(hip[0]), float(hip[1])
    pen.curve([(x, y), (x - 16, y + 30), (x + 10, y + 50)], 17, "9c2028", width_end=9)
    for claw in (-12, 0, 12):
        pen.line([(x + 8, y + 49), (x + 26, y + 52 + claw)], 4.5, "f4e0a8", width_end=1)


def _tail_fin(pen: Pen, root: np.ndarray) -> None:
    x, y = float(root[0]), float(root[1])
    for dx, dy in ((-62, -34), (-74, 0), (-58, 32)):
        tip = (x + dx, y + dy)
        pen.shape([(x + 10, y - 5), (x + dx * 0.4, y + dy * 0.9), tip, (x + 8, y + 6)], "e8a23a")


def _dragon_head(pen: Pen, at: tuple[float, float], phase: float) -> None:
    x, y = at
    pen.shape(
        [
            (x - 26, y - 26),
            (x - 50, y - 44),
            (x - 40, y - 8),
            (x - 56, y + 14),
            (x - 16, y + 24),
            (x + 18, y + 10),
        ],
        "e8a23a",
    )
    pen.shape(
        [
            (x - 22, y - 20),
            (x + 10, y - 32),
            (x + 40, y - 20),
            (x + 84, y - 18),
            (x + 92, y - 6),
            (x + 56, y + 2),
            (x - 10, y + 22),
        ],
        ("d8404a", "a02028"),
    )
    pen.shape(
        [(x + 2, y + 14), (x + 40, y + 12), (x + 76, y + 14), (x + 60, y + 24), (x + 4, y + 26)],
        "b82a32",
    )
    for index in range(4):
        pen.fill(
            [
                (x + 38 + index * 12, y - 1),
                (x + 42 + index * 12, y + 9),
                (x + 46 + index * 12, y - 1),
            ],
            "fff8e8",
        )
    pen.curve([(x - 2, y - 26), (x - 26, y - 58), (x - 52, y - 66)], 8, "f4e4b4", width_end=3)
    pen.curve([(x + 12, y - 28), (x - 4, y - 62), (x - 22, y - 78)], 8, "f4e4b4", width_end=3)
    pen.disc(x + 26, y - 18, 8, "fff2b0")
    pen.disc(x + 29, y - 18, 4, "1a1014")
    sway = 10 * wave(phase)
    pen.curve(
        [(x + 84, y - 10), (x + 112, y - 30 + sway), (x + 130, y - 14 + sway)],
        3,
        "f4e4b4",
        width_end=1.5,
    )
    pen.curve(
        [(x + 78, y + 2), (x + 96, y + 30 - sway), (x + 120, y + 34 - sway)],
        3,
        "f4e4b4",
        width_end=1.5,
    )


def lantern(pen: Pen, phase: float) -> None:
    """Draw a paper lantern that glows."""
    flicker = 0.72 + 0.12 * wave(phase)
    pen.lamp(0, 4, 130, "ff9a3a", flicker * 0.6)
    pen.line([(0, -104), (0, -66)], 3, "5a2a1a")
    pen.box(-26, -72, 52, 13, "6a2a18", round_by=4)
    pen.oval(0, 0, 70, 64, ("f2543a", "c8281e"))
    pen.lamp(0, 6, 62, "ffd27a", flicker)
    for share in (-0.62, -0.22, 0.22, 0.62):
        pen.curve([(share * 46, -58), (share * 76, 0), (share * 46, 58)], 2, "8f1c14", alpha=0.6)
    pen.box(-26, 58, 52, 13, "6a2a18", round_by=4)
    sway = 5 * wave(phase)
    for x in (-10, 0, 10):
        pen.line([(x, 70), (x + sway, 112)], 3, "f0b03a")


_AIR: Final = Habit.FLY
SUBJECTS: Final = {
    "bird": Subject(bird, _AIR, (120, 120, 100, 120), size=1.05, poses=12, cycle_s=0.9),
    "butterfly": Subject(butterfly, _AIR, (90, 120, 110, 80), size=1.0, poses=8, cycle_s=0.5),
    "balloon": Subject(
        balloon, Habit.FLOAT, (130, 170, 130, 170), size=1.0, poses=4, cycle_s=1.0, rocks=2
    ),
    "kite": Subject(
        kite, Habit.FLOAT, (140, 110, 90, 240), size=0.85, poses=8, cycle_s=2.0, rocks=8
    ),
    "plane": Subject(plane, _AIR, (220, 100, 200, 100), size=1.0, poses=2, cycle_s=1.2, rocks=1.5),
    "paper_plane": Subject(paper_plane, _AIR, (120, 80, 130, 80), size=1.0, rocks=5),
    "helicopter": Subject(
        helicopter, _AIR, (200, 90, 180, 80), size=1.0, poses=6, cycle_s=0.35, rocks=2
    ),
    "rocket": Subject(
        rocket, _AIR, (240, 220, 240, 240), size=1.0, poses=6, cycle_s=0.6, rocks=1.5
    ),
    "spaceship": Subject(
        spaceship, _AIR, (260, 110, 200, 110), size=1.0, poses=6, cycle_s=0.8, rocks=2
    ),
    "ufo": Subject(ufo, Habit.FLOAT, (150, 90, 150, 310), size=1.0, poses=6, cycle_s=1.0, rocks=4),
    "dragon": Subject(dragon, _AIR, (400, 220, 380, 220), size=0.95, poses=16, cycle_s=2.2),
    "lantern": Subject(
        lantern, Habit.FLOAT, (140, 140, 140, 150), size=0.8, poses=6, cycle_s=1.6, rocks=4
    ),
}
__all__ = ["SUBJECTS", "partial"]
