"""How routes fare: rows, so that the callers' side and commands can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from rushes.domain.health import Health, RouteState
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import routes_health


class HealthRows(Rows):
    """The verbs of a transaction that concern the health of routes."""

    def healths(self) -> Sequence[Health]:
        """Return what is known of all routes, by name."""
        statement = sa.select(routes_health).order_by(
            routes_health.c.provider, routes_health.c.upstream_model
        )
        return [_health_of(found) for found in self.run(statement).mappings()]

    def health(self, provider: str, upstream_model: str) -> Health | None:
        """Return what is known of one route; None if nothing ever went wrong.

        Within a write its row is locked until it ends, so that one of many probes a route.
        """
        statement = sa.select(routes_health).where(*_is(provider, upstream_model))
        if self._takes_locks:
            statement = statement.with_for_update()
        found = self.run(statement).mappings().first()
        return None if found is None else _health_of(found)

    def put_health(self, health: Health) -> None:
        """Write how a route fares; a clean one needs no row."""
        if health.is_clean:
            where = _is(health.provider, health.upstream_model)
            self.run(sa.delete(routes_health).where(*where))
        else:
            self.put(routes_health, _values(health), _values(health))


def _is(provider: str, upstream_model: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        routes_health.c.provider == provider,
        routes_health.c.upstream_model == upstream_model,
    )


def _values(health: Health) -> dict[str, Any]:
    return {
        "provider": health.provider,
        "upstream_model": health.upstream_model,
        "state": health.state.value,
        "fault_count": health.fault_count,
        "open_until": rows.micros_or_none(health.open_until),
        "changed_at": rows.micros(health.changed_at),
        "note": health.note,
    }


def _health_of(found: sa.RowMapping) -> Health:
    return Health(
        provider=found["provider"],
        upstream_model=found["upstream_model"],
        changed_at=rows.instant(found["changed_at"]),
        state=RouteState(found["state"]),
        fault_count=found["fault_count"],
        open_until=rows.instant_or_none(found["open_until"]),
        note=found["note"],
    )
