"""How tasks fared that were accepted in a span of time: what operators draw charts of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

INSIGHTS_SPAN_MAX: Final = timedelta(days=92)
"""Every task of the span is read for an answer."""


class InsightBy(StrEnum):
    """What tasks are added up by: the day of UTC they were accepted on, their model, or both."""

    DAY = "day"
    MODEL = "model"
    DAY_AND_MODEL = "day_and_model"

    @property
    def has_day(self) -> bool:
        """Whether a line has a day."""
        return self is not InsightBy.MODEL

    @property
    def has_model(self) -> bool:
        """Whether a line has a model."""
        return self is not InsightBy.DAY


@dataclass(frozen=True, slots=True)
class Insight:
    """How the tasks of a line fared. `day` (2026-11-26) and `model` are None where all count.

    Of those `accepted`, `films` came out well, `canceled` were ended by somebody, `failed` counts
    the others that ended, by reason, and `unfinished` are under way. `rehearsals` of them were
    rendered by the sandbox in a model's place. `median_s` and `p95_s` are from accept to film, by
    nearest rank; None without a film.
    """

    day: str | None
    model: str | None
    accepted: int
    films: int
    canceled: int
    failed: Mapping[str, int]
    unfinished: int
    rehearsals: int
    median_s: float | None
    p95_s: float | None


def rank_of(percent: int, count: int) -> int:
    """Return the nearest rank of a percentile among `count` values, from 1 on.

    >>> rank_of(50, 4), rank_of(50, 5), rank_of(95, 20), rank_of(95, 1)
    (2, 3, 19, 1)
    """
    return (percent * count + 99) // 100
