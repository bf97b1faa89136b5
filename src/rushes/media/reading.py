"""What a reader's child says of a film."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rushes.media.manifest import Sealed

ANCHORS: Final = "anchors.pem"
"""Where the certificates lie that are believed, in a child's working folder."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A film's seal and its tag `AIGC`, or (`fault`) why it cannot be read."""

    fault: str = ""
    tag: str | None = None
    sealed: Sealed = field(default_factory=Sealed)
