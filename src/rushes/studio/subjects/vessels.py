"""What sails: the origin is at the waterline, amidships."""

from __future__ import annotations

from rushes.studio.subjects.pen import Habit, Pen, Subject, wave


def paper_boat(pen: Pen, phase: float) -> None:
    """Draw a folded paper boat."""
    del phase
    pen.fill([(-18, -34), (0, -112), (30, -34)], ("fdfbf4", "d9dde6"))
    pen.fill([(0, -112), (30, -34), (4, -34)], "c3cad8")
    pen.fill(
        [(-120, -52), (-78, 14), (78, 14), (122, -54), (34, -26), (0, -52), (-34, -26)],
        ("ffffff", "dfe3ec"),
    )
    pen.fill([(122, -54), (78, 14), (10, 14), (34, -26)], "c9d0de")
    pen.fill([(-34, -26), (0, -52), (34, -26), (10, 14), (-14, 14)], "eef0f5")
    pen.line([(-34, -26), (-14, 14)], 1.6, "b4bccb")
    pen.line([(34, -26), (10, 14)], 1.6, "a9b2c4")


def sailboat(pen: Pen, phase: float) -> None:
    """Draw a wooden boat under two sails, leaning with the wind."""
    belly = 6 * wave(phase)
    pen.line([(-4, -10), (-2, -214)], 5, "5d4030")
    pen.shape(
        [(-10, -206), (-58 - belly, -140), (-92, -52), (-50, -46), (-9, -44)], ("fffaf0", "e8d8c4")
    )
    pen.shape([(4, -200), (44 + belly, -130), (92, -44), (50, -40), (4, -42)], ("f6e4d0", "e07a52"))
    pen.line([(-9, -60), (-88, -60)], 2.4, "d8c6b0")
    pen.fill([(-2, -214), (24, -206), (-2, -198)], "d8402f")
    pen.shape(
        [(-118, -34), (-60, -28), (60, -28), (126, -40), (104, 4), (70, 16), (-70, 16), (-100, 4)],
        ("a5633a", "5a3120"),
    )
    pen.line([(-116, -32), (-60, -26), (60, -26), (124, -38)], 6, "f0dfc4")


def ship(pen: Pen, phase: float) -> None:
    """Draw a liner with smoke from its funnels."""
    for index, x in enumerate((-46, 14)):
        pen.box(x, -150, 30, 64, ("d9473a", "a42d28"))
        pen.box(x, -150, 30, 14, "22262e")
        for puff in range(4):
            rise = (phase + puff / 4 + index * 0.13) % 1
            pen.disc(
                x + 14 - 60 * rise, -160 - 46 * rise, 8 + 16 * rise, "d8d8dc", 0.5 * (1 - rise)
            )
    pen.box(-120, -88, 210, 36, ("fbfbf6", "d6dae0"), round_by=6)
    pen.box(-150, -56, 262, 26, ("ffffff", "cdd3dc"), round_by=4)
    window = "ffd98a" if pen.is_dark else "4a6a8a"
    for index in range(11):
        pen.disc(-134 + index * 22, -43, 4.2, window)
    for index in range(8):
        pen.box(-106 + index * 24, -78, 12, 10, window)
    pen.fill([(-196, -34), (206, -38), (170, 18), (-176, 18)], ("2c3e5c", "141c30"))
    pen.fill([(-182, 6), (178, 4), (170, 18), (-176, 18)], "9c2f2a")
    pen.line([(120, -36), (128, -96)], 3, "dadada")


SUBJECTS = {
    "paper_boat": Subject(paper_boat, Habit.SAIL, (140, 130, 140, 30), size=1.15, rocks=5),
    "sailboat": Subject(
        sailboat, Habit.SAIL, (140, 230, 140, 30), size=1.1, poses=8, cycle_s=3.0, rocks=3
    ),
    "ship": Subject(
        ship, Habit.SAIL, (220, 240, 220, 30), size=1.25, poses=12, cycle_s=4.0, rocks=1
    ),
}
