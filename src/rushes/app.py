"""The house: opened from the settings, at work or answering, and closed.

A `House` is one process: it answers callers, carries tasks, or does both. On SQLite it has the
data folder to itself; on PostgreSQL any number of them work on the same tasks.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rushes.clock import Clock, SystemClock
from rushes.configured import configure, secrets_of
from rushes.domain.catalog import SANDBOX
from rushes.folder import Database, Unready, lock_all, own_scratch, see_to_schema
from rushes.http.links import Links
from rushes.listening import public_url
from rushes.observe import conceal, log
from rushes.rooms import Parts, parts_of
from rushes.settings import Settings, SettingsRefused, load
from rushes.storage import link_life_s, signing_secrets
from rushes.terms import queues_of, retention_of, widths_of

if TYPE_CHECKING:
    from rushes.http.server import Application

SWITCH_INTERVAL_S: Final = 0.0005
WHOLE_HEAP_EVERY: Final = 100
M_ARENA_MAX: Final = -8  # of glibc's malloc.h
RELOADED: Final = frozenset({"providers", "models", "retention", "moderation"})


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
    """A process, put together but not yet at work; `application` is None where none may ask."""

    parts: Parts
    application: Application | None
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
        """Read anew: providers, models, cards, retention, block lists. Say if it was taken.

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
        conceal(secrets_of(settings, configuration))
        fixed = _fixed_changes(parts.settings, settings)
        queues = queues_of(settings, parts.truth.store.read_now(lambda tx: tx.queues()))
        sandbox = parts.world.upstreams[SANDBOX]
        upstreams = {SANDBOX: sandbox, **configuration.upstreams}
        if self.role.works:
            parts.engine.exchange(
                configuration.catalog, upstreams, queues, configuration.moderated.moderation
            )
        else:
            parts.world.upstreams = upstreams  # they verify the calls of upstreams
        parts.world.retention = retention_of(settings)
        if self.application is not None:
            self.application.wire.gateway.catalog = configuration.catalog
            self.application.wire.forecast.slots = widths_of(queues)
        parts.configuration = configuration
        log.info(
            "the configuration was read anew",
            providers=sorted(configuration.providers),
            models=len(configuration.catalog.listings),
            wants_a_restart=fixed,
        )
        return True

    def serve(self, *listeners: socket.socket) -> None:
        """Answer until a signal says stop; then drain. The first is where callers come."""
        from rushes.answering import answer  # noqa: PLC0415 -- where somebody may ask

        if self.application is None:
            raise RuntimeError("this house was opened without a port")
        answer(self.application, listeners, self.parts.settings, on_hangup=self.reload)

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
        self.parts.close_traces()
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

    A worker works for `only` these providers, or for all. With `port` 0 nobody can ask it
    anything, and 3 MB of what answers are not loaded.

    Raises:
        Unready: the folder is taken, or a provider, a card or the database cannot be used.
    """
    check_role(settings, role, only)
    if role is Role.WORKER and settings.server.public_url is None:
        log.warning("webhooks link to films at [server] public_url, which is not set")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _share_heaps()
    _collect_rarely()
    clock = clock or SystemClock()
    with contextlib.ExitStack() as undo:
        locks = undo.enter_context(lock_all(settings))
        told = see_to_schema(settings, clock, may_make=role.answers)
        if told is not None:
            log.info("about the database", note=told)
        scratch = own_scratch(settings.data_dir, locks)
        links = _links(settings, port)
        parts = parts_of(settings, clock, scratch, only, links, works=role.works)
        conceal(secrets_of(settings, parts.configuration))
        application = _application(parts, links, role) if port or role.answers else None
        undo.pop_all()
    return House(parts, application, role, locks)


def _share_heaps() -> None:
    """Have threads share two heaps of the C library, where it is glibc: a heap for each costs MBs.

    Python's own objects are in neither; `benchmarks/start.py` measures it.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _collect_rarely() -> None:
    """Have Python go through its whole heap a tenth as often.

    With ten thousand tasks waiting that takes 0.4 s, in which nobody is looked at or answered; as
    it comes that was every half minute. What it would find is less than 100 MB in between, since
    each of as many collections of the young begins at 7,000 new objects.
    """
    gc.set_threshold(*gc.get_threshold()[:2], WHOLE_HEAP_EVERY)


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


def _application(parts: Parts, links: Links, role: Role) -> Application:
    from rushes.answering import application_of  # noqa: PLC0415 -- where somebody may ask

    return application_of(parts, links, for_callers=role.answers, has_engine=role.works)


def _links(settings: Settings, port: int) -> Links:
    secret, *former = signing_secrets(settings)
    conceal(one.decode("utf-8", "replace") for one in (secret, *former))
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


def _fixed_changes(before: Settings, after: Settings) -> list[str]:
    """Name the sections that changed but are read at the start only."""
    return [
        name
        for name in type(before).model_fields
        if name not in RELOADED and getattr(before, name) != getattr(after, name)
    ]
