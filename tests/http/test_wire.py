"""What callers may rely on beyond single exchanges: order, owners, repeats, limits, looks."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from starlette.types import Message

from rushes.bell import LocalBell
from rushes.domain.access import Scope
from rushes.domain.catalog import Route, build_catalog
from rushes.domain.errors import LeaseLost, StoreBusy, StoreInDoubt
from rushes.domain.ids import new_account_id
from rushes.domain.reading import shipped_cards
from rushes.domain.task import Status
from rushes.http.live import CHECK_S, HEARTBEAT_S
from rushes.ports import ArtifactKind, new_try
from rushes.testing.builders import NOON
from wiring import FILM, SECRET, Wired, wired

ROOT = "/v1/video/generations"
UNKNOWN = "video_" + "0" * 32
BODY = {"model": "sandbox", "prompt": "A paper boat"}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path) as found:
        yield found


async def submit(house: Wired, **changes: Any) -> str:
    async with house.client() as client:
        answer = await client.post(ROOT, json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["id"]
    return name


# -- the order of checks -----------------------------------------------------------------------


async def test_the_key_is_checked_before_the_route_and_the_route_before_the_body(
    house: Wired,
) -> None:
    async with house.client(None) as client:
        for method, path in (("GET", "/v1/movies"), ("PUT", ROOT), ("POST", ROOT)):
            assert (await client.request(method, path)).json()["error"]["code"] == "missing_api_key"
    async with house.client() as client:
        assert (await client.get("/v1/movies")).status_code == 404
        assert (await client.put(ROOT, content=b"{")).status_code == 405
        big = {"Content-Length": str(26 * 2**20), "Content-Type": "text/plain"}
        assert (await client.post(ROOT, content=b"x", headers=big)).status_code == 413
        text = {"Content-Type": "text/plain"}
        assert (await client.post(ROOT, content=b"x", headers=text)).status_code == 415
        assert (await client.post(ROOT, content=b"[")).json()["error"]["code"] == "invalid_json"


async def test_the_model_is_checked_before_the_other_parameters(house: Wired) -> None:
    async with house.client() as client:
        answer = await client.post(ROOT, json={"model": "nope", "seconds": "abc"})
        assert answer.json()["error"]["code"] == "model_not_found"
        answer = await client.post(ROOT, json={"seconds": "abc"})
        assert answer.json()["error"]["param"] == "model"


async def test_a_repeat_is_answered_before_its_parameters_are_judged(house: Wired) -> None:
    async with house.client() as client:
        headers = {"Idempotency-Key": "k"}
        assert (await client.post(ROOT, json=BODY, headers=headers)).status_code == 200
        answer = await client.post(ROOT, json={**BODY, "seconds": "abc"}, headers=headers)
        assert answer.json()["error"]["code"] == "idempotency_key_reused"


@pytest.mark.advisory("CVE-2026-42208")
@pytest.mark.parametrize(
    "secret", ["sk-live-unknown", "", " ", "' OR 1=1 --", "sk-live-" + "x" * 5000]
)
async def test_a_key_that_is_none_opens_nothing(house: Wired, secret: str) -> None:
    async with house.client(None) as client:
        answer = await client.get(
            f"{ROOT}/{UNKNOWN}", headers={"Authorization": f"Bearer {secret}"}
        )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_scheme_that_is_not_bearer_is_no_key(house: Wired) -> None:
    async with house.client(None) as client:
        answer = await client.get(ROOT, headers={"Authorization": f"Basic {SECRET}"})
    assert answer.json()["error"]["code"] == "missing_api_key"


# -- owners ------------------------------------------------------------------------------------


@pytest.mark.advisory("litellm#37627")
@pytest.mark.promise("P8")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ROOT + "/{}"),
        ("GET", ROOT + "/{}?wait=1"),
        ("GET", ROOT + "/{}/events"),
        ("POST", ROOT + "/{}/cancel"),
        ("DELETE", ROOT + "/{}"),
        ("GET", ROOT + "/download?id={}"),
        ("GET", "/v1/videos/{}"),
        ("GET", "/v1/videos/{}/content"),
        ("GET", "/v1/videos/{}/content?variant=thumbnail"),
        ("GET", "/v1/videos/{}/content?variant=last_frame"),
        ("POST", "/v1/videos/{}/remix"),
        ("DELETE", "/v1/videos/{}"),
    ],
)
async def test_a_foreign_task_answers_exactly_like_an_unknown_one(
    house: Wired, method: str, path: str
) -> None:
    mine = await submit(house)
    await house.bring(house.task(mine), Status.SUCCEEDED)
    other = "sk-live-the-neighbour"
    house.add_key(other, account_id=new_account_id(NOON))
    body = {"json": {"prompt": "x"}} if path.endswith("remix") else {}
    async with house.client(other) as client:
        foreign = await client.request(method, path.format(mine), **body)
        unknown = await client.request(method, path.format(UNKNOWN), **body)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text.replace(mine, UNKNOWN) == unknown.text
    names = [name for name in foreign.headers if name != "x-request-id"]
    assert names == [name for name in unknown.headers if name != "x-request-id"]
    assert house.task(mine).status is Status.SUCCEEDED


@pytest.mark.advisory("litellm#37627")
@pytest.mark.promise("P8")
async def test_lists_and_remixes_know_the_callers_own_tasks_only(house: Wired) -> None:
    mine = await submit(house)
    await house.bring(house.task(mine), Status.SUCCEEDED)
    other = "sk-live-the-neighbour"
    house.add_key(other, account_id=new_account_id(NOON))
    async with house.client(other) as client:
        assert (await client.get(ROOT)).json()["data"] == []
        assert (await client.get("/v1/videos")).json()["data"] == []
        answer = await client.post(ROOT, json={**BODY, "remix_from_video_id": mine})
        assert answer.json()["error"]["code"] == "task_not_found"


# -- repeats -----------------------------------------------------------------------------------


@pytest.mark.promise("P2")
async def test_the_same_key_and_body_make_one_task_however_many_arrive_at_once(
    house: Wired,
) -> None:
    async with house.client() as client:
        answers = await asyncio.gather(
            *(
                client.post(ROOT, json=BODY, headers={"Idempotency-Key": "order-1"})
                for _ in range(12)
            )
        )
    assert len({answer.text for answer in answers}) == 1
    replays = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert sorted(map(str, replays)) == ["None"] + ["true"] * 11
    assert len(house.dispatcher.given) == 1


@pytest.mark.promise("P2")
async def test_a_clients_own_retry_without_a_key_waits_for_the_first_and_repeats_it(
    house: Wired,
) -> None:
    async with house.client() as client:
        first, second = await asyncio.gather(
            client.post("/v1/videos", json={"prompt": "x"}),
            client.post(
                "/v1/videos", json={"prompt": "x"}, headers={"x-stainless-retry-count": "1"}
            ),
        )
        other = await client.post(
            "/v1/videos", json={"prompt": "y"}, headers={"x-stainless-retry-count": "1"}
        )
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in other.headers
    assert len(house.dispatcher.given) == 2


async def test_a_retry_ten_minutes_later_is_an_ordinary_create(house: Wired) -> None:
    async with house.client() as client:
        first = await client.post("/v1/videos", json={"prompt": "x"})
        house.clock.advance(601)
        again = await client.post(
            "/v1/videos", json={"prompt": "x"}, headers={"x-stainless-retry-count": "2"}
        )
    assert first.json()["id"] != again.json()["id"]


async def test_retries_that_arrive_together_make_one_task_though_the_first_never_came(
    house: Wired,
) -> None:
    async with house.client() as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    "/v1/videos",
                    data={"model": "sandbox", "prompt": "x"},
                    files={"image": ("a.png", a_png())},
                    headers={"x-stainless-retry-count": str(count)},
                )
                for count in (1, 2)
            )
        )
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(house.dispatcher.given) == 1


async def test_two_equal_films_without_keys_are_two_films(house: Wired) -> None:
    assert await submit(house) != await submit(house)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"duration": 5}, {"duration": 5.0}),
        ({"metadata": {"a": 1, "b": 2}}, {"metadata": {"b": 2, "a": 1}}),
    ],
)
async def test_bodies_are_compared_as_values(
    house: Wired, one: dict[str, Any], other: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": "k"}
    async with house.client() as client:
        first = await client.post(ROOT, json={**BODY, **one}, headers=headers)
        second = await client.post(ROOT, json={**other, **BODY}, headers=headers)
    assert first.text == second.text


async def test_a_form_is_compared_by_its_fields_and_the_bytes_of_its_files(house: Wired) -> None:
    headers = {"Idempotency-Key": "k"}
    fields = {"prompt": "x", "model": "sandbox"}
    async with house.client() as client:
        first = await client.post(
            "/v1/videos",
            data=fields,
            files={"input_reference": ("a.png", a_png())},
            headers=headers,
        )
        same = await client.post(
            "/v1/videos",
            data=fields,
            files={"input_reference": ("b.png", a_png())},
            headers=headers,
        )
        other = await client.post(
            "/v1/videos",
            data=fields,
            files={"input_reference": ("a.png", a_png("red"))},
            headers=headers,
        )
    assert first.text == same.text
    assert other.status_code == 422


async def test_a_key_belongs_to_its_owner_and_its_route(house: Wired) -> None:
    other = "sk-live-the-neighbour"
    house.add_key(other, account_id=new_account_id(NOON))
    headers = {"Idempotency-Key": "k"}
    names = set()
    for secret in (SECRET, other):
        async with house.client(secret) as client:
            for path in (ROOT, "/v1/videos"):
                answer = await client.post(path, json=BODY, headers=headers)
                names.add(answer.json()["id"])
    assert len(names) == 4


async def test_a_refused_request_does_not_use_up_its_key(house: Wired) -> None:
    headers = {"Idempotency-Key": "k"}
    async with house.client() as client:
        assert (await client.post(ROOT, json={"model": "sandbox"}, headers=headers)).is_error
        assert (await client.post(ROOT, json=BODY, headers=headers)).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\there"])
async def test_a_key_that_is_no_key_is_refused(house: Wired, key: str) -> None:
    async with house.client() as client:
        answer = await client.post(
            ROOT, json=BODY, headers={"Idempotency-Key": key.encode("utf-8")}
        )
    assert answer.json()["error"] | {"message": ""} == {
        "message": "",
        "type": "invalid_request_error",
        "param": "Idempotency-Key",
        "code": "invalid_value",
    }


async def test_a_replay_survives_the_task_it_made(house: Wired) -> None:
    headers = {"Idempotency-Key": "k"}
    async with house.client() as client:
        first = await client.post(ROOT, json=BODY, headers=headers)
        await house.bring(house.task(first.json()["id"]), Status.SUCCEEDED)
        await client.delete(f"{ROOT}/{first.json()['id']}")
        again = await client.post(ROOT, json=BODY, headers=headers)
    assert again.text == first.text


async def test_a_key_is_free_again_after_a_day(house: Wired) -> None:
    headers = {"Idempotency-Key": "k"}
    async with house.client() as client:
        first = await client.post(ROOT, json=BODY, headers=headers)
        house.clock.advance(86_401)
        again = await client.post(ROOT, json={**BODY, "prompt": "other"}, headers=headers)
    assert again.status_code == 200
    assert again.json()["id"] != first.json()["id"]


# -- what had no effect --------------------------------------------------------------------------


async def ignored(house: Wired, path: str = ROOT, **body: Any) -> str | None:
    async with house.client() as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: str | None = answer.headers.get("rushes-ignored-parameters")
    return found


async def test_a_name_without_effect_is_told_so_that_it_can_be_read_back(house: Wired) -> None:
    names = {"a b": 1, "a, c": 2, "100%": 3, "né": 4, "n\r\nx: y": 5, "gone": None}
    listed = await ignored(house, **BODY, **names)
    assert listed == "a%20b, a,%20c, 100%25, n%C3%A9, n%0D%0Ax:%20y"


async def test_names_without_effect_end_whole_within_a_thousand_characters(house: Wired) -> None:
    listed = await ignored(house, **BODY, **{f"name-{number:04}": 1 for number in range(2000)})
    assert listed is not None
    assert 980 < len(listed) <= 1000
    assert all(len(name) == 9 for name in listed.split(", "))
    long = await ignored(house, **BODY, **{"é" * 5000: 1})
    assert long == ("%C3%A9" * 200)[:996] + "%C3"


async def test_beside_a_remix_only_its_own_words_are_read(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    said: dict[str, Any] = {
        "prompt": "again",
        "duration": "abc",
        "user": "u",
        "metadata": {"style": 1, "start_within_s": 60, "parameters": {"seed": "x"}},
    }
    listed = "duration, metadata.style, metadata.parameters.seed"
    assert await ignored(house, f"/v1/videos/{name}/remix", **said) == listed
    named = {**said, "model": "sandbox", "remix_from_video_id": name}
    assert await ignored(house, ROOT, **named) == listed


async def test_a_remix_is_judged_before_its_source_is_looked_for(house: Wired) -> None:
    cases = [
        ({"prompt": 5, "model": "nope"}, "model_not_found"),
        ({"prompt": 5}, "invalid_value"),
        ({}, "missing_parameter"),
        ({"prompt": "x", "model": "wan2.7-r2v"}, "unsupported"),
        ({"prompt": "x"}, "task_not_found"),
    ]
    async with house.client() as client:
        for body, code in cases:
            answer = await client.post(f"/v1/videos/{UNKNOWN}/remix", json=body)
            assert answer.json()["error"]["code"] == code, body


async def test_an_unknown_source_is_named_as_the_caller_spelled_it(house: Wired) -> None:
    async with house.client() as client:
        body = {**BODY, "metadata": {"remix_from_video_id": UNKNOWN}}
        answer = await client.post(ROOT, json=body)
    assert answer.json()["error"]["param"] == "metadata.remix_from_video_id"


# -- what breaks behind us ------------------------------------------------------------------------


class _Raising:
    """A store or a disk that fails in one way at every turn."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def read(self, act: Any) -> Any:
        raise self._fault

    async def put(self, name: str, chunks: Any) -> Any:
        raise self._fault

    async def delete(self, name: str) -> None:
        raise self._fault


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (StoreBusy("many writes wait"), 503, "overloaded"),
        (LeaseLost("video_1 has another owner"), 500, "internal_error"),
    ],
)
async def test_a_fault_of_the_house_is_never_shown_as_it_is(
    house: Wired, fault: Exception, status: int, code: str
) -> None:
    house.gateway.store = _Raising(fault)  # type: ignore[assignment]
    async with house.client() as client:
        answer = await client.post(f"{ROOT}/{UNKNOWN}/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert str(fault) not in answer.text


async def test_an_input_that_cannot_be_stored_is_no_fault_of_the_caller(house: Wired) -> None:
    house.gateway.blobs.put = _Raising(OSError("no space left")).put  # type: ignore[method-assign]
    async with house.client() as client:
        answer = await client.post(
            "/v1/videos",
            data={"model": "sandbox", "prompt": "x"},
            files={"image": ("a.png", a_png())},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_error")
    assert house.dispatcher.given == []


async def test_a_film_that_cannot_be_removed_now_is_left_to_the_sweep(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    house.gateway.blobs.delete = _Raising(OSError("read-only")).delete  # type: ignore[method-assign]
    async with house.client() as client:
        assert (await client.delete(f"{ROOT}/{name}")).json()["deleted"] is True
        assert (await client.get(f"{ROOT}/{name}")).status_code == 404
    assert len(house.store.read_now(lambda tx: tx.artifacts(name))) == len(ArtifactKind)


async def test_an_error_quotes_no_more_than_a_message_holds(house: Wired) -> None:
    async with house.client() as client:
        answer = await client.post(ROOT, json={**BODY, "size": "x" * 1_000_000})
    assert answer.json()["error"]["param"] == "size"
    assert len(answer.content) < 3000


async def test_a_model_may_have_a_name_with_a_slash_or_in_any_script(tmp_path: Path) -> None:
    card = next(card for card in shipped_cards() if card.id == "sora-2")
    routes = (Route("gpu", "模型 1", is_billable=False),)
    configured: dict[str, Any] = {"org/sora": (card, routes, ())}
    catalog = build_catalog([], configured=configured, has_providers=True)
    async with wired(tmp_path, catalog=catalog) as house, house.client() as client:
        assert (await client.get("/v1/models/org/sora")).json()["id"] == "org/sora"
        answer = await client.post(ROOT, json={"model": "org/sora", "prompt": "x"})
        shown = "%E6%A8%A1%E5%9E%8B 1"
        assert answer.headers["rushes-model"] == shown
        for path in (f"{ROOT}/{answer.json()['id']}", f"/v1/videos/{answer.json()['id']}"):
            assert (await client.get(path)).headers["rushes-model"] == shown


# -- inputs ------------------------------------------------------------------------------------


def a_png(colour: str = "navy", size: tuple[int, int] = (64, 36)) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", size, colour).save(picture, "PNG")
    return picture.getvalue()


@pytest.mark.promise("P1")
async def test_an_uploads_bytes_are_in_the_blobs_before_the_200(house: Wired) -> None:
    async with house.client() as client:
        answer = await client.post(
            "/v1/videos",
            data={"model": "sandbox", "prompt": "x"},
            files={"input_reference": ("../../etc/passwd", a_png())},
        )
    (asset,) = house.task(answer.json()["id"]).spec.assets
    kept = [chunk async for chunk in house.blobs.open(f"inputs/{asset.blob}")]
    assert b"".join(kept) == a_png()
    assert house.store.read_now(lambda tx: tx.orphan_inputs(NOON.replace(year=2030), 9)) == []


async def test_a_refused_create_stores_nothing(house: Wired) -> None:
    async with house.client() as client:
        answer = await client.post(
            "/v1/videos",
            data={"model": "sora-2", "prompt": "x", "size": "1280x720"},
            files={"input_reference": ("a.png", a_png(size=(640, 360)))},
        )
    assert answer.json()["error"]["code"] == "invalid_media"
    assert [name async for name, _ in house.blobs.names("inputs/")] == []
    assert house.dispatcher.given == []


async def test_the_first_frame_decides_the_size_where_the_ratio_is_the_sources(
    house: Wired,
) -> None:
    async with house.client() as client:
        answer = await client.post(
            "/v1/videos",
            data={"model": "wan2.5-i2v-preview", "prompt": "x", "resolution": "480p"},
            files={"image": ("a.png", a_png(size=(300, 600)))},
        )
    assert answer.json()["size"] == "480x960"


@pytest.mark.advisory("CVE-2025-6242", "GO-2025-4154")
@pytest.mark.promise("P9")
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://[64:ff9b::7f00:1]/a.png",
        "http://2130706433/a.png",
        "http://user:pass@example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "asset://something",
    ],
)
async def test_an_address_that_is_not_public_is_refused_at_the_door(house: Wired, url: str) -> None:
    async with house.client() as client:
        answer = await client.post(ROOT, json={**BODY, "image": url})
    assert answer.json()["error"]["code"] == "url_not_allowed"
    assert answer.json()["error"]["param"] == "image"
    assert house.dispatcher.given == []


@pytest.mark.promise("P9")
@pytest.mark.parametrize("url", ["http://example.com/hook", "https://10.1.2.3/hook"])
async def test_a_callback_goes_to_public_https_only(house: Wired, url: str) -> None:
    async with house.client() as client:
        answer = await client.post(ROOT, json={**BODY, "callback_url": url})
    assert answer.json()["error"]["param"] == "callback_url"


# -- looks -------------------------------------------------------------------------------------


def plain(answer: httpx2.Response) -> dict[str, str]:
    return {n: v for n, v in sorted(answer.headers.items()) if n != "x-request-id"}


async def test_head_is_answered_wherever_get_is(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    link = house.links.film(name, house.clock.now()).removeprefix("http://localhost:8080")
    async with house.client() as client:
        video = f"/v1/videos/{name}"
        paths = [ROOT, f"{ROOT}/{name}", video, f"{video}/content", "/v1/models", link]
        for path in [*paths, f"{ROOT}/download?id={name}", "/healthz", "/metrics"]:
            whole, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (200, b""), path
            assert set(plain(head)) == set(plain(whole)), path
        assert (await client.head(f"{ROOT}/{name}/events")).status_code == 405


async def test_the_same_bytes_come_by_every_road(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    async with house.client() as client:
        link = (await client.get(f"{ROOT}/{name}")).json()["url"]
        by_link = await client.get(link.removeprefix("http://localhost:8080"))
        by_key = await client.get(f"/v1/videos/{name}/content")
    assert by_link.content == by_key.content == FILM


async def test_a_link_outlives_nothing_it_should_not(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    path = house.links.film(name, house.clock.now()).removeprefix("http://localhost:8080")
    async with house.client(None) as client:
        assert (await client.get(path)).status_code == 200
        house.clock.advance(86_401)
        assert (await client.get(path)).json()["error"]["code"] == "link_expired"
        altered = [path.replace("expires=", f"expires={digit}") for digit in "09"]
        for broken in (path[:-1], *altered, path.split("&")[0]):
            answer = await client.get(broken)
            assert answer.json()["error"]["code"] == "link_invalid"
    house.clock.advance(-86_401)
    async with house.client() as client:
        await client.delete(f"{ROOT}/{name}")
        assert (await client.get(path)).json()["error"]["code"] == "task_not_found"


@pytest.mark.advisory("CVE-2026-49468")
async def test_no_answer_is_built_from_the_host_header(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    async with house.client() as client:
        answer = await client.get(f"{ROOT}/{name}", headers={"Host": "evil.example"})
    assert answer.json()["url"].startswith("http://localhost:8080/")


# -- waiting -----------------------------------------------------------------------------------


async def test_a_long_poll_is_answered_when_the_task_ends(house: Wired) -> None:
    name = await submit(house)
    running = await house.bring(house.task(name), Status.RUNNING)
    await house.store_film(running)
    async with house.client() as client:
        waiting = asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=30"))
        await until(lambda: house.application is not None and name in house.bell._ears)
        stored = house.move(house.task(name), _ready())
        house.move(stored, _stored())
        answer = await asyncio.wait_for(waiting, 5)
    assert answer.json()["status"] == "succeeded"


class LostBell(LocalBell):
    """A bell whose every ring is lost on its way; it knows how long anybody would wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []
        self.waits_s: list[float] = []

    def ring_here(self, task_ids: Iterable[str]) -> None:
        self.lost += task_ids

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        self.waits_s.append(timeout_s)
        return await super().wait(task_id, timeout_s)


async def test_a_ring_that_is_lost_costs_whoever_waits_a_second_at_most(tmp_path: Path) -> None:
    bell = LostBell()
    async with wired(tmp_path, bell=bell) as house, house.client() as client:
        name = await submit(house)
        poll = asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=60"))
        stream = asyncio.ensure_future(client.get(f"{ROOT}/{name}/events"))
        await until(lambda: len(bell._ears.get(name, ())) == 2)
        await house.bring(house.task(name), Status.FAILED)
        answer, told = await asyncio.wait_for(asyncio.gather(poll, stream), 5)
    assert name in bell.lost
    assert max(bell.waits_s) <= 1.0
    assert answer.json()["status"] == "failed"
    assert told.text.count('"status":"failed"') == 1


async def test_a_revoked_key_ends_a_long_poll_and_a_stream(house: Wired) -> None:
    name = await submit(house)
    async with house.client() as client:
        poll = asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=60"))
        stream = asyncio.ensure_future(client.get(f"{ROOT}/{name}/events"))
        await until(lambda: len(house.bell._ears.get(name, ())) == 2)
        revoked = replace(house.key, revoked_at=NOON)
        house.keyring.keys = {house.key.digest: revoked}
        ended = await asyncio.wait_for(poll, 5)
        told = await asyncio.wait_for(stream, 5)
    assert ended.json()["error"]["code"] == "invalid_api_key"
    assert told.text.count("event: status") == 1


async def test_a_caller_who_left_holds_no_long_poll(house: Wired) -> None:
    """Else a client that gives up early is refused for a minute once it did so often enough."""
    name = await submit(house)
    left = asyncio.Event()
    told: list[Message] = []

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{ROOT}/{name}",
        "query_string": b"wait=60",
        "headers": [(b"authorization", f"Bearer {SECRET}".encode())],
    }
    poll = asyncio.ensure_future(house.application(scope, receive, send))
    await until(lambda: name in house.bell._ears)
    left.set()
    house.bell.ring(name)
    await asyncio.wait_for(poll, 5)
    assert told == []


async def test_a_last_event_id_from_beyond_hides_nothing_to_come(house: Wired) -> None:
    name = await submit(house)
    headers = {"Last-Event-ID": "99999"}
    async with house.client() as client:
        stream = asyncio.ensure_future(client.get(f"{ROOT}/{name}/events", headers=headers))
        await until(lambda: name in house.bell._ears)
        await house.bring(house.task(name), Status.FAILED)
        told = await asyncio.wait_for(stream, 5)
        again = await client.get(f"{ROOT}/{name}/events", headers=headers)
    assert told.text.count('"status":"failed"') == 1
    assert again.status_code == 204


def test_a_heartbeat_is_never_later_than_promised() -> None:
    assert HEARTBEAT_S + CHECK_S < 15


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/event-stream", 200),
        ("text/*;q=0.1", 200),
        ("*/*", 200),
        ("", 200),
        ("application/json", 406),
        ("text/event-stream;q=0, */*", 406),
        ("*/*, text/*; q=0.0", 406),
        ("*/*;q=0, text/event-stream", 200),
    ],
)
async def test_the_closest_range_of_an_accept_decides(
    house: Wired, accept: str, status: int
) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.FAILED)
    async with house.client() as client:
        answer = await client.get(f"{ROOT}/{name}/events", headers={"Accept": accept})
    assert answer.status_code == status


async def test_a_wait_is_read_from_every_line_and_however_long(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.FAILED)
    lines = [("Prefer", "respond-async"), ("Prefer", "wait=0000000099")]
    async with house.client() as client:
        answer = await client.get(f"{ROOT}/{name}", headers=lines)
        assert answer.headers.get("preference-applied") is None
        lines[1] = ("Prefer", "wait=000099")
        answer = await client.get(f"{ROOT}/{name}", headers=lines)
        assert answer.headers["preference-applied"] == "wait=60"
        for text in ("", "-1", "1.5", "x", "٣"):
            bad = await client.get(f"{ROOT}/{name}", params={"wait": text})
            assert (bad.status_code, bad.json()["error"]["param"]) == (400, "wait")
        seen = [("If-None-Match", '"x"'), ("If-None-Match", answer.headers["etag"])]
        assert (await client.get(f"{ROOT}/{name}", headers=seen)).status_code == 304


async def test_draining_ends_whoever_waits(house: Wired) -> None:
    name = await submit(house)
    async with house.client() as client:
        poll = asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=60"))
        await until(lambda: name in house.bell._ears)
        house.application.draining.set()
        house.bell.ring(name)
        answer = await asyncio.wait_for(poll, 5)
    assert answer.json()["status"] == "queued"


async def test_a_key_may_hold_only_so_many_requests_open(house: Wired) -> None:
    names = [await submit(house) for _ in range(4)]
    async with house.client() as client:
        polls = [asyncio.ensure_future(client.get(f"{ROOT}/{name}?wait=60")) for name in names[:3]]
        await until(lambda: all(name in house.bell._ears for name in names[:3]))
        answer = await client.get(f"{ROOT}/{names[3]}?wait=60")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        house.application.draining.set()
        for name in names:
            house.bell.ring(name)
        await asyncio.gather(*polls)


async def until(is_so: Any) -> None:
    """Let everyone else run until it is so."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.wait([asyncio.ensure_future(_a_turn())])


async def _a_turn() -> None:
    return None


def _ready() -> Any:
    from rushes.domain.task import Event

    return Event.READY


def _stored() -> Any:
    from rushes.domain.task import Event

    return Event.STORED


# -- both dialects -----------------------------------------------------------------------------


async def test_a_task_of_one_dialect_is_read_and_removed_in_the_other(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    async with house.client() as client:
        assert (await client.get(f"/v1/videos/{name}")).json()["status"] == "completed"
        assert (await client.delete(f"/v1/videos/{name}")).json()["deleted"] is True
        assert (await client.get(f"{ROOT}/{name}")).status_code == 404
        assert (await client.get(f"/v1/videos/{name}/content")).status_code == 404


async def test_deleting_keeps_money_and_forgets_the_film(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    async with house.client() as client:
        await client.delete(f"{ROOT}/{name}")
    assert len(house.store.read_now(lambda tx: tx.entries(name))) == 3
    assert [blob async for blob, _ in house.blobs.names("films/")] == []


@dataclass
class _OneWrite:
    """A store that takes one write and then no more for a while."""

    store: Any
    fault: Exception
    taken: int = 0

    async def read(self, query: Any) -> Any:
        return await self.store.read(query)

    async def write(self, act: Any, *, alone: bool = False) -> Any:
        self.taken += 1
        if self.taken > 1:
            raise self.fault
        return await self.store.write(act, alone=alone)


@pytest.mark.parametrize("fault", [StoreBusy("many writes wait"), StoreInDoubt("who knows")])
async def test_a_deletion_that_is_done_is_told_so_whatever_happens_to_what_is_left_to_tidy(
    house: Wired, fault: Exception
) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    house.gateway.store = _OneWrite(house.store, fault)  # type: ignore[assignment]
    async with house.client() as client:
        answer = await client.delete(f"{ROOT}/{name}")
    assert answer.status_code == 200
    assert house.store.read_now(lambda tx: tx.task(name)) is None


async def test_a_deletion_leaves_a_try_that_is_still_written_to_the_sweep(house: Wired) -> None:
    """Its file may come after it was looked for, and then nobody would know of it."""
    name = await submit(house)
    task = await house.bring(house.task(name), Status.STORING)
    mine = new_try(task, ArtifactKind, at=house.clock.now())
    house.store.write_now(lambda tx: tx.add_artifacts(*mine.values()))
    async with house.client() as client:
        assert (await client.post(f"{ROOT}/{name}/cancel")).status_code == 200
        assert (await client.delete(f"{ROOT}/{name}")).status_code == 200
    later = house.clock.now() + timedelta(days=1)
    swept = house.store.read_now(lambda tx: tx.sweepable(later, 100))
    assert {one.blob for one in swept} >= {one.blob for one in mine.values()}


async def test_a_cancel_is_final_in_both_dialects_and_cannot_be_taken_back(house: Wired) -> None:
    name = await submit(house)
    async with house.client() as client:
        assert (await client.post(f"{ROOT}/{name}/cancel")).json()["error"]["code"] == 499
        assert (await client.get(f"/v1/videos/{name}")).json()["error"]["code"] == "canceled"
        again = await client.post(f"{ROOT}/{name}/cancel", content=b"whatever")
    assert again.json()["error"]["code"] == "task_already_finished"


async def test_the_videos_list_knows_no_status_and_no_model(house: Wired) -> None:
    """Unknown query keys are ignored, bad values included."""
    name = await submit(house)
    async with house.client() as client:
        answer = await client.get("/v1/videos?status=completed&model=nope&limit=")
    assert [video["id"] for video in answer.json()["data"]] == [name]


async def test_pages_of_both_dialects_follow_one_cursor(house: Wired) -> None:
    names = []
    for _ in range(5):
        house.clock.advance(1)
        names.append(await submit(house))
    async with house.client() as client:
        first = (await client.get("/v1/videos?limit=2")).json()
        rest = (await client.get(f"/v1/videos?limit=9&after={first['last_id']}")).json()
        up = (await client.get(f"{ROOT}?order=asc&limit=100")).json()
        none = (await client.get("/v1/videos?limit=0")).json()
    assert [v["id"] for v in first["data"] + rest["data"]] == names[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [g["task_id"] for g in up["data"]] == names
    assert (none["data"], none["has_more"]) == ([], True)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("after=task-1", "after"),
        ("order=up", "order"),
        ("status=running", "status"),
    ],
)
async def test_a_bad_page_is_refused_by_name(house: Wired, query: str, param: str) -> None:
    async with house.client() as client:
        answer = await client.get(f"{ROOT}?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_check_that_breaks_is_told_as_one_that_fails(tmp_path: Path) -> None:
    def broken() -> bool:
        raise OSError("no such device")

    async with wired(tmp_path, check=broken) as house, house.client(None) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "storage": "failing", "engine": "ok"}


# -- webhooks ----------------------------------------------------------------------------------


async def test_the_webhook_secret_is_the_account_s_and_stays(house: Wired) -> None:
    house.add_key("sk-live-another", scopes=frozenset({Scope.READ}))
    house.add_key("sk-live-foreign", account_id="acct_foreign")
    told = []
    for secret in (SECRET, "sk-live-another", "sk-live-foreign"):
        async with house.client(secret) as client:
            told.append((await client.get("/v1/webhooks/secret")).json()["secret"])
    assert told[0] == told[1] != told[2]


async def test_during_a_rotation_the_secret_before_is_told_too(house: Wired) -> None:
    async with house.client() as client:
        first = (await client.get("/v1/webhooks/secret")).json()
        before = house.store.read_now(lambda tx: tx.webhook_secret(house.key.account_id))
        assert before is not None
        after = before.rotated(house.clock.now(), previous_for=timedelta(hours=24))
        assert house.store.write_now(lambda tx: tx.change_webhook_secret(before, after))
        second = (await client.get("/v1/webhooks/secret")).json()
        house.clock.advance(24 * 3600)
        third = (await client.get("/v1/webhooks/secret")).json()
    assert (first["previous"], second["previous"], third["previous"]) == (
        None,
        first["secret"],
        None,
    )
    assert second["secret"] == third["secret"] == after.secret
