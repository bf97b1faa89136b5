"""Looking at films: each in a fresh process that has next to nothing to lose.

A decoder is a million lines of C that reads whatever an upstream sent. So it runs in a child
(`inspector_child.py`): isolated, without environment, under limits of CPU, memory, files and
time, in a process group of its own that is killed as one. What the child says is read up to a
bound, and checked for form, before it is believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import msgspec

from rushes.domain.spec import Size
from rushes.media.inspection import (
    EXIT_VERDICT,
    LAST_FRAME,
    POSTER,
    SPRITESHEET,
    InspectionLimits,
    Report,
)
from rushes.ports import NotAFilm, Probe

COMMAND: Final = (sys.executable, "-I", "-m", "rushes.media.inspector_child")
REPORT_BYTES_MAX: Final = 16 * 2**10

_GRACE_S: Final = 5.0
"""How long after its own alarm a child is waited for."""

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
    """Looks at media in a limited child process; `ports.Inspector`.

    At most `at_once_max` films are decoded at the same time, by default one for each core;
    the others wait. An inspector belongs to one event loop. `command` starts a child.
    """

    def __init__(
        self,
        *,
        limits: InspectionLimits | None = None,
        at_once_max: int | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._limits = limits or InspectionLimits()
        self._command = command
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
        # Files, not pipes: their size is limited like that of any file of the child, and
        # nobody waits for whoever else may hold the other end.
        with (
            film.open("rb") as content,
            TemporaryFile(dir=folder) as said,
            TemporaryFile(dir=folder) as complained,
        ):
            process = await asyncio.create_subprocess_exec(
                *self._command,
                json.dumps(asdict(self._limits)),
                str(os.getpid()),
                stdin=content,
                stdout=said,
                stderr=complained,
                cwd=folder,
                env={},
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self._limits.wall_s + _GRACE_S):
                    code = await process.wait()
            finally:
                await _end(process)
            return _report(code, _head(said), _last_line(complained))


def _report(code: int, said: bytes, complaint: str) -> Report:
    """Judge how a child ended.

    Raises:
        OSError: in a way that says nothing of the film.
    """
    if -code in _DEATHS:
        return Report(fault=_DEATHS[-code])
    if code != EXIT_VERDICT:
        raise OSError(f"the inspection ended with {code}: {complaint}")
    try:
        return msgspec.json.decode(said, type=Report)
    except msgspec.DecodeError as error:
        raise OSError("the inspection ended without a report") from error


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(REPORT_BYTES_MAX)


def _last_line(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - REPORT_BYTES_MAX))
    return file.read().decode(errors="replace").strip().rpartition("\n")[2]


async def _end(process: Process) -> None:
    """Kill the child's whole group, and take leave of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
