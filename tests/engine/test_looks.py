"""The looks an account allows are shared by all its tasks."""

from __future__ import annotations

from datetime import timedelta

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
    assert waits[:20] == [0] * 20
    assert all(0 < wait <= 0.05 for wait in waits[20:])
    assert looks.wait_s(NOON + timedelta(seconds=0.05)) == 0


def test_a_slow_account_gets_one_look_at_a_time() -> None:
    looks = Looks(0.1)
    assert looks.wait_s(NOON) == 0
    assert looks.wait_s(NOON) == 10
    assert looks.wait_s(NOON + timedelta(seconds=10)) == 0


@given(st.lists(st.floats(0, 3), max_size=200), st.sampled_from([0.5, 1.0, 20.0]))
def test_no_stretch_of_time_sees_more_than_its_share(steps: list[float], per_s: float) -> None:
    looks, at = Looks(per_s), NOON
    taken = 0
    for step in steps:
        at += timedelta(seconds=step)
        taken += looks.wait_s(at) == 0
    passed_s = (at - NOON).total_seconds()
    assert taken <= max(1.0, per_s) + passed_s * per_s + 1e-6
