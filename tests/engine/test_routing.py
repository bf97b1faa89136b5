"""Which route a queued task takes: what its own submits proved, and how the routes fare."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from rushes.domain.catalog import Catalog, Listing, ModelCard, Route
from rushes.domain.errors import Reason
from rushes.domain.health import FAULTS_MAX, Health, after_fault, after_retirement, probing
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task
from rushes.engine.routing import Chosen, NoRoute, NotYet, choose, offer
from rushes.testing.builders import NOON, a_submit, a_task

FIRST = Route("first", "m")
SPARE = Route("spare", "m", priority=1)
TASK = a_task(model="film")


def judged(*healths: Health, submits: tuple[Submit, ...] = (), task: Task = TASK) -> object:
    card = cast("ModelCard", None)
    listing = Listing("film", card, (FIRST, SPARE), is_rehearsal=False)
    catalog = Catalog({"film": listing}, {})
    return choose(task, submits, offer(catalog, {"first", "spare"}, healths), NOON)


def down(route: Route, faults: int = FAULTS_MAX) -> Health:
    health = Health(route.provider, route.upstream_model, changed_at=NOON)
    for _ in range(faults):
        health = after_fault(health, at=NOON, note="HTTP 503")
    return health


def gone(route: Route) -> Health:
    well = Health(route.provider, route.upstream_model, changed_at=NOON)
    return after_retirement(well, at=NOON, note="model_retired")


def returned(route: Route, **facts: object) -> Submit:
    submit = a_submit(TASK, provider=route.provider, upstream_model=route.upstream_model)
    return replace(submit, verdict=Verdict.RETURNED, **facts)  # type: ignore[arg-type]


def test_the_preferred_route_is_asked_first() -> None:
    assert judged() == Chosen(FIRST)


def test_an_open_route_is_passed_over_for_one_that_works() -> None:
    assert judged(down(FIRST)) == Chosen(SPARE)


def test_a_few_faults_change_nothing() -> None:
    assert judged(down(FIRST, FAULTS_MAX - 1)) == Chosen(FIRST)


def test_where_all_routes_are_open_the_first_to_cool_is_waited_for() -> None:
    later = after_fault(down(SPARE), at=NOON, note="x")
    verdict = judged(down(FIRST), later)
    assert isinstance(verdict, NotYet)
    assert verdict.wait_s == 15


def test_a_route_that_is_probed_is_waited_for() -> None:
    probed = probing(down(FIRST), at=NOON, until=NOON + timedelta(seconds=90))
    verdict = judged(probed, gone(SPARE))
    assert verdict == NotYet(90, frozenset({("first", "m")}))


def test_a_route_that_works_and_only_sent_this_task_away_is_not_left_alone() -> None:
    busy = returned(FIRST, next_try_at=NOON + timedelta(seconds=7))
    assert judged(gone(SPARE), submits=(busy,)) == NotYet(7)


def test_a_retired_route_is_never_asked_and_the_next_one_is() -> None:
    assert judged(gone(FIRST)) == Chosen(SPARE)


def test_a_model_retired_everywhere_ends_the_task_with_a_clear_error() -> None:
    verdict = judged(gone(FIRST), gone(SPARE))
    assert isinstance(verdict, NoRoute)
    assert verdict.failure.reason is Reason.PROVIDER_UNUSABLE
    assert "retired" in verdict.failure.message
    assert "operator" in verdict.failure.message


def test_a_route_that_refused_this_task_for_good_is_spent() -> None:
    refused = returned(FIRST, reason=Reason.PROVIDER_UNUSABLE, note="no funds")
    assert judged(submits=(refused,)) == Chosen(SPARE)


@pytest.mark.parametrize("verdict", [Verdict.DOUBT, Verdict.LOST, Verdict.GONE])
def test_the_next_route_is_asked_only_after_proof(verdict: Verdict) -> None:
    """A submit that may have been taken leaves no route but the spare ones that were never asked;
    the task is not queued then, so this is the last line of defence.
    """
    submit = replace(returned(FIRST), verdict=verdict, is_billable=True)
    assert judged(submits=(submit,)) != Chosen(FIRST)
