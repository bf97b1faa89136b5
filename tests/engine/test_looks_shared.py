"""All tasks of one account share the looks that it allows: the real story, in scheduled time."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts import a_world
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status
from rushes.engine.carry import carry
from rushes.engine.keeper import Keeper
from rushes.ports import Transaction, Work
from rushes.providers.base import (
    Absent,
    CancelOutcome,
    Film,
    FilmLost,
    Outcome,
    Quiet,
    Ready,
    Search,
    Stream,
    Working,
)
from rushes.providers.dashscope import LOOK_AGAIN_S, LOOKS_PER_S_MAX
from rushes.testing.builders import NOON, WORK_ID, a_submit, put_task
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore
from rushes.testing.scheduler import Actor, Stage, boundary, nap
from rushes.testing.world import SimBell, SimRecords

TASKS = 60
RENDER_S = 60.0
SECOND = timedelta(seconds=1)


@dataclass
class Wan(Quiet):
    """An account as DashScope has them: it counts whatever it is asked, and when."""

    clock: ManualClock
    name: str = "wan"
    looks_per_s_max: float | None = LOOKS_PER_S_MAX
    asked: list[tuple[datetime, str]] = field(default_factory=list)

    async def check(self, ticket: Ticket) -> Outcome:
        return await self._told(f"look {ticket['id']}")

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        await self._told(f"cancel {ticket['id']}")
        return CancelOutcome.TOO_LATE

    async def find(self, token: str, *_: Any, **__: Any) -> Search:
        await self._told(f"search {token}")
        return Absent()

    @asynccontextmanager
    async def open(self, film: Film) -> AsyncIterator[Stream]:
        raise FilmLost("the link is dead")
        yield

    async def _told(self, question: str) -> Outcome:
        self.asked.append((self.clock.now(), question))
        await boundary(f"wan: {question}")
        is_done = self.clock.now() >= NOON + timedelta(seconds=RENDER_S)
        return Ready({"url": question}) if is_done else Working(look_again_s=LOOK_AGAIN_S)


class Account:
    """One account at one upstream, with a store and workers, in time that a test lets pass."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.stage = Stage(self.clock)
        self.store = MemoryStore()
        self.wan = Wan(self.clock)
        self.world = a_world(self.wan, self.store, self.clock)

    def put(self, status: Status) -> str:
        return self.store.write_now(lambda tx: put_task(tx, status)).id

    def watch(self, task_ids: Iterable[str], work: Work = Work.FILM) -> None:
        for task_id in task_ids:
            script = carry(task_id, work, WORK_ID, self.world, SimBell())
            self.stage.enter(Actor(task_id, script, self.clock.now()))

    def leave_behind(self, counts: Mapping[Verdict, int]) -> None:
        """Have submits of tasks that ended, and a keeper's duty that looks after them."""

        def fill(tx: Transaction) -> None:
            for verdict in Counter(counts).elements():
                task = put_task(tx, Status.CANCELED)
                tx.add_submit(a_submit(task, verdict, look_at=NOON))

        self.store.write_now(fill)
        keeper = Keeper(self.world, SimRecords(self.store))
        self.stage.enter(Actor("keeper", self._tend(keeper), NOON))

    async def _tend(self, keeper: Keeper) -> None:
        while self.clock.now() < NOON + timedelta(minutes=1):
            await keeper.look_after_submits()
            await nap("the keeper rests", 1.0)

    def live(self, *, until: datetime) -> None:
        """Let everyone go on until then, or until nobody has anything to do."""
        while self.stage.actors and self.clock.now() < until:
            for actor in self.stage.awake():
                self.stage.run(actor)
                if actor.fault is not None:
                    raise actor.fault
            wake_at = self.stage.next_wake()
            if wake_at is not None:
                self.clock.set(max(self.clock.now(), wake_at))
        self.stage.clear()


def busiest_second(asked: list[tuple[datetime, str]]) -> int:
    """How much was asked in the second in which most was."""
    times = [at for at, _ in asked]
    return max(sum(at <= other < at + SECOND for other in times) for at in times)


def per_task(asked: list[tuple[datetime, str]]) -> Iterator[int]:
    questions = [question for _, question in asked]
    return (questions.count(one) for one in set(questions))


def test_sixty_running_tasks_ask_no_more_in_any_second_than_their_account_allows() -> None:
    account = Account()
    account.watch([account.put(Status.RUNNING) for _ in range(TASKS)])
    account.live(until=NOON + timedelta(hours=1))
    asked = account.wan.asked
    assert busiest_second(asked) <= LOOKS_PER_S_MAX
    looks = list(per_task(asked))
    assert len(looks) == TASKS, "somebody was never looked at"
    assert min(looks) >= RENDER_S / LOOK_AGAIN_S, "somebody waited for looks that others took"
    assert max(at for at, _ in asked) < NOON + timedelta(seconds=RENDER_S + LOOK_AGAIN_S + 10)


@pytest.mark.promise("P11")
def test_what_ended_is_looked_after_within_the_same_looks_and_nobody_is_passed_over() -> None:
    account = Account()
    account.watch([account.put(Status.RUNNING) for _ in range(15)])
    account.watch([account.put(Status.IN_DOUBT) for _ in range(15)])
    account.leave_behind({Verdict.DOUBT: 15, Verdict.ACCEPTED: 15})
    account.live(until=NOON + timedelta(minutes=1))
    asked = account.wan.asked
    assert busiest_second(asked) <= LOOKS_PER_S_MAX
    early = {question for at, question in asked if at < NOON + timedelta(seconds=10)}
    kinds = Counter(question.partition(" ")[0] for question in early)
    assert kinds["search"] == 15 + 15, "a submit in doubt was passed over"
    assert kinds["cancel"] == 15, "a task that ended upstream goes on at somebody's cost"


def test_films_whose_links_died_are_asked_for_within_the_same_looks() -> None:
    account = Account()
    account.watch([account.put(Status.STORING) for _ in range(TASKS)], Work.COLLECT)
    account.live(until=NOON + timedelta(minutes=1))
    assert len(list(per_task(account.wan.asked))) == TASKS, "a fresh link was never asked for"
    assert busiest_second(account.wan.asked) <= LOOKS_PER_S_MAX
