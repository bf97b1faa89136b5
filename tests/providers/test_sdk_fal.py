"""The official SDK against the simulated fal.ai: what it sends is taken, what it reads is there.

The SDK is no dependency of ours and none of our tests' either: it asks again for what may have
been accepted. It is fetched into a folder of its own and run in a process of its own, with one
line changed, for it takes no base URL.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.fal import HELD_TO, FalServer
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import serving
from sdks import GOLDENS, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "5f1c0de2-7a1b-4c3d-9e8f-012345678901:Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_fal_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    goldens = [json.loads(path.read_text()) for path in sorted((GOLDENS / "fal").glob("*.json"))]
    creates = [golden for golden in goldens if "body" in golden]
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(creates))
    server = FalServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives as we would have sent it
    for request_id, golden in zip(found["creates"], creates, strict=True):
        arrived = server.jobs[request_id].fields
        assert f"/{arrived['_app']}" == golden["path"]
        said = {name: value for name, value in arrived.items() if not name.startswith("_")}
        assert said == golden["body"]

    # so are an operator's wishes, and the address to ring at
    assert server.jobs[found["wished"]].said("_webhook") == "http://127.0.0.1:9/?a=b&c=d"
    [wished] = [seen for seen in server.seen if "fal_webhook" in seen.query]
    assert wished.query == "fal_webhook=http%3A%2F%2F127.0.0.1%3A9%2F%3Fa%3Db%26c%3Dd"
    assert wished.headers["authorization"] == f"Key {KEY}"
    assert wished.headers["x-fal-queue-priority"] == "low"

    assert found["queued"] == ["Queued", 0]
    assert found["stopped"] == [404, None]
    assert found["running"] == "InProgress"
    assert found["done"] == ["Completed", {"inference_time": 2.0}, None, None]
    assert found["video"] == ["video/mp4", len(tiny_film())]
    assert found["film"] == "ftyp"
    assert found["late"] == [400, None]
    assert found["broken"] == ["Completed", "runner_server_error", 500, "runner_server_error"]
    assert found["refused"] == [None, 422, None]
    assert found["errors"] == {
        "invalid": [422, None],
        "moderated": [422, None],
        "unauthorized": [401, None],
        "out_of_money": [403, None],
        "no_app": [404, None],
        "server_error": [500, "internal_error"],
    }

    # what was accepted and dropped is submitted again, and paid for twice
    tail = [entry["job_id"] for entry in server.log.entries][-2:]
    assert None not in tail
    assert found["paid_twice"] == tail[-1]
