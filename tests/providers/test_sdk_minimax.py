"""MiniMax's own client against its simulator: what it sends is taken, what it reads is there.

There is no SDK of MiniMax's; its MCP server holds the one client in Python that is its own, and
takes an address. That is no dependency of ours: it is fetched into a folder of its own and run
in a process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.minimax import HELD_TO, MiniMaxServer
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

SDK = HELD_TO.replace(" ", "==")
KEY = "sk-api-Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_minimax_session.py"


async def test_minimaxs_own_client_talks_to_the_simulator(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    creates = bodies("minimax")
    (tmp_path / "creates.json").write_text(json.dumps(creates))
    server = MiniMaxServer(clock=ManualClock(NOON), key=KEY)
    async with serving(server) as port:
        # -S: on the client's own packages and none of ours
        words = ("-S", str(SESSION), str(tmp_path / "sdk"), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours arrives through its client as we would have sent it, and is taken
    for task_id, body in zip(found["creates"], creates, strict=True):
        assert server.jobs[task_id].fields == body
    asked = [seen for seen in server.seen if seen.path.startswith("/v1/")]
    assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in asked)

    made, success = found["made"]
    assert success == "Success"
    assert server.jobs[made].fields == {
        "model": "MiniMax-Hailuo-02",
        "prompt": "A boat.",
        "duration": 6,
        "resolution": "768P",
    }
    assert "still processing" in found["working"]
    assert found["done"] == ["Success. Video URL", "ftyp"]
    assert "FAILED" in found["broken"]
    assert "1027-output new_sensitive" in found["unfit"]  # it never looks at the word beside it
    assert "2013-invalid params" in found["unknown"]

    errors = {fault: said for fault, (_, said) in found["errors"].items()}
    kinds = {fault: kind for fault, (kind, _) in found["errors"].items()}
    assert kinds.pop("unauthorized") == "MinimaxAuthError"
    assert set(kinds.values()) == {"MinimaxRequestError"}
    assert errors["invalid"].startswith("API Error: 2013-invalid params")
    assert errors["moderated"] == "API Error: 1026-input new_sensitive"
    assert errors["out_of_money"] == "API Error: 1008-insufficient balance"
    assert errors["rate_limited"] == "API Error: 1002-rate limit"
    assert found["server_error"] == "MinimaxRequestError"
