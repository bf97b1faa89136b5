"""What Runway's check of a body wants of each model, by the types of runwayml 5.24.0.

Only what is asked of the fields that Rushes could want; a field that is not here is refused by
name, as the API is said to do (an upscaler's schema in 2026 has `additionalProperties: false`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

Body = Mapping[str, object]
Issue = dict[str, object]

_GEN: Final = frozenset({"1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672"})
_VEO: Final = frozenset({"1280:720", "720:1280", "1080:1920", "1920:1080"})
_SEEDANCE_FAST: Final = frozenset(
    {
        *("992:432", "864:496", "752:560", "640:640", "560:752", "496:864"),
        *("1470:630", "1280:720", "1112:834", "960:960", "834:1112", "720:1280"),
    }
)
_SEEDANCE: Final = _SEEDANCE_FAST | {
    *("2206:946", "1920:1080", "1664:1248", "1440:1440", "1248:1664", "1080:1920"),
}
_COMMON: Final = frozenset({"model", "promptText", "ratio", "duration", "seed"})


@dataclass(frozen=True, slots=True)
class Wants:
    """What a model wants of a body at one endpoint, beside what all have."""

    ratios: frozenset[str]
    required: tuple[str, ...]
    more: frozenset[str] = frozenset()
    seconds: tuple[int, int] | frozenset[int] = (2, 10)
    positions: frozenset[str | None] = frozenset({"first"})
    prompt_max: int = 1000
    chooses: bool = False


_FOUR: Final = frozenset({4, 6, 8})
_BOTH: Final = frozenset({"first", "last"})
_VEO_MORE: Final = frozenset({"audio", "negativePrompt"})
_VEO_TEXT: Final = Wants(_VEO, ("promptText", "ratio"), _VEO_MORE, _FOUR)
_VEO_IMAGE: Final = Wants(_VEO, ("promptImage", "ratio"), _VEO_MORE, _FOUR, _BOTH)
_SEED_MORE: Final = frozenset({"audio", "references", "referenceAudio", "referenceVideos"})
_SEED_AT_IMAGES: Final = frozenset({"audio", "referenceAudio"})
_ANY: Final = _BOTH | {None}


def _seedance(ratios: frozenset[str]) -> tuple[Wants, Wants]:
    """Return what it wants at the endpoint of text, and at the one of images."""
    text = Wants(ratios, ("promptText",), _SEED_MORE, (4, 15), prompt_max=3500, chooses=True)
    images = replace(text, required=("promptImage",), more=_SEED_AT_IMAGES, positions=_ANY)
    return text, images


_SEED, _SEED_FAST = _seedance(_SEEDANCE), _seedance(_SEEDANCE_FAST)

WANTS: Final[Mapping[str, Mapping[str, Wants]]] = {
    "text_to_video": {
        "gen4.5": Wants(frozenset({"1280:720", "720:1280"}), ("promptText", "ratio", "duration")),
        "veo3.1": _VEO_TEXT,
        "veo3.1_fast": _VEO_TEXT,
        "seedance2": _SEED[0],
        "seedance2_fast": _SEED_FAST[0],
    },
    "image_to_video": {
        "gen4.5": Wants(_GEN, ("promptImage", "promptText", "ratio", "duration")),
        "gen4_turbo": Wants(_GEN, ("promptImage", "ratio")),
        "veo3.1": _VEO_IMAGE,
        "veo3.1_fast": _VEO_IMAGE,
        "seedance2": _SEED[1],
        "seedance2_fast": _SEED_FAST[1],
    },
}


def issues_with(endpoint: str, body: Body) -> list[Issue]:
    """Return all that does not fit, in the form of the API."""
    wants = WANTS[endpoint].get(str(body.get("model")))
    if wants is None:
        return [_issue("invalid_union", "Invalid input", "model")]
    return [*_misfits(wants, body), *_images(wants, body.get("promptImage"))]


def _misfits(wants: Wants, body: Body) -> Iterator[Issue]:
    known = _COMMON | wants.more | set(wants.required)
    for name in sorted(set(body) - known):
        yield _issue("unrecognized_keys", f"Unrecognized key: {name!r}")
    for name in wants.required:
        if name not in body:
            yield _issue("invalid_type", "Invalid input: received undefined", name)
    prompt = body.get("promptText", "?")
    if not isinstance(prompt, str) or not 0 < _utf16(prompt) <= wants.prompt_max:
        yield _issue("too_big", f"Must be 1 to {wants.prompt_max} characters", "promptText")
    if str(body.get("ratio", "1280:720")) not in wants.ratios:
        told = "|".join(f"'{ratio}'" for ratio in sorted(wants.ratios))
        yield _issue("invalid_value", f"Invalid option: expected one of {told}", "ratio")
    if not _is_length(wants, body.get("duration", 4)):
        yield _issue("invalid_value", "Invalid duration", "duration")
    if not isinstance(body.get("seed", 0), int):
        yield _issue("invalid_type", "Invalid input: expected number", "seed")


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _is_length(wants: Wants, seconds: object) -> bool:
    if seconds == "auto":
        return wants.chooses
    if not isinstance(seconds, int):
        return False
    if isinstance(wants.seconds, frozenset):
        return seconds in wants.seconds
    return wants.seconds[0] <= seconds <= wants.seconds[1]


def _images(wants: Wants, images: object) -> Iterator[Issue]:
    if images is None or isinstance(images, str):  # one address is a first frame
        return
    listed = images if isinstance(images, list) else []
    told = [image.get("position") for image in listed if isinstance(image, dict)]
    has_first = "first" in told or not {"first", "last"} & set(told)  # a last one needs a first
    if not told or not has_first or set(told) - wants.positions:
        yield _issue("invalid_value", "Invalid positions", "promptImage")
    for at, image in enumerate(listed):
        if not isinstance(image, dict) or not isinstance(image.get("uri"), str):
            yield _issue("invalid_type", "Invalid input: expected string", "promptImage", at, "uri")


def _issue(code: str, message: str, *path: object) -> Issue:
    return {"code": code, "path": list(path), "message": message}
