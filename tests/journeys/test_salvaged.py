"""Paid is never forgotten: a film that nobody waited for any more reaches its caller after all."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from houses import House
from journeying import Running, a_server, an_upstream, wait_until
from living import at_keyboard, environment_of
from rushes.media.manifest import original_of
from rushes.testing.simulators.script import RequestLog

CONFIG = """
[times]
doubt_s = 1
render_s = {render_s}

[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[[models]]
id = "film"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""
UNANSWERED = """{"rules": [
  {"on": "create", "fault": "drop", "accepted": true},
  {"on": "list", "fault": "silent"}
]}"""
"""The line is cut, and the list does not say which job is whose: only a person can tell."""


def submit(server: Running) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "film", "prompt": "A heron lands on a jetty."},
        headers=bearer(server),
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["task_id"]
    return task_id


def bearer(server: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key}"}


def look(server: Running, task_id: str) -> Any:
    answer = httpx2.get(f"{server.url}/v1/videos/{task_id}", headers=bearer(server), timeout=20)
    return answer.json()


def content(base_url: str, video_id: str, key: str) -> bytes:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.get(f"{base_url}/v1/videos/{video_id}/content", headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.content


def the_one_job(upstream: Running) -> str:
    """What an operator finds in the provider's own list."""
    headers = {"Authorization": "Bearer sk-upstream-secret"}
    (job,) = httpx2.get(f"{upstream.url}/v1/videos", headers=headers, timeout=20).json()["data"]
    return str(job["id"])


def verdict(house: House, folder: Path, task_id: str) -> str:
    """What the books say of a task's one submit; nothing before there is one."""
    return "".join(submit.verdict for submit in house.read(folder, lambda tx: tx.submits(task_id)))


@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
def test_a_film_behind_a_doubt_is_found_by_hand_adopted_and_downloaded(
    tmp_path: Path, house: House
) -> None:
    log, data = tmp_path / "upstream.jsonl", tmp_path / "data"
    with an_upstream(log=log, script=UNANSWERED) as upstream:
        config = CONFIG.format(port=upstream.port, render_s=600) + house.tables
        environment = environment_of(data, RUSHES_CONFIG=str(tmp_path / "data.toml"))
        with a_server(data, config=config) as server:
            keyboard = at_keyboard(environment)

            def typed(*words: str) -> Any:
                run = keyboard(*words, "--json")
                assert run.exit_code == 0, run.output
                return json.loads(run.stdout)

            old = submit(server)
            wait_until(lambda: look(server, old)["status"] == "failed", timeout_s=30)
            assert look(server, old)["error"]["code"] == "submit_in_doubt"
            ticket = {"id": the_one_job(upstream)}
            typed("doubt", "adopt", old, json.dumps(ticket), "--yes")
            wait_until(lambda: verdict(house, data, old) == "late", timeout_s=30)
            new = typed("salvage", "adopt", old, "--yes")["task_id"]
            wait_until(lambda: look(server, new)["status"] == "completed", timeout_s=30)
            theirs = content(upstream.url, ticket["id"], "sk-upstream-secret")
            ours = content(server.url, new, server.key)
            assert original_of(ours) == sha256(theirs).hexdigest()
            assert look(server, old)["status"] == "failed", "P6"
            assert typed("salvage", "list") == []
            assert [one["verb"] for one in typed("audit", "--object", old)] == [
                "salvage adopt",
                "doubt adopt",
            ]
        assert len(RequestLog.read(log)) == 1, "it was asked for once"


@pytest.mark.long
@pytest.mark.promise("P10")
@pytest.mark.promise("P11")
def test_a_film_that_was_ready_in_time_is_delivered_by_a_server_that_comes_too_late(
    tmp_path: Path, house: House
) -> None:
    log, data = tmp_path / "upstream.jsonl", tmp_path / "data"
    with an_upstream(log=log, render_s=1.0) as upstream:
        config = CONFIG.format(port=upstream.port, render_s=3) + house.tables
        with a_server(data, config=config) as server:
            task_id = submit(server)
            wait_until(lambda: verdict(house, data, task_id) == "accepted", timeout_s=30)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(20)
        deadline_at = house.books(data).tasks[task_id].task.deadline_at
        assert deadline_at, "it was killed while the provider rendered"
        late_at = deadline_at + timedelta(seconds=1)
        wait_until(lambda: datetime.now(UTC) > late_at, timeout_s=30)
        with a_server(data, config=config) as server:
            ends = {"completed", "failed"}
            wait_until(lambda: look(server, task_id)["status"] in ends, timeout_s=30)
            assert look(server, task_id)["status"] == "completed"
        assert len(RequestLog.read(log)) == 1, "it was asked for once"
