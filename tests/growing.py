"""Whether work grows with its text and not with the square of it; no clock is trusted alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

TRIES: Final = 5
TIMES_LONGER: Final = 4
TIMES_DEARER_MAX: Final = 9
"""Twice what is in proportion, and half of what the square would be."""

AT_ONCE_S: Final = 0.02
"""What takes no longer is at once, however it grows: such times are mostly noise."""


def grows_with(act: Callable[[str], object], text: str) -> bool:
    """Say whether a text takes an act about four times what its first quarter takes.

    This thread's own time counts, and of a few tries the best: a busy machine cannot be told from
    a slow act by one.
    """
    part = text[: len(text) // TIMES_LONGER]
    whole_s = part_s = float("inf")
    for _ in range(TRIES):
        whole_s, part_s = min(whole_s, _taken_s(act, text)), min(part_s, _taken_s(act, part))
        if whole_s < max(AT_ONCE_S, TIMES_DEARER_MAX * part_s):
            return True
    return False


def _taken_s(act: Callable[[str], object], text: str) -> float:
    began_s = time.thread_time()
    act(text)
    return time.thread_time() - began_s
