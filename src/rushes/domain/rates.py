"""Rates: how much may come in a window of time. Windows begin where the clock says they do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

RATE_MAX: Final = 10**9
"""What a rate may be at most; beyond it there is no limit that anybody could feel."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RateKind(StrEnum):
    """What is counted: requests in windows of a second, submits in windows of a minute."""

    REQUESTS = "requests"
    SUBMITS = "submits"

    @property
    def window(self) -> timedelta:
        """How long a window lasts."""
        return WINDOWS[self]

    def number(self, at: datetime) -> int:
        """Return the number of the window that holds an instant.

        >>> RateKind.SUBMITS.number(_EPOCH + timedelta(seconds=119))
        1
        """
        return (at - _EPOCH) // WINDOWS[self]

    def began(self, number: int) -> datetime:
        """Return when a window began."""
        return _EPOCH + number * WINDOWS[self]


WINDOWS: Final[Mapping[RateKind, timedelta]] = {
    RateKind.REQUESTS: timedelta(seconds=1),
    RateKind.SUBMITS: timedelta(minutes=1),
}


def lot_of(limit: int) -> int:
    """Return how many a process takes at once of a rate: a tenth of it, and at least one.

    >>> lot_of(1), lot_of(25), lot_of(1000)
    (1, 2, 100)
    """
    return max(1, limit // 10)
