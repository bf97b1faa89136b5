"""Orders and films in a folder of this machine: what outlives everybody who is killed.

    JOBS/ID/order.json     all that the film is made from, with the callers' images beside it
    JOBS/ID/lock           whoever renders it holds a lock on this; how far it is stands inside
    JOBS/ID/deaths         a byte for every process that died at it
    JOBS/ID/film.mp4       the film
    JOBS/ID/end.json       how it ended; the first to write it is right, for ever

An order is there whole or not at all: it is written beside, forced to the disk, and renamed. So
is a film, before its end is. A lock goes with the process that holds it, so a film that nobody
works at can be told from one that somebody does, across processes and after a power cut.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

ENDED_S_MAX: Final = 48 * 3600.0
"""How long a film lies here after its end; it is fetched within seconds, or salvaged later."""

LEFT_S_MAX: Final = 14 * 24 * 3600.0
"""How long an order lies here that nobody asks for any more."""

Said = Mapping[str, Any]


class Unsure(OSError):
    """The order is there, but whether a power cut would spare it is not known."""


@dataclass(slots=True)
class Claim:
    """The right to render one job, until it is released or its process ends."""

    number: int

    def tell(self, progress: int) -> None:
        """Say how far it is, for other processes."""
        os.pwrite(self.number, b"%3d" % min(progress, 99), 0)

    def release(self) -> None:
        """Let others have it."""
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


class Jobs:
    """A folder of jobs. Everything here blocks, but for milliseconds.

    `sync` forces what was written to the disk.
    """

    def __init__(self, folder: Path, *, sync: Callable[[int], None] = os.fsync) -> None:
        self._folder = folder / "jobs"
        self._sync = sync

    def accept(self, job_id: str, order: Said, images: Mapping[str, Path]) -> None:
        """Take an order; one that is there already stays as it is.

        Raises:
            Unsure: it was taken, but may not outlive a power cut.
            OSError: it was not taken.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        if self.order(job_id) is not None:
            return
        beside = self._folder / f".{job_id}.{secrets.token_hex(4)}"
        beside.mkdir(mode=0o700)
        try:
            for name, path in images.items():
                shutil.copyfile(path, beside / name)
                self._force(beside / name)
            self._write(beside / "order.json", order)
            self._force(beside)
            _rename(beside, self._folder / job_id)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        try:
            self._force(self._folder)
        except OSError as error:
            raise Unsure(error.errno, error.strerror) from error

    def order(self, job_id: str) -> Said | None:
        """Return an order; None if there is none."""
        return _read(self._folder / job_id / "order.json")

    def end(self, job_id: str) -> Said | None:
        """Return how a job ended; None if it has not."""
        return _read(self._folder / job_id / "end.json")

    def has_ended(self, job_id: str) -> bool:
        """Say whether a job has ended, without reading how."""
        return (self._folder / job_id / "end.json").exists()

    def settle(self, job_id: str, end: Said) -> Said:
        """End a job, unless it has ended; return how it did.

        Raises:
            OSError: it cannot be written now.
        """
        place = self._folder / job_id / "end.json"
        beside = place.with_name(f"end.{secrets.token_hex(4)}")
        try:
            self._write(beside, end)
            with contextlib.suppress(FileExistsError):
                place.hardlink_to(beside)
        finally:
            beside.unlink(missing_ok=True)
        self._force(place.parent)
        return self.end(job_id) or end

    def clear(self, job_id: str) -> None:
        """Remove what children left that did not come to an end; for who has the claim."""
        with contextlib.suppress(OSError):
            for leftover in (self._folder / job_id).glob("made.*"):
                leftover.unlink(missing_ok=True)

    def keep(self, job_id: str, made: str) -> int:
        """Put a film, by its name while it was made, into its place; return its size in bytes.

        Raises:
            OSError: there is none, or it cannot be put there.
        """
        place = self.place(job_id, made)
        self._force(place)
        place.rename(self.film(job_id))
        self._force(self._folder / job_id)
        return self.film(job_id).stat().st_size

    def claim(self, job_id: str) -> Claim | None:
        """Claim the right to render; None while another has it, here or in another process.

        Raises:
            OSError: the folder is gone, or cannot be written.
        """
        path = self._folder / job_id / "lock"
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            return None
        except OSError:
            os.close(number)
            raise
        return Claim(number)

    def progress(self, job_id: str) -> int:
        """Return how far a job is that another process renders."""
        with contextlib.suppress(OSError, ValueError):
            return int((self._folder / job_id / "lock").read_bytes() or b"0")
        return 0

    def died(self, job_id: str) -> int:
        """Note that a process died at a job; return how many did so far."""
        with (self._folder / job_id / "deaths").open("ab") as file:
            file.write(b"+")
            return file.tell()

    def film(self, job_id: str) -> Path:
        """Return where the film is, or will be."""
        return self._folder / job_id / "film.mp4"

    def place(self, job_id: str, name: str) -> Path:
        """Return a path beside the order."""
        return self._folder / job_id / name

    def _write(self, path: Path, said: Said) -> None:
        path.write_bytes(msgspec.json.encode(said))
        self._force(path)

    def _force(self, path: Path) -> None:
        number = os.open(path, os.O_RDONLY)
        try:
            self._sync(number)
        finally:
            os.close(number)

    def _sweep(self) -> None:
        """Remove what has ended long ago, and what nobody has asked for in much longer."""
        now = time.time()
        for job in self._folder.iterdir():
            with contextlib.suppress(OSError):
                has_ended = (job / "end.json").exists() or job.name.startswith(".")
                most_s = ENDED_S_MAX if has_ended else LEFT_S_MAX
                if now - job.stat().st_mtime > most_s:
                    shutil.rmtree(job, ignore_errors=True)


def _rename(folder: Path, place: Path) -> None:
    """Put a folder into its place; where one is already, that one stays."""
    try:
        folder.rename(place)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise


def _read(path: Path) -> Said | None:
    try:
        found: Said = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return {}
    return found
