"""The scene of `vidu`: its simulator, and the faults that make each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import vidu
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    SimulatedScene,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vidu import Settings, ViduServer

KEY: Final = "vda_" + 4 * "Winter42"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value="CreationPolicyViolation"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="viduq3-turbo",
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
    wide = replace(SPEC, ratio="21:9", size=Size(1680, 720))
    small = replace(SPEC, resolution="480p", size=Size(854, 480))
    return (*derived, continued, wide, small)


def _server(clock: ManualClock, elsewhere: str) -> ViduServer:
    del elsewhere  # films are on this machine, under another name than the API
    return ViduServer(clock=clock, settings=Settings(key=KEY))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return vidu.build(
        name="vidu",
        base_url=f"http://{LOOPBACK}:{port}/ent/v2",
        credential=Credential("env:VIDU_API_KEY", KEY),
        profile=None,
        options=options,
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="viduq3-turbo",
    secret=KEY,
    impossible=_impossible(),
    advice_s=vidu.LOOK_AGAIN_S,
)


scene: Final = SimulatedScene(
    "vidu",
    SETTING,
    {
        "a_find_of_two_knows_nothing": "each task carries a token of its own: no two are alike",
    },
)
