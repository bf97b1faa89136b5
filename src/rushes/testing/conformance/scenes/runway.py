"""The scene of `runway`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import runway
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
from rushes.testing.simulators.runway import RunwayServer
from rushes.testing.simulators.script import Rule

KEY: Final = "key_" + 16 * "c0ffee11"
UNFIT: Final = {"failure": "The film is not fit.", "failureCode": "SAFETY.OUTPUT.VIDEO"}
RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="look", film="film", cancel="stop"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=UNFIT),
    Situation.UNKNOWN_WORD: Rule("look", "unknown_word", value="PONDERING"),
    Situation.CANCEL_REFUSED: Rule("stop", "not_found"),
    Situation.FILM_GONE: Rule("film", "gone"),
}
"""Each strikes once."""

MODEL: Final = "gen4.5"
SPEC: Final = Spec(
    model="runway/gen4.5",
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
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    return (*derived, continued, replace(SPEC, ratio="1:1", size=Size(960, 960)))


def _server(clock: ManualClock, elsewhere: str) -> RunwayServer:
    del elsewhere  # films are on this machine, under another name than the API
    return RunwayServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return runway.build(
        name="runway",
        base_url=f"http://{LOOPBACK}:{port}",
        credential=Credential("env:RUNWAYML_API_SECRET", KEY),
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
    advice_s=runway.LOOK_AGAIN_S,
)

NO_LIST: Final = "there is no list of tasks"


scene: Final = SimulatedScene(
    "runway",
    SETTING,
    {
        "*find*": NO_LIST,
        "a_silent_list_*": NO_LIST,
        "a_lagging_list_*": NO_LIST,
        "nothing_secret_is_logged": (
            "it listens to a search that fails, and nothing is searched; tests of its own listen"
        ),
        "*[[]overloaded[]]": "a 502 or 503 sheds load, but no word in it proves that nothing ran",
        "*[[]moderated_at_submit[]]": (
            "what it refuses for content ends as a failed task; at a submit no code is known"
        ),
    },
)
