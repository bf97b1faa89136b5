"""What the inspector and its child say to each other: limits out, a report back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

POSTER: Final = "poster.webp"
LAST_FRAME: Final = "last-frame.webp"
SPRITESHEET: Final = "spritesheet.jpg"

EXIT_VERDICT: Final = 0
"""The child looked, and its report is its verdict; any other exit says nothing of the film."""


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """What one inspection may use, whatever the film declares.

    CPU time starts at `opening_cpu_s` and grows with declared pixels x frames, one second for
    each `pixels_per_cpu_s`, up to `cpu_s_max`. `wall_s` ends a child even when nobody is left
    to kill it.
    """

    opening_cpu_s: int = 10
    cpu_s_max: int = 120
    pixels_per_cpu_s: int = 20_000_000
    wall_s: float = 300.0
    memory_bytes_max: int = 2 * 2**30
    still_bytes_max: int = 32 * 2**20
    files_max: int = 32
    edge_px_max: int = 8_192
    frame_pixels_max: int = 36_000_000
    seconds_max: float = 3_600.0
    fps_max: float = 240.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a child found: a film's measures, or (`fault`) why it is none."""

    fault: str = ""
    seconds: float = 0.0
    width_px: int = 0
    height_px: int = 0
    fps: float = 0.0
    frame_count: int = 0
    video_codec: str = ""
    audio_codec: str | None = None
