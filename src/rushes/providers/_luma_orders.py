"""A spec in the words of Luma: what stands against it, and the body of its create.

Facts are from the SDK's types (lumaai 1.21.0) and Luma's pages on video generation and on errors
(copies read 2026-11, DOC): `duration` is "5s" or "9s", or left to Luma; `resolution` is one of
four; a ratio is one of seven, and 16:9 where none is said; a prompt has 3 to 5000 characters, and
may be missing where there is a picture. A picture is told by its own public address, which "is
the only way". Frames are `keyframes.frame0` and `frame1`; another generation may stand there, by
Luma's own id, which nobody here knows. There is no seed, no negative prompt, and no sound: that
is another call, for a film that is done.

Whether a ratio bends what a first frame shows, and which lengths go with which resolution, was
read nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable, wrong_frames, wrong_mode

FRAMES: Final[Mapping[Mode, Sequence[Role]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
PLACES: Final[Mapping[Role, str]] = {Role.FIRST_FRAME: "frame0", Role.LAST_FRAME: "frame1"}
RESOLUTIONS: Final = frozenset({"540p", "720p", "1080p", "4k"})
RATIOS: Final = frozenset({"1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"})
SECONDS: Final = frozenset({5, 9})
PROMPT_CHARACTERS_MIN: Final = 3
PROMPT_CHARACTERS_MAX: Final = 5000

WISHES: Final = ("loop", "concepts")
"""What a card may let through from a caller's metadata."""

ECHOED: Final = ("model", "prompt", "aspect_ratio", "duration", "resolution")
"""What tells one create from another, beside its frames and wishes."""

NOTHING: Final = "-"


def objection(spec: Spec) -> str:
    """Say why Luma cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, FRAMES):
        return sentence
    return wrong_frames(spec, FRAMES[spec.mode]) or _wrong_prompt(spec) or _wrong_settings(spec)


def _wrong_prompt(spec: Spec) -> str:
    if not spec.prompt:
        return "" if spec.assets else "The provider needs a prompt."
    if PROMPT_CHARACTERS_MIN <= len(spec.prompt) <= PROMPT_CHARACTERS_MAX:
        return ""
    return (
        f"The provider takes a prompt of {PROMPT_CHARACTERS_MIN} to {PROMPT_CHARACTERS_MAX} "
        "characters."
    )


def _wrong_settings(spec: Spec) -> str:
    if spec.resolution not in RESOLUTIONS or spec.ratio not in RATIOS:
        return f"The provider makes no film of {spec.size}."
    if spec.seconds not in {*SECONDS, SECONDS_BY_PROVIDER}:
        return f"The provider makes no film of {spec.seconds} seconds."
    if spec.with_audio:
        return "The model makes no sound."
    strange = next(iter(spec.options), None)
    return f"The provider knows no {strange}." if strange else ""


@dataclass(frozen=True, slots=True)
class Order:
    """All that a create says beside the spec. `links` are public, one for each asset."""

    upstream_model: str
    links: Sequence[str] = ()
    callback_url: str | None = None


def told(spec: Spec, order: Order) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of Luma.

    A seed and a negative prompt have no field, and are left out.
    """
    body: dict[str, object] = {
        **{key: said for key, said in spec.passthrough.items() if key in WISHES},
        "generation_type": "video",
        "model": order.upstream_model,
        "aspect_ratio": spec.ratio,
        "resolution": spec.resolution,
    }
    if spec.prompt:
        body["prompt"] = sendable(spec.prompt)
    if spec.seconds != SECONDS_BY_PROVIDER:
        body["duration"] = f"{spec.seconds}s"
    if spec.assets:
        body["keyframes"] = {
            PLACES[asset.role]: {"type": "image", "url": link}
            for asset, link in zip(spec.assets, order.links, strict=True)
        }
    if order.callback_url is not None:
        body["callback_url"] = order.callback_url
    return body


def likeness(body: Mapping[str, object]) -> dict[str, str]:
    """Return what tells one create from another: what was said, and what was not.

    >>> likeness({"model": "ray-2", "keyframes": {"frame1": {"id": "g1"}}})["frame1"]
    'g1'
    """
    same = {name: said for name in ECHOED if isinstance(said := body.get(name), str) and said}
    frames, concepts = body.get("keyframes"), body.get("concepts")
    frames = frames if isinstance(frames, dict) else {}
    if frames:  # only then may a prompt be missing
        same.setdefault("prompt", NOTHING)
    same |= {place: _name_of(frames.get(place)) for place in PLACES.values()}
    keys = [str(one.get("key")) for one in concepts] if _is_list_of_objects(concepts) else []
    return same | {
        "loop": "yes" if body.get("loop") is True else NOTHING,
        "concepts": " ".join(keys) or NOTHING,
    }


def _name_of(frame: object) -> str:
    said = frame if isinstance(frame, dict) else {}
    name = said.get("url") or said.get("id")
    return name if isinstance(name, str) else NOTHING


def _is_list_of_objects(value: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
