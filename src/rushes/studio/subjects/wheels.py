"""What drives: the origin is on the road, in the middle."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from rushes.studio.ink import oval
from rushes.studio.subjects.pen import Habit, Pen, Subject, wave


def wheel(
    pen: Pen, x: float, radius: float, phase: float, *, spokes: int = 5, rim: str = "c9d0d8"
) -> None:
    """Draw a wheel that turns."""
    y = -radius
    pen.disc(x, y, radius, "16171c")
    pen.disc(x, y, radius * 0.62, rim)
    for index in range(spokes):
        angle = 2 * math.pi * (index / spokes + phase)
        end = (x + radius * 0.58 * math.cos(angle), y + radius * 0.58 * math.sin(angle))
        pen.line([(x, y), end], radius * 0.16, "4a505a")
    pen.disc(x, y, radius * 0.16, "2a2d34")


def _lights(pen: Pen, front: float, rear: float, y: float) -> None:
    pen.bright(oval(front, y, 5, 8), "fff6d8")
    pen.bright(oval(rear, y, 4, 8), "ff4a3a")
    if pen.is_dark:
        pen.lamp(front + 6, y, 46, "ffe9b0", 0.85)
        pen.beam((front + 2, y), (front + 205, y + 16), (14, 76), "ffe9b0", 0.55)
        pen.lamp(rear - 4, y, 30, "ff3a2a", 0.75)


def car(
    pen: Pen, phase: float, *, body: tuple[str, str] = ("d8392f", "9c1f1c"), is_taxi: bool = False
) -> None:
    """Draw a car."""
    shake = 1.2 * wave(3 * phase)
    pen.ground_shadow(270, y=1)
    pen.shape(
        [(-70, -62 + shake), (-44, -104 + shake), (30, -106 + shake), (70, -64 + shake)], body
    )
    glass = ("bfe4f2", "5f8aa4") if not pen.is_dark else ("ffe2a0", "b98a58")
    pen.shape([(-56, -64 + shake), (-38, -96 + shake), (-8, -98 + shake), (-8, -64 + shake)], glass)
    pen.shape([(0, -64 + shake), (0, -98 + shake), (26, -97 + shake), (54, -64 + shake)], glass)
    pen.shape(
        [
            (-132, -40 + shake),
            (-126, -62 + shake),
            (-70, -68 + shake),
            (66, -68 + shake),
            (120, -56 + shake),
            (136, -38 + shake),
            (132, -18),
            (-130, -18),
        ],
        body,
    )
    pen.line([(-124, -44 + shake), (126, -42 + shake)], 2.6, "ffffff", alpha=0.4)
    pen.line([(-4, -66 + shake), (-4, -24)], 1.8, "3a1a18", alpha=0.6)
    pen.box(10, -54 + shake, 16, 4, "f0f0f0", alpha=0.7)
    if is_taxi:
        pen.box(-26, -122 + shake, 44, 17, "ffffff", round_by=4)
        pen.bright(
            [(-20, -118 + shake), (12, -118 + shake), (12, -110 + shake), (-20, -110 + shake)],
            "ffd23a",
        )
        for index in range(12):
            if index % 2 == 0:
                pen.box(-120 + index * 19, -40 + shake, 19, 8, "1d1d22")
    for x in (-80, 84):
        pen.oval(x, -24, 33, 30, "1a1216", alpha=0.75)
        wheel(pen, x, 25, phase)
    _lights(pen, 130, -130, -42 + shake)


def bus(pen: Pen, phase: float) -> None:
    """Draw a bus full of people."""
    shake = 1.4 * wave(2 * phase)
    pen.ground_shadow(390, y=1)
    pen.box(-190, -168 + shake, 380, 146, ("e8503c", "b02f26"), round_by=18)
    pen.box(-190, -84 + shake, 380, 16, "fbf0d8")
    glass = "ffe2a0" if pen.is_dark else "9fd0e4"
    for index in range(6):
        pen.box(-174 + index * 56, -150 + shake, 46, 50, glass, round_by=6)
        pen.disc(-150 + index * 56, -110 + shake, 11, "4a3a40", 0.7)
    pen.box(160, -150 + shake, 28, 84, glass, round_by=5)
    for x in (-116, 112):
        wheel(pen, x, 28, phase)
    _lights(pen, 186, -188, -46 + shake)


def train(pen: Pen, phase: float) -> None:
    """Draw a train with two carriages behind its engine."""
    window = "ffe09a" if pen.is_dark else "bfe2f0"
    pen.ground_shadow(800, y=0)
    for start, is_engine in ((-400, False), (-136, False), (128, True)):
        if is_engine:
            pen.shape(
                [
                    (start, -112),
                    (start + 120, -114),
                    (start + 204, -76),
                    (start + 246, -34),
                    (start + 240, -18),
                    (start, -18),
                ],
                ("f5f7fa", "aeb8c6"),
            )
            pen.shape(
                [(start + 146, -104), (start + 206, -72), (start + 196, -64), (start + 140, -74)],
                "27384c",
            )
        else:
            pen.box(start, -114, 256, 98, ("f5f7fa", "aeb8c6"), round_by=9)
        pen.box(start, -50, 236 if is_engine else 256, 12, "d8392f")
        for index in range(2 if is_engine else 5):
            pen.box(start + 18 + index * 48, -96, 36, 32, window, round_by=6)
        for index in range(4):
            wheel(pen, start + 34 + index * 62, 13, phase, spokes=3, rim="8a929c")
        if not is_engine:
            pen.box(start + 256, -90, 8, 60, "3a424e")
    pen.box(-404, -20, 770, 7, "39414d")
    if pen.is_dark:
        pen.lamp(370, -44, 90, "ffeec0", 0.9)


def bicycle(pen: Pen, phase: float) -> None:
    """Draw a cyclist."""
    pen.ground_shadow(190, y=1)
    for x in (-58, 60):
        pen.disc(x, -42, 42, "23252c")
        pen.disc(x, -42, 36, "d6e2e8", 0.42)
        for index in range(6):
            angle = math.pi * (index / 6 + phase * 2)
            dx, dy = 36 * math.cos(angle), 36 * math.sin(angle)
            pen.line([(x - dx, -42 - dy), (x + dx, -42 + dy)], 1.4, "8f98a2")
    crank = (2.0, -40.0)
    angle = 2 * math.pi * phase
    feet = [
        (crank[0] + 17 * math.cos(angle + turn), crank[1] + 17 * math.sin(angle + turn))
        for turn in (math.pi, 0)
    ]
    hip = (-26.0, -112.0)
    _pedalling(pen, hip, feet[0], "3c4a66")
    for frame in (
        [(-58, -42), (-26, -98), (44, -100), (2, -40), (-58, -42)],
        [(-26, -98), (2, -40)],
        [(60, -42), (42, -112)],
    ):
        pen.line(frame, 5.5, "2a9d8f")
    pen.line([(42, -112), (30, -122), (50, -128)], 5, "30343c")
    pen.oval(-30, -103, 18, 6, "30343c")
    pen.shape(
        [(-40, -112), (-30, -150), (6, -176), (20, -164), (-2, -134), (-16, -108)],
        ("f4a23a", "d0762a"),
    )
    _pedalling(pen, hip, feet[1], "52648a")
    pen.line([(6, -162), (22, -134), (44, -126)], 11, "f4a23a", width_end=8)
    pen.disc(18, -192, 20, "e8b48c")
    pen.shape([(-4, -192), (4, -214), (28, -214), (38, -196), (18, -202)], "e0483c")
    pen.disc(28, -192, 2.4, "241a1c")


def _pedalling(pen: Pen, hip: tuple[float, float], foot: tuple[float, float], colour: str) -> None:
    knee = ((hip[0] + foot[0]) / 2 + 26, (hip[1] + foot[1]) / 2 - 10)
    pen.line([hip, knee], 17, colour, width_end=13)
    pen.line([knee, foot], 13, colour, width_end=9)
    pen.oval(foot[0] + 6, foot[1] + 2, 13, 5, "23252c")


def motorbike(pen: Pen, phase: float) -> None:
    """Draw somebody on a scooter."""
    pen.ground_shadow(200, y=1)
    for x in (-62, 64):
        wheel(pen, x, 25, phase)
    pen.shape(
        [
            (-96, -58),
            (-40, -74),
            (-20, -44),
            (30, -40),
            (44, -98),
            (56, -98),
            (60, -46),
            (44, -22),
            (-40, -20),
            (-92, -36),
        ],
        ("48b4a8", "2a7a74"),
    )
    pen.shape([(-88, -72), (-40, -84), (-4, -74), (-12, -64), (-80, -62)], "4a3428")
    pen.line([(48, -98), (40, -124), (26, -126)], 6, "30343c")
    pen.line([(-36, -82), (4, -66), (14, -36)], 18, "3c4a66", width_end=12)
    pen.shape([(-52, -82), (-44, -132), (-22, -150), (2, -136), (-10, -84)], ("e8ddc8", "b8aa92"))
    pen.line([(-16, -136), (6, -112), (32, -122)], 12, "d8ccb4", width_end=9)
    pen.disc(-8, -170, 21, ("e0483c", "a82c26"))
    pen.box(0, -180, 16, 14, "223044", round_by=5)
    _lights(pen, 62, -96, -70)


SUBJECTS: Final = {
    "car": Subject(car, Habit.DRIVE, (170, 140, 340, 12), size=1.05, poses=6, stride=160),
    "taxi": Subject(
        partial(car, body=("ffc928", "e09a10"), is_taxi=True),
        Habit.DRIVE,
        (170, 140, 340, 12),
        size=1.05,
        poses=6,
        stride=160,
    ),
    "bus": Subject(bus, Habit.DRIVE, (230, 190, 400, 12), size=1.0, poses=6, stride=180),
    "train": Subject(train, Habit.DRIVE, (420, 140, 480, 12), size=1.0, poses=4, stride=80),
    "bicycle": Subject(bicycle, Habit.DRIVE, (110, 230, 120, 12), size=1.0, poses=12, stride=240),
    "motorbike": Subject(
        motorbike, Habit.DRIVE, (120, 200, 270, 12), size=1.05, poses=6, stride=160
    ),
}
