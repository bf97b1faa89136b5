"""What Replicate and its models object to in a create; by the OpenAPI page and the models' pages.

Of models that are not listed here only a prompt is wanted. What a model's input does not know is
left unread, as a model there does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from rushes.testing.simulators.host import Reply
from rushes.testing.simulators.jobs import Fields
from rushes.testing.simulators.replicate_errors import INVALID, REPLIES, invalid, problem

EVENTS: Final = frozenset({"start", "output", "logs", "completed"})
KEYS: Final = frozenset({"input", "version", "webhook", "webhook_events_filter", "stream"})
LINK: Final = re.compile(r"https?://\S+|data:image/[a-z]+;base64,[\w+/=]+")
VERSION: Final = re.compile(r"(?:[\w.-]+/[\w.-]+:)?[0-9a-f]{64}")
PICTURES: Final = ("image", "last_frame_image")
REFERENCES: Final = ("reference_images", "reference_videos", "reference_audios")
IMAGES_MAX: Final[Mapping[str, int]] = {"bytedance/seedance-1-lite": 4}
IMAGES_MAX_ELSE: Final = 9
CLIPS_MAX: Final = 3

_SEEDANCE: Final[Mapping[str, object]] = {
    "prompt": str,
    "image": LINK,
    "last_frame_image": LINK,
    "duration": range(2, 13),
    "resolution": ("480p", "720p", "1080p"),
    "aspect_ratio": ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"),
    "fps": (24,),
    "camera_fixed": bool,
    "seed": int,
}
_SEEDANCE_2: Final[Mapping[str, object]] = {
    **{name: kind for name, kind in _SEEDANCE.items() if name not in {"fps", "camera_fixed"}},
    **dict.fromkeys(REFERENCES, list),
    "duration": (-1, *range(4, 16)),
    "aspect_ratio": ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21", "adaptive"),
    "generate_audio": bool,
}
MODELS: Final[Mapping[str, Mapping[str, object]]] = {
    "bytedance/seedance-1-pro": _SEEDANCE,
    "bytedance/seedance-1-lite": {**_SEEDANCE, "reference_images": list},
    "bytedance/seedance-1.5-pro": {
        **{name: kind for name, kind in _SEEDANCE.items() if name != "resolution"},
        "generate_audio": bool,
    },
    "bytedance/seedance-2.0": _SEEDANCE_2,
    "bytedance/seedance-2.0-fast": _SEEDANCE_2,
}
"""Each field's kind: a type, a pattern, or the values it can have."""


def input_of(fields: Fields) -> Mapping[str, object]:
    """Return the input of a create."""
    said = fields.get("input")
    return said if isinstance(said, dict) else {}


def prompt_in(fields: Fields) -> str:
    """Return the prompt of a create."""
    prompt = input_of(fields).get("prompt")
    return prompt if isinstance(prompt, str) else ""


def objection(fields: Fields, model: str | None, models: Collection[str]) -> Reply | None:
    """Check a create as the pages ask; None where it is well. `models` empty means any."""
    if unknown := sorted(set(fields) - KEYS):
        return problem(422, f"- {unknown[0]} is not allowed\n", title=INVALID)
    version = fields.get("version")
    if model is None and (not isinstance(version, str) or not VERSION.fullmatch(version)):
        return REPLIES["invalid_version"]
    if models and model is not None and model not in models:
        return REPLIES["not_found"]
    return _wrong_call(fields) or _wrong_input(input_of(fields), model or str(version))


def _wrong_call(fields: Fields) -> Reply | None:
    webhook, events = fields.get("webhook"), fields.get("webhook_events_filter", [])
    if webhook is not None and not re.fullmatch(r"https?://\S+", str(webhook)):
        return problem(422, "- webhook must be an address\n", title=INVALID)
    if not isinstance(events, list) or not EVENTS.issuperset(events):
        return problem(422, "- webhook_events_filter is wrong\n", title=INVALID)
    return None


def _wrong_input(said: Mapping[str, object], model: str) -> Reply | None:
    if not isinstance(said.get("prompt"), str):
        return invalid("prompt", "is required")
    known = MODELS.get(model.partition(":")[0], {})
    for name, kind in known.items():
        if name in said and not _fits(said[name], kind):
            return invalid(name, "is invalid")
    if "last_frame_image" in said and "image" not in said and known:
        return invalid("last_frame_image", "needs an image")
    return _wrong_references(said, model.partition(":")[0])


def _wrong_references(said: Mapping[str, object], model: str) -> Reply | None:
    known = MODELS.get(model, {})
    given = {name: value for name in REFERENCES if name in known and (value := said.get(name))}
    if not given:
        return None
    if any(name in said for name in PICTURES):
        return invalid(next(iter(given)), "cannot be combined with frames")
    if model in IMAGES_MAX and said.get("resolution") == "1080p":
        return invalid("reference_images", "cannot be used with 1080p")
    if set(given) == {"reference_audios"}:
        return invalid("reference_audios", "need an image or a video")
    for name, value in given.items():
        most = IMAGES_MAX.get(model, IMAGES_MAX_ELSE) if name == REFERENCES[0] else CLIPS_MAX
        if not isinstance(value, list) or len(value) > most:
            return invalid(name, "are too many")
    return None


def _fits(value: object, kind: object) -> bool:
    match kind:
        case type():
            return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))
        case re.Pattern():
            return isinstance(value, str) and kind.fullmatch(value) is not None
        case range() | tuple():
            return not isinstance(value, bool) and value in kind
    return False
