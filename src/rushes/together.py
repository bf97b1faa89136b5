"""How those who ask for the like at one moment ask together.

A look by a caller is a row, and a step of a task begins with its rows: asked for one by one, on
PostgreSQL, that was most of what either took.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import Context
from itertools import islice
from typing import Final, Generic, TypeVar

T = TypeVar("T")

TOGETHER_MAX: Final = 20


class Asked(Generic[T]):
    """Names that somebody waits for an answer to; who asks for one that is there shares it."""

    def __init__(self) -> None:
        self._answers: dict[str, asyncio.Future[T]] = {}

    def __len__(self) -> int:
        """How many names were not taken yet."""
        return len(self._answers)

    def join(self, name: str) -> asyncio.Future[T]:
        """Ask for a name; wait for what is returned behind a shield, since others may too."""
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answers[name] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_heed)
        return answer

    def take(self, count_max: int) -> dict[str, asyncio.Future[T]]:
        """Take the names that were asked for first, and answer them; who comes now asks anew."""
        if len(self._answers) <= count_max:
            taken, self._answers = self._answers, {}
            return taken
        return {name: self._answers.pop(name) for name in list(islice(self._answers, count_max))}


def refuse(answers: Iterable[asyncio.Future[T]], fault: Exception) -> None:
    """Tell a fault to all who have no answer."""
    for answer in answers:
        if not answer.done():
            answer.set_exception(fault)


def _heed(answer: asyncio.Future[T]) -> None:
    """Take notice of a fault whose askers all went away."""
    if not answer.cancelled():
        answer.exception()


class Together(Generic[T]):
    """Asks for many names at once, for those who each want one; for one loop.

    Whoever comes while it asks waits for the next time, with all who came meanwhile, so that
    nobody is told less than was known when it came.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        """`ask` answers for every name that it is given."""
        self._ask = ask
        self._asked = Asked[T]()
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, name: str) -> T:
        """Return the answer for one name.

        Raises:
            Exception: whatever the asking came to.
        """
        answer = self._asked.join(name)
        if self._asking is None:  # in a context of its own: what it does is not this name's alone
            self._asking = asyncio.create_task(self._ask_for_all(), context=Context())
        return await asyncio.shield(answer)

    async def _ask_for_all(self) -> None:
        """Ask until nobody waits."""
        answers: dict[str, asyncio.Future[T]] = {}
        try:
            while self._asked:
                answers = self._asked.take(TOGETHER_MAX)
                try:
                    found = await self._ask(list(answers))
                except Exception as fault:  # noqa: BLE001 -- theirs who asked
                    refuse(answers.values(), fault)
                else:
                    for name, answer in answers.items():
                        answer.set_result(found[name])
        finally:
            self._asking = None
            left = self._asked.take(len(self._asked))
            for answer in (*answers.values(), *left.values()):
                answer.cancel()  # nothing, to one that was answered
