"""The scene of `xai`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import xai
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
from rushes.testing.simulators.xai import Settings, XaiServer

KEY: Final = "xai-" + 8 * "Winter42"
UNFIT: Final = {
    "code": "internal_error",
    "message": "Generated video rejected by content moderation.",
}

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="look", film="film"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=UNFIT),
    Situation.TASK_IN_HTTP_ERROR: Rule("look", "job_error", value=400),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="grok-imagine-video",
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
    return (*derived, continued, replace(SPEC, ratio="21:9", size=Size(1680, 720)))


def _server(clock: ManualClock, elsewhere: str) -> XaiServer:
    del elsewhere  # films are on this machine, under another name than the API
    return XaiServer(clock=clock, settings=Settings(key=KEY))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return xai.build(
        name="xai",
        base_url=f"http://{LOOPBACK}:{port}/v1",
        credential=Credential("env:XAI_API_KEY", KEY),
        profile=None,
        options=options,
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="grok-imagine-video",
    secret=KEY,
    impossible=_impossible(),
    advice_s=xai.LOOK_AGAIN_S,
)

NO_CANCEL: Final = "no call stops a job"
NO_LIST: Final = "no list of jobs is known, and no reference of ours goes with one"


scene: Final = SimulatedScene(
    "xai",
    SETTING,
    {
        "*cancel*": NO_CANCEL,
        "*find*": NO_LIST,
        "a_silent_list_*": NO_LIST,
        "a_lagging_list_*": NO_LIST,
        "nothing_secret_is_logged": (
            "it listens to a search that fails, and nothing is searched; tests of its own listen"
        ),
        "*[[]overloaded[]]": "no word for an overload was read",
    },
)
