"""The simulated DashScope is held to the official SDK, which no run-time of ours depends on.

The SDK is installed beside the tests, for its own dependencies are none of ours, and driven by a
script of its own in another process.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rushes.testing.simulators.dashscope import DashScopeServer, Settings
from rushes.testing.simulators.host import serving
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.script import Rule, Script

SDK = "dashscope==2.0.2"
KEY = "sk-Winter42Winter42"
LINK = "https://assets.example.org/1.png"
NO_INDEX = re.compile(r"No matching distribution|Connection|Temporary failure|timed out|resolve")
FAILED = {
    "code": "DataInspectionFailed",
    "message": "Output data may contain improper content.",
}

SCRIPT = """
import asyncio, json, sys
import dashscope
from dashscope import VideoSynthesis
from dashscope.aigc.video_synthesis import AioVideoSynthesis

dashscope.base_http_api_url = sys.argv[1]
dashscope.api_key = sys.argv[2]
LINK = sys.argv[3]
said = {}


def told(answer):
    output = answer.output or {}
    return {
        "http": int(answer.status_code), "code": answer.code, "request_id": answer.request_id,
        "status": output.get("task_status"), "video_url": output.get("video_url"),
        "output": {name: output.get(name) for name in ("code", "orig_prompt", "submit_time")},
        "usage": dict(answer.usage or {}),
    }


made = VideoSynthesis.async_call("wan2.7-t2v", "boat", resolution="720P", ratio="16:9", duration=5)
said["made"] = told(made)
said["fetched"] = told(VideoSynthesis.fetch(made))
said["done"] = told(VideoSynthesis.wait(made))
said["late"] = told(VideoSynthesis.cancel(made))

waiting = VideoSynthesis.async_call("wan2.5-t2v-preview", "rain", size="1280*720", audio=True)
said["canceled"] = told(VideoSynthesis.cancel(waiting))
said["after"] = told(VideoSynthesis.fetch(waiting))
said["unknown"] = told(VideoSynthesis.fetch("00000000-0000-0000-0000-000000000000"))

media = [{"type": VideoSynthesis.MediaType.FIRST_FRAME, "url": LINK}]
frames = {"first_frame_url": LINK, "last_frame_url": LINK}
forms = {
    "wan2.6-i2v": {"img_url": LINK},
    "wan2.6-r2v": {"reference_urls": [LINK], "shot_type": "multi"},
    "wan2.7-i2v-2026-04-25": {"media": media},
    "wan2.2-kf2v-flash": frames,
}
said["forms"] = {
    model: told(VideoSynthesis.async_call(model, "form", **more)) for model, more in forms.items()
}
said["moderated"] = told(VideoSynthesis.async_call("wan2.7-t2v", "improper"))
said["throttled"] = told(VideoSynthesis.async_call("wan2.7-t2v", "too many"))
said["listed"] = VideoSynthesis.list(page_no=1, page_size=3).output
said["named"] = VideoSynthesis.list(model_name="wan2.6-i2v", start_time="20200101000000").output


async def asynchronously():
    made = await AioVideoSynthesis.async_call("wan2.7-t2v", "broken")
    lost = await AioVideoSynthesis.wait(made)
    waiting = await AioVideoSynthesis.async_call("wan2.7-t2v", "later")
    canceled = await AioVideoSynthesis.cancel(waiting)
    fetched = await AioVideoSynthesis.fetch(waiting)
    listed = await AioVideoSynthesis.list(page_size=2)
    return [told(answer) for answer in (made, lost, canceled, fetched)], listed.output


