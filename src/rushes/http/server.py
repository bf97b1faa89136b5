"""Putting the wire together: the table, the door, the hot look, and uvicorn around them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from rushes.clock import Clock
from rushes.gateway.door import Gateway
from rushes.gateway.forecast import Forecast
from rushes.gateway.rates import Rates
from rushes.gateway.usage import Usage
from rushes.gateway.webhooks import Secrets
from rushes.http.admin.desk import Desk, somebody
from rushes.http.admin.films import Films
from rushes.http.admin.money import Budgets
from rushes.http.admin.overview import House, Overview
from rushes.http.admin.owners import Owners
from rushes.http.admin.upkeep import Upkeep
from rushes.http.auth import Keyring
from rushes.http.body import BodyLimits
from rushes.http.bounds import GuardLimits
from rushes.http.console.serving import FOLDER, Console, files_in
from rushes.http.creating import Creating
from rushes.http.crowding import Crowd
from rushes.http.door import Door
from rushes.http.envelope import Enveloping, Styles
from rushes.http.fast import HotLooks
from rushes.http.files import Files, FilmOrigins, Sign
from rushes.http.generations import Generations
from rushes.http.guard import guarded
from rushes.http.hardening import standing_headers
from rushes.http.hooks import Hooks
from rushes.http.links import Links
from rushes.http.live import Live
from rushes.http.looking import Looking
from rushes.http.models import Models
from rushes.http.openapi import describe
from rushes.http.origins import Origins
from rushes.http.own_key import OwnKeys, Place
from rushes.http.quotes import Quotes
from rushes.http.reference.serving import Described
from rushes.http.routes import Route, Table
from rushes.http.system import Check, System
from rushes.http.usage import UsageRoutes
from rushes.http.videos import Videos
from rushes.http.webhooks import Webhooks
from rushes.observe import Metrics, log
from rushes.ports import Bell, HintReader, HotLook, Transaction

REFRESH_S: Final = 0.5
"""How often keys are read again; what is held open looks at its key after `live.CHECK_S` more.

