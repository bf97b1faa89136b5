"""The scene of `minimax`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import minimax
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
from rushes.testing.simulators.minimax import MiniMaxServer
from rushes.testing.simulators.script import Rule

KEY: Final = "sk-api-" + 8 * "Winter42"

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="look", film="film"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=1027),
    Situation.UNKNOWN_WORD: Rule("look", "unknown_word", value="Pondering"),
    Situation.FILM_GONE: Rule("film", "gone"),
}
"""Each strikes once."""

MODEL: Final = "MiniMax-Hailuo-2.3"
SPEC: Final = Spec(
    model=MODEL,
    mode=Mode.TEXT_TO_VIDEO,
    prompt="A paper boat on a quiet canal.",
    seconds=6,
    size=Size(1280, 720),
    seed=7,
    resolution="720p",
)


def _impossible() -> tuple[Spec, ...]:
    clip = Asset(Role.FIRST_CLIP, "media[0]", blob="0" * 64, content_type="video/mp4")
    derived = [replace(SPEC, mode=mode, source_id="video_1") for mode in Mode if mode.derives]
    continued = replace(SPEC, mode=Mode.CONTINUATION, assets=(clip,))
    long = replace(SPEC, seconds=10, resolution="1080p", size=Size(1920, 1080))
    upright = replace(SPEC, ratio="9:16", size=Size(720, 1280))
    return (*derived, continued, long, upright, replace(SPEC, with_audio=True))


def _server(clock: ManualClock, elsewhere: str) -> MiniMaxServer:
    del elsewhere  # films are on this machine, under another name than the API
    return MiniMaxServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return minimax.build(
        name="minimax",
        base_url=f"http://{LOOPBACK}:{port}",
        credential=Credential("env:MINIMAX_API_KEY", KEY),
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
    advice_s=minimax.LOOK_AGAIN_S,
)

NO_LIST: Final = "this version of its API has no list of tasks"
NO_CANCEL: Final = "it has no way to stop a task, so none is tried"


scene: Final = SimulatedScene(
    "minimax",
    SETTING,
    {
        "*cancel*": NO_CANCEL,
        "*find*": NO_LIST,
        "a_silent_list_*": NO_LIST,
        "a_lagging_list_*": NO_LIST,
        "nothing_secret_is_logged": (
            "it listens to a search that fails, and nothing is searched; tests of its own listen"
        ),
        "*[[]overloaded[]]": "no code of it says that it is overloaded, apart from its rate limit",
    },
)
