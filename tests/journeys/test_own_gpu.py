"""A GPU of one's own that dies: it forgets every job, and the film is made all the same.

A real server carries a task to a vLLM-Omni in another process. That one is killed while it
renders, and started again on its port with an empty memory. The route is not billable, so the
task may be rendered again: what must never happen where a submit costs money is right here.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, wait_until
from rushes.testing.simulators.script import RequestLog

CONFIG = """
[times]
missing_for_s = 1.5

[[providers]]
name = "gpu"
kind = "openai_videos"
profile = "vllm_omni"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"
billable = false
attempts_max = 3
"""
RENDER_S = 60.0
"""Long enough to be killed in; the GPU that comes back is a quick one."""


def look(server: Running, task_id: str) -> dict[str, Any]:
    answer = httpx2.get(
        f"{server.url}/v1/video/generations/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=10,
    )
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
def test_a_task_survives_its_gpu(tmp_path: Path) -> None:
    log = tmp_path / "gpu.jsonl"
    with an_upstream(log=log, simulator="vllm_omni", render_s=RENDER_S) as gpu:
        config = CONFIG.format(port=gpu.port)
        with a_server(tmp_path / "data", config=config) as server:
            made = httpx2.post(
                f"{server.url}/v1/video/generations",
                json={"model": "sora-2", "prompt": "A heron.", "seconds": 4, "seed": 11},
                headers={"Authorization": f"Bearer {server.key}"},
                timeout=10,
            )
            task_id = made.json()["id"]
            wait_until(
                lambda: look(server, task_id)["status"] == "in_progress",
                timeout_s=20,
                why=lambda: str(look(server, task_id)),
            )
            gpu.process.send_signal(signal.SIGKILL)
            gpu.process.wait(10)
            with an_upstream(log=log, simulator="vllm_omni", render_s=0.3, port=gpu.port):
                wait_until(
                    lambda: look(server, task_id)["status"] not in {"queued", "in_progress"},
                    timeout_s=60,
                    why=lambda: str(look(server, task_id)),
                )
                assert look(server, task_id)["status"] == "succeeded"
            film = httpx2.get(
                f"{server.url}/v1/videos/{task_id}/content",
                headers={"Authorization": f"Bearer {server.key}"},
                timeout=20,
            )
            assert film.status_code == 200
            assert film.content[4:8] == b"ftyp"
    creates = [entry["accepted"] for entry in RequestLog.read(log)]
    assert creates == [True, True], "asked again, once"
