"""A film of any size passes through a few parts' worth of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seaweed import Seaweed

FILM_BYTES = 500 * 10**6
GROWTH_BYTES_MAX = 64 * 2**20
CHILD = """
import asyncio, json, os, re, sys
from pathlib import Path
from rushes.clock import SystemClock
from rushes.settings import Settings
from rushes.storage import blobs_of

def memory(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

async def film(size):
    while size:
        piece = os.urandom(min(size, 256 * 1024))  # new bytes: the library keeps what it is given
        yield piece
        size -= len(piece)

async def main():
    blobs = blobs_of(Settings.model_validate_json(sys.argv[1]), SystemClock())
    await blobs.put("films/warm/1/film.mp4", film(1))
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark begins anew
    before = memory("VmRSS")
    await blobs.put("films/large/1/film.mp4", film(int(sys.argv[2])))
    stored, size = memory("VmHWM"), 0
    async for piece in blobs.open("films/large/1/film.mp4"):
        size += len(piece)
    await blobs.delete("films/large/1/film.mp4")
    print(json.dumps({"size": size, "stored": stored - before, "read": memory("VmHWM") - before}))

asyncio.run(main())
"""


@pytest.mark.long
def test_a_film_of_500_mb_goes_up_and_comes_down_in_constant_memory(
    seaweed: Seaweed, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    settings = seaweed.settings(tmp_path, "memory").model_dump_json()
    run = subprocess.run(
        [sys.executable, "-c", CHILD, settings, str(FILM_BYTES)],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    told = json.loads(run.stdout)
    record_property("told", f"500 MB: {told}")
    assert told["size"] == FILM_BYTES
    assert told["stored"] <= GROWTH_BYTES_MAX
    assert told["read"] <= GROWTH_BYTES_MAX
