"""Files go to the socket without passing through this process.

The ASGI extension `http.response.zerocopysend` for uvicorn's httptools protocol: an app
sends `{"type", "file", "offset", "count", "more_body"}` in place of a body, as often as it
likes and between bodies too (ASGI specification, "Zero Copy Send").

Neither uvicorn nor uvloop knows `sendfile`. This one leaves the transport in charge of the
socket: when the socket is full, a few bytes are given to the transport, whose way of
waiting, of noticing that the caller is gone, and of telling so, all stay in force; once
they are out, there is room for more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import IO, Any, Final, TypedDict

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MESSAGE_TYPE: Final = "http.response.zerocopysend"

WAKE_BYTES: Final = 4096
"""What the transport is given to wait with: as little as is worth a system call."""

BURST_BYTES: Final = 4 * 1024 * 1024
"""How much goes out before everyone else on the loop has had a turn."""

COPY_BYTES: Final = 64 * 1024
"""What is copied at once from a file system without `sendfile`."""


class ZeroCopySend(TypedDict):
    """The message; `offset` and `count` are in bytes, and not optional here."""

    type: str
    file: IO[bytes]
    offset: int
    count: int
    more_body: bool


class ZeroCopyCycle(RequestResponseCycle):
    """A request and its answer, parts of which may be files."""

    def send(self, message: ASGISendEvent | ZeroCopySend) -> Coroutine[Any, Any, None]:
        """Send as uvicorn does, or a part of a file.

        The file must not be waited for: what is not in the page cache stops the loop.

        Raises:
            EOFError: the file ends before the part does, or cannot be read; the answer
                cannot be finished.
        """
        if message["type"] == MESSAGE_TYPE:
            return self._send_file(message)  # type: ignore[arg-type]
        return super().send(message)  # type: ignore[arg-type]

    async def _send_file(self, message: ZeroCopySend) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        count = message["count"]
        if MESSAGE_TYPE not in (self.scope.get("extensions") or {}):
            raise RuntimeError(f"{MESSAGE_TYPE!r} is not offered here.")
        if not self.response_started or self.response_complete:
            raise RuntimeError(f"{MESSAGE_TYPE!r} has its place between the head and the end.")
        if self.chunked_encoding:
            raise RuntimeError(f"{MESSAGE_TYPE!r} needs a Content-Length.")
        if count > self.expected_content_length:
            raise RuntimeError("Response content longer than Content-Length")
        if self.scope["method"] != "HEAD":
            await self._pour(message["file"].fileno(), message["offset"], count)
            self.expected_content_length -= count
        if not message["more_body"] and not self.disconnected:
            await super().send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pour(self, file: int, offset: int, count: int) -> None:
        """Move `count` bytes from the file to the socket."""
        # With no room for anything in the transport, drained means that the socket is ours.
        self.transport.set_write_buffer_limits(high=0)
        end = offset + count
        try:
            while offset < end:
                await self.flow.drain()
                if self.disconnected or self.transport.is_closing():
                    return
                asked = min(end - offset, BURST_BYTES)
                sent = self._burst(file, offset, asked)
                offset += sent
                if sent < asked:  # the socket is full, or the file ends here
                    offset += self._copy(file, offset, min(end - offset, WAKE_BYTES))
                elif sent == BURST_BYTES:  # a caller this fast never makes us wait
                    await give_way()
        finally:
            if not self.transport.is_closing():
                self.transport.set_write_buffer_limits()

    def _burst(self, file: int, offset: int, count: int) -> int:
        """Send what the socket takes now; return how much that was."""
        socket = self.transport.get_extra_info("socket").fileno()
        try:
            return os.sendfile(socket, file, offset, count)
        except BlockingIOError:
            return 0
        except OSError:
            # Not every file system can. And if the socket is broken, the transport will see.
            return self._copy(file, offset, min(count, COPY_BYTES))

    def _copy(self, file: int, offset: int, count: int) -> int:
        """Hand bytes to the transport, which waits until the socket takes them."""
        try:
            copied = os.pread(file, count, offset)
        except OSError as error:
            raise EOFError(f"The file cannot be read at {offset}: {error}.") from error
        if not copied:
            raise EOFError(f"The file ends at {offset}.")
        self.transport.write(copied)
        return len(copied)


@coroutine
def give_way() -> Generator[None, None, None]:
    """Let everyone else on the loop have a turn; no time passes."""
    yield


def can_send_files(transport: asyncio.BaseTransport) -> bool:
    """Say whether the socket carries our bytes as they are: not through TLS."""
    return hasattr(os, "sendfile") and transport.get_extra_info("sslcontext") is None
