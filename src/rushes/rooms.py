"""The rooms that every process of a house has, put together from the settings."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from rushes.clock import Clock
from rushes.configured import Configuration, configure
from rushes.domain.catalog import SANDBOX
from rushes.engine.dispatch import DbosDispatcher
from rushes.engine.keeper import Keeper
from rushes.engine.mailroom import Mailroom
from rushes.engine.progress import ProgressNotes
from rushes.engine.pulse import Pulse
from rushes.engine.reading import Rows, rows_of_many
from rushes.engine.workflows import Assignment, Calls, Crew, Engine
from rushes.engine.world import Upstream, World
from rushes.http.links import Links
from rushes.http.webhooks import EventBodies
from rushes.media.assets import BlobAssets
from rushes.media.darkroom import FilmDarkroom
from rushes.media.examiner import FileExaminer
from rushes.media.fetch import GuardedFetcher
from rushes.media.finishing import Finishing
from rushes.media.inspector import FilmInspector
from rushes.observe import Metrics
from rushes.ports import Blobs, Store
from rushes.provenance import finishing_of
from rushes.providers.sandbox import Sandbox
from rushes.settings import Settings
from rushes.storage import blobs_of
from rushes.studio.farm import Farm
from rushes.terms import budgets_of, poster_of, queues_of, retention_of
from rushes.together import Together
from rushes.traces import SILENT, Traces
from rushes.truth import Truth, truth_of
from rushes.turnstile import Turnstile


@dataclass(slots=True)
class Parts:
    """What several rooms share."""

    settings: Settings
    truth: Truth
    blobs: Blobs
    fetcher: GuardedFetcher
    examiner: FileExaminer
    configuration: Configuration
    finishing: Finishing
    world: World
    dispatcher: DbosDispatcher
    engine: Engine
    metrics: Metrics
    traces: Traces
    close_traces: Callable[[], None]


def parts_of(
    settings: Settings,
    clock: Clock,
    scratch: Path,
    only: frozenset[str] | None,
    links: Links,
    *,
    works: bool = True,
) -> Parts:
    """Put together what carries tasks, and what callers' side shares with it.

    Raises:
        Unready: a provider, a card, or what films are sealed with cannot be used.
    """
    finishing = finishing_of(settings, clock) if works else Finishing()
    blobs = blobs_of(settings, clock)
    assets = BlobAssets(blobs, scratch)
    configuration = configure(settings)
    sandbox = Upstream(Sandbox(Farm(scratch / "studio"), assets), "none")
    truth = truth_of(settings, clock)
    store, bell, clock = truth.store, truth.bell, truth.clock
    metrics = Metrics()
    traces, close_traces = traces_of(settings, metrics, clock)
    executor = executor_name(settings)
    database = store.engine_for_workflows()
    weights = {account.id: account.weight for account in settings.accounts}
    dispatcher = DbosDispatcher(database, weights=weights)
    progress, calls = ProgressNotes(store), Calls(settings.server.drain_s)
    pulse = Pulse(store, executor, lost_after_s=settings.workers.lost_after_s)
    world = World(
        store=store,
        clock=clock,
        catalog=configuration.catalog,
        upstreams={SANDBOX: sandbox, **configuration.upstreams},
        blobs=blobs,
        assets=assets,
        fetcher=GuardedFetcher(),
        examiner=FileExaminer(),
        darkroom=FilmDarkroom(blobs, FilmInspector(), scratch, finishing=finishing),
        dispatcher=dispatcher,
        budgets=budgets_of(settings),
        patience=asyncio.timeout,
        jitter=random.SystemRandom().random,
        note_progress=progress.note,
        scratch=scratch,
        hooks=_hooks(settings),
        submitting=calls.one,
        life=lambda: pulse.life,
        turnstile=Turnstile(clock.now),
        read_rows=_reading(settings, store),
        retention=retention_of(settings),
        moderation=configuration.moderated.moderation,
        metrics=metrics,
        traces=traces,
        wall=None if truth.wall is clock else truth.wall,
    )
    pulse.on_crowd = world.share_looks
    engine = Engine(
        world,
        bell=bell,
        crew=Crew(
            Keeper(
                world,
                dispatcher,
                mailroom=mailroom_of(settings, world, links, truth.wall),
                ring=bell.ring_here,
                executor=executor,
            ),
            progress,
            calls,
            pulse,
        ),
        assignment=Assignment(
            executor=executor,
            queues=queues_of(settings, store.read_now(lambda tx: tx.queues())),
            collects_max=settings.workers.collects_max,
            only=only,
        ),
        database=database,
    )
    return Parts(
        settings=settings,
        truth=truth,
        blobs=blobs,
        fetcher=GuardedFetcher(),
        examiner=FileExaminer(),
        configuration=configuration,
        finishing=finishing,
        world=world,
        dispatcher=dispatcher,
        engine=engine,
        metrics=metrics,
        traces=traces,
        close_traces=close_traces,
    )


def traces_of(
    settings: Settings, metrics: Metrics, clock: Clock
) -> tuple[Traces, Callable[[], None]]:
    """Return what draws traces, and what sends the last of them; nothing is loaded where it is off.

    Raises:
        Unready: OpenTelemetry does not take its variables.
    """
    if not settings.traces.is_on:
        return SILENT, lambda: None
    from rushes.telemetry import telemetry_of  # noqa: PLC0415 -- an extra, and 15 MB

    telemetry = telemetry_of(settings.traces, metrics)
    if telemetry is None:
        return SILENT, lambda: None
    return Traces(telemetry, clock.now), telemetry.close


def executor_name(settings: Settings) -> str:
    """Name this process among those that work.

    On SQLite there is one at a time, and its work is its own again after a restart; among many
    each start is another, and the work of one that ended goes to whoever lives.
    """
    if not settings.is_on_postgres:
        return "local"
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _reading(settings: Settings, store: Store) -> Callable[[str], Awaitable[Rows]] | None:
    """Say how steps read their rows: on PostgreSQL together.

    SQLite is asked in the loop itself, by one after the other. Many rows at once gain nothing
    there, and live long enough for Python's collector to go through all that waits.
    """
    return Together(partial(rows_of_many, store)) if settings.is_on_postgres else None


def _hooks(settings: Settings) -> str | None:
    """Return where upstreams can ring; only an address that an operator gave leads to us."""
    public_url = settings.server.public_url
    return None if public_url is None else f"{public_url}/hooks"


def mailroom_of(settings: Settings, world: World, links: Links, wall: Clock) -> Mailroom:
    """Return what delivers webhooks, dated by `wall`."""
    return Mailroom(
        store=world.store,
        clock=world.clock,
        poster=poster_of(settings),
        write_body=EventBodies(links),
        jitter=random.SystemRandom().random,
        disable_after=timedelta(seconds=settings.webhooks.disable_after_s),
        keep=timedelta(seconds=settings.webhooks.keep_s),
        metrics=world.metrics,
        traces=world.traces,
        wall=wall,
    )
