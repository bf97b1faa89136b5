"""The scenes of `openai_videos`, one a profile: simulators, and the faults for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import openai_videos, profiles
from rushes.providers.base import Provider
from rushes.providers.profiles import Profile
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    simulated,
    usual_rules,
)
from rushes.testing.conformance.stage import Scene, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.gateways import LitellmProxy, RushesGateway
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.sglang import SglangServer
from rushes.testing.simulators.vllm_omni import VllmOmniServer

ADVICE_MS: Final = 1500
KEY: Final = "sk-" + 8 * "Winter42"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(cancel="delete"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create", "fail", value={"code": "moderation_blocked", "message": "The film is not fit."}
    ),
    Situation.FILM_GONE: Rule("content", "gone"),
}
"""Each strikes once."""

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
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    others = [Mode.FIRST_LAST_FRAME, Mode.REFERENCE_TO_VIDEO, Mode.CONTINUATION]
    return (*derived, *(replace(SPEC, mode=mode, assets=(last,)) for mode in others))


class _Server(Protocol):
    """A simulator's class."""

    def __call__(self, *, clock: ManualClock, settings: Settings) -> OpenAIVideosServer:
        """Make one."""
        ...


@dataclass(frozen=True, slots=True)
class _Scene:
    """How to put up a stage for one profile; nothing is skipped without a reason."""

    profile: Profile
    server: _Server
    rules: Mapping[Situation, Rule] = field(default_factory=dict)
    skips: Mapping[str, str] = field(default_factory=dict)
    advice_s: float = ADVICE_MS / 1000
    kind: str = "openai_videos"

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(
            Setting(
                server=self._server,
                build=self._build,
                rules={**RULES, **self.rules},
                spec=SPEC,
                upstream_model="sora-2",
                secret=KEY,
                impossible=_impossible(),
                advice_s=self.advice_s,
            )
        )

    def _server(self, clock: ManualClock, elsewhere: str) -> OpenAIVideosServer:
        del elsewhere  # films are its own
        return self.server(clock=clock, settings=Settings(key=KEY, poll_after_ms=ADVICE_MS))

    def _build(self, port: int, options: Mapping[str, object]) -> Provider:
        return openai_videos.build(
            name="gpu",
            base_url=f"http://{LOOPBACK}:{port}/v1",
            credential=Credential("env:UPSTREAM_KEY", KEY),
            profile=self.profile.name,
            options=options,
        )


_OWN_SERVER: Final[Mapping[str, str]] = {
    "a_submit_is_refused[[]moderated_at_submit]": "no code is known by which it refuses content",
    "a_submit_is_refused[[]out_of_money]": "a server of one's own takes no money",
    "a_submit_meets_a_busy_provider[[]overloaded]": (
        "no 503 of it is documented to mean that nothing was accepted: it is in doubt"
    ),
    "moderation_of_the_output_is_a_verdict": "no code is known by which it refuses a film",
}
_NO_STOP: Final = "DELETE would leave the GPU at work and lose the film: it is never asked"
_NO_ECHO: Final = "its list does not repeat prompts: among recent jobs nothing can be known"
_NO_DELETE: Final = "the proxy has no DELETE: an unfinished video cannot be stopped"
_NO_LIST: Final = "its list wants the provider behind it, and does not repeat prompts"

scene = _Scene(profiles.OPENAI, OpenAIVideosServer)
scenes: Final[Mapping[str, Scene]] = {
    "openai": scene,
    "vllm_omni": _Scene(
        profiles.VLLM_OMNI,
        VllmOmniServer,
        advice_s=profiles.VLLM_OMNI.look_again_s,
        skips={
            **_OWN_SERVER,
            "a_cancel_comes_to[[]cancel_refused]": "its refusal is 409, not now: it is asked again",
        },
    ),
    "sglang": _Scene(
        profiles.SGLANG,
        SglangServer,
        advice_s=profiles.SGLANG.look_again_s,
        skips={
            **_OWN_SERVER,
            "an_early_cancel_stops": _NO_STOP,
            "an_unanswered_cancel_is_ignorance": _NO_STOP,
            "a_cancel_comes_to[[]cancel_refused]": _NO_STOP,
            "a_find_finds_the_one": _NO_ECHO,
            "a_find_of_nothing_is_absent": _NO_ECHO,
            "a_lagging_list_finds_nothing": _NO_ECHO,
        },
    ),
    "litellm": _Scene(
        profiles.LITELLM,
        LitellmProxy,
        skips={
            "a_submit_is_refused[[]moderated_at_submit]": "the HTTP status is its only code",
            "a_submit_meets_a_busy_provider[[]overloaded]": "its 503 may come from behind it",
            "an_early_cancel_stops": _NO_DELETE,
            "an_unanswered_cancel_is_ignorance": _NO_DELETE,
            "a_find_finds_the_one": _NO_LIST,
            "a_find_of_nothing_is_absent": _NO_LIST,
            "a_find_passes_over_the_past": _NO_LIST,
            "a_lagging_list_finds_nothing": _NO_LIST,
        },
    ),
    "rushes": _Scene(
        profiles.RUSHES,
        RushesGateway,
        rules={
            Situation.OUT_OF_MONEY: Rule("create", "payment_required"),
            Situation.OUTPUT_WILL_BE_MODERATED: Rule(
                "create",
                "fail",
                value={"code": "content_policy_violation", "message": "The film is not fit."},
            ),
        },
        skips={
            "a_submit_is_refused[[]moderated_at_submit]": (
                "refused content is a task that failed, never a refused submit (CONTRACT §3)"
            ),
        },
    ),
}
"""One scene for each profile, by its name."""
