"""kill -9, again and again, with a real upstream that keeps its own books.

A real server is killed at random instants, while it starts and recovers too. It carries tasks
to an upstream in another process, which cuts lines, answers 500 after creating, and stalls.
Whatever happens, an auditor finds nothing: by the upstream's log no task was created twice, by
our tables none was lost, the films are those that were made there, and what was created is
delivered or on record.
"""

from __future__ import annotations

import random
import select
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from journeying import Running, a_server, a_starting_server, an_upstream, audited, wait_until
from rushes.testing.audit import Audited, Witness

FILMS_PER_LIFE = 6
"""More would only wait in line: every film is decoded to its end, a few in a second."""

STARTING = 0.2
"""How often it is killed before it answers."""

SIGNED = ("--sign-films",)
"""Every film is another, and its digest is in the upstream's log."""

SCRIPT = """{"seed": %d, "rules": [
  {"on": "create", "fault": "drop", "accepted": true, "chance": 0.08},
  {"on": "create", "fault": "server_error", "accepted": true, "chance": 0.06},
  {"on": "create", "fault": "rate_limited", "chance": 0.08},
  {"on": "create", "fault": "slow", "value": 0.4, "chance": 0.3},
  {"on": "retrieve", "fault": "unavailable", "chance": 0.05}
]}"""
CONFIG = """
[times]
submit_call_s = 4
doubt_s = 6
render_s = 60
aftercare_s = 90

[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 16

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""


@contextmanager
def books(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / "rushes.db", timeout=30)) as connection:
        yield connection


def statuses(folder: Path) -> dict[str, str]:
    with books(folder) as connection:
        return dict(connection.execute("SELECT id, status FROM tasks").fetchall())


class Caller:
    """Submits films while the server lives, looks at them, and remembers all it was told."""

    def __init__(self) -> None:
        self.witness = Witness()
        self.count = 0

    def submit(self, server: Running) -> None:
        self.count += 1
        model = "sandbox" if self.count % 6 == 0 else "sora-2"
        body = {"model": model, "prompt": f"film {self.count}"}
        if model == "sandbox":
            body |= {"seconds": "1", "resolution": "480p"}
        url = f"{server.url}/v1/video/generations"
        headers = {"Authorization": f"Bearer {server.key}"}
        try:
            answer = httpx2.post(url, json=body, headers=headers, timeout=5)
        except httpx2.TransportError:
            return
        if answer.status_code == 200:
            self.witness.accepted[answer.json()["id"]] = body["prompt"]

    def look(self, server: Running) -> None:
        """Look at the newest page of tasks."""
        headers = {"Authorization": f"Bearer {server.key}"}
        with suppress(httpx2.TransportError):
            answer = httpx2.get(f"{server.url}/v1/videos", headers=headers, timeout=5)
            for video in answer.json()["data"] if answer.status_code == 200 else []:
                self.witness.see(video["id"], video["status"], video["progress"])


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
@pytest.mark.promise("P11")
@pytest.mark.parametrize(
    ("seed", "kills"),
    [
        (1, 10),
        pytest.param(2, 26, marks=pytest.mark.long),
        pytest.param(3, 60, marks=pytest.mark.long),
    ],
)
def test_a_server_killed_at_random_instants_loses_nothing_and_pays_once(
    seed: int, kills: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(seed)
    log = tmp_path / "upstream.jsonl"
    caller = Caller()
    with an_upstream(log=log, script=SCRIPT % seed, render_s=0.8, more=SIGNED) as upstream:
        config = CONFIG.format(port=upstream.port)
        for _ in range(kills):
            if draw.random() < STARTING:
                with a_starting_server(tmp_path / "data", config=config) as (starting, _key):
                    with suppress(subprocess.TimeoutExpired):
                        starting.wait(draw.uniform(0.0, 0.6))
                    assert starting.poll() is None, "it ended by itself"
                    starting.kill()
                continue
            with a_server(tmp_path / "data", config=config) as server:
                until = time.monotonic() + draw.uniform(0.05, 1.6)
                for _ in range(FILMS_PER_LIFE):
                    if time.monotonic() < until:
                        caller.submit(server)
                caller.look(server)
                select.select([], [], [], max(0.0, until - time.monotonic()))
                server.process.send_signal(signal.SIGKILL)
        with a_server(tmp_path / "data", config=config) as server:
            wait_until(
                lambda: not _unfinished(tmp_path / "data"),
                timeout_s=90,
                why=lambda: f"still open: {_unfinished(tmp_path / 'data')}",
            )
            caller.look(server)
            _download_one_of_each(server, tmp_path / "data", caller.witness)
            verdict = audited(tmp_path / "data", log, caller.witness)
            assert verdict.is_clean, verdict.findings
            enough = len(caller.witness.accepted) >= kills and verdict.films > verdict.wishes // 2
            assert enough, f"too few films to prove much: {verdict}"
            told = _told(tmp_path / "data", verdict, caller)
    record_property("told", f"kill -9, seed {seed}: {kills} kills, {told}")


def _unfinished(folder: Path) -> dict[str, str]:
    final = {"succeeded", "failed", "canceled", "expired"}
    return {name: status for name, status in statuses(folder).items() if status not in final}


def _told(folder: Path, audited: Audited, caller: Caller) -> str:
    ended = Counter(statuses(folder).values())
    ends = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
    answered = len(caller.witness.accepted)
    return f"{answered} tasks answered with 200 of {audited.wishes} stored; {audited}; {ends}"


def _download_one_of_each(server: Running, folder: Path, witness: Witness) -> None:
    """What says `succeeded` can be downloaded whole."""
    with books(folder) as connection:
        rows = connection.execute(
            "SELECT id, film_bytes FROM tasks WHERE status = 'succeeded' GROUP BY model ORDER BY id"
        ).fetchall()
    assert len(rows) == 2
    for task_id, size in rows:
        answer = httpx2.get(
            f"{server.url}/v1/videos/{task_id}/content",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )
        assert (answer.status_code, len(answer.content)) == (200, size)
        witness.films[task_id] = sha256(answer.content).hexdigest()
