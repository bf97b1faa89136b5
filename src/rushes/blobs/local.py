"""Blobs as files in a folder.

A blob is written under a temporary name in the same file system, synced, renamed, and then its
folder is synced: so a name shows nothing or the whole, and what was answered for survives a
power cut. A crash leaves temporary files only, which `sweep_temporary` removes.
"""

from __future__ import annotations

import asyncio
import errno
import filecmp
import os
import shutil
import threading
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from datetime import UTC, datetime
from io import BufferedReader, BufferedWriter
from itertools import islice
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import Final

from rushes.blobs.folders import Folders
from rushes.domain.ids import is_blob_name
from rushes.ports import BlobStat

CHUNK_BYTES: Final = 512 * 2**10
LISTED_AT_ONCE: Final = 1_000
TEMPORARY: Final = ".temporary"
"""No blob can have this name: none begins with a dot."""

FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750
"""A web server in our group may send the films; nobody else reads them."""

_PLACING_TRIES_MAX: Final = 20
_LASTING_MAX: Final = 4096
_NO_BLOB: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""A folder of other blobs is no blob, and a blob is no folder."""

_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class _Draft:
    """A blob under its temporary name, which it gets with its first bytes; for threads.

    A put may be canceled at any time: then `discard` waits for a thread that still writes, and
    one that has not begun finds the door closed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BufferedWriter | None = None
        self._is_closed = False
        self._door = threading.Lock()

    def write(self, chunks: Iterable[bytes]) -> None:
        """Write some more."""
        with self._door:
            file = self._open()
            for chunk in chunks:
                file.write(chunk)

    def sync(self, fsync: Callable[[int], None]) -> None:
        """Make what was written survive a power cut."""
        with self._door:
            file = self._open()
            file.flush()
            fsync(file.fileno())

    def discard(self) -> None:
        """Close it, and remove it if it still has its temporary name."""
        with self._door:
            self._is_closed = True
            if self._file is None:
                return
            with suppress(OSError):  # of what could not be written, and was told
                self._file.close()
            self.path.unlink(missing_ok=True)

    def _open(self) -> BufferedWriter:
        if self._is_closed:
            raise OSError(f"{self.path.name} was given up")
        if self._file is None:
            self._file = os.fdopen(os.open(self.path, _NEW_FILE, FILE_MODE), "wb")
        return self._file


