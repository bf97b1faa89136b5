"""The pulse: who may submit, who is taken for dead, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from rushes.domain.errors import LeaseLost, StoreBusy
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status
from rushes.engine import story
from rushes.engine.pulse import Pulse
from rushes.engine.world import Again
from rushes.ports import Transaction
from working import Workers

T = TypeVar("T")


@dataclass
class Register:
    """A store that hears beats; `work` is what the dead leave behind."""

    is_away: bool = False
    beats: list[str] = field(default_factory=list)
    finds: int = 0
    work: int = 0

    def write_now(self, act: Callable[[Any], T]) -> T:
        if self.is_away:
            raise StoreBusy("away")
        return act(self)

    def beat(self, executor: str) -> None:
        self.beats.append(executor)

    def reassign_work(self, lost_after_s: float) -> int:
        self.finds += 1
        return self.work

    def executor_count(self, lost_after_s: float) -> int:
        return 3


@dataclass
class Seconds:
    """A clock that is moved by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class One:
    """A process with a pulse."""

    register: Register = field(default_factory=Register)
    seconds: Seconds = field(default_factory=Seconds)

    def __post_init__(self) -> None:
        self.pulse = Pulse(self.register, "one", lost_after_s=4.0, now=self.seconds)

    def go_on(self, *pauses_s: float) -> None:
        for pause_s in pauses_s:
            self.seconds.now += pause_s
            self.pulse.beat()


def test_a_process_is_alive_as_long_as_its_beats_are_heard() -> None:
    one = One()
    assert not one.pulse.is_alive
    one.go_on(0, 1, 1)
    one.seconds.now += 3.9
    assert one.pulse.is_alive
    one.seconds.now += 0.2
    assert not one.pulse.is_alive
    one.go_on(0)
    assert one.pulse.is_alive


def test_a_beat_counts_from_when_it_began_not_from_when_it_was_heard() -> None:
    one = One()
    hear = one.register.beat

    def slowly(executor: str) -> None:
        hear(executor)
        one.seconds.now += 5

    one.register.beat = slowly  # type: ignore[method-assign]
    one.go_on(0)
    assert not one.pulse.is_alive


def test_a_process_that_is_not_heard_is_dead_to_itself() -> None:
    one = One()
    one.go_on(0, 1)
    one.register.is_away = True
    for _ in range(4):
        with pytest.raises(StoreBusy):
            one.go_on(1)
    assert not one.pulse.is_alive


def test_the_dead_are_found_from_the_second_beat_on() -> None:
    one = One()
    one.go_on(0)
    assert one.register.finds == 0
    one.register.work = 7
    one.seconds.now += 1
    assert one.pulse.beat() == 7


def test_after_a_gap_of_our_own_everybody_gets_time_to_come_back() -> None:
    """Where the database was away, all look dead to whoever comes back first."""
    one = One()
    one.go_on(0, 1, 10)
    assert one.register.finds == 1
    one.go_on(1, 1, 1)
    assert one.register.finds == 1
    one.go_on(1)
    assert one.register.finds == 2


def test_after_a_gap_it_is_another_life() -> None:
    one = One()
    assert one.pulse.life is None
    one.go_on(0, 1, 1)
    assert one.pulse.life == 1
    one.seconds.now += 5
    assert one.pulse.life is None
    one.go_on(0, 1)
    assert one.pulse.life == 2


def test_the_crowd_is_told_at_each_beat() -> None:
    one, told = One(), list[int]()
    one.pulse.on_crowd = told.append
    one.go_on(0, 1)
    assert told == [3, 3]


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
async def test_a_process_that_may_be_taken_for_dead_begins_no_submit() -> None:
    workers = Workers()
    workers.world.life = lambda: None
    task = workers.put()
    assert isinstance(await story.step(task.id, task.lease_epoch, workers.world), Again)
    assert workers.task(task) == task
    assert workers.store.read_now(lambda tx: tx.submits(task.id)) == []


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("then", [None, 2], ids=["it has not beaten since", "it has"])
async def test_one_that_stood_still_after_its_intent_sends_nothing_and_leaves_proof(
    then: int | None,
) -> None:
    workers, calls = Workers(), list[str]()
    task = workers.put()
    lives = iter([1, then])
    workers.world.life = lambda: next(lives)

    async def submit(spec: object, token: str) -> Ticket:
        calls.append(token)
        return {"job": token}

    workers.provider.on_submit = submit
    await story.step(task.id, task.lease_epoch, workers.world)
    assert calls == []
    assert workers.submit(task).verdict is Verdict.RETURNED
    assert workers.task(task).status is Status.QUEUED


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
async def test_whoever_took_it_over_meanwhile_finds_the_proof_and_submits_once() -> None:
    """The one that stood still writes no status: the task is not its own any more."""
    workers, calls = Workers(), list[str]()
    task = workers.put()

    async def submit(spec: object, token: str) -> Ticket:
        calls.append(token)
        return {"job": token}

    def stand_still() -> int | None:
        if workers.task(task).status is Status.QUEUED:
            return 1
        taken.append(workers.take(workers.task(task)))
        return 2

    taken: list[Any] = []
    workers.provider.on_submit = submit
    workers.world.life = stand_still
    with pytest.raises(LeaseLost):
        await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.SUBMITTING
    workers.world.life = lambda: 1
    epoch = taken[0].lease_epoch
    while workers.task(task).status is not Status.RUNNING:
        await story.step(task.id, epoch, workers.world)
    assert len(calls) == 1


def test_a_store_that_does_not_answer_the_first_beat_stops_the_start() -> None:
    one = One(Register(is_away=True))
    with pytest.raises(StoreBusy):
        one.pulse.start()


def test_what_beats_writes_through_the_real_verbs() -> None:
    workers = Workers()
    pulse = Pulse(workers.store, "worker-1", now=Seconds())
    pulse.beat()

    def count(tx: Transaction) -> int:
        return tx.executor_count(60.0)

    assert workers.store.read_now(count) == 1
