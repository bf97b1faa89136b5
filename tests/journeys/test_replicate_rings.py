"""Replicate is heard by its signature when a film is ready, and nobody else in its place."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from journeying import a_server, an_upstream, free_port, wait_until
from rushes.testing.simulators.replicate_bells import SECRET

pytestmark = pytest.mark.long

LOOK_AGAIN_S = 20
SOON_S = 14
CONFIG = """
[server]
public_url = "http://127.0.0.1:{port}"

[[providers]]
name = "replicate"
kind = "replicate"
base_url = "http://127.0.0.1:{upstream}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
options = {{ webhook_secret = "file:{secret}", look_again_s = {look_again_s} }}

[[models]]
id = "film"
card = "bytedance/seedance-1-pro"
[[models.routes]]
provider = "replicate"
model = "bytedance/seedance-1-pro"
"""


def noticed_after_s(tmp_path: Path, *rules: dict[str, str]) -> tuple[float, Counter[str]]:
    """Have a film made; return when it was noticed, and what the upstream was asked meanwhile."""
    place, port = tmp_path / "secret", free_port()
    place.write_text(SECRET)
    script = json.dumps({"rules": rules})
    log = tmp_path / "replicate.jsonl"
    with an_upstream(log=log, simulator="replicate", render_s=1.0, script=script) as upstream:
        config = CONFIG.format(
            port=port, upstream=upstream.port, secret=place, look_again_s=LOOK_AGAIN_S
        )
        with (
            a_server(tmp_path / "data", config=config, port=port) as server,
            httpx2.Client(
                base_url=f"{server.url}/v1/video",
                headers={"Authorization": f"Bearer {server.key}"},
                timeout=20,
            ) as films,
        ):
            begun = time.monotonic()
            wish = {"model": "film", "prompt": "a heron"}
            address = f"/generations/{films.post('/generations', json=wish).json()['task_id']}"
            wait_until(
                lambda: films.get(address).json()["status"] == "succeeded",
                timeout_s=3 * LOOK_AGAIN_S,
                why=lambda: films.get(address).text,
            )
            took_s = time.monotonic() - begun
        seen = httpx2.get(f"{upstream.url}/_simulator/seen", timeout=20).json()
    kinds = Counter(one["method"] for one in seen if not str(one["path"]).startswith("/films/"))
    return took_s, kinds


def test_a_film_is_noticed_when_replicate_rings(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path)
    assert took_s < SOON_S, "a look came first: nobody rang, or nobody heard"
    assert asked["POST"] == 1
    assert asked["GET"] <= 4, f"a ring is worth one look, and it rang once: {asked}"


def test_whoever_signs_with_another_secret_rings_nothing(tmp_path: Path) -> None:
    took_s, asked = noticed_after_s(tmp_path, {"on": "callback", "fault": "forged"})
    assert took_s > SOON_S, "somebody who is not Replicate was heard"
    assert asked["GET"] <= 3, f"nobody rang, and there were looks: {asked}"
