"""Real processes for journeys: a server, an upstream; started here, ended by their ids."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import nursery
from nursery import Child
from rushes.clock import SystemClock
from rushes.folder import open_books
from rushes.media.manifest import original_of
from rushes.ports import Blobs
from rushes.settings import load
from rushes.storage import blobs_of
from rushes.testing.audit import Audited, Books, Witness, audit, read_books, read_log

START_S = 30.0
INPUTS = "inputs/"

ONE_UPSTREAM = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""
"""A server that sends `sora-2` to the upstream at `{port}`, and knows no other model of anybody."""


@dataclass(slots=True)
class Running:
    """A process that listens."""

    process: Child
    port: int
    key: str = ""
    folder: Path = Path()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def wait_until(
    is_so: Callable[[], object], *, timeout_s: float, why: Callable[[], str] = lambda: ""
) -> None:
    """Wait for something another process does; ask often, give up loudly."""
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until, f"not within {timeout_s:g} s: {why()}"
        select.select([], [], [], 0.05)


def read_line(process: Child, wanted: Callable[[str], bool]) -> str:
    """Read a process's output up to a line; what it said is told if it ends first."""
    assert process.stdout is not None
    said: list[str] = []
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        ready, _, _ = select.select([process.stdout], [], [], 0.5)
        if not ready:
            continue
        line = process.stdout.readline()
        if not line:
            break
        said.append(line)
        if wanted(line):
            return line
    raise AssertionError(f"it did not come up:\n{''.join(said)}")


def end(process: Child) -> None:
    """End a process of ours, gently first."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
    if process.stdout is not None:
        process.stdout.close()


@contextmanager
def an_upstream(
    *,
    log: Path,
    script: str = "{}",
    render_s: float = 0.5,
    simulator: str = "openai_videos",
    port: int = 0,
    more: Sequence[str] = (),
) -> Iterator[Running]:
    """A `/v1/videos` upstream in a process of its own."""
    process = nursery.start(
        f"rushes.testing.simulators.{simulator}", "--port", str(port),
        "--log", str(log), "--script", script, "--render-s", str(render_s), "--queue-s", "0.1",
        *more,
    )  # fmt: skip
    try:
        yield Running(process, int(read_line(process, lambda line: line.strip().isdecimal())))
    finally:
        end(process)


def free_port() -> int:
    """Return a port where nobody listens: an upstream that is down, an address told ahead."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(folder: Path, environment: dict[str, str]) -> str:
    """Make a key beside whatever runs, by the command line."""
    process = nursery.start(
        "rushes", "keys", "create", "journey", "--json", environment=environment
    )
    assert process.stdout is not None
    with process.stdout as told:
        secret: str = json.loads(told.read())["secret"]
    assert process.wait(30) == 0
    return secret


@contextmanager
def a_starting_server(
    folder: Path, *, config: str = "", upstream_key: str = "sk-upstream-secret", port: int = 0
) -> Iterator[tuple[Child, str]]:
    """`rushes serve` on a data folder, which may not answer yet; and the key it knows."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.parent / f"{folder.name}.toml"
    file.write_text(config)
    environment = {
        **os.environ,
        "RUSHES_DATA_DIR": str(folder),
        "RUSHES_CONFIG": str(file),
        "TEST_UPSTREAM_KEY": upstream_key,
        "NO_COLOR": "1",
    }
    kept = folder.parent / f"{folder.name}.key"
    if not kept.exists():
        kept.write_text(make_key(folder, environment))
    with (folder.parent / f"{folder.name}.log").open("a") as errors:
        process = nursery.start(
            "rushes", "serve", "--port", str(port), environment=environment, stderr=errors
        )
    try:
        yield process, kept.read_text()
    finally:
        end(process)


@contextmanager
def a_server(
    folder: Path, *, config: str = "", upstream_key: str = "sk-upstream-secret", port: int = 0
) -> Iterator[Running]:
    """`rushes serve` on a data folder, answering; the same key at every start."""
    starting = a_starting_server(folder, config=config, upstream_key=upstream_key, port=port)
    with starting as (process, key):
        line = read_line(process, lambda text: "http://127.0.0.1:" in text)
        bound = int(line.partition("http://127.0.0.1:")[2].split("/")[0].split()[0])
        yield Running(process, bound, key, folder)


# -- what became of it ---------------------------------------------------------------------------


def books_of(folder: Path, **given: object) -> Books:
    """Read the tables, beside a running server too; `given` are settings beyond the folder."""
    with closing(open_books(load(data_dir=folder, **given), SystemClock())) as store:
        return read_books(store)


def stored_in(folder: Path, **given: object) -> frozenset[str]:
    """Name all blobs of a house, wherever they are."""
    blobs = blobs_of(load(data_dir=folder, **given), SystemClock())

    async def names() -> frozenset[str]:
        return frozenset([name async for name, _ in blobs.names("")])

    return asyncio.run(names())


def put_into(names: Iterable[str], folder: Path, **given: object) -> None:
    """Store some bytes under names of a house where there are none."""
    blobs = blobs_of(load(data_dir=folder, **given), SystemClock())

    async def some() -> AsyncIterator[bytes]:
        yield b"cut off"

    async def put() -> None:
        for name in names:
            if await blobs.stat(name) is None:
                await blobs.put(name, some())

    asyncio.run(put())


def inputs_in(folder: Path, stored: Iterable[str], **given: object) -> frozenset[str]:
    """Name those of some blobs that are inputs with a row, which the sweep of inputs goes by."""
    inputs = [name for name in stored if name.startswith(INPUTS)]
    if not inputs:
        return frozenset()
    with closing(open_books(load(data_dir=folder, **given), SystemClock())) as store:
        return store.read_now(
            lambda tx: frozenset(n for n in inputs if tx.input(n.removeprefix(INPUTS)) is not None)
        )


async def _digest(blobs: Blobs, name: str) -> str | None:
    """Return the SHA-256 of a blob, wherever it is; None if there is none."""
    digest = sha256()
    try:
        async with aclosing(blobs.open(name)) as chunks:
            async for chunk in chunks:
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


async def _content(blobs: Blobs, name: str) -> bytes:
    try:
        return b"".join([chunk async for chunk in blobs.open(name)])
    except FileNotFoundError:
        return b""


def audited(
    folder: Path,
    log: Path,
    witness: Witness | None = None,
    *,
    may_be_open: bool = False,
    lists_storage: bool = False,
    **given: object,
) -> Audited:
    """Hold the tables and films of a data folder against an upstream's log and what callers saw.

    The log is read first: whatever was begun by then had its row before. So it is with what
    `lists_storage` finds; it is for houses where no task was deleted.
    """
    begun = read_log(log)
    blobs = blobs_of(load(data_dir=folder, **given), SystemClock())

    def digest(blob: str) -> str | None:
        return asyncio.run(_digest(blobs, blob))

    def came_as(blob: str) -> str | None:
        return original_of(asyncio.run(_content(blobs, blob)))

    stored = stored_in(folder, **given) if lists_storage else frozenset()
    books = books_of(folder, **given)
    return audit(
        books,
        begun,
        witness,
        may_be_open=may_be_open,
        blob_sha256=digest,
        came_as=came_as,
        stored=stored - inputs_in(folder, stored, **given),
    )
