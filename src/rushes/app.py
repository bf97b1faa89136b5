"""The composition root: the only file that knows everybody.

A `House` is one process: it answers callers, carries tasks, or does both. On SQLite it has the
data folder to itself; on PostgreSQL any number of them work on the same tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from rushes import __version__
from rushes.clock import Clock, SystemClock
from rushes.configured import Configuration, configure
from rushes.domain.catalog import SANDBOX
from rushes.domain.task import Status
from rushes.engine.dispatch import DbosDispatcher, queue_name
from rushes.engine.keeper import Keeper
from rushes.engine.mailroom import Mailroom
from rushes.engine.progress import ProgressNotes
from rushes.engine.pulse import Pulse
from rushes.engine.workflows import Assignment, Calls, Crew, Engine
from rushes.engine.world import Upstream, World
from rushes.folder import Database, Unready, lock_all, own_scratch, see_to_schema
from rushes.gateway.door import Gateway
from rushes.gateway.forecast import Forecast
from rushes.gateway.looks import Policies
from rushes.http.auth import Keyring
from rushes.http.body import BodyLimits
from rushes.http.bounds import GuardLimits
from rushes.http.files import Sign
from rushes.http.links import Links
from rushes.http.server import Application, Wire, server_of
from rushes.http.webhooks import EventBodies
from rushes.listening import public_url
from rushes.media.assets import BlobAssets
from rushes.media.darkroom import FilmDarkroom
from rushes.media.examiner import FileExaminer
from rushes.media.fetch import GuardedFetcher
from rushes.media.inspector import FilmInspector
from rushes.observe import Metrics, log
from rushes.ports import Blobs, Budgets, NotAHint, Store, Work
from rushes.providers.base import Forged
from rushes.providers.sandbox import Sandbox
from rushes.settings import Settings, SettingsRefused, load
from rushes.storage import blobs_of, is_up, link_life_s, signing_secrets
from rushes.studio.farm import Farm
from rushes.terms import budgets_of, poster_of, queues_of, retention_of, widths_of
from rushes.truth import Truth, truth_of

SWITCH_INTERVAL_S: Final = 0.0005
SIGNED_LIFE: Final = timedelta(hours=1)
"""How long an address of the bucket's own lives: it is signed anew whenever a link is followed."""

SIGNED_LIFE_MIN: Final = timedelta(seconds=1)

RELOADED: Final = frozenset({"providers", "models", "retention"})


@dataclass(slots=True)
class _Parts:
    """What several rooms share."""

    settings: Settings
    truth: Truth
    blobs: Blobs
    fetcher: GuardedFetcher
    examiner: FileExaminer
    configuration: Configuration
    world: World
    budgets: Budgets
    metrics: Metrics
    dispatcher: DbosDispatcher
    engine: Engine


class Role(StrEnum):
    """What a process is for: callers, workers, or both; on SQLite one process is both."""

    SERVE = "serve"
    API = "api"
    WORKER = "worker"

    @property
    def answers(self) -> bool:
        """Whether callers are answered."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether tasks are carried."""
        return self is not Role.API


@dataclass(slots=True)
class House:
    """A server, put together but not yet listening."""

    parts: _Parts
    application: Application
    role: Role
    locks: contextlib.ExitStack

    @property
    def store(self) -> Database:
        """Where the truth is."""
        return self.parts.truth.store

    def start(self) -> None:
        """Let the workers begin, if there are any here.

        Raises:
            RuntimeError: the engine could not start.
        """
        self.parts.truth.start()
        if self.role.works:
            self.parts.engine.start()

    def reload(self) -> bool:
        """Read the configuration anew: providers, models, cards, retention. Say if it was taken.

        It is refused whole if anything is wrong, and everything goes on as before. What was
        submitted with a provider or a credential that left is still looked after there.
        """
        parts = self.parts
        try:
            settings = load(data_dir=parts.settings.data_dir)
            configuration = configure(settings, before=parts.configuration)
        except (SettingsRefused, Unready) as refusal:
            log.error("the configuration was refused, and nothing changed", why=str(refusal))
            return False
        fixed = _fixed_changes(parts.settings, settings)
        queues = queues_of(settings, parts.truth.store.read_now(lambda tx: tx.queues()))
        sandbox = parts.world.upstreams[SANDBOX]
        upstreams = {SANDBOX: sandbox, **configuration.upstreams}
        if self.role.works:
            parts.engine.exchange(configuration.catalog, upstreams, queues)
        else:
            parts.world.upstreams = upstreams  # they verify the calls of upstreams
        self.application.wire.gateway.catalog = configuration.catalog
        parts.world.retention = retention_of(settings)
        self.application.wire.forecast.slots = widths_of(queues)
        parts.configuration = configuration
        log.info(
            "the configuration was read anew",
            providers=sorted(configuration.providers),
            models=len(configuration.catalog.listings),
            wants_a_restart=fixed,
        )
        return True

    def serve(self, listener: socket.socket) -> None:
        """Answer callers until a signal says stop; then drain."""
        settings = self.parts.settings
        server = server_of(
            self.application,
            host=settings.server.host,
            port=listener.getsockname()[1],
            limits=_guard_limits(settings),
            drain_s=settings.server.drain_s,
            on_hangup=self.reload,
        )
        server.run(sockets=[listener])

    def work(self) -> None:
        """Carry tasks until a signal says stop, without listening; SIGHUP reads anew.

        Raises:
            KeyboardInterrupt: a signal came.
        """
        signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=self.reload).start())
        while True:
            signal.pause()

    def close(self) -> None:
        """Let go of everything, in the order that loses nothing."""
        if self.role.works:
            self.parts.engine.close()
        self.parts.truth.close()
        self.locks.close()