Both together are well below the two seconds in which a revoked key is promised to be dead.
"""


@dataclass(frozen=True, slots=True)
class Operators:
    """Where operators are answered: at a `port` of their own, or where callers are.

    `holder_of` says which process carries tasks, None if none does.
    """

    port: int | None = None
    holder_of: Callable[[Transaction], str | None] = somebody


@dataclass(frozen=True, slots=True)
class Wire:
    """What the wire is made of. `version` is shown in the OpenAPI document, `house` to operators.

    `sign` signs addresses of a bucket, where links lead there. Without `operators` nobody answers
    them, and without `has_console` there is no page for people.
    """

    gateway: Gateway
    hot: HotLook
    forecast: Forecast
    keyring: Keyring
    rates: Rates
    links: Links
    bell: Bell
    read_hint: HintReader
    clock: Clock
    metrics: Metrics
    checks: Mapping[str, Check]
    before_metrics: Callable[[], Awaitable[None]]
    body_limits: BodyLimits
    bodies_bytes_max: int
    metadata_bytes_max: int
    download_bytes_max: int
    streams_per_key_max: int
    is_metrics_open: bool
    version: str
    house: House
    sign: Sign | None = None
    styles: Styles = field(default_factory=Styles)
    origins: Origins = field(default_factory=Origins)
    operators: Operators | None = field(default_factory=Operators)
    has_console: bool = True


def _system_of(wire: Wire) -> System:
    return System(wire.checks, wire.metrics, wire.is_metrics_open, wire.before_metrics)


def routes_of(wire: Wire, draining: asyncio.Event) -> list[Route]:
    """Return every route a server for callers answers."""
    looking = Looking(wire.hot, wire.links, wire.clock, wire.forecast)
    crowd = Crowd(wire.bodies_bytes_max, wire.metrics)
    creating = Creating(wire.gateway, wire.body_limits, wire.metadata_bytes_max, crowd)
    enveloping = Enveloping(wire.styles, wire.links)
    live = Live(
        wire.gateway,
        looking,
        enveloping,
        wire.keyring,
        wire.bell,
        wire.clock,
        draining,
        wire.streams_per_key_max,
    )
    routes = [
        *Generations(
            wire.gateway, creating, looking, live, enveloping, wire.download_bytes_max
        ).routes(),
        *Quotes(creating).routes(),
        *Videos(wire.gateway, creating, wire.forecast).routes(),
        *Models(wire.gateway).routes(),
        *Files(wire.gateway, wire.links, wire.sign).routes(),
        *Hooks(wire.gateway, wire.bell, wire.read_hint).routes(),
        *Webhooks(Secrets(wire.gateway.store, wire.clock)).routes(),
        *UsageRoutes(Usage(wire.forecast.store), wire.clock).routes(),
        *OwnKeys(wire.gateway, _operators_place(wire)).routes(),
        *_system_of(wire).routes(),
        *_console_of(wire),
    ]
    if wire.operators is not None and wire.operators.port is None:
        routes += _operators_routes(wire, wire.operators)
    return _described(routes, wire)


def _operators_place(wire: Wire) -> Place:
    """Say, where callers are answered, whether operators are."""
    if wire.operators is None:
        return "off"
    return "here" if wire.operators.port is None else "elsewhere"


def _console_of(wire: Wire) -> list[Route]:
    if not wire.has_console:
        return []
    return Console(files_in(FOLDER), wire.links.public_url, wire.sign).routes()


def _operators_routes(wire: Wire, operators: Operators) -> list[Route]:
    desk = Desk(wire.gateway, wire.keyring, operators.holder_of)
    overview = Overview(desk, Usage(wire.forecast.store), wire.house, wire.checks)
    rooms = (Owners(desk), Budgets(desk), Films(desk), Upkeep(desk), overview)
    return [route for room in rooms for route in room.routes()]


def _described(routes: list[Route], wire: Wire) -> list[Route]:
    """Return routes, and those that describe them."""
    links = {"OpenAPI": "openapi.json", **({"Console": "console/"} if wire.has_console else {})}
    described = Described(FilmOrigins(wire.links.public_url, wire.sign), links)
    every = [*routes, *described.routes()]
    described.tell(
        every, partial(describe, every, version=wire.version, public_url=wire.links.public_url)
    )
    return every


class Application:
    """The whole ASGI application, its lifespan included.

    One that is not `for_callers` tells how its process is, and nothing else.
    """

    def __init__(self, wire: Wire, *, for_callers: bool = True) -> None:
        self.wire = wire
        self.draining = asyncio.Event()
        routes = routes_of(wire, self.draining) if for_callers else _system_of(wire).routes()
        table = Table(routes)
        self.routes = table.routes
        self._app: ASGIApp = self._door(table)
        self._operators_port = None if wire.operators is None else wire.operators.port
        self._operators_app: ASGIApp = self._app
        if for_callers and wire.operators is not None and self._operators_port is not None:
            own = [
                *_operators_routes(wire, wire.operators),
                *OwnKeys(wire.gateway, "here").routes(),
                *_system_of(wire).routes(),
                *_console_of(wire),
            ]
            self._operators_app = self._door(Table(_described(own, wire)))
        self.hot_looks: HotLooks | None = None
        if for_callers:
            self.hot_looks = _hot_looks(wire)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HTTP, live through the lifespan, refuse the rest."""
        if scope["type"] == "http":
            await self._app_at(scope)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _door(self, table: Table) -> ASGIApp:
        wire = self.wire
        return Door(table, wire.keyring, wire.rates, wire.metrics, wire.origins)

    def _app_at(self, scope: Scope) -> ASGIApp:
        """Return who answers at the socket that a request came in by, whatever it says of that."""
        if self._operators_port is None:
            return self._app
        server = scope.get("server")
        is_theirs = server is not None and server[1] == self._operators_port
        return self._operators_app if is_theirs else self._app

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.wire.keyring.reload()
        following = [asyncio.create_task(self._refresh())]
        if self.hot_looks is not None:
            following.append(asyncio.create_task(self._foresee()))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in following:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await send({"type": "lifespan.shutdown.complete"})

    async def _foresee(self) -> None:
        """Keep the forecast of what callers wait for fresh."""
        while True:
            await self.wire.forecast.refresh()
            await asyncio.sleep(self.wire.forecast.pause_s)

    async def _refresh(self) -> None:
        """Follow key changes of other processes, twice a second (docs/ARCHITECTURE.md)."""
        lag_s, loop = self.wire.metrics.loop_lag_s.labels("server"), asyncio.get_running_loop()
        while True:
            awake_at_s = loop.time() + REFRESH_S
            await asyncio.sleep(REFRESH_S)
            lag_s.observe(max(0.0, loop.time() - awake_at_s))
            try:
                await self.wire.keyring.refresh()
            except Exception as fault:  # noqa: BLE001 -- keys must be followed as long as we serve
                log.error("the keys could not be read", exc_info=fault)


def _hot_looks(wire: Wire) -> HotLooks:
    hot = HotLooks(
        keyring=wire.keyring,
        rates=wire.rates,
        looking=Looking(wire.hot, wire.links, wire.clock, wire.forecast),
        styles=wire.styles,
        clock=wire.clock,
    )
    wire.metrics.ask("rushes_looks", "Status looks answered at once.", lambda: {"hot": hot.count})
    return hot


class DrainingServer(uvicorn.Server):
    """uvicorn, telling the application first: long-polls and streams end at once."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        on_hangup: Callable[[], object] | None,
    ) -> None:
        super().__init__(config)
        self._application = application
        self._on_hangup = on_hangup

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start as uvicorn does, and hear SIGHUP, away from the loop that answers."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self._on_hangup is not None:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, self._on_hangup)

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Drain, then shut down as uvicorn does."""
        self._application.draining.set()
        await super().shutdown(sockets)  # type: ignore[arg-type]


def server_of(
    application: Application,
    *,
    host: str,
    port: int,
    limits: GuardLimits,
    drain_s: float,
    on_hangup: Callable[[], object] | None = None,
) -> DrainingServer:
    """Return the server, not yet started; `on_hangup` is called at SIGHUP, in a thread."""
    protocol = guarded(limits, at_once=application.hot_looks)
    application.wire.metrics.ask(
        "rushes_guard", "What the guard of connections did.", lambda: asdict(protocol.counters)
    )
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        http=protocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # where a request comes from, `http/origins.py` tells
        headers=standing_headers(application.wire.links.public_url),
        timeout_graceful_shutdown=max(1, round(drain_s)),
        backlog=2048,
    )
    return DrainingServer(config, application, on_hangup)
