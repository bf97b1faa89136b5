"""A wicket before an object store: open, shut with HTTP 503, or stuck."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from enum import Enum

CHUNK_BYTES = 64 * 1024
LOOK_S = 0.05
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Way(Enum):
    """How it is to come through."""

    OPEN = "whoever comes is let through"
    REFUSED = "whoever comes is told 503, and who is inside is put out"
    STUCK = "nothing moves, in no direction, and nobody is told"


class Wicket:
    """Passes bytes between callers and one server on loopback, by its `way`."""

    def __init__(self, listener: socket.socket, target_port: int) -> None:
        self.way = Way.OPEN
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._target = ("127.0.0.1", target_port)

    def serve(self) -> None:
        """Take callers, one thread each, until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=(caller,), daemon=True).start()

    def _attend(self, caller: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(caller):
            if self.way is Way.REFUSED:
                caller.recv(CHUNK_BYTES)
                caller.sendall(REFUSAL)
                return
            with socket.create_connection(self._target) as server:
                self._pass_on(caller, server)

    def _pass_on(self, caller: socket.socket, server: socket.socket) -> None:
        while self.way is not Way.REFUSED:
            ready, _, _ = select.select([caller, server], [], [], LOOK_S)
            if self.way is Way.STUCK:
                threading.Event().wait(LOOK_S)
                continue
            for end in ready:
                data = end.recv(CHUNK_BYTES)
                if not data:
                    return
                (server if end is caller else caller).sendall(data)


@contextlib.contextmanager
def a_wicket(target_port: int) -> Iterator[Wicket]:
    """Stand before a server on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wicket = Wicket(listener, target_port)
        thread = threading.Thread(target=wicket.serve, daemon=True)
        thread.start()
        try:
            yield wicket
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
