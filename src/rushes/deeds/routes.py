"""How the routes of models fare, and forgetting what went wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rushes.deeds.log import Operator, write_down
from rushes.deeds.showing import shown_text
from rushes.domain.catalog import SANDBOX, Catalog, Route
from rushes.domain.health import Health, RouteState
from rushes.ports import Transaction


@dataclass(frozen=True, slots=True)
class Fare:
    """A route of a public model, and how it fares; None where nothing ever went wrong."""

    model: str
    route: Route
    health: Health | None

    @property
    def state(self) -> RouteState:
        """What may be done with it."""
        return self.health.state if self.health else RouteState.CLOSED


def fares(tx: Transaction, catalog: Catalog) -> list[Fare]:
    """Return the routes of every configured model, and how each fares."""
    known = {(one.provider, one.upstream_model): one for one in tx.healths()}
    return [
        Fare(model, route, known.get((route.provider, route.upstream_model)))
        for model, route in _routes(catalog)
    ]


def reset(
    tx: Transaction, operator: Operator, provider: str, upstream_model: str, *, at: datetime
) -> Health | None:
    """Have a route asked again, one that is retired too; return what was known of it."""
    known = tx.health(provider, upstream_model)
    tx.put_health(Health(provider, upstream_model, changed_at=at))
    was = f"was {known.state}: {known.note}" if known else "nothing was wrong with it"
    write_down(tx, operator, "routes reset", f"{provider}/{upstream_model}", was, at=at)
    return known


def fare_json(fare: Fare) -> dict[str, object]:
    """Return how a route fares."""
    health, route = fare.health, fare.route
    return {
        "model": fare.model,
        "provider": route.provider,
        "upstream_model": route.upstream_model,
        "priority": route.priority,
        "weight": route.weight,
        "billable": route.is_billable,
        "state": fare.state,
        "fault_count": health.fault_count if health else 0,
        "open_until": health.open_until if health else None,
        "changed_at": health.changed_at if health else None,
        "note": shown_text(health.note) if health else "",
    }


def _routes(catalog: Catalog) -> Iterator[tuple[str, Route]]:
    for model, listing in catalog.listings.items():
        if listing.is_rehearsal or model == SANDBOX:
            continue
        for route in listing.routes:
            yield model, route
