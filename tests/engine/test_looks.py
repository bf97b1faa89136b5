"""The looks an account allows are shared by all its tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rushes.engine.world import Looks
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
