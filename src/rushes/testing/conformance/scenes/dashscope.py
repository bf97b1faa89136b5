"""The scene of `dashscope`: its simulator, and the faults that make each situation.

The list of this stage echoes prompts, and the provider is told so: what the real list echoes is
unknown, for which `find` is off by default. Overload is what DashScope says by 429, for none of
its 503 is documented to prove a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import dashscope
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    RETRY_AFTER,
    Setting,
    SimulatedScene,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.dashscope import DashScopeServer, Settings
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule

KEY: Final = "sk-" + 8 * "Winter42"
MODEL: Final = "wan2.7-t2v-2026-04-25"
ADVICE_S: Final = 15.0

_IMPROPER: Final = {"code": "DataInspectionFailed", "message": "The film is not fit."}
RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "throttled", value=RETRY_AFTER),
    Situation.OVERLOADED: Rule("create", "allocation_quota"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=_IMPROPER),
    Situation.UNKNOWN_WORD: Rule("retrieve", "unknown_word", value="PONDERING"),
    Situation.NOT_THERE_ONCE: Rule("retrieve", "unknown"),
    Situation.FILM_GONE: Rule("content", "gone"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model=MODEL,
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
    ratio="16:9",
    with_audio=True,
)


def _impossible() -> tuple[Spec, ...]:
    """What a model of text to video cannot make, and a file that has no public address."""
    sound = Asset(Role.DRIVING_AUDIO, "audio_url", blob="0" * 64, content_type="audio/mpeg")
    return (
        *(replace(SPEC, mode=mode) for mode in Mode if mode is not Mode.TEXT_TO_VIDEO),
        replace(SPEC, assets=(sound,)),
    )


def _server(clock: ManualClock, elsewhere: str) -> DashScopeServer:
    del elsewhere  # films are behind links of its own
    return DashScopeServer(clock=clock, settings=Settings(key=KEY, list_echoes=True))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return dashscope.build(
        name="wan",
        base_url=f"http://{LOOPBACK}:{port}/api/v1",
        credential=Credential("env:DASHSCOPE_API_KEY", KEY),
        profile=None,
        options={"find": "list", **options},
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model=MODEL,
    secret=KEY,
    impossible=_impossible(),
    advice_s=ADVICE_S,
)


scene: Final = SimulatedScene("dashscope", SETTING)  # nothing is skipped
