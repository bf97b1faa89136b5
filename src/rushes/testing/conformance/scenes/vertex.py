"""The scenes of `vertex`: its simulator, and a fault for each situation.

A film is an object in a bucket in the first, which is the one of the suite, and comes inside the
answer to a look in the second, which the tests of the provider hold to the suite as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rushes.domain.spec import Asset, Mode, Role, Size, Spec
from rushes.providers import vertex
from rushes.providers.base import Provider
from rushes.providers.rest import Credential
from rushes.testing.conformance.scenes.simulated import Setting, SimulatedScene, usual_rules
from rushes.testing.conformance.stage import Situation
from rushes.testing.fakes import ManualClock
from rushes.testing.simulators.host import LOOPBACK
from rushes.testing.simulators.script import Rule
from rushes.testing.simulators.vertex import VertexServer

KEY: Final = "ya29." + 8 * "Winter42"
IN_BUCKET: Final[Mapping[str, object]] = {"storage_uri": "gs://films/rushes"}

RULES: Final[Mapping[Situation, Rule]] = {
    **usual_rules(look="fetch", film="object"),
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: Rule("create", "rate_limited_for_7_s"),
    Situation.OUTPUT_WILL_BE_MODERATED: Rule(
        "create", "fail", value=["The film was filtered. Support codes: 64151117"]
    ),
    Situation.UNKNOWN_WORD: Rule("fetch", "unknown_word", value="soon"),
    Situation.LIST_KEEPS_SILENT: Rule("list", "answer", value={"status": 200, "body": {}}),
    Situation.FILM_GONE: Rule("object", "gone"),
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


scene: Final = SimulatedScene(
    "vertex",
    SETTING,
    {
        "*cancel*": NO_CANCEL,
        "a_find_finds_the_one": NO_FIND,
        "a_find_of_nothing_is_absent": NO_FIND,
        "a_find_passes_over_the_past": NO_FIND,
        "a_lagging_list_finds_nothing": NO_FIND,
    },
)
inline: Final = SimulatedScene(
    "vertex",
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
