"""Every store of blobs keeps every promise of the port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest

from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.ports import Blobs
from rushes.storage import blobs_of
from rushes.testing.conformance.blobs import CHECKS, hold
from rushes.testing.fakes import MemoryBlobs
from seaweed import Seaweed

STORES: dict[str, Callable[[Path], Blobs]] = {
    "local": lambda folder: LocalBlobs(folder / "blobs"),
    "memory": lambda _: MemoryBlobs(SystemClock()),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("store", STORES)
async def test_a_store_keeps_its_promises(store: str, check: str, tmp_path: Path) -> None:
    await hold(STORES[store](tmp_path), check, tmp_path)


@pytest.mark.parametrize("check", CHECKS)
async def test_a_bucket_keeps_the_same_promises(
    check: str, seaweed: Seaweed, tmp_path: Path
) -> None:
    settings = seaweed.settings(tmp_path, f"conformance-{token_hex(4)}")
    await hold(blobs_of(settings, SystemClock()), check, tmp_path)
