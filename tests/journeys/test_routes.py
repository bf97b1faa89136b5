"""A route that is down is left for one that works, and one that is back has its tasks at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from houses import House
from journeying import ONE_UPSTREAM, Running, a_server, an_upstream, free_port, wait_until
from living import environment_of, rushes
from rushes.domain.health import Health, RouteState

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


ALONE_S = 600.0


def submit(server: Running, number: int, *, model: str = "film") -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": model, "prompt": f"film {number}"},
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


def test_tasks_that_wait_for_a_route_go_on_when_an_operator_has_it_asked_again(
    tmp_path: Path,
) -> None:
    with an_upstream(log=tmp_path / "upstream.jsonl", render_s=0.3) as upstream:
        config = ONE_UPSTREAM.format(port=upstream.port)
        data, house = tmp_path / "data", House()
        with a_server(data, config=config) as server:
            house.write(data, lambda tx: tx.put_health(left_alone("gpu", "sora-2", ALONE_S)))
            waiting = submit(server, 1, model="sora-2")
            wait_until(lambda: house.books(data).tasks[waiting].task.lease_epoch, timeout_s=30)
            environment = environment_of(data, RUSHES_CONFIG=str(tmp_path / "data.toml"))
            told = rushes("explain", waiting, environment=environment).stdout
            assert "left alone until" in " ".join(told.split()), told
            assert status(server, waiting) == "queued"
            run = rushes("routes", "reset", "gpu", "sora-2", environment=environment)
            assert run.returncode == 0, run.stderr
            wait_until(lambda: status(server, waiting) == "succeeded", timeout_s=ALONE_S / 10)


def left_alone(provider: str, upstream_model: str, seconds: float) -> Health:
    """How a route fares that failed so often that nobody asks it for a while."""
    at = datetime.now(tz=UTC)
    until = at + timedelta(seconds=seconds)
    return Health(
        provider,
        upstream_model,
        changed_at=at,
        state=RouteState.OPEN,
        fault_count=9,
        open_until=until,
        note="HTTP 503",
    )
