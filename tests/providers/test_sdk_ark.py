"""The official SDK against the simulated Ark: what it sends is taken, what it reads is there.

The SDK is no dependency of ours and none of our tests' either: it asks three times for what was
accepted once. It is fetched into a folder of its own and run in a process of its own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.ark import ArkServer, Settings
from rushes.testing.simulators.host import serving
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

SDK = "volcengine-ark-runtime==5.0.54"  # what volcengine-python-sdk[ark] 5.0.54 installs
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "ark-Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_ark_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(bodies("ark")))
    server = ArkServer(clock=ManualClock(NOON), settings=Settings(key=KEY))
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}/api/v3")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives as we would have sent it
    for task_id, body in zip(found["creates"], bodies("ark"), strict=True):
        arrived = server.jobs[task_id].fields
        assert {name: value for name, value in arrived.items() if value is not None} == body
        assert None in arrived.values()  # nulls for all that was left out
    posts = [seen for seen in server.seen if seen.method == "POST" and "tasks" in seen.path]
    assert all("x-client-request-id" in seen.headers for seen in posts)

    assert found["token"] == found["token_listed"] == "u1"
    assert found["queued"]["status"] == "queued"
    assert (found["deleted"], found["cancelled"]) == (True, "cancelled")
    assert found["running"] == "running"
    assert found["too_late"][1:] == [409, "InvalidAction.RunningTaskDeletion"]
    done = found["succeeded"]
    assert (done["status"], done["seed"], done["ratio"]) == ("succeeded", 11, "1:1")
    assert done["content"]["video_url"].startswith("http://localhost:")
    assert done["content"]["last_frame_url"]
    assert done["usage"]["completion_tokens"] == done["usage"]["total_tokens"] > 0
    assert found["listed"] == [1, True]
    assert found["failed"]["code"] == "InternalServiceError"
    assert found["errors"] == {
        "invalid": ["ArkBadRequestError", 400, "InvalidParameter"],
        "moderated": [
            "ArkBadRequestError", 400, "InputTextSensitiveContentDetected.PolicyViolation",
        ],
        "unauthorized": ["ArkAuthenticationError", 401, "AuthenticationError"],
        "out_of_money": ["ArkPermissionDeniedError", 403, "AccountOverdueError"],
        "model_not_open": ["ArkNotFoundError", 404, "ModelNotOpen"],
        "rate_limited": ["ArkRateLimitError", 429, "ModelAccountRpmRateLimitExceeded"],
        "server_error": ["ArkInternalServerError", 500, "InternalServiceError"],
    }  # fmt: skip
    assert found["unknown"] == ["ArkNotFoundError", 404, "NotFound.Task"]
    assert found["async"] == "queued"
    assert (found["trouble"], found["paid"]) == ("ArkAPIConnectionError", 3)