class LocalBlobs:
    """Blobs in `root`, a folder of our own; `ports.Blobs`.

    All that may block runs in threads. Names follow `ids.is_blob_name`; any other name is our
    own bug, and a ValueError. `fsync` makes an open file or folder survive a power cut; a test
    may want to know of what, and when.
    """

    def __init__(self, root: Path, *, fsync: Callable[[int], None] = os.fsync) -> None:
        self.root = root
        self._fsync = fsync
        self._folders = Folders(fsync)
        self._rooted: set[str] = set()
        self._lasting: set[Path] = set()
        self._temporary = root / TEMPORARY
        root.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self._temporary.mkdir(mode=FOLDER_MODE, exist_ok=True)
        for folder in (root, root.parent):
            self._folders.sync(folder)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a blob durably and return its size; nothing is visible before it is whole.

        A name keeps its bytes: to store the same again is fine.

        Raises:
            FileExistsError: the name has other bytes.
            OSError: it could not be written; nothing is visible.
        """
        path = self._path(name)
        draft = _Draft(self._temporary / token_hex(16))
        waiting: list[bytes] = []
        waiting_bytes = size_bytes = 0
        is_placed = False
        try:
            async for chunk in chunks:
                waiting.append(chunk)
                waiting_bytes += len(chunk)
                size_bytes += len(chunk)
                if waiting_bytes >= CHUNK_BYTES:
                    await asyncio.to_thread(draft.write, waiting)
                    waiting, waiting_bytes = [], 0
            await asyncio.to_thread(self._finish, draft, waiting, path)
            is_placed = True
        finally:
            if not is_placed:
                await asyncio.to_thread(draft.discard)
        return size_bytes

    async def put_files(self, files: Mapping[str, Path]) -> None:
        """Store local files durably; afterwards they are gone from where they were.

        A file is moved where it lies on the same file system, else copied and removed. The
        folders of all are synced once.

        Raises:
            FileExistsError: a name has other bytes; its file is still there.
            OSError: one could not be stored; it is not visible, and its file still there. Others
                may have been stored.
        """
        moves = [(path, self._path(name)) for name, path in files.items()]
        await asyncio.to_thread(self._put_files, moves)

    async def stat(self, name: str) -> BlobStat | None:
        """Return what is known of a blob, None if there is none."""
        return await asyncio.to_thread(_stat, self._path(name))

    async def open(
        self, name: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream a blob, or a part of it; what lies beyond its end is left out.

        Raises:
            FileNotFoundError: there is no such blob.
        """
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"{name}: a part cannot begin at {start} and have length {length}")
        file = await asyncio.to_thread(_open, self._path(name))
        try:
            file.seek(start)
            left = length
            while left is None or left > 0:
                wanted = CHUNK_BYTES if left is None else min(CHUNK_BYTES, left)
                chunk = await asyncio.to_thread(file.read, wanted)
                if not chunk:
                    break
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            file.close()

    def local_path(self, name: str) -> Path:
        """Return where the blob lies, or would lie, on this machine."""
        return self._path(name)

    async def delete(self, name: str) -> None:
        """Remove a blob, and the folders it leaves empty but for those right below ours.

        One that is not there is fine.
        """
        await asyncio.to_thread(self.delete_now, name)

    def delete_now(self, name: str) -> None:
        """Remove a blob at once, blocking."""
        path = self._path(name)
        with suppress(*_NO_BLOB):
            path.unlink()
        with suppress(OSError):  # not empty
            for folder in path.relative_to(self.root).parents[:-2]:
                (self.root / folder).rmdir()

    async def names(self, prefix: str) -> AsyncIterator[tuple[str, BlobStat]]:
        """List the blobs whose names begin with `prefix`, in no promised order."""
        walk = self._walk(prefix)
        while found := await asyncio.to_thread(lambda: list(islice(walk, LISTED_AT_ONCE))):
            for blob in found:
                yield blob

    async def free_bytes(self) -> int | None:
        """Return how much room is left."""
        return (await asyncio.to_thread(shutil.disk_usage, self.root)).free

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Remove temporary files not written to since `older_than`; return how many.

        They are what writers left that died; `older_than` must spare those still at it.
        """
        return await asyncio.to_thread(self._sweep, older_than.timestamp())

    def _path(self, name: str) -> Path:
        if not is_blob_name(name):
            raise ValueError(f"{name!r} cannot name a blob")
        return self.root / name

    def _put_files(self, moves: Sequence[tuple[Path, Path]]) -> None:
        for source, _ in moves:
            self._sync_file(source)
        for source, path in moves:
            try:
                self._place(source, path)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(source, path)
        self._root([path for _, path in moves])
        for source, _ in moves:
            source.unlink(missing_ok=True)

    def _copy(self, source: Path, path: Path) -> None:
        temporary = self._temporary / token_hex(16)
        try:
            shutil.copyfile(source, temporary)
            self._sync_file(temporary)
            self._place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, source: Path, path: Path) -> None:
        """Give synced bytes their name; it lasts when its folders are synced."""
        for _ in range(_PLACING_TRIES_MAX):
            try:
                _name(source, path)
            except FileNotFoundError:  # a new folder, or a delete took it, empty, from under us
                # A folder may also come and go while it is made: then it is made again.
                self._lasting.discard(path.parent.relative_to(self.root))
                with suppress(FileExistsError, FileNotFoundError):
                    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                continue
            return
        raise OSError(f"{path.parent} does not stay")

    def _root(self, paths: Collection[Path]) -> None:
        """Sync every folder up to ours, whoever made it: he may have died, or be about to sync.

        Those right below ours are never removed: what was synced of them once stays so. So does
        the name of any other folder until it is removed, and made again by us: the stills of a try
        come into the folder of its film.
        """
        homes = {path.relative_to(self.root).parent for path in paths}
        above: set[Path] = set()
        for home in homes:
            above |= {home} if home in self._lasting else {home, *home.parents}
        tops = {folder.name for folder in above if len(folder.parts) == 1}
        if tops <= self._rooted and Path() not in homes:
            above.discard(Path())
        for folder in sorted(above, key=lambda folder: len(folder.parts), reverse=True):
            self._folders.sync(self.root / folder)
        self._rooted |= tops
        if len(self._lasting) > _LASTING_MAX:
            self._lasting.clear()
        self._lasting |= homes

    def _finish(self, draft: _Draft, rest: Sequence[bytes], path: Path) -> None:
        """Write the rest, sync, name and close, in one go: each way to a thread costs."""
        draft.write(rest)
        draft.sync(self._fsync)
        self._place(draft.path, path)
        self._root([path])
        draft.discard()  # a name that had the same bytes already left ours behind

    def _sync_file(self, path: Path) -> int:
        """Make a file that somebody wrote survive a power cut; return its size."""
        with path.open("rb") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            self._fsync(file.fileno())
            return os.fstat(file.fileno()).st_size

    def _walk(self, prefix: str) -> Iterator[tuple[str, BlobStat]]:
        """Yield the blobs under a prefix; a file that vanishes meanwhile is left out."""
        above = prefix.rpartition("/")[0]
        folders = [self.root / above] if not above or is_blob_name(above) else []
        while folders:
            folder = folders.pop()
            with suppress(*_NO_BLOB):
                for entry in sorted(folder.iterdir()):
                    name = entry.relative_to(self.root).as_posix()
                    if not is_blob_name(name):
                        continue
                    if entry.is_dir():
                        if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/"):
                            folders.append(entry)
                        continue
                    stat = _stat(entry)
                    if stat is not None and name.startswith(prefix):
                        yield name, stat

    def _sweep(self, older_than: float) -> int:
        count = 0
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < older_than:
                    path.unlink()
                    count += 1
        return count


def _stat(path: Path) -> BlobStat | None:
    try:
        found = path.stat()
    except _NO_BLOB:
        return None
    if not S_ISREG(found.st_mode):
        return None
    return BlobStat(found.st_size, datetime.fromtimestamp(found.st_mtime, tz=UTC))


def _name(source: Path, path: Path) -> None:
    """Give a file a blob's name, unless that has the same bytes already."""
    if not path.exists():
        source.rename(path)
    elif not filecmp.cmp(source, path, shallow=False):
        raise FileExistsError(f"{path.name} is there already, with other bytes")


def _open(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except _NO_BLOB:
        raise FileNotFoundError(f"there is no blob {path.name}") from None
