"""A server with something to show: films, failures, doubts, late films, deliveries, keys.

    with a_playhouse(tmp_path) as house:
        house.url, house.keys["owner"], house.tasks["late"]

`rushes serve` as a child, with simulated upstreams in a thread: `gpu` works, unless a prompt says
otherwise (`fails`, `refused`, `slow`); `west` takes a wish and cuts the line; at `attic` nobody
listens. What the pages show of them was really done, over the wire.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2

import nursery
from journeying import a_server, free_port, wait_until
from rushes.testing.simulators.jobs import Pace
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule, Script
from upstreams import upstream

CONFIG: Final = """
[times]
doubt_s = 3600

[webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]

[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "{gpu}"
api_key = "env:TEST_UPSTREAM_KEY"
[[providers]]
name = "west"
kind = "openai_videos"
base_url = "{west}"
api_key = "env:TEST_UPSTREAM_KEY"
[[providers]]
name = "attic"
kind = "openai_videos"
base_url = "http://127.0.0.1:{closed}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
[[models.prices]]
per = "second"
microusd = 100000

[[models]]
id = "wan2.5-t2v-preview"
card = "wan2.5-t2v-preview"
[[models.routes]]
provider = "west"
model = "wan2.5"
[[models.prices]]
per = "film"
microusd = 250000
when = {{ resolution = "480p" }}
[[models.prices]]
per = "film"
microusd = 500000

[[models]]
id = "veo-3.1-generate-001"
card = "veo-3.1-generate-001"
[[models.routes]]
provider = "attic"
model = "veo-3.1"
"""

GPU: Final = (
    Rule(
        "create", "fail", prompt="fails", value={"code": "server_error", "message": "Out of VRAM."}
    ),
    Rule("create", "moderated", prompt="refused"),
    Rule("create", "never_ends", prompt="slow"),
)
WEST: Final = (Rule("create", "drop", accepted=True), Rule("list", "silent"))

SCOPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "caller": {"scopes": ["generate", "read"]},
    "reader": {"scopes": ["read"]},
    "operator": {"scopes": ["admin"]},
    "rehearsal": {"scopes": ["generate", "read"], "test": True},
}
"""The keys besides the owner's, which may everything."""


@dataclass(slots=True)
class Playhouse:
    """The server, its keys by name, and the tasks that were begun by name."""

    url: str
    folder: Path
    keys: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    hook: str = ""

    def ask(self, method: str, path: str, body: object = None, *, key: str = "owner") -> Any:
        """Ask the API for something that must go well."""
        answer = httpx2.request(
            method,
            self.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.keys[key]}"},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def film(self, prompt: str, *, model: str = "sandbox", key: str = "owner", **more: Any) -> str:
        """Ask for a film; small and quick, where the sandbox makes it and nothing else is said."""
        small = {"seconds": 1, "size": "854x480"} if model == "sandbox" else {}
        body = {"model": model, "prompt": prompt, **small, **more}
        return str(self.ask("POST", "/v1/video/generations", body, key=key)["task_id"])

    def key_to(self, model: str) -> str:
        """Make a caller's key that opens one model alone."""
        wanted = {"name": f"to {model}", "models": [model]}
        secret: str = self.ask("POST", "/admin/v1/keys", wanted)["secret"]
        return secret

    def status(self, task_id: str) -> str:
        """Tell how a task stands, as callers are told."""
        return str(self.ask("GET", f"/v1/video/generations/{task_id}")["status"])

    def wait(self, task_id: str, *statuses: str) -> None:
        """Wait until a task stands so."""
        wait_until(
            lambda: self.status(task_id) in statuses,
            timeout_s=60,
            why=lambda: json.dumps(self.ask("GET", f"/v1/video/generations/{task_id}")),
        )


@contextmanager
def a_playhouse(home: Path) -> Iterator[Playhouse]:
    """Have a server that answers and knows its keys; the tasks are begun, not ended."""
    pace = Pace(0.1, 2.0)  # so that a busy machine asks to cancel what is not finished yet
    quick = Settings(pace=pace, poll_after_ms=200, stops=False, signs_films=True)
    with ExitStack() as open_:
        gpu, west = (
            open_.enter_context(upstream(OpenAIVideosServer(script=Script(rules), settings=quick)))
            for rules in (GPU, WEST)
        )
        hook = open_.enter_context(a_receiver())
        config = CONFIG.format(gpu=gpu, west=west, closed=free_port())
        server = open_.enter_context(a_server(home / "data", config=config))
        house = Playhouse(server.url, server.folder, {"first": server.key}, hook=hook)
        house.keys["owner"] = _owner(home)
        for name, wanted in SCOPES.items():
            made = house.ask("POST", "/admin/v1/keys", {"name": name, **wanted})
            house.keys[name] = made["secret"]
        open_show(house)
        yield house


def open_show(house: Playhouse) -> None:
    """Begin what there is to see."""
    posted = {"callback_url": f"{house.hook}/taken"}
    house.tasks |= {
        "film": house.film("A heron lands on a jetty at dawn.", **posted),
        "late": house.film("A lighthouse in fog, late.", model="sora-2"),
        "failed": house.film("A kite that fails to rise.", model="sora-2"),
        "slow": house.film("A slow river.", model="sora-2"),
        "doubt": house.film("A tram in the rain.", model="wan2.5-t2v-preview"),
        "down": house.film("An attic full of clocks.", model="veo-3.1-generate-001"),
        "unheard": house.film("A red balloon.", model="sora-2", callback_url=f"{house.hook}/deaf"),
    }
    house.wait(house.tasks["late"], "in_progress")
    house.ask("POST", f"/v1/video/generations/{house.tasks['late']}/cancel")


def _owner(home: Path) -> str:
    """Make the key that may everything, as an operator does: by the command line."""
    environment = {
        **os.environ,
        "RUSHES_DATA_DIR": str(home / "data"),
        "RUSHES_CONFIG": str(home / "data.toml"),
        "NO_COLOR": "1",
    }
    scopes = [word for scope in ("generate", "read", "admin") for word in ("--scope", scope)]
    process = nursery.start(
        "rushes", "keys", "create", "owner", *scopes, "--json", environment=environment
    )
    assert process.stdout is not None
    with process.stdout as told:
        secret: str = json.loads(told.read())["secret"]
    assert process.wait(30) == 0
    return secret


@contextmanager
def a_receiver() -> Iterator[str]:
    """Have an address that takes events, unless they come to /deaf."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(500 if self.path == "/deaf" else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
