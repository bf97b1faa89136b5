"""The looks an account allows are shared by all its tasks."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.engine.looks import (
    AT_TURNSTILE_MAX_S,
    CLAIM_LIFE,
    LINE_SHARE,
    TURNS_KEPT,
    Looks,
)
from rushes.testing.builders import NOON


def test_looks_without_a_limit_never_wait() -> None:
    looks = Looks()
    assert [looks.wait_s(NOON) for _ in range(1000)] == [0] * 1000


def test_a_second_has_as_many_looks_as_the_account_allows() -> None:
    looks = Looks(20.0)
    waits = [looks.wait_s(NOON) for _ in range(25)]
    assert waits == [0] * 20 + [1] * 5
    assert looks.wait_s(NOON + timedelta(seconds=0.75)) == 0.25
    assert looks.wait_s(NOON + timedelta(seconds=1)) == 0


def test_a_slow_account_gets_one_look_at_a_time() -> None:
    looks = Looks(0.1)
    assert looks.wait_s(NOON) == 0
    assert looks.wait_s(NOON) == 10
    assert looks.wait_s(NOON + timedelta(seconds=10)) == 0


@pytest.mark.parametrize("set_back", [timedelta(milliseconds=3), timedelta(hours=1)])
def test_a_clock_that_is_set_back_stops_nobody_and_gives_nobody_more(set_back: timedelta) -> None:
    looks = Looks(1.0)
    assert looks.wait_s(NOON) == 0
    at = NOON - set_back
    assert looks.wait_s(at) == 1
    assert looks.wait_s(at + timedelta(seconds=1)) == 0


@given(st.lists(st.floats(0, 3), max_size=200), st.sampled_from([0.5, 1.0, 2.5, 20.0]))
def test_no_second_sees_more_than_the_account_allows(steps: list[float], per_s: float) -> None:
    looks, at = Looks(per_s), NOON
    taken: list[datetime] = []
    for step in steps:
        at += timedelta(seconds=step / 20)
        if looks.wait_s(at) == 0:
            taken.append(at)
    span = timedelta(seconds=max(1.0, 1 / per_s))
    for begin in taken:
        assert sum(begin <= one < begin + span for one in taken) <= max(1.0, per_s)


@given(st.integers(1, 100), st.sampled_from([0.5, 1.0, 2.5, 20.0]))
def test_whoever_waits_as_long_as_told_gets_a_look(count: int, per_s: float) -> None:
    looks, at = Looks(per_s), NOON
    for _ in range(count):
        wait_s = looks.wait_s(at)
        if wait_s > 0:
            at += timedelta(seconds=wait_s)
            assert looks.wait_s(at) == 0
    assert (at - NOON).total_seconds() <= count / int(max(1.0, per_s)) * max(1.0, 1 / per_s)


def looked(looks: Looks, at: datetime, who: str, *, is_rung: bool = False) -> float:
    """Look if it is one's turn and a look is free; return 0, or how long to wait."""
    return looks.turn_s(at, who, is_rung=is_rung) or looks.wait_s(at)


def test_of_many_who_wait_each_is_told_its_own_turn() -> None:
    looks = Looks(20.0)
    waits = [looks.turn_s(NOON, f"task {number}") for number in range(1000)]
    assert len(set(waits)) == 1000
    assert waits == sorted(waits)
    assert waits[-1] <= 1000 / (20 * LINE_SHARE)


def test_whoever_comes_at_its_turn_looks_and_its_next_turn_is_at_the_end_of_the_line() -> None:
    looks, at, count = Looks(20.0), NOON, 0
    waits = [(looked(looks, NOON, f"task {number}"), f"task {number}") for number in range(100)]
    for wait_s, who in waits:
        at = NOON + timedelta(seconds=wait_s)
        count += wait_s == 0 or looked(looks, at, who) == 0
        assert 4 < looks.again_s(at, who, 2.0) < 100 / (20 * LINE_SHARE) + 1
    assert count == 100


def test_what_was_rung_for_need_not_wait_for_its_turn() -> None:
    looks = Looks(20.0)
    for number in range(1000):
        looks.turn_s(NOON, f"task {number}")
    late = NOON + timedelta(seconds=0.5)
    assert looks.turn_s(late, "task 998") > 45, "woken by nobody, it is not its turn"
    assert looks.turn_s(late, "task 999", is_rung=True) == 0
    assert looks.turn_s(late, "task 5000") > 50, "nobody rang for one that is new"


