"""The scene of `replicate`: its simulator, and the faults that make each situation.

Nothing in a create is a reference of ours, so a submit is found by what the list repeats of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import replicate
from rushes.providers.base import Provider
from rushes.providers.rest import Credential, Rest
from rushes.providers.signed_calls import Ear
from rushes.testing.conformance.scenes.simulated import HOUR_S, Setting, simulated
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.replicate import ReplicateServer, Settings
from rushes.testing.simulators.replicate_bells import SECRET
from rushes.testing.simulators.replicate_errors import FLAGGED
from rushes.testing.simulators.script import Rule

KEY: Final = "r8_" + 5 * "Winter42"

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
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value=FLAGGED),
    Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
    Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
    Situation.UNKNOWN_WORD: Rule("get", "unknown_word", value="pondering"),
    Situation.STATE_FALLS_BACK: Rule("get", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("get", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("get", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("get", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("get", "rate_limited", value=_RETRY_AFTER),
    Situation.LOOK_DROPPED: Rule("get", "drop"),
    Situation.LOOK_HUNG: Rule("get", "hang"),
    Situation.LOOK_UNREADABLE: Rule("get", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("get", "unauthorized"),
    Situation.CANCEL_REFUSED: Rule("cancel", "not_found"),
    Situation.CANCEL_UNSUPPORTED: Rule("cancel", "unsupported"),
    Situation.CANCEL_UNAVAILABLE: Rule("cancel", "server_error"),
    Situation.LIST_LAGS: Rule("list", "lag", value=HOUR_S),
    Situation.LIST_KEEPS_SILENT: Rule("list", "silent"),
    Situation.LIST_UNAVAILABLE: Rule("list", "bad_gateway"),
    Situation.FILM_UNAVAILABLE: Rule("film", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("film", "not_found"),
    Situation.FILM_GONE: Rule("film", "expired_link"),
    Situation.FILM_BREAKS_OFF: Rule("film", "half"),
    Situation.FILM_IS_A_PAGE: Rule("film", "html"),
    Situation.FILM_ELSEWHERE: Rule("film", "elsewhere"),
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


class _Scene:
    """How to put up a stage for `replicate`."""

    kind = "replicate"
    skips: Mapping[str, str] = {
        "*[[]overloaded[]]": "no 5xx of it is documented to mean that nothing was accepted",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(SETTING)


scene = _Scene()
