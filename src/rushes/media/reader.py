"""Reading what a film says of itself: in a limited child, since anybody may have written it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

import msgspec

from rushes.media.children import FreshChildren, isolated
from rushes.media.inspection import EXIT_VERDICT, InspectionLimits
from rushes.media.reading import ANCHORS, Reading

COMMAND: Final = isolated("from rushes.media.reading_child import main\nsys.exit(main(sys.argv))")
BYTES_PER_CPU_S: Final = 20_000_000
REPORT_BYTES_MAX: Final = 2**20
LIMITS: Final = InspectionLimits(opening_cpu_s=30, cpu_s_max=600, wall_s=900.0)

BROKEN: Final = "It cannot be read: its data break the reader."


def read_film(film: Path, anchors: str | None = None) -> Reading:
    """Return what a film says; `anchors` are certificates whose signatures are believed, as PEM.

    Raises:
        OSError: the file cannot be read, or nothing be looked at now.
    """
    with TemporaryDirectory(prefix="rushes-") as home:
        folder = Path(home)
        if anchors is not None:
            (folder / ANCHORS).write_text(anchors, encoding="ascii")
        return asyncio.run(_ask_child(film, folder))


async def _ask_child(film: Path, folder: Path) -> Reading:
    with (
        film.open("rb") as content,
        TemporaryFile(dir=folder) as said,
        TemporaryFile(dir=folder) as complained,
    ):
        size_bytes = os.fstat(content.fileno()).st_size
        limits = replace(
            LIMITS,
            opening_cpu_s=LIMITS.opening_cpu_s + size_bytes // BYTES_PER_CPU_S,
            still_bytes_max=size_bytes + InspectionLimits().still_bytes_max,
        )
        code = await FreshChildren(COMMAND).run(
            limits, film=content, said=said, complained=complained, folder=folder
        )
        said.seek(0)
        if code != EXIT_VERDICT:
            return Reading(fault=BROKEN)
        return msgspec.json.decode(said.read(REPORT_BYTES_MAX), type=Reading)
