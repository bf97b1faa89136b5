"""What a create may ask of Grok Imagine, as its documentation has it.

Which of the models makes what is from the documentation of xai-sdk 1.21.0 and from third parties:
a last frame and 1080p are of `grok-imagine-video-1.5` alone. Any other name is held to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from rushes.testing.simulators.jobs import Fields

CLASSIC: Final = "grok-imagine-video"
LITE: Final = "grok-imagine-video-1.5-lite"
CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "aspect_ratio": frozenset({"1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"}),
    "resolution": frozenset({"480p", "720p", "1080p"}),
}
SECONDS_MAX: Final = 15
REFERENCES_MAX: Final = 7


def objection(fields: Fields, models: Collection[str] = ()) -> str:
    """Say with which sentence a create is refused; empty where it is not."""
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        return "Missing required field: model."
    if models and model not in models:
        return f"The model {model} does not exist or your team 7d3f does not have access to it."
    if not isinstance(fields.get("prompt"), str) or not fields["prompt"]:
        return "Missing required field: prompt."
    return _wrong_settings(fields, model) or _wrong_pictures(fields, model)


def _wrong_settings(fields: Fields, model: str) -> str:
    for name, allowed in CHOICES.items():
        if name in fields and fields[name] not in allowed:
            return f"Invalid value for {name}: {fields[name]}."
    seconds = fields.get("duration", 8)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        return "duration must be an integer."
    if not 1 <= seconds <= SECONDS_MAX:
        return f"Duration {seconds}s exceeds the maximum allowed of {SECONDS_MAX}s."
    if not isinstance(fields.get("generate_audio", True), bool):
        return "generate_audio must be a boolean."
    if fields.get("resolution") == "1080p" and model in {CLASSIC, LITE}:
        return f"Resolution 1080p is not supported by {model}."
    return ""


def _wrong_pictures(fields: Fields, model: str) -> str:
    frames = [fields[name] for name in ("image", "last_frame") if name in fields]
    references = fields.get("reference_images", [])
    if not isinstance(references, list) or len(references) > REFERENCES_MAX:
        return f"A maximum of {REFERENCES_MAX} reference images can be provided."
    if not all(_is_image(image) for image in [*frames, *references]):
        return "Invalid image: url must be an address or a base64 data URI."
    if "last_frame" in fields and model in {CLASSIC, LITE}:
        return f"last_frame is not supported by {model}."
    if "image" in fields and references and model == CLASSIC:
        return "image cannot be combined with reference inputs."
    if fields.get("resolution") == "1080p" and (references or "last_frame" in fields):
        return "Reference-to-video is capped at 720p."
    return ""


def _is_image(image: object) -> bool:
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str):
        return False
    return url.startswith(("http://", "https://")) or (
        url.startswith("data:image/") and ";base64," in url
    )
