"""What a film costs: an operator's price rules, and sums over them in whole microusd.

Of each `per` the first rule that matches counts, and these add up (CONTRACT §9). What counts for
a task is frozen when it is accepted: its tariff. Then its hold is set aside, which is the most that
the tariff can come to; at the end what the film turned out to be is charged, never above the hold.

Every sum is of whole numbers and none is negative. A film of the largest sizes at the dearest
rules stays within AMOUNT_MICROUSD_MAX, or the rules are refused when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, TypeAlias

from rushes.domain.access import AMOUNT_MICROUSD_MAX
from rushes.domain.catalog import (
    ADAPTIVE,
    FALLBACK_RATIO,
    SHORT_PX,
    ModelCard,
    Per,
    Price,
    Sound,
    size_of,
)
from rushes.domain.spec import (
    EDGE_PX_MAX,
    FILM_SECONDS_MAX,
    SECONDS_BY_PROVIDER,
    Asset,
    Medium,
    Mode,
    Size,
    Spec,
    parse_size,
)
from rushes.domain.task import Measures

Tariff: TypeAlias = tuple[Price, ...]
"""The rules that count for one task: at most one of each `per`."""

PRICE_MICROUSD_MAX: Final = 10**12
TOKENS_MAX: Final = 10**9
"""How many tokens a rule may say that a film has at most."""

INPUT_SECONDS_MAX: Final = FILM_SECONDS_MAX
"""How long a video sent in counts that does not tell its length, or is still behind a link."""

FRAMES_PER_S: Final = 24
EDGE_STEP_PX: Final = 32
PIXELS_PER_TOKEN: Final = 1024
_MILLION: Final = 1_000_000
_LONG_S: Final = 1_000_000
_PIXELS_MAX: Final = EDGE_PX_MAX * EDGE_PX_MAX
_TOKENS: Final = ("completion_tokens", "output_tokens", "total_tokens")
_WIDEST: Final = "21:9"


@dataclass(frozen=True, slots=True)
class Charge:
    """What is charged of a hold, and by how much the price came out above it (drift)."""

    microusd: int
    over_microusd: int = 0


def tariff_of(prices: Iterable[Price], spec: Spec) -> Tariff:
    """Return the rules that count for a film: of each `per` the first that matches.

    >>> from rushes.domain.catalog import Price
    >>> def a(mode): return Spec("m", mode, "", 5, Size(1280, 720), 1, "720p")
    >>> rules = (Price("film", 9, {"mode": "image_to_video"}), Price("film", 5), Price("film", 1))
    >>> [rule.microusd for rule in tariff_of(rules, a(Mode.TEXT_TO_VIDEO))]
    [5]
    """
    asked = _asked(spec.mode, spec.resolution, is_audible=spec.with_audio)
    return _counting(prices, asked)


def hold_of(tariff: Tariff, spec: Spec, card: ModelCard) -> int:
    """Return what a film may cost at most, in microusd; that is what a task holds.

    Where the provider chooses the length, the longest of the card counts.
    """
    asked = spec.seconds if spec.seconds != SECONDS_BY_PROVIDER else longest_s(card)
    seconds = min(asked, _seconds_max(card))
    return _most(tariff, seconds, _pixels_max(spec), input_seconds(spec.assets))


def charge_of(
    tariff: Tariff,
    spec: Spec,
    measures: Measures,
    usage: Mapping[str, Any] | None,
    *,
    hold_microusd: int,
) -> Charge:
    """Return what is charged for a film that came out so.

    Seconds are those of the stored film, to the nearest whole one; tokens are the provider's, and
    where it told none they follow from the film as its maker's formula has it. A price that is no
    whole number is rounded down.
    """
    seconds = whole_seconds(measures.seconds)
    sent_in = input_seconds(spec.assets)
    told = tokens_told(usage)
    cost = 0
    for rule in tariff:
        if rule.per == Per.MILLION_TOKENS:
            tokens = told if told is not None else _tokens_of(measures.size, seconds + sent_in)
            cost += rule.microusd * tokens // _MILLION
        else:
            cost += rule.microusd * _count(Per(rule.per), seconds, sent_in)
    charged = min(cost, hold_microusd)
    return Charge(charged, cost - charged)


def tokens_told(usage: Mapping[str, Any] | None) -> int | None:
    """Return how many tokens a provider reported; None where it told no number of them.

    >>> tokens_told({"completion_tokens": 108900, "total_tokens": 108900})
    108900
    >>> tokens_told({"usage": {"total_tokens": 7}}), tokens_told({"total_tokens": -7})
    (7, None)
    """
    told = usage or {}
    inner = told.get("usage")
    for said in (told, inner if isinstance(inner, Mapping) else {}):
        for name in _TOKENS:
            value = said.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                return value
    return None


def input_seconds(assets: Sequence[Asset]) -> int:
    """Return how many seconds of video were sent in, each film to the nearest whole one.

    A film counts as INPUT_SECONDS_MAX at most, and as so many where nobody knows its length.
    """
    videos = [asset.seconds for asset in assets if asset.role.medium is Medium.VIDEO]
    longest = float(INPUT_SECONDS_MAX)
    return sum(whole_seconds(longest if s is None or not s <= longest else s) for s in videos)


def whole_seconds(seconds: float) -> int:
    """Return a length as it is paid for: the nearest whole second, at least one.

    >>> [whole_seconds(s) for s in (0.2, 4.96, 5.0417, 5.5)]
    [1, 5, 5, 6]
    """
    if not seconds <= _LONG_S:  # nor is what is no number a length
        return _LONG_S
    return max(1, (round(seconds * 1000) + 500) // 1000)


def longest_s(card: ModelCard) -> int:
    """Return how long a film of a card may become at most."""
    return max((s for s in card.seconds if s != SECONDS_BY_PROVIDER), default=FILM_SECONDS_MAX)


def _seconds_max(card: ModelCard) -> int:
    """Return what no film of a card is longer than, one that another became included."""
    return max(longest_s(card), FILM_SECONDS_MAX)


# -- rules -------------------------------------------------------------------------------------


def misfits(prices: Sequence[Price], card: ModelCard) -> Iterator[str]:
    """Say what is wrong with rules for a card, a sentence for each."""
    for number, rule in enumerate(prices, start=1):
        where = f"prices[{number}]"
        yield from (f"{where}.when{misfit}" for misfit in _misfit_conditions(rule, card))
        yield from (f"{where}.{misfit}" for misfit in _misfit_amounts(rule))
    dearest = dearest_microusd(prices, card)
    if dearest > AMOUNT_MICROUSD_MAX:
        yield (
            f"prices: a film could cost {dearest} microusd, and no task may hold more than "
            f"{AMOUNT_MICROUSD_MAX}"
        )


def _misfit_conditions(rule: Price, card: ModelCard) -> Iterator[str]:
    """Say what of a rule's `when` no task of a card can ask for."""
    known: Mapping[str, Sequence[str | bool]] = {
        "resolution": _resolutions(card),
        "audio": _sounds(card),
        "mode": [mode.value for mode in card.modes],
    }
    for name, value in rule.when.items():
        if name not in known:
            yield f": unknown {name}; known are {', '.join(known)}"
        elif value not in known[name]:
            allowed = ", ".join(str(one).lower() for one in known[name])
            yield f".{name}: the card {card.id} has {allowed}; got {str(value).lower()}"


