"""A spec in the words of Veo: what stands against it, and the body of its create.

Where a picture stands goes by the SDK's converters (google-genai 3.6.1, `models.py`). That there
are two ratios, three resolutions and at most three references is 3P (2026-03); which lengths go
with which is the card's to say, and Google's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rushes.domain.spec import SECONDS_BY_PROVIDER, Mode, Role, Spec
from rushes.providers.orders import sendable, wrong_frames, wrong_mode, wrong_references

MODES: Final = frozenset(
    {
        Mode.TEXT_TO_VIDEO,
        Mode.IMAGE_TO_VIDEO,
        Mode.FIRST_LAST_FRAME,
        Mode.REFERENCE_TO_VIDEO,
    }
)
FRAMES: Final[Mapping[Mode, Sequence[Role]]] = {
    Mode.TEXT_TO_VIDEO: (),
    Mode.IMAGE_TO_VIDEO: (Role.FIRST_FRAME,),
    Mode.FIRST_LAST_FRAME: (Role.FIRST_FRAME, Role.LAST_FRAME),
}
REFERENCES_MAX: Final = 3
RATIOS: Final = frozenset({"16:9", "9:16"})
RESOLUTIONS: Final = frozenset({"720p", "1080p", "4k"})

OWN: Final = frozenset({"storageUri", "pubsubTopic"})
"""Parameters that are the operator's: no caller says where a film is written, or who is rung."""


def objection(spec: Spec) -> str:
    """Say why Veo cannot make this; empty where it can."""
    if sentence := wrong_mode(spec, MODES):
        return sentence
    if not spec.prompt and not spec.assets:
        return "The provider needs a prompt or an image."
    if spec.resolution not in RESOLUTIONS or spec.ratio not in RATIOS:
        return f"The provider makes no film of {spec.size}."
    return _wrong_pictures(spec)


def _wrong_pictures(spec: Spec) -> str:
    if spec.mode is Mode.REFERENCE_TO_VIDEO:
        return wrong_references(spec, REFERENCES_MAX)
    return wrong_frames(spec, FRAMES[spec.mode])


def told(
    spec: Spec, pictures: Sequence[tuple[str, str]], storage_uri: str | None = None
) -> dict[str, object]:
    """Put a spec that nothing is to be said against into the words of Veo.

    `pictures` are content type and base64 of each asset, in order; `storage_uri` is where the
    film shall lie, None where it shall come inside the answer.
    """
    instance: dict[str, object] = {}
    if spec.prompt:
        instance["prompt"] = sendable(spec.prompt)
    references: list[dict[str, object]] = []
    for asset, (content_type, base64) in zip(spec.assets, pictures, strict=True):
        image = {"bytesBase64Encoded": base64, "mimeType": content_type}
        match asset.role:
            case Role.FIRST_FRAME:
                instance["image"] = image
            case Role.LAST_FRAME:
                instance["lastFrame"] = image
            case _:
                references.append({"image": image, "referenceType": "asset"})
    if references:
        instance["referenceImages"] = references
    parameters: dict[str, object] = {
        **{key: said for key, said in spec.passthrough.items() if key not in OWN},
        "sampleCount": 1,
        "aspectRatio": spec.ratio,
        "resolution": spec.resolution,
        "seed": spec.seed,
        "generateAudio": spec.with_audio,
    }
    if spec.seconds != SECONDS_BY_PROVIDER:
        parameters["durationSeconds"] = spec.seconds
    if spec.negative_prompt:
        parameters["negativePrompt"] = sendable(spec.negative_prompt)
    if "person_generation" in spec.options:
        parameters["personGeneration"] = spec.options["person_generation"]
    if storage_uri is not None:
        parameters["storageUri"] = storage_uri
    return {"instances": [instance], "parameters": parameters}
