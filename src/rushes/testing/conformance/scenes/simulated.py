"""The stage of any provider whose upstream is simulated: what all scenes with a simulator share.

A scene of its own says how its provider is built, which rule of the simulator's script brings
about each situation, and what its provider cannot make.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rushes.domain.spec import Spec
from rushes.providers.base import Assets, Provider
from rushes.testing.conformance.stage import RETRY_AFTER_S, Moment, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import LOOPBACK, Exchange, Reply, serving
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.upstream import SimulatedUpstream

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR_S: Final = 3600.0
PATIENCE_S: Final = 0.5
RETRY_AFTER: Final = {"retry-after": f"{RETRY_AFTER_S:.0f}"}
HANGING: Final = frozenset({Situation.ACCEPTED_THEN_HUNG, Situation.LOOK_HUNG})
"""Situations in which a provider must give up soon, so that a test does not wait."""


class Built(Protocol):
    """Builds a provider against a port of this machine, with options of its own."""

    def __call__(self, port: int, options: Mapping[str, object]) -> Provider:
        """Build it."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What tells one simulated scene from another.

    `server` makes the simulator, given its clock and the address of a stranger who has films
    for everyone. `rules` each strike once. `hasty` are the options with which the
    provider gives up after PATIENCE_S.
    """

    server: Callable[[ManualClock, str], SimulatedUpstream]
    build: Built
    rules: Mapping[Situation, Rule]
    spec: Spec
    upstream_model: str
    secret: str
    impossible: Sequence[Spec]
    advice_s: float | None
    hasty: Mapping[str, object] = field(
        default_factory=lambda: {"submit_timeout_s": PATIENCE_S, "ask_timeout_s": PATIENCE_S}
    )


def usual_rules(
    *, look: str = "retrieve", film: str = "content", cancel: str = "cancel"
) -> dict[Situation, Rule]:
    """Return what brings about each situation in most simulators.

    `look`, `film` and `cancel` are what a simulator calls these verbs. A scene adds what its own
    simulator does otherwise, or alone; situations that it skips are never asked for.
    """
    return {
        Situation.PARAMETERS_REFUSED: Rule("create", "invalid"),
        Situation.PARAMETERS_REFUSED_WITH_SECRETS: Rule("create", "echo"),
        Situation.MODERATED_AT_SUBMIT: Rule("create", "moderated"),
        Situation.BAD_CREDENTIAL: Rule("create", "unauthorized"),
        Situation.OUT_OF_MONEY: Rule("create", "out_of_money"),
        Situation.MODEL_RETIRED: Rule("create", "model_retired"),
        Situation.RATE_LIMITED: Rule("create", "rate_limited"),
        Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited", value=RETRY_AFTER),
        Situation.OVERLOADED: Rule("create", "overloaded"),
        Situation.SUBMIT_DROPPED_UNREAD: Rule("connect", "drop"),
        Situation.SUBMIT_DROPPED_READ: Rule("create", "drop"),
        Situation.ACCEPTED_THEN_DROPPED: Rule("create", "drop", accepted=True),
        Situation.ACCEPTED_THEN_HUNG: Rule("create", "hang", accepted=True),
        Situation.ACCEPTED_THEN_500: Rule("create", "server_error", accepted=True),
        Situation.ACCEPTED_THEN_502: Rule("create", "bad_gateway", accepted=True),
        Situation.ACCEPTED_THEN_504: Rule("create", "gateway_timeout", accepted=True),
        Situation.BARE_503: Rule("create", "unavailable", accepted=True),
        Situation.ACCEPTED_WITHOUT_TICKET: Rule("create", "no_id", accepted=True),
        Situation.ACCEPTED_UNREADABLY: Rule("create", "html", accepted=True),
        Situation.ACCEPTED_CUT_OFF: Rule("create", "half", accepted=True),
        Situation.TASK_WILL_BREAK: Rule("create", "fail"),
        Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
        Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
        Situation.UNKNOWN_WORD: Rule(look, "unknown_word", value="pondering"),
        Situation.STATE_FALLS_BACK: Rule(look, "regress"),
        Situation.TASK_IN_HTTP_ERROR: Rule(look, "job_error", value=500),
        Situation.NOT_THERE_ONCE: Rule(look, "not_found"),
        Situation.LOOK_UNAVAILABLE: Rule(look, "unavailable"),
        Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule(
            look, "rate_limited", value=RETRY_AFTER
        ),
        Situation.LOOK_DROPPED: Rule(look, "drop"),
        Situation.LOOK_HUNG: Rule(look, "hang"),
        Situation.LOOK_UNREADABLE: Rule(look, "html"),
        Situation.CREDENTIAL_REVOKED: Rule(look, "unauthorized"),
        Situation.CANCEL_REFUSED: Rule(cancel, "too_late"),
        Situation.CANCEL_UNSUPPORTED: Rule(cancel, "unsupported"),
        Situation.CANCEL_UNAVAILABLE: Rule(cancel, "server_error"),
        Situation.LIST_LAGS: Rule("list", "lag", value=HOUR_S),
        Situation.LIST_KEEPS_SILENT: Rule("list", "silent"),
        Situation.LIST_UNAVAILABLE: Rule("list", "bad_gateway"),
        Situation.FILM_UNAVAILABLE: Rule(film, "unavailable"),
        Situation.FILM_NOT_FOUND: Rule(film, "not_found"),
        Situation.FILM_GONE: Rule(film, "expired_link"),
        Situation.FILM_BREAKS_OFF: Rule(film, "half"),
        Situation.FILM_IS_A_PAGE: Rule(film, "html"),
        Situation.FILM_ELSEWHERE: Rule(film, "elsewhere"),
    }


@dataclass(frozen=True, slots=True)
class SimulatedScene:
    """How to put up a stage for a kind whose upstream is simulated; see `stage.Scene`."""

    kind: str
    setting: Setting
    skips: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(self.setting)


class Stranger:
    """A host that has films for everyone, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a film."""
        self.told.append(dict(Request(scope).headers))
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        await Exchange(scope, receive, send, at=NOON).answer(film)


class NoAssets:
    """Assets of a caller who sent none."""

    async def path_of(self, blob: str) -> Path:
        """Find nothing."""
        raise FileNotFoundError(blob)


class SimulatedStage:
    """A stage with one simulator, one stranger, and providers as they are needed."""

    assets: Assets = NoAssets()

    def __init__(
        self,
        setting: Setting,
        server: SimulatedUpstream,
        clock: ManualClock,
        *,
        port: int,
        stranger: Stranger,
        stranger_port: int,
    ) -> None:
        self.film = tiny_film()
        self.providers: list[Provider] = []
        self.upstream_model = setting.upstream_model
        self.impossible = setting.impossible
        self.secret = setting.secret
        self.advice_s = setting.advice_s
        self._setting = setting
        self._server = server
        self._clock = clock
        self._port = port
        self._stranger = stranger
        self._stranger_port = stranger_port
        self.provider = self._provider(port, {})

    @property
    def simulator(self) -> SimulatedUpstream:
        """The upstream of this stage."""
        return self._server

    def _provider(self, port: int, options: Mapping[str, object]) -> Provider:
        provider = self._setting.build(port, options)
        self.providers.append(provider)
        return provider

    def spec(self, prompt: str = "") -> Spec:
        """Return a spec that the provider can make."""
        return replace(self._setting.spec, prompt=prompt or self._setting.spec.prompt)

    def now(self) -> datetime:
        """Return the upstream's present instant."""
        return self._clock.now()

    async def bring_about(self, situation: Situation) -> None:
        """Bring the upstream into a situation."""
        if situation is Situation.NOT_LISTENING:
            self.provider = self._provider(closed_port(), {})
            return
        if situation is Situation.ALL_TASKS_FORGOTTEN:
            self._server.restart()
            return
        if situation in HANGING:
            self.provider = self._provider(self._port, self._setting.hasty)
        rule = replace(self._setting.rules[situation], times=1)
        if situation is Situation.FILM_ELSEWHERE:
            rule = replace(rule, value=stranger_address(self._stranger_port))
        self._server.script.clear()
        self._server.script.add(rule)

    async def reach(self, moment: Moment) -> None:
        """Let time pass, until tasks submitted so far are there."""
        pace = self._server.pace
        match moment:
            case Moment.WAITING:
                pass
            case Moment.RENDERING:
                self._clock.advance(pace.queue_s + pace.render_s / 2)
            case Moment.OVER:
                self._clock.advance(pace.total_s)

    async def pass_hours(self, count: int) -> None:
        """Let much time pass."""
        self._clock.advance(count * HOUR_S)

    def submits(self) -> int:
        """Return how many submits have reached the upstream, read or not."""
        return len(self._server.log.entries)

    def told_to_strangers(self) -> Sequence[Mapping[str, str]]:
        """Return the headers of all requests that reached the stranger."""
        return self._stranger.told


def stranger_address(port: int) -> str:
    """Return where the stranger has a film."""
    return f"http://{LOOPBACK}:{port}/film?sig=1"


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def simulated(setting: Setting) -> AsyncIterator[Stage]:
    """Put up a stage: simulator and stranger listen while the context lasts."""
    clock, stranger = ManualClock(NOON), Stranger()
    async with serving(stranger) as stranger_port:
        server = setting.server(clock, stranger_address(stranger_port))
        async with serving(server) as port:
            stage = SimulatedStage(
                setting,
                server,
                clock,
                port=port,
                stranger=stranger,
                stranger_port=stranger_port,
            )
            try:
                yield stage
            finally:
                for provider in stage.providers:
                    await provider.close()
