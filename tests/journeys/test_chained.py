"""One Rushes behind another: each keeps its own promises, and the contract holds between them."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, wait_until
from rushes.media.manifest import original_of
from rushes.testing.simulators.films import tiny_still

CONFIG = """
[[providers]]
name = "rushes"
kind = "openai_videos"
profile = "rushes"
base_url = "{url}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[[models]]
id = "near"
card = "sandbox"
[[models.routes]]
provider = "rushes"
model = "sandbox"

[[models]]
id = "mistaken"
card = "sandbox"
[[models.routes]]
provider = "rushes"
model = "nobody-knows-it"
"""


class Chain:
    """Two servers: callers speak to `near`, whose only upstream is `far`."""

    def __init__(self, near: Running, far: Running, folder: Path) -> None:
        self.near = near
        self.far = far
        self.folder = folder

    def ask(self, server: Running, method: str, path: str, **more: Any) -> httpx2.Response:
        return httpx2.request(
            method,
            f"{server.url}{path}",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
            **more,
        )

    def submit(self, prompt: str, **body: Any) -> str:
        wish = {"model": "near", "prompt": prompt, "seconds": 1, "resolution": "480p", **body}
        answer = self.ask(self.near, "POST", "/v1/video/generations", json=wish)
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["id"]
        return name

    def look(self, task_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask(self.near, "GET", f"/v1/video/generations/{task_id}").json()
        return told

    def reach(self, task_id: str, *statuses: str) -> dict[str, Any]:
        wait_until(
            lambda: self.look(task_id)["status"] in statuses,
            timeout_s=60,
            why=lambda: str(self.look(task_id)),
        )
        return self.look(task_id)

    def videos(self, prompt: str) -> list[dict[str, Any]]:
        """What the far server has of a prompt."""
        listed = self.ask(self.far, "GET", "/v1/videos").json()["data"]
        return [video for video in listed if video["prompt"] == prompt]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("chain")
    with a_server(folder / "far") as far:
        config = CONFIG.format(url=far.url)
        with a_server(folder / "near", config=config, upstream_key=far.key) as near:
            yield Chain(near, far, folder)


@pytest.mark.promise("P4")
def test_a_film_goes_through_both(chain: Chain) -> None:
    task_id = chain.submit("A heron, twice removed.", seed=11)
    assert chain.reach(task_id, "succeeded", "failed")["status"] == "succeeded"
    (video,) = chain.videos("A heron, twice removed.")
    assert (video["status"], video["seconds"], video["model"]) == ("completed", "1", "sandbox")
    near = chain.ask(chain.near, "GET", f"/v1/videos/{task_id}/content").content
    far = chain.ask(chain.far, "GET", f"/v1/videos/{video['id']}/content").content
    assert original_of(near) == sha256(far).hexdigest(), "the same film, sealed by each"


def test_the_seed_and_the_token_arrive(chain: Chain) -> None:
    task_id = chain.submit("A kite over the dyke.", seed=4711)
    chain.reach(task_id, "succeeded")
    with closing(sqlite3.connect(chain.folder / "near" / "rushes.db", timeout=30)) as books:
        ((token,),) = books.execute(
            "SELECT token FROM submits WHERE task_id = ?", (task_id,)
        ).fetchall()
    body = {
        "prompt": "A kite over the dyke.", "model": "sandbox", "seconds": "1",
        "size": "854x480", "seed": "4711", "generate_audio": "false",
    }  # fmt: skip
    replayed = httpx2.post(
        f"{chain.far.url}/v1/videos",
        files={name: (None, text) for name, text in body.items()},
        headers={"Authorization": f"Bearer {chain.far.key}", "Idempotency-Key": token},
        timeout=20,
    )
    assert replayed.headers.get("idempotency-replayed") == "true", replayed.text
    assert [video["id"] for video in chain.videos(body["prompt"])] == [replayed.json()["id"]]


def test_a_first_frame_goes_through_both(chain: Chain) -> None:
    image = "data:image/png;base64," + base64.b64encode(tiny_still("PNG")).decode()
    task_id = chain.submit("From a still.", image=image)
    assert chain.reach(task_id, "succeeded", "failed")["status"] == "succeeded"


@pytest.mark.promise("P8")
def test_a_cancel_reaches_the_far_end(chain: Chain) -> None:
    task_id = chain.submit("A very long heron.", seconds=10, resolution="1080p")
    chain.reach(task_id, "in_progress", "succeeded")
    answer = chain.ask(chain.near, "POST", f"/v1/video/generations/{task_id}/cancel")
    assert answer.json()["error"]["code"] == 499, answer.text
    wait_until(
        lambda: [v["status"] for v in chain.videos("A very long heron.")] == ["failed"],
        timeout_s=30,
        why=lambda: str(chain.videos("A very long heron.")),
    )
    (video,) = chain.videos("A very long heron.")
    assert video["error"] == {"code": "canceled", "message": "Canceled by caller"}


@pytest.mark.promise("P5")
def test_what_the_far_end_refuses_is_told_at_the_near_end_and_costs_nothing(chain: Chain) -> None:
    task_id = chain.submit("A heron for nobody.", model="mistaken")
    told = chain.reach(task_id, "succeeded", "failed")
    assert told["error"]["code"] == 502
    assert "need the operator" in told["error"]["message"]
    with closing(sqlite3.connect(chain.folder / "near" / "rushes.db", timeout=30)) as books:
        kinds = books.execute(
            "SELECT kind, amount_microusd FROM ledger WHERE task_id = ? ORDER BY kind", (task_id,)
        ).fetchall()
    assert kinds == [("capture", 0), ("hold", 0), ("release", 0)]
