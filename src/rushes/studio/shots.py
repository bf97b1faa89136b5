"""Shots: where the words part a film, what each part shows, and how long it lasts.

Three things part a film. A number does wherever it stands ("Shot 1:", "[3-6s]", "第二个镜头", a
list from 1 up), and so does a word of cutting ("cut to", "切换到"). A softer word ("then", "fades
to", "然后") does only where a place, an hour or weather follows: "a cat jumps, then runs" is one.

What a shot leaves unsaid it has from the shot before: a close-up of the fox is in that forest.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from rushes.studio.plan import SUBJECTS_MAX, Move, Plan, Scene, dice, plan
from rushes.studio.words import CHARACTERS_MAX, read

SHOT_S_MIN: Final = 1.2
"""Nobody sees what a shorter shot shows; shots that find no room are left out, the last first."""

DISSOLVE_S: Final = 0.6
_PHRASE_MIN: Final = 2


class Join(StrEnum):
    """How a shot follows the one before."""

    CUT = "cut"
    DISSOLVE = "dissolve"


@dataclass(frozen=True, slots=True)
class Shot:
    """A part of a film: what its words say, and its frames from `start` to before `stop`.

    A shot that goes on in the place of the one before, softly, is of one `take` with it: the
    camera and whoever walks go on too. `take_start` and `take_stop` are that take's frames.
    """

    words: str
    plan: Plan
    join: Join
    start: int
    stop: int
    take_start: int
    take_stop: int


@dataclass(frozen=True, slots=True)
class Passage:
    """What the words say of one shot; `seconds` where they say how long it is."""

    words: str
    join: Join = Join.CUT
    seconds: float | None = None


# Spaces are bounded: "any number of them" twice in a row takes the square of their number.
_COUNT: Final = r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
_ORDINAL: Final = "(?:first|opening|second|third|fourth|fifth|final|last|closing)"
_HAN: Final = r"(?:\d{1,2}|[一二三四五六七八九十]{1,2})"
_DASH: Final = r"[-~\u2013\u2014至到]"
_SECOND: Final = "(?:seconds|sec|s|秒)"
_TIME: Final = r"(?:\d{1,2}:\d{2}|\d{1,3}(?:\.\d+)?)"
_SPAN: Final = rf"{_TIME}\s{{0,3}}{_SECOND}?\s{{0,3}}{_DASH}\s{{0,3}}{_TIME}"
_NUMBERED: Final = (
    rf"[\[(【]?\b(?:shot|scene)\s{{0,3}}#?\s{{0,3}}{_COUNT}\b(?=\s{{0,3}}(?:[:.)\](\[【】]|{_DASH}))",
    rf"\b(?:the\s{{1,3}})?{_ORDINAL}\s{{1,3}}(?:shot|scene)(?=\s{{0,3}}[:,]|\s{{1,3}}shows?\b)",
    rf"[\[(【]?(?:镜头|分镜|场景|画面)\s{{0,3}}{_HAN}\s{{0,3}}(?=[:,.、。)\]】(\[【\-])",
    rf"[\[(【]?第\s{{0,3}}{_HAN}\s{{0,3}}(?:个|段)?(?:镜头|分镜|场景|镜|幕|画面)",
    rf"[\[(【]\s{{0,3}}{_SPAN}\s{{0,3}}{_SECOND}?\s{{0,3}}[\])】]",
    rf"\b{_SPAN}\s{{0,3}}{_SECOND}?\s{{0,3}}(?=:)",
    rf"{_SPAN}\s{{0,3}}秒\s{{0,3}}(?=[:,])",
)
_CUTTING: Final = (
    r"\b(?:(?:hard|smash|match|jump|quick)[ -])?cut(?:s|ting)?\s{1,3}(?:back\s{1,3})?to\b",
    r"\bcut\s{0,3}:",
    r"\b(?:in\s{1,3})?(?:the\s{1,3})?next\s{1,3}(?:shot|scene)\b",
    r"\b(?:scene|view|film)\s{1,3}(?:changes|switches|shifts)\s{1,3}to\b",
    r"\bmeanwhile\b",
    "(?:镜头|画面|场景)?切(?:换)?(?:到|至|回|为|成)",
    "(?:镜头|画面|场景)(?:一转|转到|转至|转换到|转换为)",
    "转场(?:到|至)?",
    "下一(?:个)?(?:镜头|场景|画面|幕)",
)
_FADING: Final = (
    r"\b(?:cross[ -]?)?(?:dissolv|fad)(?:e|es|ing)\s{1,3}(?:in)?to\b",
    r"\btransition(?:s|ing)?\s{1,3}(?:in)?to\b",
    "(?:叠化|渐变|淡入|过渡)(?:到|至|为|成)?",
)
_FOLLOWING: Final = (
    r"\b(?:and\s{1,3})?then\b",
    r"\bafter\s{1,3}that\b",
    r"\bafterwards\b",
    "然后|接着|随后|紧接着",
)
_END: Final = r"(?!\s{1,3}(?:the\s{1,3}chase|black|white|size|shape)\b)"
"""What is no place to cut or fade to."""

_MARK: Final = re.compile(
    f"(?P<number>{'|'.join(_NUMBERED)})|(?P<cut>(?:{'|'.join(_CUTTING)}){_END})"
    f"|(?P<fade>(?:{'|'.join(_FADING)}){_END})|(?P<then>{'|'.join(_FOLLOWING)})",
    re.IGNORECASE,
)
_ITEM: Final = re.compile(r"(?:(?<=\s)|^|(?<=[。;.!?]))\(?(\d{1,2})(?:[.)](?=\s)|、)")
_LENGTH: Final = re.compile(
    rf"[(\[【]\s{{0,3}}(\d{{1,3}}(?:\.\d+)?)\s{{0,3}}{_SECOND}\s{{0,3}}[)\]】]", re.IGNORECASE
)
_BETWEEN: Final = re.compile(
    rf"[(\[【]?\s{{0,3}}({_TIME})\s{{0,3}}{_SECOND}?\s{{0,3}}{_DASH}\s{{0,3}}({_TIME})\s{{0,3}}{_SECOND}?\s{{0,3}}[)\]】]?",
    re.IGNORECASE,
)
_RIM: Final = " \t\r\n:,.;、。\uff1a\uff0c\uff1b\uff09-\u2013\u2014)]】>"
_TAIL: Final = re.compile(
    r"[\s,\uff0c]{1,4}(?:and\s{1,3}then|then|and|finally|然后|接着|最后|随后)$", re.IGNORECASE
)
_GONE_ON: Final = re.compile(
    r"\b(?:it|its|he|she|they|them|him|her|his|their|the same)\b|它|他|她|同一", re.IGNORECASE
)
_FRAMINGS: Final = frozenset({"close_up", "wide"})
_PLACING: Final = frozenset({"scene", "hour", "weather"})
_UNLIKE_DAYS: Final = frozenset({Scene.SPACE, Scene.UNDERWATER, Scene.ABSTRACT})
_NEXT_MOVES: Final = (Move.PUSH_IN, Move.PAN_LEFT, Move.PULL_OUT, Move.PAN_RIGHT)


def parted(prompt: str) -> tuple[str, tuple[Passage, ...]]:
    """Part a prompt: what it says of the whole film, and of each shot; at least one.

    >>> preface, shots = parted("Film noir. Shot 1: a street. Shot 2: a train")
    >>> preface, [shot.words for shot in shots]
    ('Film noir', ['a street', 'a train'])
    >>> len(parted("a cat jumps, then runs away")[1])
    1
    """
    text = prompt[:CHARACTERS_MAX]
    found = list(_marks(_plain(text)))
    if not found:
        return "", (Passage(prompt),)
    head = _trimmed(text[: found[0][0]])
    passages: list[Passage] = []
    preface = head if found[0][2] is None else ""
    if head and not preface:
        passages.append(Passage(head))
    ends = [*(start for start, _, _ in found[1:]), len(text)]
    for (start, stop, join), end in zip(found, ends, strict=True):
        passages += _passage(_plain(text[start:stop]), text[stop:end], join)
    if len(passages) < _PHRASE_MIN:
        return "", (Passage(prompt),)
    return preface, tuple(passages)


def _plain(text: str) -> str:
    """Return a text with wide signs as narrow ones, each in its place."""
    narrow = (unicodedata.normalize("NFKC", char) for char in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, narrow, strict=True))


def _marks(text: str) -> Iterator[tuple[int, int, Join | None]]:
    """Find what parts a text: from where to where, and how; None for a number."""
    items = _items(text)
    marks = sorted([*_MARK.finditer(text), *items], key=lambda mark: mark.start())
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        if mark in items or mark.lastgroup == "number":
            yield mark.start(), mark.end(), None
        elif mark.lastgroup == "cut":
            yield mark.start(), mark.end(), Join.CUT
        elif not _PLACING.isdisjoint(_said(text[mark.end() : end])):
            yield mark.start(), mark.end(), Join.DISSOLVE


def _items(text: str) -> list[re.Match[str]]:
    """Return the numbers of a list; nothing unless they count from 1 up, to 2 at least."""
    items: list[re.Match[str]] = []
    for mark in _ITEM.finditer(text):
        if int(mark[1]) == len(items) + 1:
            items.append(mark)
    return items if len(items) >= _PHRASE_MIN else []


def _passage(mark: str, words: str, join: Join | None) -> Iterator[Passage]:
    seconds = _seconds(mark)
    rest = words.lstrip(_RIM)
    length = _LENGTH.match(_plain(rest)) or _BETWEEN.match(_plain(rest))
    if length is not None:
        seconds = seconds or _seconds(length[0])
        rest = rest[length.end() :]
    rest = _trimmed(rest)
    if rest:
        yield Passage(rest, join or Join.CUT, seconds)


def _trimmed(text: str) -> str:
    """Return words without what only leads over to the next shot."""
    return _TAIL.sub("", text.strip(_RIM + "([\uff08【"))


def _seconds(text: str) -> float | None:
    """Return how long "[3-6s]" or "(4s)" is; None for anything else."""
    between = _BETWEEN.search(text)
    if between is not None:
        length = _instant(between[2]) - _instant(between[1])
        return length if length > 0 else None
    alone = _LENGTH.search(text)
    return float(alone[1]) or None if alone else None


def _instant(text: str) -> float:
    minutes, _, seconds = text.rpartition(":")
    return 60 * float(minutes or 0) + float(seconds)


def whole(prompt: str, seed: int, frame_count: int) -> Shot:
    """Plan a film as one shot, whatever its words say of more."""
    return Shot(prompt, plan(prompt, seed), Join.CUT, 0, frame_count, 0, frame_count)


def storyboard(prompt: str, seed: int, frame_count: int, fps: int) -> tuple[Shot, ...]:
    """Plan the shots of a film, one after another; a film of one shot is `plan` alone."""
    preface, passages = parted(prompt)
    frames_min = math.ceil(SHOT_S_MIN * fps)
    passages = passages[: max(1, frame_count // frames_min)]
    if len(passages) == 1:
        words = passages[0].words if preface == "" else f"{preface}. {passages[0].words}"
        return (whole(words, seed, frame_count),)
    plans = list(_plans(preface, passages, seed))
    stops = _stops(passages, frame_count, frames_min)
    starts = [0, *stops[:-1]]
    takes = _takes(plans, passages)
    return tuple(
        Shot(
            passage.words,
            planned,
            passage.join,
            start,
            stop,
            min(starts[place] for place, one in enumerate(takes) if one == take),
            max(stops[place] for place, one in enumerate(takes) if one == take),
        )
        for passage, planned, start, stop, take in zip(
            passages, plans, starts, stops, takes, strict=True
        )
    )


def _plans(preface: str, passages: Sequence[Passage], seed: int) -> Iterator[Plan]:
    known = _said(preface)
    before = plan(preface, seed) if known else None
    named: frozenset[str] = frozenset()
    for number, passage in enumerate(passages):
        said = _said(passage.words)
        own = plan(passage.words, seed)
        if own.scene in named:  # one place, called by another of its words
            said -= {"scene"}
        own = replace(own, seed=int(dice("shot", number, own.seed).integers(2**31)))
        planned = own if before is None else _sequel(own, before, passage, said, known)
        yield planned
        known |= said
        named = _values(passage.words, "scene")
        before = planned


def _sequel(
    own: Plan, before: Plan, passage: Passage, said: frozenset[str], known: frozenset[str]
) -> Plan:
    """Return a shot's plan, with what it leaves unsaid as it was before."""
    meets = not set(own.subjects).isdisjoint(before.subjects)
    stays = "scene" not in said and (not own.subjects or meets)
    scene = before.scene if stays else own.scene
    subjects = own.subjects
    if not subjects and (stays or _GONE_ON.search(passage.words)):
        subjects = before.subjects
    is_told = "hour" in known and scene not in _UNLIKE_DAYS
    hour = before.hour if "hour" not in said and (stays or is_told) else own.hour
    move = own.move
    if "camera" not in said:
        is_soft = stays and passage.join is Join.DISSOLVE
        move = before.move if is_soft else _another(own, before)
    return replace(
        own,
        scene=scene,
        hour=hour,
        weather=before.weather if stays and "weather" not in said else own.weather,
        mood=own.mood if "mood" in said else before.mood,
        move=move,
        subjects=subjects,
        extras=own.extras | (before.extras - _FRAMINGS if stays else frozenset()),
        seed=before.seed if stays and passage.join is Join.DISSOLVE else own.seed,
    )


