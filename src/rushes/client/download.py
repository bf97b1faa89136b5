"""Bringing a film home whole, over connections that may break.

After a break the rest is asked for by Range, under the ETag of the first answer, so that
parts of two different films never meet. An answer that cannot be continued is begun anew.
A film counts as whole when as many bytes came as the first answer announced, and when their
digest is the one that it told (Repr-Digest, RFC 9530).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final, TypeAlias

from rushes.client import asking
from rushes.client.errors import (
    ConnectionFailed,
    DownloadFailed,
    RangeNotSatisfiable,
    RushesError,
)
from rushes.client.line import Line, Stream, read_rest
from rushes.client.reading import Reply, read_fault
from rushes.client.shapes import DownloadedVideo, Variant, Video
from rushes.client.sinks import Hasher, Sink, Target, open_sink

#: Called with the bytes that have arrived and, where the server said so, with all there are.
OnBytes: TypeAlias = Callable[[int, int | None], object]

# Bytes are gathered to this many before they are written: fewer trips to a thread.
_WRITE_BYTES: Final = 1 << 20

_PARTIAL: Final = 206
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})")
_UNSATISFIED: Final = re.compile(r"bytes \*/([0-9]{1,18})")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_DIGEST: Final = re.compile(r"(?:^|[ ,])sha-256=:([A-Za-z0-9+/]{43}=):", re.IGNORECASE)


async def download(
    line: Line,
    video: Video | str,
    target: Target,
    variant: Variant,
    on_progress: OnBytes | None,
    *,
    is_resumed: bool = False,
) -> DownloadedVideo:
    """Download a film or a still; see `Videos.download`."""
    video_id = asking.id_of(video)
    opened = partial(open_sink, target, video_id, variant, is_resumed=is_resumed)
    # Only a beginning takes time to open, as it is hashed; and it may stay if we are canceled.
    sink = await line.aside(opened) if is_resumed else opened()
    try:
        transfer = Transfer(line, video_id, variant, sink, on_progress)
        await transfer.run()
        await line.aside(sink.finish)
    finally:
        sink.abandon()
    return DownloadedVideo(
        id=video_id,
        variant=variant,
        size_bytes=transfer.received_bytes,
        content_type=transfer.content_type,
        etag=transfer.etag,
        sha256=transfer.sha256,
        path=sink.path,
        content=sink.content,
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer says of the bytes that follow: where they begin, and of how many."""

    start: int
    total_bytes: int | None
    etag: str | None
    content_type: str
    sha256: str | None = None


def read_head(reply: Reply) -> Head:
    """Read the head of a good answer to a request for bytes.

    >>> read_head(Reply(206, {"content-range": "bytes 10-99/100", "content-length": "90"}))
    Head(start=10, total_bytes=100, etag=None, content_type='', sha256=None)
    """
    digest = told_digest(reply.headers.get("repr-digest", ""))
    etag = reply.headers.get("etag")
    if etag is not None and etag.startswith("W/"):
        etag = None  # a weak one does not promise equal bytes
    content_type = reply.headers.get("content-type", "")
    if reply.status == _PARTIAL:
        span = _CONTENT_RANGE.fullmatch(reply.headers.get("content-range", "").strip())
        if span is None:
            return Head(-1, None, etag, content_type)
        return Head(int(span[1]), int(span[2]), etag, content_type, digest)
    length = reply.headers.get("content-length", "")
    total_bytes = int(length) if _LENGTH.fullmatch(length) else None
    return Head(0, total_bytes, etag, content_type, digest)


