"""The official SDK against the simulated Replicate: what it sends is taken, what it reads is there.

The SDK is no dependency of ours and none of our tests' either. It is fetched into a folder of its
own and run in a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.replicate import HELD_TO, ReplicateServer, Settings
from rushes.testing.simulators.replicate_bells import FORGED, SECRET, signatures_of
from rushes.testing.simulators.replicate_errors import REPLIES
from sdks import GOLDENS, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "r8_Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_replicate_session.py"
CALL = json.dumps({"id": "a", "status": "succeeded"})


def creates() -> list[dict[str, Any]]:
    goldens = [json.loads(path.read_text()) for path in sorted((GOLDENS / "replicate").glob("*"))]
    return [
        {"model": golden["upstream_model"], "path": golden["path"], "body": golden["body"]}
        for golden in goldens
        if "body" in golden and "text" not in golden["body"]["input"]
    ]


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    signed, forged = (
        signatures_of(secret, "msg_1", int(NOON.timestamp()), CALL.encode())
        for secret in (SECRET, FORGED)
    )
    given = {"creates": creates(), "call": CALL, "signed": signed, "forged": forged}
    (tmp_path / "given.json").write_text(json.dumps(given))
    server = ReplicateServer(clock=ManualClock(NOON), settings=Settings(key=KEY))
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "given.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives where and as we would have sent it
    posted = [seen for seen in server.seen if seen.method == "POST" and "/_" not in seen.path]
    for (name, status, *_), create, seen in zip(
        found["creates"], creates(), posted[: len(creates())], strict=True
    ):
        arrived = {k: v for k, v in server.jobs[name].fields.items() if not k.startswith("_")}
        assert (seen.path, arrived) == (f"/v1{create['path']}", create["body"])
        assert status == "starting"
        assert seen.headers["authorization"] == f"Bearer {KEY}"

    assert found["stopped"] == "canceled"
    assert found["working"] == ["processing", 0.5, None]
    assert found["film"][:2] == ["succeeded", "ftyp"]
    assert found["film"][2] == {"predict_time": 2.0, "total_time": 3.0}
    assert found["broken"][0] == "failed"
    assert "E1001" in found["broken"][1]
    assert found["listed"] == [True, len(creates()) + 3, None]
    assert found["echo"] == {"prompt": "A boat."}
    for name, told in found["errors"].items():
        said = json.loads(REPLIES[name].body or b"{}")
        assert told == [REPLIES[name].status, said.get("title"), said.get("detail")], name
    assert found["unknown"][0] == 404
    assert (found["secret"], found["forged"]) == (SECRET, "Webhook signature is invalid")
