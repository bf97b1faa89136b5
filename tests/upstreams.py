"""A simulated upstream in a thread of its own, and a person at a terminal: for tests of verbs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from rushes.testing.simulators.host import serving
from rushes.testing.simulators.upstream import SimulatedUpstream

PATIENCE_S = 10.0


class Answers(StringIO):
    """What a person types; at its end the terminal is closed."""

    def readline(self, size: int | None = -1, /) -> str:
        line = super().readline(-1 if size is None else size)
        if not line:
            raise EOFError
        return line


@contextmanager
def upstream(server: SimulatedUpstream, path: str = "/v1") -> Iterator[str]:
    """Serve it on loopback; yields its base URL."""
    bound: list[int] = []
    up, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(server) as port:
            bound.append(port)
            up.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert up.wait(PATIENCE_S), "the upstream did not start"
        yield f"http://127.0.0.1:{bound[0]}{path}"
    finally:
        done.set()
        thread.join(PATIENCE_S)
