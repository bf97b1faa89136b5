"""Every card that is listed refuses what lies outside it, and says what lies within.

What is allowed is read from `GET /v1/models`, as a caller reads it; and that list is held to the
table of the page by its golden.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rushes.gateway.looks import Policies
from wiring import Wired, wired

ROOTS = ("/v1/video/generations", "/v1/videos")
URL = "https://assets.example.com/a"
GOLDEN = Path(__file__).parent / "goldens" / "models.list.json"
MODELS: Mapping[str, dict[str, Any]] = {
    model["id"]: model["capabilities"]
    for model in json.loads(GOLDEN.read_text(encoding="utf-8"))["response"]["body"]["data"]
}
ROLES: Mapping[str, str] = {
    "first_frame": "image_url",
    "last_frame": "image_url",
    "reference_image": "image_url",
    "reference_video": "video_url",
    "reference_audio": "audio_url",
    "first_clip": "video_url",
    "driving_audio": "audio_url",
}
MODES: Mapping[str, tuple[str, ...]] = {
    "text_to_video": (),
    "image_to_video": ("first_frame",),
    "first_last_frame": ("first_frame", "last_frame"),
    "reference_to_video": ("reference_image",),
    "continuation": ("first_clip",),
}
"""The modes that inputs tell, and the inputs that tell them."""

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "adaptive")
RESOLUTIONS = ("480p", "720p", "1080p", "4k")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wired]:
    async with wired(tmp_path_factory.mktemp("cards")) as found:
        yield found


def media(*roles: str) -> list[dict[str, Any]]:
    return [
        {"type": ROLES[role], ROLES[role]: {"url": f"{URL}{index}"}, "role": role}
        for index, role in enumerate(roles)
    ]


def wish(model: str, *roles: str, **said: Any) -> dict[str, Any]:
    """A create that the card takes as it is, but for what is said beside it."""
    if not roles:
        roles = next(inputs for mode, inputs in MODES.items() if mode in MODELS[model]["modes"])
    return {"model": model, "prompt": "a heron", "content": media(*roles), **said}


async def asked(house: Wired, body: Mapping[str, Any], root: str = ROOTS[0]) -> httpx2.Response:
    async with house.client() as client:
        return await client.post(root, json=body)


async def refused(house: Wired, body: Mapping[str, Any], code: str, param: str) -> str:
    """Have a create refused in both dialects alike; return the message."""
    answers = [await asked(house, body, root) for root in ROOTS]
    errors = [answer.json().get("error") for answer in answers]
    assert [answer.status_code for answer in answers] == [400, 400], answers[0].text
    assert errors[0] == errors[1]
    assert (errors[0]["code"], errors[0]["param"]) == (code, param), errors[0]
    message: str = errors[0]["message"]
    return message


async def test_the_list_that_is_tried_is_the_list_that_is_served(house: Wired) -> None:
    async with house.client() as client:
        served = (await client.get("/v1/models")).json()["data"]
    assert {model["id"] for model in served} == set(MODELS)
    for model in served:
        assert model["capabilities"] == MODELS[model["id"]], model["id"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_takes_every_value_that_it_lists(house: Wired, model: str) -> None:
    card = MODELS[model]
    said = [{}, *({"seconds": seconds} for seconds in card["durations"]["allowed"])]
    said += [{"resolution": name} for name in card["resolutions"]["allowed"]]
    said += [{"ratio": name} for name in card["ratios"]["allowed"]]
    said += [{"size": size} for size in card["sizes"]]
    for each in said:
        answer = await asked(house, wish(model, **each))
        assert answer.status_code == 200, (each, answer.text)


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_a_duration_outside_it(house: Wired, model: str) -> None:
    allowed = MODELS[model]["durations"]["allowed"]
    outside = {0, -2, max(allowed) + 1, 10**6} | (set(range(-1, max(allowed))) - set(allowed))
    for seconds in sorted(outside):
        message = await refused(
            house, wish(model, durationSeconds=seconds), "invalid_value", "durationSeconds"
        )
        for value in allowed:
            assert f" {value}," in message or f" {value} " in message, message


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("level", ["parameters", "input"])
async def test_a_card_refuses_a_resolution_outside_it(house: Wired, model: str, level: str) -> None:
    allowed = MODELS[model]["resolutions"]["allowed"]
    for name in [*(set(RESOLUTIONS) - set(allowed)), "8k"]:
        body = wish(model, metadata={level: {"resolution": name}})
        message = await refused(house, body, "invalid_value", f"metadata.{level}.resolution")
        assert ", ".join(allowed) in message


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_a_ratio_outside_it_or_reports_that_it_has_none(
    house: Wired, model: str
) -> None:
    allowed = MODELS[model]["ratios"]["allowed"]
    for name in [*(set(RATIOS) - set(allowed)), "2:1"]:
        body = wish(model, aspectRatio=name)
        if allowed:
            message = await refused(house, body, "invalid_value", "aspectRatio")
            assert ", ".join(allowed) in message
        else:
            answer = await asked(house, body)
            assert answer.status_code == 200
            assert answer.headers["Rushes-Ignored-Parameters"] == "aspectRatio"


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_a_size_outside_it_or_reports_that_it_has_none(
    house: Wired, model: str
) -> None:
    card = MODELS[model]
    for said, param in (
        ({"size": "1000x1000"}, "size"),
        ({"size": "3840*2160"}, "size"),
        ({"width": "1000", "height": 1000}, "width"),
    ):
        if card["ratios"]["allowed"]:
            message = await refused(house, wish(model, **said), "invalid_value", param)
            for size in card["sizes"]:
                assert size in message
            assert len([word for word in message.split() if "x" in word]) >= len(
                card["resolutions"]["allowed"]
            )
        else:
            answer = await asked(house, wish(model, **said))
            assert answer.headers["Rushes-Ignored-Parameters"] == ", ".join(said)


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_more_than_one_output(house: Wired, model: str) -> None:
    for spelling in ("n", "sampleCount", "sample_count"):
        for count in (0, 2, "4"):
            message = await refused(
                house, wish(model, **{spelling: count}), "invalid_value", spelling
            )
            assert f"must be 1 for model {model}" in message


def without(model: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The modes that a card lacks, with the inputs that ask for them."""
    for mode, roles in MODES.items():
        if roles and mode not in MODELS[model]["modes"]:
            yield mode, roles


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_a_mode_that_it_lacks_and_names_those_it_has(
    house: Wired, model: str
) -> None:
    card = MODELS[model]
    for mode, roles in without(model):
        odd = next(index for index, role in enumerate(roles) if not card["inputs"][role])
        param = f"content[{odd}].{ROLES[roles[odd]]}.url"
        message = await refused(house, wish(model, *roles), "unsupported", param)
        assert ", ".join(card["modes"]) in message, mode
    if "text_to_video" not in card["modes"]:
        async with house.client() as client:
            answer = await client.post(ROOTS[0], json={"model": model, "prompt": "a heron"})
        assert answer.json()["error"]["code"] == "missing_parameter"
        assert answer.json()["error"]["param"] in {"image", "images"}


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_refuses_one_file_too_many_of_every_kind(house: Wired, model: str) -> None:
    inputs = MODELS[model]["inputs"]
    for role in ROLES:
        count = inputs[role]
        roles = (role,) * (count + 1)
        if role == "last_frame":
            roles = ("first_frame", *roles)
        if role == "reference_audio" and inputs["reference_image"]:
            roles = ("reference_image", *roles)
        last = f"content[{len(roles) - 1}].{ROLES[role]}.url"
        if count:
            message = await refused(house, wish(model, *roles), "invalid_value", last)
            assert f"at most {count} " in message
        else:
            body = wish(model, *roles)
            answer = await asked(house, body)
            assert answer.json()["error"]["code"] == "unsupported", (role, answer.text)


