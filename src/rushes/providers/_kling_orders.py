"""A spec in the words of Kling: what stands against it, and the body of its create.

Facts are from Kling's own pages on text to video, image to video and the capability map, copies
of 2026 in public repositories, read 2026-11 (DOC): `duration` is a text; `mode` is std for 720p,
pro for 1080p, 4k for 4k; a text has one of three ratios, a first frame gives its own; base64
stands without a prefix; there is no seed. Sound is from 2.6 on, and with 2.6 for 1080p only. That
2.6 makes none between two frames is a third party's copy of that map (3P).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable, wrong_frames, wrong_mode

KINDS: Final[Mapping[Mode, str]] = {
    Mode.TEXT_TO_VIDEO: "text2video",
    Mode.IMAGE_TO_VIDEO: "image2video",
    Mode.FIRST_LAST_FRAME: "image2video",
}
"""By what a film is made from goes where it is asked for, and where it is looked for after."""

FRAMES: Final[Mapping[Mode, Sequence[Role]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
PLACES: Final[Mapping[Role, str]] = {Role.FIRST_FRAME: "image", Role.LAST_FRAME: "image_tail"}
QUALITIES: Final[Mapping[str, str]] = {"720p": "std", "1080p": "pro", "4k": "4k"}
RATIOS: Final = frozenset({"16:9", "9:16", "1:1"})
ADAPTIVE: Final = "adaptive"
SOUND_SINCE: Final = (2, 6)

OWN: Final = frozenset(
    {
        "model_name",
        "model",
        "prompt",
        "negative_prompt",
        "duration",
        "mode",
        "aspect_ratio",
        "sound",
        "image",
        "image_tail",
        "watermark_info",
        "callback_url",
        "external_task_id",
        "multi_shot",
        "multi_prompt",
        "shot_type",
    }
)
"""What a spec or the house decides, also by leaving it out: no caller's metadata says it.

Several shots would take the prompt's place, which is what was judged.
"""


def generation_of(*models: str) -> tuple[int, int] | None:
    """Return the version of a model, by the first of its names that tells.

    >>> generation_of("kling-v2-5-turbo"), generation_of("film", "kling-v3"), generation_of("ep")
    ((2, 5), (3, 0), None)
    """
    for model in models:
        found = re.search(r"kling-v(\d{1,2})(?:-(\d)(?!\d))?", model)
        if found is not None:
            return int(found[1]), int(found[2] or 0)
    return None


def objection(spec: Spec, upstream_model: str) -> str:
    """Say why Kling cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, KINDS):
        return sentence
    if not spec.prompt:
        return "The provider needs a prompt."
    return (
        wrong_frames(spec, FRAMES[spec.mode])
        or _wrong_shape(spec)
        or _wrong_sound(spec, generation_of(upstream_model, spec.model))
    )


def _wrong_shape(spec: Spec) -> str:
    if spec.resolution not in QUALITIES:
        return f"The provider makes no film of {spec.size}."
    if spec.mode is Mode.TEXT_TO_VIDEO:
        return "" if spec.ratio in RATIOS else f"The provider makes no film of {spec.size}."
    if spec.ratio not in {None, ADAPTIVE}:
        return "The provider takes the ratio from the first frame: ask for none."
    return ""


def _wrong_sound(spec: Spec, generation: tuple[int, int] | None) -> str:
    if not spec.with_audio or generation is None or generation > SOUND_SINCE:
        return ""
    if generation < SOUND_SINCE:
        return "The model makes no sound."
    if spec.resolution != "1080p":
        return "The model makes sound with 1080p only."
    if spec.mode is Mode.FIRST_LAST_FRAME:
        return "The model makes no sound between two frames."
    return ""


@dataclass(frozen=True, slots=True)
class Order:
    """All that a create says beside the spec. `pictures` are base64, one for each asset."""

    upstream_model: str
    token: str
    pictures: Sequence[str] = ()
    callback_url: str | None = None


def told(spec: Spec, order: Order) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of Kling."""
    body: dict[str, object] = {
        **{key: said for key, said in spec.passthrough.items() if key not in OWN},
        "model_name": order.upstream_model,
        "prompt": sendable(spec.prompt),
        "mode": QUALITIES[spec.resolution or ""],
        "external_task_id": order.token,
    }
    if spec.negative_prompt:
        body["negative_prompt"] = sendable(spec.negative_prompt)
    if spec.seconds != SECONDS_BY_PROVIDER:
        body["duration"] = str(spec.seconds)
    if spec.mode is Mode.TEXT_TO_VIDEO:
        body["aspect_ratio"] = spec.ratio
    for asset, picture in zip(spec.assets, order.pictures, strict=True):
        body[PLACES[asset.role]] = picture
    generation = generation_of(order.upstream_model, spec.model)
    if generation is None or generation >= SOUND_SINCE:
        body["sound"] = "on" if spec.with_audio else "off"
    if spec.with_watermark:
        body["watermark_info"] = {"enabled": True}
    if order.callback_url is not None:
        body["callback_url"] = order.callback_url
    return body
