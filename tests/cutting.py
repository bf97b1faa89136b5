"""A wire to PostgreSQL that is cut at the worst moment: while a commit is on its way."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import sqlalchemy as sa

COMMIT = b"COMMIT\x00"
CHUNK_BYTES = 64 * 1024
PATIENCE_S = 20.0


class Cut(Enum):
    """What is lost of a commit."""

    ANSWER = "the commit arrives, its answer does not"
    REQUEST = "the commit does not arrive, and the server hears that nobody is there any more"
    BOTH = "the commit does not arrive, and the server waits for it"


@dataclass
class Wire:
    """Passes bytes on, until a commit comes by while it waits for one."""

    url: str
    target: tuple[str, int]
    cut: Cut
    waits_for_commit: bool = False
    closes_for_good: bool = False
    is_closed: bool = False
    held: list[socket.socket] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Take callers, one thread each."""
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                if self.is_closed:
                    caller.close()
                    continue
                threading.Thread(target=self._pass_on, args=(caller,), daemon=True).start()

    def _pass_on(self, caller: socket.socket) -> None:
        server = socket.create_connection(self.target)
        self.held += [caller, server]
        with contextlib.suppress(OSError, ValueError):  # it was closed beneath us
            while True:
                ready, _, _ = select.select([caller, server], [], [])
                for end in ready:
                    data = end.recv(CHUNK_BYTES)
                    if not data:
                        self._end(caller, server)
                        return
                    if end is caller and self.waits_for_commit and COMMIT in data:
                        self._lose(caller, server, data)
                        return
                    (server if end is caller else caller).sendall(data)

    def _lose(self, caller: socket.socket, server: socket.socket, data: bytes) -> None:
        self.waits_for_commit = False
        self.is_closed = self.closes_for_good
        if self.cut is Cut.ANSWER:
            server.sendall(data)
            server.settimeout(PATIENCE_S)
            assert server.recv(CHUNK_BYTES), "it is committed"
        if self.cut is Cut.BOTH:
            self._end(caller)
        else:
            self._end(server, caller)

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextlib.contextmanager
def cutting(url: str, cut: Cut) -> Iterator[Wire]:
    """Put a wire before a PostgreSQL; its `url` leads through it."""
    address = sa.make_url(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = address.set(host="127.0.0.1", port=listener.getsockname()[1])
        target = (str(address.host), address.port or 5432)
        wire = Wire(near.render_as_string(hide_password=False), target, cut)
        threading.Thread(target=wire.serve, args=(listener,), daemon=True).start()
        yield wire
        listener.shutdown(socket.SHUT_RDWR)
    for end in wire.held:
        end.close()
