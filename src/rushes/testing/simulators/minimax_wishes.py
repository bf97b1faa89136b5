"""What a create may ask of MiniMax's models, by its reference; what it may not is 2013."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply
from rushes.testing.simulators.jobs import Fields, said
from rushes.testing.simulators.minimax_errors import refusal

PROMPT_CHARACTERS_MAX: Final = 2000
IMAGES: Final = ("http://", "https://", "data:image/")
KNOWN: Final = frozenset(
    {
        "model", "prompt", "prompt_optimizer", "fast_pretreatment", "duration", "resolution",
        "first_frame_image", "last_frame_image", "subject_reference", "callback_url",
        "aigc_watermark",
    }
)  # fmt: skip
HAILUO: Final = frozenset({"MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-Hailuo-02"})
FROM_WORDS: Final = frozenset({"T2V-01", "T2V-01-Director"})
FROM_FRAMES: Final = frozenset(
    {"MiniMax-Hailuo-2.3-Fast", "I2V-01", "I2V-01-Director", "I2V-01-live"}
)
FROM_SUBJECTS: Final = frozenset({"S2V-01"})
WITH_LAST_FRAME: Final = frozenset({"MiniMax-Hailuo-02"})
MODELS: Final = HAILUO | FROM_WORDS | FROM_FRAMES | FROM_SUBJECTS


def objection(fields: Fields) -> Reply | None:
    """Check a create as MiniMax would; return the refusal, if it is one."""
    sentence = _wrong_model(fields) or _wrong_input(fields) or _wrong_film(fields)
    return refusal(2013, f"invalid params, {sentence}") if sentence else None


def _wrong_model(fields: Fields) -> str:
    model = fields.get("model")
    if model not in MODELS:
        return f"unknown model {model!r}"
    strange = sorted(set(fields) - KNOWN)  # the real one may pass over it: a test should not
    return f"unknown field {strange[0]}" if strange else ""


def _wrong_input(fields: Fields) -> str:
    model, prompt = str(fields["model"]), fields.get("prompt", "")
    first, last = (fields.get(f"{name}_frame_image") for name in ("first", "last"))
    if not isinstance(prompt, str) or len(prompt) > PROMPT_CHARACTERS_MAX:
        return "prompt is too long"
    if any(image is not None and not _is_image(image) for image in (first, last)):
        return "image is neither a URL nor a data URI"
    if last is not None and (model not in WITH_LAST_FRAME or first is None):
        return "last_frame_image is not taken"
    if first is not None and model in FROM_WORDS | FROM_SUBJECTS:
        return "first_frame_image is not taken"
    if (first is None) and (model in FROM_FRAMES):
        return "first_frame_image is required"
    if (model in FROM_SUBJECTS) != ("subject_reference" in fields):
        return "subject_reference is for S2V-01"
    if model in FROM_SUBJECTS and not _is_subject(fields["subject_reference"]):
        return "subject_reference is malformed"
    return "" if prompt or first is not None else "prompt is required"


def _is_image(value: object) -> bool:
    return isinstance(value, str) and value.startswith(IMAGES)


def _is_subject(value: object) -> bool:
    match value:
        case [{"type": "character", "image": [image]}]:
            return _is_image(image)
        case _:
            return False


def _wrong_film(fields: Fields) -> str:
    resolution, duration = said(fields, "resolution"), fields.get("duration", 6)
    sizes = _sizes(fields)
    if resolution and resolution not in sizes:
        return f"resolution must be one of {', '.join(sizes)}"
    if duration not in sizes.get(resolution, (6, 10)):
        return "duration does not fit"
    if said(fields, "callback_url"):
        return "fail to check callback url"  # nobody here sends a challenge
    booleans = (fields.get(name, False) for name in ("prompt_optimizer", "aigc_watermark"))
    return "" if all(isinstance(value, bool) for value in booleans) else "a boolean is none"


def _sizes(fields: Fields) -> Mapping[str, tuple[int, ...]]:
    """Return the lengths of each size of film."""
    if fields["model"] not in HAILUO:
        return {"720P": (6,)}
    sizes = {"768P": (6, 10), "1080P": (6,)}
    has_only_first = "first_frame_image" in fields and "last_frame_image" not in fields
    is_small = fields["model"] == "MiniMax-Hailuo-02" and has_only_first
    return {"512P": (6, 10), **sizes} if is_small else sizes
