"""A spec in the words of Vidu: what stands against it, and the body of its create.

Facts are from Vidu's own pages on text to video, image to video, start and end to video and
reference to video, of 2025 and 2026, and copies of them, read 2026-11 (DOC): `images` holds data
URIs or links, the start before the end, at most seven references; only words and references have
an `aspect_ratio`; seed 0 is a random one. Q3 makes sound unless it is told not to. Q2 makes it
from a first frame alone (and from subjects, which are not spoken here), the ones before it never.
4:3 and 3:4 are Q2's and Q3's. How much a later generation can is not known, and let through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers._vidu_hints import payload_of
from rushes.providers.orders import sendable, wrong_frames, wrong_mode

KINDS: Final[Mapping[Mode, str]] = {
    Mode.TEXT_TO_VIDEO: "text2video",
    Mode.IMAGE_TO_VIDEO: "img2video",
    Mode.FIRST_LAST_FRAME: "start-end2video",
    Mode.REFERENCE_TO_VIDEO: "reference2video",
}
"""What a film is made from, and where it is asked for."""

FRAMES: Final[Mapping[Mode, Sequence[Role]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
"""The frames of a mode, in the order in which Vidu takes them."""

WORDED: Final = frozenset({Mode.TEXT_TO_VIDEO, Mode.REFERENCE_TO_VIDEO})
"""Modes that need a prompt, and take a ratio: any other has the picture's."""

REFERENCES_MAX: Final = 7
RESOLUTIONS: Final = frozenset({"720p", "1080p"})
"""Those that the house has a name for, too; Vidu's 360p and 540p it has none for."""

RATIOS: Final = frozenset({"16:9", "9:16", "1:1", "4:3", "3:4"})
OLD_RATIOS: Final = frozenset({"16:9", "9:16", "1:1"})
ADAPTIVE: Final = "adaptive"

OWN: Final = frozenset(
    {
        "model",
        "prompt",
        "images",
        "subjects",
        "videos",
        "duration",
        "seed",
        "aspect_ratio",
        "resolution",
        "audio",
        "watermark",
        "off_peak",
        "payload",
        "callback_url",
        "is_rec",
        "moderation",
    }
)
"""What a spec, a setting or the house decides, also by leaving it out: no caller says it.

`is_rec` would put a prompt of Vidu's own in the place of the one that was judged.
"""


Q2, Q3 = 2, 3
"""Generations, by the number in the names of models."""


def generation_of(*models: str) -> int | None:
    """Return the generation of a model, by the first of its names that tells: 0 is before Q1.

    >>> generation_of("viduq3-turbo"), generation_of("film", "vidu2.0"), generation_of("film")
    (3, 0, None)
    """
    for model in models:
        found = re.match(r"vidu(?:q(\d{1,2})(?!\d)|\d)", model)
        if found is not None:
            return int(found[1] or 0)
    return None


def has_sound(generation: int | None, mode: Mode) -> bool:
    """Say whether a model has a word for sound."""
    if generation is None or generation >= Q3:
        return True
    return generation == Q2 and mode is Mode.IMAGE_TO_VIDEO


def objection(spec: Spec, upstream_model: str) -> str:
    """Say why Vidu cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, KINDS):
        return sentence
    generation = generation_of(upstream_model, spec.model)
    return _wrong_inputs(spec) or _wrong_shape(spec, generation) or _wrong_sound(spec, generation)


def _wrong_inputs(spec: Spec) -> str:
    if not spec.prompt and spec.mode in WORDED:
        return "The provider needs a prompt."
    roles = [asset.role for asset in spec.assets]
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        if set(roles) != {Role.REFERENCE_IMAGE}:
            return "The provider takes images as references, and nothing else."
        if len(roles) > REFERENCES_MAX:
            return f"The provider takes at most {REFERENCES_MAX} references."
        return ""
    return wrong_frames(spec, FRAMES[spec.mode])


def _wrong_shape(spec: Spec, generation: int | None) -> str:
    if spec.resolution not in RESOLUTIONS:
        return f"The provider makes no film of {spec.size}."
    if spec.mode not in WORDED:
        if spec.ratio not in {None, ADAPTIVE}:
            return "The provider takes the ratio from the first frame: ask for none."
        return ""
    is_old = generation is not None and generation < Q2
    if spec.ratio not in (OLD_RATIOS if is_old else RATIOS):
        return f"The provider makes no film of {spec.size}."
    return ""


def _wrong_sound(spec: Spec, generation: int | None) -> str:
    if not spec.with_audio or has_sound(generation, spec.mode):
        return ""
    if has_sound(generation, Mode.IMAGE_TO_VIDEO):
        return "The model makes sound from a first frame alone."
    return "The model makes no sound."


@dataclass(frozen=True, slots=True)
class Order:
    """All that a create says beside the spec. `pictures` are data URIs, one for each asset."""

    upstream_model: str
    token: str
    pictures: Sequence[str] = ()
    callback_url: str | None = None
    is_off_peak: bool = False


def told(spec: Spec, order: Order) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of Vidu."""
    body: dict[str, object] = {
        **{key: said for key, said in spec.passthrough.items() if key not in OWN},
        "model": order.upstream_model,
        "resolution": spec.resolution,
        "seed": spec.seed,
        "payload": payload_of(order.token, order.callback_url),
    }
    if spec.prompt:
        body["prompt"] = sendable(spec.prompt)
    if spec.seconds != SECONDS_BY_PROVIDER:
        body["duration"] = spec.seconds
    if spec.mode in WORDED:
        body["aspect_ratio"] = spec.ratio
    if spec.assets:
        body["images"] = _in_order(spec, order.pictures)
    if has_sound(generation_of(order.upstream_model, spec.model), spec.mode):
        body["audio"] = spec.with_audio  # said even when false: left out, Q3 makes sound
    if spec.with_watermark:
        body["watermark"] = True
    if order.is_off_peak:
        body["off_peak"] = True
    if order.callback_url is not None:
        body["callback_url"] = order.callback_url
    return body


def _in_order(spec: Spec, pictures: Sequence[str]) -> list[str]:
    """Put pictures as Vidu takes them: a start before an end, references as they were given."""
    places = FRAMES.get(spec.mode, (Role.REFERENCE_IMAGE,))
    pairs = zip(spec.assets, pictures, strict=True)
    return [picture for _, picture in sorted(pairs, key=lambda pair: places.index(pair[0].role))]
