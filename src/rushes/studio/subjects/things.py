"""Things large as life before the camera, and one monster; the origin is what they stand on."""

from __future__ import annotations

import math
from typing import Final

from rushes.studio.subjects.pen import Habit, Pen, Subject, bent, star, step, wave


def cup(pen: Pen, phase: float) -> None:
    """Draw a cup that steams."""
    for index, x in enumerate((-26, 6, 36)):
        sway = 10 * wave(phase, index * 0.3)
        pen.curve(
            [(x, -122), (x + sway, -152), (x - sway, -184), (x + sway, -214)],
            8,
            "ffffff",
            width_end=2,
            alpha=0.34,
        )
    pen.ground_shadow(220, y=2)
    pen.oval(0, -6, 116, 13, ("ffffff", "cfc8be"))
    pen.curve([(62, -92), (112, -92), (110, -44), (54, -34)], 14, "e4ddd2")
    pen.shape(
        [(-78, -110), (78, -110), (70, -50), (44, -14), (-44, -14), (-70, -50)],
        ("ffffff", "d6cfc4"),
    )
    pen.oval(0, -110, 78, 15, "f4efe6")
    pen.oval(0, -108, 69, 11, ("6a3f22", "8a5a34"))
    pen.oval(-8, -108, 26, 4, "d8b08a", alpha=0.8)


def book(pen: Pen, phase: float) -> None:
    """Draw an open book whose page turns."""
    pen.ground_shadow(300, y=2)
    pen.fill([(-150, -10), (0, 0), (150, -10), (150, -22), (0, -10), (-150, -22)], "8a3a2e")
    for side in (-1, 1):
        pen.shape(
            [
                (0, -14),
                (side * 70, -44),
                (side * 144, -26),
                (side * 144, -20),
                (side * 70, -34),
                (0, -8),
            ],
            ("fffaf0", "e0d4bc"),
        )
    lift = phase
    x = 130 * math.cos(math.pi * lift)
    pen.shape(
        [
            (0, -14),
            (x * 0.5, -40 - 62 * math.sin(math.pi * lift)),
            (x, -28 - 96 * math.sin(math.pi * lift)),
            (x * 0.96, -20 - 90 * math.sin(math.pi * lift)),
        ],
        ("fffdf6", "e8dcc4"),
    )


def guitar(pen: Pen, phase: float) -> None:
    """Draw a guitar that leans."""
    pen.ground_shadow(200, y=2)
    pen.line([(0, -180), (40, -350)], 20, "5a3624")
    pen.line([(38, -344), (48, -388)], 32, "3a2218", width_end=26)
    pen.shape(
        [
            (-78, -60),
            (-64, -118),
            (-44, -140),
            (-40, -186),
            (-6, -206),
            (34, -196),
            (46, -156),
            (40, -120),
            (70, -92),
            (64, -34),
            (14, -4),
            (-44, -12),
        ],
        ("e0924a", "a8582a"),
    )
    pen.disc(0, -112, 26, "2e1a12")
    pen.box(-32, -56, 56, 10, "4a2a1c", round_by=4)
    hum = 1.2 * wave(4 * phase)
    for index in range(4):
        pen.line(
            [(-18 + index * 10, -52), (-2 + index * 4 + hum, -200), (34 + index * 4, -350)],
            1.2,
            "f0e6d4",
        )


def clock(pen: Pen, phase: float) -> None:
    """Draw a clock whose hands go round."""
    pen.ground_shadow(200, y=2)
    for x in (-60, 60):
        pen.line([(x * 0.8, -30), (x, 0)], 14, "7a4a2e")
    pen.disc(0, -120, 112, ("b87a44", "7a4a26"))
    pen.disc(0, -120, 94, ("fffaf0", "e8dec8"))
    for hour in range(12):
        angle = math.pi * hour / 6
        near = 74 if hour % 3 == 0 else 80
        pen.line(
            [
                (near * math.cos(angle), -120 + near * math.sin(angle)),
                (88 * math.cos(angle), -120 + 88 * math.sin(angle)),
            ],
            5,
            "3a2a22",
        )
    for turn, reach, width in ((phase / 12 + 0.15, 48, 9), (phase, 76, 6)):
        angle = 2 * math.pi * turn - math.pi / 2
        pen.line(
            [(0, -120), (reach * math.cos(angle), -120 + reach * math.sin(angle))],
            width,
            "2a1e1a",
            width_end=3,
        )
    pen.disc(0, -120, 8, "c0392b")


def ball(pen: Pen, phase: float) -> None:
    """Draw a ball that rolls."""
    pen.ground_shadow(150, y=2)
    pen.disc(0, -78, 78, ("ffffff", "b9c2cc"))
    for index in range(5):
        angle = 2 * math.pi * (index / 5 + phase)
        x, y = 52 * math.cos(angle), -78 + 52 * math.sin(angle)
        pen.fill(star(x, y, 20, 17), "262b34")
        pen.line([(x, y), (20 * math.cos(angle), -78 + 20 * math.sin(angle))], 4, "262b34")
    pen.fill(star(0, -78, 24, 20), "262b34")
    pen.oval(-28, -108, 20, 12, "ffffff", turn=-36, alpha=0.6)


