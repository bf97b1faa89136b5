"""Webhooks, with a real server and a real receiver that verifies as the public library does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from standardwebhooks import Webhook

from houses import House
from journeying import Running, a_server, end, read_line, wait_until
from rushes import Rushes

CONFIG = """
[webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]
"""


@dataclass
class Receiver:
    """A server on this machine that takes every event, and remembers it with its headers."""

    got: dict[str, list[tuple[dict[str, str], bytes]]] = field(default_factory=dict)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @contextmanager
    def listening(self) -> Iterator[Self]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.setdefault(self.path, []).append((dict(self.headers), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


def typed(folder: Path, server: Running, *words: str) -> Any:
    """What a verb of the command line answers, beside the server."""
    run = subprocess.run(
        [sys.executable, "-m", "rushes", "webhooks", *words, "--json"],
        env=environment(folder, server), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(run.stdout)


def environment(folder: Path, server: Running) -> dict[str, str]:
    return {
        **os.environ,
        "RUSHES_DATA_DIR": str(folder),
        "RUSHES_CONFIG": str(folder.parent / f"{folder.name}.toml"),
        "RUSHES_BASE_URL": server.url,
        "RUSHES_API_KEY": server.key,
    }


@contextmanager
def a_listener(folder: Path, server: Running, to: str) -> Iterator[None]:
    """`rushes webhooks listen`, once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "rushes", "webhooks", "listen", "--forward-to", to],
        env=environment(folder, server),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        read_line(process, lambda line: "Listening at" in line)
        yield
    finally:
        end(process)


@pytest.mark.promise("P9")
def test_an_end_is_told_to_callback_account_and_developer(tmp_path: Path, house: House) -> None:
    folder, config = tmp_path / "data", CONFIG + house.tables
    with Receiver().listening() as receiver, a_server(folder, config=config) as server:
        typed(folder, server, "endpoints", "add", receiver.url("/account"))
        with (
            a_listener(folder, server, receiver.url("/developer")),
            Rushes(api_key=server.key, base_url=server.url) as client,
        ):
            video = client.videos.create(
                "a heron", seconds=1, size="854x480", callback_url=receiver.url("/task")
            )
            secret = client.webhooks.secret().secret
            wait_until(
                lambda: set(receiver.got) == {"/account", "/developer", "/task"}, timeout_s=60
            )
        events = {}
        for path, posts in receiver.got.items():
            ((headers, body),) = posts
            events[path] = Webhook(secret).verify(body, headers)
            assert events[path]["type"] == "video.completed"
            assert events[path]["data"]["id"] == video.id
            film = httpx2.get(events[path]["data"]["url"], timeout=20)
            assert film.content[4:8] == b"ftyp"
        assert events["/account"]["id"] == events["/task"]["id"]

        def states() -> set[str]:
            return {post.state for post in house.read(folder, lambda tx: tx.posts(10))}

        wait_until(lambda: states() == {"delivered"}, timeout_s=20)
