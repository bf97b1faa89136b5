"""The official SDK against the simulated Runway: what it sends is taken, what it reads is there.

The SDK is no dependency of ours and none of our tests' either: it submits again what may have
been accepted. It is fetched into a folder of its own and run in a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.runway import HELD_TO, VERSION, RunwayServer
from sdks import GOLDENS, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "key_" + 16 * "c0ffee11"
SESSION = Path(__file__).parent / "sdk_runway_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    goldens = [json.loads(path.read_text()) for path in sorted((GOLDENS / "runway").glob("*.json"))]
    creates = [golden for golden in goldens if "body" in golden]
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(creates))
    server = RunwayServer(clock=ManualClock(NOON), key=KEY, concurrency=2)
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK's types allow, and arrives as we would have sent it
    for task_id, golden in zip(found["creates"], creates, strict=True):
        arrived = server.jobs[task_id].fields
        assert f"/v1/{arrived['_endpoint']}" == golden["path"]
        said = {name: value for name, value in arrived.items() if not name.startswith("_")}
        assert said == golden["body"]
    asked = [seen for seen in server.seen if seen.path.startswith("/v1/")]
    assert {seen.headers["authorization"] for seen in asked} == {f"Bearer {KEY}"}
    assert {seen.headers["x-runway-version"] for seen in asked} == {VERSION}

    assert found["pending"] == [60, "PENDING", 60]
    assert found["throttled"] == "THROTTLED"
    assert found["stopped"] == ["NotFoundError", 404, "Could not find Task"]
    assert found["stopped_twice"] == found["stopped"]
    assert found["running"] == ["RUNNING", 0.25]
    assert found["done"] == ["SUCCEEDED", 1, 60]
    assert found["film"] == "ftyp"
    assert found["failed"] == ["FAILED", "INTERNAL", "An unexpected error occurred.", 0]
    assert found["deleted"] == found["stopped"]
    assert found["deleted_film"] == 404
    assert {name: told[:2] for name, told in found["errors"].items()} == {
        "invalid": ["BadRequestError", 400],
        "out_of_money": ["BadRequestError", 400],
        "unauthorized": ["AuthenticationError", 401],
        "model_retired": ["PermissionDeniedError", 403],
        "unsupported": ["APIStatusError", 405],
        "rate_limited": ["RateLimitError", 429],
        "server_error": ["InternalServerError", 500],
        "unavailable": ["InternalServerError", 503],
    }
    assert found["errors"]["invalid"][2] == "Validation of body failed"

    # what was accepted and answered with 500 is submitted again, and paid for twice
    tail = [entry["job_id"] for entry in server.log.entries][-2:]
    assert None not in tail
    assert found["paid_twice"] == tail[-1]
