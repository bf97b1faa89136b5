"""Looking at films: each in a process of its own that has next to nothing to lose.

A decoder is a million lines of C that reads whatever an upstream sent. So it runs in a child
(`children.py`, `inspector_child.py`): isolated, without environment, under limits of CPU,
memory, files and time, in a process group of its own that is killed as one. What the child says
is read up to a bound, and checked for form, before it is believed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from rushes.domain.spec import Size
from rushes.media.children import (
    IS_FORKING,
    Children,
    ForkedChildren,
    FreshChildren,
    Heard,
    ask,
)
from rushes.media.inspection import (
    EXIT_VERDICT,
    LAST_FRAME,
    POSTER,
    SPRITESHEET,
    InspectionLimits,
    Report,
)
from rushes.ports import NotAFilm, Probe

REPORT_BYTES_MAX: Final = 16 * 2**10

_DEATHS: Final[Mapping[int, str]] = {
    signal.SIGXCPU: "It takes longer to decode than a film of its length may.",
    signal.SIGSEGV: "Its data break the decoder.",
    signal.SIGBUS: "Its data break the decoder.",
    signal.SIGABRT: "Its data break the decoder.",
    signal.SIGILL: "Its data break the decoder.",
    signal.SIGFPE: "Its data break the decoder.",
}
"""Deaths that are a verdict on the film; any other is the machine's doing."""


class FilmInspector:
    """Looks at media in limited child processes; `ports.Inspector`.

    At most `at_once_max` films are decoded at the same time, by default one for each core;
    the others wait. An inspector belongs to one event loop. `children` are where processes
    come from: forked from one that is ready where the system can, else started for each film.
    """

    def __init__(
        self,
        *,
        limits: InspectionLimits | None = None,
        at_once_max: int | None = None,
        children: Children | None = None,
    ) -> None:
        self._limits = limits or InspectionLimits()
        self._children = children or (ForkedChildren() if IS_FORKING else FreshChildren())
        self._slots = asyncio.Semaphore(at_once_max or os.cpu_count() or 1)

    async def inspect(self, film: Path, folder: Path) -> Probe:
        """Decode a film to its end, and leave its stills in `folder`.

        The stills have fixed names, so a folder is for one film.

        Raises:
            NotAFilm: with a sentence that says what is wrong.
            OSError: it could not be looked at now; that says nothing of the film.
        """
        async with self._slots:
            report = await self._ask_child(film, folder)
        if report.fault:
            raise NotAFilm(report.fault)
        return Probe(
            seconds=report.seconds,
            size=Size(report.width_px, report.height_px),
            fps=report.fps,
            frame_count=report.frame_count,
            video_codec=report.video_codec,
            audio_codec=report.audio_codec,
            poster=folder / POSTER,
            spritesheet=folder / SPRITESHEET,
            last_frame=folder / LAST_FRAME,
        )

    async def _ask_child(self, film: Path, folder: Path) -> Report:
        limits = self._limits
        heard = await ask(
            self._children, film, folder, lambda _: limits, bytes_max=REPORT_BYTES_MAX
        )
        return _report(heard)


def _report(heard: Heard) -> Report:
    """Judge how a child ended.

    Raises:
        OSError: in a way that says nothing of the film.
    """
    if -heard.code in _DEATHS:
        return Report(fault=_DEATHS[-heard.code])
    if heard.code != EXIT_VERDICT:
        raise OSError(f"the inspection ended with {heard.code}: {heard.complaint}")
    try:
        return msgspec.json.decode(heard.said, type=Report)
    except msgspec.DecodeError as error:
        raise OSError("the inspection ended without a report") from error
