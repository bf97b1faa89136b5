"""What a renderer's process does: read a job, render it, say how it goes."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Final

import cv2

from rushes.studio.kinship import Orphaned, die_with_parent
from rushes.studio.order import BadOrder, Line, read_job, write_line
from rushes.studio.render import render

NICE: Final = 5
"""Films may take a little longer; the server beside them must not."""

MEMORY_BYTES_MAX: Final = 4 * 2**30
"""For each half. The largest films take a quarter; a stranger's clip might ask for more."""


def main() -> int:
    """Render the order on standard input; return the exit code."""
    cv2.setNumThreads(1)
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    try:
        job = read_job(sys.stdin.buffer.readline())
        die_with_parent(job.parent_pid)
        made = render(job.order, Path(job.path), lambda percent: _say(Line(progress=percent)))
    except BadOrder as error:
        _say(Line(error=str(error), is_order_at_fault=True))
        return 1
    except (Orphaned, OSError, MemoryError) as error:
        _say(Line(error=f"{type(error).__name__}: {error}"))
        return 1
    _say(Line(done=made))
    return 0


def _say(line: Line) -> None:
    sys.stdout.buffer.write(write_line(line))
    sys.stdout.buffer.flush()
