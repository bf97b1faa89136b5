"""What operators are shown of the house: its providers, what went wrong, how films fared.

Nothing of it opens a door: addresses go without passwords and queries, notes without secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rushes.deeds.showing import shown_text
from rushes.domain.catalog import SANDBOX, Catalog, Listing
from rushes.domain.insights import Insight
from rushes.domain.submit import MEANING
from rushes.domain.task import IN_FLIGHT, Status
from rushes.ports import Faulted, Transaction

FAULTS_SEEN: Final = 1_000
"""Among so many of the newest faults is the last one of a provider."""


@dataclass(frozen=True, slots=True)
class ProviderSaid:
    """A provider as an operator configured it; the sandbox is one too."""

    name: str
    kind: str
    in_flight_max: int
    profile: str | None = None
    base_url: str | None = None
    in_flight_per_account_max: int | None = None
    starts_per_minute_max: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong last with a provider, in words."""

    at: datetime
    what: str


def providers_json(
    tx: Transaction, said: Iterable[ProviderSaid], catalog: Catalog
) -> list[dict[str, object]]:
    """Return every provider that is configured, and those that left and still have open tasks."""
    known = {one.name: one for one in said}
    standing: dict[str, dict[Status, int]] = {name: {} for name in known}
    for one in tx.open_counts():
        if one.provider is not None:
            standing.setdefault(one.provider, {})[one.status] = one.count
    last = _last_troubles(tx)
    models = _models_by_provider(catalog)
    return [
        _provider_json(name, known.get(name), counts, models.get(name, ()), last.get(name))
        for name, counts in standing.items()
    ]


def faulted_json(one: Faulted) -> dict[str, object]:
    """Return what went wrong with a task, or with one of its submits."""
    return {
        "task_id": one.task_id,
        "account_id": one.account_id,
        "model": one.model,
        "provider": one.provider,
        "n": one.n,
        "status": one.faults.status,
        "verdict": one.verdict,
        "meaning": one.verdict and MEANING[one.verdict],
        "what": shown_text(one.faults.note),
        "count": one.faults.count,
        "first_at": one.faults.first_at,
        "at": one.faults.last_at,
    }


def insight_json(one: Insight) -> dict[str, object]:
    """Return how the tasks of a day, a model, or both fared."""
    named = {"day": one.day, "model": one.model}
    return {
        **{name: value for name, value in named.items() if value is not None},
        "accepted": one.accepted,
        "films": one.films,
        "failed": sum(one.failed.values()),
        "failed_by": dict(one.failed),
        "canceled": one.canceled,
        "unfinished": one.unfinished,
        "rehearsals": one.rehearsals,
        "median_s": one.median_s,
        "p95_s": one.p95_s,
    }


def offered_json(catalog: Catalog) -> dict[str, list[str]]:
    """Return which models are made by the sandbox, and which by a provider."""
    listings = catalog.listings.values()
    return {
        "rehearsed": sorted(one.id for one in listings if one.is_sandboxed),
        "live": sorted(one.id for one in listings if not one.is_sandboxed),
    }


def retiring_json(catalog: Catalog) -> list[dict[str, object]]:
    """Return the models that their makers end or ended, the first to go first."""
    ending = [
        (card.retires_at, listing.id, card.successor)
        for listing in catalog.listings.values()
        if (card := listing.card).retires_at is not None
    ]
    return [
        {"model": model, "retires_at": f"{day:%Y-%m-%d}", "successor": successor}
        for day, model, successor in sorted(ending, key=lambda one: one[:2])
    ]


def _provider_json(
    name: str,
    said: ProviderSaid | None,
    counts: Mapping[Status, int],
    models: Sequence[str],
    last: Trouble | None,
) -> dict[str, object]:
    address = said and said.base_url
    return {
        "name": name,
        "kind": said and said.kind,
        "profile": said and said.profile,
        "base_url": address and shown_text(address),
        "is_configured": said is not None,
        "mode": "rehearsal" if name == SANDBOX else "live",
        "in_flight": sum(count for status, count in counts.items() if status in IN_FLIGHT),
        "in_flight_max": said and said.in_flight_max,
        "in_flight_per_account_max": said and said.in_flight_per_account_max,
        "starts_per_minute_max": said and said.starts_per_minute_max,
        "queued": counts.get(Status.QUEUED, 0),
        "in_doubt": counts.get(Status.IN_DOUBT, 0),
        "storing": counts.get(Status.STORING, 0),
        "models": models,
        "last_fault": last and {"at": last.at, "what": last.what},
    }


def _last_troubles(tx: Transaction) -> Mapping[str, Trouble]:
    """Return what went wrong last by provider: with a task, or with one of its routes."""
    found = [
        (one.provider, Trouble(one.faults.last_at, shown_text(one.faults.note)))
        for one in tx.newest_faults(FAULTS_SEEN)
        if one.provider is not None
    ]
    found += [
        (health.provider, Trouble(health.changed_at, shown_text(health.note)))
        for health in tx.healths()
        if health.note
    ]
    found.sort(key=lambda pair: pair[1].at)
    return dict(found)


def _models_by_provider(catalog: Catalog) -> Mapping[str, list[str]]:
    models: dict[str, list[str]] = {}
    for listing in catalog.listings.values():
        for provider in _providers_of(listing):
            models.setdefault(provider, []).append(listing.id)
    return models


def _providers_of(listing: Listing) -> list[str]:
    return list(dict.fromkeys(route.provider for route in listing.routes))
