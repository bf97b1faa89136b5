"""A breaker as a value: it opens after faults in a row, cools, lets one probe through."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.health import (
    BUSY_S_MAX,
    COOL_S_MAX,
    COOL_S_MIN,
    FAULTS_MAX,
    MEANING,
    Health,
    RouteState,
    after_busy,
    after_fault,
    after_retirement,
    after_success,
    needs_probe,
    probing,
    wait_s,
)
from rushes.testing.builders import NOON

WELL = Health("gpu", "wan", changed_at=NOON)


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def failed(times: int) -> Health:
    health = WELL
    for _ in range(times):
        health = after_fault(health, at=NOON, note="HTTP 503")
    return health


def test_a_few_faults_do_not_open_a_route() -> None:
    health = failed(FAULTS_MAX - 1)
    assert (health.state, wait_s(health, NOON)) == (RouteState.CLOSED, 0)


def test_faults_in_a_row_open_a_route_for_a_while() -> None:
    health = failed(FAULTS_MAX)
    assert health.state is RouteState.OPEN
    assert wait_s(health, NOON) == COOL_S_MIN
    assert wait_s(health, NOON + at(COOL_S_MIN)) == 0


def test_a_success_forgets_the_faults_before_it() -> None:
    assert after_success(failed(FAULTS_MAX - 1), at=NOON) == WELL
    assert after_success(WELL, at=NOON + at(5)) is WELL


def test_while_one_task_probes_the_others_wait() -> None:
    health = probing(failed(FAULTS_MAX), at=NOON, until=NOON + at(90))
    assert needs_probe(health)
    assert wait_s(health, NOON + at(1)) == 89
    assert wait_s(health, NOON + at(90)) == 0, "a probe that never came back is given up"


def test_a_route_is_asked_when_the_clock_was_set_back_since_it_was_left_alone() -> None:
    """A shared clock is set by a little all the time; that is not what is meant."""
    health = failed(FAULTS_MAX)
    assert wait_s(health, NOON - at(3)) == COOL_S_MIN + 3
    assert wait_s(health, NOON - at(3600)) == 0


def test_a_failed_probe_opens_the_route_for_twice_as_long() -> None:
    health = probing(failed(FAULTS_MAX), at=NOON, until=NOON + at(90))
    again = after_fault(health, at=NOON, note="still down")
    assert (again.state, wait_s(again, NOON)) == (RouteState.OPEN, 2 * COOL_S_MIN)


def test_submits_that_were_under_way_when_a_route_opened_say_nothing_new() -> None:
    """Sixteen that fail together are one outage, not sixteen failed probes."""
    opened = failed(FAULTS_MAX)
    for _ in range(16):
        late = after_fault(opened, at=NOON + at(1), note="HTTP 503", begun_at=NOON - at(1))
        assert late is opened
        assert after_busy(opened, at=NOON + at(1), note="x", begun_at=NOON - at(1)) is opened
    probed = probing(opened, at=NOON + at(15), until=NOON + at(90))
    assert after_fault(probed, at=NOON + at(16), note="x", begun_at=NOON + at(14)) is probed
    probe = after_fault(probed, at=NOON + at(16), note="x", begun_at=NOON + at(15))
    assert probe.state is RouteState.OPEN


def test_a_probe_that_succeeds_closes_the_route() -> None:
    health = probing(failed(FAULTS_MAX), at=NOON, until=NOON + at(90))
    assert after_success(health, at=NOON) == WELL


def busy(times: int) -> Health:
    """Be probed in vain, so often."""
    health = WELL
    for _ in range(times):
        if needs_probe(health):
            health = probing(health, at=NOON, until=NOON + at(90))
        health = after_busy(health, at=NOON, note="HTTP 429")
    return health


def test_a_route_without_room_is_asked_again_within_half_a_minute() -> None:
    """Slots come free one by one; a breaker that doubles for ten minutes would leave them idle."""
    assert busy(FAULTS_MAX - 1).state is RouteState.CLOSED
    waits = [wait_s(busy(FAULTS_MAX + more), NOON) for more in range(20)]
    assert waits[0] == COOL_S_MIN
    assert set(waits[1:]) == {BUSY_S_MAX}


def test_a_fault_after_much_patience_is_not_punished_as_the_hundredth() -> None:
    health = after_fault(busy(100), at=NOON, note="HTTP 500")
    assert (wait_s(health, NOON) or 0) <= 2 * BUSY_S_MAX


def test_patience_forgets_no_faults() -> None:
    health = after_busy(failed(FAULTS_MAX + 3), at=NOON, note="HTTP 429")
    assert health.fault_count == FAULTS_MAX + 3
    assert wait_s(health, NOON) == BUSY_S_MAX


def test_an_upstream_that_names_a_time_is_left_alone_until_then() -> None:
    health = after_busy(WELL, at=NOON, note="HTTP 429", retry_after_s=7)
    assert wait_s(health, NOON) == 7
    assert wait_s(after_busy(busy(9), at=NOON, note="x", retry_after_s=3600), NOON) == 3600
    assert wait_s(after_busy(busy(9), at=NOON, note="x", retry_after_s=0), NOON) == BUSY_S_MAX


def test_no_waiting_brings_a_retired_model_back() -> None:
    health = after_retirement(WELL, at=NOON, note="gone")
    assert wait_s(health, NOON + timedelta(days=365)) is None
    assert not needs_probe(health)


@given(st.lists(st.sampled_from(["busy", "fault", "success", "probe"]), max_size=40))
def test_a_route_never_cools_longer_than_its_bound(lives: list[str]) -> None:
    health = WELL
    for life in lives:
        if life == "fault":
            health = after_fault(health, at=NOON, note="x")
        elif life == "busy":
            health = after_busy(health, at=NOON, note="x")
            assert (wait_s(health, NOON) or 0) <= BUSY_S_MAX
        elif life == "success":
            health = after_success(health, at=NOON)
        elif needs_probe(health):
            health = probing(health, at=NOON, until=NOON + at(90))
        assert (wait_s(health, NOON) or 0) <= COOL_S_MAX


def test_every_state_has_its_meaning() -> None:
    assert set(MEANING) == set(RouteState)
