"""From an order to moving pictures: what each mode makes its film from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from rushes.domain.spec import Mode, Role
from rushes.studio import grade, text
from rushes.studio.camera import View
from rushes.studio.cast import Cast, Spot
from rushes.studio.ink import Drawing
from rushes.studio.light import Light, light_of
from rushes.studio.motion import Dissolve, Morph, Within
from rushes.studio.order import BadOrder, Input, Order
from rushes.studio.pictures import clip, last_frame, picture_size, still, still_bgr, tags_of
from rushes.studio.plan import Move, Plan, Scene, Weather, plan
from rushes.studio.planes import Frame, Plane, bgr_of
from rushes.studio.prints import prints
from rushes.studio.reels import (
    Dressed,
    Morphing,
    Moving,
    Pace,
    Reel,
    Source,
    Spliced,
    Staged,
    Turning,
)
from rushes.studio.scenes.places import BUILDERS
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece, Stage
from rushes.studio.subjects.pen import Habit
from rushes.studio.weather import before_all, weather

PRINT_PX: Final = 640
TAG: Final = "description"
"""The tag in which a film of ours says what is on it: read again when it is remixed."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """An order, planned."""

    order: Order
    plan: Plan
    light: Light
    view: View
    pace: Pace

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.view.width, self.view.height

    def setting(self) -> Setting:
        """Return the setting its scene is built in."""
        return Setting(self.plan, self.view, self.light, float(self.order.seconds))

    def only(self, *roles: Role) -> Input:
        """Return the one file that plays a role.

        Raises:
            BadOrder: there is none.
        """
        found = self.order.inputs(*roles)
        if not found:
            raise BadOrder(f"the mode {self.order.spec.mode} wants a {roles[0]}")
        return found[0]


def shoot(order: Order) -> Shoot:
    """Plan an order."""
    planned = plan(order.spec.prompt, order.spec.seed)
    size = order.spec.size
    view = View(size.width_px, size.height_px, planned.move)
    pace = Pace(order.frame_count, order.fps)
    return Shoot(order, planned, light_of(planned), view, pace)


def direct(shot: Shoot) -> Reel:
    """Build all that an order's film shows.

    Raises:
        BadOrder: a file is missing, or cannot be read.
    """
    return _MODES[shot.order.spec.mode](shot)


def about(shot: Shoot) -> str:
    """Say what is on a film, for when it is remixed."""
    return f"rushes-studio scene={shot.plan.scene} subjects={','.join(shot.plan.subjects)}"


def _from_text(shot: Shoot) -> Reel:
    return _finished(shot, _scene(shot))


def _from_still(shot: Shoot) -> Reel:
    picture = still(shot.only(Role.FIRST_FRAME), *shot.size)
    reel = Moving(Within(picture, shot.plan.move), shot.view, shot.pace)
    return _finished(shot, reel, falling=True)


def _between(shot: Shoot) -> Reel:
    first = still(shot.only(Role.FIRST_FRAME), *shot.size)
    last = still(shot.only(Role.LAST_FRAME), *shot.size)
    morph = Morph(first, last, shot.plan.dice("morph"))
    return _finished(shot, Morphing(morph, shot.view, shot.pace))


def _with_references(shot: Shoot) -> Reel:
    pictures = [_print(source) for source in shot.order.inputs(Role.REFERENCE_IMAGE)]
    pictures += [_clip_print(source) for source in shot.order.inputs(Role.REFERENCE_VIDEO)]
    return _finished(shot, _scene(shot, prints(shot.setting(), pictures)))


def _going_on(shot: Shoot) -> Reel:
    source = shot.only(Role.FIRST_CLIP)
    start = last_frame(source, *shot.size)
    lasts = shot.order.inputs(Role.LAST_FRAME)
    if lasts:
        morph = Morph(start, still(lasts[0], *shot.size), shot.plan.dice("morph"))
        reel: Reel = Morphing(morph, shot.view, shot.pace)
    else:
        reel = _moving_on(shot, start)
    return _finished(shot, reel, covering=_label_on(source))


def _anew(shot: Shoot) -> Reel:
    source = shot.only(Role.SOURCE_FILM, Role.FIRST_CLIP, Role.REFERENCE_VIDEO)
    before = tags_of(source).get(TAG, "")
    known = before.partition("subjects=")[2].split(",")
    fresh = tuple(name for name in shot.plan.subjects if name not in known)
    setting = replace(shot, plan=replace(shot.plan, subjects=fresh)).setting()
    still_view = View(*shot.size, Move.STATIC)
    setting = replace(setting, view=still_view)
    cast = Cast(setting)
    high = Spot(y=shot.view.height * 0.34, scale=0.8, bob=10)
    low = Spot(y=shot.view.height * 0.86, scale=0.9)
    pieces = cast.enter(high, Habit.FLY, Habit.FLOAT, Habit.SWIM)
    pieces += cast.enter(low, *Habit)
    pieces += _falling(setting)
    return Dressed(
        Source(source, still_view, shot.order.fps),
        still_view,
        shot.pace,
        grade=grade.of_remix(shot.plan, shot.light),
        pieces=pieces,
        titles=titles(shot.order, covering=_label_on(source)),
    )


def _longer(shot: Shoot) -> Reel:
    source = shot.only(Role.SOURCE_FILM, Role.FIRST_CLIP, Role.REFERENCE_VIDEO)
    known_s = shot.order.spec.source_seconds
    count = _length(source, shot) if known_s is None else round(known_s * shot.order.fps)
    count = max(1, min(count, shot.pace.frame_count - 1))
    rest = Pace(shot.pace.frame_count - count, shot.order.fps)
    more = _moving_on(replace(shot, pace=rest), last_frame(source, *shot.size))
    reel = Spliced(Source(source, shot.view, shot.order.fps), count, more)
    return _finished(shot, reel, covering=_label_on(source))


_MODES: Final[Mapping[Mode, Callable[[Shoot], Reel]]] = {
    Mode.TEXT_TO_VIDEO: _from_text,
    Mode.IMAGE_TO_VIDEO: _from_still,
    Mode.FIRST_LAST_FRAME: _between,
    Mode.REFERENCE_TO_VIDEO: _with_references,
    Mode.CONTINUATION: _going_on,
    Mode.REMIX: _anew,
    Mode.EDIT: _anew,
    Mode.EXTEND: _longer,
}


def _scene(shot: Shoot, more: Sequence[Piece] = ()) -> Reel:
    setting = shot.setting()
    pieces = [*BUILDERS[shot.plan.scene](setting), *more, *weather(setting)]
    if shot.plan.scene is not Scene.ABSTRACT:
        pieces.append(grade.vignette(*shot.size))
    return Staged(Stage(shot.view, pieces), shot.pace)


def _moving_on(shot: Shoot, start: Frame) -> Reel:
    """Begin on a picture, move within it, and come to the scene the words ask for."""
    within = Moving(Within(start, shot.plan.move), shot.view, shot.pace)
    dissolve = Dissolve.of(shot.plan.dice("turn"), *shot.size)
    return Turning(within, _scene(shot), dissolve, 0.35, 0.8, shot.pace)


def _finished(
    shot: Shoot, reel: Reel, *, falling: bool = False, covering: str | None = None
) -> Reel:
    return Dressed(
        reel,
        shot.view,
        shot.pace,
        pieces=_falling(shot.setting()) if falling else (),
        after=grade.of_mood(shot.light),
        titles=titles(shot.order, covering=covering),
    )


def _falling(setting: Setting) -> list[Piece]:
    """Return the weather the words ask for, if they ask for any."""
    kind = setting.plan.weather
    return [] if kind in {Weather.CLEAR, Weather.DUST} else before_all(setting, kind)


def titles(order: Order, *, covering: str | None = None) -> list[Drawing]:
    """Draw the words that stand over every frame.

    `covering` is the label on a film of ours below, whose words are hidden.
    """
    size = order.spec.size.width_px, order.spec.size.height_px
    found = []
    older = None
    if covering is not None:
        found.append(text.cover(*size))
        older = text.chip(covering, *size)
    found.append(text.chip(order.label, *size, covering=older))
    mark = text.mark(*size) if order.spec.with_watermark else None
    caption = text.caption(order.spec.prompt, *size, beside=mark)
    return found + [drawing for drawing in (caption, mark) if drawing is not None]


def _label_on(source: Input) -> str | None:
    """Return the label on a film of ours; None on any other clip."""
    tags = tags_of(source)
    return tags.get("title", "") if tags.get(TAG, "").startswith("rushes-studio") else None


def _length(source: Input, shot: Shoot) -> int:
    pictures = clip(source, 2, 2, shot.order.fps)
    return sum(1 for _ in islice(pictures, shot.pace.frame_count))


def _print(source: Input) -> Plane:
    wide, tall = picture_size(source)
    share = PRINT_PX / max(wide, tall)
    return still_bgr(source, max(2, round(wide * share)), max(2, round(tall * share)))


def _clip_print(source: Input) -> Plane:
    """Take a still from the middle of a clip's first seconds."""
    pictures = clip(source, PRINT_PX, PRINT_PX * 9 // 16, 2)
    return [bgr_of(picture) for picture in islice(pictures, 5)][-1]