def told_digest(field: str) -> str | None:
    """Return the SHA-256 that a Repr-Digest tells, in lowercase hex; None if it tells none.

    >>> told_digest("md5=:AA==:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    found = _DIGEST.search(field)
    try:
        return None if found is None else b64decode(found[1], validate=True).hex()
    except ValueError:
        return None


class Transfer:
    """One film on its way: what has arrived, and what it must amount to."""

    def __init__(
        self,
        line: Line,
        video_id: str,
        variant: Variant,
        sink: Sink,
        on_progress: OnBytes | None,
    ) -> None:
        self.received_bytes = 0
        self.total_bytes: int | None = None
        self.etag: str | None = None
        self.content_type = ""
        self._line = line
        self._id = video_id
        self._variant = variant
        self._sink = sink
        self._on_progress = on_progress
        self._furthest_bytes = 0
        self._due_sha256: str | None = None
        self._hasher: Hasher = sha256()
        if sink.kept is not None:
            self.received_bytes = self._furthest_bytes = sink.kept.size_bytes
            self.etag, self._hasher = sink.kept.etag, sink.kept.hasher

    @property
    def sha256(self) -> str:
        """The digest of what has arrived, in lowercase hex."""
        return self._hasher.hexdigest()

    async def run(self) -> None:
        """Fetch until every byte is there.

        Raises:
            ApiError: the server said no.
            DownloadFailed: too many tries in a row got no further.
        """
        failures = 0
        while True:
            try:
                await self._fetch()
            except RushesError as fault:
                is_further = self.received_bytes > self._furthest_bytes
                self._furthest_bytes = max(self._furthest_bytes, self.received_bytes)
                failures = 1 if is_further else failures + 1
                pause_s = self._line.retry.pause_s(failures, fault)
                if pause_s is None:
                    raise self._verdict(fault) from fault.__cause__
            else:
                return
            await self._line.sleep(pause_s)

    async def _fetch(self) -> None:
        """Ask for what is missing, and take what comes of it."""
        headers = {}
        if self.received_bytes and self.etag is not None:  # else it is begun anew
            headers = {"Range": f"bytes={self.received_bytes}-", "If-Range": self.etag}
        stream = await self._line.open(asking.content(self._id, self._variant, headers))
        try:
            if not stream.reply.is_good:
                await self._take_refusal(await read_rest(stream))
                return
            await self._begin(stream.reply)
            await self._take(stream)
        finally:
            await stream.close()

    async def _begin(self, reply: Reply) -> None:
        """Compare the head with what is here already; begin anew where they do not fit."""
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise DownloadFailed(self._id, "something on the way compressed the film")
        head = read_head(reply)
        if head.start == 0:
            await self._restart()
            self.total_bytes, self.etag = head.total_bytes, head.etag
            self.content_type, self._due_sha256 = head.content_type, head.sha256
            await self._line.aside(partial(self._sink.note, head.etag))
            return
        is_taken_up = self.total_bytes is None and head.etag is not None
        if is_taken_up:  # an earlier call's beginning: of it we have the ETag and nothing else
            self.total_bytes, self.content_type = head.total_bytes, head.content_type
            self._due_sha256 = head.sha256
        is_rest = head.start == self.received_bytes and head.total_bytes == self.total_bytes
        is_same = head.etag is None or head.etag == self.etag
        if not (is_rest and is_same):
            await self._restart()
            raise ConnectionFailed(f"the film of {self._id}", "another part came than was asked")

    async def _take(self, stream: Stream) -> None:
        """Write the body down, to the last byte that came."""
        gathered = bytearray()
        try:
            while chunk := await stream.read():
                gathered += chunk
                if len(gathered) >= _WRITE_BYTES:
                    await self._write(bytes(gathered))
                    gathered.clear()
        except ConnectionFailed:
            await self._write(bytes(gathered))
            raise
        await self._write(bytes(gathered))
        if self.total_bytes is None:
            self.total_bytes = self.received_bytes
        if self.received_bytes != self.total_bytes:
            raise ConnectionFailed(
                f"the film of {self._id}",
                f"{self.received_bytes} of {self.total_bytes} bytes came",
            )
        await self._check_digest()

    async def _check_digest(self) -> None:
        """Begin anew where what came is not what the server has, byte for byte."""
        if self._due_sha256 not in {None, self.sha256}:
            self._furthest_bytes = max(self._furthest_bytes, self.received_bytes)
            await self._restart()
            raise ConnectionFailed(f"the film of {self._id}", "it was changed on the way")

    async def _take_refusal(self, reply: Reply) -> None:
        """Raise what the server says, unless it says that there are no more bytes to send."""
        fault = read_fault(reply)
        if isinstance(fault, RangeNotSatisfiable) and self.received_bytes:
            total = _UNSATISFIED.fullmatch(reply.headers.get("content-range", "").strip())
            if total is not None and int(total[1]) == self.received_bytes:
                await self._check_digest()
                return
            await self._restart()
            raise ConnectionFailed(f"the film of {self._id}", "it is another film now") from fault
        raise fault

    async def _restart(self) -> None:
        if not self.received_bytes:
            return
        self.received_bytes = 0
        self._hasher = sha256()
        try:
            await self._line.aside(self._sink.restart)
        except OSError as error:
            raise DownloadFailed(self._id, str(error)) from error

    async def _write(self, chunk: bytes) -> None:
        if not chunk:
            return
        await self._line.aside(lambda: self._keep(chunk))
        self.received_bytes += len(chunk)
        if self._on_progress is not None:
            self._on_progress(self.received_bytes, self.total_bytes)

    def _keep(self, chunk: bytes) -> None:
        self._sink.write(chunk)
        self._hasher.update(chunk)

    def _verdict(self, fault: RushesError) -> RushesError:
        """Return what to raise where no more tries are made."""
        if not self._furthest_bytes or not isinstance(fault, ConnectionFailed):
            return fault
        total = "an unknown number of" if self.total_bytes is None else self.total_bytes
        why = str(fault).rstrip(".")
        return DownloadFailed(self._id, f"{self._furthest_bytes} of {total} bytes came; {why}")
