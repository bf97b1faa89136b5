"""In which order a task asks the routes of its model.

By priority, the smallest first; among equals by weight, drawn for each task from its own id:
the same task always has the same order, whoever asks, and many tasks share routes by weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from rushes.domain.catalog import Route

_DRAWS: Final = 2**64


def in_order(routes: Iterable[Route], task_id: str) -> tuple[Route, ...]:
    """Return routes in the order in which a task asks them."""
    given = tuple(routes)
    if len(given) < 2:  # noqa: PLR2004 -- nothing to choose
        return given
    return tuple(sorted(given, key=lambda route: (route.priority, _draw(route, task_id))))


def _draw(route: Route, task_id: str) -> float:
    """Draw by an exponential law; the smallest draw falls to each route by its weight."""
    text = f"{task_id}\n{route.provider}\n{route.upstream_model}"
    drawn = (1 + int.from_bytes(sha256(text.encode()).digest()[:8])) / (_DRAWS + 1)
    return -math.log(drawn) / route.weight
