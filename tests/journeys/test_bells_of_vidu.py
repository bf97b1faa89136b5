"""Vidu signs where its calls go to, with our own key: it is heard, and nobody else is."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, free_port, wait_until

pytestmark = pytest.mark.long

LOOK_AGAIN_S = 20
CONFIG = """
[server]
public_url = "http://127.0.0.1:{port}"

[[providers]]
name = "vidu"
kind = "vidu"
base_url = "http://127.0.0.1:{upstream}/ent/v2"
api_key = "env:TEST_UPSTREAM_KEY"
[providers.options]
look_again_s = {look_again_s}

[[models]]
id = "film"
card = "viduq3-turbo"
[[models.routes]]
provider = "vidu"
model = "viduq3-turbo"
"""


def ask(server: Running, method: str, path: str, **more: object) -> dict[str, object]:
    answer = httpx2.request(
        method,
        f"{server.url}/v1/video/generations{path}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
        **more,  # type: ignore[arg-type]
    )
    told: dict[str, object] = answer.json()
    return told


def noticed_after_s(tmp_path: Path, *rules: dict[str, str]) -> tuple[float, Counter[str]]:
    """Have a film made; return when it was noticed, and how Vidu was asked meanwhile."""
    port, script = free_port(), json.dumps({"rules": rules})
    with an_upstream(
        log=tmp_path / "vidu.jsonl", simulator="vidu", render_s=1.0, script=script
    ) as upstream:
        config = CONFIG.format(port=port, upstream=upstream.port, look_again_s=LOOK_AGAIN_S)
        with a_server(tmp_path / "data", config=config, port=port) as server:
            begun = time.monotonic()
            task_id = ask(server, "POST", "", json={"model": "film", "prompt": "a heron"})[
                "task_id"
            ]
            wait_until(
                lambda: ask(server, "GET", f"/{task_id}")["status"] == "succeeded",
                timeout_s=3 * LOOK_AGAIN_S,
                why=lambda: str(ask(server, "GET", f"/{task_id}")),
            )
            took_s = time.monotonic() - begun
        seen = httpx2.get(f"{upstream.url}/_simulator/seen", timeout=20).json()
    return took_s, Counter(one["method"] for one in seen if "/films/" not in one["path"])


def test_a_film_is_noticed_when_vidu_rings(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path)
    assert took_s < LOOK_AGAIN_S * 0.7, "a look came first: proves nothing"
    assert asked["POST"] == 1


def test_whoever_signs_with_another_key_rings_nothing(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path, {"on": "callback", "fault": "forged"})
    assert took_s > LOOK_AGAIN_S * 0.7, "somebody who is not Vidu was heard"
    assert asked["POST"] == 1
