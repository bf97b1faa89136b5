"""Fakes that ship with the package: what tests of anything built on Rushes need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from rushes.clock import Clock
from rushes.domain.ids import is_blob_name
from rushes.ports import BlobStat

CHUNK_BYTES = 64 * 2**10


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, at: datetime) -> None:
        """Start at an instant, which must be aware of its zone."""
        self.set(at)

    def now(self) -> datetime:
        """Return the present instant, UTC-aware."""
        return self._at

    def set(self, at: datetime) -> None:
        """Move to an instant."""
        if at.tzinfo is None:
            raise ValueError(f"{at} does not know its zone")
        self._at = at

    def advance(self, seconds: float) -> None:
        """Move on by some seconds."""
        self._at += timedelta(seconds=seconds)


class MemoryBlobs:
    """Blobs in a dict; keeps every promise of `ports.Blobs` but to survive the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[bytes, datetime]] = {}

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a blob and return its size; nothing is visible before it is whole.

        Raises:
            FileExistsError: the name has other bytes.
        """
        _check(name)
        content = b"".join([chunk async for chunk in chunks])
        return self._place(name, content)

    async def put_files(self, files: Mapping[str, Path]) -> None:
        """Store local files; afterwards they are gone from where they were.

        Raises:
            FileExistsError: a name has other bytes.
        """
        for name in files:
            _check(name)
        for name, path in files.items():
            self._place(name, path.read_bytes())
            path.unlink()

    async def stat(self, name: str) -> BlobStat | None:
        """Return what is known of a blob, None if there is none."""
        held = self._held.get(_check(name))
        return None if held is None else BlobStat(len(held[0]), held[1])

    async def open(
        self, name: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream a blob, or a part of it.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"{name}: a part cannot begin at {start} and have length {length}")
        held = self._held.get(_check(name))
        if held is None:
            raise FileNotFoundError(name)
        part = held[0][start : None if length is None else start + length]
        for at in range(0, len(part), CHUNK_BYTES):
            yield part[at : at + CHUNK_BYTES]

    def local_path(self, name: str) -> Path | None:
        """Return None: these blobs lie nowhere."""
        _check(name)
        return None

    async def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is fine."""
        self.delete_now(name)

    def delete_now(self, name: str) -> None:
        """Remove a blob at once."""
        self._held.pop(_check(name), None)

    async def names(self, prefix: str) -> AsyncIterator[tuple[str, BlobStat]]:
        """List the blobs whose names begin with `prefix`."""
        for name, (content, at) in list(self._held.items()):
            if name.startswith(prefix):
                yield name, BlobStat(len(content), at)

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Find nothing: a put shows whole or not at all."""
        return 0

    async def free_bytes(self) -> int | None:
        """Return None: nobody knows."""
        return None

    def _place(self, name: str, content: bytes) -> int:
        held, _ = self._held.setdefault(name, (content, self._clock.now()))
        if held != content:
            raise FileExistsError(f"{name} is there already, with other bytes")
        return len(content)


def _check(name: str) -> str:
    if not is_blob_name(name):
        raise ValueError(f"{name!r} cannot name a blob")
    return name
