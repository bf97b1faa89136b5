"""What the tagger and its child say to each other: an order out, a report back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TAGGED: Final = "tagged.mp4"
"""The film that a child leaves in its working folder."""

ORDER: Final = "tagging.json"
"""Where its order lies there."""


@dataclass(frozen=True, slots=True)
class Label:
    """Words to be seen in the first `seconds` of a film."""

    words: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Order:
    """The tag that goes into a film, and what is to be seen in it; None for neither."""

    tag: str | None
    label: Label | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was in the way, empty for nothing."""

    fault: str = ""
