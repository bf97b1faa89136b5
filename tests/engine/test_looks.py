"""The looks an account allows are shared by all its tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rushes.engine.world import LINE_SHARE, NEWS_LIFE, TURNS_KEPT, Looks
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


def test_a_clock_that_is_set_back_stops_nobody() -> None:
    looks = Looks(1.0)
    assert looks.wait_s(NOON) == 0
    assert looks.wait_s(NOON - timedelta(hours=1)) == 0
    assert looks.wait_s(NOON - timedelta(hours=1)) == 1


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


def test_of_many_who_wait_each_is_told_its_own_turn() -> None:
    looks = Looks(20.0)
    waits = [looks.wait_s(NOON, f"task {number}") for number in range(1000)]
    assert len(set(waits)) == 1000
    assert waits == sorted(waits)
    assert waits[-1] <= 1000 / (20 * LINE_SHARE)


def test_whoever_comes_at_its_turn_looks_and_its_next_turn_is_at_the_end_of_the_line() -> None:
    looks, at, looked = Looks(20.0), NOON, 0
    waits = [(looks.wait_s(NOON, f"task {number}"), f"task {number}") for number in range(100)]
    for wait_s, who in waits:
        at = NOON + timedelta(seconds=wait_s)
        looked += wait_s == 0 or looks.wait_s(at, who) == 0
        assert 4 < looks.again_s(at, who, 2.0) < 100 / (20 * LINE_SHARE) + 1
    assert looked == 100


def test_whoever_is_woken_before_its_turn_need_not_wait_for_it() -> None:
    looks = Looks(20.0)
    for number in range(1000):
        looks.wait_s(NOON, f"task {number}")
    late = NOON + timedelta(seconds=0.5)
    assert looks.wait_s(late, "task 999") == 0, "its vendor rang"
    assert looks.wait_s(late, "task 5000") > 50, "nobody rang for one that is new"


def crowded() -> tuple[Looks, datetime]:
    """Return looks of which two seconds' worth are overdue, and all of this second are taken."""
    looks, late = Looks(20.0), NOON + timedelta(seconds=4.5)
    for number in range(200):
        looks.wait_s(NOON, f"task {number}")
    assert [looks.wait_s(late, f"task {number}") for number in range(1, 21)] == [0] * 20
    return looks, late


def test_the_looks_that_are_free_next_are_for_those_whom_news_woke() -> None:
    looks, late = crowded()
    assert looks.wait_s(late, "task 199") == 1, "its vendor rang"
    free = late + timedelta(seconds=1)
    passed = [looks.wait_s(free, f"task {number}") == 0 for number in range(21, 61)]
    assert sum(passed) == 19, "one is kept"
    assert looks.wait_s(free, "task 199") == 0


def test_those_who_are_overdue_are_each_told_another_moment() -> None:
    """Woken all at once, ten thousand read their rows for every look that is free."""
    looks, late = crowded()
    waits = [looks.wait_s(late, f"task {number}") for number in range(21, 81)]
    assert waits == [1.0] * 20 + [2.0] * 20 + [3.0] * 20, "as many as were taken at that moment"
    after = late + timedelta(seconds=1)
    assert [looks.wait_s(after, f"task {number}") for number in range(21, 41)] == [0] * 20


def test_a_slow_account_keeps_its_next_look_for_news_too() -> None:
    looks = Looks(0.1)
    assert looks.wait_s(NOON, "task") == 0
    assert looks.again_s(NOON, "task", 60.0) == 60
    assert looks.wait_s(NOON + timedelta(seconds=1), "task") == 9, "its vendor rang"
    free = NOON + timedelta(seconds=10)
    assert looks.wait_s(free) > 0
    assert looks.wait_s(free, "task") == 0


def test_a_look_is_not_kept_for_ever_for_one_that_does_not_come_back() -> None:
    looks, late = crowded()
    assert looks.wait_s(late, "task 199") == 1
    after = late + timedelta(seconds=1) + NEWS_LIFE
    assert sum(looks.wait_s(after, f"task {number}") == 0 for number in range(21, 61)) == 20


def test_where_looks_are_not_short_the_pause_is_as_long_as_the_provider_wants() -> None:
    looks, at = Looks(20.0), NOON
    for _ in range(50):
        assert looks.wait_s(at, "task") == 0
        pause_s = looks.again_s(at, "task", 5.0)
        assert pause_s == 5
        at += timedelta(seconds=pause_s)
    assert Looks().again_s(NOON, "task", 5.0) == 5


def test_a_line_is_forgotten_when_the_clock_is_set_back() -> None:
    looks = Looks(1.0)
    for number in range(100):
        looks.wait_s(NOON, f"task {number}")
    assert looks.wait_s(NOON - timedelta(hours=1), "task 99") == 0


def test_turns_that_nobody_comes_for_are_forgotten() -> None:
    looks, at = Looks(1000.0), NOON
    for number in range(20_000):
        at += timedelta(seconds=1)
        looks.again_s(at, f"task {number}", 5.0)
    assert len(looks._turns) < 3 * TURNS_KEPT
