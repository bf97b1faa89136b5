"""Time is asked of one object, so that tests can hold it still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where `at` comes from."""

    def now(self) -> datetime:
        """Return the present instant, UTC-aware."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the present instant, UTC-aware."""
        return datetime.now(tz=UTC)
