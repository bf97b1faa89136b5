"""kill -9, again and again, with a real upstream that keeps its own books.

A real server is killed at random instants, while it starts and recovers too. It carries tasks
to an upstream in another process, which cuts lines, answers 500 after creating, and stalls.
Whatever happens: by the upstream's log no task was created twice, by our tables none was lost,
and what was created is delivered or on record.
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
from pathlib import Path

import httpx2
import pytest

from journeying import Running, a_server, a_starting_server, an_upstream, wait_until
from rushes.testing.simulators.script import RequestLog

FILMS_PER_LIFE = 6
"""More would only wait in line: every film is decoded to its end, a few in a second."""

STARTING = 0.2
"""How often it is killed before it answers."""

NOTHING_PAID = {"returned", "lost", "canceled"}
"""What no submit may say whose film the upstream did create, and did not cancel."""

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
    """Submits films while the server lives, and remembers every 200 it saw."""

    def __init__(self) -> None:
        self.accepted: dict[str, str] = {}
        self.count = 0

    def submit(self, server: Running) -> None:
        self.count += 1
        model = "sandbox" if self.count % 6 == 0 else "sora-2"
        body = {"model": model, "prompt": f"film {self.count}"}
        if model == "sandbox":
            body |= {"seconds": "1", "resolution": "480p"}
        headers = {"Authorization": f"Bearer {server.key}"}
        try:
            answer = httpx2.post(
                f"{server.url}/v1/video/generations", json=body, headers=headers, timeout=5
            )
        except httpx2.TransportError:
            return
        if answer.status_code == 200:
            self.accepted[answer.json()["id"]] = body["prompt"]


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
@pytest.mark.promise("P11")
@pytest.mark.parametrize(
    ("seed", "kills"),
    [
        (1, 26),
        (2, 26),
        pytest.param(3, 60, marks=pytest.mark.long),
    ],
)
def test_a_server_killed_at_random_instants_loses_nothing_and_pays_once(
    seed: int, kills: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    draw = random.Random(seed)
    log = tmp_path / "upstream.jsonl"
    caller = Caller()
    with an_upstream(log=log, script=SCRIPT % seed, render_s=0.8) as upstream:
        config = CONFIG.format(port=upstream.port)
        for _ in range(kills):
            if draw.random() < STARTING:
                with a_starting_server(tmp_path / "data", config=config) as (starting, _key):
                    with suppress(subprocess.TimeoutExpired):
                        starting.wait(draw.uniform(0.3, 1.3))
                    assert starting.poll() is None, "it ended by itself"
                    starting.kill()
                continue
            with a_server(tmp_path / "data", config=config) as server:
                until = time.monotonic() + draw.uniform(0.05, 1.6)
                for _ in range(FILMS_PER_LIFE):
                    if time.monotonic() < until:
                        caller.submit(server)
                select.select([], [], [], max(0.0, until - time.monotonic()))
                server.process.send_signal(signal.SIGKILL)
        with a_server(tmp_path / "data", config=config) as server:
            wait_until(
                lambda: not _unfinished(tmp_path / "data"),
                timeout_s=90,
                why=lambda: f"still open: {_unfinished(tmp_path / 'data')}",
            )
            _judge(tmp_path / "data", log, caller)
            assert len(caller.accepted) >= kills, f"too few films to prove much: {caller.count}"
            _download_one_of_each(server, tmp_path / "data")
            told = _told(tmp_path / "data", log, caller)
    record_property("told", f"kill -9, seed {seed}: {kills} kills, {told}")


def _unfinished(folder: Path) -> dict[str, str]:
    final = {"succeeded", "failed", "canceled", "expired"}
    return {name: status for name, status in statuses(folder).items() if status not in final}


def _created(log: Path) -> Counter[str]:
    """Return how often the upstream created each film, by its own log."""
    return Counter(str(entry["prompt"]) for entry in RequestLog.read(log) if entry["accepted"])


def _told(folder: Path, log: Path, caller: Caller) -> str:
    ended, created = Counter(statuses(folder).values()), _created(log)
    ends = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
    return (
        f"{len(caller.accepted)} tasks answered with 200 of {ended.total()} stored, "
        f"{created.total()} created upstream, {max(created.values())} at most of one; {ends}"
    )


def _judge(folder: Path, log: Path, caller: Caller) -> None:
    created = _created(log)
    twice = {prompt: count for prompt, count in created.items() if count > 1}
    assert not twice, f"paid twice: {twice}"
    known = statuses(folder)
    lost = set(caller.accepted) - set(known)
    assert not lost, f"accepted and lost: {lost}"
    ended = Counter(known.values())
    assert ended["succeeded"] > len(known) // 2, ended
    with books(folder) as connection:
        unbalanced = connection.execute(
            "SELECT task_id FROM ledger GROUP BY task_id HAVING count(*) != 3 OR "
            "sum(CASE kind WHEN 'hold' THEN amount_microusd ELSE -amount_microusd END) != 0"
        ).fetchall()
        assert not unbalanced
        open_rows = connection.execute(
            "SELECT s.task_id, s.verdict FROM submits s JOIN tasks t ON t.id = s.task_id "
            "WHERE t.status = 'succeeded' AND s.verdict NOT IN ('delivered', 'returned')"
        ).fetchall()
        assert not open_rows
        verdicts = connection.execute(
            "SELECT json_extract(t.spec, '$.prompt'), s.verdict FROM submits s "
            "JOIN tasks t ON t.id = s.task_id"
        ).fetchall()
    on_record = {prompt for prompt, verdict in verdicts if verdict not in NOTHING_PAID}
    assert set(created) <= on_record, f"paid and forgotten: {set(created) - on_record}"


def _download_one_of_each(server: Running, folder: Path) -> None:
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
