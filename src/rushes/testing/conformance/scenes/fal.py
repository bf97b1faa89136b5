"""The scene of `fal`: its simulator, and a fault for each situation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import fal
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import Setting, simulated
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage
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
_RETRY_AFTER: Final = {"retry-after": f"{RETRY_AFTER_S:.0f}"}
RULES: Final[Mapping[Situation, Rule]] = {
    Situation.PARAMETERS_REFUSED: Rule("create", "invalid"),
    Situation.PARAMETERS_REFUSED_WITH_SECRETS: Rule("create", "echo"),
    Situation.MODERATED_AT_SUBMIT: Rule("create", "moderated"),
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
    Situation.UNKNOWN_WORD: Rule("status", "unknown_word", value="PONDERING"),
    Situation.STATE_FALLS_BACK: Rule("status", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("status", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("status", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("status", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule(
        "status", "rate_limited", value=_RETRY_AFTER
    ),
    Situation.LOOK_DROPPED: Rule("status", "drop"),
    Situation.LOOK_HUNG: Rule("status", "hang"),
    Situation.LOOK_UNREADABLE: Rule("status", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("status", "unauthorized"),
    Situation.CANCEL_REFUSED: Rule("cancel", "too_late"),
    Situation.CANCEL_UNSUPPORTED: Rule("cancel", "unsupported"),
    Situation.CANCEL_UNAVAILABLE: Rule("cancel", "server_error"),
    Situation.FILM_UNAVAILABLE: Rule("film", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("film", "not_found"),
    Situation.FILM_GONE: Rule("film", "gone"),
    Situation.FILM_BREAKS_OFF: Rule("film", "half"),
    Situation.FILM_IS_A_PAGE: Rule("film", "html"),
    Situation.FILM_ELSEWHERE: Rule("film", "elsewhere"),
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


class _Scene:
    """How to put up a stage for `fal`."""

    kind = "fal"
    skips: Mapping[str, str] = {
        "*find*": NO_LIST,
        "a_silent_list_*": NO_LIST,
        "a_lagging_list_*": NO_LIST,
        "nothing_secret_is_logged": (
            "it listens to a search that fails, and nothing is searched; tests of its own listen"
        ),
        "*[[]overloaded[]]": "its queue has no end, and no word for an overload was read",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(SETTING)


scene = _Scene()
