"""Which route a task takes next. The next one is asked only when this one proved not to have it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from rushes.domain.catalog import Catalog, Route
from rushes.domain.errors import Failure, Reason
from rushes.domain.health import Health, wait_s
from rushes.domain.preference import in_order
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task

RETIRED: Final = "The model is retired at the provider; it needs the operator."
MENDABLE: Final = frozenset({Reason.PROVIDER_FAILED, Reason.OUTPUT_LOST, Reason.INTERNAL})
"""Why a film was lost, where asking an own GPU again can help."""


Way: TypeAlias = tuple[str, str]
"""What a route is known by: a provider, and the model it is asked for there."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Submit to this route now."""

    route: Route


@dataclass(frozen=True, slots=True)
class NotYet:
    """Every route that may still be asked is busy; the first is free in `wait_s` seconds.

    Those of them that are `left_alone` may work again before that.
    """

    wait_s: float
    left_alone: frozenset[Way] = frozenset()


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No route is left to ask."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be asked at this moment: the routes of every model, and how each fares."""

    catalog: Catalog
    configured: Container[str]
    healths: Mapping[Way, Health]

    def routes(self, task: Task) -> tuple[Route, ...]:
        """Return a task's routes in the order in which it asks them."""
        routes = self.catalog.routes(task.model, is_rehearsal=task.is_rehearsal)
        return in_order((one for one in routes if one.provider in self.configured), task.id)

    def health_of(self, route: Route) -> Health | None:
        """Return how a route fares; None if nothing ever went wrong."""
        return self.healths.get(_way(route))


def offer(catalog: Catalog, configured: Container[str], healths: Iterable[Health]) -> Offer:
    """Put together what can be asked at this moment."""
    return Offer(catalog, configured, by_way(healths))


def by_way(healths: Iterable[Health]) -> Mapping[Way, Health]:
    """Return how routes fare, by what they are known by."""
    return {(one.provider, one.upstream_model): one for one in healths}


def _way(route: Route) -> Way:
    return route.provider, route.upstream_model


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
    offer: Offer,
    at: datetime,
) -> Chosen | NotYet | NoRoute:
    """Choose the route for a queued task from what its submits and other tasks' have shown.

    A route that refused for good is spent; a busy one is free again at its `next_try_at`; an
    open one is passed over for another, or waited for where there is none. One that may have
    been billed never comes here again, because its task is not queued.
    """
    waits_s: list[float] = []
    left_alone: set[Way] = set()
    failure = Failure.of(Reason.PROVIDER_UNUSABLE)
    for route in offer.routes(task):
        last = _last(route, submits)
        spent = _spent(route, last, submits)
        if spent is not None:
            failure = spent
            continue
        route_wait_s = wait_s(offer.health_of(route), at)
        if route_wait_s is None:
            failure = Failure.of(Reason.PROVIDER_UNUSABLE, RETIRED)
            continue
        own_wait_s = _own_wait_s(last, at)
        if max(route_wait_s, own_wait_s) <= 0:
            return Chosen(route)
        waits_s.append(max(route_wait_s, own_wait_s))
        if route_wait_s > 0:
            left_alone.add(_way(route))
    return NotYet(min(waits_s), frozenset(left_alone)) if waits_s else NoRoute(failure)


def may_go_on(ways: Iterable[Way], healths: Mapping[Way, Health], at: datetime) -> bool:
    """Say whether one of the routes that a task waits for is left alone no more.

    One whose model was retired meanwhile is waited for in vain, which its task should know.
    """
    return any(not wait_s(healths.get(way), at) for way in ways)


def _spent(route: Route, last: Submit | None, submits: Sequence[Submit]) -> Failure | None:
    """Return why a task cannot ask a route any more; None if it can."""
    if last is None:
        return None
    if last.verdict is not Verdict.RETURNED:
        if not route.is_billable and _used(route, submits) < route.attempts_max:
            return None
        return Failure.of(Reason.PROVIDER_FAILED)
    if last.next_try_at is None:
        return Failure.of(last.reason or Reason.PROVIDER_FAILED, last.note)
    return None


def _own_wait_s(last: Submit | None, at: datetime) -> float:
    """Return how long this task was asked to wait before it asks the route again."""
    if last is None or last.next_try_at is None or last.verdict is not Verdict.RETURNED:
        return 0.0
    return max(0.0, (last.next_try_at - at).total_seconds())


def _last(route: Route, submits: Sequence[Submit]) -> Submit | None:
    mine = [
        submit
        for submit in submits
        if (submit.provider, submit.upstream_model) == (route.provider, route.upstream_model)
    ]
    return mine[-1] if mine else None
