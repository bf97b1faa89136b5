"""The light of a film: the colours of an hour, as weather and mood leave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from rushes.studio.colours import Colour, lighter, mix, rgb
from rushes.studio.plan import Hour, Mood, Plan, Scene, Season, Weather


@dataclass(frozen=True, slots=True)
class Light:
    """Colours of the sky from top to horizon, of the sun or moon, of air, and of what is near.

    `haze` is what far things fade to, `near` what close silhouettes have. `shade` is laid over
    subjects, `shade_share` (0-1) strongly, so that they stand in the same light. `colour` is
    how much of all colour is left (0: grey). `season` is what leaves look like in it.
    """

    sky: tuple[Colour, Colour, Colour, Colour]
    sun: Colour
    haze: Colour
    near: Colour
    shade: Colour
    shade_share: float
    is_dark: bool
    colour: float = 1.0
    sepia: bool = False
    season: Season = Season.SUMMER

    def far(self, distance: float) -> Colour:
        """Return the colour of a silhouette: 0 is at hand, 1 on the horizon."""
        return mix(self.near, self.haze, distance)

    def lit(self, colour: Colour, distance: float = 0.0) -> Colour:
        """Return how a coloured thing looks in this light, some way off."""
        return mix(mix(colour, self.shade, self.shade_share), self.haze, distance)


def _light(words: str, shade_share: float, *, is_dark: bool = False) -> Light:
    top, mid, low, horizon, sun, haze, near, shade = (rgb(word) for word in words.split())
    return Light((top, mid, low, horizon), sun, haze, near, shade, shade_share, is_dark)


_HOURS: Final[Mapping[Hour, Light]] = {
    Hour.DAWN: _light("4a6fa5 9db4d6 f3c6b8 ffe9cf fff4dc e9c9c4 33425e 5a5a80", 0.16),
    Hour.DAY: _light("2a7fd0 62b0ea a9d8f3 e6f5f8 fffdf0 bcdde8 1f5a4e 3a6a78", 0.04),
    Hour.SUNSET: _light("3a2a66 a0437c f4744a ffc977 fff0bd f09a68 36163a 6a2a4a", 0.24),
    Hour.DUSK: _light("141c45 3c3d86 a25a9b f5a58f ffe0d0 a678a8 191637 2a2458", 0.4, is_dark=True),
    Hour.NIGHT: _light(
        "060b22 10234d 274a78 5d86a8 f4f6ff 34587f 070d20 0c1838", 0.5, is_dark=True
    ),
}
_NEON: Final = _light("0a0524 2d0f5c 8a1f95 ff5fae 9df6ff 6a2aa0 0d0724 2a1060", 0.34, is_dark=True)
_STORM: Final = _light("222c38 445361 748390 aab6ba e8eef0 7f8f9a 141b22 2a3640", 0.28)
_STORM_DARK: Final = _light(
    "0a0f18 1a2430 33414f 596b78 d8e4f0 3a4956 080c12 121a26", 0.5, is_dark=True
)
_INK: Final = _light("f1ece0 efe9dc eae4d6 e4ddcd b5483a d8d2c4 2a2c2e 55565a", 0.3)
_SPACE: Final = _light(
    "04040f 080a20 10102f 1a1440 fff6e0 2a2258 05050f 141030", 0.12, is_dark=True
)


def light_of(plan: Plan) -> Light:
    """Return the light a plan is seen in."""
    light = _HOURS[plan.hour]
    if plan.mood is Mood.NEON:
        light = _NEON
    elif plan.mood is Mood.INK:
        light = replace(_INK, colour=0.35)
    elif plan.scene is Scene.SPACE:
        light = _SPACE
    elif plan.weather is Weather.STORM:
        light = _STORM_DARK if light.is_dark else _STORM
    light = replace(_weathered(light, plan), season=plan.season)
    match plan.mood:
        case Mood.MONO:
            return replace(light, colour=0.0)
        case Mood.SEPIA:
            return replace(light, colour=0.25, sepia=True)
        case Mood.PASTEL:
            return _softened(light)
        case _:
            return light


def _weathered(light: Light, plan: Plan) -> Light:
    if plan.mood is Mood.INK or plan.scene is Scene.SPACE:
        return light
    grey = mix(light.haze, (150, 160, 170), 0.5)
    share = {Weather.RAIN: 0.38, Weather.FOG: 0.42, Weather.SNOW: 0.3}.get(plan.weather, 0.0)
    if light.is_dark:
        share *= 0.35
    if share == 0:
        return light
    top, mid, low, horizon = (mix(colour, grey, share) for colour in light.sky)
    return replace(light, sky=(top, mid, low, horizon), haze=mix(light.haze, grey, share))


def _softened(light: Light) -> Light:
    top, mid, low, horizon = (lighter(colour, 0.3) for colour in light.sky)
    return replace(
        light,
        sky=(top, mid, low, horizon),
        haze=lighter(light.haze, 0.3),
        near=lighter(light.near, 0.2),
        shade_share=light.shade_share * 0.6,
    )
