"""How full the house is: tasks that wait for a slot, and bytes that are left to write.

Both are asked about once a second, however many callers come; new tasks are refused before
either bound is reached by much.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.errors import Overloaded
from rushes.observe import Metrics
from rushes.ports import Blobs, Store

ROOM_AGE: Final = timedelta(seconds=1)
COUNT_AGAIN_S: Final = 1.0
SHARE: Final = 50.0
"""Waiting tasks are counted at most a fiftieth of the time."""

RETRY_AFTER_S: Final = 60


@dataclass(slots=True)
class Fullness:
    """What was found when it was last asked, and since when that counts."""

    metrics: Metrics
    _waiting: int = 0
    _count_again_at_s: float = -math.inf
    _free_bytes: int | None = None
    _room_asked_at: datetime | None = None

    def note_accepted(self) -> None:
        """Count a task that came since."""
        self._waiting += 1

    async def check_queue(self, store: Store, waiting_max: int | None) -> None:
        """Refuse while `waiting_max` tasks wait already, whoever's they are.

        Raises:
            Overloaded: there are too many.
        """
        if waiting_max is None:
            return
        began_s = time.monotonic()
        if began_s >= self._count_again_at_s:
            self._count_again_at_s = began_s + COUNT_AGAIN_S
            self._waiting = await store.read(lambda tx: tx.waiting_count(waiting_max))
            now_s = time.monotonic()
            self._count_again_at_s = now_s + max(COUNT_AGAIN_S, SHARE * (now_s - began_s))
        if self._waiting >= waiting_max:
            self.metrics.refused.labels("queue").inc()
            raise Overloaded(
                f"{waiting_max} tasks wait already. The task was not accepted; try again later.",
                retry_after_s=RETRY_AFTER_S,
            )

    async def check_room(
        self, at: datetime, blobs: Blobs, other_room: Callable[[], int | None], free_bytes_min: int
    ) -> None:
        """Refuse while storage is nearly full; `other_room` may block.

        Raises:
            Overloaded: where there is least room, there is less than `free_bytes_min`.
        """
        if self._room_asked_at is None or not timedelta(0) <= at - self._room_asked_at < ROOM_AGE:
            self._room_asked_at = at
            rooms = (await blobs.free_bytes(), await asyncio.to_thread(other_room))
            self._free_bytes = min((room for room in rooms if room is not None), default=None)
        if self._free_bytes is not None and self._free_bytes < free_bytes_min:
            self.metrics.refused.labels("storage").inc()
            raise Overloaded(
                "Storage is nearly full. The task was not accepted; try again later.",
                retry_after_s=RETRY_AFTER_S,
            )
