"""An upstream that signs its calls is heard where we know its secret, and nobody else is."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from journeying import Running, a_server, an_upstream, free_port, wait_until

pytestmark = pytest.mark.long

SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
LOOK_AGAIN_S = 30
CONFIG = """
[server]
public_url = "http://127.0.0.1:{port}"

[[providers]]
name = "kling"
kind = "kling"
base_url = "http://127.0.0.1:{upstream}"
api_key = "env:TEST_UPSTREAM_KEY"
[providers.options]
access_key = "env:TEST_UPSTREAM_KEY"
webhook_secret = "file:{secret}"
look_again_s = {look_again_s}

[[models]]
id = "film"
card = "kling-v2-6"
[[models.routes]]
provider = "kling"
model = "kling-v2-6"
"""


def noticed_after_s(tmp_path: Path, *rules: dict[str, str]) -> tuple[float, Counter[str]]:
    """Have a film made; return when it was noticed, and what the upstream was asked meanwhile."""
    place, port = tmp_path / "secret", free_port()
    place.write_text(SECRET)
    with an_upstream(
        log=tmp_path / "kling.jsonl",
        simulator="kling",
        render_s=1.0,
        script=json.dumps({"rules": rules}),
        more=("--webhook-secret", SECRET),
    ) as upstream:
        config = CONFIG.format(
            port=port, upstream=upstream.port, secret=place, look_again_s=LOOK_AGAIN_S
        )
        with a_server(tmp_path / "data", config=config, port=port) as server:
            begun = time.monotonic()
            task_id = submit(server)
            wait_until(
                lambda: state(server, task_id) == "succeeded",
                timeout_s=2 * LOOK_AGAIN_S,
                why=lambda: state(server, task_id),
            )
            took_s = time.monotonic() - begun
        seen = httpx2.get(f"{upstream.url}/_simulator/seen", timeout=20).json()
    kinds = Counter(one["method"] for one in seen if not str(one["path"]).startswith("/films/"))
    return took_s, kinds


def submit(server: Running) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "film", "prompt": "a heron"},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    name: str = answer.json()["task_id"]
    return name


def state(server: Running, task_id: str) -> str:
    answer = httpx2.get(
        f"{server.url}/v1/video/generations/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    return str(answer.json()["status"])


def test_a_film_is_noticed_when_kling_rings(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path)
    assert took_s < LOOK_AGAIN_S * 0.7, "a look came first: proves nothing"
    assert asked["POST"] == 1
    assert asked["GET"] <= 6, f"a ring is worth one look, and there were three changes: {asked}"


def test_whoever_signs_with_another_secret_rings_nothing(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path, {"on": "callback", "fault": "forged"})
    assert took_s > LOOK_AGAIN_S * 0.7, "somebody who is not Kling was heard"
    assert asked["GET"] <= 3, f"nobody rang, and there were looks: {asked}"
