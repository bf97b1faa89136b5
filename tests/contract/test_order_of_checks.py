"""The order of checks of the contract's §2: of two faults in one request the earlier one answers.

Each row has two neighbours of the list in one request. Balances are checked by what comes with
guarded doors, and stand in no row yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from rushes.domain.access import Limits, Scope
from rushes.domain.task import Status
from wiring import SECRET, Wired, wired

ROOT = "/v1/video/generations"
UNKNOWN = "video_" + "0" * 32
LIMITED, NARROW, READER = "sk-live-limited", "sk-live-narrow", "sk-live-reader"
SPENT, BUSY = "sk-live-spent", "sk-live-busy"
GOOD = {"model": "sandbox", "prompt": "a heron"}
USED = {"Idempotency-Key": "used"}
TEXT = {"Content-Type": "text/plain"}
LARGE = {"Content-Length": str(26 * 2**20)}
FULL = "storage is full"

Row = tuple[str, str, str, dict[str, Any], str | None]
ROWS: list[Row] = [
    ("missing_api_key", "GET", "/v1/movies", {}, None),
    ("missing_api_key", "PUT", ROOT, {}, None),
    ("missing_api_key", "POST", ROOT, {"content": b"{", "headers": TEXT}, None),
    ("route_not_found", "POST", "/v1/movies", {"content": b"x", "headers": LARGE}, SECRET),
    ("method_not_allowed", "PUT", ROOT, {"content": b"x", "headers": LARGE | TEXT}, SECRET),
    ("method_not_allowed", "POST", "/v1/webhooks/secret", {}, NARROW),
    ("scope_missing", "GET", "/v1/webhooks/secret?x=1", {}, NARROW),
    ("method_not_allowed", "PUT", ROOT, {"content": b"x", "headers": LARGE | TEXT}, READER),
    ("scope_missing", "POST", ROOT, {"content": b"x", "headers": LARGE | TEXT}, READER),
    ("scope_missing", "POST", "/admin/v1/keys", {"content": b"[", "headers": LARGE | TEXT}, SECRET),
    ("route_not_found", "POST", "/v1/movies", {"content": b"x", "headers": LARGE}, SPENT),
    ("method_not_allowed", "PUT", ROOT, {"content": b"x", "headers": LARGE}, SPENT),
    ("rate_limit_exceeded", "POST", ROOT, {"content": b"x", "headers": LARGE | TEXT}, SPENT),
    ("rate_limit_exceeded", "POST", ROOT, {"json": GOOD, "headers": USED}, SPENT),
    ("request_too_large", "POST", ROOT, {"content": b"x", "headers": LARGE | TEXT}, SECRET),
    ("unsupported_media_type", "POST", ROOT, {"content": b"{", "headers": TEXT}, SECRET),
    ("invalid_json", "POST", ROOT, {"content": b"[]", "headers": USED}, SECRET),
    (
        "idempotency_key_reused",
        "POST",
        ROOT,
        {"json": {"model": "nope", "seconds": "x"}, "headers": USED},
        SECRET,
    ),
    ("missing_parameter", "POST", ROOT, {"json": {"seconds": "x"}}, SECRET),
    ("model_not_found", "POST", ROOT, {"json": {"model": "nope", "seconds": "x"}}, SECRET),
    ("model_not_found", "POST", ROOT, {"json": {"model": "nope"}}, LIMITED),
    ("model_not_allowed", "POST", ROOT, {"json": {"model": "sora-2", "n": 9}}, LIMITED),
    ("model_not_allowed", "POST", "/v1/videos", {"json": {"model": "sora-2"}}, LIMITED),
    (
        "invalid_value",
        "POST",
        ROOT,
        {"json": {**GOOD, "user": "u" * 600, "remix_from_video_id": UNKNOWN}},
        SECRET,
    ),
    ("missing_parameter", "POST", f"/v1/videos/{UNKNOWN}/remix", {"json": {}}, SECRET),
    (
        "unsupported",
        "POST",
        f"/v1/videos/{UNKNOWN}/remix",
        {"json": {"model": "wan2.7-r2v", "prompt": "x"}},
        SECRET,
    ),
    ("invalid_value", "POST", ROOT, {"json": {**GOOD, "seconds": 99}}, FULL),
    ("invalid_media", "POST", ROOT, {"json": {**GOOD, "image": "AAAA"}}, FULL),
    ("task_not_found", "POST", ROOT, {"json": {**GOOD, "remix_from_video_id": UNKNOWN}}, FULL),
    ("task_not_found", "POST", ROOT, {"json": {**GOOD, "remix_from_video_id": UNKNOWN}}, BUSY),
    ("too_many_active_tasks", "POST", ROOT, {"json": GOOD}, BUSY),
    ("overloaded", "POST", ROOT, {"json": GOOD}, FULL),
]
"""The code that answers, the request, and whose key asks (FULL: ours, while storage is full, as it
is for BUSY, who may have no task; SPENT may not submit)."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wired]:
    async with wired(tmp_path_factory.mktemp("order")) as found:
        found.add_key(LIMITED, models=frozenset({"sandbox"}))
        found.add_key(NARROW, scopes=frozenset({Scope.GENERATE}))
        spent = Limits(submits_per_minute=0)
        found.add_key(READER, scopes=frozenset({Scope.READ}), limits=spent)
        found.add_key(SPENT, limits=spent)
        found.add_key(BUSY, limits=Limits(in_flight_max=0))
        async with found.client() as client:
            assert (await client.post(ROOT, json=GOOD, headers=USED)).is_success
        yield found


@pytest.mark.parametrize(
    ("code", "method", "path", "request_", "secret"),
    ROWS,
    ids=[f"{index}-{row[0]}" for index, row in enumerate(ROWS)],
)
async def test_of_two_faults_the_earlier_one_answers_and_nothing_is_stored(
    house: Wired, code: str, method: str, path: str, request_: dict[str, Any], secret: str | None
) -> None:
    policies, given = house.gateway.policies, len(house.dispatcher.given)
    if secret in {FULL, BUSY}:
        house.gateway.policies = replace(policies, free_bytes_min=2**62)
    try:
        async with house.client(SECRET if secret == FULL else secret) as client:
            answer = await client.request(method, path, **request_)
    finally:
        house.gateway.policies = policies
    assert answer.json()["error"]["code"] == code, answer.text
    assert len(house.dispatcher.given) == given


async def test_a_repeat_is_answered_though_nothing_new_would_be(house: Wired) -> None:
    """Idempotency is judged before the model, the parameters and our room."""
    policies = house.gateway.policies
    house.gateway.policies = replace(policies, free_bytes_min=2**62)
    try:
        async with house.client() as client:
            answer = await client.post(ROOT, json=GOOD, headers=USED)
    finally:
        house.gateway.policies = policies
    assert answer.status_code == 200
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert house.task(answer.json()["id"]).status is Status.QUEUED
