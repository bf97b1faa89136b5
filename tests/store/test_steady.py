"""One time for one machine: nobody who sets its clock ends a task early, or has it wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import StoreBusy
from rushes.domain.task import Event, Task
from rushes.ports import Transaction
from rushes.store.steady import SETTLED_AFTER_S, SteadyTime, tell_of_a_jump
from rushes.store.timekeeper import ASK_EVERY_S, Timekeeper
from rushes.testing.builders import NOON, a_hold, a_task, put_move
from rushes.testing.memory_store import MemoryStore

T = TypeVar("T")

HOURS = st.integers(-48, 48).map(lambda hours: timedelta(hours=hours))


class FileStore(MemoryStore):
    """A store that can be away."""

    is_away = False

    def read_now(self, query: Callable[[Transaction], T]) -> T:
        if self.is_away:
            raise StoreBusy("away")
        return super().read_now(query)


@dataclass
class Machine:
    """A machine whose clock people set, with tasks in its books."""

    at: datetime = NOON
    counted_s: float = 500.0
    store: FileStore = field(default_factory=FileStore)
    task: Task | None = None
    keeper: Timekeeper = field(init=False)

    def now(self) -> datetime:
        return self.at

    def start(self) -> None:
        """Start the process, once more or for the first time."""
        steady = SteadyTime(self, self.store, count_s=lambda: self.counted_s)
        self.keeper = Timekeeper(steady, self, tell=tell_of_a_jump, count_s=lambda: self.counted_s)

    def __post_init__(self) -> None:
        self.start()

    @property
    def time(self) -> datetime:
        """The time that counts."""
        return self.keeper.clock.now()

    def begin(self, at: datetime = NOON) -> Task:
        """Have a task under way."""
        task = a_task(created_at=at)
        self.store.write_now(lambda tx: tx.add_task(task, a_hold(task)))
        self.task = task
        return task

    def end(self) -> None:
        """Have it end."""
        task = self.task
        assert task is not None
        self.store.write_now(lambda tx: put_move(tx, task, Event.EXPIRED))
        self.task = None

    def pass_s(self, seconds: float) -> None:
        """Let time pass, and ask for it as often as a process does."""
        for _ in range(round(seconds / ASK_EVERY_S)):
            self.counted_s += ASK_EVERY_S
            self.at += timedelta(seconds=ASK_EVERY_S)
            self.keeper.ask()


@pytest.mark.promise("P3")
@given(jumps=st.lists(st.tuples(HOURS, st.integers(1, 200)), max_size=8))
def test_while_a_task_is_under_way_time_passes_as_it_is_counted_however_clocks_are_set(
    jumps: list[tuple[timedelta, int]],
) -> None:
    machine = Machine()
    machine.begin()
    for by, seconds in jumps:
        machine.at += by
        before = machine.time
        machine.pass_s(seconds)
        assert machine.time - before == timedelta(seconds=seconds)


def test_what_ntp_corrects_by_a_little_is_followed_at_once() -> None:
    machine = Machine()
    machine.begin()
    for by in (timedelta(seconds=3), timedelta(seconds=-4)):
        machine.at += by
        machine.pass_s(1)
        assert machine.time == machine.at


@pytest.mark.parametrize("hours", [2, -2])
def test_a_time_that_the_machine_stands_by_is_taken_over_when_nothing_is_under_way(
    hours: int,
) -> None:
    machine = Machine()
    machine.begin()
    machine.at += timedelta(hours=hours)
    machine.pass_s(10 * SETTLED_AFTER_S)
    assert machine.time == machine.at - timedelta(hours=hours)
    machine.end()
    machine.pass_s(1)
    assert machine.time == machine.at


def test_a_clock_that_was_wrong_for_a_moment_is_not_believed_though_nothing_is_under_way() -> None:
    machine = Machine()
    machine.at += timedelta(days=365)
    machine.pass_s(SETTLED_AFTER_S - 1)
    assert machine.time < NOON + timedelta(days=1)
    machine.at -= timedelta(days=365)
    machine.pass_s(5)
    assert machine.time == machine.at


def test_every_time_the_clock_is_set_it_must_stand_by_it_anew() -> None:
    machine = Machine()
    for hours in (1, 2, -3, 4):
        machine.at += timedelta(hours=hours)
        machine.pass_s(SETTLED_AFTER_S - 10)
        assert machine.time - NOON < timedelta(minutes=5)
    machine.pass_s(11)
    assert machine.time == machine.at


@pytest.mark.promise("P3")
def test_a_start_with_a_clock_that_was_set_back_goes_on_where_open_tasks_are() -> None:
    machine = Machine()
    machine.begin(NOON - timedelta(seconds=5))
    machine.at -= timedelta(hours=2)
    machine.start()
    assert machine.time == NOON - timedelta(seconds=5)
    machine.end()
    machine.start()
    assert machine.time == machine.at, "what has ended waits for nothing"


def test_a_start_goes_by_the_machine_that_was_off_for_hours() -> None:
    machine = Machine()
    machine.begin()
    machine.at += timedelta(hours=8)
    machine.start()
    assert machine.time == machine.at


def test_nothing_is_taken_over_while_nobody_can_say_what_is_under_way() -> None:
    machine = Machine()
    machine.at += timedelta(hours=2)
    machine.pass_s(SETTLED_AFTER_S)
    machine.store.is_away = True
    with pytest.raises(StoreBusy):
        machine.pass_s(1)
    assert machine.time < NOON + timedelta(hours=1)


def test_an_operator_is_told_of_a_jump_of_what_is_taken_over_and_when_all_is_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine = Machine()
    machine.at += timedelta(hours=2)
    machine.pass_s(SETTLED_AFTER_S + 5)
    told = [record.getMessage() for record in caplog.records]
    jump, taken, agreed = told
    assert "+7200 s from the time that counts" in jump
    assert "set by +7200 s" in taken
    assert "agrees" in agreed
