"""Open weights on this machine under kill -9: children die with their server, orders do not.

A real server, and children in processes of their own that render without weights. Where the route
is billable nothing may ever be submitted twice: what was ordered is found, and rendered again. A
kill between the intent and the order leaves a doubt that no billable route may end by ordering, so
where kills are random the route is as `docs/how-to/local-diffusers.md` has it.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, a_starting_server, wait_until
from rushes.testing.simulators.local_diffusers import a_model

CONFIG = """
[times]
submit_call_s = 4
doubt_s = 30
render_s = 60
collect_s = 60

[[providers]]
name = "rig"
kind = "local_diffusers"
in_flight_max = 2
[providers.options]
folder = "{home}/models"
work = "{home}/work"
python = "{home}/python"
look_again_s = 0.2

[[models]]
id = "film"
card = "wan2.2-t2v-a14b"
[[models.routes]]
provider = "rig"
model = "wan"
{means}
"""
BILLABLE = "billable = true"
OWN = "billable = false\nattempts_max = 3"
PYTHON = """#!/bin/sh
export LOG={home}/renders.jsonl RENDER_S={render_s}
exec {python} -P -m rushes.testing.simulators.local_diffusers "$@"
"""


class Journey:
    """A folder with models, orders and the log of all children, and the server's own."""

    def __init__(self, home: Path, *, render_s: float, means: str = BILLABLE) -> None:
        self.home = home
        self.data = home / "data"
        self.config = CONFIG.format(home=home, means=means)
        a_model(home / "models" / "wan")
        python = home / "python"
        python.write_text(PYTHON.format(home=home, render_s=render_s, python=sys.executable))
        python.chmod(0o700)

    def submit(self, server: Running) -> str:
        answer = httpx2.post(
            f"{server.url}/v1/video/generations",
            json={"model": "film", "prompt": "A heron."},
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        name: str = answer.json()["task_id"]
        return name

    def look(self, server: Running, task_id: str, more: str = "") -> httpx2.Response:
        return httpx2.get(
            f"{server.url}/v1/videos/{task_id}{more}",
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=20,
        )

    def ends_whole(self, server: Running, task_id: str) -> None:
        wait_until(
            lambda: self.look(server, task_id).json()["status"] in {"completed", "failed"},
            timeout_s=60,
            why=lambda: f"{self.look(server, task_id).text}, {self.renders()}",
        )
        told = self.look(server, task_id).json()
        assert (told["status"], told.get("error")) == ("completed", None)
        assert self.look(server, task_id, "/content").content[4:8] == b"ftyp"

    def renders(self) -> list[dict[str, Any]]:
        log = self.home / "renders.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def orders(self) -> set[str]:
        return {path.parent.name for path in self.home.glob("work/jobs/[!.]*/order.json")}

    def hold_to_its_books(self, tasks: int) -> None:
        """Every task was ordered once, and no two children were ever at one film."""
        assert len(self.orders()) == tasks
        assert {entry["job"] for entry in self.renders() if entry["event"] == "done"} == (
            self.orders()
        )
        for job in self.orders():
            pids = [entry["pid"] for entry in self.renders() if entry["job"] == job]
            lives = [pid for pid, _ in groupby(pids)]
            assert len(lives) == len(set(lives)), "one that was followed by another went on"

    def nobody_renders(self) -> bool:
        pids = {entry["pid"] for entry in self.renders()}
        return not any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(server: Running) -> None:
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(20)


@pytest.mark.long
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_server_killed_while_it_renders_takes_its_child_along_and_the_film_is_made(
    tmp_path: Path,
) -> None:
    journey = Journey(tmp_path, render_s=3)
    with a_server(journey.data, config=journey.config) as server:
        task = journey.submit(server)
        wait_until(journey.renders, timeout_s=20)
        kill(server)
    wait_until(journey.nobody_renders, timeout_s=5)
    assert [entry["event"] for entry in journey.renders()] == ["begun"]
    with a_server(journey.data, config=journey.config) as server:
        journey.ends_whole(server, task)
    journey.hold_to_its_books(1)


@pytest.mark.long
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_server_killed_as_soon_as_an_order_is_there_finds_it_again(tmp_path: Path) -> None:
    journey = Journey(tmp_path, render_s=0.5)
    with a_server(journey.data, config=journey.config) as server:
        task = journey.submit(server)
        until = time.monotonic() + 20
        while not journey.orders():  # busy: the window is a few milliseconds
            assert time.monotonic() < until
        kill(server)
    with a_server(journey.data, config=journey.config) as server:
        journey.ends_whole(server, task)
    journey.hold_to_its_books(1)


@pytest.mark.long
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whenever_a_server_is_killed_each_film_is_ordered_once_and_made(
    seed: int, tmp_path: Path
) -> None:
    draw, journey = random.Random(seed), Journey(tmp_path, render_s=0.6, means=OWN)
    tasks: list[str] = []
    for _ in range(3):
        with a_server(journey.data, config=journey.config) as server:
            tasks += [journey.submit(server) for _ in range(2)]
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(draw.uniform(0.0, 1.5))
            kill(server)
    with a_starting_server(journey.data, config=journey.config) as (process, _key):
        with suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(0.3, 2.0))
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    with a_server(journey.data, config=journey.config) as server:
        for task in tasks:
            journey.ends_whole(server, task)
    journey.hold_to_its_books(len(tasks))
