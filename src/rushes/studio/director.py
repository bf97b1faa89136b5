"""From an order to moving pictures: what each mode makes its film from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from rushes.domain.spec import Mode, Role
from rushes.studio import grade, text
from rushes.studio.camera import View
from rushes.studio.cast import Cast, Spot
from rushes.studio.crossing import Crossing
from rushes.studio.ink import Drawing
from rushes.studio.light import Light, light_of
from rushes.studio.motion import Within
from rushes.studio.order import BadOrder, Input, Order
from rushes.studio.pictures import clip, last_frame, picture_size, still, still_bgr, tags_of
from rushes.studio.plan import Move, Plan, Scene, Weather
from rushes.studio.planes import Frame, Plane, bgr_of
from rushes.studio.prints import prints
from rushes.studio.reels import (
    Crossed,
    Cutting,
    Dressed,
    Moving,
    Pace,
    Reel,
    Source,
    Spliced,
    Staged,
    Take,
)
from rushes.studio.scenes.places import BUILDERS
from rushes.studio.scenes.setting import Setting
from rushes.studio.shots import DISSOLVE_S, Join, Shot, followed, storyboard, turned, whole
from rushes.studio.stage import Piece, Stage
from rushes.studio.subjects.pen import Habit
from rushes.studio.weather import before_all, weather

PRINT_PX: Final = 640
TAG: Final = "description"
"""The tag in which a film of ours says what is on it: read again when it is remixed."""

_TURN: Final = (0.3, 0.6)
"""Between which points of its way a film that goes on comes to its new scene."""

_TAG_CHARACTERS_MAX: Final = 4_000


@dataclass(frozen=True, slots=True)
class Shoot:
    """An order, planned; `plan`, `light` and `view` are of the shot that is next to be made.

    `words` are those of this shot, `board` has all shots of the film.
    """

    order: Order
    words: str
    plan: Plan
    light: Light
    view: View
    pace: Pace
    board: tuple[Shot, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.view.width, self.view.height

    def setting(self) -> Setting:
        """Return the setting its scene is built in."""
        return Setting(self.plan, self.view, self.light, self.pace.frame_count / self.pace.fps)

    def only(self, *roles: Role) -> Input:
        """Return the one file that plays a role.

        Raises:
            BadOrder: there is none.
        """
        found = self.order.inputs(*roles)
        if not found:
            raise BadOrder(f"the mode {self.order.spec.mode} wants a {roles[0]}")
        return found[0]

    def of(self, shot: Shot) -> Shoot:
        """Return one shot of the film, ready to be made, without its words."""
        size = self.order.spec.size
        return replace(
            self,
            words="",
            plan=shot.plan,
            light=light_of(shot.plan),
            view=View(size.width_px, size.height_px, move_in(shot.plan)),
            pace=Pace(shot.take_stop - shot.take_start, self.order.fps),
        )


def shoot(order: Order) -> Shoot:
    """Plan an order."""
    spec, count, fps = order.spec, order.frame_count, order.fps
    if spec.mode in _PARTED:
        board = storyboard(spec.prompt, spec.seed, count, fps)
    else:
        board = (whole(spec.prompt, spec.seed, count),)
    planned = board[0].plan
    view = View(spec.size.width_px, spec.size.height_px, move_in(planned))
    words, pace = board[0].words, Pace(count, fps)
    return Shoot(order, words, planned, light_of(planned), view, pace, board)


def move_in(planned: Plan) -> Move:
    """Return how the camera moves where it is: beside a road, which stays, it does not tilt."""
    instead = {Move.TILT_UP: Move.RISE, Move.TILT_DOWN: Move.FALL}
    return instead.get(planned.move, planned.move) if planned.scene is Scene.ROAD else planned.move


def direct(shot: Shoot) -> Reel:
    """Build all that an order's film shows.

    Raises:
        BadOrder: a file is missing, or cannot be read.
    """
    make = _MODES[shot.order.spec.mode]
    if len(shot.board) == 1:
        return make(shot)
    opening = make(shot.of(shot.board[0]))  # files are read now, all else when it is due
    go_on = make if shot.order.spec.mode is Mode.REFERENCE_TO_VIDEO else _from_text
    return Cutting(
        [
            _take(shot, place, (lambda: opening) if place == 0 else partial(go_on, shot.of(one)))
            for place, one in enumerate(shot.board)
        ]
    )


def _take(shot: Shoot, place: int, build: Callable[[], Reel]) -> Take:
    """Return a shot with what it shares with its neighbours, where it dissolves into them."""
    one = shot.board[place]
    after = shot.board[place + 1] if place + 1 < len(shot.board) else None
    start = one.start - (_lap(shot) if one.join is Join.DISSOLVE and place else 0)
    stop = one.stop + (_lap(shot) if after is not None and after.join is Join.DISSOLVE else 0)
    words = captions(shot.order, one.words)
    return Take(build, start, stop, start - one.take_start, one.start if place else 0, words)


def _lap(shot: Shoot) -> int:
    return round(DISSOLVE_S * shot.order.fps / 2)


def about(shot: Shoot) -> str:
    """Say what is on a film, for what is made from it.

    One that was staged in one shot can be staged again by its `plan`; of any other that was
    staged, `end` is the plan in which it ends, where an extension goes on.
    """
    mode = shot.order.spec.mode
    staged = shot if mode is Mode.TEXT_TO_VIDEO and len(shot.board) == 1 else None
    if mode in _TURNED:
        staged = _restaged(shot, _source(shot))
    shown = shot.plan if staged is None else staged.plan
    said = f"rushes-studio scene={shown.scene} subjects={','.join(shown.subjects)}"
    if staged is not None:
        return f"{said} plan={_written(shown)}"
    if mode in {Mode.TEXT_TO_VIDEO, Mode.REFERENCE_TO_VIDEO}:
        return f"{said} end={_written(shot.board[-1].plan)}"
    if mode is Mode.EXTEND:
        return f"{said} end={_written(_following(shot, _source(shot)).plan)}"
    return said


def _written(planned: Plan) -> str:
    return msgspec.json.encode(planned, order="deterministic").decode()


def _plan_in(source: Input, *names: str) -> Plan | None:
    """Read a plan from the tag of a film of ours; None from any other."""
    text = tags_of(source).get(TAG, "")
    if not text.startswith("rushes-studio") or len(text) > _TAG_CHARACTERS_MAX:
        return None
    for name in names:
        try:
            return msgspec.json.decode(text.partition(f" {name}=")[2], type=Plan)
        except msgspec.DecodeError:  # nothing of the kind, or somebody else's words in our place
            continue
    return None


def _following(shot: Shoot, source: Input) -> Shoot:
    """Return what follows a film: in its place, unless the words name another."""
    before = _plan_in(source, "plan", "end")
    return (
        shot if before is None else _planned(shot, followed(before, shot.plan, shot.board[0].words))
    )


def _planned(shot: Shoot, planned: Plan) -> Shoot:
    view = View(*shot.size, move_in(planned))
    return replace(shot, plan=planned, light=light_of(planned), view=view)


def _from_text(shot: Shoot) -> Reel:
    return _finished(shot, _scene(shot))


def _from_still(shot: Shoot) -> Reel:
    picture = still(shot.only(Role.FIRST_FRAME), *shot.size)
    reel = Moving(Within(picture, shot.plan.move), shot.view, shot.pace)
    return _finished(shot, reel, falling=True)


def _between(shot: Shoot) -> Reel:
    first = still(shot.only(Role.FIRST_FRAME), *shot.size)
    last = still(shot.only(Role.LAST_FRAME), *shot.size)
    crossing = Crossing(first, last, shot.plan.move)
    return _finished(shot, Crossed(crossing, shot.view, shot.pace))


def _with_references(shot: Shoot) -> Reel:
    pictures = [_print(source) for source in shot.order.inputs(Role.REFERENCE_IMAGE)]
    pictures += [_clip_print(source) for source in shot.order.inputs(Role.REFERENCE_VIDEO)]
    return _finished(shot, _scene(shot, prints(shot.setting(), pictures)))


def _going_on(shot: Shoot) -> Reel:
    source = shot.only(Role.FIRST_CLIP)
    start = last_frame(source, *shot.size)
    lasts = shot.order.inputs(Role.LAST_FRAME)
    if lasts:
        crossing = Crossing(start, still(lasts[0], *shot.size), shot.plan.move)
        reel: Reel = Crossed(crossing, shot.view, shot.pace)
    else:
        label = _label_on(source)
        reel = _moving_on(_following(shot, source), start, is_captioned=label is not None)
        return _gone_on(shot, reel, label)
    return _finished(shot, reel, covering=_label_on(source))


def _anew(shot: Shoot) -> Reel:
    source = _source(shot)
    staged = _restaged(shot, source)
    if staged is not None:
        next(clip(source, 2, 2, shot.order.fps))  # one that cannot be read is refused all the same
        return _finished(staged, _scene(staged))
    before = tags_of(source).get(TAG, "")
    known = before.partition("subjects=")[2].partition(" ")[0].split(",")
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
        titles=titles(shot.order, shot.words, covering=_label_on(source)),
    )


def _source(shot: Shoot) -> Input:
    return shot.only(Role.SOURCE_FILM, Role.FIRST_CLIP, Role.REFERENCE_VIDEO)


def _restaged(shot: Shoot, source: Input) -> Shoot | None:
    """Return a film of ours as it is staged anew: the same layout, in the light of new words.

    None where the source was not staged by us, or not in one shot.
    """
    before = _plan_in(source, "plan")
    if before is None:
        return None
    return _planned(shot, turned(before, shot.plan, shot.order.spec.prompt))


def _longer(shot: Shoot) -> Reel:
    source = _source(shot)
    known_s = shot.order.spec.source_seconds
    count = _length(source, shot) if known_s is None else round(known_s * shot.order.fps)
    count = max(1, min(count, shot.pace.frame_count - 1))
    rest = Pace(shot.pace.frame_count - count, shot.order.fps)
    label = _label_on(source)
    start = last_frame(source, *shot.size)
    following = replace(_following(shot, source), pace=rest)
    more = _moving_on(following, start, is_captioned=label is not None)
    reel = Spliced(Source(source, shot.view, shot.order.fps), count, more)
    return _gone_on(shot, reel, label)


_TURNED: Final = frozenset({Mode.REMIX, Mode.EDIT})
_PARTED: Final = frozenset(
    {Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO, Mode.REFERENCE_TO_VIDEO, Mode.CONTINUATION}
)
"""Modes whose words may ask for several shots; in the others a film goes on or is turned."""

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


def _moving_on(shot: Shoot, start: Frame, *, is_captioned: bool) -> Reel:
    """Begin on a picture, move within it, and come to the scene the words ask for.

    A picture that has a caption of its own keeps it; the new words come with the new scene.
    """
    within = Moving(Within(start, shot.plan.move), shot.view, shot.pace)
    count = shot.pace.frame_count
    first, last = (round(count * part) for part in _TURN)
    scene = _scene(shot)
    words = captions(shot.order, shot.words) if is_captioned else ()
    return Cutting(
        [Take(lambda: within, 0, last), Take(lambda: scene, first, count, first, last, words)]
    )


def _finished(
    shot: Shoot, reel: Reel, *, falling: bool = False, covering: str | None = None
) -> Reel:
    return Dressed(
        reel,
        shot.view,
        shot.pace,
        pieces=_falling(shot.setting()) if falling else (),
        after=grade.of_mood(shot.light),
        titles=titles(shot.order, shot.words, covering=covering),
    )


def _gone_on(shot: Shoot, reel: Reel, label: str | None) -> Reel:
    """Finish a film that goes on from a clip; `label` is what stands on it, if it is ours."""
    if label is None:
        return _finished(shot, reel)
    chip = text.chip(shot.order.label, *shot.size, covering=text.chip(label, *shot.size))
    mark = [text.mark(*shot.size)] if shot.order.spec.with_watermark else []
    after = grade.of_mood(shot.light)
    return Dressed(reel, shot.view, shot.pace, after=after, titles=[chip, *mark])


def _falling(setting: Setting) -> list[Piece]:
    """Return the weather the words ask for, if they ask for any."""
    kind = setting.plan.weather
    return [] if kind in {Weather.CLEAR, Weather.DUST} else before_all(setting, kind)


def titles(order: Order, words: str, *, covering: str | None = None) -> list[Drawing]:
    """Draw the words that stand over every frame: of the film, or of one shot.

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
    return [*found, *captions(order, words), *([mark] if mark else [])]


def captions(order: Order, words: str) -> list[Drawing]:
    """Draw the words at the foot, beside the watermark, if there is one."""
    size = order.spec.size.width_px, order.spec.size.height_px
    mark = text.mark(*size) if order.spec.with_watermark else None
    caption = text.caption(words, *size, beside=mark)
    return [] if caption is None else [caption]


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
