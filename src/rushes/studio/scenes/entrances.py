"""Where the cast comes on in open country: in the air, and on the ground."""

from __future__ import annotations

from rushes.studio.cast import Cast, Spot
from rushes.studio.scenes.setting import Setting
from rushes.studio.stage import Piece
from rushes.studio.subjects.pen import Habit

AIR = (Habit.FLY, Habit.FLOAT, Habit.SWIM)


def airborne(setting: Setting, cast: Cast, *, y: float = 0.3, depth: float = 0.6) -> list[Piece]:
    """Bring on what flies; and fish, which fly where there is no water."""
    high = cast.need(Habit.WALK, Habit.DRIVE, Habit.STAND, Habit.SAIL, Habit.THING)
    spot = Spot(
        y=setting.height * (y - (0.04 if high else 0.0)),
        depth=depth,
        scale=0.8 if high else 1.2,
        bob=10,
        bob_s=4.2,
        from_x=0.24,
        to_x=0.66,
    )
    return cast.enter(spot, *AIR)


def grounded(
    setting: Setting, cast: Cast, y: float, *, scale: float = 1.35, default: str | None = None
) -> list[Piece]:
    """Bring on everybody who is still waiting, on the ground; those who stand are behind."""
    back = Spot(y=y - 34 * setting.unit, depth=0.9, scale=scale * 0.86, from_x=0.56, to_x=0.84)
    pieces = cast.enter(back, Habit.STAND) if _is_led_by_another(cast) else []
    return [*pieces, *cast.enter(Spot(y=y, scale=scale), *Habit, default=default)]


def _is_led_by_another(cast: Cast) -> bool:
    lead = cast.lead()
    return lead is not None and lead.habit is not Habit.STAND
