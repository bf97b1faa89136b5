"""From words and a seed to a plan: what will be seen, in which light, and how the camera moves.

Nothing is drawn here, and nothing is random but by the seed: the same words and the same seed
are the same plan, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

import numpy as np

from rushes.studio.words import Hit, read

SUBJECTS_MAX: Final = 3
_HINT: Final = 0.45
_EARLY: Final = 0.25

E = TypeVar("E", bound=StrEnum)


class Scene(StrEnum):
    """Where it happens."""

    SEA = "sea"
    CITY = "city"
    FOREST = "forest"
    MOUNTAIN = "mountain"
    DESERT = "desert"
    SPACE = "space"
    UNDERWATER = "underwater"
    MEADOW = "meadow"
    SKY = "sky"
    ROAD = "road"
    WINDOW = "window"
    ABSTRACT = "abstract"


class Hour(StrEnum):
    """When it happens."""

    DAWN = "dawn"
    DAY = "day"
    SUNSET = "sunset"
    DUSK = "dusk"
    NIGHT = "night"

    @property
    def is_dark(self) -> bool:
        """Whether lamps are lit and stars are out."""
        return self in {Hour.DUSK, Hour.NIGHT}


class Weather(StrEnum):
    """What falls or floats."""

    CLEAR = "clear"
    RAIN = "rain"
    STORM = "storm"
    SNOW = "snow"
    FOG = "fog"
    FIREFLIES = "fireflies"
    PETALS = "petals"
    LEAVES = "leaves"
    EMBERS = "embers"
    DUST = "dust"


class Season(StrEnum):
    """What the year has done to leaves and ground."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class Move(StrEnum):
    """How the camera moves."""

    STATIC = "static"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    RISE = "rise"
    FALL = "fall"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    ORBIT = "orbit"
    TRACK = "track"
    AERIAL = "aerial"
    HANDHELD = "handheld"


