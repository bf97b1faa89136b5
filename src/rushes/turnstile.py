"""How thousands who want to look at once leave the loop room for everything else.

Work is begun by a library that waits for a turn of the loop with each piece. Where all looks that
are due run in one turn, a turn takes half a second, and thousands of tasks that a dead worker left
behind are taken up at two a second; with a few looks in each turn, turns stay short. And an account
allows so many looks a second: who is here waits for one that is free, and need not come back for
it. What was rung for goes before what is merely due: a film waits there, and so does somebody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

PER_TURN: Final = 1

Turn = asyncio.Future[None]


class Allowance(Protocol):
    """What an account allows; `waiting` says how many wait here for a look that is free."""

    waiting: int

    def free_s(self, at: datetime) -> float:
        """Return how long it is until the next one may look; 0 if one may now."""
        ...

    def take(self, at: datetime) -> None:
        """Take the look that is free."""
        ...


@dataclass(slots=True)
class _Line:
    """Those who wait for looks of one account."""

    allowance: Allowance
    rung: deque[Turn] = field(default_factory=deque)
    due: deque[Turn] = field(default_factory=deque)

    def is_empty(self) -> bool:
        """Whether nobody waits any more; those next who gave up are forgotten."""
        for each in (self.rung, self.due):
            while each and each[0].done():
                each.popleft()
        return not self.rung and not self.due

    def pop(self) -> Turn:
        """Return who is next, and let it out of the line."""
        return (self.rung or self.due).popleft()


class Turnstile:
    """Lets `per_turn` pass in each turn of the loop, and no more than their accounts allow.

    Of one account what was rung for passes first, then the others in their order; accounts take
    turns. Whoever passed is not watched any more: an upstream that answers late, or never, holds
    up nobody. For one loop.
    """

    def __init__(self, now: Callable[[], datetime], per_turn: int = PER_TURN) -> None:
        """`now` is the time that allowances are told."""
        self._now = now
        self._per_turn = per_turn
        self._passed = 0
        self._lines: dict[int, _Line] = {}
        self._next: asyncio.Handle | None = None
        self._next_at = 0.0

    async def __call__(self, allowance: Allowance, *, is_rung: bool = False) -> None:
        """Return when it is the caller's turn, with a look taken."""
        line = self._lines.get(id(allowance))
        if line is None and self._passed < self._per_turn and not allowance.free_s(self._now()):
            self._pass(allowance)
            self._arrange()
            return
        if line is None:
            line = self._lines[id(allowance)] = _Line(allowance)
        turn: Turn = asyncio.get_running_loop().create_future()
        (line.rung if is_rung else line.due).append(turn)
        allowance.waiting += 1
        try:
            self._arrange()
            await turn
        finally:
            allowance.waiting -= 1

    def _pass(self, allowance: Allowance) -> None:
        allowance.take(self._now())
        self._passed += 1

    def _arrange(self) -> None:
        """Have the next turn begin when somebody may pass, or when one that passed is over."""
        loop = asyncio.get_running_loop()
        if self._passed:
            wait_s = 0.0
        elif (line := self._soonest()) is not None:
            wait_s = line.allowance.free_s(self._now())
        else:
            return
        at = loop.time() + wait_s
        if self._next is not None and at < self._next_at:
            self._next.cancel()
            self._next = None
        if self._next is None:
            begin, self._next_at = self._begin, at
            self._next = loop.call_later(wait_s, begin) if wait_s else loop.call_soon(begin)

    def _begin(self) -> None:
        """Begin a turn of the loop."""
        self._next, self._passed = None, 0
        while self._passed < self._per_turn and (line := self._soonest()) is not None:
            if line.allowance.free_s(self._now()):
                break
            self._pass(line.allowance)
            line.pop().set_result(None)
            self._lines[id(line.allowance)] = self._lines.pop(id(line.allowance))  # it was its turn
        self._arrange()

    def _soonest(self) -> _Line | None:
        """Return the line whose first may pass first; of several those of one that was rung for."""
        for name in [name for name, line in self._lines.items() if line.is_empty()]:
            del self._lines[name]
        now = self._now()
        return min(
            self._lines.values(),
            key=lambda line: (line.allowance.free_s(now), not line.rung),
            default=None,
        )
