"""The official SDK against the simulated Luma: what it sends is taken, what it reads is there.

The SDK is no dependency of ours and none of our tests' either: it asks three times for what was
accepted once. It is fetched into a folder of its own and run in a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.luma import HELD_TO, LumaServer
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "luma-Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_luma_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(bodies("luma")))
    server = LumaServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = (
            "-S",
            str(SESSION),
            str(tmp_path / "sdk"),
            f"http://127.0.0.1:{port}/dream-machine/v1",
        )
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
        assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives as we would have sent it
    for generation_id, body in zip(found["creates"], bodies("luma"), strict=True):
        assert server.jobs[generation_id].fields == body

    assert found["queued"] == ["queued", None, "video", "ray-2"]
    assert found["deleted"] == ["NotFoundError", 404, "Generation not found"]
    assert found["dreaming"] == "dreaming"
    assert found["completed"] == ["completed", "2026-11-23T12:00:00+00:00", "720p"]
    assert found["film"] == "ftyp"
    assert found["failed"] == ["failed", "Frame moderation failed"]
    assert found["listed"] == [2, True, 2, 1]
    assert found["echoed"] == [True, "http://127.0.0.1:9/hook"]
    assert found["extended"] is True
    assert found["unmade"] == ["BadRequestError", 400, "Unknown request type"]
    assert found["balance"] == 4200.0
    assert found["errors"] == {
        "invalid": [
            "BadRequestError", 400, "Prompt is too short, minimum length is 3 characters",
        ],
        "moderated": [
            "BadRequestError", 400, "400: prompt not allowed because advanced moderation failed",
        ],
        "unauthorized": ["AuthenticationError", 401, "Invalid API key is provided"],
        "out_of_money": ["BadRequestError", 400, "Insufficient credits"],
        "rate_limited": ["RateLimitError", 429, "Rate limit exceeded"],
    }  # fmt: skip
    assert (found["older"], found["async"]) == ("queued", "completed")

    # what was accepted and dropped is submitted again, twice, and paid for three times
    tail = [entry["job_id"] for entry in server.log.entries][-3:]
    assert None not in tail
    assert len(set(tail)) == len(tail)
    assert found["paid_thrice"] == tail[-1]