def _misfit_amounts(rule: Price) -> Iterator[str]:
    if rule.per not in list(Per):
        yield f"per: must be one of {', '.join(Per)}; got {rule.per}"
    if not 0 <= rule.microusd <= PRICE_MICROUSD_MAX:
        yield f"microusd: must be from 0 to {PRICE_MICROUSD_MAX}; got {rule.microusd}"
    if rule.tokens_max is not None and rule.per != Per.MILLION_TOKENS:
        yield f"tokens_max: goes with per = {Per.MILLION_TOKENS}"
    if rule.tokens_max is not None and not 0 < rule.tokens_max <= TOKENS_MAX:
        yield f"tokens_max: must be from 1 to {TOKENS_MAX}; got {rule.tokens_max}"


def dearest_microusd(prices: Iterable[Price], card: ModelCard) -> int:
    """Return a bound of what any film of a card can hold, whatever is asked for."""
    seconds, inputs = _seconds_max(card), card.inputs
    sent_in = (1 + inputs.first_clip + inputs.reference_video) * INPUT_SECONDS_MAX
    dearest: dict[str, int] = {}
    for rule in prices:
        if rule.per not in list(Per):
            continue
        most = _most((rule,), seconds, _PIXELS_MAX, sent_in)
        dearest[rule.per] = max(most, dearest.get(rule.per, 0))
    return sum(dearest.values())