class Mood(StrEnum):
    """How the colours are graded."""

    NATURAL = "natural"
    NEON = "neon"
    MONO = "mono"
    INK = "ink"
    SEPIA = "sepia"
    PASTEL = "pastel"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a film will show. `subjects` are names of drawings, the leading one first.

    `beyond` names what lies behind the scene, where words name more than one place: the city
    of "a city by the sea", the forest a road goes through.
    """

    scene: Scene
    hour: Hour
    weather: Weather
    move: Move
    mood: Mood
    subjects: tuple[str, ...]
    extras: frozenset[str]
    seed: int
    season: Season = Season.SUMMER
    beyond: tuple[Scene, ...] = ()

    def dice(self, *purpose: str) -> np.random.Generator:
        """Return the random numbers of one purpose: nothing else draws from them."""
        return dice("film", self.seed, *purpose)


_HOME_OF: Final[Mapping[str, Scene]] = {
    name: scene
    for scene, names in {
        Scene.SEA: "paper_boat sailboat ship whale dolphin shark turtle lighthouse penguin bridge",
        Scene.UNDERWATER: "fish jellyfish octopus submarine",
        Scene.CITY: "taxi bus robot pagoda",
        Scene.FOREST: "fox wolf deer panda bear mushroom tent tiger dinosaur",
        Scene.MOUNTAIN: "castle snowman",
        Scene.DESERT: "camel cactus",
        Scene.SPACE: "rocket spaceship ufo astronaut",
        Scene.MEADOW: (
            "butterfly kite dog horse rabbit elephant giraffe lion sheep cow pig tree flower "
            "house windmill child girl person woman man"
        ),
        Scene.SKY: "bird balloon plane paper_plane helicopter dragon lantern",
        Scene.ROAD: "car train bicycle motorbike",
        Scene.WINDOW: "cat cup book guitar clock",
        Scene.ABSTRACT: "ball crystal",
    }.items()
    for name in names.split()
}
"""Where a subject is most at home; it counts less than a place that is named."""

_HOME_OUTDOORS: Final[Mapping[str, Scene]] = {"cat": Scene.MEADOW}
"""Where those of the house are met, once words name what one goes out to see."""

_FRONT_FIRST: Final = (
    Scene.WINDOW,
    Scene.UNDERWATER,
    Scene.ROAD,
    Scene.SEA,
    Scene.DESERT,
    Scene.MEADOW,
    Scene.FOREST,
    Scene.CITY,
    Scene.MOUNTAIN,
    Scene.SPACE,
)
"""Of two places, which is in front: one looks out of a window, and over water at a town."""

_WAYS_OF: Final[Mapping[str, Scene]] = {
    **dict.fromkeys(("car", "train", "bicycle", "motorbike"), Scene.ROAD),
    **dict.fromkeys(("sailboat", "ship"), Scene.SEA),
}
"""What a subject brings along to wherever it goes: a car its road, a boat its water."""

_LANDS: Final = frozenset(
    {Scene.SEA, Scene.DESERT, Scene.MEADOW, Scene.FOREST, Scene.CITY, Scene.MOUNTAIN}
)
_HAS_STREETS: Final = Scene.CITY

_SEASON_OF: Final[Mapping[Weather, Season]] = {
    Weather.SNOW: Season.WINTER,
    Weather.LEAVES: Season.AUTUMN,
    Weather.PETALS: Season.SPRING,
}

_OUTDOORS: Final = frozenset(
    {Weather.SNOW, Weather.FOG, Weather.FIREFLIES, Weather.PETALS, Weather.LEAVES}
)

_HOUR_BY_MOOD: Final[Mapping[Mood, tuple[Hour, ...]]] = {
    Mood.NEON: (Hour.NIGHT,),
    Mood.INK: (Hour.DAWN,),
    Mood.PASTEL: (Hour.DAWN, Hour.DAY),
}
_HOURS_OF: Final[Mapping[Scene, tuple[Hour, ...]]] = {
    Scene.CITY: (Hour.NIGHT, Hour.DUSK, Hour.SUNSET),
    Scene.SPACE: (Hour.NIGHT,),
    Scene.UNDERWATER: (Hour.DAY,),
    Scene.WINDOW: (Hour.DUSK, Hour.SUNSET, Hour.DAY),
    Scene.SEA: (Hour.SUNSET, Hour.DAWN, Hour.DAY),
    Scene.DESERT: (Hour.SUNSET, Hour.DAY, Hour.DAWN),
}
_MOVES_OF: Final[Mapping[Scene, tuple[Move, ...]]] = {
    Scene.ROAD: (Move.PAN_RIGHT,),
    Scene.WINDOW: (Move.PUSH_IN, Move.PAN_RIGHT),
    Scene.SPACE: (Move.PUSH_IN, Move.PAN_RIGHT, Move.PULL_OUT),
    Scene.ABSTRACT: (Move.STATIC, Move.PAN_RIGHT),
}
_MOVES: Final = (Move.PAN_RIGHT, Move.PAN_LEFT, Move.PUSH_IN, Move.RISE, Move.AERIAL)
_HOURS: Final = (Hour.DAWN, Hour.DAY, Hour.SUNSET, Hour.DUSK)


def dice(*purpose: object) -> np.random.Generator:
    """Return random numbers that depend on nothing but the words given."""
    text = "|".join(str(part) for part in purpose)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def plan(prompt: str, seed: int) -> Plan:
    """Plan a film.

    >>> plan("a paper boat on the sea at sunset, camera pans left", 1).subjects
    ('paper_boat',)
    """
    hits = list(read(prompt))
    rolls = dice("plan", seed)
    subjects = _subjects(hits)
    extras = frozenset(
        sense.value for hit in hits for sense in hit.senses if sense.facet == "extra"
    )
    scene, beyond = _places(hits, subjects, rolls)
    mood = _best(Mood, hits, "mood") or Mood.NATURAL
    hours = _HOUR_BY_MOOD.get(mood) or _HOURS_OF.get(scene) or _HOURS
    default_hour = hours[int(rolls.integers(len(hours)))]
    moves = _MOVES_OF.get(scene, _MOVES)
    default_move = moves[int(rolls.integers(len(moves)))]
    if Scene.SPACE in beyond:
        default_hour = Hour.NIGHT
    hour = _best(Hour, hits, "hour") or _hour_of(extras, default_hour)
    weather = _best(Weather, hits, "weather") or _weather(scene, hour, rolls)
    return Plan(
        scene=scene,
        hour=hour,
        weather=weather,
        move=_best(Move, hits, "camera") or default_move,
        mood=mood,
        subjects=subjects,
        extras=extras,
        seed=int(dice("seed", prompt, seed).integers(2**31)),
        season=_best(Season, hits, "season") or _SEASON_OF.get(weather, Season.SUMMER),
        beyond=beyond,
    )


def _subjects(hits: Sequence[Hit]) -> tuple[str, ...]:
    names = [sense.value for hit in hits for sense in hit.senses if sense.facet == "subject"]
    return tuple(dict.fromkeys(names))[:SUBJECTS_MAX]


def _places(
    hits: Sequence[Hit], subjects: Sequence[str], rolls: np.random.Generator
) -> tuple[Scene, tuple[Scene, ...]]:
    """Return where it happens, and what lies behind that."""
    scene = _scene(hits, subjects, rolls)
    scores = _scores(hits, "scene")
    named = [place for place in _FRONT_FIRST if place in scores]
    lead = subjects[0] if subjects else ""
    if Scene.SKY in scores and _HOME_OF.get(lead) is Scene.SKY:
        return Scene.SKY, tuple(named)
    if not named or scene is Scene.ABSTRACT:
        return scene, ()
    front = _front(named, lead)
    return front, tuple(place for place in named if place is not front)


def _front(named: Sequence[Scene], lead: str) -> Scene:
    """Return which of the places named (at least one) the leading subject is in."""
    home = _HOME_OF.get(lead)
    is_at_home = home in named and home is not Scene.SPACE and Scene.WINDOW not in named
    if home is not None and is_at_home:
        return home
    way = _WAYS_OF.get(lead)
    has_way = named[0] is _HAS_STREETS and way is Scene.ROAD
    if way is not None and named[0] in _LANDS and not has_way:
        return way
    return named[0]


def _scene(hits: Sequence[Hit], subjects: Sequence[str], rolls: np.random.Generator) -> Scene:
    scores = _scores(hits, "scene")
    is_outdoors = not _OUTDOORS.isdisjoint(_scores(hits, "weather"))
    homes = {**_HOME_OF, **_HOME_OUTDOORS} if is_outdoors else _HOME_OF
    for rank, name in enumerate(subjects):
        home = homes.get(name)
        if home is not None:
            scores[home] = scores.get(home, 0.0) + _HINT / (1 + rank)
    if scores:
        return Scene(max(scores, key=lambda value: scores[value]))
    if hits:
        outdoors = (Scene.MEADOW, Scene.MOUNTAIN, Scene.SEA, Scene.FOREST)
        return outdoors[int(rolls.integers(len(outdoors)))]
    return Scene.ABSTRACT


def _best(kind: type[E], hits: Sequence[Hit], facet: str) -> E | None:
    """Return the value of a facet that the words speak for most, if any."""
    scores = _scores(hits, facet)
    return kind(max(scores, key=lambda value: scores[value])) if scores else None


def _scores(hits: Sequence[Hit], facet: str) -> dict[str, float]:
    """Add up what speaks for each value of a facet; early words count a little more."""
    scores: dict[str, float] = {}
    for hit in hits:
        for sense in hit.senses:
            if sense.facet == facet:
                weight = 1.0 + _EARLY * (1 - hit.place)
                scores[sense.value] = scores.get(sense.value, 0.0) + weight
    return scores


def _hour_of(extras: frozenset[str], default: Hour) -> Hour:
    if extras & {"aurora", "fireworks"}:
        return Hour.NIGHT
    return Hour.DAY if "rainbow" in extras else default


def _weather(scene: Scene, hour: Hour, rolls: np.random.Generator) -> Weather:
    """What floats in the air when nobody said: never something that changes the story."""
    chance = float(rolls.random())
    if scene is Scene.FOREST:
        return Weather.FIREFLIES if hour.is_dark else Weather.DUST
    if scene is Scene.MEADOW and hour.is_dark:
        return Weather.FIREFLIES
    if scene in {Scene.DESERT, Scene.WINDOW} and chance < 0.7:  # noqa: PLR2004 -- often
        return Weather.DUST
    return Weather.CLEAR
