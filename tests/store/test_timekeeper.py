"""One time for many machines: nobody's own clock counts, and none that is set moves it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rushes.clock import Clock, ShiftedClock, SystemClock
from rushes.domain.errors import StoreBusy
from rushes.store.postgres import PostgresStore
from rushes.store.timekeeper import Timekeeper
from rushes.testing.builders import NOON


@dataclass
class Wall:
    """A clock that people set."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class Room:
    """A machine and a database, each with its clock; `pass_s` lets time pass for both."""

    wall: Wall = field(default_factory=Wall)
    told: datetime = NOON
    counted_s: float = 500.0
    answer_s: float = 0.0
    is_away: bool = False

    def time_now(self) -> datetime:
        if self.is_away:
            raise StoreBusy("away")
        self.pass_s(self.answer_s / 2)
        told = self.told
        self.pass_s(self.answer_s / 2)
        return told

    def pass_s(self, seconds: float) -> None:
        self.counted_s += seconds
        self.told += timedelta(seconds=seconds)
        self.wall.at += timedelta(seconds=seconds)

    def keeper(self) -> Timekeeper:
        return Timekeeper(self, self.wall, count_s=lambda: self.counted_s)


@pytest.mark.promise("P3")
@pytest.mark.parametrize("hours", [2, -2])
def test_a_machine_whose_clock_is_set_judges_no_deadline_by_it(hours: int) -> None:
    room = Room()
    keeper = room.keeper()
    room.pass_s(10)
    room.wall.at += timedelta(hours=hours)
    assert keeper.clock.now() == NOON + timedelta(seconds=10)
    keeper.ask()
    room.pass_s(1)
    assert keeper.clock.now() == NOON + timedelta(seconds=11)


def test_time_goes_on_while_the_database_is_away() -> None:
    room = Room()
    keeper = room.keeper()
    room.is_away = True
    room.pass_s(3600)
    with pytest.raises(StoreBusy):
        keeper.ask()
    assert keeper.clock.now() == NOON + timedelta(hours=1)


def test_a_clock_that_ran_too_fast_is_put_right_by_the_next_answer() -> None:
    room = Room()
    keeper = room.keeper()
    room.pass_s(10)
    room.told -= timedelta(seconds=3)
    keeper.ask()
    assert keeper.clock.now() == room.told


def test_an_answer_that_took_long_is_not_heeded_and_a_quick_one_was_given_halfway() -> None:
    room = Room()
    keeper = room.keeper()
    room.told += timedelta(seconds=60)
    room.answer_s = 30
    keeper.ask()
    assert keeper.clock.now() == NOON + timedelta(seconds=30)
    room.answer_s = 0.25
    keeper.ask()
    assert keeper.clock.now() == room.told


def test_an_operator_is_told_once_of_a_clock_that_is_wrong_and_once_when_it_is_right(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room()
    keeper = room.keeper()
    for shift_s in (0, 7200, 0, -7200, 0):
        room.wall.at += timedelta(seconds=shift_s)
        keeper.ask()
    told = [record.getMessage() for record in caplog.records]
    assert [line[:20] for line in told] == ["this machine's clock"] * 2
    assert "+7200 s" in told[0]
    assert "agrees" in told[1]


def test_postgresql_tells_the_time_and_not_when_a_transaction_began(url: str) -> None:
    with contextlib.closing(PostgresStore(url)) as store:
        first, second = store.time_now(), store.time_now()
    assert first < second
    assert abs(second - SystemClock().now()) < timedelta(minutes=1)


def test_a_clock_can_be_set_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    shifted: Clock = ShiftedClock(file)
    right: Callable[[], datetime] = SystemClock().now
    assert abs(shifted.now() - right()) < timedelta(minutes=1)
    file.write_text("-7200")
    assert abs(shifted.now() + timedelta(hours=2) - right()) < timedelta(minutes=1)
