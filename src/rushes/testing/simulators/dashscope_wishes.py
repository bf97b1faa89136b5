"""What the simulated DashScope objects to in a create; what it does not know it lets pass.

Sources: the bodies on Alibaba's pages of image to video and text to video (wan2.5, wan2.7), and
dashscope 2.0.2: `v2/resources/videos.py` says which input a model takes, `VideoSynthesis` which
there are. Ranges: wan2.7 takes 2-15 s, wan2.5 5 or 10, wan2.6 2-15 (pages differ).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rushes.testing.simulators.dashscope_errors import REPLIES, error
from rushes.testing.simulators.host import Reply
from rushes.testing.simulators.jobs import Fields

MEDIA: Final = frozenset(
    {
        "first_frame", "last_frame", "reference_image", "reference_video", "reference_voice",
        "reference_audio", "video", "first_clip", "driving_audio", "file", "link",
    }
)  # fmt: skip
"""SDK, `VideoSynthesis.MediaType`."""

SECONDS: Final = (
    (r"wan2\.5", frozenset({5, 10})),
    (r"wan2\.[67]", frozenset(range(2, 16))),
)
PARAMETERS: Final[Mapping[str, str]] = {
    "size": r"\d{3,4}\*\d{3,4}",
    "resolution": r"480P|720P|1080P",
    "ratio": r"\d{1,2}:\d{1,2}",
}
SWITCHES: Final = ("prompt_extend", "watermark", "audio")
SEED_MAX: Final = 2**31 - 1


def objection(fields: Fields, models: frozenset[str]) -> Reply | None:
    """Return the refusal of a create, None for a good one."""
    body = fields["body"]
    given = body if isinstance(body, Mapping) else {}
    model, wish, parameters = given.get("model"), given.get("input"), given.get("parameters")
    if not isinstance(model, str) or not model:
        return _invalid("Required parameter 'model' is missing.")
    if models and model not in models:
        return REPLIES["model_retired"]
    if not isinstance(wish, Mapping) or not isinstance(parameters or {}, Mapping):
        return _invalid("Required parameter 'input' is missing.")
    if ("kf2v" in model) != (fields["service"] == "image2video"):
        return _invalid("url error, please check url!")
    said = {name: value for name, value in wish.items() if value is not None}
    sentence = _input_fault(model, said) or _parameter_fault(model, parameters or {})
    if sentence:
        return _invalid(sentence)
    schemes = ("http://", "https://", "data:", *(["oss://"] if fields["resolves_oss"] else []))
    links = [link for link in _links(said) if not str(link).startswith(schemes)]
    return REPLIES["invalid_url"] if links else None


def _invalid(sentence: str) -> Reply:
    return error(400, "InvalidParameter", sentence)


def _input_fault(model: str, said: Mapping[str, Any]) -> str:
    """Check the input by the model's name; keys that are not known are no fault."""
    media = said.get("media", [])
    if not isinstance(media, list) or not all(
        isinstance(item, Mapping) and item.get("type") in MEDIA and item.get("url")
        for item in media
    ):
        return "The parameter 'media' is a list of type and url."
    types = [str(item["type"]) for item in media]
    if "kf2v" in model:
        return "" if "first_frame_url" in said else "'first_frame_url' is missing."
    if re.match(r"wan2\.7-i2v", model):
        begins = [kind for kind in types if kind in {"first_frame", "first_clip"}]
        return "" if len(begins) == 1 else "'media' needs one first_frame or one first_clip."
    if re.match(r"wan2\.7-r2v", model):
        references = [kind for kind in types if kind.startswith("reference_")]
        return "" if references else "'media' needs a reference."
    if "r2v" in model:
        named = {"reference_urls", "reference_video_urls", "reference_url"} & said.keys()
        return "" if named else "'reference_urls' is missing."
    if "i2v" in model:
        return "" if "img_url" in said else "'img_url' is missing."
    return "" if said.get("prompt") else "'prompt' is missing."


def _parameter_fault(model: str, parameters: Mapping[str, Any]) -> str:
    for name, pattern in PARAMETERS.items():
        if name in parameters and not re.fullmatch(pattern, str(parameters[name])):
            return f"The parameter '{name}' is not allowed."
    for name in SWITCHES:
        if not isinstance(parameters.get(name, False), bool):
            return f"The parameter '{name}' is true or false."
    seconds, seed = parameters.get("duration", 5), parameters.get("seed", 0)
    allowed = next((range_ for family, range_ in SECONDS if re.match(family, model)), {seconds})
    if not isinstance(seconds, int) or seconds not in allowed:
        return "The parameter 'duration' is not allowed."
    if not isinstance(seed, int) or not 0 <= seed <= SEED_MAX:
        return "The parameter 'seed' is not allowed."
    return ""


def _links(said: Mapping[str, Any]) -> Iterator[object]:
    for name, value in said.items():
        if name.endswith("_url"):
            yield value
        elif name.endswith("_urls") and isinstance(value, list):
            yield from value
        elif name == "media":
            yield from (item["url"] for item in value)


def short_px_of(parameters: Mapping[str, Any]) -> int:
    """Return the short edge that the usage names as SR; 1080 where nothing is said."""
    found = re.findall(r"\d+", str(parameters.get("resolution") or parameters.get("size") or 1080))
    return min(map(int, found))
