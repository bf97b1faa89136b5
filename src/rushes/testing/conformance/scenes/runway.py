"""The scene of `runway`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import runway
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import Setting, simulated
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.runway import RunwayServer
from rushes.testing.simulators.script import Rule

KEY: Final = "key_" + 16 * "c0ffee11"
UNFIT: Final = {"failure": "The film is not fit.", "failureCode": "SAFETY.OUTPUT.VIDEO"}
_RETRY_AFTER: Final = {"retry-after": f"{RETRY_AFTER_S:.0f}"}
RULES: Final[Mapping[Situation, Rule]] = {
    Situation.PARAMETERS_REFUSED: Rule("create", "invalid"),
    Situation.PARAMETERS_REFUSED_WITH_SECRETS: Rule("create", "echo"),
    Situation.BAD_CREDENTIAL: Rule("create", "unauthorized"),
    Situation.OUT_OF_MONEY: Rule("create", "out_of_money"),
    Situation.MODEL_RETIRED: Rule("create", "model_retired"),
    Situation.RATE_LIMITED: Rule("create", "rate_limited"),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited", value=_RETRY_AFTER),
    Situation.SUBMIT_DROPPED_UNREAD: Rule("connect", "drop"),
    Situation.SUBMIT_DROPPED_READ: Rule("create", "drop"),
    Situation.ACCEPTED_THEN_DROPPED: Rule("create", "drop", accepted=True),
    Situation.ACCEPTED_THEN_HUNG: Rule("create", "hang", accepted=True),
    Situation.ACCEPTED_THEN_500: Rule("create", "server_error", accepted=True),
    Situation.ACCEPTED_THEN_502: Rule("create", "bad_gateway", accepted=True),
    Situation.ACCEPTED_THEN_504: Rule("create", "gateway_timeout", accepted=True),
    Situation.BARE_503: Rule("create", "unavailable", accepted=True),
    Situation.ACCEPTED_WITHOUT_TICKET: Rule("create", "no_id", accepted=True),
    Situation.ACCEPTED_UNREADABLY: Rule("create", "html", accepted=True),
    Situation.ACCEPTED_CUT_OFF: Rule("create", "half", accepted=True),
    Situation.TASK_WILL_BREAK: Rule("create", "fail"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=UNFIT),
    Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
    Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
    Situation.UNKNOWN_WORD: Rule("look", "unknown_word", value="PONDERING"),
    Situation.STATE_FALLS_BACK: Rule("look", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("look", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("look", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("look", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("look", "rate_limited", value=_RETRY_AFTER),
    Situation.LOOK_DROPPED: Rule("look", "drop"),
    Situation.LOOK_HUNG: Rule("look", "hang"),
    Situation.LOOK_UNREADABLE: Rule("look", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("look", "unauthorized"),
    Situation.CANCEL_REFUSED: Rule("stop", "not_found"),
    Situation.CANCEL_UNSUPPORTED: Rule("stop", "unsupported"),
    Situation.CANCEL_UNAVAILABLE: Rule("stop", "server_error"),
    Situation.FILM_UNAVAILABLE: Rule("film", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("film", "not_found"),
    Situation.FILM_GONE: Rule("film", "gone"),
    Situation.FILM_BREAKS_OFF: Rule("film", "half"),
    Situation.FILM_IS_A_PAGE: Rule("film", "html"),
    Situation.FILM_ELSEWHERE: Rule("film", "elsewhere"),
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


class _Scene:
    """How to put up a stage for `runway`."""

    kind = "runway"
    skips: Mapping[str, str] = {
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
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(SETTING)


scene = _Scene()
