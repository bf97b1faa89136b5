"""Time is asked of one object, so that tests can hold it still."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
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


class ShiftedClock:
    """The machine's own clock as if somebody had set it: for tests of that.

    `file` holds by how many seconds; while there is none the clock is right.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """Return the instant that the machine would tell, UTC-aware."""
        try:
            shift_s = float(self._file.read_text(encoding="ascii") or 0)
        except FileNotFoundError:
            shift_s = 0.0
        return datetime.now(tz=UTC) + timedelta(seconds=shift_s)


def counting_pauses() -> float:
    """Return seconds of a clock that nobody sets, and that goes on while we are stopped."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SharedClock:
    """A clock that many machines have in common, carried on between two looks at it.

    It asks `count_s` for what has passed since, and never the machine's own clock: where that is
    wrong or somebody sets it, nothing happens here. Any thread may ask, one sets.
    """

    def __init__(self, at: datetime, *, count_s: Callable[[], float] = counting_pauses) -> None:
        self._count_s = count_s
        self._set = (at, count_s())

    def set(self, at: datetime, counted_s: float) -> None:
        """Take what the clock said, when `count_s` stood at `counted_s`."""
        self._set = (at, counted_s)

    def now(self) -> datetime:
        """Return the present instant, UTC-aware."""
        at, counted_s = self._set
        return at + timedelta(seconds=self._count_s() - counted_s)
