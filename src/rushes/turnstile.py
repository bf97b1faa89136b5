"""How thousands who want to look at once leave the loop room for everything else.

Work is begun by a library that waits for a turn of the loop with each piece. Where all looks that
are due run in one turn, a turn takes half a second, and thousands of tasks that a dead worker left
behind are taken up at two a second; with a few looks in each turn, turns stay short. What was rung
for goes before what is merely due: a film waits there, and so does somebody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

PER_TURN: Final = 1


class Turnstile:
    """Lets `per_turn` pass in each turn of the loop, the others after them in their order.

    Whoever passed is not watched any more: an upstream that answers late, or never, holds up
    nobody. For one loop.
    """

    def __init__(self, per_turn: int = PER_TURN) -> None:
        self._per_turn = per_turn
        self._passed = 0
        self._rung: deque[asyncio.Future[None]] = deque()
        self._due: deque[asyncio.Future[None]] = deque()

    async def __call__(self, *, is_rung: bool = False) -> None:
        """Return when it is the caller's turn."""
        if self._passed < self._per_turn and not self._rung and not self._due:
            self._pass()
            return
        turn = asyncio.get_running_loop().create_future()
        (self._rung if is_rung else self._due).append(turn)
        await turn

    def _pass(self) -> None:
        if not self._passed:
            asyncio.get_running_loop().call_soon(self._turn)
        self._passed += 1

    def _turn(self) -> None:
        """Begin a turn of the loop."""
        self._passed = 0
        while self._passed < self._per_turn and (line := self._rung or self._due):
            turn = line.popleft()
            if not turn.done():  # given up meanwhile
                turn.set_result(None)
                self._pass()
