"""Thousands of slow and silent callers, and the others are answered meanwhile; a real server.

They hold connections and say nothing, drip their heads and bodies byte by byte, take no byte of
the films they asked for, and keep streams of events open on a task that does not move: more of
them together than the server has connections. Nobody waits for them, and nothing here sleeps.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from journeying import Running, a_server, wait_until
from rushes.clock import SystemClock
from rushes.domain.access import DEFAULT_ACCOUNT_ID, Key
from rushes.domain.ids import digest_of, new_key_id
from rushes.folder import open_books
from rushes.settings import load

KEYS, STREAMS_EACH = 20, 50
CONNECTIONS_MAX = 4_000
SILENT, DRIPPING, BODIES, READERS = 3_000, 1_500, 100, 20
CONFIG = f"[limits]\nconnections_max = {CONNECTIONS_MAX}\n"
ROUNDS, LOOKS_EACH = 5, 40
WAIT_S_MAX = 5.0
"""How long 99 of 100 waits of a normal caller may be, on cores that carry the attackers too.

All are answered: a refusal, or 30 s without an answer, fails.
"""

MEMORY_BYTES_MAX = 500 * 2**20
FILM: dict[str, Any] = {"model": "sandbox", "prompt": "a heron", "seconds": 4, "resolution": "720p"}
LONG: dict[str, Any] = {**FILM, "metadata": {"sandbox": {"delay_s": 60}}}


@dataclass
class Crowd:
    """Connections that are held open, each with what it drips."""

    port: int
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def hold(self, said: bytes, count: int, buffer_bytes: int | None = None) -> None:
        for start in range(0, count, 100):
            here = min(100, count - start)
            made = await asyncio.gather(*(self._connected(buffer_bytes) for _ in range(here)))
            for _, writer in made:
                writer.write(said)
            self.held += made

    async def _connected(
        self, buffer_bytes: int | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        line = socket.socket()
        if buffer_bytes is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        return await asyncio.open_connection(sock=line, limit=buffer_bytes or 2**16)

    def drip(self) -> None:
        """Say one more byte on each line that is still there."""
        for _, writer in self.held:
            if not writer.is_closing():
                writer.write(b"x")

    async def heard(self, mark: bytes) -> int:
        """Count the lines on which this was heard."""
        said = await asyncio.gather(
            *(reader.readuntil(mark) for reader, _ in self.held), return_exceptions=True
        )
        return sum(isinstance(each, bytes) for each in said)

    async def leave(self, count: int | None = None) -> None:
        """Have the first so many go, or all."""
        going, self.held = self.held[:count], [] if count is None else self.held[count:]
        for _, writer in going:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for _, writer in going), return_exceptions=True)


@asynccontextmanager
async def crowds(port: int, count: int) -> AsyncIterator[list[Crowd]]:
    made = [Crowd(port) for _ in range(count)]
    try:
        yield made
    finally:
        for crowd in made:
            await crowd.leave()


def request(method: str, path: str, key: str, more: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: films\r\nAuthorization: Bearer {key}\r\n{more}\r\n"
    return head.encode()


def more_keys(folder: Path, count: int) -> list[str]:
    """Make keys of the first account, beside the server."""
    now = SystemClock().now()
    secrets = [f"sk-live-slow-caller-number-{number:04}" for number in range(count)]
    with closing(open_books(load(data_dir=folder), SystemClock())) as store:
        for secret in secrets:
            key = Key(
                new_key_id(now),
                DEFAULT_ACCOUNT_ID,
                "slow",
                digest_of(secret.encode()),
                secret[:12],
                now,
            )
            store.write_now(lambda tx, key=key: tx.add_key(key))  # type: ignore[misc]
    return secrets


def facts(pid: int) -> tuple[int, int]:
    """Return how much memory a process has, in bytes, and how many files it has open."""
    status = Path(f"/proc/{pid}/status").read_text()
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(memory.split()[1]) * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def a_film(client: httpx2.AsyncClient) -> str:
    name: str = (await client.post("/v1/video/generations", json=FILM)).json()["id"]
    while True:
        look = (await client.get(f"/v1/video/generations/{name}?wait=30")).json()
        assert look["status"] != "failed", look
        if look["status"] == "succeeded":
            return name


async def normal(url: str, key: str, name: str) -> list[float]:
    """Be a normal caller: new connections and kept ones, looks, a list and a create."""
    waits: list[float] = []
    headers = {"Authorization": f"Bearer {key}"}

    async def ask(client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> None:
        begun = time.monotonic()
        answer = await client.request(method, path, **more)
        waits.append(time.monotonic() - begun)
        assert answer.status_code == 200, answer.text

    look = f"/v1/video/generations/{name}"
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        for _ in range(LOOKS_EACH):
            await ask(client, "GET", look)
        await ask(client, "GET", "/v1/videos")
        await ask(client, "POST", "/v1/videos", json=LONG)
    for _ in range(LOOKS_EACH // 4):
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            await ask(client, "GET", look)
    return waits


@pytest.mark.long
async def test_slow_callers_keep_nobody_out(tmp_path: Path, record_property: Any) -> None:
    with a_server(tmp_path / "data", config=CONFIG) as server:
        told = await besieged(server, more_keys(tmp_path / "data", KEYS))
    record_property("told", json.dumps(told))


async def besieged(server: Running, keys: list[str]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {server.key}"}
    pid, waits = server.process.pid, []
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30) as client:
        name = await a_film(client)
        followed = [(await client.post("/v1/videos", json=LONG)).json()["id"] for _ in range(20)][
            -1
        ]
    before, _ = facts(pid)
    async with crowds(server.port, 5) as (silent, dripping, bodies, readers, streams):
        for key in keys:
            events = request("GET", f"/v1/video/generations/{followed}/events", key)
            await streams.hold(events, STREAMS_EACH)
        assert await streams.heard(b"retry: 3000") == KEYS * STREAMS_EACH
        content = request("GET", f"/v1/videos/{name}/content", keys[0])
        await readers.hold(content * 50, READERS, buffer_bytes=4096)
        more = "Content-Type: application/json\r\nContent-Length: 100000\r\n"
        await bodies.hold(request("POST", "/v1/videos", keys[0], more), BODIES)
        await dripping.hold(b"GET /v1/models HTTP/1.1\r\nX: ", DRIPPING)
        await silent.hold(b"", SILENT)
        for _ in range(ROUNDS):
            for crowd in (dripping, bodies):
                crowd.drip()
            waits += await normal(server.url, server.key, name)
        memory, files = facts(pid)
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
            numbers = (await client.get("/metrics")).text
    made = number_of(numbers, "room_made_count")
    assert made >= SILENT + DRIPPING + KEYS * STREAMS_EACH - CONNECTIONS_MAX
    assert number_of(numbers, "surplus_refused_count") == 0
    assert files < CONNECTIONS_MAX + 500
    assert memory - before < MEMORY_BYTES_MAX
    waits.sort()
    told = {
        "looks": len(waits),
        "p50_ms": round(1000 * waits[len(waits) // 2], 1),
        "p99_ms": round(1000 * waits[len(waits) * 99 // 100], 1),
        "max_ms": round(1000 * waits[-1], 1),
        "room_made": made,
        "memory_mb": [before >> 20, memory >> 20],
        "files": files,
    }
    assert told["p99_ms"] < 1000 * WAIT_S_MAX, told
    return told


def number_of(numbers: str, what: str) -> int:
    line = next(line for line in numbers.splitlines() if f'what="{what}"' in line)
    return int(float(line.rpartition(" ")[2]))


@pytest.mark.long
async def test_when_all_are_at_work_the_next_is_told_to_come_back(tmp_path: Path) -> None:
    """Streams and long-polls are work: who comes beyond them hears 503, and is served later."""
    most = 60
    config = f"[limits]\nconnections_max = {most}\n"
    with a_server(tmp_path / "data", config=config) as server:
        headers = {"Authorization": f"Bearer {server.key}"}
        async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30) as client:
            followed = [
                (await client.post("/v1/videos", json=LONG)).json()["id"] for _ in range(3)
            ][-1]
        async with crowds(server.port, 1) as (streams,):
            events = request("GET", f"/v1/video/generations/{followed}/events", server.key)
            await streams.hold(events, most)
            assert await streams.heard(b"retry: 3000") == most
            refused = await asyncio.to_thread(httpx2.get, f"{server.url}/healthz")
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "overloaded"
            assert refused.headers["retry-after"] == "5"
            await streams.leave(1)
            await asyncio.to_thread(wait_until, lambda: is_well(server), timeout_s=20)
            assert number_of(httpx2.get(f"{server.url}/metrics").text, "surplus_refused_count") > 0
        await asyncio.to_thread(wait_until, lambda: is_well(server), timeout_s=20)


def is_well(server: Running) -> bool:
    """Ask on a connection of its own."""
    return httpx2.get(f"{server.url}/healthz").status_code == 200
