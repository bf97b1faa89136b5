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

    The best of a few tries counts, in this thread's own time: a busy machine cannot be told from a
    slow act by one.
    """
    whole_s = _best_s(act, text)
    if whole_s < AT_ONCE_S:
        return True
    return whole_s < TIMES_DEARER_MAX * _best_s(act, text[: len(text) // TIMES_LONGER])


def _best_s(act: Callable[[str], object], text: str) -> float:
    taken_s = []
    for _ in range(TRIES):
        began_s = time.thread_time()
        act(text)
        taken_s.append(time.thread_time() - began_s)
        if taken_s[-1] < AT_ONCE_S:
            break
    return min(taken_s)
