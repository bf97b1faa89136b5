"""How many bytes of bodies this process holds at once, whoever sends them.

A body is held from its first byte until its request is answered: what was read of it becomes
pictures, text and digests. So memory is bounded by bytes held, and not by connections. Half of it
is the most that one account may hold, so that no caller keeps all others out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rushes.domain.errors import Overloaded
from rushes.observe import Metrics

RETRY_AFTER_S = 5


@dataclass(slots=True)
class Crowd:
    """The bodies that are held now, and by which accounts. For use in one event loop."""

    bytes_max: int
    metrics: Metrics
    held_bytes: int = 0
    held_by: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def body(self, account_id: str) -> Iterator[Share]:
        """Hold one body's bytes as long as the block lasts."""
        share = Share(self, account_id)
        try:
            yield share
        finally:
            self._hold(account_id, -share.held_bytes)

    def has_room(self, account_id: str, size_bytes: int) -> bool:
        """Say whether so many bytes more may be held for an account."""
        held_bytes = self.held_by.get(account_id, 0)
        is_within_its_own = held_bytes + size_bytes <= self.bytes_max // 2
        return is_within_its_own and self.held_bytes + size_bytes <= self.bytes_max

    def take(self, account_id: str, size_bytes: int) -> None:
        """Hold so many bytes more.

        Raises:
            Overloaded: there is no room.
        """
        if not self.has_room(account_id, size_bytes):
            raise self.refused()
        self._hold(account_id, size_bytes)

    def _hold(self, account_id: str, size_bytes: int) -> None:
        self.held_bytes += size_bytes
        held_bytes = self.held_by.get(account_id, 0) + size_bytes
        if held_bytes:
            self.held_by[account_id] = held_bytes
        else:
            self.held_by.pop(account_id, None)

    def refused(self) -> Overloaded:
        """Return the refusal of a body that there is no room for."""
        self.metrics.refused.labels("bodies").inc()
        return Overloaded(
            "The gateway is reading as many uploads as it can. Nothing was accepted; try again "
            f"in {RETRY_AFTER_S} seconds.",
            retry_after_s=RETRY_AFTER_S,
        )


@dataclass(slots=True)
class Share:
    """What one body holds."""

    crowd: Crowd
    account_id: str
    held_bytes: int = field(default=0, init=False)

    async def through(
        self, chunks: AsyncIterator[bytes], length: str | None
    ) -> AsyncGenerator[bytes, None]:
        """Pass a body on as it comes; `length` is what its Content-Length says.

        One that would not fit is refused before it is read; but only bytes that came are held,
        so that a caller who announces much and sends little is in nobody's way.

        Raises:
            Overloaded: there is no room.
        """
        announced = int(length) if length is not None and length.isdecimal() else 0
        if not self.crowd.has_room(self.account_id, announced):
            raise self.crowd.refused()
        async for chunk in chunks:
            self.crowd.take(self.account_id, len(chunk))
            self.held_bytes += len(chunk)
            yield chunk
