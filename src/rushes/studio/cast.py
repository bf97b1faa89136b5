"""The cast: which subjects a film has, and how each one crosses the picture.

A place says where there is ground, water or air; the cast says who belongs there. On the
screen an actor keeps to its part of the picture whatever the camera does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rushes.studio.camera import FOLLOWING, Moment
from rushes.studio.ink import Drawing
from rushes.studio.lay import lay, lay_turned
from rushes.studio.plan import Move
from rushes.studio.planes import Frame
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece
from rushes.studio.subjects import catalogue
from rushes.studio.subjects.pen import Habit, Subject

_CADENCE_MIN: Final = 0.55
_CADENCE_MAX: Final = 1.7
_WANDER: Final = 0.03
"""How far a subject the camera follows strays from its place, as a share of the width."""

CLOSE_UP: Final = 1.6
WIDE: Final = 0.62

_COMPANY: Final = {
    "bird": 5,
    "lantern": 7,
    "balloon": 3,
    "butterfly": 4,
    "fish": 2,
    "jellyfish": 2,
    "kite": 1,
    "penguin": 3,
    "sheep": 3,
}
"""How many more of a kind come along."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where subjects of some habits go: the row they stand on, their depth and size.

    `from_x` and `to_x` are shares of the picture's width they cross. `sink` is how many units
    they are below the row. `bob` is how many units they rise and fall. `crossing` false keeps
    them where they are.
    """

    y: float
    depth: float = 1.0
    scale: float = 1.0
    from_x: float = 0.3
    to_x: float = 0.62
    sink: float = 0.0
    bob: float = 0.0
    bob_s: float = 3.4
    distance: float = 0.0
    crossing: bool = True


@dataclass(slots=True)
class Actor:
    """A subject on its way across the picture."""

    subject: Subject
    poses: Sequence[Drawing]
    spot: Spot
    setting: Setting
    from_x: float
    to_x: float
    cadence: float
    phase: float
    size: float = 1.0
    is_still: bool = False

    def draw(self, frame: Frame, at: Moment) -> None:
        """Paint itself on a frame."""
        zoom = at.scale(self.spot.depth)
        scale = zoom * self.size
        index = int((at.t * self.cadence + self.phase) * len(self.poses)) % len(self.poses)
        pose = self.poses[index]
        x = (self.from_x + (self.to_x - self.from_x) * at.progress) * self.setting.width
        swing = 2 * math.pi * (at.t / self.spot.bob_s + self.phase)
        rise = math.sin(swing) * self.spot.bob * self.setting.unit
        y = self.spot.y + rise - at.up(self.spot.depth)
        y = at.pivot_y + (y - at.pivot_y) * zoom
        lean = self.subject.rocks * math.sin(swing * 0.8 + 1.1)
        if lean or scale != 1:
            middle_x = x + (pose.x + pose.sprite.width / 2) * scale
            middle_y = y + (pose.y + pose.sprite.height / 2) * scale
            if lean:  # about the feet, not the middle
                turn = math.radians(lean)
                up = (pose.y + pose.sprite.height / 2) * scale
                middle_x, middle_y = x - math.sin(turn) * up, y + math.cos(turn) * up
            lay_turned(frame, pose.sprite, (middle_x, middle_y), lean, scale)
        else:
            lay(frame, pose.sprite, x + pose.x, y + pose.y)


class Cast:
    """Gives every subject of a plan to the first place that has room for its habit."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._waiting = [
            (name, catalogue.find(name)) for name in setting.plan.subjects if catalogue.has(name)
        ]
        self._count = 0

    def lead(self) -> Subject | None:
        """Return the leading subject."""
        return self._waiting[0][1] if self._waiting else None

    def need(self, *habits: Habit) -> bool:
        """Say whether somebody with one of these habits still waits."""
        return any(subject.habit in habits for _, subject in self._waiting)

    def enter(self, spot: Spot, *habits: Habit, default: str | None = None) -> list[Piece]:
        """Bring on everybody whose habit is one of `habits`, or somebody by default."""
        chosen = [entry for entry in self._waiting if entry[1].habit in habits]
        self._waiting = [entry for entry in self._waiting if entry not in chosen]
        if not chosen and default is not None and self._count == 0 and not self._waiting:
            chosen = [(default, catalogue.find(default))]
        pieces: list[Piece] = []
        for name, subject in chosen:
            actor = self._actor(name, subject, spot)
            pieces += [*self._flock(name, actor), actor]
        return pieces

    def another(self, name: str, spot: Spot) -> Piece:
        """Bring on somebody the words did not name."""
        return self._actor(name, catalogue.find(name), spot)

    def _flock(self, name: str, lead: Actor) -> list[Piece]:
        """Give a subject that seldom comes alone smaller company, farther off."""
        dice = self._setting.dice("flock", name)
        flock: list[Piece] = []
        if lead.subject.habit is Habit.WALK:
            return self._herd(name, lead)
        for _ in range(_COMPANY.get(name, 0)):
            shift = float(dice.uniform(-0.42, 0.42))
            rise = float(dice.uniform(-0.2, 0.14)) * self._setting.height
            spot = replace(lead.spot, y=lead.spot.y + rise, bob=lead.spot.bob * 0.6)
            phase, size = float(dice.random()), float(dice.uniform(0.24, 0.52))
            middle = 0.5 * (lead.from_x + lead.to_x)
            flock.append(
                replace(
                    lead,
                    spot=spot,
                    from_x=middle + shift + 0.5 * (lead.from_x - lead.to_x) * size,
                    to_x=middle + shift + 0.5 * (lead.to_x - lead.from_x) * size,
                    phase=phase,
                    size=size,
                )
            )
        return flock

    def _herd(self, name: str, lead: Actor) -> list[Piece]:
        """Give a subject company on the same ground: close by, a little behind."""
        dice = self._setting.dice("herd", name)
        herd: list[Piece] = []
        count = _COMPANY.get(name, 0)
        for index in range(count):
            shift = (index - (count - 1) / 2) * 0.11 + float(dice.uniform(-0.03, 0.03))
            size = float(dice.uniform(0.6, 0.84))
            spot = replace(lead.spot, y=lead.spot.y - (1 - size) * 22 * self._setting.unit)
            herd.append(
                replace(
                    lead,
                    spot=spot,
                    from_x=lead.from_x + shift,
                    to_x=lead.to_x + shift,
                    phase=float(dice.random()),
                    size=size,
                )
            )
        return herd

    def _actor(self, name: str, subject: Subject, spot: Spot) -> Actor:
        setting = self._setting
        dice = setting.dice("actor", name, str(self._count))
        rank = self._count
        self._count += 1
        scale = spot.scale * (1.0, 0.72, 0.6)[min(rank, 2)] * _framing(setting)
        is_left = setting.view.move is Move.PAN_LEFT
        from_x, to_x = spot.from_x, spot.to_x
        if subject.habit in {Habit.STAND, Habit.THING} or not spot.crossing:
            middle = 0.5 * (from_x + to_x)
            from_x = to_x = middle
        elif setting.view.move in FOLLOWING:
            middle = 0.5 * (from_x + to_x)
            from_x, to_x = middle - _WANDER, middle + _WANDER
        if rank:
            shift = (0.34, -0.3)[(rank - 1) % 2]
            from_x, to_x = from_x + shift, to_x + shift
        if is_left:
            from_x, to_x = 1 - from_x, 1 - to_x
        placed = replace(subject, size=subject.size * scale)
        way = abs(to_x - from_x) * setting.width + _camera_way(setting) * spot.depth
        poses = [
            placed.pose(
                setting.light,
                setting.unit,
                index / subject.poses,
                mirrored=is_left,
                distance=spot.distance,
            )
            for index in range(subject.poses)
        ]
        where = Spot(
            y=spot.y + spot.sink * setting.unit,
            depth=spot.depth,
            bob=spot.bob,
            bob_s=spot.bob_s,
        )
        cadence = _cadence(placed, way, setting)
        phase = float(dice.random())
        return Actor(subject, poses, where, setting, from_x, to_x, cadence, phase)


def _framing(setting: Setting) -> float:
    """Return how much larger the words want subjects: a close-up, a wide shot."""
    if "close_up" in setting.plan.extras:
        return CLOSE_UP
    return WIDE if "wide" in setting.plan.extras else 1.0


def _camera_way(setting: Setting) -> float:
    moves = {Move.PAN_LEFT, Move.PAN_RIGHT, Move.TRACK, Move.AERIAL}
    return 2 * setting.view.reach_x if setting.view.move in moves else 0.0


def _cadence(subject: Subject, way_px: float, setting: Setting) -> float:
    """Return how many cycles a second a subject makes: a walker as many as its way needs."""
    if not subject.stride:
        return 1 / subject.cycle_s
    steps = way_px / (subject.stride * subject.size * setting.unit)
    return min(_CADENCE_MAX, max(_CADENCE_MIN, steps / max(0.5, setting.seconds)))
