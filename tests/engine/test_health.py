"""What submits teach about a route, and that only one of many waiting tasks probes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import pytest

from rushes.domain.catalog import Route
from rushes.domain.errors import Blame, Failure, Reason
from rushes.domain.health import BUSY_S_MAX, COOL_S_MIN, FAULTS_MAX, Health, RouteState
from rushes.engine import health
from rushes.engine.world import World
from rushes.providers.base import Busy, Refused
from rushes.testing.builders import NOON, a_submit
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore

ROUTE = Route("gpu", "wan")
SUBMIT = a_submit(provider="gpu", upstream_model="wan")
UNTIL = timedelta(seconds=90)


@dataclass
class Rows:
    """As much of a world as lessons need."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))

    @property
    def world(self) -> World:
        return cast("World", self)

    def known(self) -> Health | None:
        return self.store.read_now(lambda tx: tx.health("gpu", "wan"))

    def may_ask(self) -> bool:
        at = self.clock.now()
        return self.store.write_now(lambda tx: health.may_ask(tx, ROUTE, at=at, until=at + UNTIL))


@pytest.fixture
def rows() -> Rows:
    return Rows()


async def fail(rows: Rows, times: int = FAULTS_MAX) -> None:
    for _ in range(times):
        submit = replace(SUBMIT, intent_at=rows.clock.now())
        await health.note_fault(submit, "not sent: ConnectError", rows.world)


async def test_a_route_that_works_costs_no_row(rows: Rows) -> None:
    await health.note_success(SUBMIT, rows.world)
    assert rows.known() is None
    assert rows.may_ask()


async def test_of_many_that_wait_for_an_open_route_one_probes(rows: Rows) -> None:
    await fail(rows)
    assert not rows.may_ask(), "it cools"
    rows.clock.advance(COOL_S_MIN)
    assert [rows.may_ask() for _ in range(5)] == [True, False, False, False, False]


async def test_a_probe_that_never_came_back_is_followed_by_another(rows: Rows) -> None:
    await fail(rows)
    rows.clock.advance(COOL_S_MIN)
    assert rows.may_ask()
    rows.clock.advance(UNTIL.total_seconds())
    assert rows.may_ask()


async def test_a_probe_that_is_taken_opens_the_route_for_all(rows: Rows) -> None:
    await fail(rows)
    rows.clock.advance(COOL_S_MIN)
    assert rows.may_ask()
    await health.note_success(SUBMIT, rows.world)
    assert [rows.may_ask() for _ in range(3)] == [True, True, True]
    assert rows.known() is None


async def test_a_full_upstream_is_probed_every_half_a_minute(rows: Rows) -> None:
    for _ in range(FAULTS_MAX + 5):
        submit = replace(SUBMIT, intent_at=rows.clock.now())
        await health.note_busy(submit, Busy("HTTP 429"), rows.world)
    assert not rows.may_ask()
    rows.clock.advance(BUSY_S_MAX)
    assert rows.may_ask()


async def test_a_refusal_for_the_callers_sake_is_a_sign_of_life(rows: Rows) -> None:
    await fail(rows, FAULTS_MAX - 1)
    refused = Refused(Failure.of(Reason.CONTENT_REFUSED), Blame.CALLER)
    await health.note_refusal(SUBMIT, refused, rows.world)
    assert rows.known() is None


async def test_an_account_that_cannot_pay_opens_its_route(rows: Rows) -> None:
    refused = Refused(Failure.of(Reason.PROVIDER_UNUSABLE), Blame.HOUSE, note="HTTP 402")
    for _ in range(FAULTS_MAX):
        await health.note_refusal(SUBMIT, refused, rows.world)
    known = rows.known()
    assert known is not None
    assert (known.state, known.note) == (RouteState.OPEN, "HTTP 402")


async def test_what_this_route_cannot_make_says_nothing_about_how_it_fares(rows: Rows) -> None:
    refused = Refused(Failure.of(Reason.PARAMETERS_REFUSED), Blame.PROVIDER)
    for _ in range(FAULTS_MAX):
        await health.note_refusal(SUBMIT, refused, rows.world)
    assert rows.known() is None


async def test_a_retired_model_is_not_asked_again_until_an_operator_acts(rows: Rows) -> None:
    gone = Refused(Failure.of(Reason.PROVIDER_UNUSABLE), Blame.PROVIDER, is_retired=True)
    await health.note_refusal(SUBMIT, gone, rows.world)
    known = rows.known()
    assert known is not None
    assert known.state is RouteState.RETIRED
