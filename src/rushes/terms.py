"""What the settings mean to the rooms: times, slots, retention, and whom webhooks may reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from rushes.domain.catalog import SANDBOX
from rushes.domain.retention import Retention
from rushes.engine.queues import Slots
from rushes.media.poster import GuardedPoster
from rushes.ports import Budgets
from rushes.settings import Settings

PROVIDER_FIRST: Final = timedelta(seconds=5)
"""A provider's own time limit comes first: it knows whether a byte was sent."""

DRAINING_MAX: Final = 8
"""How many tasks a provider that left the configuration may have under watch at once."""


def budgets_of(settings: Settings) -> Budgets:
    """Return how long tasks may stay where."""
    return Budgets(
        queue=settings.budget("queue"),
        submit_call=settings.budget("submit_call") + PROVIDER_FIRST,
        doubt=settings.budget("doubt"),
        render=settings.budget("render"),
        collect=settings.budget("collect"),
        aftercare=settings.budget("aftercare"),
        missing_for=settings.budget("missing_for"),
        missing_max=settings.times.missing_max,
        film_bytes_max=settings.limits.film_bytes_max,
    )


def retention_of(settings: Settings) -> Retention:
    """Return how long films and inputs are kept."""
    return Retention(
        films_s=settings.retention.films_s,
        inputs_s=settings.retention.inputs_s,
        by_model={one.id: one.films_s for one in settings.models if one.films_s is not None},
        by_account={one.id: one.films_s for one in settings.accounts if one.films_s is not None},
    )


def queues_of(settings: Settings, waiting: Iterable[str]) -> dict[str, Slots]:
    """Return what may be with each provider at once.

    A provider that left the configuration keeps its queue while tasks are in it: whoever gets a
    slot there goes on to a provider that is configured.
    """
    configured = {
        provider.name: Slots(
            provider.in_flight_max,
            provider.in_flight_per_account_max,
            provider.starts_per_minute_max,
        )
        for provider in settings.providers
    }
    leaving = dict.fromkeys(waiting, Slots(DRAINING_MAX))
    return {**leaving, SANDBOX: Slots(settings.sandbox.in_flight_max), **configured}


def widths_of(queues: Mapping[str, Slots]) -> dict[str, int]:
    """Return how many tasks each queue has in flight at most."""
    return {name: slots.in_flight_max for name, slots in queues.items()}


def poster_of(settings: Settings) -> GuardedPoster:
    """Return the client for webhooks, as far as the operator lets it go."""
    webhooks = settings.webhooks
    return GuardedPoster(allow=webhooks.allow_networks, allows_http=webhooks.allow_http)
