"""Who may look, and how many in one turn of the loop."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from rushes.testing.builders import NOON
from rushes.turnstile import Turnstile


@dataclass
class Allowed:
    """An account that allows whatever is asked, or so many looks until somebody allows more."""

    left: float = math.inf
    again_s: float = 0.001
    waiting: int = 0

    def free_s(self, at: datetime) -> float:
        return 0.0 if self.left > 0 else self.again_s

    def take(self, at: datetime) -> None:
        assert self.left > 0, "not allowed"
        self.left -= 1


def a_turnstile(per_turn: int = 1) -> Turnstile:
    return Turnstile(lambda: NOON, per_turn=per_turn)


async def a_turn() -> None:
    """Let the loop run everything that is ready now, once."""
    await asyncio.sleep(0)


@pytest.mark.promise("P10")
async def test_of_many_who_come_together_a_few_pass_in_each_turn_in_their_order() -> None:
    turnstile, account, passed = a_turnstile(3), Allowed(), list[int]()

    async def look(number: int) -> None:
        await turnstile(account)
        passed.append(number)

    looks = [asyncio.create_task(look(number)) for number in range(20)]
    counts = [0]
    while len(passed) < 20:
        await a_turn()
        counts.append(len(passed))
    assert passed == list(range(20))
    assert max(after - before for before, after in itertools.pairwise(counts)) == 3
    assert len(counts) < 20, "nobody waits for a turn in which nobody passes"
    await asyncio.gather(*looks)


async def test_who_comes_alone_does_not_wait() -> None:
    turnstile, account = a_turnstile(), Allowed()
    for _ in range(3):
        coroutine = turnstile(account)
        with pytest.raises(StopIteration):
            coroutine.send(None)
        await a_turn()


async def test_who_gives_up_takes_nobodys_place() -> None:
    turnstile, account, passed = a_turnstile(), Allowed(), list[str]()

    async def look(name: str) -> None:
        await turnstile(account)
        passed.append(name)

    names = ["a", "b", "c", "d"]
    looks = {name: asyncio.create_task(look(name)) for name in names}
    await a_turn()
    looks["b"].cancel()
    for name in ("a", "c", "d"):
        await asyncio.wait_for(looks[name], 5)
    assert passed == ["a", "c", "d"]
    assert looks["b"].cancelled()


async def test_what_was_rung_for_passes_before_what_is_merely_due() -> None:
    turnstile, account, passed = a_turnstile(), Allowed(), list[str]()

    async def look(name: str) -> None:
        await turnstile(account, is_rung=name.startswith("rung"))
        passed.append(name)

    names = ["due 1", "due 2", "due 3", "rung 1", "rung 2"]
    await asyncio.gather(*(look(name) for name in names))
    assert passed == ["due 1", "rung 1", "rung 2", "due 2", "due 3"], "the first had no line"


async def test_who_passed_and_hangs_holds_up_nobody() -> None:
    turnstile, account, hanging = a_turnstile(), Allowed(), asyncio.Event()

    async def look() -> None:
        await turnstile(account)
        await hanging.wait()

    looks = [asyncio.create_task(look()) for _ in range(50)]
    await a_turn()
    await asyncio.wait_for(turnstile(account), 5)
    hanging.set()
    await asyncio.gather(*looks)


async def test_who_finds_no_look_free_waits_for_one_in_order_and_what_was_rung_for_first() -> None:
    turnstile, account, passed = a_turnstile(), Allowed(left=0), list[str]()

    async def look(name: str) -> None:
        await turnstile(account, is_rung=name.startswith("rung"))
        passed.append(name)

    names = ["due 1", "due 2", "rung 1", "due 3"]
    looks = [asyncio.create_task(look(name)) for name in names]
    await until(lambda: account.waiting == 4)
    assert passed == []
    account.left = 2
    await until(lambda: account.waiting == 2)
    assert passed == ["rung 1", "due 1"]
    account.left = 5
    await asyncio.wait_for(asyncio.gather(*looks), 5)
    assert passed == ["rung 1", "due 1", "due 2", "due 3"]
    assert (account.left, account.waiting) == (3, 0)


async def test_an_account_that_allows_nothing_holds_up_no_other() -> None:
    turnstile, spent, other = a_turnstile(), Allowed(left=0, again_s=3600), Allowed()
    waiting = [asyncio.create_task(call(turnstile(spent, is_rung=True))) for _ in range(3)]
    await until(lambda: spent.waiting == 3)
    for _ in range(10):
        await asyncio.wait_for(turnstile(other), 5)
    await asyncio.wait_for(asyncio.gather(*(turnstile(other) for _ in range(10))), 5)
    assert spent.waiting == 3
    for each in waiting:
        each.cancel()


async def test_accounts_of_whom_many_wait_take_turns() -> None:
    turnstile, passed = a_turnstile(), list[str]()

    async def look(name: str, account: Allowed) -> None:
        await turnstile(account)
        passed.append(name)

    few, many = Allowed(), Allowed()
    looks = [look("many", many) for _ in range(20)] + [look("few", few) for _ in range(2)]
    await asyncio.wait_for(asyncio.gather(*looks), 5)
    assert max(place for place, name in enumerate(passed) if name == "few") < 8


async def test_who_gives_up_before_a_look_is_free_takes_none() -> None:
    turnstile, account = a_turnstile(), Allowed(left=0)
    looks = [asyncio.create_task(call(turnstile(account))) for _ in range(3)]
    await until(lambda: account.waiting == 3)
    looks[0].cancel()
    await until(lambda: account.waiting == 2)
    account.left = 2
    await asyncio.wait_for(asyncio.gather(*looks[1:]), 5)
    assert account.left == 0


async def call(awaitable: Awaitable[None]) -> None:
    """Wait for it in a task of its own."""
    await awaitable


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    async with asyncio.timeout(5):
        while not condition():
            await a_turn()
