"""A spec in the words of Ark: what stands against it, and the body of its create.

The facts about models are from a mirror of the maker's create page and from live answers that
public repositories quote, read 2026-11 (3P): sound from 1.5 on; video and audio inputs and
safety_identifier from 2.0 on; no camera_fixed and no flex tier for 2.0; for 2.5 a 400 for
camera_fixed, and for any ratio but adaptive beside a frame; beside references no camera_fixed,
and by 1.0 no 1080p.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Medium, Mode, Role, Spec
from rushes.providers._ark_terms import Terms
from rushes.providers.orders import noun, sendable, wrong_frames, wrong_mode

MODES: Final = frozenset(
    {
        Mode.TEXT_TO_VIDEO,
        Mode.IMAGE_TO_VIDEO,
        Mode.FIRST_LAST_FRAME,
        Mode.REFERENCE_TO_VIDEO,
    }
)
ROLES: Final[Mapping[Mode, frozenset[Role]]] = {
    Mode.TEXT_TO_VIDEO: frozenset(),
    Mode.IMAGE_TO_VIDEO: frozenset({Role.FIRST_FRAME}),
    Mode.FIRST_LAST_FRAME: frozenset({Role.FIRST_FRAME, Role.LAST_FRAME}),
    Mode.REFERENCE_TO_VIDEO: frozenset(
        {Role.REFERENCE_IMAGE, Role.REFERENCE_VIDEO, Role.REFERENCE_AUDIO}
    ),
}
RATIOS: Final = frozenset({"16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "adaptive"})
ADAPTIVE: Final = "adaptive"

_PART: Final[Mapping[Medium, str]] = {
    Medium.IMAGE: "image_url",
    Medium.VIDEO: "video_url",
    Medium.AUDIO: "audio_url",
}
_FLAG: Final = re.compile(
    r"(?<!\S)--(?:rs|resolution|rt|ratio|dur|duration|frames|fps|framespersecond|seed|cf"
    r"|camerafixed|wm|watermark)(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Family:
    """What a generation of Seedance knows; what no page says of a newer one is let through."""

    has_sound: bool = True
    has_fixed_camera: bool = True
    has_flex_tier: bool = True
    takes_clips: bool = True
    takes_token: bool = True
    has_full_hd_references: bool = True
    follows_first_frame: bool = False


FAMILIES: Final[Mapping[str, Family]] = {
    "1.0": Family(
        has_sound=False, takes_clips=False, takes_token=False, has_full_hd_references=False
    ),
    "1.5": Family(takes_clips=False, takes_token=False),
    "2.0": Family(has_fixed_camera=False, has_flex_tier=False),
    "2.5": Family(has_fixed_camera=False, follows_first_frame=True),
}


def family_of(*models: str) -> Family:
    """Return what a model knows, by the first of its names that tells: an endpoint's does not.

    >>> family_of("ep-20261123-abcde", "doubao-seedance-1-0-pro-250528").has_sound
    False
    """
    for model in models:
        found = re.search(r"seedance-(\d)[-.](\d)", model)
        if found is not None:
            return FAMILIES.get(f"{found[1]}.{found[2]}", Family())
    return Family()


def objection(spec: Spec, upstream_model: str, terms: Terms) -> str:
    """Say why Ark cannot make this; empty where it can."""
    family = family_of(upstream_model, spec.model)
    return _wrong_inputs(spec, family) or _wrong_words(spec) or _wrong_settings(spec, family, terms)


def _wrong_inputs(spec: Spec, family: Family) -> str:
    if sentence := wrong_mode(spec, MODES):
        return sentence
    roles = [asset.role for asset in spec.assets]
    strange = next((role for role in roles if role not in ROLES[spec.mode]), None)
    if strange is not None:
        return f"The provider takes no {noun(strange)} in the mode {spec.mode}."
    if spec.mode is not Mode.REFERENCE_TO_VIDEO:
        if sentence := wrong_frames(spec, sorted(ROLES[spec.mode])):
            return sentence
    elif {role.medium for role in roles} <= {Medium.AUDIO}:
        return "The provider takes reference audio only beside an image or a video."
    if not family.takes_clips and any(role.medium is not Medium.IMAGE for role in roles):
        return "The model takes no video and no audio."
    return ""


def _wrong_words(spec: Spec) -> str:
    if not spec.prompt and not spec.assets:
        return "The provider needs a prompt, an image or a video."
    flag = _FLAG.search(spec.prompt)
    if flag is not None:
        return f"The provider would read {flag[0]} in the prompt as a parameter; leave it out."
    return ""


def _wrong_settings(spec: Spec, family: Family, terms: Terms) -> str:
    has_frames = spec.mode in {Mode.IMAGE_TO_VIDEO, Mode.FIRST_LAST_FRAME}
    if spec.resolution is None or (spec.ratio or ADAPTIVE) not in RATIOS:
        return f"The provider makes no film of {spec.size}."
    if family.follows_first_frame and has_frames and (spec.ratio or ADAPTIVE) != ADAPTIVE:
        return "The model takes its ratio from the first frame: ask for the ratio adaptive."
    has_references = spec.mode is Mode.REFERENCE_TO_VIDEO
    if has_references and spec.resolution == "1080p" and not family.has_full_hd_references:
        return "The model makes no 1080p from references."
    if spec.options.get("camera_fixed") and (has_references or not family.has_fixed_camera):
        beside = " beside references" if family.has_fixed_camera else ""
        return f"The model knows no fixed camera{beside}."
    if spec.with_audio and not family.has_sound:
        return "The model makes no sound."
    if terms.service_tier == "flex" and not family.has_flex_tier:
        return "The provider's flex tier does not have the model."
    return ""


@dataclass(frozen=True, slots=True)
class Order:
    """All that a create says beside the spec. `media` are links, one for each asset in order."""

    upstream_model: str
    token: str
    media: Sequence[str] = ()
    callback_url: str | None = None
    terms: Terms = field(default_factory=Terms)


def told(spec: Spec, order: Order) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of Ark."""
    family, terms = family_of(order.upstream_model, spec.model), order.terms
    content: list[dict[str, object]] = []
    if spec.prompt:
        text = sendable(spec.prompt)
        content.append({"type": "text", "text": text})
    for asset, link in zip(spec.assets, order.media, strict=True):
        part = _PART[asset.role.medium]
        content.append({"type": part, part: {"url": link}, "role": asset.role.value})
    body: dict[str, object] = {
        "model": order.upstream_model,
        "content": content,
        "resolution": spec.resolution,
        "ratio": spec.ratio or ADAPTIVE,
        "duration": spec.seconds,
        "seed": spec.seed,
        "watermark": spec.with_watermark,
    }
    if family.has_sound:  # said even when false: left out, the model makes sound
        body["generate_audio"] = spec.with_audio
    if spec.options.get("camera_fixed"):
        body["camera_fixed"] = True
    if terms.returns_last_frame:
        body["return_last_frame"] = True
    if terms.service_tier is not None:
        body["service_tier"] = terms.service_tier
    if terms.expires_after_s is not None:
        body["execution_expires_after"] = terms.expires_after_s
    if order.callback_url is not None:
        body["callback_url"] = order.callback_url
    if terms.finds_by_token and family.takes_token:
        body["safety_identifier"] = order.token
    return body


def likeness(spec: Spec, upstream_model: str) -> dict[str, str]:
    """Return what a task of ours echoes in the list, as text; only what cannot come back changed.

    An endpoint is left out: whether a task names it or the model behind it is not known.
    """
    echo = {"seed": str(spec.seed), "resolution": spec.resolution or ""}
    if not upstream_model.startswith("ep-"):
        echo["model"] = upstream_model
    if spec.seconds != SECONDS_BY_PROVIDER:
        echo["duration"] = str(spec.seconds)
    if spec.ratio not in {None, ADAPTIVE}:
        echo["ratio"] = str(spec.ratio)
    return echo
