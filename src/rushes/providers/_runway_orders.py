"""A spec in Runway's words: which endpoint makes it, what stands against it, its body.

Each model has fields and sizes of its own; those known here are data below. A model that is not
known is refused: what Runway's check does not know of a body it may pass over, and a film that
was not asked for costs as much. Source of all: the types of runwayml 5.24.0 (SDK); nothing was
tried live.

- gen4.5: 2 to 10 s, a prompt always; text in two sizes, a first frame in six; no sound.
- gen4_turbo: a first frame always, a prompt need not be; 2 to 10 s (DOC), six sizes; no sound.
- veo3.1, veo3.1_fast: 4, 6, 8 s; a first frame, and a last one beside it.
- seedance2, seedance2_fast: 4 to 15 s, which is their maker's (MEM: here no bounds are told), or
  "auto"; first and last frame, or up to nine images that guide it; of other files that guide it
  nothing is sent yet.
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
FROM_TEXT: Final = "/v1/text_to_video"
FROM_IMAGE: Final = "/v1/image_to_video"
"""First and last frames go here; images that only guide go where text goes."""

ADAPTIVE: Final = "adaptive"
REFERENCES_MAX: Final = 9

_POSITIONS: Final[Mapping[Role, str]] = {Role.FIRST_FRAME: "first", Role.LAST_FRAME: "last"}
_ROLES: Final[Mapping[Mode, tuple[Role, ...]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
"""The files a mode is made from, one of each."""

Shapes = Mapping[tuple[str, str], str]
"""How large a film is, by what names it: resolution and ratio."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a model makes. `sizes` are for each mode, as Runway writes them.

    `shapes` are sizes by other names, for a model whose card counts in resolutions and ratios
    that come out otherwise here.
    """

    sizes: Mapping[Mode, frozenset[str]]
    seconds: frozenset[int]
    prompt_max: int
    shapes: Shapes = field(default_factory=dict)
    has_sound: bool = False
    has_negative: bool = False
    prompt_optional: frozenset[Mode] = frozenset()
    can_choose_seconds: bool = False


_GEN_SIZES: Final = frozenset(
    {"1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672"}
)
_GEN_S: Final = frozenset(range(2, 11))
_VEO_SIZES: Final = frozenset({"1280:720", "720:1280", "1920:1080", "1080:1920"})
_VEO: Final = Model(
    dict.fromkeys((Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME), _VEO_SIZES),
    seconds=frozenset({4, 6, 8}),
    prompt_max=1000,
    has_sound=True,
    has_negative=True,
    prompt_optional=frozenset({Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME}),
)

_RATIOS: Final = ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")
_SEEDANCE_SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "480p": ("992:432", "864:496", "752:560", "640:640", "560:752", "496:864"),
    "720p": ("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280"),
    "1080p": ("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920"),
}
"""In the order of the ratios."""


def _seedance(*resolutions: str) -> Model:
    shapes = {
        (resolution, ratio): size
        for resolution in resolutions
        for ratio, size in zip(_RATIOS, _SEEDANCE_SHAPES[resolution], strict=True)
    }
    return Model(
        dict.fromkeys(sorted(MODES), frozenset(shapes.values())),
        seconds=frozenset(range(4, 16)),
        prompt_max=3500,
        shapes=shapes,
        has_sound=True,
        prompt_optional=frozenset({Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME}),
        can_choose_seconds=True,
    )


MODELS: Final[Mapping[str, Model]] = {
    "gen4.5": Model(
        {
            Mode.TEXT_TO_VIDEO: frozenset({"1280:720", "720:1280"}),
            Mode.IMAGE_TO_VIDEO: _GEN_SIZES,
        },
        seconds=_GEN_S,
        prompt_max=1000,
    ),
    "gen4_turbo": Model(
        {Mode.IMAGE_TO_VIDEO: _GEN_SIZES},
        seconds=_GEN_S,
        prompt_max=1000,
        prompt_optional=frozenset({Mode.IMAGE_TO_VIDEO}),
    ),
    "veo3.1": _VEO,
    "veo3.1_fast": _VEO,
    "seedance2": _seedance("480p", "720p", "1080p"),
    "seedance2_fast": _seedance("480p", "720p"),
}


def path_of(spec: Spec) -> str:
    """Return the endpoint that makes a spec nothing is to be said against."""
    frames = spec.assets_as(Role.FIRST_FRAME, Role.LAST_FRAME)
    return FROM_IMAGE if frames else FROM_TEXT


def objection(spec: Spec, upstream_model: str) -> str:
    """Say why Runway cannot make this; empty where it can."""
    if sentence := wrong_mode(spec):
        return sentence
    model = MODELS.get(upstream_model)
    if model is None:
        return "The provider does not know the words of this model."
    if spec.mode not in model.sizes:
        return f"The provider does not offer the mode {spec.mode} for this model."
    return _wrong_files(spec) or _wrong_prompt(spec, model) or _wrong_settings(spec, model)


def _wrong_files(spec: Spec) -> str:
    roles = [asset.role for asset in spec.assets]
    wanted = _ROLES.get(spec.mode, (Role.REFERENCE_IMAGE,))
    strange = next((role for role in roles if role not in wanted), None)
    if strange is not None:
        return f"The provider takes no {noun(strange)} in the mode {spec.mode}."
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        is_right = 1 <= len(roles) <= REFERENCES_MAX
        return "" if is_right else f"The provider takes one to {REFERENCES_MAX} reference images."
    if any(roles.count(role) != 1 for role in wanted):
        nouns = " and one ".join(noun(role) for role in wanted)
        return f"The provider makes the mode {spec.mode} from one {nouns}."
    return ""


def _wrong_prompt(spec: Spec, model: Model) -> str:
    if not spec.prompt and spec.mode not in model.prompt_optional:
        return "The provider needs a prompt."
    # UTF-16 code units (SDK); half a surrogate counts as one, and will be sent as one
    if len(spec.prompt.encode("utf-16-le", "surrogatepass")) // 2 > model.prompt_max:
        return f"The provider takes a prompt of at most {model.prompt_max} characters."
    return ""


def _wrong_settings(spec: Spec, model: Model) -> str:
    if spec.ratio == ADAPTIVE:
        return "The provider takes a ratio of its own for this model, and follows no image."
    if _size_of(spec, model) not in model.sizes[spec.mode]:
        return f"The provider makes no film of {spec.size} in the mode {spec.mode}."
    if spec.seconds == SECONDS_BY_PROVIDER:
        if not model.can_choose_seconds:
            return "The provider chooses no length for this model."
    elif spec.seconds not in model.seconds:
        return f"The provider makes no film of {spec.seconds} seconds."
    if spec.with_audio and not model.has_sound:
        return "The model makes no sound."
    strange = next(iter({**spec.options, **spec.passthrough}), None)
    return f"The provider knows no {strange} for this model." if strange else ""


def _size_of(spec: Spec, model: Model) -> str:
    """Return a size as Runway writes it; what a shape names goes before what it would measure."""
    measured = f"{spec.size.width_px}:{spec.size.height_px}"
    return model.shapes.get((spec.resolution or "", spec.ratio or ""), measured)


def told(spec: Spec, upstream_model: str, media: Sequence[str]) -> dict[str, object]:
    """Put a spec that nothing is to be said against into Runway's words.

    `media` are links, one for each asset in order. A negative prompt for which the model has no
    field is left out.
    """
    model = MODELS[upstream_model]
    body: dict[str, object] = {
        "model": upstream_model,
        "ratio": _size_of(spec, model),
        "duration": "auto" if spec.seconds == SECONDS_BY_PROVIDER else spec.seconds,
        "seed": spec.seed,
    }
    if spec.prompt:
        body["promptText"] = sendable(spec.prompt)
    given = list(zip((asset.role for asset in spec.assets), media, strict=True))
    frames = [
        {"uri": uri, "position": _POSITIONS[role]} for role, uri in given if role in _POSITIONS
    ]
    references = [{"uri": uri} for role, uri in given if role is Role.REFERENCE_IMAGE]
    if frames:
        body["promptImage"] = sorted(frames, key=lambda frame: frame["position"])
    if references:
        body["references"] = references
    if model.has_sound:  # said even when false: left out, the model makes sound, and it costs more
        body["audio"] = spec.with_audio
    if spec.negative_prompt and model.has_negative:
        body["negativePrompt"] = sendable(spec.negative_prompt)
    return body
