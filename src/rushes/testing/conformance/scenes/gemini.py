"""The scene of `gemini`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import gemini
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import Setting, SimulatedScene, usual_rules
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.gemini import GeminiServer
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule

KEY: Final = "AIza" + 8 * "Winter42"
MODEL: Final = "gemini-omni-1.1-flash"

_FILTERED: Final = [{"code": "safety", "message": "The film was filtered."}]
RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="look", film="file"),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited_for_7_s"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=_FILTERED),
    Situation.CREDENTIAL_REVOKED: Rule("look", "unauthenticated"),
    Situation.FILM_GONE: Rule("file", "gone"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model=MODEL,
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=4,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
    ratio="16:9",
    with_audio=True,
)


def _impossible() -> tuple[Spec, ...]:
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    return (
        *derived,
        replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,)),
        replace(SPEC, ratio="21:9", size=Size(1680, 720)),
        replace(SPEC, with_audio=False),
    )


def _server(clock: ManualClock, elsewhere: str) -> GeminiServer:
    del elsewhere  # a rule sends there
    return GeminiServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return gemini.build(
        name="gemini",
        base_url=f"http://{LOOPBACK}:{port}",
        credential=Credential("env:GEMINI_API_KEY", KEY),
        profile=None,
        options=options,
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model=MODEL,
    secret=KEY,
    impossible=_impossible(),
    advice_s=gemini.LOOK_AGAIN_S,
)

NO_FIND: Final = "nothing lists interactions: neither the SDK nor a page has a call for it"


scene: Final = SimulatedScene(
    "gemini",
    SETTING,
    {
        "*find*": NO_FIND,
        "a_silent_list_*": NO_FIND,
        "nothing_secret_is_logged": (
            "it listens to a search that fails; a test of its own listens to all the rest"
        ),
    },
)
