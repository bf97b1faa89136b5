"""The composition root: the only file that knows everybody.

A `House` is a server of one process on one data folder: SQLite, files, the engine and the wire.
Opening it takes the folder's lock, so that no second server works on the same tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rushes import __version__
from rushes.bell import LocalBell
from rushes.blobs.local import LocalBlobs
from rushes.clock import Clock, SystemClock
from rushes.domain.catalog import SANDBOX, Catalog, ModelCard, Price, Route, build_catalog
from rushes.domain.reading import CardRefused, card_of, shipped_cards
from rushes.domain.task import Status
from rushes.engine.dispatch import DbosDispatcher
from rushes.engine.keeper import Keeper
from rushes.engine.progress import ProgressNotes
from rushes.engine.workflows import Calls, Engine
from rushes.engine.world import Upstream, World
from rushes.folder import Unready, lock_all, migrate_now
from rushes.gateway.door import Gateway
from rushes.gateway.looks import Policies
from rushes.http.auth import Keyring
from rushes.http.body import BodyLimits
from rushes.http.bounds import GuardLimits
from rushes.http.links import Links
from rushes.http.server import Application, Wire, server_of
from rushes.media.assets import BlobAssets
from rushes.media.darkroom import FilmDarkroom
from rushes.media.examiner import FileExaminer
from rushes.media.fetch import GuardedFetcher
from rushes.media.inspector import FilmInspector
from rushes.observe import Metrics, log
from rushes.ports import Budgets
from rushes.providers import registry
from rushes.providers.base import Provider
from rushes.providers.sandbox import Sandbox
from rushes.settings import ModelSettings, ProviderSettings, Settings
from rushes.store.sqlite import SqliteStore
from rushes.store.status import HotRead
from rushes.studio.farm import Farm
from rushes.studio.kinship import Orphaned, die_with_parent

SECRET_BYTES: Final = 32
SWITCH_INTERVAL_S: Final = 0.0005
EXECUTOR: Final = "local"
PROVIDER_FIRST: Final = timedelta(seconds=5)
"""A provider's own time limit comes first: it knows whether a byte was sent."""

WILDCARDS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 -- names, not a bind
BACKLOG: Final = 2048


@dataclass(slots=True)
class _Parts:
    """What several rooms share."""

    settings: Settings
    clock: Clock
    store: SqliteStore
    hot: HotRead
    bell: LocalBell
    blobs: LocalBlobs
    fetcher: GuardedFetcher
    examiner: FileExaminer
    catalog: Catalog
    budgets: Budgets
    metrics: Metrics
    dispatcher: DbosDispatcher
    engine: Engine


@dataclass(slots=True)
class House:
    """A server, put together but not yet listening."""

    parts: _Parts
    application: Application
    keyring: Keyring
    locks: contextlib.ExitStack

    @property
    def store(self) -> SqliteStore:
        """Where the truth is."""
        return self.parts.store

    def start(self) -> None:
        """Let the workers begin.

        Raises:
            RuntimeError: the engine could not start.
        """
        self.parts.engine.start()

    def serve(self, listener: socket.socket) -> None:
        """Answer callers until a signal says stop; then drain."""
        settings = self.parts.settings
        server = server_of(
            self.application,
            host=settings.server.host,
            port=listener.getsockname()[1],
            limits=_guard_limits(settings),
            drain_s=settings.server.drain_s,
        )
        server.run(sockets=[listener])

    def close(self) -> None:
        """Let go of everything, in the order that loses nothing."""
        self.parts.engine.close()
        self.parts.hot.close()
        self.parts.store.close()
        self.locks.close()


# -- opening ---------------------------------------------------------------------------------


