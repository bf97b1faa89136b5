"""Looking for our task in an upstream's list, where it keeps no reference of ours.

A list echoes what was asked: prompt, model, length, size, and when. That finds a task by
likeness, so it is believed only when nothing else could be meant. A list that was not read
back to the intent, or that keeps silent about what would tell two tasks apart, proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Final

from rushes.providers.base import Absent, Found, Search, Unknown

CLOCK_SLACK_S: Final = 60.0
"""How far an upstream's clock may lag behind ours before a search overlooks our task."""


class ListSearch:
    """Reads a list for a task that echoes all we asked for, made since the intent.

    `echo` maps each field of an item to what it must hold, as text. With `tells_all` that is all
    there is to a wish, its files included, or a token of it: what is found is ours.
    """

    def __init__(
        self, echo: Mapping[str, str], *, since: datetime, tells_all: bool = False
    ) -> None:
        self._echo = echo
        self._tells_all = tells_all
        self._not_before = since.timestamp() - CLOCK_SLACK_S
        self._same: dict[str, None] = {}
        self._is_unsure = False
        self._times: list[float] = []

    def read(self, item: Mapping[str, object], *, ref: str | None, at: object) -> None:
        """Read one item: its id, and the Unix time at which the upstream says it was made."""
        is_dated = isinstance(at, int | float)
        if isinstance(at, int | float):
            self._times.append(at)
            if at < self._not_before:
                return
        told = {field: _text(item.get(field)) for field in self._echo}
        if any(told[field] not in {None, wanted} for field, wanted in self._echo.items()):
            return
        if ref is None or not is_dated or None in told.values():
            self._is_unsure = True
        else:
            self._same[ref] = None

    @property
    def is_over(self) -> bool:
        """Whether all that follows is older than the intent.

        Only a list that is seen to fall proves that: some upstreams ignore the order asked for.
        """
        times = self._times
        is_falling = all(later <= sooner for sooner, later in pairwise(times))
        return is_falling and len(times) > 1 and times[0] > times[-1] < self._not_before

    def result(self, *, is_whole: bool) -> Search:
        """Say what was found; `is_whole` means that nothing made since the intent is unread."""
        if not is_whole or self._is_unsure or len(self._same) > 1:
            return Unknown()
        is_alike = not self._tells_all
        return next((Found({"id": ref}, is_alike) for ref in self._same), Absent())


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
