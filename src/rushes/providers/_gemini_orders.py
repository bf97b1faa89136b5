"""A spec in the words of Gemini's omni models: what stands against it, and the body of its create.

Names and choices go by the SDK's types (google-genai 3.6.1); that a request takes at most ten
images is Google's page on the preview model; which lengths there are is the card's to say.
How `duration` is written ("8s") was seen in third parties' examples only, not verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable, wrong_mode

MODES: Final = frozenset({Mode.TEXT_TO_VIDEO, Mode.IMAGE_TO_VIDEO, Mode.REFERENCE_TO_VIDEO})
ROLES: Final[Mapping[Mode, Role | None]] = {
    Mode.TEXT_TO_VIDEO: None,
    Mode.IMAGE_TO_VIDEO: Role.FIRST_FRAME,
    Mode.REFERENCE_TO_VIDEO: Role.REFERENCE_IMAGE,
}
REFERENCES_MAX: Final = 10
RATIOS: Final = frozenset({"16:9", "9:16"})
RESOLUTIONS: Final = frozenset({"360p", "720p", "1080p", "4k"})
PASSED: Final = frozenset({"service_tier"})
"""What a card may let through; all else is the operator's, or would change what is asked for."""


def objection(spec: Spec) -> str:
    """Say why Gemini cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, MODES):
        return sentence
    if not spec.prompt and not spec.assets:
        return "The provider needs a prompt or an image."
    if spec.resolution not in RESOLUTIONS or spec.ratio not in RATIOS:
        return f"The provider makes no film of {spec.size}."
    if spec.negative_prompt:
        return "The provider takes no negative prompt; say it in the prompt."
    if not spec.with_audio:
        return "The provider makes no silent film."
    strange = sorted(spec.passthrough.keys() - PASSED)
    if strange:
        return f"The provider has no option {strange[0]!r}."
    return _wrong_pictures(spec)


def _wrong_pictures(spec: Spec) -> str:
    wanted = ROLES[spec.mode]
    strange = next((asset.role for asset in spec.assets if asset.role is not wanted), None)
    if strange is not None:
        return f"The provider takes no {strange.replace('_', ' ')} in the mode {spec.mode}."
    count = len(spec.assets)
    if wanted is Role.FIRST_FRAME and count != 1:
        return f"The provider makes the mode {spec.mode} from one first frame."
    if wanted is Role.REFERENCE_IMAGE and not 1 <= count <= REFERENCES_MAX:
        return f"The provider takes one to {REFERENCES_MAX} reference images."
    return ""


def told(spec: Spec, pictures: Sequence[tuple[str, str]], model: str) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of an interaction.

    `pictures` are content type and base64 of each asset, in order. Without `store` nothing could
    be looked at later, and it is Google's own default; it is said so that it stays so.
    """
    parts: list[dict[str, object]] = [
        {"type": "image", "data": base64, "mime_type": content_type}
        for content_type, base64 in pictures
    ]
    if spec.prompt:
        text = sendable(spec.prompt)
        parts.insert(0, {"type": "text", "text": text})
    video: dict[str, object] = {
        "type": "video",
        "aspect_ratio": spec.ratio,
        "resolution": spec.resolution,
        "delivery": "uri",
    }
    if spec.seconds != SECONDS_BY_PROVIDER:
        video["duration"] = f"{spec.seconds}s"
    return {
        **spec.passthrough,
        "model": model,
        "background": True,
        "store": True,
        "input": [{"type": "user_input", "content": parts}],  # as the SDK sends a list of parts
        "generation_config": {"seed": spec.seed, "video_config": {"task": str(spec.mode)}},
        "response_format": video,
    }
