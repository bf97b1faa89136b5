"""A spec in MiniMax's words: which model makes it, what stands against it, the body of a create.

Source of the table: MiniMax's own programs minimax-mcp 0.0.19 and mmx-cli 1.0 (SDK), copies of
its reference of POST /v1/video_generation and other clients (3P); nothing was tried live. A model
that is not known is refused: what MiniMax does not know of a body it may pass over, and a film
that was not asked for costs as much.

- MiniMax has 512P, 768P and 1080P, and no field for a ratio: a film has the shape of its first
  frame, and is 16:9 without one. Our 480p, 720p and 1080p are told as these; what a film
  measures is 1366x768 for 768P.                                                           3P
- lengths are 6 and 10 seconds, in 1080P only 6; 512P is for a first frame, with Hailuo-02.  3P
- the models of 01 make 720P of 6 seconds, and are told neither.                           3P
- no model of these makes sound, or takes a seed or a negative prompt.                     3P
- a prompt has up to 2000 characters, and its own words for cameras: [Pan left].           SDK
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable

PROMPT_CHARACTERS_MAX: Final = 2000
ADAPTIVE: Final = "adaptive"
WIDE: Final = "16:9"

RESOLUTIONS: Final[Mapping[str, str]] = {"480p": "512P", "720p": "768P", "1080p": "1080P"}
"""The rungs of our grid, and what MiniMax has in their place."""

ROLES: Final[Mapping[Mode, tuple[Role, ...]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
    Mode.REFERENCE_TO_VIDEO: (Role.REFERENCE_IMAGE,),
}
MODES: Final = frozenset(ROLES)
FRAMES: Final[Mapping[Role, str]] = {
    Role.FIRST_FRAME: "first_frame_image",
    Role.LAST_FRAME: "last_frame_image",
}
OPTIONS: Final[Mapping[str, str]] = {"prompt_extend": "prompt_optimizer"}
"""Our options by MiniMax's names."""

Lengths = Mapping[str, frozenset[int]]
"""The seconds that a film of each of our resolutions may have."""

_BOTH: Final = frozenset({6, 10})
_SIX: Final = frozenset({6})
_HAILUO: Final[Lengths] = {"720p": _BOTH, "1080p": _SIX}
_OF_01: Final[Lengths] = {"720p": _SIX}


@dataclass(frozen=True, slots=True)
class Model:
    """What one model makes. Of a `fixed` one size and length are not told."""

    modes: Mapping[Mode, Lengths]
    is_fixed: bool = False


def _of_01(*modes: Mode) -> Model:
    return Model(dict.fromkeys(modes, _OF_01), is_fixed=True)


MODELS: Final[Mapping[str, Model]] = {
    "MiniMax-Hailuo-2.3": Model(
        {Mode.TEXT_TO_VIDEO: _HAILUO, Mode.IMAGE_TO_VIDEO: _HAILUO},
    ),
    "MiniMax-Hailuo-2.3-Fast": Model({Mode.IMAGE_TO_VIDEO: _HAILUO}),
    "MiniMax-Hailuo-02": Model(
        {
            Mode.TEXT_TO_VIDEO: _HAILUO,
            Mode.IMAGE_TO_VIDEO: {"480p": _BOTH, **_HAILUO},
            Mode.FIRST_LAST_FRAME: _HAILUO,
        }
    ),
    "T2V-01": _of_01(Mode.TEXT_TO_VIDEO),
    "T2V-01-Director": _of_01(Mode.TEXT_TO_VIDEO),
    "I2V-01": _of_01(Mode.IMAGE_TO_VIDEO),
    "I2V-01-Director": _of_01(Mode.IMAGE_TO_VIDEO),
    "I2V-01-live": _of_01(Mode.IMAGE_TO_VIDEO),
    "S2V-01": _of_01(Mode.REFERENCE_TO_VIDEO),
}
"""By the name that stands in a route."""


def objection(spec: Spec, upstream_model: str) -> str:
    """Say why MiniMax cannot make this; empty where it can."""
    model = MODELS.get(upstream_model)
    if spec.mode not in MODES:
        return f"The provider does not offer the mode {spec.mode}."
    if model is None:
        return "The provider does not know the words of this model."
    lengths = model.modes.get(spec.mode)
    if lengths is None:
        return f"The provider does not offer the mode {spec.mode} for this model."
    return _wrong_input(spec) or _wrong_film(spec, lengths)


def _wrong_input(spec: Spec) -> str:
    wanted = ROLES[spec.mode]
    if sorted(asset.role for asset in spec.assets) != sorted(wanted):
        nouns = " and ".join(f"one {role.replace('_', ' ')}" for role in wanted)
        return f"The provider makes the mode {spec.mode} from {nouns or 'a prompt alone'}."
    if not spec.prompt and spec.mode in {Mode.TEXT_TO_VIDEO, Mode.REFERENCE_TO_VIDEO}:
        return "The provider needs a prompt."
    if len(spec.prompt) > PROMPT_CHARACTERS_MAX:
        return f"The provider takes a prompt of up to {PROMPT_CHARACTERS_MAX} characters."
    return ""


def _wrong_film(spec: Spec, lengths: Lengths) -> str:
    seconds = lengths.get(spec.resolution or "")
    if seconds is None or not _has_shape(spec):
        return f"The provider makes no film of {spec.size} in the mode {spec.mode}."
    if spec.seconds not in {*seconds, SECONDS_BY_PROVIDER}:
        return f"The provider makes no film of {spec.seconds} seconds in {spec.resolution}."
    if spec.with_audio:
        return "The provider makes no sound."
    strange = next((name for name in spec.options if name not in OPTIONS), None)
    return f"The provider knows no {strange} for this model." if strange else ""


def _has_shape(spec: Spec) -> bool:
    """Say whether a film has the ratio that was asked for; with a frame it has the frame's."""
    follows = Role.FIRST_FRAME in ROLES[spec.mode]
    return follows or spec.ratio in {None, ADAPTIVE, WIDE}


def told(spec: Spec, upstream_model: str, media: Sequence[str]) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of a create.

    `media` are links, one for each asset in order. A seed and a negative prompt, for which there
    are no fields, are left out.
    """
    body: dict[str, object] = {"model": upstream_model}
    if spec.prompt:  # half a surrogate has no bytes
        body["prompt"] = sendable(spec.prompt)
    for asset, link in zip(spec.assets, media, strict=True):
        if asset.role is Role.REFERENCE_IMAGE:
            body["subject_reference"] = [{"type": "character", "image": [link]}]
        else:
            body[FRAMES[asset.role]] = link
    if not MODELS[upstream_model].is_fixed:
        body["resolution"] = RESOLUTIONS[spec.resolution or ""]
        if spec.seconds != SECONDS_BY_PROVIDER:
            body["duration"] = spec.seconds
    if spec.with_watermark:
        body["aigc_watermark"] = True
    for name, value in spec.options.items():
        body[OPTIONS[name]] = value
    return body
