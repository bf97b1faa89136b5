"""Films are read: from the page cache at once, from a disk in a thread.

A local file becomes pieces for a sender: bytes, or, where the server can send a file
itself, a `Stretch` of it that the page cache holds.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from rushes.http.conditions import ByteRange

CHUNK_BYTES: Final = 256 * 1024
"""What is read at once where bytes are copied. Measured: 64 KiB and 1 MiB cost more per byte."""

STRETCH_BYTES: Final = 4 * 1024 * 1024
"""What the server is given at once to send by itself; that costs no memory."""

SAMPLE_BYTES: Final = 512 * 1024
"""How far apart the page cache is asked; each question costs a microsecond."""

FIRST_BYTES: Final = 64 * 1024
"""What is read before an answer begins, to know that there will be one."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes that need not be read, since the server sends them from the file."""

    file: FileIO
    offset: int
    count: int


Piece = bytes | Stretch


def size_of(piece: Piece) -> int:
    """Return the size of a piece in bytes."""
    return piece.count if isinstance(piece, Stretch) else len(piece)


async def opened(path: Path, part: ByteRange, size_bytes: int) -> tuple[FileIO, bytes]:
    """Open a file and read the beginning of a part, both of which may have to wait for a disk.

    Raises:
        OSError: the file cannot be read, or has not `size_bytes`.
    """
    opening = asyncio.get_running_loop().run_in_executor(None, _opened, path, part, size_bytes)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _opened(path: Path, part: ByteRange, size_bytes: int) -> tuple[FileIO, bytes]:
    file = path.open("rb", buffering=0)
    try:
        found_bytes = os.fstat(file.fileno()).st_size
        if found_bytes != size_bytes:
            raise OSError(errno.EIO, f"has {found_bytes} bytes in place of {size_bytes}", str(path))
        first = os.pread(file.fileno(), min(FIRST_BYTES, part.length), part.start)
        if not first:
            raise OSError(errno.EIO, "was cut short just now", str(path))
    except OSError:
        file.close()
        raise
    return file, first


def _close_unwanted(opening: asyncio.Future[tuple[FileIO, bytes]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()


async def file_pieces(
    file: FileIO, part: ByteRange, read_bytes: int, *, with_stretches: bool
) -> AsyncGenerator[Piece, None]:
    """Yield the part from `read_bytes` on; ends early where the file does.

    A thread may still read while the user of this closes the file. Its bytes are dropped, and
    a read at a position moves nothing, whoever has the descriptor by then.

    Raises:
        OSError: the file cannot be read on.
    """
    loop, number = asyncio.get_running_loop(), file.fileno()
    start, stop = part.start + read_bytes, part.start + part.length
    while start < stop:
        count = min(STRETCH_BYTES, stop - start)
        if with_stretches and is_cached(number, start, count):
            yield Stretch(file, start, count)
            start += count
            continue
        size = min(CHUNK_BYTES, stop - start)
        if is_cached(number, start, size):
            chunk = os.pread(number, size, start)
        else:
            chunk = await loop.run_in_executor(None, os.pread, number, size, start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def is_cached(file: int, start: int, size: int) -> bool:
    """Say whether bytes can be read without waiting for a disk, as far as samples tell.

    The page cache fills and empties in runs of pages, so a hole between samples is rare, and
    costs the loop one read from the disk.
    """
    last = start + size - 1
    return all(_is_byte_cached(file, at) for at in (last, *range(start, last, SAMPLE_BYTES)))


if sys.platform == "linux":

    def _is_byte_cached(file: int, at: int) -> bool:
        try:
            return os.preadv(file, [bytearray(1)], at, os.RWF_NOWAIT) == 1
        except OSError:  # not cached, or a file system that cannot tell
            return False

else:

    def _is_byte_cached(file: int, at: int) -> bool:
        del file, at
        return False  # nobody to ask
