"""Which route a task takes next. The next one is asked only when this one proved not to have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.catalog import Catalog, Route
from rushes.domain.errors import Failure, Reason
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task

MENDABLE: Final = frozenset({Reason.PROVIDER_FAILED, Reason.OUTPUT_LOST, Reason.INTERNAL})
"""Why a film was lost, where asking an own GPU again can help."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Submit to this route now."""

    route: Route


@dataclass(frozen=True, slots=True)
class NotYet:
    """Every route that may still be asked is busy; the first is free in `wait_s` seconds."""

    wait_s: float


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No route is left to ask."""

    failure: Failure


def seconds(value: float) -> timedelta:
    """Return a duration; a provider's advice is bounded to an hour."""
    return timedelta(seconds=min(max(value, 0.0), 3600.0))


def route_of(submit: Submit, catalog: Catalog, task: Task) -> Route:
    """Return the route a submit took; one that left the configuration has no attempts left."""
    for route in catalog.routes(task.model, is_rehearsal=task.is_rehearsal):
        if (route.provider, route.upstream_model) == (submit.provider, submit.upstream_model):
            return route
    return Route(submit.provider, submit.upstream_model, submit.is_billable, attempts_max=0)


def attempts_left(submit: Submit, submits: Sequence[Submit], catalog: Catalog, task: Task) -> bool:
    """Say whether an own GPU may be asked again; submits it never accepted do not count."""
    route = route_of(submit, catalog, task)
    return _used(route, submits) < route.attempts_max


def _used(route: Route, submits: Sequence[Submit]) -> int:
    return sum(
        (other.provider, other.upstream_model) == (route.provider, route.upstream_model)
        and other.verdict is not Verdict.RETURNED
        for other in submits
    )


def choose(
    task: Task,
    submits: Sequence[Submit],
    catalog: Catalog,
    configured: Mapping[str, object],
    at: datetime,
) -> Chosen | NotYet | NoRoute:
    """Choose the route for a queued task from what its submits have shown so far.

    A route that refused for good is spent; a busy one is free again at its `next_try_at`; one
    that may have been billed never comes here again, because its task is not queued.
    """
    waits_s: list[float] = []
    failure = Failure.of(Reason.PROVIDER_UNUSABLE)
    for route in catalog.routes(task.model, is_rehearsal=task.is_rehearsal):
        if route.provider not in configured:
            continue
        last = _last(route, submits)
        if last is None:
            return Chosen(route)
        if last.verdict is not Verdict.RETURNED:
            if not route.is_billable and _used(route, submits) < route.attempts_max:
                return Chosen(route)
            failure = Failure.of(Reason.PROVIDER_FAILED)
        elif last.next_try_at is None:
            failure = Failure.of(last.reason or Reason.PROVIDER_FAILED, last.note)
        elif last.next_try_at <= at:
            return Chosen(route)
        else:
            waits_s.append((last.next_try_at - at).total_seconds())
    return NotYet(min(waits_s)) if waits_s else NoRoute(failure)


def _last(route: Route, submits: Sequence[Submit]) -> Submit | None:
    mine = [
        submit
        for submit in submits
        if (submit.provider, submit.upstream_model) == (route.provider, route.upstream_model)
    ]
    return mine[-1] if mine else None
