"""The scene of `kling`: its simulator, and the faults that make each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import kling
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
from rushes.testing.simulators.kling import KlingServer, Settings
from rushes.testing.simulators.script import Rule

ACCESS_KEY: Final = 4 * "Access42"
SECRET_KEY: Final = 4 * "Winter42"
KEY: Final = f"{ACCESS_KEY}:{SECRET_KEY}"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create", "fail", value="Failure to pass the risk control system"
    ),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="kling-v2-6",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1920, 1080),
    seed=7,
    resolution="1080p",
    ratio="16:9",
    with_audio=True,
)


def _impossible() -> tuple[Spec, ...]:
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    wide = replace(SPEC, ratio="21:9", size=Size(2520, 1080))
    return (*derived, continued, wide, replace(SPEC, resolution="720p", size=Size(1280, 720)))


def _server(clock: ManualClock, elsewhere: str) -> KlingServer:
    del elsewhere  # films are on this machine, under another name than the API
    return KlingServer(clock=clock, settings=Settings(key=KEY))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return kling.build(
        name="kling",
        base_url=f"http://{LOOPBACK}:{port}",
        credential=Credential("env:KLING_API_KEY", KEY),
        profile=None,
        options=options,
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="kling-v2-6",
    secret=SECRET_KEY,
    impossible=_impossible(),
    advice_s=kling.LOOK_AGAIN_S,
)


scene: Final = SimulatedScene(
    "kling",
    SETTING,
    {
        "*cancel*": "no call stops a task: no page of Kling's has one",
        "a_find_of_two_knows_nothing": "each task carries a reference of its own: no two are alike",
    },
)
