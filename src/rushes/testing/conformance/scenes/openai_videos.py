"""The scene of `openai_videos`: its simulator, and the faults that make each situation."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import openai_videos
from rushes.providers.base import Assets, Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.stage import RETRY_AFTER_S, Moment, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.films import tiny_film
from rushes.testing.simulators.host import LOOPBACK, Exchange, Reply, serving
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADVICE_MS: Final = 1500
HOUR_S: Final = 3600.0
PATIENCE_S: Final = 0.5
KEY: Final = "sk-" + 8 * "Winter42"

_RETRY_AFTER: Final = {"retry-after": f"{RETRY_AFTER_S:.0f}"}
RULES: Final[Mapping[Situation, Rule]] = {
    Situation.PARAMETERS_REFUSED: Rule("create", "invalid"),
    Situation.PARAMETERS_REFUSED_WITH_SECRETS: Rule("create", "echo"),
    Situation.MODERATED_AT_SUBMIT: Rule("create", "moderated"),
    Situation.BAD_CREDENTIAL: Rule("create", "unauthorized"),
    Situation.OUT_OF_MONEY: Rule("create", "out_of_money"),
    Situation.MODEL_RETIRED: Rule("create", "model_retired"),
    Situation.RATE_LIMITED: Rule("create", "rate_limited"),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited", value=_RETRY_AFTER),
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
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create", "fail", value={"code": "moderation_blocked", "message": "The film is not fit."}
    ),
    Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
    Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
    Situation.UNKNOWN_WORD: Rule("retrieve", "unknown_word", value="pondering"),
    Situation.STATE_FALLS_BACK: Rule("retrieve", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("retrieve", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("retrieve", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("retrieve", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule(
        "retrieve", "rate_limited", value=_RETRY_AFTER
    ),
    Situation.LOOK_DROPPED: Rule("retrieve", "drop"),
    Situation.LOOK_HUNG: Rule("retrieve", "hang"),
    Situation.LOOK_UNREADABLE: Rule("retrieve", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("retrieve", "unauthorized"),
    Situation.CANCEL_REFUSED: Rule("delete", "too_late"),
    Situation.CANCEL_UNSUPPORTED: Rule("delete", "unsupported"),
    Situation.CANCEL_UNAVAILABLE: Rule("delete", "server_error"),
    Situation.LIST_LAGS: Rule("list", "lag", value=HOUR_S),
    Situation.LIST_KEEPS_SILENT: Rule("list", "silent"),
    Situation.LIST_UNAVAILABLE: Rule("list", "bad_gateway"),
    Situation.FILM_UNAVAILABLE: Rule("content", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("content", "not_found"),
    Situation.FILM_GONE: Rule("content", "gone"),
    Situation.FILM_BREAKS_OFF: Rule("content", "half"),
    Situation.FILM_IS_A_PAGE: Rule("content", "html"),
    Situation.FILM_ELSEWHERE: Rule("content", "elsewhere"),
}
"""Each strikes once."""

HANGING: Final = frozenset({Situation.ACCEPTED_THEN_HUNG, Situation.LOOK_HUNG})

SPEC: Final = Spec(
    model="sora-2",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=8,
    size=Size(1280, 720),
    seed=7,
)


def _impossible() -> tuple[Spec, ...]:
    last = Asset(Role.LAST_FRAME, "last_frame", blob="0" * 64, content_type="image/png")
    derived = [
        replace(SPEC, mode=mode, source_id="video_1")
        for mode in (Mode.REMIX, Mode.EDIT, Mode.EXTEND)
    ]
    others = [Mode.FIRST_LAST_FRAME, Mode.REFERENCE_TO_VIDEO, Mode.CONTINUATION]
    return (*derived, *(replace(SPEC, mode=mode, assets=(last,)) for mode in others))


class _Stranger:
    """A host that has films for everyone, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.told.append(dict(Request(scope).headers))
        film = Reply(200, tiny_film(), {"content-type": "video/mp4"})
        await Exchange(scope, receive, send, at=NOON).answer(film)


class _NoAssets:
    async def path_of(self, blob: str) -> Path:
        raise FileNotFoundError(blob)


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where upstream and stranger listen, and what the stranger was told."""

    upstream: int
    stranger: int
    told: Sequence[Mapping[str, str]]


class _Stage:
    """A stage with one simulator, one stranger, and providers as they are needed."""

    assets: Assets = _NoAssets()
    upstream_model = "sora-2"
    impossible: Sequence[Spec] = _impossible()
    secret = KEY
    advice_s: float | None = ADVICE_MS / 1000

    def __init__(self, server: OpenAIVideosServer, clock: ManualClock, ports: _Ports) -> None:
        self.film = tiny_film()
        self.providers: list[Provider] = []
        self._server = server
        self._clock = clock
        self._ports = ports
        self.provider = self._provider(ports.upstream, {})

    def _provider(self, port: int, options: Mapping[str, object]) -> Provider:
        provider = openai_videos.build(
            name="gpu",
            base_url=f"http://{LOOPBACK}:{port}/v1",
            credential=Credential("env:UPSTREAM_KEY", KEY),
            profile=None,
            options=options,
        )
        self.providers.append(provider)
        return provider

    def spec(self, prompt: str = "") -> Spec:
        """Return a spec that the provider can make."""
        return replace(SPEC, prompt=prompt or SPEC.prompt)

    def now(self) -> datetime:
        """Return the upstream's present instant."""
        return self._clock.now()

    async def bring_about(self, situation: Situation) -> None:
        """Bring the upstream into a situation."""
        if situation is Situation.NOT_LISTENING:
            self.provider = self._provider(_closed_port(), {})
            return
        if situation is Situation.ALL_TASKS_FORGOTTEN:
            self._server.restart()
            return
        if situation in HANGING:
            patience = {"submit_timeout_s": PATIENCE_S, "ask_timeout_s": PATIENCE_S}
            self.provider = self._provider(self._ports.upstream, patience)
        rule = replace(RULES[situation], times=1)
        if situation is Situation.FILM_ELSEWHERE:
            rule = replace(rule, value=f"http://{LOOPBACK}:{self._ports.stranger}/film?sig=1")
        self._server.script.clear()
        self._server.script.add(rule)

    async def reach(self, moment: Moment) -> None:
        """Let time pass, until tasks submitted so far are there."""
        pace = self._server.settings.pace
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
        return self._ports.told


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class _Scene:
    """How to put up a stage for `openai_videos`; nothing is skipped."""

    kind = "openai_videos"
    skips: Mapping[str, str] = {}

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return _open()


@asynccontextmanager
async def _open() -> AsyncIterator[Stage]:
    clock, stranger = ManualClock(NOON), _Stranger()
    server = OpenAIVideosServer(clock=clock, settings=Settings(key=KEY, poll_after_ms=ADVICE_MS))
    async with serving(server) as port, serving(stranger) as stranger_port:
        stage = _Stage(server, clock, _Ports(port, stranger_port, stranger.told))
        try:
            yield stage
        finally:
            for provider in stage.providers:
                await provider.close()


scene = _Scene()
