"""The scene of `ark`: its simulator, and the faults that make each situation.

The provider finds by token here: without one it never says Found, and most promises of `find`
would have nothing to be held to. What it says without a token is told in its own tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import ark
from rushes.providers._ark_terms import LOOK_AGAIN_S
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    SimulatedScene,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.ark import ArkServer, Settings
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule

KEY: Final = "ark-" + 8 * "Winter42"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(cancel="delete"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create",
        "fail",
        value={"code": "OutputVideoSensitiveContentDetected", "message": "The film is not fit."},
    ),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="seedance-2-0",
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
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    commanded = replace(SPEC, prompt="A boat --dur 12")
    return (*derived, continued, commanded)


def _server(clock: ManualClock, elsewhere: str) -> ArkServer:
    del elsewhere  # films are on this machine, under another name than the API
    return ArkServer(clock=clock, settings=Settings(key=KEY))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return ark.build(
        name="ark",
        base_url=f"http://{LOOPBACK}:{port}/api/v3",
        credential=Credential("env:ARK_API_KEY", KEY),
        profile=None,
        options={"find": "token", **options},
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="doubao-seedance-2-0-260128",
    secret=KEY,
    impossible=_impossible(),
    advice_s=LOOK_AGAIN_S,
)


scene: Final = SimulatedScene(
    "ark",
    SETTING,
    {
        "a_find_of_two_knows_nothing": "each task carries a token of its own: no two are alike",
    },
)
