"""A living server: `rushes serve` as a child, on a free port and a data folder of its own.

    with living(tmp_path) as server:
        server.rushes("keys", "list")          # the command line, beside it
        Rushes(api_key=server.secret, base_url=server.url)

It is ended by its process id when the block ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from typer.main import get_command
from typer.testing import CliRunner, Result

import nursery
from journeying import end
from nursery import Child
from rushes.cli.menu import app
from rushes.client import Rushes

Typed = Callable[..., Result]
"""Types words after `rushes`, in this process; further settings by name."""

PATIENCE_S = 60.0


@dataclass
class Living:
    """A server that answers. `opened` is what it said when it began to listen."""

    process: Child
    folder: Path
    log: Path
    environment: Mapping[str, str]
    opened: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.opened["url"])

    @property
    def secret(self) -> str:
        """The first key of the folder; only the first server on it knows it."""
        return str(self.opened["key"]["secret"])

    def client(self, secret: str | None = None) -> Rushes:
        return Rushes(api_key=secret or self.secret, base_url=self.url)

    def rushes(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the command line beside the server, in its folder and with its key."""
        environment = {**self.environment, "RUSHES_BASE_URL": self.url}
        if self.opened["key"] is not None:
            environment["RUSHES_API_KEY"] = self.secret
        return rushes(*words, environment=environment, **more)


SHARED_LINKS: Final = {
    "RUSHES_LINKS_SECRETS": '["env:LINK_SECRET"]',
    "LINK_SECRET": "0f" * 32,
}
"""What links are signed with where many processes answer."""


def environment_of(folder: Path, **given: str) -> dict[str, str]:
    """An environment with no setting of this machine's but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUSHES_")}
    quiet = {"NO_COLOR": "1", "RUSHES_DATA_DIR": str(folder), "RUSHES_CONFIG": os.devnull}
    return {**kept, **quiet, **given}


def rushes(
    *words: str, environment: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "rushes", *words],
        env=dict(environment),
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=False,
    )


def at_keyboard(environment: Mapping[str, str]) -> Typed:
    """The command line in this process, under the settings of an environment."""
    ours = {name: value for name, value in environment.items() if name.startswith("RUSHES_")}
    nothing = dict.fromkeys(("RUSHES_BASE_URL", "RUSHES_API_KEY", "RUSHES_STORAGE_URL"))

    def run(*words: str, **more: str) -> Result:
        return typed({**nothing, **ours, "NO_COLOR": "1", **more}, *words)

    return run


def typed(environment: Mapping[str, str | None], *words: str) -> Result:
    """Type one command in this process, as `CliRunner.invoke` does, which builds the whole menu."""
    runner, code, fault = CliRunner(env=environment), 0, None
    with runner.isolation() as (out, err, both):
        try:
            menu().main(args=words, prog_name="rushes")
        except SystemExit as end:
            fault = end if end.code else None
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        said = [stream.getvalue() for stream in (out, err, both)]
    return Result(runner, *said, return_value=None, exit_code=code, exception=fault)


@cache
def menu() -> Any:
    """Build all that can be typed, once: it takes longer than most of what is."""
    return get_command(app)


def said_until(process: Child | subprocess.Popen[str], mark: str) -> str:
    """Read what a process says up to the line with `mark`; one that is silent is ended."""
    assert process.stdout is not None
    said: list[str] = []
    watchdog = threading.Timer(PATIENCE_S, process.kill)
    watchdog.start()
    try:
        while not said or mark not in said[-1]:
            line = process.stdout.readline()
            assert line, f"it ended before it said {mark!r}:\n{''.join(said)}"
            said.append(line)
    finally:
        watchdog.cancel()
    return "".join(said)


@contextmanager
def living(home: Path, **given: str) -> Iterator[Living]:
    """Run a server on `home/data`; `given` are settings, `RUSHES_…` and all."""
    folder, log = home / "data", home / "server.log"
    environment = environment_of(folder, **given)
    with log.open("a") as errors:
        process = nursery.start(
            "rushes", "serve", "--port", "0", "--json", environment=environment, stderr=errors
        )
    server = Living(process, folder, log, environment)
    try:
        server.opened = json.loads(said_until(process, "{"))
        yield server
    finally:
        end(process)
