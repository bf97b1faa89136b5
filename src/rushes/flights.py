"""Requests under way: a repeat waits for the first one instead of racing it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable, Iterator


class Flights:
    """Knows, within one process and one event loop, what is being answered right now."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, tuple[asyncio.Lock, int]] = {}
        self._landings: dict[Hashable, set[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def alone(self, name: Hashable) -> AsyncIterator[None]:
        """Let one at a time through."""
        lock, count = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, count + 1)
        try:
            async with lock:
                yield
        finally:
            lock, count = self._locks[name]
            if count == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, count - 1)

    @contextlib.contextmanager
    def under_way(self, name: Hashable) -> Iterator[None]:
        """Be under way, for whoever waits in `landed`; many may be at once."""
        landing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._landings.setdefault(name, set()).add(landing)
        try:
            yield
        finally:
            landing.set_result(None)
            landings = self._landings[name]
            landings.discard(landing)
            if not landings:
                del self._landings[name]

    async def landed(self, name: Hashable) -> None:
        """Wait until everyone who is under way now has landed."""
        for landing in list(self._landings.get(name, ())):
            await landing
