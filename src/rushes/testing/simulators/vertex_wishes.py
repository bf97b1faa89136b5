"""What Veo's create may say, as its protocol has it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final

from rushes.testing.simulators.jobs import Fields

SECONDS: Final = frozenset({4, 6, 8})
CHOICES: Final[Mapping[str, frozenset[object]]] = {
    "durationSeconds": frozenset(SECONDS),
    "aspectRatio": frozenset({"16:9", "9:16"}),
    "resolution": frozenset({"720p", "1080p", "4k"}),
    "sampleCount": frozenset({1, 2, 3, 4}),
    "generateAudio": frozenset({True, False}),
    "personGeneration": frozenset({"allow_adult", "allow_all", "dont_allow"}),
}
SEED_MAX: Final = 2**32 - 1
REFERENCES_MAX: Final = 3
IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})


def instance_of(fields: Fields) -> Mapping[str, object]:
    """Return the one instance of a create, or nothing."""
    instances = fields.get("instances")
    first = instances[0] if isinstance(instances, list) and instances else None
    return first if isinstance(first, dict) else {}


def parameters_of(fields: Fields) -> Mapping[str, object]:
    """Return the parameters of a create."""
    parameters = fields.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def objection(fields: Fields) -> str:
    """Say why a create is refused; empty where it is not."""
    instances = fields.get("instances")
    if not isinstance(instances, list) or len(instances) != 1:
        return "There is to be one instance."
    instance = instance_of(fields)
    if not instance.get("prompt") and "image" not in instance:
        return "There is neither a prompt nor an image."
    if "lastFrame" in instance and "image" not in instance:
        return "A last frame needs a first."
    references = instance.get("referenceImages", [])
    if not isinstance(references, list) or len(references) > REFERENCES_MAX:
        return "There are too many reference images."
    if references and "image" in instance:
        return "Reference images and a first frame exclude each other."
    if not all(_is_image(image) for image in _images(instance)):
        return "An image has bytesBase64Encoded or gcsUri, and a mimeType."
    return _wrong_parameter(parameters_of(fields))


def _images(instance: Mapping[str, object]) -> Iterator[object]:
    yield from (instance[name] for name in ("image", "lastFrame") if name in instance)
    references = instance.get("referenceImages", [])
    for reference in references if isinstance(references, list) else []:
        yield reference.get("image") if isinstance(reference, dict) else None


def _is_image(image: object) -> bool:
    if not isinstance(image, dict) or image.get("mimeType") not in IMAGES:
        return False
    if "gcsUri" in image:
        return str(image["gcsUri"]).startswith("gs://")
    try:
        return bool(base64.b64decode(str(image.get("bytesBase64Encoded", "")), validate=True))
    except binascii.Error:
        return False


def _wrong_parameter(parameters: Mapping[str, object]) -> str:
    for name, allowed in CHOICES.items():
        if name in parameters and parameters[name] not in allowed:
            return f"Unsupported value of {name}."
    seed = parameters.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= SEED_MAX:
        return "The seed is a number of 32 bits."
    if not str(parameters.get("storageUri", "gs://b")).startswith("gs://"):
        return "The storageUri is no address in Cloud Storage."
    return ""
