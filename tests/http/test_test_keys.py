"""Test keys: everything in rehearsal, short and small, and told so (CONTRACT §12)."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from rushes.domain.catalog import SANDBOX_ROUTE, Catalog, ModelCard, Route, build_catalog
from rushes.domain.reading import shipped_cards
from rushes.domain.retention import TEST_LIFE
from rushes.domain.spec import Size
from wiring import NOON, Wired, wired

SECRET = "sk-test-" + "7" * 32
CARDS: dict[str, ModelCard] = {card.id: card for card in shipped_cards()}


def live() -> Catalog:
    """A server with one provider: a model of it, and an alias."""
    routes = (Route("gpu", "sora-2-turbo"),)
    configured: dict[str, Any] = {
        "sora-2": (CARDS["sora-2"], routes, ()),
        "our-own": (CARDS["sandbox"], routes, ()),
    }
    return build_catalog(CARDS.values(), configured=configured, has_providers=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path, catalog=live()) as found:
        found.add_key(SECRET)
        await found.keyring.reload()
        yield found


async def create(house: Wired, secret: str = SECRET, **said: Any) -> httpx2.Response:
    async with house.client(secret) as client:
        body = {"prompt": "a boat", **said}
        return await client.post("/v1/video/generations", json=body)


async def models(house: Wired, secret: str) -> list[dict[str, Any]]:
    async with house.client(secret) as client:
        found: list[dict[str, Any]] = (await client.get("/v1/models")).json()["data"]
    return found


async def test_a_test_key_sees_every_model_that_has_a_card(house: Wired) -> None:
    listed = {item["id"]: item for item in await models(house, SECRET)}
    rehearsed = {card.id for card in CARDS.values() if card.is_rehearsed}
    assert set(listed) == rehearsed | {"our-own"}
    assert {name for name, item in listed.items() if not item["rehearsal"]} == {"sandbox"}
    assert all(item["capabilities"]["price"] is None for item in listed.values())
    live_ones = {item["id"] for item in await models(house, "sk-live-" + "0" * 28)}
    assert live_ones <= {"sandbox", "sora-2", "our-own"}
    async with house.client(SECRET) as client:
        assert (await client.get("/v1/models/wan2.7-r2v")).json()["rehearsal"] is True
        assert (await client.get("/v1/models/none")).status_code == 404


@pytest.mark.parametrize("model", ["sora-2", "our-own", "sandbox", "veo-3.1-generate-001"])
async def test_whatever_is_asked_for_the_sandbox_renders(house: Wired, model: str) -> None:
    answer = await create(house, model=model)
    assert answer.status_code == 200, answer.text
    task = house.task(answer.json()["id"])
    assert house.catalog.routes(task.model, is_rehearsal=task.is_rehearsal) == (SANDBOX_ROUTE,)
    assert task.queue == "sandbox"
    assert task.hold_microusd == 0
    assert answer.headers.get("rushes-rehearsal") == (None if model == "sandbox" else "true")
    assert "rushes-model" not in answer.headers
    assert task.expires_at == NOON + TEST_LIFE


@pytest.mark.parametrize(
    ("said", "seconds", "size", "told"),
    [
        ({"model": "sora-2-pro", "seconds": "16", "size": "1792x1024"}, 10, "1260x720", "S, Z"),
        ({"model": "sora-2-pro", "size": "1024x1792"}, 4, "720x1260", "Z"),
        ({"model": "sandbox", "duration": 20, "resolution": "1080p"}, 10, "1280x720", "D, R"),
        ({"model": "sandbox", "width": 1080, "height": 1080}, 5, "720x720", "W, H"),
        ({"model": "veo-3.1-generate-001"}, 4, "1280x720", "R"),
        ({"model": "sandbox", "seconds": 10, "resolution": "720p"}, 10, "1280x720", None),
        ({"model": "sandbox", "resolution": "480p"}, 5, "854x480", None),
        (
            {"model": "sandbox", "metadata": {"parameters": {"durationSeconds": 12}}},
            10,
            "1280x720",
            "metadata.parameters.durationSeconds=10",
        ),
    ],
)
async def test_more_than_ten_seconds_or_720_lines_is_cut_and_told(
    house: Wired, said: dict[str, Any], seconds: int, size: str, told: str | None
) -> None:
    words = {"S": "seconds=10", "D": "duration=10", "R": "resolution=720p"}
    words |= {"Z": f"size={size}", "W": "width=720", "H": "height=720"}
    answer = await create(house, **said)
    assert answer.status_code == 200, answer.text
    spec = house.task(answer.json()["id"]).spec
    assert (spec.seconds, str(spec.size)) == (seconds, size)
    want = None if told is None else ", ".join(words.get(part, part) for part in told.split(", "))
    assert answer.headers.get("rushes-coerced-parameters") == want


async def test_what_the_card_refuses_a_test_key_is_refused_too(house: Wired) -> None:
    for said, code in (
        ({"model": "sora-2", "seconds": 7}, "invalid_value"),
        ({"model": "sora-2", "resolution": "480p"}, "invalid_value"),
        ({"model": "wan2.5-t2v-preview", "image": "https://example.com/a.png"}, "unsupported"),
    ):
        answer = await create(house, **said)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_a_frame_is_held_against_the_size_that_was_asked_for(house: Wired) -> None:
    for edge, status in (((1792, 1024), 200), ((1260, 720), 400)):
        picture = io.BytesIO()
        Image.new("RGB", edge, "navy").save(picture, "PNG")
        files = {
            "model": (None, "sora-2-pro"),
            "prompt": (None, "a boat"),
            "size": (None, "1792x1024"),
            "input_reference": ("a.png", picture.getvalue(), "image/png"),
        }
        async with house.client(SECRET) as client:
            answer = await client.post("/v1/videos", files=files)
        assert answer.status_code == status, answer.text
    found = (await create(house, model="sora-2")).json()["id"]
    assert house.task(found).spec.size == Size(720, 1280)


async def test_a_replay_tells_what_was_cut_again(house: Wired) -> None:
    body = {"model": "sandbox", "prompt": "a boat", "seconds": 20}
    async with house.client(SECRET) as client:
        for replayed in (None, "true"):
            answer = await client.post(
                "/v1/video/generations", json=body, headers={"Idempotency-Key": "k"}
            )
            assert answer.headers["rushes-coerced-parameters"] == "seconds=10"
            assert answer.headers.get("idempotency-replayed") == replayed
