"""An upstream that calls is heard: its film is noticed when it is ready, not at the next look."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, free_port, wait_until

LOOK_AGAIN_S = 60
CONFIG = """
[server]
{public_url}

[[providers]]
name = "ark"
kind = "ark"
base_url = "http://127.0.0.1:{port}/api/v3"
api_key = "env:TEST_UPSTREAM_KEY"
options = {{ look_again_s = {look_again_s} }}

[[models]]
id = "film"
card = "seedance-2-0"
[[models.routes]]
provider = "ark"
model = "dreamina-seedance-2-0-260128"
"""
NOTICED_S = 15.0
"""Far sooner than any look that nobody rang for, and long enough for a busy machine."""


def submit(server: Running) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "film", "prompt": "a heron"},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    name: str = answer.json()["task_id"]
    return name


def look(server: Running, task_id: str) -> dict[str, Any]:
    answer = httpx2.get(
        f"{server.url}/v1/video/generations/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    told: dict[str, Any] = answer.json()
    return told


def asked(upstream: Running) -> Counter[str]:
    """How often the upstream was asked what: `POST tasks`, `GET tasks/…`, films."""
    seen = httpx2.get(f"{upstream.url}/_simulator/seen", timeout=20).json()
    kinds = Counter[str]()
    for one in seen:
        is_film = one["path"].startswith("/films/")
        kinds["film" if is_film else {"POST": "create", "GET": "look"}[one["method"]]] += 1
    return kinds


def succeed(server: Running, task_id: str) -> None:
    wait_until(
        lambda: look(server, task_id)["status"] == "succeeded",
        timeout_s=NOTICED_S,
        why=lambda: f"nobody rang, or nobody heard: {look(server, task_id)}",
    )


@pytest.mark.parametrize(
    "callbacks",
    [
        pytest.param([], id="each once"),
        pytest.param(
            [{"on": "callback", "fault": "duplicate"}], id="each twice", marks=pytest.mark.long
        ),
    ],
)
def test_a_film_is_noticed_when_its_upstream_rings(
    callbacks: list[dict[str, Any]], tmp_path: Path
) -> None:
    script, port = json.dumps({"rules": callbacks}), free_port()
    log = tmp_path / "ark.jsonl"
    with an_upstream(log=log, simulator="ark", render_s=1.0, script=script) as upstream:
        config = CONFIG.format(
            public_url=f'public_url = "http://127.0.0.1:{port}"',
            port=upstream.port,
            look_again_s=LOOK_AGAIN_S,
        )
        with a_server(tmp_path / "data", config=config, port=port) as server:
            begun = time.monotonic()
            succeed(server, submit(server))
            assert time.monotonic() - begun < LOOK_AGAIN_S * 0.9, (
                "a look came first: proves nothing"
            )
            told = asked(upstream)
    assert told["create"] == 1
    assert told["look"] <= 6, f"a ring is worth one look, and there were three changes: {told}"


@pytest.mark.long  # it waits to see that nothing comes
def test_without_an_address_of_ours_nobody_can_ring_and_looks_do(tmp_path: Path) -> None:
    """Callbacks are for those who can be called: a server that no upstream reaches just looks."""
    with an_upstream(log=tmp_path / "ark.jsonl", simulator="ark", render_s=1.0) as upstream:
        config = CONFIG.format(public_url="", port=upstream.port, look_again_s=2)
        with a_server(tmp_path / "data", config=config) as server:
            succeed(server, submit(server))
            assert asked(upstream)["look"] in {1, 2, 3}
