"""What a process that listens is put together of; one that only works never loads it."""

from __future__ import annotations

import os
import resource
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from rushes import __version__
from rushes.deeds.house import ProviderSaid
from rushes.domain.access import Limits
from rushes.domain.catalog import SANDBOX
from rushes.engine.dispatch import queue_name
from rushes.gateway.door import Gateway
from rushes.gateway.forecast import Forecast
from rushes.gateway.looks import Policies
from rushes.gateway.rates import Rates
from rushes.gateway.reprints import Reprints
from rushes.gateway.standing import Standing
from rushes.http.admin.overview import House
from rushes.http.auth import Keyring
from rushes.http.body import BodyLimits
from rushes.http.bounds import GuardLimits, connections_of
from rushes.http.envelope import Styles
from rushes.http.files import Sign
from rushes.http.links import Links
from rushes.http.origins import Origins
from rushes.http.server import Application, Operators, Wire, server_of
from rushes.ports import NotAHint, Transaction, Work
from rushes.providers.base import Forged
from rushes.rooms import Parts
from rushes.settings import ProviderSettings, Settings
from rushes.storage import is_up
from rushes.terms import poster_of, queues_of, widths_of

ENVELOPE: Final = "envelope"
SIGNED_LIFE: Final = timedelta(hours=1)
"""How long an address of the bucket's own lives: it is signed anew whenever a link is followed."""

SIGNED_LIFE_MIN: Final = timedelta(seconds=1)
DESCRIPTORS_WANTED: Final = 65_536
"""As many files as a server of thousands of callers has open; a shell often allows 1,024."""


def application_of(
    parts: Parts, links: Links, *, for_callers: bool, has_engine: bool
) -> Application:
    """Put together what answers: callers, or only who asks how the process is."""
    return Application(_wire(parts, links, has_engine=has_engine), for_callers=for_callers)


def answer(
    application: Application,
    listeners: Sequence[socket.socket],
    settings: Settings,
    *,
    on_hangup: Callable[[], object],
) -> None:
    """Answer until a signal says stop; then drain. The first is where callers come."""
    server = server_of(
        application,
        host=settings.server.host,
        port=listeners[0].getsockname()[1],
        limits=_guard_limits(settings),
        drain_s=settings.server.drain_s,
        on_hangup=on_hangup,
    )
    server.run(sockets=list(listeners))


def _guard_limits(settings: Settings) -> GuardLimits:
    limits = settings.limits
    return GuardLimits(
        head_bytes_max=limits.header_bytes_max,
        head_timeout_s=limits.header_s,
        body_timeout_s=limits.body_s,
        body_total_timeout_s=limits.body_total_s,
        idle_timeout_s=limits.keep_alive_s,
        connections_max=limits.connections_max or connections_of(_descriptors()),
    )


