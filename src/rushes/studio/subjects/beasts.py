"""Four-legged animals: one way to walk, many shapes. The origin is on the ground below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rushes.studio.ink import Point
from rushes.studio.subjects.pen import Paint, Pen, bent, step, wave

_DARK: Final = "1d1a22"


@dataclass(frozen=True, slots=True)
class Beast:
    """The shape of an animal, in drawing units: how long its body is, how thick, and so on.

    `neck` leads from the shoulder to the head. `marks` name what makes it this animal.
    """

    coat: Paint
    belly: str
    leg: str
    length: float = 150.0
    thick: float = 54.0
    legs: float = 60.0
    leg_width: float = 14.0
    neck: Point = (26.0, -34.0)
    neck_width: float = 34.0
    head: float = 23.0
    snout: tuple[float, float] = (28.0, 17.0)
    ear: str = "point"
    tail: str = "thin"
    marks: frozenset[str] = frozenset()
    mark: str = _DARK

    @property
    def plain(self) -> str:
        """The coat as one colour."""
        return self.coat if isinstance(self.coat, str) else self.coat[0]

    @property
    def low(self) -> str:
        """The coat where it is in shadow."""
        return self.coat if isinstance(self.coat, str) else self.coat[1]


def draw(beast: Beast, pen: Pen, phase: float) -> None:
    """Draw an animal at a point of its gait."""
    bob = 2.5 * wave(2 * phase)
    pen.ground_shadow(beast.length * 1.25, y=2)
    top, bottom = -(beast.legs + beast.thick) + bob, -beast.legs + bob
    for hip_x, shift, side in ((0.34, 0.5, -1), (-0.36, 0.25, 1)):
        _leg(
            beast,
            pen,
            (beast.length * hip_x, bottom - beast.thick * 0.2),
            phase + shift,
            side,
            is_far=True,
        )
    _tail(beast, pen, (-beast.length * 0.48, top + beast.thick * 0.3), phase)
    _body(beast, pen, top, bottom)
    for hip_x, shift, side in ((0.38, 0.0, -1), (-0.34, 0.75, 1)):
        _leg(
            beast,
            pen,
            (beast.length * hip_x, bottom - beast.thick * 0.22),
            phase + shift,
            side,
            is_far=False,
        )
    _head(beast, pen, (beast.length * 0.42, top + beast.thick * 0.36), phase)


def _body(beast: Beast, pen: Pen, top: float, bottom: float) -> None:
    long, thick = beast.length, beast.thick
    hump = 0.62 * thick if "hump" in beast.marks else 0.0
    outline = [
        (-long * 0.5, top + thick * 0.36),
        (-long * 0.36, top + thick * 0.02),
        (-long * 0.04, top + thick * 0.07 - hump),
        (long * 0.32, top),
        (long * 0.5, top + thick * 0.32),
        (long * 0.47, bottom - thick * 0.08),
        (long * 0.22, bottom + thick * 0.04),
        (-long * 0.12, bottom - thick * 0.1),
        (-long * 0.36, bottom + thick * 0.02),
        (-long * 0.51, bottom - thick * 0.3),
    ]
    pen.shape(outline, beast.coat)
    belly = [
        (long * 0.48, top + thick * 0.5),
        (long * 0.44, bottom - thick * 0.02),
        (long * 0.2, bottom + thick * 0.03),
        (-long * 0.14, bottom - thick * 0.11),
        (-long * 0.2, bottom - thick * 0.26),
        (long * 0.2, bottom - thick * 0.22),
    ]
    pen.shape(belly, beast.belly, 0.85)
    if "stripes" in beast.marks:
        for index in range(7):
            x = -long * 0.4 + index * long * 0.125
            pen.curve(
                [(x, top + thick * 0.08), (x + 7, top + thick * 0.34), (x + 2, top + thick * 0.62)],
                7,
                beast.mark,
                width_end=1,
            )
    if "spots" in beast.marks:
        for index in range(16):
            x = -long * 0.42 + (index % 8) * long * 0.11 + 6 * (index // 8)
            y = top + thick * (0.2 + 0.3 * (index // 8)) + 5 * ((index * 7) % 3)
            pen.oval(x, y, 5 + index % 3, 4, beast.mark, alpha=0.85)
    if "patches" in beast.marks:
        pen.shape(
            [
                (-long * 0.34, top + 2),
                (-long * 0.1, top + 4),
                (-long * 0.06, top + thick * 0.5),
                (-long * 0.3, top + thick * 0.6),
            ],
            beast.mark,
        )
        pen.shape(
            [
                (long * 0.12, top + thick * 0.3),
                (long * 0.34, top + 4),
                (long * 0.4, top + thick * 0.55),
                (long * 0.2, top + thick * 0.75),
            ],
            beast.mark,
        )
    if "band" in beast.marks:
        pen.shape(
            [
                (long * 0.14, top),
                (long * 0.46, top + thick * 0.1),
                (long * 0.5, bottom - 4),
                (long * 0.18, bottom + 2),
            ],
            beast.mark,
        )
    if "wool" in beast.marks:
        for index in range(13):
            x = -long * 0.46 + index * long * 0.078
            pen.disc(x, top + thick * 0.12 - 3 * (index % 2), thick * 0.22, beast.plain)
            pen.disc(x, bottom - thick * 0.1 + 3 * (index % 2), thick * 0.2, beast.low)


def _leg(beast: Beast, pen: Pen, hip: Point, phase: float, side: float, *, is_far: bool) -> None:
    forward, up = step(phase, beast.legs * 0.8, beast.legs * 0.26)
    foot = (hip[0] + forward, up - beast.leg_width * 0.2)
    half = (abs(hip[1]) * 1.04) / 2
    knee = bent(hip, foot, half, half, side)
    thick = beast.leg_width
    upper, lower = (beast.low, beast.leg)
    pen.line([hip, knee], thick * 1.75, upper, width_end=thick)
    pen.line([knee, foot], thick, lower, width_end=thick * 0.72)
    pen.oval(foot[0] + thick * 0.22, foot[1] - thick * 0.05, thick * 0.62, thick * 0.36, lower)
    if is_far:
        pen.shade(
            [
                (hip[0] - thick * 3, hip[1] - 4),
                (hip[0] + thick * 3, hip[1] - 4),
                (foot[0] + thick * 3, 4),
                (foot[0] - thick * 3, 4),
            ],
            0.3,
        )


def _tail(beast: Beast, pen: Pen, root: Point, phase: float) -> None:
    x, y = root
    swing = 8 * wave(phase)
    match beast.tail:
        case "bushy":
            pen.shape(
                [
                    (x + 14, y),
                    (x - 26, y - 6 + swing),
                    (x - 74, y - 20 + swing),
                    (x - 92, y - 2 + swing),
                    (x - 64, y + 18 + swing),
                    (x - 20, y + 16),
                ],
                beast.coat,
            )
            pen.shape(
                [(x - 62, y - 17 + swing), (x - 92, y - 2 + swing), (x - 64, y + 17 + swing)],
                beast.belly,
            )
        case "up":
            pen.curve(
                [
                    (x + 10, y + 4),
                    (x - 26, y - 4),
                    (x - 44, y - 46 + swing),
                    (x - 34, y - 82 + swing),
                ],
                13,
                beast.plain,
                width_end=8,
            )
        case "horse":
            pen.shape(
                [
                    (x + 8, y - 6),
                    (x - 24, y + 2),
                    (x - 38 + swing, y + 44),
                    (x - 30 + swing, y + 78),
                    (x - 12, y + 40),
                    (x + 6, y + 12),
                ],
                beast.mark,
            )
        case "tuft":
            pen.curve(
                [(x + 8, y), (x - 22, y + 14), (x - 32 + swing, y + 48)],
                6,
                beast.plain,
                width_end=4,
            )
            pen.oval(x - 33 + swing, y + 54, 7, 12, beast.mark, turn=10)
        case "short":
            pen.oval(x - 4, y - 2, 13, 9, beast.belly, turn=-30)
        case "puff":
            pen.disc(x - 2, y + 4, 13, beast.belly)
        case "curl":
            pen.curve(
                [
                    (x + 4, y + 6),
                    (x - 14, y - 4),
                    (x - 18, y - 18),
                    (x - 6, y - 20),
                    (x - 8, y - 8),
                ],
                6,
                beast.plain,
            )
        case _:
            pen.curve(
                [(x + 10, y + 2), (x - 30, y + 12 + swing), (x - 62, y - 4 + swing)],
                11,
                beast.plain,
                width_end=6,
            )


def _head(beast: Beast, pen: Pen, shoulder: Point, phase: float) -> None:
    nod = 2.0 * wave(2 * phase, 0.15)
    size = beast.head
    x, y = shoulder[0] + beast.neck[0], shoulder[1] + beast.neck[1] + nod
    if "mane" in beast.marks:
        pen.shape(
            [
                (x - size * 1.5, y - size * 0.6),
                (x - size * 0.2, y - size * 1.75),
                (x + size, y - size * 0.9),
                (x + size * 0.5, y + size * 1.2),
                (x - size * 0.7, y + size * 1.9),
                (x - size * 1.8, y + size * 0.7),
            ],
            beast.mark,
        )
    pen.line(
        [(shoulder[0] - 6, shoulder[1] + 6), (x, y)],
        beast.neck_width * 1.5,
        beast.plain,
        width_end=beast.neck_width,
    )
    if "crest" in beast.marks:
        back = [
            (shoulder[0] - 26, shoulder[1] - beast.neck_width * 0.5),
            (
                shoulder[0] + (x - shoulder[0]) * 0.3 - beast.neck_width * 0.7,
                (shoulder[1] + y) / 2 - 6,
            ),
            (x - size * 0.6, y - size * 1.2),
            (x + size * 0.1, y - size * 1.05),
            (x - size * 0.3, y),
            (shoulder[0] - 4, shoulder[1]),
        ]
        pen.shape(back, beast.mark)
    _ears(beast, pen, x - size * 0.35, y - size * 0.62, is_far=True)
    pen.oval(x, y, size * 1.06, size, beast.coat)
    long, tall = beast.snout
    tip = (x + size * 0.5 + long, y + size * 0.34)
    pen.line(
        [(x + size * 0.2, y + size * 0.18), tip], tall * 1.35, beast.plain, width_end=tall * 0.8
    )
    pen.line(
        [(x + size * 0.35, y + size * 0.46), (tip[0] - 2, tip[1] + tall * 0.18)],
        tall * 0.7,
        beast.belly,
        width_end=tall * 0.45,
    )
    if "trunk" in beast.marks:
        sway = 6 * wave(phase)
        pen.curve(
            [
                (x + size * 0.6, y + size * 0.1),
                (x + size * 1.2, y + size * 0.8),
                (x + size * 1.25 + sway, y + size * 2.1),
                (x + size * 1.7 + sway, y + size * 2.6),
            ],
            size * 0.72,
            beast.plain,
            width_end=size * 0.3,
        )
        pen.curve(
            [
                (x + size * 0.7, y + size * 0.7),
                (x + size * 1.3, y + size * 1.2),
                (x + size * 1.9, y + size * 1.0),
            ],
            size * 0.22,
            "f4ecd8",
            width_end=2,
        )
    elif (
        beast.ear == "side" or "crest" in beast.marks
    ):  # those with hooves have nostrils, not a button
        pen.oval(tip[0] + tall * 0.1, tip[1] - tall * 0.14, tall * 0.13, tall * 0.09, _DARK)
    else:
        pen.oval(tip[0] + tall * 0.22, tip[1] - tall * 0.12, tall * 0.26, tall * 0.22, _DARK)
    if "eyepatch" in beast.marks:
        pen.oval(x + size * 0.32, y - size * 0.08, size * 0.32, size * 0.4, beast.mark, turn=20)
    pen.disc(x + size * 0.38, y - size * 0.14, size * 0.14, _DARK)
    pen.disc(x + size * 0.43, y - size * 0.2, size * 0.05, "ffffff")
    _ears(beast, pen, x - size * 0.1, y - size * 0.66, is_far=False)
    _crown(beast, pen, x, y - size * 0.7)


def _ears(beast: Beast, pen: Pen, x: float, y: float, *, is_far: bool) -> None:
    size = beast.head
    colour = beast.low if is_far else beast.plain
    match beast.ear:
        case "point":
            pen.fill(
                [
                    (x - size * 0.42, y + size * 0.3),
                    (x - size * 0.2, y - size * 0.8),
                    (x + size * 0.3, y + size * 0.12),
                ],
                colour,
            )
            if not is_far:
                pen.fill(
                    [
                        (x - size * 0.25, y + size * 0.15),
                        (x - size * 0.16, y - size * 0.5),
                        (x + size * 0.12, y + size * 0.08),
                    ],
                    beast.mark,
                    0.55,
                )
        case "round":
            pen.disc(
                x - size * 0.2,
                y - size * 0.1,
                size * 0.38,
                beast.mark if "eyepatch" in beast.marks else colour,
            )
        case "long":
            lean = -6 if is_far else 4
            pen.oval(
                x - size * 0.3 + lean, y - size * 0.95, size * 0.26, size * 1.15, colour, turn=-14
            )
            if not is_far:
                pen.oval(
                    x - size * 0.3 + lean,
                    y - size * 0.9,
                    size * 0.12,
                    size * 0.8,
                    "f2b8b8",
                    turn=-14,
                    alpha=0.8,
                )
        case "flop":
            pen.oval(
                x - size * 0.35,
                y + size * 0.55,
                size * 0.3,
                size * 0.62,
                beast.mark if not is_far else colour,
                turn=14,
            )
        case "fan":
            pen.oval(x - size * 0.55, y + size * 0.75, size * 0.8, size * 1.0, colour, turn=10)
            if not is_far:
                pen.oval(
                    x - size * 0.6,
                    y + size * 0.8,
                    size * 0.55,
                    size * 0.75,
                    "caa0a4",
                    turn=10,
                    alpha=0.5,
                )
        case "side":
            pen.oval(x - size * 0.5, y + size * 0.25, size * 0.5, size * 0.2, colour, turn=-22)
        case _:
            pass


def _crown(beast: Beast, pen: Pen, x: float, y: float) -> None:
    size = beast.head
    if "antlers" in beast.marks:
        for lean in (-1, 1):
            base = (x + 3 * lean - 2, y)
            tip = (x - 20 + 26 * lean, y - size * 2.5)
            pen.curve([base, (x - 22 + 20 * lean, y - size * 1.2), tip], 5, "8a6a48", width_end=2.5)
            pen.line(
                [(x - 20 + 18 * lean, y - size * 1.2), (x - 2 + 30 * lean, y - size * 1.7)],
                4,
                "8a6a48",
                width_end=2,
            )
            pen.line(
                [(x - 21 + 22 * lean, y - size * 1.8), (x - 40 + 22 * lean, y - size * 2.4)],
                4,
                "8a6a48",
                width_end=2,
            )
    if "horns" in beast.marks:
        pen.curve(
            [(x - 4, y + 4), (x - 2, y - size * 0.7), (x + size * 0.5, y - size)],
            7,
            "efe4cc",
            width_end=2,
        )
    if "knobs" in beast.marks:
        pen.line([(x - 4, y + 2), (x - 6, y - size * 0.7)], 5, beast.mark)
        pen.disc(x - 6, y - size * 0.75, 4.5, _DARK)
