"""Who may look, and how many in one turn of the loop."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from rushes.turnstile import Turnstile


async def a_turn() -> None:
    """Let the loop run everything that is ready now, once."""
    await asyncio.sleep(0)


@pytest.mark.promise("P10")
async def test_of_many_who_come_together_a_few_pass_in_each_turn_in_their_order() -> None:
    turnstile, passed = Turnstile(per_turn=3), list[int]()

    async def look(number: int) -> None:
        await turnstile()
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
    turnstile = Turnstile(per_turn=1)
    for _ in range(3):
        coroutine = turnstile()
        with pytest.raises(StopIteration):
            coroutine.send(None)
        await a_turn()


async def test_who_gives_up_takes_nobodys_place() -> None:
    turnstile, passed = Turnstile(per_turn=1), list[str]()

    async def look(name: str) -> None:
        await turnstile()
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
    turnstile, passed = Turnstile(per_turn=1), list[str]()

    async def look(name: str) -> None:
        await turnstile(is_rung=name.startswith("rung"))
        passed.append(name)

    names = ["due 1", "due 2", "due 3", "rung 1", "rung 2"]
    await asyncio.gather(*(look(name) for name in names))
    assert passed == ["due 1", "rung 1", "rung 2", "due 2", "due 3"], "the first had no line"


async def test_who_passed_and_hangs_holds_up_nobody() -> None:
    turnstile, hanging = Turnstile(per_turn=1), asyncio.Event()

    async def look() -> None:
        await turnstile()
        await hanging.wait()

    looks = [asyncio.create_task(look()) for _ in range(50)]
    await a_turn()
    await asyncio.wait_for(turnstile(), 5)
    hanging.set()
    await asyncio.gather(*looks)
