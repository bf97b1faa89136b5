"""A real uvicorn on a free loopback port, in a thread, and a caller who writes raw bytes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak no TLS: to read who is to be trusted takes longer than most tests."""

PATIENCE_S = 10.0
"""How long a test waits for what must happen; far above what it takes."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def serving(
    app: ASGIApp, http: type[asyncio.Protocol] | str = "httptools", loop: str = "uvloop"
) -> Iterator[int]:
    """Serve `app` and yield the port."""
    config = uvicorn.Config(
        app,
        http=http,
        loop=loop,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.is_up.wait(PATIENCE_S), "the server did not start"
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()
        assert not thread.is_alive(), "the server did not stop"


@dataclass
class Reply:
    """One answer as it came over the wire; `body` is without chunk framing."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.body)


@dataclass
class Caller:
    """A connection on which a test says exactly what it likes."""

    port: int
    receive_buffer_bytes: int | None = None
    _socket: socket.socket = field(init=False)
    _unread: bytes = field(init=False, default=b"")

    def __enter__(self) -> Self:
        self._socket = socket.socket()
        if self.receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer_bytes)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(("127.0.0.1", self.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, *packets: bytes) -> None:
        """Send each packet by itself."""
        for packet in packets:
            self._socket.sendall(packet)

    def say_until_closed(self, packet: bytes, pause_s: float, count_max: int) -> int:
        """Send the packet again and again until the server is done; return how often."""
        self._socket.settimeout(pause_s)
        for count in range(1, count_max + 1):
            try:
                self._socket.sendall(packet)
                heard = self._socket.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                heard = b""
            self._unread += heard
            if not heard:
                return count
        return count_max + 1

    def hang_up_sending(self) -> None:
        """Half-close: nothing more will be said."""
        self._socket.shutdown(socket.SHUT_WR)

    def hear(self) -> bytes:
        """Return some more bytes, b"" once the server is done."""
        return self._socket.recv(65536)

    def hear_all(self) -> bytes:
        """Return everything until the server is done."""
        heard, self._unread = [self._unread], b""
        while more := self.hear():
            heard.append(more)
        return b"".join(heard)

    def reply(self, *, is_to_head: bool = False) -> Reply:
        """Read one answer, interim ones included."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        line, *rest = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
        }
        status = int(line.split(" ")[1])
        if is_to_head or status in {100, 204, 304}:
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        else:
            body = self._exactly(int(headers["content-length"]))
        return Reply(status, headers, body)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            self._exactly(2)
        self._exactly(2)
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._more()
        before, _, self._unread = self._unread.partition(mark)
        return before

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        wanted, self._unread = self._unread[:size], self._unread[size:]
        return wanted

    def _more(self) -> None:
        more = self.hear()
        if not more:
            raise ConnectionError(f"the server hung up after {self._unread!r}")
        self._unread += more