def _descriptors() -> int:
    """Let this process open as many files as it may be let, within reason; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unbounded = resource.RLIM_INFINITY
    wanted = DESCRIPTORS_WANTED if hard == unbounded else min(hard, DESCRIPTORS_WANTED)
    if soft == unbounded or soft >= wanted:
        return DESCRIPTORS_WANTED if soft == unbounded else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def _wire(parts: Parts, links: Links, *, has_engine: bool) -> Wire:
    settings, metrics = parts.settings, parts.metrics
    metrics.ask(
        "rushes_films_finished",
        "Films that were sealed or tagged before they were kept, and those that could not be.",
        lambda: parts.finishing.counts,
    )
    metrics.ask("rushes_charged", "What films came to in this process.", parts.world.charged.told)
    limits = settings.limits
    keyring = Keyring(
        parts.truth.store,
        parts.truth.clock,
        parts.truth.hot.data_version,
        limits=Limits(
            requests_per_s=limits.requests_per_s,
            submits_per_minute=limits.submits_per_minute,
            in_flight_max=limits.in_flight_max,
            queued_max=limits.queued_max,
        ),
    )
    shared = parts.truth.store if settings.is_on_postgres else None
    gateway = Gateway(
        store=parts.truth.store,
        clock=parts.truth.clock,
        catalog=parts.configuration.catalog,
        blobs=parts.blobs,
        dispatcher=parts.dispatcher,
        examiner=parts.examiner,
        fetcher=parts.fetcher,
        poster=poster_of(settings),
        reprints=Reprints(parts.truth.store, parts.truth.clock, parts.blobs, parts.world.darkroom),
        budgets=parts.world.budgets,
        policies=Policies(
            metadata=settings.metadata_policy,
            coerces=settings.coerce_parameters,
            cancel_rule=settings.cancel_rule,
            free_bytes_min=settings.storage.free_bytes_min,
            waiting_max=limits.queued_total_max,
        ),
        other_room=_room_for_rows(settings),
        metrics=metrics,
        traces=parts.traces,
    )

    if has_engine:
        metrics.ask(
            "rushes_moderation",
            "Wishes judged by moderation, by what came of it.",
            lambda: asdict(parts.world.judgements),
        )

    async def is_database_up() -> bool:
        return await parts.truth.store.read(lambda tx: tx.key_version()) >= 0

    async def is_storage_up() -> bool:
        return await is_up(parts.blobs)

    async def is_engine_up() -> bool:
        return parts.engine.is_healthy

    def read_hint(provider: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
        upstream = parts.world.upstreams.get(provider)
        try:
            return None if upstream is None else upstream.provider.hint(headers, body)
        except Forged as forged:
            raise NotAHint(str(forged)) from forged

    forecast = Forecast(
        parts.truth.store,
        parts.truth.clock,
        widths_of(queues_of(settings, ())),
        lambda tx, queue, limit: tx.turns_of(queue_name(Work.FILM, queue), limit),
    )
    standing = Standing(
        parts.truth.store,
        parts.truth.clock,
        metrics,
        catalog=lambda: gateway.catalog,
        slots=lambda: forecast.slots,
        free_bytes=_free_bytes(settings),
        lost_after_s=settings.workers.lost_after_s,
    )
    return Wire(
        gateway=gateway,
        read_hint=read_hint,
        hot=parts.truth.hot,
        forecast=forecast,
        keyring=keyring,
        rates=Rates(parts.truth.clock, metrics, shared),
        links=links,
        sign=_signer(parts),
        bell=parts.truth.bell,
        clock=parts.truth.clock,
        metrics=metrics,
        checks={
            "database": is_database_up,
            "storage": is_storage_up,
            **({"engine": is_engine_up} if has_engine else {}),
        },
        before_metrics=standing.refresh,
        body_limits=BodyLimits(limits.json_bytes_max, limits.form_bytes_max),
        bodies_bytes_max=limits.bodies_bytes_max,
        metadata_bytes_max=limits.metadata_bytes_max,
        download_bytes_max=limits.download_json_bytes_max,
        streams_per_key_max=limits.streams_per_key_max,
        is_metrics_open=settings.metrics_open,
        styles=Styles(
            settings.response_style == ENVELOPE,
            {key.id: key.response_style == ENVELOPE for key in settings.keys},
        ),
        origins=Origins(settings.server.trusted_proxies),
        operators=_operators(settings, has_engine=has_engine),
        has_console=settings.server.console,
        version=__version__,
        house=_house(parts, has_engine=has_engine),
    )


def _house(parts: Parts, *, has_engine: bool) -> House:
    """Return what this process knows of itself, and of what is configured whenever it is asked."""
    settings = parts.settings

    def providers() -> list[ProviderSaid]:
        sandbox = ProviderSaid(SANDBOX, SANDBOX, settings.sandbox.in_flight_max)
        return [sandbox, *(_said(one.settings) for one in parts.configuration.providers.values())]

    return House(
        version=__version__,
        started_at=parts.truth.clock.now(),
        database="postgresql" if settings.is_on_postgres else "sqlite",
        storage=settings.storage.scheme,
        process=parts.engine.executor,
        roles=("api", "worker") if has_engine else ("api",),
        providers=providers,
    )


def _said(provider: ProviderSettings) -> ProviderSaid:
    return ProviderSaid(
        name=provider.name,
        kind=provider.kind,
        in_flight_max=provider.in_flight_max,
        profile=provider.profile,
        base_url=provider.base_url,
        in_flight_per_account_max=provider.in_flight_per_account_max,
        starts_per_minute_max=provider.starts_per_minute_max,
    )


def _operators(settings: Settings, *, has_engine: bool) -> Operators | None:
    """Return where operators are answered; None where they are not."""
    if settings.server.admin == "off":
        return None
    place = settings.server.admin_place

    def holder_of(tx: Transaction) -> str | None:
        if has_engine:
            return str(os.getpid())
        return "unknown" if tx.executor_count(settings.workers.lost_after_s) else None

    return Operators(None if place is None else place[1], holder_of)


def _signer(parts: Parts) -> Sign | None:
    """Return what signs addresses of the bucket, where films go out from there."""
    blobs, ends_s = parts.blobs, parts.settings.storage.credentials_expire_s
    if parts.settings.storage.links == "own" or parts.settings.blobs_path is not None:
        return None
    from rushes.blobs.objects import ObjectBlobs  # noqa: PLC0415 -- 4 MB that files do not need

    if not isinstance(blobs, ObjectBlobs):
        return None
    ends_at = None if ends_s is None else parts.truth.clock.now() + timedelta(seconds=ends_s)

    async def sign(name: str, method: str) -> str:
        left = SIGNED_LIFE if ends_at is None else ends_at - parts.truth.clock.now()
        life = min(SIGNED_LIFE, left)
        return await blobs.signed(name, max(life, SIGNED_LIFE_MIN), method=method)

    return sign


def _free_bytes(settings: Settings) -> Callable[[], Mapping[str, int]]:
    """Return what asks how much room is left on the disks that we write to; it blocks."""
    blobs = settings.blobs_path
    places = {"data": settings.data_dir, **({} if blobs is None else {"films": blobs})}
    return lambda: {
        name: shutil.disk_usage(path).free for name, path in places.items() if path.exists()
    }


def _room_for_rows(settings: Settings) -> Callable[[], int]:
    """Return what asks how much room is left on the disk of the data folder; it blocks."""
    return lambda: shutil.disk_usage(settings.data_dir).free