def followed(before: Plan, own: Plan, words: str) -> Plan:
    """Return the plan of what follows a film: what its words leave unsaid is as it was."""
    return _sequel(own, before, Passage(words), _said(words), frozenset({"hour"}))


def turned(before: Plan, own: Plan, words: str) -> Plan:
    """Return a plan as new words turn it: laid out as before, with what they name."""
    said = _said(words)
    fresh = [name for name in own.subjects if name not in before.subjects]
    return replace(
        before,
        scene=own.scene if "scene" in said else before.scene,
        hour=own.hour if "hour" in said else before.hour,
        weather=own.weather if "weather" in said else before.weather,
        mood=own.mood if "mood" in said else before.mood,
        move=own.move if "camera" in said else before.move,
        subjects=(*before.subjects, *fresh)[:SUBJECTS_MAX],
        extras=own.extras | before.extras,
    )


def _another(own: Plan, before: Plan) -> Move:
    """Return a movement that differs from the shot before: else a cut is no news."""
    if own.move is not before.move:
        return own.move
    others = [move for move in _NEXT_MOVES if move is not before.move]
    return others[own.seed % len(others)]


def _takes(plans: Sequence[Plan], passages: Sequence[Passage]) -> list[int]:
    """Number the takes: a shot goes on in the last one if place, people and camera do."""
    takes = [0]
    for before, own, passage in zip(plans, plans[1:], passages[1:], strict=False):
        same = (before.seed, before.scene, before.move, before.subjects)
        goes_on = passage.join is Join.DISSOLVE and same == (
            own.seed,
            own.scene,
            own.move,
            own.subjects,
        )
        takes.append(takes[-1] + (not goes_on))
    return takes


def _stops(passages: Sequence[Passage], frame_count: int, frames_min: int) -> list[int]:
    """Return where each shot ends: none too short, else as long as the words say, or alike."""
    told = [passage.seconds for passage in passages]
    known = [seconds for seconds in told if seconds]
    usual = sum(known) / len(known) if known else 1.0
    weights = [seconds or usual for seconds in told]
    spare = frame_count - frames_min * len(passages)
    wanted = [frame_count * weight / sum(weights) - frames_min for weight in weights]
    over = [max(0.0, frames) for frames in wanted]
    share = spare / sum(over) if sum(over) > 0 else 0.0
    stops, at = [], 0.0
    for frames in over:
        at += frames_min + frames * share
        stops.append(round(at))
    stops[-1] = frame_count
    return stops


def _said(text: str) -> frozenset[str]:
    """Return the facets that words speak of."""
    facets = {sense.facet for hit in read(text) for sense in hit.senses}
    return frozenset(facets) - {"nothing"}


def _values(text: str, facet: str) -> frozenset[str]:
    """Return what words say of a facet."""
    senses = (sense for hit in read(text) for sense in hit.senses)
    return frozenset(sense.value for sense in senses if sense.facet == facet)
