"""The scene of `luma`: its simulator, and the faults that make each situation.

The provider is as it is without options. What it does where an operator wants generations deleted
is told in its own tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import luma
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
from rushes.testing.simulators.luma import LumaServer
from rushes.testing.simulators.script import Rule

KEY: Final = "luma-" + 8 * "Winter42"
MODEL: Final = "ray-2"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value="Frame moderation failed"),
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
)


def _impossible() -> tuple[Spec, ...]:
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    frame = Asset(Role.FIRST_FRAME, "images[0]", blob="0" * 64, content_type="image/png")
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    unlinked = replace(SPEC, mode=Mode.IMAGE_TO_VIDEO, assets=(frame,))
    return (*derived, continued, unlinked, replace(SPEC, with_audio=True))


def _server(clock: ManualClock, elsewhere: str) -> LumaServer:
    del elsewhere  # films are on this machine, under another name than the API
    return LumaServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return luma.build(
        name="luma",
        base_url=f"http://{LOOPBACK}:{port}/dream-machine/v1",
        credential=Credential("env:LUMAAI_API_KEY", KEY),
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
    advice_s=luma.LOOK_AGAIN_S,
)


scene: Final = SimulatedScene(
    "luma",
    SETTING,
    {
        "*cancel*": "nothing says that DELETE stops what was begun: without an option it is never "
        "asked; tests of its own hold what it does with one",
    },
)
