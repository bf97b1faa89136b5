"""Input files for providers: as they lie, or copies of what is in a bucket, not for ever."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.media.assets import COPY_LIFE_S, BlobAssets
from rushes.testing.fakes import MemoryBlobs

ONE, OTHER = "0f" * 32, "1e" * 32


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_a_file_on_this_machine_is_not_copied(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    await blobs.put(f"inputs/{ONE}", once(b"one"))
    path = await BlobAssets(blobs, tmp_path / "scratch").path_of(ONE)
    assert path == tmp_path / "blobs" / "inputs" / ONE
    assert not (tmp_path / "scratch").exists()


async def test_a_copy_is_made_once_and_goes_when_nobody_asked_for_it_in_a_while(
    tmp_path: Path,
) -> None:
    blobs = MemoryBlobs(SystemClock())
    for name in (ONE, OTHER):
        await blobs.put(f"inputs/{name}", once(name.encode()))
    assets = BlobAssets(blobs, tmp_path)
    one = await assets.path_of(ONE)
    assert one.read_text() == ONE
    await blobs.delete(f"inputs/{ONE}")
    assert await assets.path_of(ONE) == one, "it is there already"
    long_ago = one.stat().st_mtime - COPY_LIFE_S - 1
    os.utime(one, (long_ago, long_ago))
    assert await assets.path_of(ONE) == one, "and young again, being asked for"
    other = await assets.path_of(OTHER)
    assert one.exists()
    other.unlink()
    os.utime(one, (long_ago, long_ago))
    await assets.path_of(OTHER)
    assert not one.exists()


async def test_a_copy_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(MemoryBlobs):
        async def open(
            self, name: str, start: int = 0, length: int | None = None
        ) -> AsyncIterator[bytes]:
            yield b"half"
            raise OSError("storage could not read it: it did not answer")

    with pytest.raises(OSError, match="did not answer"):
        await BlobAssets(Broken(SystemClock()), tmp_path).path_of(ONE)
    assert list((tmp_path / "inputs").iterdir()) == []
