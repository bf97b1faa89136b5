"""A model that its upstream retired: told clearly, not asked for again, and mended in place."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, wait_until
from living import environment_of, rushes
from rushes.testing.simulators.script import RequestLog

CONFIG = """
[[providers]]
name = "far"
kind = "openai_videos"
base_url = "http://127.0.0.1:{far}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 1
[[models]]
id = "other"
card = "sora-2"
[[models.routes]]
provider = "far"
model = "well"
[[models]]
id = "film"
card = "sora-2"
"""
GONE = """
[[models.routes]]
provider = "far"
model = "gone"
"""
SUCCESSOR = """
[[models.routes]]
provider = "near"
model = "successor"
[[providers]]
name = "near"
kind = "openai_videos"
base_url = "http://127.0.0.1:{near}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
"""
HELD_S = 4.0
"""How long the only slot is held while the configuration changes."""

SCRIPT = json.dumps({"rules": [{"on": "create", "fault": "model_retired", "prompt": "Retired"}]})
"""The upstream no longer has the model that these films ask for."""


def submit(server: Running, model: str, prompt: str) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": model, "prompt": prompt},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["task_id"]
    return name


def look(server: Running, task_id: str) -> dict[str, Any]:
    answer = httpx2.get(
        f"{server.url}/v1/videos/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    told: dict[str, Any] = answer.json()
    return told


def reach(server: Running, task_id: str, *statuses: str, timeout_s: float = 30) -> dict[str, Any]:
    wait_until(
        lambda: look(server, task_id)["status"] in statuses,
        timeout_s=timeout_s,
        why=lambda: str(look(server, task_id)),
    )
    return look(server, task_id)


def asked(log: Path) -> Counter[str]:
    """How often the upstream was asked for each film, accepted or not."""
    return Counter(str(entry["prompt"]) for entry in RequestLog.read(log))


def states(home: Path) -> dict[str, str]:
    """How the routes fare, by the command line: upstream model → state."""
    environment = environment_of(home / "data", RUSHES_CONFIG=str(home / "data.toml"))
    listed = rushes("routes", "list", "--json", environment=environment)
    return {one["upstream_model"]: one["state"] for one in json.loads(listed.stdout)}


@pytest.mark.long
def test_a_retired_model_is_told_not_asked_for_again_and_replaced_while_tasks_wait(
    tmp_path: Path,
) -> None:
    log, new_log = tmp_path / "far.jsonl", tmp_path / "near.jsonl"
    with (
        an_upstream(log=log, script=SCRIPT, render_s=HELD_S) as far,
        an_upstream(log=new_log, render_s=0.3) as near,
    ):
        config = CONFIG.format(far=far.port)
        with a_server(tmp_path / "data", config=config + GONE) as server:
            first = reach(server, submit(server, "film", "Retired, first."), "failed")
            assert first["error"]["code"] == "provider_error"
            assert "operator" in first["error"]["message"], "who is to act is not said"
            assert states(tmp_path) == {"gone": "retired", "well": "closed"}

            second = reach(server, submit(server, "film", "Retired, second."), "failed")
            assert second["error"]["code"] == "provider_error"
            assert "operator" in second["error"]["message"]
            assert "retired" in second["error"]["message"]
            assert asked(log)["Retired, second."] == 0, "a retired model was asked for again"

            holder = submit(server, "other", "It holds the slot.")
            reach(server, holder, "in_progress")
            waiting = [submit(server, "film", f"Waiting, {number}.") for number in range(2)]
            (tmp_path / "data.toml").write_text(config + SUCCESSOR.format(near=near.port))
            server.process.send_signal(signal.SIGHUP)
            for task_id in (holder, *waiting):
                assert reach(server, task_id, "completed", "failed")["status"] == "completed"
            assert states(tmp_path) == {"successor": "closed", "well": "closed"}
    assert asked(log) == {"Retired, first.": 1, "It holds the slot.": 1}
    assert asked(new_log) == {"Waiting, 0.": 1, "Waiting, 1.": 1}