def crystal(pen: Pen, phase: float) -> None:
    """Draw crystals that shimmer."""
    pen.ground_shadow(220, y=2)
    pen.lamp(0, -120, 200, "8ad8ff", 0.34 + 0.12 * wave(phase))
    for x, tall, lean, colour in (
        (-64, 130, -22, "6a9af0"),
        (66, 150, 24, "a86af0"),
        (0, 240, 4, "5ad0f0"),
    ):
        pen.fill(
            [
                (x - 30, 0),
                (x - 36 + lean, -tall * 0.7),
                (x + lean * 1.4, -tall),
                (x + 36 + lean, -tall * 0.72),
                (x + 30, 0),
            ],
            (colour, "2f4a9a"),
        )
        pen.fill(
            [
                (x - 30, 0),
                (x - 36 + lean, -tall * 0.7),
                (x + lean * 1.4, -tall),
                (x - 4 + lean * 0.6, -tall * 0.62),
                (x - 6, 0),
            ],
            "ffffff",
            0.3,
        )
        pen.line(
            [(x + lean * 1.4, -tall), (x - 4 + lean * 0.6, -tall * 0.62), (x - 6, 0)],
            1.8,
            "ffffff",
            alpha=0.6,
        )


def dinosaur(pen: Pen, phase: float) -> None:
    """Draw a tyrant lizard on the prowl."""
    bob = 4 * wave(2 * phase)
    pen.ground_shadow(330, y=2)
    for shift, is_far in ((0.5, True), (0.0, False)):
        forward, up = step(phase + shift, 90, 34)
        hip = (-14.0 if is_far else -24.0, -128 + bob)
        foot = (hip[0] + forward + 14, -10 + up)
        knee = bent(hip, foot, 66, 64, -1)
        green = "4a6a3c" if is_far else "5f8a4a"
        pen.line([hip, knee], 62, green, width_end=34)
        pen.line([knee, foot], 32, green, width_end=19)
        pen.shape(
            [
                (foot[0] - 16, foot[1] + 10),
                (foot[0] - 8, foot[1] - 12),
                (foot[0] + 18, foot[1] - 6),
                (foot[0] + 48, foot[1] + 6),
                (foot[0] + 46, foot[1] + 11),
            ],
            green,
        )
        if is_far:
            swing = 16 * wave(phase)
            pen.shape(
                [
                    (-70, -190 + bob),
                    (-160, -176 + bob),
                    (-250, -160 + swing),
                    (-300, -172 + swing * 1.6),
                    (-240, -142 + swing),
                    (-150, -128 + bob),
                    (-60, -110 + bob),
                ],
                ("6f9a54", "4a6a3c"),
            )
            pen.shape(
                [
                    (-90, -160 + bob),
                    (-40, -206 + bob),
                    (40, -222 + bob),
                    (96, -258 + bob),
                    (120, -226 + bob),
                    (84, -160 + bob),
                    (30, -118 + bob),
                    (-50, -106 + bob),
                ],
                ("7aa85c", "4f7440"),
            )
            pen.shape(
                [
                    (110, -226 + bob),
                    (84, -158 + bob),
                    (30, -116 + bob),
                    (-30, -108 + bob),
                    (40, -142 + bob),
                    (84, -196 + bob),
                ],
                "c8d09a",
                0.8,
            )
    pen.line([(72, -168 + bob), (98, -150 + bob), (112, -158 + bob)], 12, "5f8a4a", width_end=7)
    jaw = 8 + 8 * wave(phase)
    pen.shape(
        [
            (96, -228 + bob),
            (140, -222 + bob + jaw),
            (196, -214 + bob + jaw),
            (190, -202 + bob + jaw),
            (120, -204 + bob),
        ],
        ("6f9a54", "4a6a3c"),
    )
    pen.shape(
        [
            (78, -262 + bob),
            (110, -296 + bob),
            (160, -290 + bob),
            (206, -266 + bob),
            (210, -246 + bob),
            (160, -236 + bob),
            (96, -222 + bob),
        ],
        ("86b466", "5a8048"),
    )
    for index in range(6):
        pen.fill(
            [
                (132 + index * 13, -242 + bob),
                (137 + index * 13, -228 + bob),
                (142 + index * 13, -243 + bob),
            ],
            "fffbe8",
        )
    pen.disc(138, -272 + bob, 9, "fff2a0")
    pen.disc(140, -272 + bob, 4.5, "1a1410")
    for index in range(7):
        x = -70 + index * 24
        pen.fill(
            [
                (x - 9, -192 - index * 6 + bob),
                (x, -216 - index * 6 + bob),
                (x + 11, -194 - index * 6 + bob),
            ],
            "c86a3a",
        )


SUBJECTS: Final = {
    "cup": Subject(cup, Habit.THING, (130, 230, 130, 14), size=1.2, poses=12, cycle_s=3.0),
    "book": Subject(book, Habit.THING, (170, 160, 170, 14), size=1.2, poses=12, cycle_s=2.6),
    "guitar": Subject(guitar, Habit.THING, (110, 400, 110, 14), size=0.85, poses=4, cycle_s=0.8),
    "clock": Subject(clock, Habit.THING, (130, 240, 130, 14), size=1.1, poses=24, cycle_s=12.0),
    "ball": Subject(ball, Habit.DRIVE, (90, 170, 90, 14), size=1.1, poses=12, stride=480),
    "crystal": Subject(crystal, Habit.THING, (210, 330, 210, 90), size=1.0, poses=8, cycle_s=2.4),
    "dinosaur": Subject(dinosaur, Habit.WALK, (320, 320, 230, 14), size=0.95, poses=10, stride=150),
}
