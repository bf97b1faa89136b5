"""The scene of `replicate`: its simulator, and the faults that make each situation.

Nothing in a create is a reference of ours, so a submit is found by what the list repeats of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import replicate
from rushes.providers.base import Provider
from rushes.providers.rest import Credential, Rest
from rushes.providers.signed_calls import Ear
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    SimulatedScene,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.replicate import ReplicateServer, Settings
from rushes.testing.simulators.replicate_bells import SECRET
from rushes.testing.simulators.replicate_errors import FLAGGED
from rushes.testing.simulators.script import Rule

KEY: Final = "r8_" + 5 * "Winter42"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="get", film="film"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=FLAGGED),
    Situation.CANCEL_REFUSED: Rule("cancel", "not_found"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="bytedance/seedance-1-pro",
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=5,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
    ratio="16:9",
)


def _server(clock: ManualClock, elsewhere: str) -> ReplicateServer:
    del elsewhere  # films are on this machine, under another name than the API
    return ReplicateServer(clock=clock, settings=Settings(key=KEY))


def _impossible() -> tuple[Spec, ...]:
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    picture = Asset(Role.REFERENCE_IMAGE, "media[0]", blob="0" * 64, content_type="image/png")
    guided = replace(SPEC, mode=Mode.REFERENCE_TO_VIDEO, assets=(picture,))
    return (*derived, continued, guided, replace(SPEC, with_audio=True))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    terms, credential = replicate.terms_of(options), Credential("env:REPLICATE_API_TOKEN", KEY)
    rest = Rest(f"http://{LOOPBACK}:{port}/v1", credential, timeouts=terms.timeouts)
    return replicate.Replicate("replicate", rest, credential, terms, Ear(SECRET, whose="Replicate"))


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="bytedance/seedance-1-pro",
    secret=KEY,
    impossible=_impossible(),
    advice_s=replicate.LOOK_AGAIN_S,
)


scene: Final = SimulatedScene(
    "replicate",
    SETTING,
    {
        "*[[]overloaded[]]": "no 5xx of it is documented to mean that nothing was accepted",
    },
)