def test_who_is_at_the_turnstile_gets_the_looks_as_they_become_free() -> None:
    looks = Looks(20.0)
    for number in range(20):
        looks.take(NOON + timedelta(seconds=number / 20))
    at = NOON + timedelta(seconds=0.96)
    assert looks.free_s(at) == pytest.approx(0.04)
    assert looks.free_s(NOON + timedelta(seconds=1)) == 0


def test_who_would_wait_long_at_the_turnstile_goes_back_to_the_end_of_the_line() -> None:
    """A process that stood still for a minute has thousands who are overdue."""
    looks = Looks(20.0)
    for number in range(1000):
        looks.turn_s(NOON, f"task {number}")
    late, count = NOON + timedelta(minutes=2), 0
    while not looks.turn_s(late, f"task {count}"):
        looks.waiting += 1
        count += 1
    assert count == pytest.approx(20 * AT_TURNSTILE_MAX_S, abs=2)
    turns = [looks.turn_s(late, f"task {number}") for number in range(count, 1000)]
    assert turns == sorted(turns)
    assert len(set(turns)) == len(turns), "each is told another moment"
    assert turns[0] >= count / 20, "when those who wait have passed"
    assert turns[-1] < 1000 / (20 * LINE_SHARE) + 1


def test_a_slow_account_keeps_its_next_look_for_what_was_rung_for() -> None:
    looks = Looks(0.1)
    assert looked(looks, NOON, "task") == 0
    assert looks.again_s(NOON, "task", 60.0) == 60
    assert looks.turn_s(NOON + timedelta(seconds=1), "task", is_rung=True) == 9
    free = NOON + timedelta(seconds=10)
    assert looks.free_s(free) > 0, "kept"
    assert looked(looks, free, "task", is_rung=True) == 0


def test_what_is_due_on_a_slow_account_keeps_its_place_while_none_is_free() -> None:
    looks = Looks(0.1)
    assert looked(looks, NOON, "task") == 0
    assert looks.again_s(NOON, "task", 1.0) < 11
    at = NOON + timedelta(seconds=2)
    assert looks.turn_s(at, "task", is_rung=True) == 8
    assert looked(looks, NOON + timedelta(seconds=10), "task", is_rung=True) == 0
    assert looked(looks, NOON + timedelta(seconds=12), "task") == 8
    assert looked(looks, NOON + timedelta(seconds=20), "task") == 0


def test_a_look_that_somebody_was_told_of_is_kept_from_the_turnstile_for_a_moment() -> None:
    looks = Looks(20.0)
    for _ in range(20):
        looks.take(NOON)
    told = NOON + timedelta(seconds=looks.wait_s(NOON))
    for _ in range(19):
        assert looks.free_s(told) == 0
        looks.take(told)
    assert looks.free_s(told) > 0
    assert looks.wait_s(told) == 0
    assert looks.free_s(told + timedelta(seconds=1)) == 0


def test_a_look_is_not_kept_for_ever_for_one_that_does_not_come_back() -> None:
    looks = Looks(0.1)
    looks.take(NOON)
    free = NOON + timedelta(seconds=looks.wait_s(NOON))
    assert looks.free_s(free) == CLAIM_LIFE.total_seconds()
    assert looks.free_s(free + CLAIM_LIFE) == 0


def test_no_more_than_a_tenth_of_the_looks_are_kept() -> None:
    looks = Looks(20.0)
    for _ in range(20):
        looks.take(NOON)
    assert all(looks.wait_s(NOON) == 1 for _ in range(50))
    free = NOON + timedelta(seconds=1)
    for _ in range(18):
        assert looks.free_s(free) == 0
        looks.take(free)
    assert looks.free_s(free) > 0


def test_where_looks_are_not_short_the_pause_is_as_long_as_the_provider_wants() -> None:
    looks, at = Looks(20.0), NOON
    for _ in range(50):
        assert looked(looks, at, "task") == 0
        pause_s = looks.again_s(at, "task", 5.0)
        assert pause_s == 5
        at += timedelta(seconds=pause_s)
    assert Looks().again_s(NOON, "task", 5.0) == 5


def test_an_account_without_a_limit_has_no_line() -> None:
    looks = Looks()
    assert all(looked(looks, NOON, f"task {number}") == 0 for number in range(1000))
    looks.take(NOON)
    assert looks.free_s(NOON) == 0


@pytest.mark.parametrize("set_back", [timedelta(milliseconds=3), timedelta(hours=1)])
def test_nobody_loses_a_turn_when_the_clock_is_set_back(set_back: timedelta) -> None:
    """The clock that processes on PostgreSQL share is set by some milliseconds all the time."""
    looks = Looks(1.0)
    for number in range(100):
        looks.turn_s(NOON, f"task {number}")
    wait_s = looks.turn_s(NOON, "task 50")
    at = NOON - set_back
    assert looks.turn_s(at, "task 50") == wait_s
    assert looks.turn_s(at, "task 100") > 100, "it comes after those who stood there"
    assert looked(looks, at + timedelta(seconds=wait_s), "task 50") == 0


