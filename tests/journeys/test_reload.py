"""The configuration is read anew at SIGHUP: taken whole, or refused whole; what left drains."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, wait_until

PROVIDER = """
[[providers]]
name = "{name}"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
"""
MODEL = """
[[models]]
id = "{model}"
card = "sora-2"
[[models.routes]]
provider = "{name}"
model = "sora-2"
"""


def ask(server: Running, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {server.key}"}
    answer = httpx2.request(method, f"{server.url}{path}", json=body, headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(server: Running) -> set[str]:
    return {model["id"] for model in ask(server, "GET", "/v1/models")["data"]}


def submit(server: Running, model: str) -> str:
    body = {"model": model, "prompt": "a heron"}
    name: str = ask(server, "POST", "/v1/video/generations", body)["task_id"]
    return name


def status(server: Running, task_id: str) -> str:
    word: str = ask(server, "GET", f"/v1/video/generations/{task_id}")["status"]
    return word


def reload(server: Running, config: Path, text: str) -> None:
    config.write_text(text)
    server.process.send_signal(signal.SIGHUP)


@pytest.mark.long
def test_a_reload_is_taken_whole_or_refused_whole_and_what_left_drains(tmp_path: Path) -> None:
    config, errors = tmp_path / "data.toml", tmp_path / "data.log"
    with (
        an_upstream(log=tmp_path / "old.jsonl", render_s=4) as old,
        an_upstream(log=tmp_path / "new.jsonl", render_s=0.3) as new,
    ):
        first = PROVIDER.format(name="old", port=old.port) + MODEL.format(name="old", model="one")
        with a_server(tmp_path / "data", config=first) as server:
            assert listed(server) == {"sandbox", "one"}
            under_way = submit(server, "one")
            wait_until(lambda: status(server, under_way) == "in_progress", timeout_s=20)

            reload(server, config, first + MODEL.format(name="nobody", model="two"))
            wait_until(lambda: "there is no provider nobody" in errors.read_text(), timeout_s=10)
            assert listed(server) == {"sandbox", "one"}, "a wrong configuration changed something"

            second = PROVIDER.format(name="new", port=new.port)
            reload(server, config, second + MODEL.format(name="new", model="two"))
            wait_until(lambda: listed(server) == {"sandbox", "two"}, timeout_s=10)
            fresh = submit(server, "two")
            for task_id in (fresh, under_way):
                wait_until(lambda one=task_id: status(server, one) == "succeeded", timeout_s=30)
    assert (tmp_path / "new.jsonl").read_text().count('"accepted":true') == 1
    assert (tmp_path / "old.jsonl").read_text().count('"accepted":true') == 1
