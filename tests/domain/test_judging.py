"""A wish is judged by its card alone, and every refusal and every ignored name is the caller's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rushes.domain.catalog import (
    SANDBOX_ROUTE,
    Catalog,
    ModelCard,
    Route,
    build_catalog,
    fit_size,
    size_of,
)
from rushes.domain.errors import (
    BadRequest,
    ConflictingParameters,
    InvalidValue,
    MissingParameter,
    Unsupported,
)
from rushes.domain.judging import Decision, decide
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import EDGE_PX_MAX, Mode, Offered, Role, Said, Size, Wish
from rushes.testing.builders import a_spec

CARDS = {card.id: card for card in shipped_cards()}
CATALOG = build_catalog(
    CARDS.values(),
    configured={
        card.id: (card, (Route("far", card.id),), ())
        for card in CARDS.values()
        if not card.is_rehearsed
    },
    has_providers=False,
)
URL = "https://assets.example.com/a"
PROMPT = Said("a heron", "prompt")


def judged(model: str, *roles: Role | None, **said: Any) -> Decision:
    offered = tuple(
        Offered(f"images[{index}]" if role is None else f"{role}[{index}]", role, url=URL)
        for index, role in enumerate(roles)
    )
    return decide(Wish(prompt=PROMPT, offered=offered, **said), CATALOG.get(model))


def catalog_of(card: ModelCard, *routes: Route) -> Catalog:
    return build_catalog([], configured={card.id: (card, routes, ())}, has_providers=True)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)
def test_every_card_refuses_what_lies_outside_it(card: ModelCard) -> None:
    media = () if Mode.TEXT_TO_VIDEO in card.modes else (Role.FIRST_FRAME,)
    if card.modes == (Mode.REFERENCE_TO_VIDEO,):
        media = (Role.REFERENCE_IMAGE,)
    assert judged(card.id, *media).seconds == card.seconds_default
    for said in (
        {"seconds": Said(99, "durationSeconds")},
        {"resolution": Said("8k", "metadata.resolution")},
        {"outputs": Said(2, "sampleCount")},
    ):
        with pytest.raises(InvalidValue) as caught:
            judged(card.id, *media, **said)
        assert caught.value.param == next(iter(said.values())).param


@pytest.mark.parametrize(
    ("model", "roles", "mode"),
    [
        ("sandbox", (), Mode.TEXT_TO_VIDEO),
        ("sandbox", (Role.FIRST_FRAME,), Mode.IMAGE_TO_VIDEO),
        ("sandbox", (Role.FIRST_FRAME, Role.LAST_FRAME), Mode.FIRST_LAST_FRAME),
        ("sandbox", (Role.REFERENCE_VIDEO, Role.REFERENCE_AUDIO), Mode.REFERENCE_TO_VIDEO),
        ("sandbox", (Role.FIRST_CLIP, Role.LAST_FRAME), Mode.CONTINUATION),
        ("sandbox", (None,), Mode.IMAGE_TO_VIDEO),
        ("sandbox", (None, None), Mode.REFERENCE_TO_VIDEO),
        ("veo-3.1-generate-001", (None, None), Mode.FIRST_LAST_FRAME),
        ("wan2.7-r2v", (None,), Mode.REFERENCE_TO_VIDEO),
    ],
)
def test_the_inputs_tell_the_one_mode(
    model: str, roles: tuple[Role | None, ...], mode: Mode
) -> None:
    assert judged(model, *roles).mode is mode


@pytest.mark.parametrize(
    ("model", "roles", "fault"),
    [
        ("sandbox", (Role.FIRST_FRAME, Role.REFERENCE_IMAGE), ConflictingParameters),
        ("sandbox", (Role.LAST_FRAME,), MissingParameter),
        ("sandbox", (Role.REFERENCE_AUDIO,), MissingParameter),
        ("sandbox", (Role.REFERENCE_VIDEO,) * 4, InvalidValue),
        ("wan2.7-i2v-2026-04-25", (Role.FIRST_FRAME, Role.FIRST_CLIP), ConflictingParameters),
        ("wan2.7-i2v-2026-04-25", (Role.FIRST_CLIP, Role.DRIVING_AUDIO), ConflictingParameters),
        ("wan2.7-i2v-2026-04-25", (), MissingParameter),
        ("wan2.7-r2v", (Role.REFERENCE_IMAGE,) * 3 + (Role.REFERENCE_VIDEO,) * 3, InvalidValue),
        ("wan2.5-t2v-preview", (Role.FIRST_FRAME,), Unsupported),
        ("veo-3.1-generate-001", (None, None, None), InvalidValue),
        ("sora-2", (Role.LAST_FRAME,), Unsupported),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(
    model: str, roles: tuple[Role | None, ...], fault: type[BadRequest]
) -> None:
    with pytest.raises(fault) as caught:
        judged(model, *roles)
    assert type(caught.value) is fault
    assert caught.value.param


def test_driving_audio_goes_with_a_first_frame_and_is_what_a_first_clip_excludes() -> None:
    model, last, audio = "wan2.7-i2v-2026-04-25", Role.LAST_FRAME, Role.DRIVING_AUDIO
    assert judged(model, Role.FIRST_FRAME, last, audio).mode is Mode.FIRST_LAST_FRAME
    assert judged(model, Role.FIRST_CLIP, last).mode is Mode.CONTINUATION
    for roles in ((Role.FIRST_CLIP, audio), (audio, last, Role.FIRST_CLIP)):
        with pytest.raises(ConflictingParameters) as caught:
            judged(model, *roles)
        assert caught.value.param == f"driving_audio[{roles.index(audio)}]"
    assert judged("sandbox", Role.FIRST_CLIP, audio).mode is Mode.CONTINUATION


def test_more_images_than_frames_are_named_as_the_caller_spelled_them() -> None:
    offered = tuple(Offered(f"metadata.images[{n}]", None, url=URL, level=3) for n in range(3))
    with pytest.raises(InvalidValue) as caught:
        decide(Wish(prompt=PROMPT, offered=offered), CATALOG.get("veo-3.1-generate-001"))
    assert caught.value.param == "metadata.images"


def test_a_place_is_filled_by_the_strongest_level_that_fills_it() -> None:
    offered = (
        Offered("image", Role.FIRST_FRAME, url=URL),
        Offered("metadata.images[0]", None, url=f"{URL}b", level=3),
        Offered("metadata.images[1]", None, url=f"{URL}c", level=3),
    )
    found = decide(Wish(prompt=PROMPT, offered=offered), CATALOG.get("veo-3.1-generate-001"))
    assert [(offer.role, offer.param) for offer in found.offered] == [
        (Role.FIRST_FRAME, "image"),
        (Role.LAST_FRAME, "metadata.images[1]"),
    ]


def test_a_size_has_no_effect_where_the_ratio_is_the_sources() -> None:
    found = judged(
        "wan2.5-i2v-preview",
        Role.FIRST_FRAME,
        size=Said(Size(1000, 1000), "width"),
        size_params=("width", "height"),
        ratio=Said("1:7", "metadata.ratio"),
        order=("height", "prompt", "width", "metadata.ratio"),
    )
    assert (found.resolution, found.ratio) == ("720p", None)
    assert found.ignored == ("height", "width", "metadata.ratio")


def test_a_single_size_stands_alone() -> None:
    size = Said(Size(1024, 1792), "size")
    assert judged("sora-2-pro", size=size).resolution == "1024p"
    for said in ({"resolution": Said("720p", "resolution")}, {"ratio": Said("9:16", "ratio")}):
        with pytest.raises(ConflictingParameters):
            judged("sora-2-pro", size=size, **said)


def test_what_had_no_effect_is_named_in_the_order_sent() -> None:
    found = judged(
        "sora-2",
        with_audio=Said(True, "metadata.generate_audio"),
        ignored=("turbo",),
        metadata_keys={"style": "noir", "grain": 2},
        order=("prompt", "turbo", "metadata.style", "metadata.generate_audio", "metadata.grain"),
    )
    assert found.ignored == ("turbo", "metadata.style", "metadata.generate_audio", "metadata.grain")


@pytest.mark.parametrize("value", [[1], {"a": 1}, "x" * 1001, 10**18, None])
def test_a_provider_option_that_will_be_kept_is_bounded(value: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        judged("sandbox", options={"fps": Said(value, "metadata.fps")})
    assert caught.value.param == "metadata.fps"
    assert judged("sora-2", options={"fps": Said(value, "fps")}, order=("fps",)).ignored == ("fps",)


@pytest.mark.parametrize("source", [Size(6000, 1), Size(1, 6000)])
def test_a_thread_of_a_picture_asks_for_no_film_of_millions_of_pixels(source: Size) -> None:
    spec = a_spec(resolution="480p", ratio=None, size=size_of("480p", "16:9"))
    found = fit_size(spec, Role.FIRST_FRAME, source).size
    assert {found.width_px, found.height_px} == {480, EDGE_PX_MAX}


def test_the_preferred_route_says_who_serves() -> None:
    far, near = Route("gpu", "far", priority=1), replace(SANDBOX_ROUTE, priority=0)
    listing = catalog_of(CARDS["sora-2"], far, near).get("sora-2")
    assert listing.routes == (near, far)
    assert listing.is_sandboxed


# -- coercion ------------------------------------------------------------------------------------


def coerced(model: str, **said: Any) -> Decision:
    order = tuple(one.param for one in said.values() if isinstance(one, Said))
    wish = Wish(prompt=PROMPT, order=(*order, *said.get("size_params", ())), **said)
    return decide(wish, CATALOG.get(model), coerces=True)


def test_what_is_outside_the_card_takes_its_default_where_the_operator_says_so() -> None:
    found = coerced(
        "sora-2", seconds=Said(7, "seconds"), resolution=Said("480p", "metadata.resolution")
    )
    assert (found.seconds, found.resolution) == (4, "720p")
    assert found.coerced == (Said("4", "seconds"), Said("720p", "metadata.resolution"))


def test_a_size_outside_the_card_becomes_what_else_was_asked_for() -> None:
    size = Said(Size(640, 360), "size")
    found = coerced("sora-2", ratio=Said("16:9", "ratio"), size=size, size_params=("size",))
    assert found.size == Size(1280, 720)
    assert found.coerced == (Said("1280x720", "size"),)
    edges = coerced("sandbox", size=Said(Size(640, 360), "width"), size_params=("width", "height"))
    assert edges.coerced == (Said("1280", "width"), Said("720", "height"))


def test_what_is_inside_the_card_is_not_touched() -> None:
    found = coerced("sora-2", seconds=Said(8, "seconds"), ratio=Said("16:9", "ratio"))
    assert (found.seconds, found.ratio, found.coerced) == (8, "16:9", ())


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)
def test_every_card_can_be_coerced_into(card: ModelCard) -> None:
    roles = () if Mode.TEXT_TO_VIDEO in card.modes else (Role.FIRST_FRAME,)
    if card.modes == (Mode.REFERENCE_TO_VIDEO,):
        roles = (Role.REFERENCE_IMAGE,)
    offered = tuple(Offered("image", role, url=URL) for role in roles)
    wish = Wish(
        prompt=PROMPT,
        offered=offered,
        seconds=Said(99, "seconds"),
        resolution=Said("9p", "resolution"),
        ratio=Said("9:8", "ratio"),
        order=("seconds", "resolution", "ratio"),
    )
    found = decide(wish, CATALOG.get(card.id), coerces=True)
    assert (found.seconds, found.resolution) == (card.seconds_default, card.resolution_default)
    names = ["seconds", "resolution", *(["ratio"] if card.ratios else [])]
    assert [said.param for said in found.coerced] == names
    with pytest.raises(BadRequest):
        decide(wish, CATALOG.get(card.id))
