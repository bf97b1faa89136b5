"""What the sealer and its child say to each other, a line of JSON at a time.

Out: an `Order`. In: a `Wish` for a signature, answered by a `Signature`; then one that is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SEALED: Final = "sealed.mp4"
"""The film that a child leaves in its working folder."""

LINE_BYTES_MAX: Final = 2**20
"""An order holds a manifest and certificates, a wish what is to be signed: some KiB each."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a film is to say: with a manifest of an upstream's beneath, or without.

    `original` is the film as it came, by its name in the working folder, where a tag was written
    since. `certificates` are PEM, the signer's own first.
    """

    fresh: Mapping[str, Any]
    above: Mapping[str, Any]
    certificates: str
    algorithm: str
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to be signed, in base64; or, where `is_done`, the end: `fault` says why not."""

    message: str = ""
    is_done: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """What was asked for, in base64."""

    signature: str
