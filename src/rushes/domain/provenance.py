"""Where a film comes from, and how its prompt can be recognised without being told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

PROMPT_DIGEST_OF: Final = "task_id, a newline, prompt; UTF-8"
"""What a digest is taken of, in the words that stand beside it in a film."""


class SourceType(StrEnum):
    """How a picture came to be.

    Source: IPTC NewsCodes, digitalsourcetype; the names are the last part of its addresses.
    """

    TRAINED = "trainedAlgorithmicMedia"
    ALGORITHMIC = "algorithmicMedia"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a film comes from.

    `model` is what made it, by its upstream's name, `asked_model` what the caller wrote, which a
    rehearsal is not made by. `provider` is the operator's name for who made it. `at` is when it
    came to us, `original_sha256` the digest of the bytes that came, where it is known.
    """

    task_id: str
    model: str
    asked_model: str
    provider: str
    source_type: SourceType
    at: datetime
    prompt: str = ""
    original_sha256: str = ""


def prompt_digest(task_id: str, prompt: str) -> str:
    """Return what recognises a prompt, in hex; the id keeps films of one prompt apart.

    A short prompt can still be guessed and tried.

    >>> prompt_digest("video_1", "a fox")[:16]
    '21f488281537aead'
    """
    return sha256(f"{task_id}\n{prompt}".encode()).hexdigest()
