"""What Kling's creates may say, as its protocol has it (the design with `model_name`)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Final

from rushes.testing.simulators.jobs import Fields

KINDS: Final = frozenset({"text2video", "image2video"})
PROMPT_CHARACTERS_MAX: Final = 2500
CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "mode": frozenset({"std", "pro", "4k"}),
    "sound": frozenset({"on", "off"}),
    "aspect_ratio": frozenset({"16:9", "9:16", "1:1"}),
}
SECONDS_OF_OLD: Final = frozenset({"5", "10"})
SECONDS_OF_NEW: Final = frozenset(map(str, range(3, 16)))
GENERATION: Final = re.compile(r"kling-v(\d)(?:-(\d))?(?:-turbo|-master)?")


def objection(fields: Fields, kind: str, models: Collection[str]) -> tuple[int, str] | None:
    """Say with which code and sentence a create is refused; None where it is not."""
    model = fields.get("model_name", "kling-v1")
    if not isinstance(model, str) or (models and model not in models):
        return 1203, "model is not supported"
    sentence = _wrong_words(fields) or _wrong_settings(fields, model)
    if not sentence and kind == "image2video":
        sentence = _wrong_images(fields)
    return (1201, sentence) if sentence else None


def _wrong_words(fields: Fields) -> str:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        return "prompt is empty"
    for text in (prompt, fields.get("negative_prompt", "")):
        if not isinstance(text, str) or len(text) > PROMPT_CHARACTERS_MAX:
            return "prompt is too long"
    return ""


def _wrong_settings(fields: Fields, model: str) -> str:
    for name, allowed in CHOICES.items():
        if name in fields and fields[name] not in allowed:
            return f"{name} value '{fields[name]}' is invalid"
    found = GENERATION.fullmatch(model)
    generation = (int(found[1]), int(found[2] or 0)) if found else (9, 9)
    seconds = SECONDS_OF_OLD if generation < (3, 0) else SECONDS_OF_NEW
    if fields.get("duration", "5") not in seconds:  # a number is no text
        return f"duration value '{fields['duration']}' is invalid"
    if "sound" in fields and generation < (2, 6):
        return "sound is not supported by the current model"
    if fields.get("sound") == "on" and generation == (2, 6) and fields.get("mode") != "pro":
        return "sound is not supported in the current mode"
    if "cfg_scale" in fields and generation >= (2, 0):
        return "cfg_scale is not supported by the current model"
    return ""


def _wrong_images(fields: Fields) -> str:
    images = [fields[name] for name in ("image", "image_tail") if name in fields]
    if not images:
        return "image and image_tail can not both be empty"
    return "" if all(_is_image(image) for image in images) else "image is invalid"


def _is_image(image: object) -> bool:
    if not isinstance(image, str) or not image:
        return False
    if image.startswith(("http://", "https://")):
        return True
    try:
        return bool(base64.b64decode(image, validate=True))
    except binascii.Error:  # as a data URI is no base64
        return False
