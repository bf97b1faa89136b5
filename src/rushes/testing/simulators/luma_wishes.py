"""What a create may say to Luma, as its OpenAPI and its page on errors have it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from rushes.testing.simulators.jobs import Fields

MODELS: Final = frozenset({"ray-1-6", "ray-2", "ray-flash-2"})
CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "generation_type": frozenset({"video"}),
    "aspect_ratio": frozenset({"1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"}),
    "resolution": frozenset({"540p", "720p", "1080p", "4k"}),
    "duration": frozenset({"5s", "9s"}),
    "loop": frozenset({True, False}),
}
PROMPT_CHARACTERS: Final = (3, 5000)
PLACES: Final = frozenset({"frame0", "frame1"})


def objection(fields: Fields, done: Collection[str]) -> str:
    """Say why a create is refused; empty where it is not. `done` are films that are there."""
    if fields.get("model") not in MODELS:
        return "Invalid model"
    for name, allowed in CHOICES.items():
        if name in fields and fields[name] not in allowed:
            return f"Invalid {name}"
    return _wrong_frames(fields, done) or _wrong_prompt(fields) or _wrong_concepts(fields)


def _wrong_prompt(fields: Fields) -> str:
    prompt = fields.get("prompt")
    if prompt is None and fields.get("keyframes"):
        return ""
    if not isinstance(prompt, str) or not prompt:
        return "Prompt is required"
    least, most = PROMPT_CHARACTERS
    if len(prompt) < least:
        return f"Prompt is too short, minimum length is {least} characters"
    return f"Prompt is too long, maximum length is {most} characters" if len(prompt) > most else ""


def _wrong_frames(fields: Fields, done: Collection[str]) -> str:
    if "keyframes" not in fields:
        return ""
    frames = fields["keyframes"]
    if not isinstance(frames, dict) or not frames or frames.keys() - PLACES:
        return "No keyframes provided"
    if not all(_is_frame(frame, done) for frame in frames.values()):
        return "Unknown request type"
    if fields.get("loop") is True and "frame1" in frames:
        is_both = "frame0" in frames
        return f"Loop is not supported for {'keyframes' if is_both else 'end frame'}"
    return ""


def _is_frame(frame: object, done: Collection[str]) -> bool:
    match frame:
        case {"type": "image", "url": str(url)}:  # a data URI is no address of a picture's
            return url.startswith(("https://", "http://"))
        case {"type": "generation", "id": str(name)}:
            return name in done
    return False


def _wrong_concepts(fields: Fields) -> str:
    concepts = fields.get("concepts", [])
    if not isinstance(concepts, list):
        return "Invalid concepts"
    is_keyed = all(isinstance(one, dict) and isinstance(one.get("key"), str) for one in concepts)
    return "" if is_keyed else "Invalid concepts"
