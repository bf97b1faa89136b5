"""Writes a data folder with tasks in every status, by whatever code is in front: see README.md.

    PYTHONPATH=OLD/src:OLD/tests python tests/journeys/written/write.py 0003

The server is killed while its upstream goes on. What is written down is its whole database, its
films, its key, and the upstream's log of what it was asked for: all that a machine would have kept.
"""

from __future__ import annotations

import base64
import contextlib
import getpass
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
from PIL import Image

from journeying import a_server, an_upstream, books_of, wait_until
from rushes.domain.task import Status

HERE = Path(__file__).parent
UPSTREAM_PORT, CALLER_PORT = 18998, 18999
CALLER = f"http://127.0.0.1:{CALLER_PORT}"
"""Where the caller listens; a test puts its own receiver's address in its place."""
TASK, ACCOUNT = f"{CALLER}/task", f"{CALLER}/account"

SCRIPT = """{"rules": [
  {"on": "create", "fault": "slow", "value": 60, "prompt": "submitting"},
  {"on": "create", "fault": "drop", "accepted": true, "prompt": "in_doubt"},
  {"on": "list", "fault": "unavailable"},
  {"on": "retrieve", "fault": "unavailable", "prompt": "running"},
  {"on": "content", "fault": "unavailable", "prompt": "storing"},
  {"on": "create", "fault": "fail", "prompt": "failed"}
]}"""


def main(step: str) -> None:
    """Write `step.sql` and `step.json` beside this file."""
    with tempfile.TemporaryDirectory() as home:
        folder, log = Path(home) / "data", Path(home) / "creates.jsonl"
        config = (HERE / "rushes.toml").read_text().replace("{port}", str(UPSTREAM_PORT))
        upstream = an_upstream(
            log=log, script=SCRIPT, render_s=0.3, port=UPSTREAM_PORT, more=("--sign-films",)
        )
        with upstream, a_server(folder, config=config) as server:
            key = server.key
            wishes = stand_everywhere(server.url, key, folder)
            answers = told(server.url, key, folder)
            server.process.kill()
            server.process.wait(20)
        stood = statuses(folder)
        assert stood == {status.value: status.value for status in Status}, stood
        with contextlib.closing(sqlite3.connect(folder / "rushes.db")) as books:
            (found,) = books.execute("SELECT version_num FROM alembic_version").fetchone()
            assert found == step, f"this code writes {found}"
            dump = "\n".join(books.iterdump()) + "\n"
        dump = dump.replace(f"{getpass.getuser()}@{socket.gethostname()}", "operator@machine")
        assert home not in dump
        blobs = {
            str(file.relative_to(folder)): base64.b64encode(file.read_bytes()).decode()
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not file.name.startswith("rushes.db") and "lock" not in file.name
        }
        beside = {
            "key": key,
            "caller": CALLER,
            "wishes": wishes,
            "answers": answers,
            "creates": [json.loads(line) for line in log.read_text().splitlines()],
            "files": blobs,
        }
        (HERE / f"{step}.sql").write_text(dump)
        (HERE / f"{step}.json").write_text(json.dumps(beside, indent=1) + "\n")


def statuses(folder: Path) -> dict[str, str]:
    return {k.task.spec.prompt: k.task.status.value for k in books_of(folder).tasks.values()}


def stand_everywhere(url: str, key: str, folder: Path) -> list[dict[str, Any]]:
    """Bring tasks to every status, each by the name of where it shall stand; return the wishes.

    The caller is told of the film that is made first, and is away when the next task ends.
    """
    headers = {"Authorization": f"Bearer {key}"}
    wishes: list[dict[str, Any]] = []
    with httpx2.Client(base_url=url, headers=headers, timeout=20) as client:

        def wish(prompt: str, **more: Any) -> str:
            wishes.append({"model": "sora-2", "prompt": prompt, **more})
            answer = client.post(
                "/v1/video/generations",
                json=wishes[-1],
                headers={"Idempotency-Key": f"order-{prompt}"},
            )
            assert answer.status_code == 200, answer.text
            name: str = answer.json()["task_id"]
            return name

        def wish_and_wait(*prompts: str, **more: Any) -> None:
            for prompt in prompts:
                wish(prompt, **more)
            wait_until(
                lambda: all(statuses(folder).get(prompt) == prompt for prompt in prompts),
                timeout_s=40,
                why=lambda: str(statuses(folder)),
            )

        settings = {"RUSHES_DATA_DIR": str(folder), "RUSHES_CONFIG": f"{folder}.toml"}
        subprocess.run(
            [sys.executable, "-m", "rushes", "webhooks", "endpoints", "add", ACCOUNT],
            env=os.environ | settings,
            check=True,
        )
        with a_caller():
            wish_and_wait("succeeded", callback_url=TASK)
            wait_until(lambda: posts(folder) == ["delivered"] * 2, timeout_s=20)
        wish_and_wait("failed", callback_url=TASK)
        wait_until(lambda: attempts(folder) == 4, timeout_s=20)
        wish_and_wait("storing", "submitting", "in_doubt")
        wish_and_wait("running", callback_url=TASK)
        canceled = wish("canceled")
        client.post(f"/v1/video/generations/{canceled}/cancel").raise_for_status()
        wish("expired", metadata={"start_within_s": 1})
        wish("queued", image=f"data:image/png;base64,{base64.b64encode(a_still()).decode()}")
        wait_until(lambda: statuses(folder)["expired"] == "expired", timeout_s=20)
        wait_until(lambda: len(posts(folder)) == 6, timeout_s=20)
    return wishes


def told(url: str, key: str, folder: Path) -> dict[str, Any]:
    """What a caller is told of each task that has ended, by its prompt."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=20) as client:
        return {
            kept.task.spec.prompt: client.get(f"/v1/video/generations/{name}").json()
            for name, kept in books_of(folder).tasks.items()
            if kept.task.is_final
        }


def a_still() -> bytes:
    file = BytesIO()
    Image.new("RGB", (720, 1280), (16, 96, 160)).save(file, "PNG")
    return file.getvalue()


def posts(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "rushes.db")) as books:
        return [state for (state,) in books.execute("SELECT state FROM posts")]


def attempts(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "rushes.db")) as books:
        (count,) = books.execute("SELECT count(*) FROM deliveries").fetchone()
        return int(count)


@contextlib.contextmanager
def a_caller() -> Iterator[None]:
    """A caller's server, which takes what it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", CALLER_PORT), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
