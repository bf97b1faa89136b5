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
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from houses import House
from journeying import Running, a_server, a_starting_server, an_upstream, wait_until
from rushes.domain.task import FINAL, Status
from rushes.testing.audit import Audited, Books, Witness

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
    ("house", "seed", "kills"),
    [
        pytest.param(False, 1, 10, id="10 on SQLite and a disk"),
        pytest.param(False, 2, 26, id="26 on SQLite and a disk", marks=pytest.mark.long),
        pytest.param(False, 3, 60, id="60 on SQLite and a disk", marks=pytest.mark.long),
        pytest.param(True, 4, 10, id="10 on PostgreSQL and S3", marks=pytest.mark.long),
        pytest.param(True, 5, 26, id="26 on PostgreSQL and S3", marks=pytest.mark.long),
    ],
    indirect=["house"],
)
def test_a_server_killed_at_random_instants_loses_nothing_and_pays_once(
    seed: int,
    kills: int,
    house: House,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    draw = random.Random(seed)
    log = tmp_path / "upstream.jsonl"
    caller = Caller()
    with an_upstream(log=log, script=SCRIPT % seed, render_s=0.8, more=SIGNED) as upstream:
        config = CONFIG.format(port=upstream.port) + house.tables
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
                lambda: not _unfinished(house, tmp_path / "data"),
                timeout_s=90,
                why=lambda: f"still open: {house.books(tmp_path / 'data').open}",
            )
            caller.look(server)
            books = house.books(tmp_path / "data")
            _download_one_of_each(server, books, caller.witness)
            verdict = house.audited(tmp_path / "data", log, caller.witness)
            assert verdict.is_clean, verdict.findings
            enough = min(len(caller.witness.accepted), verdict.films) >= kills
            assert enough, f"there was less than a film to lose for each kill: {verdict}"
            told = _told(books, verdict, caller)
    record_property("told", f"kill -9, seed {seed}: {kills} kills, {told}")


def _unfinished(house: House, folder: Path) -> set[Status]:
    return set(house.read(folder, lambda tx: tx.counts())) - FINAL


def _told(books: Books, audited: Audited, caller: Caller) -> str:
    ended = Counter(kept.task.status for kept in books.tasks.values())
    ends = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
    answered = len(caller.witness.accepted)
    return f"{answered} tasks answered with 200 of {audited.wishes} stored; {audited}; {ends}"


def _download_one_of_each(server: Running, books: Books, witness: Witness) -> None:
    """What says `succeeded` can be downloaded whole."""
    one_of_each = {
        kept.task.model: kept.task
        for kept in books.tasks.values()
        if kept.task.status is Status.SUCCEEDED
    }
    assert len(one_of_each) == 2
    for task in one_of_each.values():
        assert task.measures is not None
        answer = httpx2.get(
            f"{server.url}/v1/videos/{task.id}/content",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )
        assert (answer.status_code, len(answer.content)) == (200, task.measures.size_bytes)
        witness.films[task.id] = sha256(answer.content).hexdigest()
