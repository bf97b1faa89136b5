"""What Vidu's creates may say, as its pages on the four ways to make a film have it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from rushes.testing.simulators.jobs import Fields

PROMPT_CHARACTERS_MAX: Final = 5000
PAYLOAD_CHARACTERS_MAX: Final = 2**20
IMAGES: Final[Mapping[str, range]] = {
    "text2video": range(1),
    "img2video": range(1, 2),
    "start-end2video": range(2, 3),
    "reference2video": range(1, 8),
}
"""The ways to make a film, and how many pictures each takes."""

RATIOS: Final = frozenset({"16:9", "9:16", "3:4", "4:3", "1:1"})
FLAGS: Final = ("audio", "watermark", "off_peak", "bgm", "is_rec")
CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "aspect_ratio": RATIOS,
    "movement_amplitude": frozenset({"auto", "small", "medium", "large"}),
    "style": frozenset({"general", "anime"}),
    "wm_position": frozenset({1, 2, 3, 4}),
}
SIZES: Final = frozenset({"540p", "720p", "1080p"})


@dataclass(frozen=True, slots=True)
class Model:
    """What a model makes, and how long."""

    kinds: frozenset[str]
    seconds: range = range(1, 17)
    sizes: frozenset[str] = SIZES


_FRAMES: Final = frozenset({"img2video", "start-end2video"})
_REFERENCES: Final = frozenset({"reference2video"})
MODELS: Final[Mapping[str, Model]] = {
    "viduq3-pro": Model(_FRAMES | {"text2video"}),
    "viduq3-turbo": Model(frozenset(IMAGES)),
    "viduq3": Model(_REFERENCES, range(3, 17)),
    "viduq3-mix": Model(_REFERENCES, range(3, 17), SIZES - {"540p"}),
    "viduq2": Model(_REFERENCES | {"text2video"}, range(1, 11)),
    "viduq2-pro": Model(_FRAMES, range(1, 11)),
    "viduq2-turbo": Model(_FRAMES, range(1, 11)),
    "viduq1": Model(frozenset(IMAGES), range(5, 6), frozenset({"1080p"})),
    "vidu2.0": Model(_FRAMES | _REFERENCES, range(4, 9, 4), frozenset({"360p", "720p", "1080p"})),
}


def objection(fields: Fields, kind: str, gone: Collection[str] = ()) -> tuple[str, str] | None:
    """Say with which word and sentence a create is refused; None where it is not."""
    name = fields.get("model")
    if not isinstance(name, str) or not name:
        return "FieldLacking", "field is missing or empty: model"
    model = MODELS.get(name)
    if model is None or name in gone or kind not in model.kinds:
        return "ModelUnavailable", "model unavailable"
    lacking = _lacking(fields, kind)
    if lacking:
        return "FieldLacking", f"field is missing or empty: {lacking}"
    unwanted = _unwanted(fields, kind, name)
    if unwanted:
        return "FieldUnwanted", f"unwanted field: {unwanted}"
    invalid = _invalid(fields, model) or _invalid_images(fields, kind)
    return ("FieldInvalid", f"invalid field: {invalid}") if invalid else None


def _lacking(fields: Fields, kind: str) -> str:
    if kind not in _FRAMES and not fields.get("prompt"):
        return "prompt"
    return "images" if IMAGES[kind].start and not fields.get("images") else ""


def _unwanted(fields: Fields, kind: str, model: str) -> str:
    if kind in _FRAMES and "aspect_ratio" in fields:
        return "aspect_ratio"
    if kind == "text2video" and "images" in fields:
        return "images"
    speaks = model.startswith("viduq3") or (model.startswith("viduq2") and kind == "img2video")
    return "audio" if "audio" in fields and not speaks else ""


def _invalid(fields: Fields, model: Model) -> str:
    for name, most in (("prompt", PROMPT_CHARACTERS_MAX), ("payload", PAYLOAD_CHARACTERS_MAX)):
        text = fields.get(name, "")
        if not isinstance(text, str) or len(text) > most:
            return name
    for name, allowed in CHOICES.items():
        if name in fields and fields[name] not in allowed:
            return name
    for name in FLAGS:
        if not isinstance(fields.get(name, False), bool):
            return name
    seconds, seed = fields.get("duration", model.seconds.start), fields.get("seed", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds not in model.seconds:
        return "duration"
    if isinstance(seed, bool) or not isinstance(seed, int):
        return "seed"
    return "" if fields.get("resolution", "720p") in model.sizes else "resolution"


def _invalid_images(fields: Fields, kind: str) -> str:
    images = fields.get("images", [])
    if not isinstance(images, list) or len(images) not in IMAGES[kind]:
        return "images"
    return "" if all(_is_image(image) for image in images) else "images"


def _is_image(image: object) -> bool:
    if not isinstance(image, str):
        return False
    if image.startswith(("http://", "https://")):
        return True
    kind, _, content = image.partition(";base64,")
    try:
        return kind.startswith("data:image/") and bool(base64.b64decode(content, validate=True))
    except binascii.Error:
        return False
