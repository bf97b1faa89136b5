"""Looks cost the upstream nothing: it is asked when a look of ours is due, and by no caller."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx2
import pytest

from journeying import ONE_UPSTREAM, Running, a_server, an_upstream, wait_until

LATER = ("--poll-after-ms", "60000")
"""The upstream wants to be left alone for a minute, and may be for 54 s at least."""

BURST = 100
"""How often every way to look is gone."""


def asked(upstream: Running) -> Counter[str]:
    """What the upstream itself was asked for until now, by the method and the path."""
    seen = httpx2.get(f"{upstream.url}/_simulator/seen", timeout=20).json()
    return Counter(f"{one['method']} {one['path']}" for one in seen)


@pytest.mark.promise("P7")
def test_hundreds_of_looks_at_a_running_task_bring_its_provider_no_request(tmp_path: Path) -> None:
    log = tmp_path / "upstream.jsonl"
    with (
        an_upstream(log=log, render_s=600, more=LATER) as upstream,
        a_server(tmp_path / "data", config=ONE_UPSTREAM.format(port=upstream.port)) as server,
        httpx2.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
            trust_env=False,
        ) as caller,
    ):
        wish = {"model": "sora-2", "prompt": "a heron"}
        task_id = caller.post("/v1/video/generations", json=wish).json()["task_id"]
        flat, video = f"/v1/video/generations/{task_id}", f"/v1/videos/{task_id}"
        wait_until(
            lambda: len(asked(upstream)) == 2, timeout_s=30, why=lambda: f"{asked(upstream)}"
        )
        before = asked(upstream)
        create, look = sorted(before, reverse=True)
        assert (create, look.rpartition("/")[0]) == ("POST /v1/videos", "GET /v1/videos")
        assert set(before.values()) == {1}, "our own first look is on record, and no second is due"

        known = {"If-None-Match": caller.get(flat).headers["etag"]}
        looks = [(flat, {}), (flat, known), (video, {}), ("/v1/video/generations", {})]
        told = Counter(
            (path, caller.get(path, headers=headers).status_code)
            for _ in range(BURST)
            for path, headers in looks
        )
        assert told == {
            (flat, 200): BURST,
            (flat, 304): BURST,
            (video, 200): BURST,
            ("/v1/video/generations", 200): BURST,
        }
        waited = caller.get(f"{flat}?wait=1")  # whatever they had set off would be there by now
        assert waited.json()["status"] == caller.get(video).json()["status"] == "in_progress"
        assert asked(upstream) == before
