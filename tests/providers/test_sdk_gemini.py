"""The official SDK against the simulated Gemini API: what it sends is taken, and read what is told.

The SDK is no dependency of ours and none of our tests' either. It is fetched into a folder of its
own and run in a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.gemini import HELD_TO, GeminiServer
from rushes.testing.simulators.host import serving
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "AIzaWinter42Winter42"
SESSION = Path(__file__).parent / "sdk_gemini_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(bodies("gemini")))
    server = GeminiServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives as we would have sent it
    jobs = list(server.jobs.values())
    for name, job, body in zip(found["creates"], jobs, bodies("gemini"), strict=False):
        assert job.id == name
        assert dict(job.fields) == body
    assert len(found["creates"]) == len(bodies("gemini"))
    asked = [seen for seen in server.seen if not seen.path.startswith("/_simulator")]
    assert all(seen.headers["x-goog-api-key"] == KEY for seen in asked)
    looks = [seen for seen in asked if seen.method == "GET" and "/interactions/" in seen.path]
    assert {seen.query for seen in looks} == {"stream=false"}

    assert (found["new"], found["waiting"]) == ("queued", "queued")
    assert found["stopped"] == ["cancelled", "cancelled"]
    assert found["stored"][:2] == ["completed", "video/mp4"]
    assert found["stored"][2].endswith(":download?alt=media")
    assert found["stored"][3] == 23052
    assert found["file"] == "ftyp"
    assert found["inside"] is True
    assert found["broken"] == ["failed", "safety", "Not fit."]
    assert found["late"] == ["BadRequestError", 400]
    assert found["deleted"] == ["NotFoundError", 404]
    assert found["errors"] == {
        "invalid": ["BadRequestError", 400],
        "unauthorized": ["BadRequestError", 400],
        "out_of_money": ["PermissionDeniedError", 403],
        "model_retired": ["NotFoundError", 404],
        "rate_limited": ["RateLimitError", 429],
        "server_error": ["InternalServerError", 500],
        "unavailable": ["InternalServerError", 503],
    }
