"""The enveloped style: for the server or for a key, and for three calls only (CONTRACT §5.4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rushes.domain.errors import Failure, Reason
from rushes.domain.task import Status
from rushes.http.envelope import Styles
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
BODY = {"model": "sandbox", "prompt": "a boat"}
UNKNOWN = "video_" + "0" * 32
OTHER = "sk-live-" + "9" * 28


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path, styles=Styles(is_enveloped=True)) as found:
        yield found


async def ask(house: Wired, method: str, path: str, **given: Any) -> httpx2.Response:
    async with house.client() as client:
        return await client.request(method, path, **given)


async def submit(house: Wired) -> str:
    answer = await ask(house, "POST", ROOT, json=BODY)
    told = answer.json()
    assert (told["code"], told["message"]) == ("success", "")
    return str(told["data"]["id"])


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.QUEUED, "queued"),
        (Status.RUNNING, "in_progress"),
        (Status.SUCCEEDED, "completed"),
        (Status.FAILED, "failed"),
    ],
)
async def test_every_status_has_its_keys_in_their_order(
    house: Wired, status: Status, word: str
) -> None:
    name = await submit(house)
    failure = Failure.of(Reason.CONTENT_REFUSED) if status is Status.FAILED else None
    if status is not Status.QUEUED:
        await house.bring(house.task(name), status, failure=failure)
    data = (await ask(house, "GET", f"{ROOT}/{name}")).json()["data"]
    more = {
        Status.SUCCEEDED: ["completed_at", "seconds", "url", "video_url"],
        Status.FAILED: ["seconds", "error"],
    }.get(status, ["seconds"])
    first = ["id", "task_id", "object", "model", "status", "progress", "created_at"]
    assert list(data) == [*first, *more, "metadata"]
    assert (data["status"], data["seconds"], data["metadata"]) == (word, "5", {})
    if status is Status.SUCCEEDED:
        assert data["url"] == data["video_url"]
    if status is Status.FAILED:
        assert list(data["error"]) == ["message", "code"]
        assert data["error"]["code"] == "content_policy_violation"


async def test_headers_and_conditions_are_those_of_the_flat_style(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    enveloped = await ask(house, "GET", f"{ROOT}/{name}")
    house.application.wire.styles.by_key[house.key.id] = False  # type: ignore[index]
    flat = await ask(house, "GET", f"{ROOT}/{name}")
    house.application.wire.styles.by_key.clear()  # type: ignore[attr-defined]
    assert flat.json()["status"] == "succeeded"
    varying = {"x-request-id", "content-length"}
    assert {k: v for k, v in enveloped.headers.items() if k not in varying} == {
        k: v for k, v in flat.headers.items() if k not in varying
    }
    known = {"If-None-Match": enveloped.headers["etag"]}
    assert (await ask(house, "GET", f"{ROOT}/{name}", headers=known)).status_code == 304
    waited = await ask(house, "GET", f"{ROOT}/{name}?wait=1", headers={"Prefer": "wait=2"})
    assert waited.json()["data"]["status"] == "completed"


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"),
    [
        ("POST", ROOT, {"json": {"prompt": "x"}}, 400, "missing_parameter"),
        ("POST", ROOT, {"content": b"{", "headers": {}}, 400, "invalid_json"),
        ("POST", ROOT, {"json": {**BODY, "model": "none"}}, 404, "model_not_found"),
        ("GET", f"{ROOT}/{UNKNOWN}", {}, 404, "task_not_found"),
        ("GET", f"{ROOT}/{UNKNOWN}?wait=x", {}, 400, "invalid_value"),
        ("POST", f"{ROOT}/{UNKNOWN}/cancel", {}, 404, "task_not_found"),
    ],
)
async def test_a_refusal_of_these_calls_comes_in_an_envelope(
    house: Wired, method: str, path: str, given: dict[str, Any], status: int, code: str
) -> None:
    answer = await ask(house, method, path, **given)
    assert answer.status_code == status
    assert list(answer.json()) == ["code", "message", "data"]
    assert (answer.json()["code"], answer.json()["data"]) == (code, None)
    assert answer.json()["message"]
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_refused_earlier_and_elsewhere_keeps_its_form(house: Wired) -> None:
    name = await submit(house)
    text = {"Content-Type": "text/plain"}
    for method, path, given, code in (
        ("POST", ROOT, {"content": b"x", "headers": text}, "unsupported_media_type"),
        ("PUT", ROOT, {}, "method_not_allowed"),
        ("GET", f"{ROOT}?limit=0", {}, "invalid_value"),
        ("DELETE", f"{ROOT}/{name}", {}, "task_not_finished"),
        ("GET", f"/v1/videos/{UNKNOWN}", {}, "task_not_found"),
        ("GET", f"{ROOT}/download?id={UNKNOWN}", {}, "task_not_found"),
    ):
        assert (await ask(house, method, path, **given)).json()["error"]["code"] == code
    async with house.client("sk-live-unknown") as client:
        answer = await client.get(f"{ROOT}/{name}")
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_lists_events_and_the_other_dialect_do_not_change(house: Wired) -> None:
    name = await submit(house)
    await house.bring(house.task(name), Status.SUCCEEDED)
    (listed,) = (await ask(house, "GET", ROOT)).json()["data"]
    assert (listed["task_id"], listed["status"]) == (name, "succeeded")
    assert (await ask(house, "GET", f"/v1/videos/{name}")).json()["status"] == "completed"
    stream = (await ask(house, "GET", f"{ROOT}/{name}/events")).text
    last = json.loads(stream.rpartition("data: ")[2])
    assert last["status"] == "succeeded"


async def test_a_keys_own_style_is_stronger_than_the_servers(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        other = house.add_key(OTHER)
        await house.keyring.reload()
        house.application.wire.styles.by_key[other.id] = True  # type: ignore[index]
        name = (await ask(house, "POST", ROOT, json=BODY)).json()["task_id"]
        async with house.client(OTHER) as client:
            assert (await client.get(f"{ROOT}/{name}")).json()["code"] == "success"
        assert (await ask(house, "GET", f"{ROOT}/{name}")).json()["status"] == "queued"


async def test_the_quickest_way_leaves_envelopes_to_the_ordinary_one(house: Wired) -> None:
    name = await submit(house)
    hot = house.application.hot_looks
    assert hot is not None
    headers = [(b"authorization", f"Bearer {SECRET}".encode())]
    assert hot(f"{ROOT}/{name}".encode(), headers, b"") is None
    house.application.wire.styles.by_key[house.key.id] = False  # type: ignore[index]
    assert hot(f"{ROOT}/{name}".encode(), headers, b"") is not None
