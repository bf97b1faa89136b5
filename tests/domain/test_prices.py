"""What films cost: rules that match, holds that bound, charges that never exceed a hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.access import AMOUNT_MICROUSD_MAX
from rushes.domain.catalog import RATIOS, SHORT_PX, ModelCard, Per, Price, size_of
from rushes.domain.prices import (
    INPUT_SECONDS_MAX,
    PRICE_MICROUSD_MAX,
    TOKENS_MAX,
    charge_of,
    dearest_microusd,
    hold_of,
    input_seconds,
    misfits,
    tariff_of,
    tokens_told,
    unpriced,
    whole_seconds,
)
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.domain.task import Measures
from rushes.testing.builders import a_measure, a_spec

CARDS = {card.id: card for card in shipped_cards()}
SEEDANCE, SORA_PRO, WAN = CARDS["seedance-2-0"], CARDS["sora-2-pro"], CARDS["wan2.5-t2v-preview"]

seconds = st.floats(0, 1e12) | st.sampled_from([float("inf"), float("nan"), 5.04])
assets = st.builds(
    Asset,
    role=st.sampled_from([Role.FIRST_CLIP, Role.REFERENCE_VIDEO, Role.FIRST_FRAME]),
    param=st.just("video"),
    seconds=st.none() | seconds,
)
prices = st.builds(
    Price,
    per=st.sampled_from([per.value for per in Per]),
    microusd=st.integers(0, PRICE_MICROUSD_MAX),
    when=st.fixed_dictionaries(
        {},
        optional={
            "resolution": st.sampled_from(["480p", "720p", "1080p"]),
            "audio": st.booleans(),
            "mode": st.sampled_from([mode.value for mode in Mode]),
        },
    ),
    tokens_max=st.none() | st.integers(1, TOKENS_MAX),
)
rules = st.lists(prices, max_size=5).map(tuple)
cards = st.sampled_from(list(CARDS.values()))
specs = st.builds(
    Spec,
    model=st.just("m"),
    mode=st.sampled_from(Mode),
    prompt=st.just(""),
    seconds=st.integers(1, 10_000) | st.just(-1),
    size=st.builds(Size, st.integers(2, 8192), st.integers(2, 8192)),
    seed=st.just(1),
    resolution=st.sampled_from([None, *SHORT_PX, "1024p"]),
    ratio=st.sampled_from([None, *RATIOS, "adaptive"]),
    with_audio=st.booleans(),
    assets=st.lists(assets, max_size=4).map(tuple),
)
measures = st.builds(
    Measures,
    size_bytes=st.just(1),
    seconds=seconds,
    size=st.builds(Size, st.integers(2, 16_384), st.integers(2, 16_384)),
    sha256=st.just(""),
)
usages = st.none() | st.dictionaries(
    st.sampled_from(["completion_tokens", "output_tokens", "total_tokens", "usage"]),
    st.integers() | st.none() | st.booleans() | st.text() | st.floats(),
)


def film(seconds: float, size: Size | None = None) -> Measures:
    return replace(a_measure(), seconds=seconds, size=size or Size(1280, 720))


# -- which rules count ---------------------------------------------------------------------------


@given(rules, specs)
def test_of_each_kind_the_first_rule_that_matches_counts(
    given_rules: tuple[Price, ...], spec: Spec
) -> None:
    asked = {"resolution": spec.resolution, "audio": spec.with_audio, "mode": spec.mode.value}
    tariff = tariff_of(given_rules, spec)
    matching = [
        rule
        for rule in given_rules
        if all(asked[name] == value for name, value in rule.when.items())
    ]
    for per in Per:
        of_kind = [rule for rule in matching if rule.per == per]
        assert [rule for rule in tariff if rule.per == per] == of_kind[:1]


def test_kinds_add_up() -> None:
    rules = (
        Price("second", 100_000, {"resolution": "720p"}),
        Price("second", 9, {}),
        Price("film", 5_000, {"audio": False}),
        Price("film", 7, {"audio": True}),
    )
    spec = a_spec(seconds=4)
    assert hold_of(tariff_of(rules, spec), spec, WAN) == 4 * 100_000 + 5_000
    louder = replace(spec, resolution="480p", with_audio=True)
    assert hold_of(tariff_of(rules, louder), louder, WAN) == 4 * 9 + 7


def test_without_rules_a_film_is_free() -> None:
    assert tariff_of((), a_spec()) == ()
    assert hold_of((), a_spec(), WAN) == 0
    assert charge_of((), a_spec(), film(5), None, hold_microusd=0).microusd == 0


# -- holds ---------------------------------------------------------------------------------------


@pytest.mark.promise("P5")
@pytest.mark.advisory("CVE-2026-71479")
@given(rules, specs, cards)
def test_price_overflow_no_film_of_any_card_holds_less_than_nothing_or_more_than_money(
    given_rules: tuple[Price, ...], spec: Spec, card: ModelCard
) -> None:
    """new-api CVE-2026-71479: a quantity that a caller chose made the price overflow below 0."""
    inputs = replace(card.inputs, first_clip=1, reference_video=3)
    card = replace(card, inputs=inputs)
    amount = hold_of(tariff_of(given_rules, spec), spec, card)
    assert 0 <= amount <= dearest_microusd(given_rules, card)
    overflows = dearest_microusd(given_rules, card) > AMOUNT_MICROUSD_MAX
    told = [misfit for misfit in misfits(given_rules, card) if "could cost" in misfit]
    assert bool(told) is overflows


@pytest.mark.promise("P5")
@given(rules, specs, cards, measures, usages, st.integers(0, AMOUNT_MICROUSD_MAX))
def test_price_overflow_nothing_a_provider_reports_charges_more_than_the_hold(
    given_rules: tuple[Price, ...],
    spec: Spec,
    card: ModelCard,
    came_out: Measures,
    usage: dict[str, Any] | None,
    hold: int,
) -> None:
    """Nor less than nothing, and what is above the hold is told to the last millionth."""
    tariff = tariff_of(given_rules, spec)
    charge = charge_of(tariff, spec, came_out, usage, hold_microusd=hold)
    assert 0 <= charge.microusd <= hold
    assert charge.over_microusd >= 0
    assert not charge.over_microusd or charge.microusd == hold


@given(st.sampled_from([*WAN.seconds, *SEEDANCE.seconds]), st.sampled_from(list(RATIOS)))
def test_a_film_as_it_was_asked_for_never_drifts(seconds: int, ratio: str) -> None:
    """The hold covers the film to the half second, by the second as by the token."""
    rules = (Price("second", 7), Price("million_tokens", 1_234_567), Price("film", 3))
    for resolution in ("480p", "720p", "1080p"):
        size = size_of(resolution, ratio)
        spec = a_spec(seconds=seconds, size=size, resolution=resolution, ratio=ratio)
        hold = hold_of(rules, spec, SEEDANCE)
        length = 15 if seconds == -1 else seconds
        for came_out in (length - 0.3, length + 0.04, length + 0.49):
            charge = charge_of(rules, spec, film(came_out, size), None, hold_microusd=hold)
            assert charge.over_microusd == 0


def test_where_the_provider_chooses_the_length_the_longest_is_held() -> None:
    spec = a_spec(seconds=-1)
    assert hold_of((Price("second", 10),), spec, SEEDANCE) == 150
    charge = charge_of((Price("second", 10),), spec, film(7.04), None, hold_microusd=150)
    assert (charge.microusd, charge.over_microusd) == (70, 0)


def test_tokens_are_bounded_by_the_formula_or_by_the_operator() -> None:
    """5 s at 720p were 108,900 tokens in a real answer of Ark."""
    spec = a_spec(seconds=5)
    held = hold_of((Price("million_tokens", 1_000_000),), spec, SEEDANCE)
    assert 108_900 <= held < 108_900 * 1.1
    own = Price("million_tokens", 1_000_000, {}, tokens_max=200_000)
    assert hold_of((own,), spec, SEEDANCE) == 200_000


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("480p", "16:9", Size(864, 480)),
        ("720p", "1:1", Size(960, 960)),
        ("1080p", "4:3", Size(1664, 1248)),
        ("1080p", "16:9", Size(1920, 1088)),
    ],
)
def test_sizes_that_a_maker_rounds_or_keeps_in_pixels_stay_below_the_hold(
    resolution: str, ratio: str, size: Size
) -> None:
    rules = (Price("million_tokens", 10**6),)
    asked = a_spec(size=size_of(resolution, ratio), resolution=resolution, ratio=ratio)
    hold = hold_of(rules, asked, SEEDANCE)
    assert charge_of(rules, asked, film(5.04, size), None, hold_microusd=hold).over_microusd == 0


def test_a_ratio_that_follows_a_picture_is_held_as_the_widest() -> None:
    rules = (Price("million_tokens", 10**6),)
    adaptive = a_spec(ratio="adaptive", size=size_of("720p", "16:9"))
    wide = a_spec(ratio="21:9", size=size_of("720p", "21:9"))
    assert hold_of(rules, adaptive, SEEDANCE) == hold_of(rules, wide, SEEDANCE)


def test_films_that_are_sent_in_count_by_their_length_or_as_the_longest() -> None:
    def sent(seconds: float | None, role: Role = Role.REFERENCE_VIDEO) -> Asset:
        return Asset(role, "video", seconds=seconds)

    assert input_seconds([sent(4.9), sent(0.1), sent(None, Role.FIRST_FRAME)]) == 6
    assert input_seconds([sent(None)]) == INPUT_SECONDS_MAX
    assert input_seconds([sent(1e12), sent(float("nan"))]) == 2 * INPUT_SECONDS_MAX
    rules = (Price("input_second", 3),)
    spec = a_spec(assets=(sent(4.9), sent(2.2)))
    assert hold_of(rules, spec, SEEDANCE) == 3 * 7


# -- charges -------------------------------------------------------------------------------------


def test_reported_tokens_are_charged_and_a_fraction_is_dropped() -> None:
    rules = (Price("million_tokens", 2_400_000),)
    spec = a_spec()
    hold = hold_of(rules, spec, SEEDANCE)
    told = {"completion_tokens": 108_900, "total_tokens": 108_900}
    assert charge_of(rules, spec, film(5.04), told, hold_microusd=hold).microusd == 261_360
    assert charge_of(rules, spec, film(5), {"total_tokens": 1}, hold_microusd=hold).microusd == 2
    silent = charge_of(rules, spec, film(5.04), {}, hold_microusd=hold)
    assert silent.microusd == 261_360, "the formula comes to the same"


def test_what_comes_to_more_than_the_hold_is_told_and_not_charged() -> None:
    charge = charge_of((Price("second", 100),), a_spec(), film(9.0), None, hold_microusd=500)
    assert (charge.microusd, charge.over_microusd) == (500, 400)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"total_tokens": -1},
        {"total_tokens": True},
        {"total_tokens": "7"},
        {"total_tokens": 1.5},
        {"usage": 7},
        {"usage": {"total_tokens": None}},
    ],
)
def test_what_is_no_number_of_tokens_is_none(usage: dict[str, Any] | None) -> None:
    assert tokens_told(usage) is None


@given(seconds)
def test_a_length_is_paid_for_in_whole_seconds(length: float) -> None:
    whole = whole_seconds(length)
    assert 1 <= whole <= 1_000_000
    if 0.5 <= length <= 1e5:
        assert abs(whole - length) <= 0.501


# -- rules that are refused ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "card", "why"),
    [
        (Price("second", 1, {"resolution": "4k"}), WAN, "480p, 720p, 1080p; got 4k"),
        (Price("second", 1, {"mode": "extend"}), WAN, "has text_to_video; got extend"),
        (Price("second", 1, {"audio": False}), CARDS["sora-2"], "has true; got false"),
        (Price("second", 1, {"tier": "flex"}), WAN, "unknown tier"),
        (Price("minute", 1), WAN, "must be one of second, film"),
        (Price("film", -1), WAN, "from 0 to"),
        (Price("film", PRICE_MICROUSD_MAX + 1), WAN, "from 0 to"),
        (Price("film", 1, {}, tokens_max=5), WAN, "goes with per = million_tokens"),
        (Price("million_tokens", 1, {}, tokens_max=TOKENS_MAX + 1), WAN, "from 1 to"),
        (Price("million_tokens", PRICE_MICROUSD_MAX, {}, tokens_max=10**10), WAN, "could cost"),
    ],
)
def test_a_rule_that_no_film_can_match_or_no_money_can_pay_is_refused(
    rule: Price, card: ModelCard, why: str
) -> None:
    (told, *_) = [misfit for misfit in misfits((Price("film", 1), rule), card) if why in misfit]
    assert told.startswith("prices")


def test_rules_for_what_a_card_has_are_taken() -> None:
    own = (Price("second", 5, {"resolution": "1024p", "mode": "remix", "audio": True}),)
    assert list(misfits(own, SORA_PRO)) == []
    assert list(misfits((), WAN)) == []


def test_what_no_rule_is_for_is_named() -> None:
    rules = (Price("second", 5, {"resolution": "720p"}), Price("film", 0, {"audio": True}))
    assert unpriced(rules, WAN) == [
        "text_to_video at 480p, silent",
        "text_to_video at 1080p, silent",
    ]
    assert unpriced((Price("film", 1),), SORA_PRO) == []