@pytest.mark.parametrize("model", MODELS)
async def test_a_card_asks_for_its_prompt_where_it_needs_one(house: Wired, model: str) -> None:
    rule = MODELS[model]["inputs"]["prompt"]
    body = {name: value for name, value in wish(model).items() if name != "prompt"}
    if rule == "required" or not body["content"]:
        message = await refused(house, body, "missing_parameter", "prompt")
        assert model in message
    if rule == "required_without_media":
        roles = next(
            roles for mode, roles in MODES.items() if roles and mode in MODELS[model]["modes"]
        )
        answer = await asked(house, {"model": model, "content": media(*roles)})
        assert answer.status_code == 200


# -- where the operator lets values be coerced -----------------------------------------------------


@pytest.fixture(scope="module")
async def lenient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wired]:
    """The same callers' side under `coerce_parameters`."""
    policies = Policies(coerces=True)
    async with wired(tmp_path_factory.mktemp("lenient"), policies=policies) as found:
        yield found


@pytest.mark.parametrize("model", MODELS)
async def test_where_values_are_coerced_every_cards_default_is_taken_and_told(
    lenient: Wired, model: str
) -> None:
    card = MODELS[model]
    said = {"durationSeconds": "99", "metadata": {"parameters": {"resolution": "8k"}}}
    seconds, resolution = card["durations"]["default"], card["resolutions"]["default"]
    told = f"durationSeconds={seconds}, metadata.parameters.resolution={resolution}"
    for root in ROOTS:
        answer = await asked(lenient, wish(model, **said), root)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Rushes-Coerced-Parameters"] == told
        spec = lenient.task(answer.json()["id"]).spec
        assert (spec.seconds, spec.resolution) == (seconds, resolution)
    if card["ratios"]["allowed"]:
        answer = await asked(lenient, wish(model, aspectRatio="2:1"))
        told = f"aspectRatio={card['ratios']['default']}"
        assert answer.headers["Rushes-Coerced-Parameters"] == told


@pytest.mark.parametrize("model", MODELS)
async def test_where_values_are_coerced_what_else_is_wrong_is_refused_as_before(
    lenient: Wired, model: str
) -> None:
    for said, code, param in (
        ({"n": 2}, "invalid_value", "n"),
        ({"seconds": "four"}, "invalid_value", "seconds"),
        ({"size": "big"}, "invalid_value", "size"),
        ({"seed": -2}, "invalid_value", "seed"),
        ({"seconds": 98, "duration": 99}, "conflicting_parameters", "seconds"),
    ):
        await refused(lenient, wish(model, **said), code, param)
    for _, roles in without(model):
        answer = await asked(lenient, wish(model, *roles))
        assert answer.json()["error"]["code"] == "unsupported"


@pytest.mark.parametrize("model", MODELS)
async def test_where_values_are_coerced_what_the_card_lists_is_left_alone(
    lenient: Wired, model: str
) -> None:
    card = MODELS[model]
    for name in card["resolutions"]["allowed"]:
        answer = await asked(lenient, wish(model, resolution=name))
        assert "Rushes-Coerced-Parameters" not in answer.headers
        assert lenient.task(answer.json()["id"]).spec.resolution == name
