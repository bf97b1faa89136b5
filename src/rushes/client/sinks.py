"""Where a film goes: a path, a file object, or memory.

A path is written under another name beside it and renamed when the film is whole, so that
nobody ever finds half a film under the name that was asked for. Where a later call is to take it
up, the half stays under that other name, with the ETag that says of which film. Links are
followed; what is there and is no file, such as /dev/null or a pipe, is written to and not
replaced.
"""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, Final, Protocol, TypeAlias

from rushes.client.errors import Unsendable
from rushes.client.shapes import Variant

Target: TypeAlias = str | PathLike[str] | IO[bytes] | None

RESUME_WANTS: Final = "resume goes with the path of a file, or with a folder."
_PIECE_BYTES: Final = 1 << 20
_STRONG: Final = re.compile(r'"[!#-~]*"')

_ENDINGS: Final[Mapping[Variant, str]] = {
    "video": ".mp4",
    "thumbnail": ".thumbnail.webp",
    "last_frame": ".last_frame.webp",
    "spritesheet": ".spritesheet.jpg",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The beginning of a film that is here already: its bytes, counted and hashed, and its ETag."""

    size_bytes: int
    etag: str
    hasher: Hasher


class Hasher(Protocol):
    """What a digest is made with."""

    def update(self, data: bytes, /) -> None:
        """Take bytes in."""
        ...

    def hexdigest(self) -> str:
        """Return the digest so far."""
        ...


class Sink(Protocol):
    """Takes the bytes of one film; all verbs may wait for a disk.

    `path` and `content` are set once it is finished, where there are such.
    """

    path: Path | None
    content: bytes | None

    @property
    def kept(self) -> Kept | None:
        """What an earlier call left here, if anything did."""
        ...

    def note(self, etag: str | None) -> None:
        """Hear of which film the bytes are that follow; None: nobody could tell later."""
        ...

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        ...

    def restart(self) -> None:
        """Forget every byte so far.

        Raises:
            OSError: what was written cannot be taken back.
        """
        ...

    def finish(self) -> None:
        """Keep the film."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind; does nothing once finished."""
        ...


def open_sink(target: Target, video_id: str, variant: Variant, *, is_resumed: bool) -> Sink:
    """Open what the caller wants a film written to; a folder takes it under the video's id.

    Raises:
        OSError: nothing can be written there.
        Unsendable: it is to be taken up later, and that goes with a file only.
    """
    if is_resumed and not isinstance(target, (str, PathLike)):
        raise Unsendable(RESUME_WANTS)
    if target is None:
        return MemorySink()
    if isinstance(target, (str, PathLike)):
        path = Path(target)
        if path.is_dir():
            path /= name_of(video_id, variant)
        if path.exists() and not path.is_file():
            if is_resumed:
                raise Unsendable(RESUME_WANTS)
            return DeviceSink(path)
        return PartSink(path) if is_resumed else FileSink(path)
    return BorrowedSink(target)


def name_of(video_id: str, variant: Variant) -> str:
    """Return what a film or a still is called where no name was given.

    An id is the server's word, and may not lead out of a folder.
    """
    return f"{Path(video_id).name}{_ENDINGS[variant]}"


class _Fresh:
    """What holds of sinks that begin with nothing."""

    @property
    def kept(self) -> Kept | None:
        """See `Sink`."""
        return None

    def note(self, etag: str | None) -> None:
        """See `Sink`."""


class FileSink(_Fresh):
    """Writes beside the path, and renames at the end; an older film is replaced then."""

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.content: bytes | None = None
        self._target = path.resolve() if path.is_symlink() else path
        self._part = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.part")
        self._file = self._part.open("xb")

    def write(self, chunk: bytes) -> None:
        """See `Sink`."""
        self._file.write(chunk)

    def restart(self) -> None:
        """See `Sink`."""
        self._file.seek(0)
        self._file.truncate()

    def finish(self) -> None:
        """See `Sink`; the bytes are on the disk, as the server's copy may be deleted next."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._target)

    def abandon(self) -> None:
        """See `Sink`."""
        with suppress(OSError):  # a full disk refuses the last bytes again; they go anyway
            self._file.close()
        with suppress(FileNotFoundError):  # finished
            self._part.unlink()


class PartSink:
    """Writes beside the path under a name that a later call finds again; one call at a time."""

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.content: bytes | None = None
        self._target = path.resolve() if path.is_symlink() else path
        self._part = self._target.with_name(f".{self._target.name}.part")
        self._tag = self._target.with_name(f".{self._target.name}.part.etag")
        self._kept = self._found()
        self._file = self._part.open("ab")
        if self._kept is None:
            self.restart()

    @property
    def kept(self) -> Kept | None:
        """See `Sink`."""
        return self._kept

    def note(self, etag: str | None) -> None:
        """See `Sink`."""
        if etag is not None:
            self._tag.write_text(etag, encoding="latin-1")

    def write(self, chunk: bytes) -> None:
        """See `Sink`."""
        self._file.write(chunk)

    def restart(self) -> None:
        """See `Sink`; the name of the film goes first, so that it never stands at another's."""
        self._tag.unlink(missing_ok=True)
        self._file.truncate(0)

    def finish(self) -> None:
        """See `Sink`."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._target)
        self._tag.unlink(missing_ok=True)

    def abandon(self) -> None:
        """See `Sink`: what has come stays for the next call."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            if not self._tag.exists():
                self._part.unlink(missing_ok=True)

    def _found(self) -> Kept | None:
        try:
            etag = self._tag.read_text(encoding="latin-1")
            hasher, size_bytes = sha256(), 0
            with self._part.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    hasher.update(piece)
                    size_bytes += len(piece)
        except FileNotFoundError:
            return None
        return Kept(size_bytes, etag, hasher) if size_bytes and _STRONG.fullmatch(etag) else None


class BorrowedSink(_Fresh):
    """Writes to a file object of the caller, who closes it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.path: Path | None = None
        self.content: bytes | None = None
        self._file = file
        self._start = file.tell() if file.seekable() else None
        self._is_fresh = True

    def write(self, chunk: bytes) -> None:
        """See `Sink`; an unbuffered file may take a part, and is given the rest again.

        Raises:
            OSError: the file took nothing.
        """
        self._is_fresh = False
        rest = chunk
        while rest:
            taken_bytes: int | None = self._file.write(rest)
            if taken_bytes is None and not isinstance(self._file, io.RawIOBase):
                return  # some that are like a file take all and do not say so
            if not taken_bytes:  # None is a raw file's word for: not just now
                raise OSError(f"the file took none of the film's bytes: write() said {taken_bytes}")
            rest = rest[taken_bytes:]

    def restart(self) -> None:
        """See `Sink`."""
        if self._start is not None:
            self._file.seek(self._start)
            self._file.truncate()
        elif not self._is_fresh:
            raise OSError("the film must be written anew, and this file cannot go back")

    def finish(self) -> None:
        """See `Sink`."""
        self._file.flush()

    def abandon(self) -> None:
        """See `Sink`: what the caller's file holds by then is the caller's."""


class DeviceSink(BorrowedSink):
    """Writes to a device or a pipe, which is there before and after."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("wb"))
        self._start = None  # it may know a position, and goes nowhere all the same

    def finish(self) -> None:
        """See `Sink`."""
        self._file.close()

    def abandon(self) -> None:
        """See `Sink`."""
        with suppress(OSError):
            self._file.close()


class MemorySink(_Fresh):
    """Keeps the bytes."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.content: bytes | None = None
        self._buffer = BytesIO()

    def write(self, chunk: bytes) -> None:
        """See `Sink`."""
        self._buffer.write(chunk)

    def restart(self) -> None:
        """See `Sink`."""
        self._buffer = BytesIO()

    def finish(self) -> None:
        """See `Sink`."""
        self.content = self._buffer.getvalue()

    def abandon(self) -> None:
        """See `Sink`."""
