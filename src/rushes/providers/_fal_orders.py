"""A spec in the words of fal's apps: which endpoint makes it, what stands against it, its body.

Each app has an endpoint for each mode and a schema of its own; those known here are data below.
An app that is not known is refused: what an app does not know of a body it may pass over, and
a film that was not asked for costs as much. Source of all: a client's nodes that were generated
from fal's OpenAPI (nodetool-fal, 2026-03) and copies of fal's model pages (3P); nothing was
tried live, and that fal takes images and sound as data URIs is from memory (MEM).

- veo3.1, its `fast` and `lite`: the root itself makes text; lengths are "4s", "6s", "8s", with
  references "8s" alone, and those take neither seed nor negative prompt. Of `lite` only text and
  a first frame were read.
- seedance 1.5 pro: lengths are "4" to "12"; the ratio may be "auto"; one endpoint takes a first
  frame, and a last one beside it.
- wan 2.6: lengths are "5", "10", "15"; a first frame gives the ratio; there is no switch for
  sound, so it is taken to be there, as with its maker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import noun, sendable, wrong_mode

MODES: Final = frozenset(
    {
        Mode.TEXT_TO_VIDEO,
        Mode.IMAGE_TO_VIDEO,
        Mode.FIRST_LAST_FRAME,
        Mode.REFERENCE_TO_VIDEO,
    }
)
ADAPTIVE: Final = "adaptive"
AUTO: Final = "auto"
"""What fal calls a ratio that follows the first frame."""

REFERENCES_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What makes one mode: its path below the app, and the fields that hold files.

    `optional` are fields for files that need not be there. References are one list.
    """

    path: str = ""
    files: Mapping[Role, str] = field(default_factory=dict)
    optional: Mapping[Role, str] = field(default_factory=dict)
    has_ratio: bool = True
    follows: bool = False
    has_seed: bool = True
    has_negative: bool = True
    seconds: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class App:
    """One app: its endpoints, and how its fields are spelled.

    `unit` stands after a length. `options` are ours by fal's names for them.
    """

    endpoints: Mapping[Mode, Endpoint]
    ratios: frozenset[str]
    resolutions: frozenset[str]
    unit: str = ""
    can_be_silent: bool = True
    options: Mapping[str, str] = field(default_factory=dict)


_VEO_S: Final = frozenset({4, 6, 8})
_VEO_TEXT: Final = Endpoint(seconds=_VEO_S)
_VEO_FRAME: Final = Endpoint(
    "/image-to-video", {Role.FIRST_FRAME: "image_url"}, follows=True, seconds=_VEO_S
)
_VEO_FRAMES: Final = Endpoint(
    "/first-last-frame-to-video",
    {Role.FIRST_FRAME: "first_frame_url", Role.LAST_FRAME: "last_frame_url"},
    follows=True,
    seconds=_VEO_S,
)
_VEO_REFERENCES: Final = Endpoint(
    "/reference-to-video",
    {Role.REFERENCE_IMAGE: "image_urls"},
    has_seed=False,
    has_negative=False,
    seconds=frozenset({8}),
)


def _veo(endpoints: Mapping[Mode, Endpoint], *resolutions: str) -> App:
    return App(
        endpoints,
        ratios=frozenset({"16:9", "9:16"}),
        resolutions=frozenset(resolutions),
        unit="s",
    )


_SEEDANCE_S: Final = frozenset(range(4, 13))
_SEEDANCE_FRAMES: Final = {Role.FIRST_FRAME: "image_url", Role.LAST_FRAME: "end_image_url"}
_SEEDANCE: Final = App(
    {
        Mode.TEXT_TO_VIDEO: Endpoint("/text-to-video", has_negative=False, seconds=_SEEDANCE_S),
        Mode.IMAGE_TO_VIDEO: Endpoint(
            "/image-to-video",
            {Role.FIRST_FRAME: "image_url"},
            follows=True,
            has_negative=False,
            seconds=_SEEDANCE_S,
        ),
        Mode.FIRST_LAST_FRAME: Endpoint(
            "/image-to-video",
            _SEEDANCE_FRAMES,
            follows=True,
            has_negative=False,
            seconds=_SEEDANCE_S,
        ),
    },
    ratios=frozenset({"21:9", "16:9", "4:3", "1:1", "3:4", "9:16"}),
    resolutions=frozenset({"480p", "720p", "1080p"}),
    options={"camera_fixed": "camera_fixed"},
)

_WAN_S: Final = frozenset({5, 10, 15})
_WAN: Final = App(
    {
        Mode.TEXT_TO_VIDEO: Endpoint(
            "/text-to-video", optional={Role.DRIVING_AUDIO: "audio_url"}, seconds=_WAN_S
        ),
        Mode.IMAGE_TO_VIDEO: Endpoint(
            "/image-to-video",
            {Role.FIRST_FRAME: "image_url"},
            {Role.DRIVING_AUDIO: "audio_url"},
            has_ratio=False,
            seconds=_WAN_S,
        ),
    },
    ratios=frozenset({"16:9", "9:16", "1:1", "4:3", "3:4"}),
    resolutions=frozenset({"720p", "1080p"}),
    can_be_silent=False,
    options={"prompt_extend": "enable_prompt_expansion"},
)

