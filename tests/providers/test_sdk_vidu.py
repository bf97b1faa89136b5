"""The maker's own program against the simulated Vidu: it is understood, and understands.

Vidu has no SDK for Python. Its maker's server for agents (vidu-mcp, by Shengshu) speaks to the same
platform and takes its host from a variable. It is fetched into a folder of its own and run in a
process of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rushes.providers._vidu_orders import KINDS
from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.vidu import HELD_TO, Settings, ViduServer
from sdks import GOLDENS, installed, run

pytestmark = pytest.mark.long

PROGRAM = HELD_TO.replace(" ", "==")
KEY = "vda_Winter42Winter42"
SESSION = Path(__file__).parent / "sdk_vidu_session.py"
FREELY = ("--no-deps", "--ignore-requires-python")
"""It asks for Python 3.12, and needs nothing of it."""


async def test_the_makers_own_program_talks_to_the_simulator(tmp_path: Path) -> None:
    goldens = [json.loads(path.read_text()) for path in sorted((GOLDENS / "vidu").glob("*.json"))]
    creates = [
        {"kind": KINDS[golden["spec"]["mode"]], "body": golden["body"]}
        for golden in goldens
        if "body" in golden and golden["body"]["model"] != "film"
    ]
    folder = tmp_path / "program"
    await installed(folder, "mcp<2")
    await installed(folder, "requests")
    target = ("--target", str(folder))
    code, _, err = await run("-m", "pip", "install", "-q", *target, *FREELY, PROGRAM)
    assert code == 0, err
    (tmp_path / "creates.json").write_text(json.dumps(creates))
    settings = Settings(pace=Pace(0.0, 0.0), key=KEY)
    server = ViduServer(clock=ManualClock(NOON), settings=settings)
    async with serving(server) as port:
        # -S: on the program's own packages and none of ours
        words = ("-S", str(SESSION), str(folder), f"http://127.0.0.1:{port}")
        code, out, err = await run(*words, str(tmp_path / "creates.json"))
    assert code == 0, err
    found = json.loads(out)

    # every body of ours arrives as we would have sent it
    for task_id, create in zip(found["creates"], creates, strict=True):
        arrived = server.jobs[task_id].fields
        assert arrived["_kind"] == create["kind"]
        assert {name: said for name, said in arrived.items() if name[0] != "_"} == create["body"]

    # its four tools make their films by the paths and the scheme that we use
    for kind, told in found["made"].items():
        assert server.jobs[told["task_id"]].said("_kind") == kind
        assert told["status"] == "success"
    assert found["film"] == "ftyp"
    assert {seen.headers["authorization"] for seen in server.seen if "/ent/" in seen.path} == {
        f"Token {KEY}",
        "Token of-another",
    }

    assert found["broken"].startswith("Error: Video generation failed for task_id")
    assert found["late"] == "ViduRequestError: Request failed: 400 Client Error: Bad Request"
    assert found["refused"] == found["late"]
    assert found["canceled"] == ""
    assert found["listed"] == [len(server.jobs), ""]
    assert found["stranger"] == "ViduRequestError: Request failed: 401 Client Error: Unauthorized"
