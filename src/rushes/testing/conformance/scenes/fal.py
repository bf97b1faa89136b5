"""The scene of `fal`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import fal
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import (
    Setting,
    SimulatedScene,
    usual_rules,
)
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.fal import FalServer
from rushes.testing.simulators.fal_errors import complaint
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule

KEY: Final = "5f1c0de2-7a1b-4c3d-9e8f-012345678901:" + 4 * "Winter42"
JWK_X: Final = "hAPdZ0I0_iQ3SjZ3jCwgBW6hCmbpLv1s3cbH7UTC7_E"
"""A public key, with which the provider asks to be rung; nobody rings in the suite."""

UNFIT: Final = {
    "status": 422,
    "body": {"detail": [complaint("content_policy_violation", "The film is not fit.", "prompt")]},
}
RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="status", film="film"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=UNFIT),
    Situation.UNKNOWN_WORD: Rule("status", "unknown_word", value="PONDERING"),
    Situation.FILM_GONE: Rule("film", "gone"),
}
"""Each strikes once."""

MODEL: Final = "fal-ai/veo3.1"
SPEC: Final = Spec(
    model="veo-3.1-generate-001",
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
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    return (*derived, continued, replace(SPEC, ratio="21:9", size=Size(1680, 720)))


def _server(clock: ManualClock, elsewhere: str) -> FalServer:
    del elsewhere  # films are on this machine, under another name than the queue
    return FalServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return fal.build(
        name="fal",
        base_url=f"http://{LOOPBACK}:{port}",
        credential=Credential("env:FAL_KEY", KEY),
        profile=None,
        options={"webhook_keys": [JWK_X], **options},
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model=MODEL,
    secret=KEY,
    impossible=_impossible(),
    advice_s=fal.LOOK_AGAIN_S,
)

NO_LIST: Final = "no list of requests is known"


scene: Final = SimulatedScene(
    "fal",
    SETTING,
    {
        "*find*": NO_LIST,
        "a_silent_list_*": NO_LIST,
        "a_lagging_list_*": NO_LIST,
        "nothing_secret_is_logged": (
            "it listens to a search that fails, and nothing is searched; tests of its own listen"
        ),
        "*[[]overloaded[]]": "its queue has no end, and no word for an overload was read",
    },
)
