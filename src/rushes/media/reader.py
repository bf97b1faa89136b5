"""Reading what a film says of itself: in a limited child, since anybody may have written it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from rushes.media.children import FreshChildren, ask, isolated
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
    children = FreshChildren(COMMAND)
    heard = await ask(children, film, folder, _limits, bytes_max=REPORT_BYTES_MAX)
    if heard.code != EXIT_VERDICT:
        return Reading(fault=BROKEN)
    return msgspec.json.decode(heard.said, type=Reading)


def _limits(film_bytes: int) -> InspectionLimits:
    """Return what reading a film of this length may use."""
    return replace(
        LIMITS,
        opening_cpu_s=LIMITS.opening_cpu_s + film_bytes // BYTES_PER_CPU_S,
        still_bytes_max=film_bytes + InspectionLimits().still_bytes_max,
    )
