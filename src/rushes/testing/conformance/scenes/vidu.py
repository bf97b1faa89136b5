"""The scene of `vidu`: its simulator, and the faults that make each situation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import vidu
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import HOUR_S, Setting, simulated
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vidu import Settings, ViduServer

KEY: Final = "vda_" + 4 * "Winter42"

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
    Situation.OVERLOADED: Rule("create", "overloaded"),
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
    Situation.OUTPUT_WILL_BE_MODERATED: Rule("create", "fail", value="CreationPolicyViolation"),
    Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
    Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
    Situation.UNKNOWN_WORD: Rule("retrieve", "unknown_word", value="pondering"),
    Situation.STATE_FALLS_BACK: Rule("retrieve", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("retrieve", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("retrieve", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("retrieve", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule(
        "retrieve", "rate_limited", value=_RETRY_AFTER
    ),
    Situation.LOOK_DROPPED: Rule("retrieve", "drop"),
    Situation.LOOK_HUNG: Rule("retrieve", "hang"),
    Situation.LOOK_UNREADABLE: Rule("retrieve", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("retrieve", "unauthorized"),
    Situation.CANCEL_REFUSED: Rule("cancel", "too_late"),
    Situation.CANCEL_UNSUPPORTED: Rule("cancel", "unsupported"),
    Situation.CANCEL_UNAVAILABLE: Rule("cancel", "server_error"),
    Situation.LIST_LAGS: Rule("list", "lag", value=HOUR_S),
    Situation.LIST_KEEPS_SILENT: Rule("list", "silent"),
    Situation.LIST_UNAVAILABLE: Rule("list", "bad_gateway"),
    Situation.FILM_UNAVAILABLE: Rule("content", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("content", "not_found"),
    Situation.FILM_GONE: Rule("content", "expired_link"),
    Situation.FILM_BREAKS_OFF: Rule("content", "half"),
    Situation.FILM_IS_A_PAGE: Rule("content", "html"),
    Situation.FILM_ELSEWHERE: Rule("content", "elsewhere"),
}
"""Each strikes once."""

SPEC: Final = Spec(
    model="viduq3-turbo",
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
    wide = replace(SPEC, ratio="21:9", size=Size(1680, 720))
    small = replace(SPEC, resolution="480p", size=Size(854, 480))
    return (*derived, continued, wide, small)


def _server(clock: ManualClock, elsewhere: str) -> ViduServer:
    del elsewhere  # films are on this machine, under another name than the API
    return ViduServer(clock=clock, settings=Settings(key=KEY))


def _build(port: int, options: Mapping[str, object]) -> Provider:
    return vidu.build(
        name="vidu",
        base_url=f"http://{LOOPBACK}:{port}/ent/v2",
        credential=Credential("env:VIDU_API_KEY", KEY),
        profile=None,
        options=options,
    )


SETTING: Final = Setting(
    server=_server,
    build=_build,
    rules=RULES,
    spec=SPEC,
    upstream_model="viduq3-turbo",
    secret=KEY,
    impossible=_impossible(),
    advice_s=vidu.LOOK_AGAIN_S,
)


class _Scene:
    """How to put up a stage for `vidu`."""

    kind = "vidu"
    skips: Mapping[str, str] = {
        "a_find_of_two_knows_nothing": "each task carries a token of its own: no two are alike",
    }

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(SETTING)


scene = _Scene()
