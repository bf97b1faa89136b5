"""A backup of a working server, database first and then blobs, is a server somewhere else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from journeying import ONE_UPSTREAM, Running, a_server, an_upstream, wait_until
from living import at_keyboard, environment_of
from rushes.testing.simulators.script import RequestLog

HANGS = json.dumps({"rules": [{"on": "retrieve", "fault": "hang", "prompt": "heron", "times": 1}]})
"""The first look at the second film never ends: it is under way for as long as we need."""


def ask(server: Running, prompt: str) -> str:
    answer = httpx2.post(
        f"{server.url}/v1/video/generations",
        json={"model": "sora-2", "prompt": prompt},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["task_id"]
    return task_id


def look(server: Running, task_id: str) -> dict[str, str]:
    answer = httpx2.get(
        f"{server.url}/v1/video/generations/{task_id}",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, str] = answer.json()
    return told


def film_at(server: Running, link: str) -> bytes:
    """Follow a link, to wherever the server is now."""
    split = urlsplit(link)
    answer = httpx2.get(f"{server.url}{split.path}?{split.query}", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.content


def statuses(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / "rushes.db", timeout=30)) as connection:
        return dict(connection.execute("SELECT id, status FROM tasks").fetchall())


def back_up(folder: Path, copy: Path) -> None:
    """As docs/how-to/operate.md says: the database first, then everything else."""
    copy.mkdir()
    with (
        closing(sqlite3.connect(folder / "rushes.db", timeout=30)) as source,
        closing(sqlite3.connect(copy / "rushes.db")) as target,
    ):
        source.backup(target)
    shutil.copytree(folder / "blobs", copy / "blobs", ignore=shutil.ignore_patterns(".*"))
    shutil.copy(folder / "signing.key", copy)


def doctor(folder: Path) -> tuple[int, dict[str, object]]:
    run = at_keyboard(environment_of(folder))("doctor", "--films", "--deep", "--json")
    told: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return run.exit_code, told


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
def test_a_backup_of_a_working_server_goes_on_elsewhere(tmp_path: Path) -> None:
    """Every finished film is there, and what was being made is not paid for a second time."""
    log, folder, copy = tmp_path / "upstream.jsonl", tmp_path / "data", tmp_path / "copy"
    with an_upstream(log=log, script=HANGS, render_s=0.2) as upstream:
        config = ONE_UPSTREAM.format(port=upstream.port)
        with a_server(folder, config=config) as server:
            done = ask(server, "a boat")
            wait_until(lambda: look(server, done)["status"] == "succeeded", timeout_s=30)
            link = look(server, done)["url"]
            film = film_at(server, link)
            under_way = ask(server, "a heron")
            wait_until(lambda: statuses(folder)[under_way] == "running", timeout_s=30)
            back_up(folder, copy)
            server.process.kill()
        shutil.rmtree(folder)  # that machine is gone
        assert statuses(copy) == {done: "succeeded", under_way: "running"}
        assert doctor(copy)[0] == 0

        shutil.copy(tmp_path / "data.key", tmp_path / "copy.key")
        with a_server(copy, config=config) as server:
            assert film_at(server, link) == film
            wait_until(lambda: look(server, under_way)["status"] == "succeeded", timeout_s=30)
            assert film_at(server, look(server, under_way)["url"])
    created = Counter(entry["prompt"] for entry in RequestLog.read(log) if entry["accepted"])
    assert created == {"a boat": 1, "a heron": 1}
    code, told = doctor(copy)
    assert (code, told["is_whole"], told["orphans"]) == (0, True, 0)