def test_turns_that_nobody_comes_for_are_forgotten() -> None:
    looks, at = Looks(1000.0), NOON
    for number in range(20_000):
        at += timedelta(seconds=1)
        looks.again_s(at, f"task {number}", 5.0)
    assert len(looks._turns) < 3 * TURNS_KEPT


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.integers(0, 9), st.booleans(), st.booleans()), max_size=200
    ),
    st.sampled_from([0.5, 1.0, 2.5, 20.0]),
)
def test_whoever_asks_in_whatever_way_no_second_sees_more_than_is_allowed(
    steps: list[tuple[float, int, bool, bool]], per_s: float
) -> None:
    looks, at, taken = Looks(per_s), NOON, list[datetime]()
    for step_s, number, is_rung, is_nameless in steps:
        at += timedelta(seconds=step_s / 20)
        if is_nameless:
            if looks.wait_s(at) == 0:
                taken.append(at)
        elif not looks.turn_s(at, f"task {number}", is_rung=is_rung) and not looks.free_s(at):
            looks.take(at)
            looks.again_s(at, f"task {number}", 1.0)
            taken.append(at)
    span = timedelta(seconds=max(1.0, 1 / per_s))
    for begin in taken:
        assert sum(begin <= one < begin + span for one in taken) <= max(1.0, per_s)


class Round:
    """So many tasks that are watched for ever, and a turnstile, in time that a test lets pass."""

    def __init__(self, count: int, per_s: float, *, set_by: Callable[[float], float]) -> None:
        self.looks = Looks(per_s)
        self.set_by = set_by
        self.wakes = [(0.0, f"task {number}") for number in range(count)]
        self.standing = deque[str]()
        self.looked: dict[str, list[float]] = {who: [] for _, who in self.wakes}
        self.woken = 0

    def live(self, until_s: float, *, stands_still: tuple[float, float] = (0, 0)) -> None:
        """Look whenever somebody may, but for a while in which the process stands still."""
        now_s = 0.0
        while now_s < until_s:
            stood_s, goes_on_s = stands_still
            if stood_s <= now_s < goes_on_s:
                now_s = goes_on_s
            at = NOON + timedelta(seconds=now_s + self.set_by(now_s))
            while self.wakes and self.wakes[0][0] <= now_s:
                self._wake(heapq.heappop(self.wakes)[1], now_s, at)
            while self.standing and not self.looks.free_s(at):
                self._look(self.standing.popleft(), now_s, at)
            now_s += 0.001

    def _wake(self, who: str, now_s: float, at: datetime) -> None:
        self.woken += 1
        wait_s = self.looks.turn_s(at, who)
        if wait_s:
            heapq.heappush(self.wakes, (now_s + wait_s, who))
        else:
            self.standing.append(who)
            self.looks.waiting += 1

    def _look(self, who: str, now_s: float, at: datetime) -> None:
        self.looks.waiting -= 1
        self.looks.take(at)
        self.looked[who].append(now_s)
        heapq.heappush(self.wakes, (now_s + self.looks.again_s(at, who, 1.0), who))

    def gaps(self) -> list[float]:
        """Return the times between two looks at one task."""
        return [b - a for times in self.looked.values() for a, b in itertools.pairwise(times)]


def right(at_s: float) -> float:
    """Tell how far a clock is ahead: this one never is."""
    del at_s
    return 0.0


def shared(at_s: float) -> float:
    """Tell how far a clock is ahead that is set twice a second, by some milliseconds."""
    return Random(int(2 * at_s)).uniform(-0.004, 0.004)


@pytest.mark.parametrize("set_by", [right, shared])
def test_nobody_is_passed_over_and_nobody_asks_twice_when_a_process_stood_still(
    set_by: Callable[[float], float],
) -> None:
    """A line of 200 at 20 a second takes ten seconds; two of standing still are added once."""
    line = Round(200, 20.0, set_by=set_by)
    line.live(80.0, stands_still=(30.0, 32.0))
    gaps = line.gaps()
    assert max(gaps) < 200 / (20 * LINE_SHARE) + 2.0 + 0.5
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(200 / (20 * LINE_SHARE), rel=0.02)
    assert line.woken < 1.01 * (len(gaps) + 2 * 200) + 200
    assert len(gaps) > 0.95 * (80 - 2 - 10) * 20 * LINE_SHARE, "looks were not used"
