"""What Ark objects to in a create, and what it makes of the settings that were left out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from rushes.testing.simulators.ark_errors import REPLIES, error
from rushes.testing.simulators.host import Reply
from rushes.testing.simulators.jobs import Fields

EXPIRES_AFTER_S: Final = 172_800
SECONDS: Final = 5
SEED_MAX: Final = 2**32 - 1
IMAGES_MAX: Final = 9
CLIPS_MAX: Final = 3
PIXELS: Final[Mapping[str, int]] = {
    "480p": 854 * 480,
    "720p": 1280 * 720,
    "1080p": 1920 * 1080,
    "4k": 3840 * 2160,
}
RATIOS: Final = frozenset({"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"})
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "image_url": frozenset({"first_frame", "last_frame", "reference_image"}),
    "video_url": frozenset({"reference_video"}),
    "audio_url": frozenset({"reference_audio"}),
}
FRAMES: Final = ROLES["image_url"] - {"reference_image"}
TAKEN: Final[Mapping[str, re.Pattern[str]]] = {
    "image_url": re.compile(r"https?://\S+|data:image/[a-z]+;base64,[\w+/=]+|asset://\S+"),
    "video_url": re.compile(r"https?://\S+|asset://\S+"),
    "audio_url": re.compile(r"https?://\S+|data:audio/(?:wav|mp3);base64,[\w+/=]+|asset://\S+"),
}


def parts_of(fields: Fields) -> Sequence[Mapping[str, object]]:
    """Return the parts of a create's content."""
    content = fields.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def text_of(fields: Fields) -> str:
    """Return the text of a create, its prompt."""
    texts = [part.get("text") for part in parts_of(fields) if part.get("type") == "text"]
    return next((text for text in texts if isinstance(text, str)), "")


def whole(fields: Fields, name: str, default: int) -> int:
    """Return a whole number of a create; null is as good as nothing."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def objection(fields: Fields, models: Collection[str]) -> Reply | None:
    """Check a create as Ark's page does; None where it is well."""
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        return missing("model")
    if models and model not in models:
        return REPLIES["model_retired"]
    if not parts_of(fields):
        return missing("content")
    return _bad_content(fields) or _bad_settings(fields, model)


def missing(param: str) -> Reply:
    """Say that something is missing."""
    return error(400, "MissingParameter", f"The parameter {param} is missing.", param=param)


def invalid(param: str, why: str = "") -> Reply:
    """Say that something is wrong."""
    sentence = f"The parameter {param} specified in the request is not valid. {why}"
    return error(400, "InvalidParameter", sentence.strip(), param=param)


def _bad_content(fields: Fields) -> Reply | None:
    roles: list[str] = []
    for part in parts_of(fields):
        kind = part.get("type")
        if kind in {"text", "draft_task"}:
            continue
        link = part.get(str(kind))
        url = link.get("url") if isinstance(link, dict) else None
        if kind not in ROLES or not isinstance(url, str) or not TAKEN[str(kind)].fullmatch(url):
            return invalid("content")
        role = part.get("role") or "first_frame"
        if role not in ROLES[str(kind)]:
            return invalid("content.role")
        roles.append(str(role))
    if not roles:
        return None if text_of(fields) else missing("content.text")
    if FRAMES & set(roles):
        is_fine = sorted(roles) in (["first_frame"], ["first_frame", "last_frame"])
        return None if is_fine else invalid("content", "Frames stand alone.")
    if set(roles) == {"reference_audio"}:
        return invalid("content", "Audio stands beside an image or a video.")
    clips = max(roles.count("reference_video"), roles.count("reference_audio"))
    is_many = roles.count("reference_image") > IMAGES_MAX or clips > CLIPS_MAX
    return invalid("content", "Too many references.") if is_many else None


def _bad_settings(fields: Fields, model: str) -> Reply | None:
    given = {name: value for name, value in fields.items() if value is not None}
    has_frame = any(part.get("role") in FRAMES for part in parts_of(fields))
    wants = {
        "resolution": given.get("resolution", "720p") in PIXELS,
        "ratio": given.get("ratio", "16:9") in RATIOS,
        "duration": _is_whole(given.get("duration", SECONDS), 2, 30) or given["duration"] == -1,
        "seed": _is_whole(given.get("seed", -1), -1, SEED_MAX),
        "service_tier": given.get("service_tier", "default") in {"default", "flex"},
        "execution_expires_after": _is_whole(
            given.get("execution_expires_after", EXPIRES_AFTER_S), 3600, 259_200
        ),
        "safety_identifier": len(str(given.get("safety_identifier", ""))) <= 64,
    }
    for name in ("generate_audio", "watermark", "camera_fixed", "return_last_frame", "draft"):
        wants[name] = isinstance(given.get(name, False), bool)
    wrong = next((name for name, is_fine in wants.items() if not is_fine), None)
    if wrong is not None:
        return invalid(wrong)
    is_second = "seedance-2" in model
    if is_second and "camera_fixed" in given:
        return invalid("camera_fixed", "It must be empty for the model.")
    if "seedance-2-0" in model and given.get("service_tier") == "flex":
        return invalid("service_tier")
    if "seedance-1-0" in model and "generate_audio" in given:
        return invalid("generate_audio", "It must be empty for the model.")
    if "seedance-2-5" in model and has_frame and given.get("ratio", "adaptive") != "adaptive":
        why = "The output ratio follows the first-frame image."
        return error(400, "InvalidParameter.TaskTypeConstraint", why, param="ratio")
    return None


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