def unpriced(prices: Sequence[Price], card: ModelCard) -> list[str]:
    """Name what can be asked of a card that no rule matches, so that it is free."""
    free = []
    for mode, resolution, is_audible in product(card.modes, _resolutions(card), _sounds(card)):
        if not _counting(prices, _asked(mode, resolution, is_audible=is_audible)):
            sound = "with sound" if is_audible else "silent"
            free.append(f"{mode} at {resolution}, {sound}")
    return free


def _asked(mode: Mode, resolution: str | None, *, is_audible: bool) -> Mapping[str, object]:
    return {"mode": mode.value, "resolution": resolution, "audio": is_audible}


def _counting(prices: Iterable[Price], asked: Mapping[str, object]) -> Tariff:
    counting: dict[str, Price] = {}
    for rule in prices:
        if all(name in asked and asked[name] == value for name, value in rule.when.items()):
            counting.setdefault(rule.per, rule)
    return tuple(counting.values())


def _sounds(card: ModelCard) -> tuple[bool, ...]:
    """Return what a film of a card can be, of sound."""
    return {Sound.NONE: (False,), Sound.ALWAYS: (True,), Sound.OPTIONAL: (False, True)}[card.sound]


def _resolutions(card: ModelCard) -> tuple[str, ...]:
    """Return what rules may say: a size beyond the grid goes by its short edge (CONTRACT §4.1)."""
    own = dict.fromkeys(f"{parse_size(size).short_px}p" for size in card.sizes)
    return tuple(dict.fromkeys((*card.resolutions, *own)))


# -- amounts -----------------------------------------------------------------------------------


def _most(tariff: Tariff, seconds: int, pixels: int, sent_in: int) -> int:
    most = 0
    for rule in tariff:
        if rule.per == Per.MILLION_TOKENS:
            tokens = rule.tokens_max or _tokens(pixels, seconds + sent_in)
            most += _up(rule.microusd * tokens, _MILLION)
        else:
            most += rule.microusd * _count(Per(rule.per), seconds, sent_in)
    return most


def _count(per: Per, seconds: int, sent_in: int) -> int:
    return {Per.SECOND: seconds, Per.FILM: 1, Per.INPUT_SECOND: sent_in}[per]


def _tokens_of(size: Size, seconds: int) -> int:
    return _tokens(size.width_px * size.height_px, seconds)


def _tokens(pixels: int, seconds: int) -> int:
    """Return how many tokens a film has by the formula of Seedance: pixels by frames, over 1024.

    A film of 5 s has 121 frames, so that 720p comes to the 108,900 that a real answer told.
    Source: docs of Ark, as read in `providers/ark.py`; films that are sent in count, too.
    """
    return _up(pixels * (FRAMES_PER_S * seconds + 1), PIXELS_PER_TOKEN)


def _pixels_max(spec: Spec) -> int:
    """Return how many pixels a frame may have at most, upstream's own rounding included.

    Upstreams round edges up, some give a square as many pixels as 16:9, and a size that follows a
    picture is not known yet.
    """
    sizes, resolution = [spec.size], spec.resolution or ""
    if resolution in SHORT_PX:
        sizes.append(size_of(resolution, FALLBACK_RATIO))
        if spec.ratio in {None, ADAPTIVE} and not spec.mode.derives:
            sizes.append(size_of(resolution, _WIDEST))
    return min(max(map(_pixels, sizes)), _PIXELS_MAX)


def _pixels(size: Size) -> int:
    width, height = (
        _up(edge, EDGE_STEP_PX) * EDGE_STEP_PX for edge in (size.width_px, size.height_px)
    )
    return width * height


def _up(count: int, by: int) -> int:
    """Divide, rounding up.

    >>> _up(4, 2), _up(5, 2), _up(0, 2)
    (2, 3, 0)
    """
    return -(-count // by)
