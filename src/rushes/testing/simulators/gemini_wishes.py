"""What a create of an omni interaction may say, as its protocol has it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final

from rushes.testing.simulators.jobs import Fields

CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "aspect_ratio": frozenset({"16:9", "9:16"}),
    "resolution": frozenset({"360p", "720p", "1080p", "4k"}),
    "delivery": frozenset({"inline", "uri"}),
    "duration": frozenset(f"{seconds}s" for seconds in range(3, 16)),
}
TASKS: Final = frozenset(
    {"text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale"}
)
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/webp"})
IMAGES_MAX: Final = 10
SEED_MAX: Final = 2**31 - 1


def parts_of(fields: Fields) -> Iterator[Mapping[str, object]]:
    """Return the parts of an input: one of them, a list, a text, or the content of steps."""
    given = fields.get("input")
    for part in given if isinstance(given, list) else [given]:
        if isinstance(part, str):
            yield {"type": "text", "text": part}
        elif isinstance(part, dict) and part.get("type") == "user_input":
            yield from parts_of({"input": part.get("content")})
        elif isinstance(part, dict):
            yield part


def prompt_of(fields: Fields) -> str:
    """Return all that an input says in words."""
    said = (part.get("text") for part in parts_of(fields) if part.get("type") == "text")
    return " ".join(text for text in said if isinstance(text, str))


def format_of(fields: Fields) -> Mapping[str, object]:
    """Return the response format of a create, or nothing."""
    wanted = fields.get("response_format")
    first = wanted[0] if isinstance(wanted, list) and wanted else wanted
    return first if isinstance(first, dict) else {}


def objection(fields: Fields) -> str:
    """Say why a create is refused; empty where it is not."""
    if not isinstance(fields.get("model"), str):
        return "There is no model."
    if not prompt_of(fields) and not any(part.get("type") == "image" for part in parts_of(fields)):
        return "The input is empty."
    images = [part for part in parts_of(fields) if part.get("type") == "image"]
    if len(images) > IMAGES_MAX or not all(_is_image(image) for image in images):
        return "An image has data or a uri, and a mime_type; there are at most ten."
    wanted = format_of(fields)
    if wanted.get("type") != "video":
        return "The model makes videos."
    for name, allowed in CHOICES.items():
        if name in wanted and wanted[name] not in allowed:
            return f"Unsupported value of {name}."
    return _wrong_config(fields.get("generation_config", {}), len(images))


def _wrong_config(config: object, images: int) -> str:
    if not isinstance(config, dict):
        return "The generation_config is no object."
    seed = config.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= SEED_MAX:
        return "The seed is a number of 32 bits."
    task = (config.get("video_config") or {}).get("task", "text_to_video")
    if task not in TASKS:
        return "There is no such task."
    if task in {"image_to_video", "reference_to_video"} and not images:
        return f"The task {task} needs an image."
    return ""


def _is_image(image: Mapping[str, object]) -> bool:
    if image.get("mime_type") not in IMAGES:
        return False
    if "uri" in image:
        return bool(image["uri"])
    try:
        return bool(base64.b64decode(str(image.get("data", "")), validate=True))
    except binascii.Error:
        return False
