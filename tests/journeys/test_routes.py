"""A route that is down is left for one that works, and tells so; nothing is paid twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

from journeying import Running, a_server, an_upstream, free_port, wait_until
from living import environment_of, rushes

CONFIG = """
[[providers]]
name = "down"
kind = "openai_videos"
base_url = "http://127.0.0.1:{closed}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
[[providers]]
name = "spare"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
[[models]]
id = "film"
card = "sora-2"
[[models.routes]]
provider = "down"
model = "sora-2"
priority = 0
[[models.routes]]
provider = "spare"
model = "sora-2"
priority = 1
"""


def submit(server: Running, number: int) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "film", "prompt": f"film {number}"},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["task_id"]
    return name


def status(server: Running, task_id: str) -> str:
    answer = httpx2.get(
        f"{server.url}/v1/video/generations/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    word: str = answer.json()["status"]
    return word


def overview(server: Running, secret: str, what: str) -> Any:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = httpx2.get(f"{server.url}/admin/v1/{what}", headers=headers, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_route_that_is_down_is_left_for_one_that_works(tmp_path: Path) -> None:
    log = tmp_path / "spare.jsonl"
    with an_upstream(log=log, render_s=0.3) as spare:
        config = CONFIG.format(closed=free_port(), port=spare.port)
        with a_server(tmp_path / "data", config=config) as server:
            names = [submit(server, number) for number in range(6)]
            for name in names:
                wait_until(
                    lambda one=name: status(server, one) == "succeeded",
                    timeout_s=60,
                    why=lambda one=name: status(server, one),
                )
            environment = environment_of(
                tmp_path / "data", RUSHES_CONFIG=str(tmp_path / "data.toml")
            )
            told = rushes("routes", "list", "--json", environment=environment)
            shown: list[dict[str, Any]] = json.loads(told.stdout)
            made = rushes("keys", "create", "ops", "--admin", "--json", environment=environment)
            operator = json.loads(made.stdout)["secret"]
            providers = overview(server, operator, "providers")["data"]
            faults = overview(server, operator, "faults")["data"]
    states = {one["provider"]: one["state"] for one in shown}
    assert states["spare"] == "closed"
    assert states["down"] in {"open", "probing"}, shown
    accepted = [json.loads(line)["prompt"] for line in log.read_text().splitlines()]
    assert [(one["name"], one["models"]) for one in providers] == [
        ("sandbox", ["sandbox"]),
        ("down", ["film"]),
        ("spare", ["film"]),
    ]
    assert providers[1]["last_fault"]["what"] == faults[0]["what"]
    assert {(one["provider"], one["verdict"]) for one in faults} == {("down", "returned")}
    assert sorted(accepted) == [f"film {number}" for number in range(6)]