# -- opening ---------------------------------------------------------------------------------


def open_house(
    settings: Settings,
    *,
    port: int,
    clock: Clock | None = None,
    role: Role = Role.SERVE,
    only: frozenset[str] | None = None,
) -> House:
    """Open the data folder, see to the database's schema, and put a process together on it.

    A worker works for `only` these providers, or for all.

    Raises:
        Unready: the folder is taken, or a provider, a card or the database cannot be used.
    """
    check_role(settings, role, only)
    if role is Role.WORKER and settings.server.public_url is None:
        log.warning("webhooks link to films at [server] public_url, which is not set")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = clock or SystemClock()
    with contextlib.ExitStack() as undo:
        locks = undo.enter_context(lock_all(settings))
        told = see_to_schema(settings, clock, may_make=role.answers)
        if told is not None:
            log.info("about the database", note=told)
        scratch = own_scratch(settings.data_dir, locks)
        links = _links(settings, port)
        parts = _parts(settings, clock, scratch, only, links)
        keyring = Keyring(parts.truth.store, parts.truth.clock, parts.truth.hot.data_version)
        wire = _wire(parts, keyring, links, role)
        application = Application(wire, for_callers=role.answers)
        undo.pop_all()
    return House(parts, application, role, locks)


def check_role(settings: Settings, role: Role, only: frozenset[str] | None = None) -> None:
    """Refuse what cannot be on this database, or with these providers.

    Raises:
        Unready: with the reason.
    """
    if role is not Role.SERVE and not settings.is_on_postgres:
        raise Unready(
            f"`rushes {role}` needs PostgreSQL: SQLite is one process, and `rushes serve` is it. "
            "Set RUSHES_DATABASE_URL=postgresql://…, or run `rushes serve`."
        )
    if role is not Role.SERVE and not settings.links.secrets:
        raise Unready(
            "links.secrets: servers on one PostgreSQL must believe each other's links; name one "
            'secret for all of them, as in secrets = ["env:LINK_SECRET"]'
        )
    known = {SANDBOX, *(provider.name for provider in settings.providers)}
    if unknown := sorted((only or frozenset()) - known):
        raise Unready(
            f"there is no provider {', '.join(unknown)}; providers are {', '.join(sorted(known))}"
        )


def _links(settings: Settings, port: int) -> Links:
    secret, *former = signing_secrets(settings)
    life_s = link_life_s(settings)
    if life_s < settings.times.link_ttl_s:
        log.warning(
            "links live shorter than times.link_ttl_s: the credentials of storage end sooner",
            life_s=life_s,
        )
    return Links(
        secret=secret,
        former=tuple(former),
        public_url=public_url(settings, port),
        ttl_s=life_s,
    )


# -- rooms -------------------------------------------------------------------------------------


