"""The scenes of `vertex`: its simulator, and a fault for each situation.

A film is an object in a bucket in the first, which is the one of the suite, and comes inside the
answer to a look in the second, which the tests of the provider hold to the suite as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import vertex
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import Setting, simulated
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vertex import VertexServer

KEY: Final = "ya29." + 8 * "Winter42"
IN_BUCKET: Final[Mapping[str, object]] = {"storage_uri": "gs://films/rushes"}

_RETRY_AFTER: Final = {"retry-after": f"{RETRY_AFTER_S:.0f}"}
RULES: Final[Mapping[Situation, Rule]] = {
    Situation.PARAMETERS_REFUSED: Rule("create", "invalid"),
    Situation.PARAMETERS_REFUSED_WITH_SECRETS: Rule("create", "echo"),
    Situation.MODERATED_AT_SUBMIT: Rule("create", "moderated"),
    Situation.BAD_CREDENTIAL: Rule("create", "unauthorized"),
    Situation.OUT_OF_MONEY: Rule("create", "out_of_money"),
    Situation.MODEL_RETIRED: Rule("create", "model_retired"),
    Situation.RATE_LIMITED: Rule("create", "rate_limited"),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited_for_7_s"),
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
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create", "fail", value=["The film was filtered. Support codes: 64151117"]
    ),
    Situation.STATES_WILL_BE_SKIPPED: Rule("create", "skip_states"),
    Situation.FILM_WILL_BE_MISSING: Rule("create", "no_content"),
    Situation.UNKNOWN_WORD: Rule("fetch", "unknown_word", value="soon"),
    Situation.STATE_FALLS_BACK: Rule("fetch", "regress"),
    Situation.TASK_IN_HTTP_ERROR: Rule("fetch", "job_error", value=500),
    Situation.NOT_THERE_ONCE: Rule("fetch", "not_found"),
    Situation.LOOK_UNAVAILABLE: Rule("fetch", "unavailable"),
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: Rule(
        "fetch", "rate_limited", value=_RETRY_AFTER
    ),
    Situation.LOOK_DROPPED: Rule("fetch", "drop"),
    Situation.LOOK_HUNG: Rule("fetch", "hang"),
    Situation.LOOK_UNREADABLE: Rule("fetch", "html"),
    Situation.CREDENTIAL_REVOKED: Rule("fetch", "unauthorized"),
    Situation.LIST_KEEPS_SILENT: Rule("list", "answer", value={"status": 200, "body": {}}),
    Situation.LIST_UNAVAILABLE: Rule("list", "bad_gateway"),
    Situation.FILM_UNAVAILABLE: Rule("object", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("object", "not_found"),
    Situation.FILM_GONE: Rule("object", "gone"),
    Situation.FILM_BREAKS_OFF: Rule("object", "half"),
    Situation.FILM_IS_A_PAGE: Rule("object", "html"),
    Situation.FILM_ELSEWHERE: Rule("object", "elsewhere"),
}
"""Each strikes once."""

INLINE_RULES: Final[Mapping[Situation, Rule]] = {
    **RULES,
    Situation.FILM_UNAVAILABLE: Rule("fetch", "unavailable"),
    Situation.FILM_NOT_FOUND: Rule("fetch", "not_found"),
    Situation.FILM_BREAKS_OFF: Rule("fetch", "half"),
    Situation.FILM_IS_A_PAGE: Rule("fetch", "html"),
}

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


def _server(clock: ManualClock, elsewhere: str) -> VertexServer:
    del elsewhere  # a rule sends there
    return VertexServer(clock=clock, key=KEY)


def _build(port: int, options: Mapping[str, object]) -> Provider:
    address = f"http://{LOOPBACK}:{port}"
    place = {"project": "lab", "region": "us-central1", "storage_url": address}
    return vertex.build(
        name="vertex",
        base_url=address,
        credential=Credential("env:VERTEX_ACCESS_TOKEN", KEY),
        profile=None,
        options={**place, **options},
    )


def _build_with_bucket(port: int, options: Mapping[str, object]) -> Provider:
    return _build(port, {**IN_BUCKET, **options})


SETTING: Final = Setting(
    server=_server,
    build=_build_with_bucket,
    rules=RULES,
    spec=SPEC,
    upstream_model="veo-3.1-generate-001",
    secret=KEY,
    impossible=_impossible(),
    advice_s=vertex.LOOK_AGAIN_S,
)
INLINE: Final = replace(SETTING, build=_build, rules=INLINE_RULES)

NO_CANCEL: Final = "no call stops an operation: neither the SDK nor a page has one"
NO_FIND: Final = (
    "nothing lists operations; with `storage_uri` a film is found in the folder of its submit, "
    "once it is written and no sooner, and that it is not there proves nothing"
)
NO_BUCKET: Final = "nothing lists operations"
NO_LINK: Final = "the film is inside an answer of the provider, there is no link to it"


@dataclass(frozen=True)
class _Scene:
    """How to put up a stage for `vertex`."""

    setting: Setting
    skips: Mapping[str, str]
    kind: str = "vertex"

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        return simulated(self.setting)


scene = _Scene(
    SETTING,
    {
        "*cancel*": NO_CANCEL,
        "a_find_finds_the_one": NO_FIND,
        "a_find_of_nothing_is_absent": NO_FIND,
        "a_find_passes_over_the_past": NO_FIND,
        "a_lagging_list_finds_nothing": NO_FIND,
    },
)
inline = _Scene(
    INLINE,
    {
        "*cancel*": NO_CANCEL,
        "*find*": NO_BUCKET,
        "a_silent_list_*": NO_BUCKET,
        "nothing_secret_is_logged": "it listens to a search that fails; the other scene holds it",
        "credentials_stay_at_home": NO_LINK,
        "*[[]film_gone[]]": NO_LINK,
        "a_finished_task_without_a_film_*": "the look itself says so, and no film is opened",
    },
)