def open_house(settings: Settings, *, port: int, clock: Clock | None = None) -> House:
    """Open the data folder, migrate it, and put a server together on it.

    Raises:
        Unready: the folder is taken, or a provider, a card or the database cannot be used.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock = clock or SystemClock()
    with contextlib.ExitStack() as undo:
        locks = undo.enter_context(lock_all(settings))
        copy = migrate_now(settings, clock)
        if copy is not None:
            log.info("the database was migrated; a copy from before is kept", copy=str(copy))
        parts = _parts(settings, clock)
        keyring = Keyring(parts.store, clock, parts.hot.data_version)
        links = Links(
            secret=signing_secret(settings.data_dir),
            public_url=public_url(settings, port),
            ttl_s=settings.times.link_ttl_s,
        )
        application = Application(_wire(parts, keyring, links))
        undo.pop_all()
    return House(parts, application, keyring, locks)


def signing_secret(folder: Path) -> bytes:
    """Return the secret that links are signed with; made once, readable by nobody else."""
    path = folder / "signing.key"
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()


def public_url(settings: Settings, port: int) -> str:
    """Return the address that links are built from (CONTRACT §8)."""
    return settings.server.public_url or bound_url(settings, port)


def bound_url(settings: Settings, port: int) -> str:
    """Return the address we listen on, as this machine reaches it."""
    host = settings.server.host
    if host in WILDCARDS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(settings: Settings) -> socket.socket:
    """Bind the address and listen; a port of 0 is the system's choice.

    Raises:
        Unready: the address is taken, or not ours.
    """
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # whoever calls while the house opens is answered when it is open
    except OSError as error:
        listener.close()
        raise Unready(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def end_with(parent_pid: int) -> None:
    """Have this process end when its parent ends, however that ends.

    Raises:
        Unready: the parent has ended already.
    """
    try:
        die_with_parent(parent_pid)
    except Orphaned:
        raise Unready(f"process {parent_pid}, which this server was to serve, has ended") from None


# -- rooms -------------------------------------------------------------------------------------


def _parts(settings: Settings, clock: Clock) -> _Parts:
    scratch = settings.data_dir / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)  # the folder is ours alone: nobody needs it now
    scratch.mkdir(mode=0o700, exist_ok=True)
    blobs = LocalBlobs(settings.blobs_path)
    assets = BlobAssets(blobs, scratch)
    complaints: list[str] = []
    with _noting(complaints):
        catalog = catalog_of(settings)
    with _noting(complaints):
        upstreams = _upstreams(settings, assets, scratch)
    _refuse(complaints)
    bell = LocalBell()
    store = SqliteStore(settings.database_path, on_change=bell.ring_all)
    database = store.engine_for_workflows()
    dispatcher = DbosDispatcher(database)
    progress, calls = ProgressNotes(store), Calls(settings.server.drain_s)
    world = World(
        store=store,
        clock=clock,
        catalog=catalog,
        upstreams=upstreams,
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
        submitting=calls.one,
    )
    engine = Engine(
        world,
        bell=bell,
        keeper=Keeper(world, dispatcher, EXECUTOR),
        progress=progress,
        calls=calls,
        database=database,
        executor=EXECUTOR,
        queues={
            SANDBOX: settings.sandbox.in_flight_max,
            **{provider.name: provider.in_flight_max for provider in settings.providers},
        },
    )
    return _Parts(
        settings=settings,
        clock=clock,
        store=store,
        hot=HotRead(settings.database_path),
        bell=bell,
        blobs=blobs,
        fetcher=GuardedFetcher(),
        examiner=FileExaminer(),
        catalog=catalog,
        budgets=world.budgets,
        metrics=Metrics(),
        dispatcher=dispatcher,
        engine=engine,
    )


def _upstreams(settings: Settings, assets: BlobAssets, scratch: Path) -> dict[str, Upstream]:
    sandbox = Sandbox(Farm(scratch / "studio"), assets)
    upstreams = {SANDBOX: Upstream(sandbox, "none")}
    complaints: list[str] = []
    for provider in settings.providers:
        with _noting(complaints):
            upstreams[provider.name] = upstream_of(
                provider, submit_call_s=settings.times.submit_call_s
            )
    _refuse(complaints)
    return upstreams


@contextlib.contextmanager
def _noting(complaints: list[str]) -> Iterator[None]:
    """Write a refusal down and go on, so that the operator hears of all of them at once."""
    try:
        yield
    except Unready as refusal:
        complaints += str(refusal).splitlines()


def _refuse(complaints: list[str]) -> None:
    if complaints:
        raise Unready("\n".join(complaints))


def upstream_of(provider: ProviderSettings, *, submit_call_s: float) -> Upstream:
    """Return a provider as it is configured, with the credential that it needs.

    Raises:
        Unready: it cannot be built so, or there is no credential to be had.
    """
    try:
        credential = None if provider.api_key is None else registry.resolve(provider.api_key)
        built: Provider = registry.build(
            provider.kind,
            name=provider.name,
            base_url=provider.base_url,
            credential=credential,
            profile=provider.profile,
            options={"submit_timeout_s": submit_call_s, **provider.options},
        )
    except registry.Misconfigured as error:
        raise Unready(str(error)) from None
    return Upstream(built, provider.api_key or "none")


def catalog_of(settings: Settings) -> Catalog:
    """Return what this server offers.

    Raises:
        Unready: a model names a card that does not exist, or brings one that is wrong.
    """
    cards = {card.id: card for card in shipped_cards()}
    configured: dict[str, tuple[ModelCard, tuple[Route, ...], tuple[Price, ...]]] = {}
    complaints: list[str] = []
    for model in settings.models:
        routes = tuple(
            Route(
                route.provider,
                route.model,
                is_billable=route.billable,
                attempts_max=route.attempts_max,
                weight=route.weight,
                priority=route.priority,
            )
            for route in model.routes
        )
        with _noting(complaints):
            configured[model.id] = (_card(model, cards), routes, ())
    _refuse(complaints)
    return build_catalog(
        cards.values(), configured=configured, has_providers=bool(settings.providers)
    )


def _card(model: ModelSettings, cards: Mapping[str, ModelCard]) -> ModelCard:
    if not isinstance(model.card, str):
        try:
            return card_of({"id": model.id, **model.card}, name=f"models.{model.id}")
        except CardRefused as error:
            raise Unready(str(error)) from None
    card = cards.get(model.card)
    if card is None:
        known = ", ".join(cards)
        raise Unready(f"models.{model.id}: there is no card {model.card}; cards are {known}")
    return card


def budgets_of(settings: Settings) -> Budgets:
    """Return how long tasks may stay where."""
    return Budgets(
        queue=settings.budget("queue"),
        submit_call=settings.budget("submit_call") + PROVIDER_FIRST,
        doubt=settings.budget("doubt"),
        render=settings.budget("render"),
        collect=settings.budget("collect"),
        aftercare=settings.budget("aftercare"),
        film_bytes_max=settings.limits.film_bytes_max,
    )


def _guard_limits(settings: Settings) -> GuardLimits:
    limits = settings.limits
    return GuardLimits(
        head_bytes_max=limits.header_bytes_max,
        head_timeout_s=limits.header_s,
        body_timeout_s=limits.body_s,
        idle_timeout_s=limits.keep_alive_s,
    )


def _wire(parts: _Parts, keyring: Keyring, links: Links) -> Wire:
    settings = parts.settings
    gateway = Gateway(
        store=parts.store,
        clock=parts.clock,
        catalog=parts.catalog,
        blobs=parts.blobs,
        dispatcher=parts.dispatcher,
        examiner=parts.examiner,
        fetcher=parts.fetcher,
        budgets=parts.budgets,
        policies=Policies(
            metadata=settings.metadata_policy,
            cancel_rule=settings.cancel_rule,
            free_bytes_min=settings.storage.free_bytes_min,
        ),
        metrics=parts.metrics,
    )

    async def is_database_up() -> bool:
        return await parts.store.read(lambda tx: tx.key_version()) >= 0

    async def is_storage_up() -> bool:
        return await asyncio.to_thread(os.access, parts.blobs.root, os.W_OK)

    async def is_engine_up() -> bool:
        return parts.engine.is_healthy

    async def count_tasks() -> None:
        counts = await parts.store.read(lambda tx: tx.counts())
        for status in Status:
            parts.metrics.tasks.labels(status.value).set(counts.get(status, 0))

    return Wire(
        gateway=gateway,
        hot=parts.hot,
        keyring=keyring,
        links=links,
        bell=parts.bell,
        clock=parts.clock,
        metrics=parts.metrics,
        checks={
            "database": is_database_up,
            "storage": is_storage_up,
            "engine": is_engine_up,
        },
        before_metrics=count_tasks,
        body_limits=BodyLimits(settings.limits.json_bytes_max, settings.limits.form_bytes_max),
        metadata_bytes_max=settings.limits.metadata_bytes_max,
        download_bytes_max=settings.limits.download_json_bytes_max,
        streams_per_key_max=settings.limits.streams_per_key_max,
        is_metrics_open=settings.metrics_open,
        version=__version__,
    )
