"""What swims; the origin is the middle."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from rushes.studio.ink import oval
from rushes.studio.subjects.pen import Habit, Pen, Subject, wave


def whale(pen: Pen, phase: float) -> None:
    """Draw a whale."""
    beat = 16 * wave(phase)
    pen.shape(
        [
            (-150, beat * 0.4),
            (-206, -16 + beat),
            (-262, -58 + beat),
            (-246, -14 + beat),
            (-226, 4 + beat),
            (-252, 42 + beat),
            (-204, 22 + beat),
        ],
        ("6590b4", "46698a"),
    )
    pen.shape(
        [
            (-176, 2 + beat * 0.5),
            (-110, -34 + beat * 0.2),
            (0, -78),
            (110, -76),
            (190, -40),
            (212, 4),
            (186, 42),
            (90, 66),
            (-20, 56),
            (-110, 28),
        ],
        ("7ba9cd", "4d7da3"),
    )
    pen.shape(
        [(208, 12), (186, 44), (90, 68), (-20, 58), (-70, 40), (40, 40), (130, 32)],
        ("e4eef4", "b4c6d2"),
    )
    for index in range(7):
        pen.curve(
            [
                (196 - index * 5, 22 + index * 5),
                (110 - index * 10, 44 + index * 3),
                (20 - index * 6, 48 + index),
            ],
            1.7,
            "7f98aa",
            alpha=0.8,
        )
    pen.curve([(208, 8), (160, 14), (136, 6)], 2.6, "1c3348")
    pen.disc(132, -12, 8, "f4f8fa")
    pen.disc(133, -11, 5.4, "101c28")
    flap = 14 * wave(phase, 0.2)
    pen.shape(
        [(74, 38), (40, 54), (-4, 104 + flap), (22, 108 + flap), (74, 76), (100, 46)],
        ("3a6286", "24405a"),
    )
    pen.shape([(-54, -52), (-78, -82), (-40, -66), (-22, -62)], "3a6286")


def dolphin(pen: Pen, phase: float) -> None:
    """Draw a dolphin."""
    beat = 12 * wave(phase)
    pen.shape(
        [
            (-104, beat * 0.5),
            (-150, -26 + beat),
            (-140, beat),
            (-156, 28 + beat),
            (-110, 12 + beat * 0.6),
        ],
        "4f7690",
    )
    pen.shape(
        [
            (-118, 4 + beat * 0.5),
            (-50, -28),
            (30, -40),
            (88, -22),
            (106, -6),
            (150, 0),
            (148, 9),
            (100, 14),
            (40, 30),
            (-40, 24),
        ],
        ("6f9ab4", "456a84"),
    )
    pen.shape([(146, 8), (100, 15), (40, 31), (-30, 24), (30, 14), (96, 4)], ("eef4f8", "c4d4de"))
    pen.shape([(0, -38), (-34, -76), (-30, -46), (-22, -34)], "4f7690")
    pen.shape([(48, 18), (14, 58), (30, 56), (66, 22)], "456a84")
    pen.disc(86, -8, 4.4, "14202c")


def shark(pen: Pen, phase: float) -> None:
    """Draw a shark."""
    beat = 10 * wave(phase)
    pen.fill(
        [
            (-128, 2 + beat * 0.4),
            (-190, -70 + beat),
            (-166, 0 + beat),
            (-186, 40 + beat),
            (-124, 14),
        ],
        "4c5d6e",
    )
    pen.shape(
        [(-140, 4), (-50, -36), (50, -42), (140, -16), (176, 0), (140, 22), (40, 40), (-60, 28)],
        ("6f8598", "47596b"),
    )
    pen.shape([(168, 8), (130, 26), (40, 41), (-50, 29), (30, 18), (120, 8)], ("eef2f4", "c8d2d8"))
    pen.fill([(-10, -38), (-34, -98), (44, -42)], "4c5d6e")
    pen.fill([(30, 22), (-22, 80), (64, 30)], "47596b")
    pen.line([(168, 12), (124, 16)], 2.4, "23303c")
    for index in range(4):
        pen.line([(74 - index * 8, -12), (70 - index * 8, 12)], 2, "3a4a58")
    pen.disc(132, -6, 4.6, "10161c")


def fish(
    pen: Pen, phase: float, *, coat: tuple[str, str] = ("ff9a3a", "e8642a"), band: str = "ffffff"
) -> None:
    """Draw a bright fish."""
    beat = 12 * wave(phase)
    pen.shape([(-52, 0), (-104, -44 + beat), (-92, beat), (-104, 44 + beat)], coat)
    pen.shape(
        [(-70, 2), (-30, -42), (30, -46), (78, -14), (88, 2), (74, 20), (26, 46), (-32, 40)], coat
    )
    pen.shape([(-24, -42), (6, -82), (36, -70), (34, -44)], coat)
    pen.shape([(-16, 40), (0, 70), (22, 62), (20, 42)], coat[1])
    for x, tall in ((34, 45), (-22, 41)):
        pen.shape(
            [
                (x - 8, -tall),
                (x + 10, -tall),
                (x + 14, 0),
                (x + 8, tall),
                (x - 10, tall),
                (x - 4, 0),
            ],
            band,
            0.95,
        )
    swing = 8 * wave(2 * phase)
    pen.shape([(20, 8), (-8, 22 + swing), (-4, 34 + swing), (26, 20)], coat[1])
    pen.disc(60, -10, 9, "ffffff")
    pen.disc(62, -9, 5.4, "14161c")
    pen.curve([(86, 8), (76, 14), (68, 12)], 2.4, "8f3418")


def jellyfish(pen: Pen, phase: float) -> None:
    """Draw a jellyfish that pulses."""
    pulse = 0.5 + 0.5 * wave(phase)
    wide, tall = 76 - 14 * pulse, 62 + 14 * pulse
    pen.lamp(0, -20, 150, "d89aff", 0.3)
    for index in range(7):
        x = -48 + index * 16
        sway = 16 * wave(phase, index * 0.13)
        pen.curve(
            [(x, 10), (x + sway, 62), (x - sway * 0.8, 118), (x + sway, 172)],
            5,
            "e0b4ff",
            width_end=1.5,
            alpha=0.62,
        )
    for index in range(3):
        x = -18 + index * 18
        pen.curve(
            [(x, 8), (x + 10 * wave(phase, index * 0.3), 52), (x - 8, 96)],
            15,
            "ffd4f0",
            width_end=4,
            alpha=0.6,
        )
    pen.shape(
        [
            (-wide, 12),
            (-wide * 0.86, -tall * 0.6),
            (0, -tall),
            (wide * 0.86, -tall * 0.6),
            (wide, 12),
            (wide * 0.5, 4),
            (0, 14),
            (-wide * 0.5, 4),
        ],
        ("e8c0ff", "a86ae0"),
        0.88,
    )
    pen.shape(
        [
            (-wide * 0.5, -tall * 0.3),
            (-wide * 0.2, -tall * 0.8),
            (wide * 0.2, -tall * 0.82),
            (0, -tall * 0.4),
        ],
        "ffffff",
        0.42,
    )


def turtle(pen: Pen, phase: float) -> None:
    """Draw a sea turtle."""
    beat = 30 * wave(phase)
    pen.shape(
        [(40, 8), (10, 20), (-14, 66 + beat * 0.6), (8, 76 + beat), (56, 40), (66, 16)],
        ("7fa85a", "4f7a3a"),
    )
    pen.shape([(-70, 10), (-118, 30 + beat * 0.3), (-108, 42 + beat * 0.3), (-60, 26)], "5f8a44")
    pen.shape(
        [(66, -2), (112, -30), (140, -20), (138, 0), (108, 10), (74, 14)], ("8fb868", "5f8a44")
    )
    pen.disc(122, -16, 4.4, "16201a")
    pen.shape(
        [(-92, 10), (-60, -40), (0, -62), (62, -40), (86, 6), (40, 24), (-50, 26)],
        ("9a7a44", "5f4a28"),
    )
    for x, y in ((-44, -16), (0, -30), (42, -16), (-20, 4), (22, 4)):
        pen.fill(oval(x, y, 19, 15, points=6), "b8985a", 0.8)
    pen.shape([(-90, 12), (84, 10), (40, 28), (-50, 30)], "e0d09a")


def octopus(pen: Pen, phase: float) -> None:
    """Draw an octopus."""
    for index in range(7):
        x = -60 + index * 20
        sway = 22 * wave(phase, index * 0.19)
        pen.curve(
            [
                (x * 0.7, 14),
                (x + sway * 0.5, 62),
                (x * 1.3 - sway * 0.6, 104),
                (x * 1.6 + sway, 128),
            ],
            24,
            "d8605a" if index % 2 else "c04a4c",
            width_end=5,
        )
    pen.shape(
        [(-62, 20), (-74, -40), (-40, -104), (20, -112), (66, -70), (68, -10), (52, 26), (0, 34)],
        ("f08070", "cc4c4c"),
    )
    for x in (4, 40):
        pen.disc(x, -18, 14, "fff8ea")
        pen.oval(x + 3, -17, 7, 9, "1c1418")
    pen.curve([(10, 10), (24, 16), (38, 8)], 3, "8f2a30")


def submarine(pen: Pen, phase: float) -> None:
    """Draw a yellow submarine."""
    reach = 26 * abs(math.cos(2 * math.pi * phase)) + 4
    pen.oval(-152, 4, 6, reach, "8a6a2a")
    pen.fill([(-110, -30), (-150, -60), (-140, 4), (-150, 66), (-110, 34)], "d89a1e")
    pen.box(-34, -96, 74, 50, ("ffd24a", "e0a21e"), round_by=12)
    pen.line([(20, -94), (20, -132), (44, -132)], 8, "5a6470")
    pen.shape(
        [(-132, 2), (-90, -46), (0, -56), (92, -48), (142, 0), (92, 48), (0, 56), (-90, 46)],
        ("ffd84a", "d8941a"),
    )
    pen.line([(-124, 14), (134, 12)], 5, "c8781a")
    for x in (-56, 2, 60):
        pen.disc(x, -8, 23, "8a6a2a")
        pen.disc(x, -8, 17, ("bff0ff", "4f9ac0"))
    pen.lamp(142, 6, 70, "fff4c0", 0.6)


_SWIM: Final = Habit.SWIM
SUBJECTS: Final = {
    "whale": Subject(whale, _SWIM, (290, 110, 240, 140), size=1.05, poses=12, cycle_s=3.0, rocks=2),
    "dolphin": Subject(
        dolphin, _SWIM, (180, 100, 170, 80), size=1.1, poses=10, cycle_s=1.2, rocks=7
    ),
    "shark": Subject(shark, _SWIM, (210, 120, 200, 100), size=1.05, poses=10, cycle_s=1.6, rocks=2),
    "fish": Subject(fish, _SWIM, (120, 100, 110, 90), size=0.95, poses=8, cycle_s=0.8, rocks=2),
    "jellyfish": Subject(
        jellyfish, _SWIM, (180, 180, 180, 200), size=1.0, poses=12, cycle_s=2.6, rocks=4
    ),
    "turtle": Subject(turtle, _SWIM, (140, 90, 160, 130), size=1.1, poses=10, cycle_s=2.4, rocks=3),
    "octopus": Subject(
        octopus, _SWIM, (150, 130, 150, 150), size=0.95, poses=10, cycle_s=2.4, rocks=3
    ),
    "submarine": Subject(
        submarine, _SWIM, (180, 150, 230, 90), size=1.0, poses=8, cycle_s=0.7, rocks=1.5
    ),
}


SMALL_FISH: Final = Subject(
    partial(fish, coat=("5ab4e8", "2f7ab8"), band="ffe28a"),
    _SWIM,
    (120, 100, 110, 90),
    size=0.36,
    poses=6,
    cycle_s=0.6,
)
