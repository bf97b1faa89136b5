"""A bell within one process: rows are the truth, the bell only saves waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable


class LocalBell:
    """A `ports.Bell` for waiters on any event loop of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}

    def ring(self, task_id: str) -> None:
        """Wake everyone who waits for news of a task; from any thread."""
        if task_id not in self._waiting:
            return
        with self._lock:
            waiters = list(self._waiting.get(task_id, ()))
        for loop, woken in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)

    def ring_all(self, task_ids: Iterable[str]) -> None:
        """Wake everyone who waits for news of one of these tasks."""
        for task_id in task_ids:
            self.ring(task_id)

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        """Wait for a ring; say whether there was one."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting.setdefault(task_id, set()).add(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await waiter[1].wait()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            with self._lock:
                waiters = self._waiting[task_id]
                waiters.discard(waiter)
                if not waiters:
                    del self._waiting[task_id]
