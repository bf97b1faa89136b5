"""What is left of a wish in the records that outlive its task, and how it is blanked."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from rushes.domain.errors import Failure
from rushes.domain.submit import Submit

SAID: Final = "prompt"
"""The key under which answers repeat what a caller said."""


def without_prompt(body: bytes) -> bytes:
    """Return a JSON answer with its prompt blanked, and everything else as it was.

    >>> without_prompt(b'{"id":"video_1","prompt":"a fox"}')
    b'{"id":"video_1","prompt":null}'
    """
    try:
        read = msgspec.json.decode(body)
    except ValueError:
        return b"{}"
    return msgspec.json.encode(_blanked(read))


def _blanked(value: object) -> object:
    if isinstance(value, dict):
        return {name: None if name == SAID else _blanked(one) for name, one in value.items()}
    return [_blanked(one) for one in value] if isinstance(value, list) else value


def told_in_house_words(failure: Failure) -> Failure:
    """Return a failure with the house's own sentence: a provider's may quote a prompt."""
    return Failure.of(failure.reason)


def without_words(submit: Submit) -> Submit:
    """Return a submit without what its provider said, and without its film's address.

    The address stays while something may still be with the provider.
    """
    return replace(submit, note="", film=submit.film if submit.is_open else None)