APPS: Final[Mapping[str, App]] = {
    "fal-ai/veo3.1": _veo(
        {
            Mode.TEXT_TO_VIDEO: _VEO_TEXT,
            Mode.IMAGE_TO_VIDEO: _VEO_FRAME,
            Mode.FIRST_LAST_FRAME: _VEO_FRAMES,
            Mode.REFERENCE_TO_VIDEO: _VEO_REFERENCES,
        },
        "720p",
        "1080p",
        "4k",
    ),
    "fal-ai/veo3.1/fast": _veo(
        {
            Mode.TEXT_TO_VIDEO: _VEO_TEXT,
            Mode.IMAGE_TO_VIDEO: _VEO_FRAME,
            Mode.FIRST_LAST_FRAME: _VEO_FRAMES,
        },
        "720p",
        "1080p",
    ),
    "fal-ai/veo3.1/lite": _veo(
        {Mode.TEXT_TO_VIDEO: _VEO_TEXT, Mode.IMAGE_TO_VIDEO: _VEO_FRAME}, "720p", "1080p"
    ),
    "fal-ai/bytedance/seedance/v1.5/pro": _SEEDANCE,
    "wan/v2.6": _WAN,
}
"""By the name that stands in a route: an app without the part that names the mode."""


def path_of(spec: Spec, upstream_model: str) -> str:
    """Return the path of the endpoint that makes a spec nothing is to be said against."""
    return f"/{upstream_model}{APPS[upstream_model].endpoints[spec.mode].path}"


def objection(spec: Spec, upstream_model: str) -> str:
    """Say why fal cannot make this; empty where it can."""
    app = APPS.get(upstream_model)
    if sentence := wrong_mode(spec):
        return sentence
    if app is None:
        return "The provider does not know the words of this model."
    endpoint = app.endpoints.get(spec.mode)
    if endpoint is None:
        return f"The provider does not offer the mode {spec.mode} for this model."
    return _wrong_files(spec, endpoint) or _wrong_settings(spec, app, endpoint)


def _wrong_files(spec: Spec, endpoint: Endpoint) -> str:
    roles = [asset.role for asset in spec.assets]
    known = {*endpoint.files, *endpoint.optional}
    strange = next((role for role in roles if role not in known), None)
    if strange is not None:
        return f"The provider takes no {noun(strange)} in the mode {spec.mode}."
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        if not 1 <= len(roles) <= REFERENCES_MAX:
            return f"The provider takes one to {REFERENCES_MAX} reference images."
        return ""
    if any(roles.count(role) != 1 for role in endpoint.files):
        wanted = " and one ".join(noun(role) for role in endpoint.files)
        return f"The provider makes the mode {spec.mode} from one {wanted}."
    twice = next((role for role in endpoint.optional if roles.count(role) > 1), None)
    return f"The provider takes one {noun(twice)}." if twice else ""


def _wrong_settings(spec: Spec, app: App, endpoint: Endpoint) -> str:
    if not spec.prompt:
        return "The provider needs a prompt."
    if spec.resolution not in app.resolutions or not _has_ratio(spec, app, endpoint):
        return f"The provider makes no film of {spec.size}."
    if spec.seconds not in {*endpoint.seconds, SECONDS_BY_PROVIDER}:
        return f"The provider makes no film of {spec.seconds} seconds in the mode {spec.mode}."
    if not spec.with_audio and not app.can_be_silent:
        return "The model always makes sound."
    strange = next((name for name in spec.options if name not in app.options), None)
    return f"The provider knows no {strange} for this model." if strange else ""


def _has_ratio(spec: Spec, app: App, endpoint: Endpoint) -> bool:
    if not endpoint.has_ratio:
        return True
    if spec.ratio in {None, ADAPTIVE}:
        return endpoint.follows
    return spec.ratio in app.ratios


def told(spec: Spec, upstream_model: str, media: Sequence[str]) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of its endpoint.

    `media` are links, one for each asset in order. A seed, a negative prompt or a ratio for
    which the endpoint has no field is left out.
    """
    app = APPS[upstream_model]
    endpoint = app.endpoints[spec.mode]
    body: dict[str, object] = {"prompt": sendable(spec.prompt), "resolution": spec.resolution}
    given = list(zip((asset.role for asset in spec.assets), media, strict=True))
    for role, name in {**endpoint.files, **endpoint.optional}.items():
        found = [link for one, link in given if one is role]
        if found:
            body[name] = found if role.is_reference else found[0]
    if endpoint.has_ratio:
        body["aspect_ratio"] = AUTO if spec.ratio in {None, ADAPTIVE} else spec.ratio
    if spec.seconds != SECONDS_BY_PROVIDER:
        body["duration"] = f"{spec.seconds}{app.unit}"
    if app.can_be_silent:  # said even when false: left out, the model makes sound
        body["generate_audio"] = spec.with_audio
    if endpoint.has_seed:
        body["seed"] = spec.seed
    if spec.negative_prompt and endpoint.has_negative:
        body["negative_prompt"] = sendable(spec.negative_prompt)
    for name, value in spec.options.items():
        body[app.options[name]] = value
    return body