def _parts(
    settings: Settings, clock: Clock, scratch: Path, only: frozenset[str] | None, links: Links
) -> _Parts:
    blobs = blobs_of(settings, clock)
    assets = BlobAssets(blobs, scratch)
    configuration = configure(settings)
    sandbox = Upstream(Sandbox(Farm(scratch / "studio"), assets), "none")
    truth = truth_of(settings, clock)
    store, bell, clock = truth.store, truth.bell, truth.clock
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
        darkroom=FilmDarkroom(blobs, FilmInspector(), scratch),
        dispatcher=dispatcher,
        budgets=budgets_of(settings),
        patience=asyncio.timeout,
        jitter=random.SystemRandom().random,
        note_progress=progress.note,
        scratch=scratch,
        hooks=_hooks(settings),
        submitting=calls.one,
        life=lambda: pulse.life,
        retention=retention_of(settings),
    )
    pulse.on_crowd = world.share_looks
    engine = Engine(
        world,
        bell=bell,
        crew=Crew(
            Keeper(world, dispatcher, mailroom=mailroom_of(settings, store, clock, links)),
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
    return _Parts(
        settings=settings,
        truth=truth,
        blobs=blobs,
        fetcher=GuardedFetcher(),
        examiner=FileExaminer(),
        configuration=configuration,
        world=world,
        budgets=world.budgets,
        metrics=Metrics(),
        dispatcher=dispatcher,
        engine=engine,
    )


def executor_name(settings: Settings) -> str:
    """Name this process among those that work.

    On SQLite there is one at a time, and its work is its own again after a restart; among many
    each start is another, and the work of one that ended goes to whoever lives.
    """
    if not settings.is_on_postgres:
        return "local"
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def _hooks(settings: Settings) -> str | None:
    """Return where upstreams can ring; only an address that an operator gave leads to us."""
    public_url = settings.server.public_url
    return None if public_url is None else f"{public_url}/hooks"


def mailroom_of(settings: Settings, store: Store, clock: Clock, links: Links) -> Mailroom:
    """Return what delivers webhooks."""
    return Mailroom(
        store=store,
        clock=clock,
        poster=poster_of(settings),
        write_body=EventBodies(links),
        jitter=random.SystemRandom().random,
        disable_after=timedelta(seconds=settings.webhooks.disable_after_s),
        keep=timedelta(seconds=settings.webhooks.keep_s),
    )


def _room_for_rows(settings: Settings) -> Callable[[], int]:
    """Return what asks how much room is left on the disk of the data folder; it blocks."""
    return lambda: shutil.disk_usage(settings.data_dir).free


def _fixed_changes(before: Settings, after: Settings) -> list[str]:
    """Name the sections that changed but are read at the start only."""
    return [
        name
        for name in type(before).model_fields
        if name not in RELOADED and getattr(before, name) != getattr(after, name)
    ]


def _guard_limits(settings: Settings) -> GuardLimits:
    limits = settings.limits
    return GuardLimits(
        head_bytes_max=limits.header_bytes_max,
        head_timeout_s=limits.header_s,
        body_timeout_s=limits.body_s,
        idle_timeout_s=limits.keep_alive_s,
    )


def _signer(parts: _Parts) -> Sign | None:
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


def _wire(parts: _Parts, keyring: Keyring, links: Links, role: Role) -> Wire:
    settings = parts.settings
    gateway = Gateway(
        store=parts.truth.store,
        clock=parts.truth.clock,
        catalog=parts.configuration.catalog,
        blobs=parts.blobs,
        dispatcher=parts.dispatcher,
        examiner=parts.examiner,
        fetcher=parts.fetcher,
        poster=poster_of(settings),
        budgets=parts.budgets,
        policies=Policies(
            metadata=settings.metadata_policy,
            cancel_rule=settings.cancel_rule,
            free_bytes_min=settings.storage.free_bytes_min,
        ),
        other_room=_room_for_rows(settings),
        metrics=parts.metrics,
    )

    async def is_database_up() -> bool:
        return await parts.truth.store.read(lambda tx: tx.key_version()) >= 0

    async def is_storage_up() -> bool:
        return await is_up(parts.blobs)

    async def is_engine_up() -> bool:
        return parts.engine.is_healthy

    async def count_tasks() -> None:
        counts = await parts.truth.store.read(lambda tx: tx.counts())
        for status in Status:
            parts.metrics.tasks.labels(status.value).set(counts.get(status, 0))

    def read_hint(provider: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
        upstream = parts.world.upstreams.get(provider)
        try:
            return None if upstream is None else upstream.provider.hint(headers, body)
        except Forged as forged:
            raise NotAHint(str(forged)) from forged

    return Wire(
        gateway=gateway,
        read_hint=read_hint,
        hot=parts.truth.hot,
        forecast=Forecast(
            parts.truth.store,
            parts.truth.clock,
            widths_of(queues_of(settings, ())),
            lambda tx, queue, limit: tx.turns_of(queue_name(Work.FILM, queue), limit),
        ),
        keyring=keyring,
        links=links,
        sign=_signer(parts),
        bell=parts.truth.bell,
        clock=parts.truth.clock,
        metrics=parts.metrics,
        checks={
            "database": is_database_up,
            "storage": is_storage_up,
            **({"engine": is_engine_up} if role.works else {}),
        },
        before_metrics=count_tasks,
        body_limits=BodyLimits(settings.limits.json_bytes_max, settings.limits.form_bytes_max),
        metadata_bytes_max=settings.limits.metadata_bytes_max,
        download_bytes_max=settings.limits.download_json_bytes_max,
        streams_per_key_max=settings.limits.streams_per_key_max,
        is_metrics_open=settings.metrics_open,
        version=__version__,
    )
