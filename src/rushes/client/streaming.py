"""A film given on as it comes, for callers who keep none of it: a proxy, a pipe, a player.

After a break the rest is asked for by Range, under the ETag of the first answer. What was given
on cannot be taken back, so that a film which cannot be continued is an error here, and not begun
anew as in `rushes.client.download`.
"""

from __future__ import annotations

from hashlib import sha256

from rushes.client import asking
from rushes.client.download import read_head
from rushes.client.errors import ConnectionFailed, DownloadFailed, RushesError
from rushes.client.line import Line, Stream, read_rest
from rushes.client.reading import read_fault
from rushes.client.shapes import Variant, Video


class FilmFeed:
    """One film, in the pieces that the network brings."""

    def __init__(self, line: Line, video: Video | str, variant: Variant) -> None:
        self._line = line
        self._id = asking.id_of(video)
        self._variant = variant
        self._stream: Stream | None = None
        self._given_bytes = 0
        self._total_bytes: int | None = None
        self._etag: str | None = None
        self._due_sha256: str | None = None
        self._hasher = sha256()
        self._failures = 0

    async def next(self) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            ApiError: the server said no.
            ConnectionFailed: too many tries in a row got no further.
            DownloadFailed: what was given cannot be continued.
        """
        while self._given_bytes != self._total_bytes:
            try:
                if chunk := await self._read():
                    return chunk
                break
            except RushesError as fault:
                await self.close()
                self._failures += 1
                pause_s = self._line.retry.pause_s(self._failures, fault)
                if pause_s is None:
                    raise
            await self._line.sleep(pause_s)
        self._check_digest()
        return b""

    def _check_digest(self) -> None:
        """Say at the end, with all of it given on, that it was not what the server has."""
        if self._due_sha256 not in {None, self._hasher.hexdigest()}:
            raise DownloadFailed(self._id, "it was changed on the way")

    async def close(self) -> None:
        """Hang up; a second time does nothing."""
        if self._stream is not None:
            await self._stream.close()
            self._stream = None

    async def _read(self) -> bytes:
        if self._stream is None:
            self._stream = await self._open()
        chunk = await self._stream.read()
        if not chunk and self._total_bytes not in {None, self._given_bytes}:
            raise ConnectionFailed(
                f"the film of {self._id}",
                f"{self._given_bytes} of {self._total_bytes} bytes came",
            )
        if not chunk:
            self._total_bytes = self._given_bytes
        self._given_bytes += len(chunk)
        self._hasher.update(chunk)
        self._failures = 0
        return chunk

    async def _open(self) -> Stream:
        headers = {}
        if self._given_bytes:
            if self._etag is None:
                raise DownloadFailed(self._id, "it broke off, and has no ETag to be continued by")
            headers = {"Range": f"bytes={self._given_bytes}-", "If-Range": self._etag}
        stream = await self._line.open(asking.content(self._id, self._variant, headers))
        try:
            await self._begin(stream)
        except RushesError:
            await stream.close()
            raise
        return stream

    async def _begin(self, stream: Stream) -> None:
        """Compare the head of an answer with what was given on already."""
        if not stream.reply.is_good:
            raise read_fault(await read_rest(stream))
        if stream.reply.headers.get("content-encoding", "identity") != "identity":
            raise DownloadFailed(self._id, "something on the way compressed the film")
        head = read_head(stream.reply)
        if not self._given_bytes and head.start == 0:
            self._total_bytes, self._etag = head.total_bytes, head.etag
            self._due_sha256 = head.sha256
            return
        is_rest = head.start == self._given_bytes and head.total_bytes == self._total_bytes
        if not is_rest or head.etag not in {None, self._etag}:
            raise DownloadFailed(self._id, "it broke off, and what came then is no rest of it")
