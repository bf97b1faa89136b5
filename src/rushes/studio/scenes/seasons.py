"""What the seasons do to what grows: the colours of turf and crowns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.studio.colours import Colour, mix, rgb
from rushes.studio.plan import Mood, Season, Weather
from rushes.studio.scenes.setting import Setting

_TURF: Final[Mapping[Season, str]] = {
    Season.SPRING: "8fbf5a",
    Season.SUMMER: "6fae4c",
    Season.AUTUMN: "b8984a",
    Season.WINTER: "eef3f8",
}
_CROWNS: Final[Mapping[Season, tuple[str, ...]]] = {
    Season.SPRING: ("9cc864", "7fb858", "f2b6cc"),
    Season.SUMMER: ("3f7a4a", "4d8a4a", "336a44"),
    Season.AUTUMN: ("c8742e", "d89a3a", "a8482c"),
    Season.WINTER: ("4a6a68", "54706c", "43605f"),
}
_INK_GREY: Final = "b8ab9a"


def is_snowy(setting: Setting) -> bool:
    """Say whether the land lies under snow."""
    return setting.plan.weather is Weather.SNOW or setting.plan.season is Season.WINTER


def turf(setting: Setting) -> Colour:
    """Return the colour of open ground, as it is in white light."""
    if is_snowy(setting):
        return rgb(_TURF[Season.WINTER])
    if setting.plan.mood is Mood.INK:
        return rgb(_INK_GREY)
    return rgb(_TURF[setting.plan.season])


def crown(setting: Setting, share: float = 0.0) -> Colour:
    """Return the colour of a crown in white light; `share` (0-1) picks one of the season's."""
    season = Season.WINTER if is_snowy(setting) else setting.plan.season
    if season is Season.SPRING and setting.plan.weather is Weather.PETALS:
        return mix(rgb("f4a8c4"), rgb("e88aae"), share)
    if setting.plan.mood is Mood.INK:
        return mix(rgb("6a6a64"), rgb("8a8a80"), share)
    words = _CROWNS[season]
    return rgb(words[min(len(words) - 1, int(share * len(words)))])
