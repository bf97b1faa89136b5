"""How those who ask for the like at one moment ask together.

Two hundred tasks a second look at their upstream, and each begins with its rows as they are now:
asked for one by one, on PostgreSQL, that was half of what a look took.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

TOGETHER_MAX: Final = 20


class Together(Generic[T]):
    """Asks for many names at once, for those who each want one; for one loop.

    Whoever comes while it asks waits for the next time, with all who came meanwhile, so that
    nobody is told less than was known when it came.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        """`ask` answers for every name that it is given."""
        self._ask = ask
        self._waiting: dict[str, asyncio.Future[T]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, name: str) -> T:
        """Return the answer for one name.

        Raises:
            Exception: whatever the asking came to.
        """
        answer = self._waiting.get(name)
        if answer is None:
            answer = self._waiting[name] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_for_all())
        return await asyncio.shield(answer)

    async def _ask_for_all(self) -> None:
        """Ask until nobody waits."""
        asked: dict[str, asyncio.Future[T]] = {}
        try:
            while self._waiting:
                asked = {one: self._waiting.pop(one) for one in list(self._waiting)[:TOGETHER_MAX]}
                try:
                    found = await self._ask(list(asked))
                except Exception as fault:  # noqa: BLE001 -- theirs who asked
                    for answer in asked.values():
                        answer.set_exception(fault)
                else:
                    for name, answer in asked.items():
                        answer.set_result(found[name])
        finally:
            self._asking = None
            for answer in (*asked.values(), *self._waiting.values()):
                answer.cancel()  # nothing, to one that was answered
            self._waiting.clear()
