"""Blobs as objects in a bucket: S3 and whatever speaks like it, Google Cloud Storage, Azure.

A small blob goes up in one request, a large one in parts, and its name shows nothing before the
last request is answered. No blob is ever held whole: writing holds a few parts, reading less than
one. Everything that the store may do wrong becomes an OSError in words of ours: an error of the
library would quote addresses, and a store's answer may quote what it was signed with.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import (
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from rushes.blobs.uploads import Uploads
from rushes.domain.ids import is_blob_name
from rushes.ports import BlobStat

Bucket = S3Store | GCSStore | AzureStore

PART_BYTES: Final = 8 * 2**20
PARTS_AT_ONCE: Final = 2
READ_BYTES: Final = 256 * 2**10
PIECE_BYTES_MAX: Final = 512 * 2**10
LISTED_AT_ONCE: Final = 1_000
FILE_BYTES: Final = 2**20

SHARED: Final = "inputs/"
"""Names that several writers may write at once, always the same bytes."""

CONTENT_TYPES: Final = {
    ".mp4": "video/mp4",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
}
_NAMED_SEGMENTS_MIN: Final = 3
_HTTP_STATUS: Final = re.compile(r"status code: (\d{3})")
_OUTSIDE: Final = "416"


class ObjectBlobs:
    """Blobs in a bucket; `ports.Blobs`.

    `hasty` is the same bucket with little patience, for `delete_now`. `uploads` finds uploads that
    nobody will finish; None where the bucket's own rules must remove them.
    """

    def __init__(
        self, bucket: Bucket, *, hasty: Bucket | None = None, uploads: Uploads | None = None
    ) -> None:
        self._bucket = bucket
        self._hasty = hasty or bucket
        self._uploads = uploads

    @property
    def sweeps_uploads(self) -> bool:
        """Whether uploads that nobody finished are found and removed here."""
        return self._uploads is not None

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a blob durably and return its size; nothing is visible before it is whole.

        A name keeps its bytes: to store the same again is fine.

        Raises:
            FileExistsError: the name has other bytes.
            OSError: it could not be written; nothing is visible.
        """
        if await self.stat(name) is not None:
            return await self._compare(name, chunks)
        writer = obstore.open_writer_async(
            self._bucket,
            name,
            attributes=_attributes(name),
            buffer_size=PART_BYTES,
            max_concurrency=PARTS_AT_ONCE,
        )
        size_bytes = 0
        try:
            async for chunk in chunks:
                with _in_words(name, "write"):
                    await writer.write(chunk)
                size_bytes += len(chunk)
            with _in_words(name, "write"):
                await writer.close()
        except FileNotFoundError:
            raise OSError("storage has no such bucket") from None
        except BaseException:
            if size_bytes >= PART_BYTES and not name.startswith(SHARED):
                await self._abort(name)
            raise
        return size_bytes

    async def put_files(self, files: Mapping[str, Path]) -> None:
        """Store local files durably, side by side; afterwards they are gone from where they were.

        Raises:
            FileExistsError: a name has other bytes; its file is still there.
            OSError: one could not be stored; it is not visible, and its file still there. Others
                may have been stored.
        """
        for name in files:
            _checked(name)
        done = await asyncio.gather(
            *(self._put_file(name, path) for name, path in files.items()), return_exceptions=True
        )
        for outcome in done:
            if outcome is not None:
                raise outcome

    async def stat(self, name: str) -> BlobStat | None:
        """Return what is known of a blob, None if there is none."""
        try:
            with _in_words(_checked(name), "look at"):
                found = await obstore.head_async(self._bucket, name)
        except FileNotFoundError:
            return None
        return BlobStat(found["size"], found["last_modified"])

    async def open(
        self, name: str, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Stream a blob, or a part of it; what lies beyond its end is left out.

        Raises:
            FileNotFoundError: there is no such blob.
            OSError: it could not be read, or not to its end.
        """
        if start < 0 or (length is not None and length < 0):
            raise ValueError(f"{name}: a part cannot begin at {start} and have length {length}")
        if length == 0:
            if await self.stat(name) is None:
                raise FileNotFoundError(f"there is no blob {name}")
            return
        stream = await self._stream(_checked(name), start, length)
        while stream is not None:
            with _in_words(name, "read"):
                piece = await anext(stream, None)
            if piece is None:
                return
            for at in range(0, len(piece), PIECE_BYTES_MAX):
                yield bytes(piece[at : at + PIECE_BYTES_MAX])

    async def _stream(
        self, name: str, start: int, length: int | None
    ) -> AsyncIterator[bytes] | None:
        """Begin to read; None where the part lies beyond the end."""
        options: obstore.GetOptions = {}
        if length is not None:
            options["range"] = (start, start + length)
        elif start:
            options["range"] = {"offset": start}
        try:
            with _in_words(name, "read"):
                result = await obstore.get_async(self._bucket, name, options=options)
        except OutsideBlob:
            return None
        return aiter(result.stream(min_chunk_size=READ_BYTES))

    def local_path(self, name: str) -> Path | None:
        """Return None: these blobs lie on no machine of ours."""
        _checked(name)
        return None

    async def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is fine."""
        with suppress(FileNotFoundError), _in_words(_checked(name), "remove"):
            await obstore.delete_async(self._bucket, name)

    def delete_now(self, name: str) -> None:
        """Remove a blob at once, blocking, but not for long: a transaction waits for it."""
        with suppress(FileNotFoundError), _in_words(_checked(name), "remove"):
            obstore.delete(self._hasty, name)

    async def names(self, prefix: str) -> AsyncIterator[tuple[str, BlobStat]]:
        """List the blobs whose names begin with `prefix`, in no promised order."""
        above = prefix.rpartition("/")[0]
        if above and not is_blob_name(above):
            return
        stream = aiter(obstore.list(self._bucket, above or None, chunk_size=LISTED_AT_ONCE))
        while True:
            with _in_words(prefix, "list"):
                found = await anext(stream, None)
            if found is None:
                return
            for one in found:
                if one["path"].startswith(prefix) and is_blob_name(one["path"]):
                    yield one["path"], BlobStat(one["size"], one["last_modified"])

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Abort uploads that began before `older_than` and were not finished; return how many.

        Raises:
            OSError: the store did not do its part.
        """
        return 0 if self._uploads is None else await self._uploads.abort("", before=older_than)

    async def free_bytes(self) -> int | None:
        """Return None: a bucket does not say how much room it has."""
        return None

    async def signed(self, name: str, life: timedelta, *, method: str) -> str:
        """Return an address of the store's own where anyone may GET or HEAD a blob for a while.

        Raises:
            OSError: there are no credentials to sign with.
        """
        with _in_words(_checked(name), "sign"):
            return await obstore.sign_async(
                self._bucket, "HEAD" if method == "HEAD" else "GET", name, life
            )

    async def _put_file(self, name: str, path: Path) -> None:
        async with aclosing(_chunks(path)) as chunks:
            await self.put(name, chunks)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _abort(self, name: str) -> None:
        """Remove the parts of an upload that failed; what stays is left to the sweep."""
        if self._uploads is not None:
            with suppress(OSError):
                await self._uploads.abort(name, before=None)

    async def _compare(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Hold the bytes of a blob beside others; return their size if they are the same."""
        size_bytes = 0
        held = memoryview(b"")
        other = FileExistsError(f"{name} is there already, with other bytes")
        async with aclosing(self.open(name)) as pieces:
            async for chunk in chunks:
                given = memoryview(chunk)
                size_bytes += len(given)
                while given:
                    if not held:
                        held = memoryview(await _following(pieces))
                    length = min(len(held), len(given))
                    if not length or held[:length] != given[:length]:
                        raise other
                    held, given = held[length:], given[length:]
            if held or await _following(pieces):
                raise other
        return size_bytes


async def _following(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the next piece, b"" after the last one."""
    return await anext(pieces, b"")


class OutsideBlob(OSError):
    """A part was asked for that begins beyond the end of its blob."""


def _checked(name: str) -> str:
    if not is_blob_name(name):
        raise ValueError(f"{name!r} cannot name a blob")
    return name


def _attributes(name: str) -> obstore.Attributes:
    """Return what the store is to say of a blob to whoever holds a signed address of its own."""
    kind = CONTENT_TYPES.get(Path(name).suffix)
    if kind is None:
        return {}
    segments = name.split("/")
    shown = segments[-1]
    if len(segments) >= _NAMED_SEGMENTS_MIN:
        shown = f"{segments[1]}{Path(name).suffix}"  # films/TASK/TRY/film.mp4
    return {"Content-Type": kind, "Content-Disposition": f'inline; filename="{shown}"'}


@contextmanager
def _in_words(name: str, verb: str) -> Iterator[None]:
    """Say what went wrong without what the library says: addresses, and answers of the store."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no blob {name}") from None
    except (PermissionDeniedError, UnauthenticatedError):
        raise PermissionError(
            f"storage did not let us {verb} {name or 'blobs'}: look at its credentials"
        ) from None
    except NotSupportedError:
        raise OSError(f"storage cannot {verb} {name or 'blobs'}") from None
    except BaseError as error:
        status = _HTTP_STATUS.search(str(error))
        if status is not None and status[1] == _OUTSIDE:
            raise OutsideBlob(f"{name} ends before that") from None
        why = "it did not answer" if status is None else f"it answered HTTP {status[1]}"
        raise OSError(f"storage could not {verb} {name or 'blobs'}: {why}") from None


async def _chunks(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, FILE_BYTES):
            yield chunk
