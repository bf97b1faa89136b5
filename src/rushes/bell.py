"""A bell within one process: rows are the truth, the bell only saves waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


class LocalEar:
    """A `ports.Ear` on the loop that it was made on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def hear(self) -> None:
        """Hear a ring; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rung.set)

    def forget(self) -> None:
        """Forget the rings that came until now."""
        self._rung.clear()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a ring that is not forgotten; say whether there was one."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        return True


class LocalBell:
    """A `ports.Bell` for waiters on any event loop of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: dict[str, set[LocalEar]] = {}

    def ring(self, task_id: str) -> None:
        """Wake everyone who waits for news of a task; from any thread."""
        if task_id not in self._ears:
            return
        with self._lock:
            ears = list(self._ears.get(task_id, ()))
        for ear in ears:
            ear.hear()

    def ring_all(self, task_ids: Iterable[str]) -> None:
        """Wake everyone who waits for news of one of these tasks."""
        for task_id in task_ids:
            self.ring(task_id)

    @contextmanager
    def listen(self, task_id: str) -> Iterator[LocalEar]:
        """Listen for news of a task; a ring is heard by whoever listens, waiting or not."""
        ear = LocalEar()
        with self._lock:
            self._ears.setdefault(task_id, set()).add(ear)
        try:
            yield ear
        finally:
            with self._lock:
                ears = self._ears[task_id]
                ears.discard(ear)
                if not ears:
                    del self._ears[task_id]

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        """Wait for a ring; say whether there was one."""
        with self.listen(task_id) as ear:
            return await ear.wait(timeout_s)


class TellingBell(LocalBell):
    """A bell that is heard in other processes too: `tell` takes the word there."""

    def __init__(self, tell: Callable[[Iterable[str]], None]) -> None:
        super().__init__()
        self._tell = tell

    def ring(self, task_id: str) -> None:
        """Wake everyone who waits for news of a task, wherever they are; from any thread."""
        super().ring(task_id)
        self._tell([task_id])

    def ring_all(self, task_ids: Iterable[str]) -> None:
        """Wake everyone who waits for news of one of these tasks, wherever they are."""
        ids = list(task_ids)
        self.ring_here(ids)
        self._tell(ids)

    def ring_here(self, task_ids: Iterable[str]) -> None:
        """Wake who waits in this process: the others have been told."""
        for task_id in task_ids:
            super().ring(task_id)
