"""What the doctor sees coming: retiring models, open addresses, collectors and clocks apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx2

from rushes.cli.books import books
from rushes.cli.checks import REACH_S, Finding, knock, ok, warn
from rushes.clock import SystemClock
from rushes.configured import catalog_of
from rushes.domain.errors import StoreBusy
from rushes.folder import Unready, folder_holder
from rushes.settings import LOOPBACK, Settings
from rushes.store.postgres import PostgresStore

SOON: Final = timedelta(days=30)
APART_MAX: Final = timedelta(seconds=5)
COLLECTOR: Final = "http://localhost:4318"
"""Where the library sends spans if nobody says where."""


def of_outlook(
    settings: Settings, now: datetime, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Check what works today and will not some day, and what others see of us."""
    yield from retiring(settings, now.date())
    yield from encryption(settings)
    yield from public(settings)
    yield from traces(settings, environment)
    if settings.is_on_postgres:
        yield from database_clock(settings)


def retiring(settings: Settings, today: date) -> Iterator[Finding]:
    """Check that no model that a provider is asked for ends soon, by its card.

    A name that lives on in front of another model is not retired by what its maker did.
    """
    try:
        listings = catalog_of(settings).listings
    except Unready:  # told already, as the models' fault
        return
    for listing in listings.values():
        ends, successor = listing.card.retires_at, listing.card.successor
        asked = {route.upstream_model for route in listing.routes if not listing.is_rehearsal}
        if ends is None or listing.card.id not in asked or ends > today + SOON:
            continue
        told = f"is retired since {ends}" if ends <= today else f"retires on {ends}"
        after = f" to {successor}" if successor else " elsewhere"
        remedy = f"Move its callers{after}, or give it another route in rushes.toml."
        yield warn(f"model {listing.id}", told, remedy)


def encryption(settings: Settings) -> Iterator[Finding]:
    """Check that keys and films do not travel in the open."""
    url = settings.server.public_url
    if url is None:
        return
    split = urlsplit(url)
    if split.scheme == "http" and not _is_near(split.hostname or ""):
        told = f"{url} is not encrypted: keys, films and links can be read on the way"
        yield warn("TLS", told, "Put a proxy with TLS in front (docs/how-to/deploy.md), say https.")
    else:
        yield ok("TLS", f"{url} is encrypted, or does not leave this machine or network")


def public(settings: Settings) -> Iterator[Finding]:
    """Check that the address in our links leads to a server of ours, while one runs here."""
    url = settings.server.public_url
    if url is None or not _runs_here(settings):
        return
    try:
        answer = httpx2.get(f"{url}/healthz", timeout=REACH_S, trust_env=False)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        told = f"{url} cannot be reached from here: {type(error).__name__}"
        yield warn("public address", told, "Look at DNS, the proxy, and server.public_url.")
        return
    if answer.status_code == httpx2.codes.OK and answer.content == b'{"status":"ok"}':
        yield ok("public address", f"{url} leads to Rushes")
        return
    told = f"{url}/healthz answers {answer.status_code}, and not as we do"
    yield warn("public address", told, "Links and hooks go there: mend server.public_url.")


def traces(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that somebody listens where spans go; whether it takes them, the log says."""
    said = settings.traces
    if not said.is_on:
        yield ok("traces", "off")
        return
    endpoint = (
        said.endpoint
        or environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or COLLECTOR
    )
    shown = urlsplit(endpoint).netloc.rpartition("@")[2]
    try:
        asyncio.run(_knock_within(endpoint))
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        told = f"nobody listens at {shown}: {why}; spans are lost, and nothing else"
        yield warn("traces", told, "Start the collector, or mend [traces] endpoint.")
        return
    yield ok("traces", f"go to {shown}, where somebody listens")


def database_clock(settings: Settings) -> Iterator[Finding]:
    """Check that this machine's clock agrees with the database's, which is the one that counts."""
    try:
        with books(settings, SystemClock()) as store:
            if not isinstance(store, PostgresStore):
                return
            apart = SystemClock().now() - store.time_now()
    except (Unready, StoreBusy):  # told already, as the database's fault
        return
    yield clocks(apart)


def clocks(apart: timedelta) -> Finding:
    """Judge how far this machine's clock is before the database's."""
    seconds = apart.total_seconds()
    if abs(apart) > APART_MAX:
        told = f"{seconds:+.0f} s from the database's, which is the one that counts"
        return warn("clocks", told, "Have both machines kept by NTP.")
    return ok("clocks", "this machine's agrees with the database's")


async def _knock_within(url: str) -> None:
    async with asyncio.timeout(REACH_S):
        await knock(url)


def _runs_here(settings: Settings) -> bool:
    try:
        return not settings.is_on_postgres and folder_holder(settings.data_dir) is not None
    except OSError:
        return False


def _is_near(host: str) -> bool:
    """Say whether a host is this machine, or in a network that is nobody else's."""
    if host in LOOPBACK:
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return host.endswith(".localhost")
