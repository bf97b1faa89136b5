"""A spec in the words of Grok Imagine: what stands against it, and the body of its create.

Facts (SDK: xai-sdk 1.21.0, the message GenerateVideoRequest and its documentation; DOC, CODE: see
`xai.py`): images are {"url"}, an address or a data URI; a film from references, and one with a
last frame is such a one, is 720p at most; at most seven references; a last frame is of 1.5 alone.
Without aspect_ratio a first frame gives its own. That REST has `last_frame` is CODE; that it has
`generate_audio` as the message does is not verified. There is no seed, no negative prompt and no
watermark to ask for. A prompt may be left out beside a picture, says the SDK, but such jobs were
seen to end in errors: it is asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable, wrong_frames, wrong_mode, wrong_references

FRAMES: Final[Mapping[Mode, Sequence[Role]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
MODES: Final = frozenset({*FRAMES, Mode.REFERENCE_TO_VIDEO})
REFERENCES_MAX: Final = 7
RATIOS: Final = frozenset({"1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"})
ADAPTIVE: Final = "adaptive"
FALLBACK_RATIO: Final = "16:9"
RESOLUTIONS: Final = frozenset({"480p", "720p", "1080p"})
GUIDED: Final = frozenset({Mode.FIRST_LAST_FRAME, Mode.REFERENCE_TO_VIDEO})
TOO_FINE: Final = "1080p"

OWN: Final = frozenset(
    {
        "model",
        "prompt",
        "image",
        "image_url",
        "last_frame",
        "keyframes",
        "video",
        "video_url",
        "reference_images",
        "reference_audios",
        "duration",
        "aspect_ratio",
        "resolution",
        "generate_audio",
        "output",
        "storage_options",
    }
)
"""What a spec decides, also by leaving it out, and where a film shall lie: no caller says it."""


def objection(spec: Spec) -> str:
    """Say why xAI cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, MODES):
        return sentence
    if not spec.prompt:
        return "The provider needs a prompt."
    if spec.resolution not in RESOLUTIONS or spec.ratio not in RATIOS | {None, ADAPTIVE}:
        return f"The provider makes no film of {spec.size}."
    if spec.mode in GUIDED and spec.resolution == TOO_FINE:
        return f"The provider makes the mode {spec.mode} in 720p at most."
    return _wrong_pictures(spec)


def _wrong_pictures(spec: Spec) -> str:
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        return wrong_references(spec, REFERENCES_MAX)
    return wrong_frames(spec, FRAMES[spec.mode])


def told(spec: Spec, upstream_model: str, pictures: Sequence[str] = ()) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of xAI.

    `pictures` are data URIs, one for each asset.
    """
    body: dict[str, object] = {
        **{key: said for key, said in spec.passthrough.items() if key not in OWN},
        "model": upstream_model,
        "prompt": sendable(spec.prompt),
        "resolution": spec.resolution,
        "generate_audio": spec.with_audio,
    }
    if spec.seconds != SECONDS_BY_PROVIDER:
        body["duration"] = spec.seconds
    if spec.ratio in RATIOS:
        body["aspect_ratio"] = spec.ratio
    elif spec.mode not in FRAMES or not FRAMES[spec.mode]:  # nothing to take it from
        body["aspect_ratio"] = FALLBACK_RATIO
    references: list[dict[str, str]] = []
    for asset, picture in zip(spec.assets, pictures, strict=True):
        match asset.role:
            case Role.FIRST_FRAME:
                body["image"] = {"url": picture}
            case Role.LAST_FRAME:
                body["last_frame"] = {"url": picture}
            case _:
                references.append({"url": picture})
    if references:
        body["reference_images"] = references
    return body
