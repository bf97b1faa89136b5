"""Those who walk upright. The origin is on the ground between the feet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from rushes.studio.ink import Point
from rushes.studio.subjects.pen import Habit, Pen, Subject, bent, step, wave


@dataclass(frozen=True, slots=True)
class Body:
    """How somebody looks; lengths in drawing units."""

    skin: str = "e8b48c"
    hair: str = "2b1d18"
    coat: tuple[str, str] = ("d8503c", "a83628")
    trousers: str = "33405c"
    shoes: str = "241f26"
    dress: bool = False
    long_hair: bool = False
    hat: str | None = None
    scarf: str | None = None
    scale: float = 1.0
    head: float = 20.0


def draw(body: Body, pen: Pen, phase: float) -> None:
    """Draw somebody walking."""
    bob = 3 * wave(2 * phase)
    pen.ground_shadow(96 * body.scale, y=1)
    hip, chest = (0.0, -96 + bob), (3.0, -158 + bob)
    _leg(body, pen, hip, phase + 0.5, is_far=True)
    _arm(body, pen, (chest[0], chest[1] + 8), phase, is_far=True)
    if body.long_hair:
        sway = 5 * wave(phase)
        pen.shape(
            [
                (chest[0] + 6, -206 + bob),
                (chest[0] - 22, -200 + bob),
                (chest[0] - 28 - sway, -160 + bob),
                (chest[0] - 22 - sway, -128 + bob),
                (chest[0] - 6, -150 + bob),
            ],
            body.hair,
        )
    _leg(body, pen, hip, phase, is_far=False)
    _trunk(body, pen, hip, chest, phase)
    _face(body, pen, (chest[0] + 5, chest[1] - 34))
    _arm(body, pen, (chest[0], chest[1] + 10), phase + 0.5, is_far=False)


def _trunk(body: Body, pen: Pen, hip: Point, chest: Point, phase: float) -> None:
    x, y = chest
    if body.dress:
        swing = 6 * wave(phase)
        pen.shape(
            [
                (x - 15, y - 8),
                (x + 15, y - 8),
                (x + 17, y + 34),
                (hip[0] + 40 + swing, hip[1] + 52),
                (hip[0], hip[1] + 60),
                (hip[0] - 38 + swing, hip[1] + 50),
                (x - 17, y + 32),
            ],
            body.coat,
        )
        return
    pen.shape(
        [
            (x - 18, y - 6),
            (x, y - 14),
            (x + 18, y - 6),
            (x + 20, y + 30),
            (hip[0] + 17, hip[1] + 14),
            (hip[0] - 17, hip[1] + 14),
            (x - 20, y + 30),
        ],
        body.coat,
    )
    if body.scarf:
        pen.box(x - 13, y - 16, 28, 12, body.scarf, round_by=6)
        tail = 10 * wave(phase, 0.2)
        pen.curve(
            [(x - 12, y - 10), (x - 38, y - 8 + tail * 0.4), (x - 62, y - 16 + tail)],
            10,
            body.scarf,
            width_end=7,
        )


def _leg(body: Body, pen: Pen, hip: Point, phase: float, *, is_far: bool) -> None:
    forward, up = step(phase, 62, 22)
    foot = (hip[0] + forward, -6 + up)
    knee = bent(hip, foot, 47, 47, -1)
    colour = body.skin if body.dress else body.trousers
    pen.line(
        [hip, knee], 21 if not body.dress else 14, colour, width_end=16 if not body.dress else 12
    )
    pen.line(
        [knee, foot], 16 if not body.dress else 12, colour, width_end=11 if not body.dress else 9
    )
    pen.shape(
        [
            (foot[0] - 9, foot[1] + 6),
            (foot[0] - 8, foot[1] - 7),
            (foot[0] + 6, foot[1] - 5),
            (foot[0] + 21, foot[1] + 3),
            (foot[0] + 20, foot[1] + 7),
        ],
        body.shoes,
    )
    if is_far:
        pen.shade(
            [(hip[0] - 60, hip[1]), (hip[0] + 60, hip[1]), (hip[0] + 70, 4), (hip[0] - 70, 4)], 0.3
        )


def _arm(body: Body, pen: Pen, shoulder: Point, phase: float, *, is_far: bool) -> None:
    swing = 30 * wave(phase, 0.25)
    hand = (shoulder[0] + swing, shoulder[1] + 58 - abs(swing) * 0.3)
    elbow = bent(shoulder, hand, 32, 31, 1)
    sleeve = body.coat[1] if is_far else body.coat[0]
    pen.line([shoulder, elbow], 14, sleeve, width_end=12)
    pen.line([elbow, hand], 12, sleeve if not body.dress else body.skin, width_end=9)
    pen.disc(hand[0], hand[1], 6.5, body.skin)


def _face(body: Body, pen: Pen, middle: Point) -> None:
    x, y = middle
    size = body.head
    pen.line([(x - 4, y + size * 0.8), (x - 5, y + size * 1.5)], 13, body.skin)
    pen.oval(x, y, size * 0.94, size, body.skin)
    pen.oval(x + size * 0.92, y + size * 0.16, size * 0.16, size * 0.14, body.skin)
    pen.shape(
        [
            (x + size * 0.75, y - size * 0.5),
            (x + size * 0.2, y - size * 1.12),
            (x - size * 0.7, y - size * 0.95),
            (x - size * 1.06, y - size * 0.1),
            (x - size * 0.75, y + size * 0.62),
            (x - size * 0.4, y - size * 0.1),
            (x + size * 0.1, y - size * 0.52),
        ],
        body.hair,
    )
    pen.disc(x + size * 0.52, y - size * 0.02, size * 0.1, "241a1c")
    if body.hat == "straw":
        pen.oval(x - 1, y - size * 0.62, size * 1.75, size * 0.28, "c79d55")
        pen.shape(
            [
                (x - size * 0.85, y - size * 0.65),
                (x - size * 0.6, y - size * 1.45),
                (x + size * 0.5, y - size * 1.45),
                (x + size * 0.8, y - size * 0.65),
            ],
            "d8b068",
        )
    if body.hat == "cap":
        pen.shape(
            [
                (x - size * 1.0, y - size * 0.4),
                (x - size * 0.6, y - size * 1.2),
                (x + size * 0.5, y - size * 1.15),
                (x + size * 0.95, y - size * 0.45),
            ],
            "e0b33a",
        )
        pen.disc(x - 1, y - size * 1.24, size * 0.22, "f4f0e4")


def astronaut(pen: Pen, phase: float) -> None:
    """Draw an astronaut adrift; the origin is the middle."""
    kick = 6 * wave(phase)
    for side, shift in ((-1, 0.0), (1, 0.5)):
        lift = 5 * wave(phase, shift)
        pen.curve(
            [(-8, 36), (-26 + 16 * side, 76 + lift), (-38 + 20 * side, 112 + lift)],
            34,
            "dfe3ea" if side > 0 else "b4bcc8",
            width_end=28,
        )
        pen.oval(-38 + 20 * side, 122 + lift, 22, 14, "8d97a6")
    pen.box(-66, -44, 46, 92, ("c3cad6", "8f99a9"), round_by=12)
    pen.curve([(-14, -26), (-48, 6 - kick), (-62, 34 - kick)], 28, "b9c1cd", width_end=24)
    pen.shape(
        [(-40, -40), (0, -50), (36, -38), (42, 10), (30, 52), (-8, 60), (-40, 48), (-46, 6)],
        ("fbfcfe", "ccd3de"),
    )
    pen.box(-12, -4, 36, 24, "5d6a80", round_by=5)
    for index, colour in enumerate(("ff5a4a", "ffd24a", "5ad67a")):
        pen.bright(
            [
                (-6 + index * 10, 4),
                (-1 + index * 10, 4),
                (-1 + index * 10, 9),
                (-6 + index * 10, 9),
            ],
            colour,
        )
    pen.curve([(22, -24), (58, -2 + kick), (84, -26 + kick)], 28, "eef1f6", width_end=24)
    pen.disc(90, -34 + kick, 15, "8d97a6")
    pen.disc(6, -84, 46, ("ffffff", "cfd6e1"))
    pen.oval(18, -84, 33, 30, ("1c2438", "3b2a58"))
    pen.shape([(4, -100), (20, -110), (40, -100), (30, -96), (14, -94)], "9fc6ff", 0.75)
    pen.oval(30, -72, 12, 5, "f4a860", turn=-30, alpha=0.5)


def robot(pen: Pen, phase: float) -> None:
    """Draw a robot on the march."""
    bob = 3 * wave(2 * phase)
    pen.ground_shadow(130, y=2)
    for shift, is_far in ((0.5, True), (0.0, False)):
        forward, up = step(phase + shift, 56, 20)
        hip = (-2.0 if is_far else 4.0, -84 + bob)
        foot = (hip[0] + forward, -10 + up)
        knee = bent(hip, foot, 42, 42, -1)
        steel = "5d6876" if is_far else "7f8c9c"
        pen.line([hip, knee, foot], 17, steel)
        pen.disc(knee[0], knee[1], 11, "3e4652")
        pen.box(foot[0] - 20, foot[1] - 2, 46, 14, steel, round_by=5)
        if is_far:
            pen.curve(
                [(0, -150 + bob), (-22 + forward * 0.4, -120), (-6 - forward * 0.5, -92)],
                15,
                "5d6876",
                width_end=12,
            )
    pen.box(-44, -176 + bob, 92, 100, ("b4c0cf", "74808f"), round_by=16)
    pen.box(-26, -154 + bob, 56, 36, "2a3240", round_by=6)
    for index in range(4):
        tall = 6 + 10 * abs(wave(phase, index * 0.23))
        pen.bright(
            [
                (-18 + index * 11, -124 + bob),
                (-12 + index * 11, -124 + bob),
                (-12 + index * 11, -124 - tall + bob),
                (-18 + index * 11, -124 - tall + bob),
            ],
            "5affc8",
        )
    pen.line([(2, -176 + bob), (4, -196 + bob)], 14, "5d6876")
    pen.box(-40, -250 + bob, 88, 62, ("cdd7e2", "8793a2"), round_by=18)
    pen.box(-8, -236 + bob, 52, 30, "1a202c", round_by=13)
    for x in (6, 28):
        pen.lamp(x, -221 + bob, 20, "5ae8ff", 0.8)
        pen.bright(
            [(x - 5, -227 + bob), (x + 5, -227 + bob), (x + 5, -215 + bob), (x - 5, -215 + bob)],
            "c8fbff",
        )
    pen.line([(-8, -250 + bob), (-14, -276 + bob)], 5, "5d6876")
    pen.lamp(-14, -280 + bob, 16, "ff5a4a", 0.5 + 0.4 * wave(phase))
    pen.disc(-14, -280 + bob, 6, "ff6a58")
    swing = 22 * wave(phase, 0.75)
    pen.curve(
        [(6, -154 + bob), (14 + swing, -124 + bob), (26 + swing * 1.5, -98 + bob)],
        17,
        "93a0b0",
        width_end=14,
    )
    pen.disc(28 + swing * 1.5, -92 + bob, 12, "4a5462")


def penguin(pen: Pen, phase: float) -> None:
    """Draw a penguin that waddles."""
    lean = 5 * wave(phase)
    pen.ground_shadow(84, y=2)
    for side in (-1, 1):
        pen.oval(6 + 15 * side + 6 * wave(phase, 0.25 * side), -5, 18, 8, "f0a23a")
    pen.shape(
        [
            (lean - 8, -148),
            (lean + 22, -140),
            (46, -70),
            (34, -10),
            (0, -4),
            (-34, -12),
            (-42, -66),
            (lean - 30, -130),
        ],
        ("2a3242", "141a26"),
    )
    pen.shape(
        [(lean + 12, -118), (34, -66), (26, -14), (4, -10), (-6, -60), (lean - 2, -104)],
        ("ffffff", "dfe4ea"),
    )
    pen.shape([(-26, -104), (-16, -96), (-24 + lean, -40), (-42 + lean, -36)], "1a202e")
    pen.fill([(lean + 22, -134), (lean + 48, -124), (lean + 20, -118)], "f0a23a")
    pen.disc(lean + 10, -130, 5, "ffffff")
    pen.disc(lean + 11, -130, 3, "10131a")


def snowman(pen: Pen, phase: float) -> None:
    """Draw a snowman."""
    del phase
    pen.ground_shadow(130, y=2)
    pen.disc(0, -52, 56, ("ffffff", "c4d4e6"))
    pen.disc(0, -126, 40, ("ffffff", "ccd9e8"))
    pen.disc(0, -184, 29, ("ffffff", "d2deeb"))
    pen.line([(-36, -132), (-82, -166)], 5, "6a4a32")
    pen.line([(36, -132), (86, -158)], 5, "6a4a32")
    pen.box(-30, -164, 60, 14, "d8402f", round_by=7)
    pen.box(12, -158, 14, 40, "b8321f", round_by=5)
    for y in (-140, -120, -100):
        pen.disc(6, y, 4.5, "22252c")
    pen.disc(2, -190, 4, "22252c")
    pen.disc(18, -190, 4, "22252c")
    pen.fill([(12, -184), (48, -176), (12, -175)], "f08a2a")
    pen.box(-34, -212, 70, 9, "262a34", round_by=4)
    pen.box(-22, -252, 46, 42, ("343a48", "20242e"), round_by=4)


BODIES: Final = {
    "person": Body(coat=("3f7fb0", "2c5c86"), trousers="3a3f4a", scarf="e8a23a"),
    "man": Body(coat=("3b5a48", "274034"), trousers="4a4038", hair="33261e", hat="straw"),
    "woman": Body(coat=("d8485a", "a52c44"), dress=True, long_hair=True, hair="38211a"),
    "child": Body(coat=("f0b53a", "d08a22"), trousers="4a78b0", hat="cap", head=23, hair="4a2e1e"),
    "girl": Body(
        coat=("f06a8a", "c8446a"), dress=True, long_hair=True, hair="4a2a1c", hat="straw", head=23
    ),
}
_SIZES: Final = {"child": 0.78, "girl": 0.8}

SUBJECTS: Final = {
    **{
        name: Subject(
            partial(draw, body),
            Habit.WALK,
            (90, 250, 80, 12),
            size=_SIZES.get(name, 1.05),
            poses=10,
            stride=100,
        )
        for name, body in BODIES.items()
    },
    "astronaut": Subject(
        astronaut, Habit.FLOAT, (110, 140, 120, 150), size=1.05, poses=10, cycle_s=3.6, rocks=9
    ),
    "robot": Subject(robot, Habit.WALK, (90, 300, 90, 14), size=0.95, poses=10, stride=94),
    "penguin": Subject(penguin, Habit.WALK, (70, 160, 70, 12), size=1.1, poses=8, stride=60),
    "snowman": Subject(snowman, Habit.STAND, (100, 260, 100, 12), size=1.0),
}
