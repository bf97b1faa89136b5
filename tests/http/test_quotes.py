"""A quote tells what a create would come to, by the same way, and does nothing."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rushes.domain.access import DEFAULT_ACCOUNT_ID, Limits, Period
from rushes.domain.catalog import Price, Route, build_catalog
from rushes.domain.reading import shipped_cards
from rushes.domain.task import Status
from rushes.http.quotes import in_words
from rushes.ports import Page
from wiring import Wired, wired

QUOTES = "/v1/video/quotes"
ROOT = "/v1/video/generations"
PICTURE = "data:image/png;base64," + base64.b64encode(b"no picture at all").decode()
WAN = "wan2.5-t2v-preview"
CARDS = {card.id: card for card in shipped_cards()}
PRICES = (
    Price("second", 100_000, {"resolution": "720p"}),
    Price("film", 7, {"audio": True}),
    Price("film", 5),
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    configured: dict[str, Any] = {
        WAN: (CARDS[WAN], (Route("gpu", "wan"),), PRICES),
        "sora-2": (CARDS["sora-2"], (Route("gpu", "own-sora"),), ()),
        "wan2.5-i2v-preview": (CARDS["wan2.5-i2v-preview"], (Route("gpu", "wan"),), ()),
    }
    catalog = build_catalog(CARDS.values(), configured=configured, has_providers=True)
    async with wired(tmp_path, catalog=catalog) as found:
        yield found


def tasks(house: Wired) -> int:
    page = Page(account_id=DEFAULT_ACCOUNT_ID, limit=100)
    return len(house.store.read_now(lambda tx: tx.page(page)))


async def test_a_quote_tells_the_film_and_the_most_that_it_may_cost(house: Wired) -> None:
    async with house.client() as client:
        said = {"model": WAN, "prompt": "a boat", "seconds": 5, "resolution": "720p"}
        answer = await client.post(QUOTES, json={**said, "generate_audio": True})
    assert answer.status_code == 200
    assert answer.json() == {
        "object": "quote",
        "model": WAN,
        "seconds": 5,
        "size": "1280x720",
        "resolution": "720p",
        "ratio": "16:9",
        "with_audio": True,
        "rehearsal": False,
        "hold_microusd": 500_007,
        "price": "$0.10 a second of film at 720p, and $0.000007 a film with sound.",
    }
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "rushes-held" not in answer.headers


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"seconds": 10, "resolution": "1080p", "generate_audio": False},
        {"size": "854x480", "aspect_ratio": "16:9"},
        {"duration": "5", "width": 1280, "height": 720},
        {"model": "sora-2", "seconds": 12, "size": "720x1280"},
        {"model": "sandbox", "seconds": 3},
        {"style": "noir", "metadata": {"anything": 1}},
    ],
)
async def test_a_quote_says_what_a_create_then_holds(house: Wired, said: dict[str, Any]) -> None:
    body = {"model": WAN, "prompt": "a boat", **said}
    async with house.client() as client:
        quote = await client.post(QUOTES, json=body)
        made = await client.post(ROOT, json=body)
    task = house.task(made.json()["id"])
    told = quote.json()
    assert told["hold_microusd"] == task.hold_microusd
    assert (told["seconds"], told["size"]) == (task.spec.seconds, str(task.spec.size))
    assert (told["price"] is None) == (not house.store.read_now(lambda tx: tx.tariff(task.id)))
    for name in ("rushes-ignored-parameters", "rushes-coerced-parameters", "rushes-model"):
        assert quote.headers.get(name) == made.headers.get(name)


@pytest.mark.parametrize(
    "said",
    [
        {"model": None},
        {"model": "nobody"},
        {"prompt": ""},
        {"prompt": None},
        {"seconds": 99},
        {"seconds": "many"},
        {"size": "1x1"},
        {"resolution": "4k", "size": "1280x720"},
        {"image": PICTURE, "model": "wan2.5-i2v-preview"},
        {"image": "http://127.0.0.1/a.png", "model": "wan2.5-i2v-preview"},
        {"callback_url": "ftp://example.com"},
        {"n": 2},
        {"remix_from_video_id": "video_" + "0" * 32},
        {"metadata": []},
        {"metadata": {"start_within_s": 0}},
    ],
)
async def test_a_quote_refuses_what_a_create_refuses_in_the_same_words(
    house: Wired, said: dict[str, Any]
) -> None:
    given = {"model": WAN, "prompt": "a boat", **said}
    body = {name: value for name, value in given.items() if value is not None}
    async with house.client() as client:
        quote = await client.post(QUOTES, json=body)
        made = await client.post(ROOT, json=body)
    assert made.is_client_error, made.text
    assert (quote.status_code, quote.json()) == (made.status_code, made.json())


async def test_a_quote_stores_holds_and_begins_nothing(house: Wired) -> None:
    house.store.write_now(
        lambda tx: tx.set_purse(
            DEFAULT_ACCOUNT_ID,
            Period.TOTAL,
            10**6,
            account_id=DEFAULT_ACCOUNT_ID,
            at=house.clock.now(),
        )
    )
    await house.keyring.reload()
    async with house.client() as client:
        source = (await client.post(ROOT, json={"model": "sandbox", "prompt": "a"})).json()["id"]
        await house.bring(house.task(source), Status.SUCCEEDED)
        blobs = [name async for name, _ in house.blobs.names("")]
        answers = [
            await client.post(
                QUOTES, json={"model": WAN, "prompt": "b"}, headers={"Idempotency-Key": "once"}
            ),
            await client.post(
                QUOTES, json={"model": "sandbox", "prompt": "b", "remix_from_video_id": source}
            ),
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert tasks(house) == 1
    assert len(house.dispatcher.given) == 1
    assert [name async for name, _ in house.blobs.names("")] == blobs
    (purse,) = house.store.read_now(lambda tx: tx.purses(None, at=house.clock.now()))
    assert purse.spent_microusd == 0


async def test_whoever_may_have_no_more_tasks_may_still_ask_what_one_costs(house: Wired) -> None:
    house.add_key("sk-live-bound", limits=Limits(in_flight_max=0, submits_per_minute=0))
    async with house.client("sk-live-bound") as client:
        assert (await client.post(ROOT, json={"model": WAN, "prompt": "a"})).status_code == 429
        assert (await client.post(QUOTES, json={"model": WAN, "prompt": "a"})).status_code == 200


async def test_a_quote_counts_as_a_request(house: Wired) -> None:
    house.add_key("sk-live-bound", limits=Limits(requests_per_s=1))
    async with house.client("sk-live-bound") as client:
        answers = [await client.post(QUOTES, json={"model": WAN, "prompt": "a"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


async def test_a_test_key_is_quoted_its_rehearsal_cut_down_and_free(house: Wired) -> None:
    house.add_key("sk-test-" + "7" * 32, prefix="sk-test-7777")
    body = {"model": "sora-2-pro", "prompt": "a", "seconds": 12, "size": "1792x1024"}
    async with house.client("sk-test-" + "7" * 32) as client:
        quote = await client.post(QUOTES, json=body)
    told = quote.json()
    assert (told["rehearsal"], told["hold_microusd"], told["price"]) == (True, 0, None)
    assert told["seconds"] == 10
    assert quote.headers["rushes-rehearsal"] == "true"
    assert "seconds=10" in quote.headers["rushes-coerced-parameters"]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "text/plain"])
async def test_a_quote_is_asked_for_in_json(house: Wired, kind: str) -> None:
    async with house.client() as client:
        answer = await client.post(QUOTES, content=b"--x--", headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ((), None),
        ((Price("film", 250_000),), "$0.25 a film."),
        (
            (Price("million_tokens", 2_500_000, {"audio": False}, tokens_max=108_900),),
            "$2.50 a million tokens without sound (108,900 tokens at most).",
        ),
        (
            (Price("second", 40_000, {"mode": "image_to_video"}), Price("input_second", 10_000)),
            "$0.04 a second of film for image to video, and $0.01 a second of video sent in.",
        ),
    ],
)
def test_a_price_is_told_in_words(rules: tuple[Price, ...], words: str | None) -> None:
    assert in_words(rules) == words
