"""A server that is told to stop, as every deploy does, leaves nothing half done."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx2
import pytest

from houses import House
from journeying import ONE_UPSTREAM, a_server, an_upstream, wait_until

SLOW = """{"rules": [{"on": "create", "fault": "slow", "value": 2.0, "chance": 1.0}]}"""


def submits(house: House, folder: Path) -> list[tuple[str, str]]:
    """Return the verdict of each submit, and the status of its task."""
    return [
        (submit.verdict, kept.task.status)
        for kept in house.books(folder).tasks.values()
        for submit in kept.submits
    ]


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_stop_in_the_middle_of_a_submit_waits_for_its_answer(
    tmp_path: Path, house: House
) -> None:
    """Cut off, it would be in doubt, and lost where the upstream cannot be searched."""
    folder = tmp_path / "data"
    with an_upstream(log=tmp_path / "upstream.jsonl", script=SLOW) as upstream:
        config = ONE_UPSTREAM.format(port=upstream.port) + house.tables
        with a_server(folder, config=config) as server:
            answer = httpx2.post(
                f"{server.url}/v1/video/generations",
                json={"model": "sora-2", "prompt": "a heron"},
                headers={"Authorization": f"Bearer {server.key}"},
                timeout=20,
            )
            assert answer.status_code == 200, answer.text
            wait_until(lambda: submits(house, folder) == [("intent", "submitting")], timeout_s=20)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
        assert submits(house, folder) == [("accepted", "running")]