said["aio"], said["aio_listed"] = asyncio.run(asynchronously())
json.dump(said, open(sys.argv[4], "w"))
"""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the official SDK, in a folder of its own."""
    folder = tmp_path_factory.mktemp("sdk")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run = subprocess.run(
        [*pip, "--target", str(folder), SDK], capture_output=True, text=True, check=False
    )
    if run.returncode and NO_INDEX.search(run.stderr):
        pytest.skip(f"pip reaches no index that has {SDK}: {run.stderr.strip()[-120:]}")
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.long
async def test_the_official_sdk_finds_nothing_strange_in_the_simulator(
    sdk: Path, tmp_path: Path
) -> None:
    rules = [
        Rule("create", "moderated", prompt="improper"),
        Rule("create", "rate_limited", prompt="too many"),
        Rule("create", "fail", prompt="broken", value=FAILED),
    ]
    server = DashScopeServer(
        script=Script(rules), settings=Settings(key=KEY, pace=Pace(queue_s=2, render_s=1))
    )
    script, answers = tmp_path / "drive.py", tmp_path / "answers.json"
    script.write_text(SCRIPT)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(sdk), "NO_PROXY": "127.0.0.1"}
    async with serving(server) as port:
        words = [f"http://127.0.0.1:{port}/api/v1", KEY, LINK, str(answers)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), *words, env=environment | {"HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, output.decode()
    said: dict[str, Any] = json.loads(answers.read_text())

    _a_task_is_made_watched_and_stopped(said)
    assert [said[name]["http"] for name in ("moderated", "throttled")] == [400, 429]
    assert said["moderated"]["code"] == "DataInspectionFailed"
    assert said["throttled"]["code"] == "Throttling.RateQuota"

    assert {model: answer["http"] for model, answer in said["forms"].items()} == {
        "wan2.6-i2v": 200, "wan2.6-r2v": 200, "wan2.7-i2v-2026-04-25": 200,
        "wan2.2-kf2v-flash": 200,
    }  # fmt: skip
    assert (said["listed"]["total"], len(said["listed"]["tasks"])) == (6, 3)
    assert [item["model_name"] for item in said["named"]["tasks"]] == ["wan2.6-i2v"]
    assert len(said["aio_listed"]["tasks"]) == 2

    made, lost, canceled, fetched = said["aio"]
    assert [answer["http"] for answer in said["aio"]] == [200, 200, 200, 200]
    assert (made["status"], lost["status"], fetched["status"]) == ("PENDING", "FAILED", "CANCELED")
    assert lost["output"]["code"] == "DataInspectionFailed"
    assert canceled["request_id"]
    _the_sdk_sent_what_it_is_known_to_send(server)


def _a_task_is_made_watched_and_stopped(said: dict[str, Any]) -> None:
    made, done = said["made"], said["done"]
    assert (made["http"], made["status"], bool(made["request_id"])) == (200, "PENDING", True)
    assert said["fetched"]["status"] == "PENDING"
    assert (done["status"], done["usage"]["video_duration"]) == ("SUCCEEDED", 5)
    assert "/film/" in done["video_url"]
    assert done["output"]["orig_prompt"] == "boat"
    assert (said["late"]["http"], said["late"]["code"]) == (400, "UnsupportedOperation")
    assert (said["canceled"]["http"], said["after"]["status"]) == (200, "CANCELED")
    assert (said["unknown"]["http"], said["unknown"]["status"]) == (200, "UNKNOWN")


def _the_sdk_sent_what_it_is_known_to_send(server: DashScopeServer) -> None:
    """What the protocol notes call WIRE is looked at here, each time."""
    creates = [seen for seen in server.seen if "/services/" in seen.path]
    assert {seen.headers["x-dashscope-async"] for seen in creates} == {"enable"}
    assert [seen.path.split("/")[-2] for seen in creates].count("image2video") == 1
    bodies = [job.fields["body"] for job in server.jobs.values()]
    assert all(body["input"]["extend_prompt"] is True for body in bodies)  # type: ignore[index] # a JSON object
    assert bodies[0]["parameters"] == {"duration": 5, "resolution": "720P", "ratio": "16:9"}  # type: ignore[index] # a JSON object
    looks = [seen.path for seen in server.seen if seen.method == "GET" and "/tasks/" in seen.path]
    assert {path.endswith("/") for path in looks} == {True, False}  # the asynchronous half, and all
    attempts = [entry["prompt"] for entry in server.log.entries]
    assert (attempts.count("improper"), attempts.count("too many")) == (1, 1)
