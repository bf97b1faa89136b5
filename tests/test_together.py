"""Tasks that are due at once read their rows together, and none sees less than was committed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from rushes.domain.errors import StoreBusy
from rushes.domain.task import Status, Task
from rushes.engine.reading import rows_of, rows_of_many
from rushes.ports import Transaction
from rushes.testing.builders import put_task
from rushes.testing.memory_store import MemoryStore
from rushes.together import TOGETHER_MAX, Asked, Together, refuse


@dataclass
class Slow:
    """A store whose reads begin when they are let."""

    store: MemoryStore = field(default_factory=MemoryStore)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    reads: int = 0
    fault: Exception | None = None

    async def read(self, act: Callable[[Transaction], Any]) -> Any:
        self.reads += 1
        if self.fault is not None:
            await self.open.wait()
            raise self.fault
        told = await self.store.read(act)  # the state is of when it began
        await self.open.wait()
        return told

    def put(self, status: Status = Status.RUNNING) -> Task:
        return self.store.write_now(lambda tx: put_task(tx, status))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_come_together_are_read_in_one_transaction() -> None:
    slow = Slow()
    slow.open.set()
    tasks = [slow.put() for _ in range(20)]
    together = Together(partial(rows_of_many, slow))
    found = await asyncio.gather(*(together(task.id) for task in tasks))
    assert found == [await rows_of(task.id, slow.store) for task in tasks]
    assert slow.reads == 1
    assert await together("nobody") == (None, [])


async def test_a_crowd_is_read_a_part_at_a_time() -> None:
    slow = Slow()
    slow.open.set()
    together = Together(partial(rows_of_many, slow))
    await asyncio.gather(*(together(f"video_{number}") for number in range(2 * TOGETHER_MAX + 1)))
    assert slow.reads == 3


async def test_who_comes_during_a_read_sees_what_was_committed_when_it_came() -> None:
    slow = Slow()
    task = slow.put()
    together = Together(partial(rows_of_many, slow))
    early = asyncio.create_task(together(task.id))
    await turns()
    at = task.created_at
    taken = slow.store.write_now(
        lambda tx: tx.take(task.id, frozenset(Status), str(task.work_id), takeovers_max=9)
    )
    assert taken is not None, at
    late = asyncio.create_task(together(task.id))
    await turns()
    slow.open.set()
    before, after = (await early)[0], (await late)[0]
    assert before is not None
    assert after is not None
    assert after.lease_epoch == before.lease_epoch + 1


async def test_a_store_that_is_away_is_told_to_all_who_asked_and_to_nobody_after() -> None:
    slow = Slow(fault=StoreBusy("the database is away"))
    slow.open.set()
    task = slow.put()
    together = Together(partial(rows_of_many, slow))
    asked = await asyncio.gather(
        *(together(one) for one in (task.id, "a", "b")), return_exceptions=True
    )
    assert [type(told) for told in asked] == [StoreBusy] * 3
    slow.fault = None
    assert (await together(task.id))[0] == task


async def test_who_gives_up_takes_nobodys_answer() -> None:
    slow = Slow()
    task = slow.put()
    together = Together(partial(rows_of_many, slow))
    one, other = (asyncio.create_task(together(task.id)) for _ in range(2))
    await turns()
    one.cancel()
    await turns()
    slow.open.set()
    assert (await other)[0] == task
    assert one.cancelled()


async def test_a_fault_that_nobody_waits_for_any_more_is_no_noise() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: told.append(what))
    asked = Asked[int]()

    async def wait() -> int:
        return await asyncio.shield(asked.join("a"))

    waiting = asyncio.create_task(wait())
    await turns()
    waiting.cancel()
    await turns()
    refuse(asked.take(1).values(), StoreBusy("the database is away"))
    await turns()
    del waiting
    gc.collect()
    assert told == []


async def test_what_is_asked_for_many_is_asked_in_nobodys_name() -> None:
    heard: list[str | None] = []
    name: ContextVar[str | None] = ContextVar("name", default=None)

    async def ask(names: Sequence[str]) -> Mapping[str, str]:
        heard.append(name.get())
        return {one: one for one in names}

    name.set("a")
    assert await Together(ask)("a") == "a"
    assert heard == [None]


async def test_when_everything_is_let_go_nobody_waits_for_ever() -> None:
    slow = Slow()
    together = Together(partial(rows_of_many, slow))
    first = asyncio.create_task(together("a"))
    await turns()
    second = asyncio.create_task(together("b"))
    await turns()
    assert together._asking is not None
    together._asking.cancel()
    for asked in (first, second):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asked, 5)
