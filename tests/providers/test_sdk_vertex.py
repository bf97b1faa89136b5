"""The official SDK against the simulated Vertex AI: what it sends is taken, what it reads is there.

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
from rushes.testing.simulators.vertex import HELD_TO, VertexServer
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "ya29.Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_vertex_session.py"


async def test_the_official_sdk_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    (tmp_path / "creates.json").write_text(json.dumps(bodies("vertex")))
    server = VertexServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        # -S: on the SDK's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the SDK can say, and arrives as we would have sent it
    for name, body in zip(found["creates"], bodies("vertex"), strict=True):
        arrived = dict(server.jobs[name].fields)
        assert arrived.pop("_model") in name
        assert _tidy(arrived) == body
    looks = [seen for seen in server.seen if seen.path.endswith(":fetchPredictOperation")]
    assert looks
    assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in looks)

    assert found["working"] is False
    assert found["inline"] == [True, "ftyp", "video/mp4"]
    assert found["stored"].startswith("gs://films/x/")
    assert found["filtered"] == [None, 1, ["Not fit."]]
    assert found["broken"]["code"] == 13
    assert found["errors"] == {
        "invalid": ["ClientError", 400, "INVALID_ARGUMENT"],
        "unauthorized": ["ClientError", 401, "UNAUTHENTICATED"],
        "out_of_money": ["ClientError", 403, "PERMISSION_DENIED"],
        "model_retired": ["ClientError", 404, "NOT_FOUND"],
        "rate_limited": ["ClientError", 429, "RESOURCE_EXHAUSTED"],
        "server_error": ["ServerError", 500, "INTERNAL"],
        "unavailable": ["ServerError", 503, "UNAVAILABLE"],
    }
    assert found["unknown"] == ["ClientError", 404, "NOT_FOUND"]


def _tidy(arrived: dict[str, Any]) -> dict[str, Any]:
    """Spell words as we do, where the SDK sends an enumeration's own case."""
    for reference in arrived["instances"][0].get("referenceImages", []):
        reference["referenceType"] = reference["referenceType"].lower()
    for name in {"compressionQuality", "resizeMode", "personGeneration"} & arrived[
        "parameters"
    ].keys():
        arrived["parameters"][name] = arrived["parameters"][name].lower()
    return arrived
