"""How a route fares: a breaker as a value, and nothing that reads a clock.

A route is closed while it works. Faults in a row open it for a while that doubles; when the
while is over one task may probe it, and its fate decides. A retired model stays retired until
an operator says otherwise: no waiting brings it back. A route that only asks for patience is
left alone for as long as it asks, or for a short while: asking again costs nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

FAULTS_MAX: Final = 3
COOL_S_MIN: Final = 15.0
COOL_S_MAX: Final = 600.0
BUSY_S_MAX: Final = 30.0
"""How long a route is left alone that took nothing and did not say for how long."""

SET_BACK: Final = timedelta(minutes=1)
"""By how much a clock must be behind what is known of a route for it to have been set back."""

NOTE_CHARACTERS_MAX: Final = 200


class RouteState(StrEnum):
    """What may be done with a route."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    RETIRED = "retired"


MEANING: Final = {
    RouteState.CLOSED: "it works; tasks go there",
    RouteState.OPEN: "it failed in a row, or asked for patience; tasks wait or go elsewhere",
    RouteState.PROBING: "one task is trying it; the others wait for what becomes of that one",
    RouteState.RETIRED: "the upstream no longer has the model; an operator must act",
}


@dataclass(frozen=True, slots=True)
class Health:
    """How one route fares: a provider, and the model it is asked for there.

    `fault_count` counts faults in a row. `open_until` is when an open route may be probed, and
    when a probe that never came back is given up. `note` says why, for operators only.
    """

    provider: str
    upstream_model: str
    changed_at: datetime
    state: RouteState = RouteState.CLOSED
    fault_count: int = 0
    open_until: datetime | None = None
    note: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to remember."""
        return self.state is RouteState.CLOSED and self.fault_count == 0


def wait_s(health: Health | None, at: datetime) -> float | None:
    """Return how long a task should wait before it asks a route; 0 for now, None for never.

    Nobody knows how long a route was left alone before the clock was set back; it may be asked.

    >>> wait_s(None, datetime.now())
    0.0
    """
    if health is None or health.state is RouteState.CLOSED:
        return 0.0
    if health.state is RouteState.RETIRED:
        return None
    if health.open_until is None or at < health.changed_at - SET_BACK:
        return 0.0
    return max(0.0, (health.open_until - at).total_seconds())


def needs_probe(health: Health | None) -> bool:
    """Say whether only one task at a time may ask the route."""
    return health is not None and health.state in {RouteState.OPEN, RouteState.PROBING}


def probing(health: Health, *, at: datetime, until: datetime) -> Health:
    """Return the health while one task probes; after `until` another may."""
    return replace(health, state=RouteState.PROBING, open_until=until, changed_at=at)


def after_success(health: Health, *, at: datetime) -> Health:
    """Return the health after a submit was accepted, or refused for the caller's sake."""
    if health.is_clean:
        return health
    return Health(health.provider, health.upstream_model, changed_at=at)


def after_fault(
    health: Health, *, at: datetime, note: str, begun_at: datetime | None = None
) -> Health:
    """Return the health after a submit that the route failed; `begun_at` is when it began.

    A failed probe opens the route again for twice as long. Submits that were under way when the
    route opened say nothing new.
    """
    if _is_old(health, begun_at):
        return health
    count = health.fault_count + 1
    is_opening = count >= FAULTS_MAX or needs_probe(health)
    return _after(health, count, _cool_s(count) if is_opening else None, at=at, note=note)


def after_busy(
    health: Health,
    *,
    at: datetime,
    note: str,
    begun_at: datetime | None = None,
    retry_after_s: float | None = None,
) -> Health:
    """Return the health after a submit that was proven not to be accepted, though later it may be.

    Nothing is lost by asking again, so a free slot or an upstream that is back is found soon:
    the while does not double past BUSY_S_MAX, nor do a hundred of these make the next fault the
    hundredth. The upstream's own word about when to come back is taken.
    """
    if _is_old(health, begun_at):
        return health
    count = health.fault_count
    if _cool_s(count + 1) <= BUSY_S_MAX:
        count += 1
    cool_s = min(BUSY_S_MAX, _cool_s(count)) if count >= FAULTS_MAX or needs_probe(health) else None
    if retry_after_s is not None:
        cool_s = max(retry_after_s, cool_s or 0.0)
    return _after(health, count, cool_s, at=at, note=note)


def _is_old(health: Health, begun_at: datetime | None) -> bool:
    return begun_at is not None and begun_at < health.changed_at and needs_probe(health)


def _after(
    health: Health, fault_count: int, cool_s: float | None, *, at: datetime, note: str
) -> Health:
    return replace(
        health,
        state=RouteState.CLOSED if cool_s is None else RouteState.OPEN,
        fault_count=fault_count,
        open_until=None if cool_s is None else at + timedelta(seconds=cool_s),
        changed_at=at,
        note=note[:NOTE_CHARACTERS_MAX],
    )


def after_retirement(health: Health, *, at: datetime, note: str) -> Health:
    """Return the health after an upstream said that it no longer has the model."""
    return replace(
        health,
        state=RouteState.RETIRED,
        fault_count=health.fault_count + 1,
        open_until=None,
        changed_at=at,
        note=note[:NOTE_CHARACTERS_MAX],
    )


def _cool_s(fault_count: int) -> float:
    doublings = min(max(fault_count - FAULTS_MAX, 0), 10)
    return min(COOL_S_MAX, COOL_S_MIN * 2.0**doublings)
