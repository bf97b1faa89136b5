"""Puts a simulator on a loopback port, and lets it misbehave below HTTP.

The server is uvicorn's plain protocol with one addition: an application can cut the line it
is talking on, at once or after what it has said so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

import msgspec
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

LOOPBACK: Final = "127.0.0.1"
LINE: Final = "rushes.line"
"""The ASGI extension under which an application finds its line: an asyncio transport."""

_SHUTDOWN_S: Final = 5.0


PAGE: Final = b"<!doctype html><html><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer to give."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        """Build an answer in JSON."""
        said = {"content-type": "application/json", **(headers or {})}
        return cls(status, msgspec.json.encode(body), said)

    @classmethod
    def page(cls, status: int) -> Reply:
        """Build an answer by whatever stands before a server: a page in HTML."""
        return cls(status, PAGE, {"content-type": "text/html; charset=utf-8"})


class Exchange:
    """One request and the ways to answer it, or not to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, at: datetime) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._at = at

    async def answer(self, reply: Reply) -> None:
        """Answer as one should."""
        await self._start(reply, len(reply.body))
        await self._send({"type": "http.response.body", "body": reply.body})

    async def answer_half(self, reply: Reply) -> None:
        """Promise the whole body, send half of it, and hang up."""
        await self._start(reply, len(reply.body))
        half = reply.body[: len(reply.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self._line().close()
        await self.hang()

    async def answer_short(self, reply: Reply) -> None:
        """Promise half of the body and keep that promise: the rest is lost without a trace."""
        half = reply.body[: len(reply.body) // 2]
        await self.answer(Reply(reply.status, half, reply.headers))

    async def drop(self) -> None:
        """Cut the line."""
        self._line().abort()
        await self.hang()

    async def hang(self) -> None:
        """Say nothing until the other side gives up."""
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self._receive()

    async def pause(self, seconds: float) -> None:
        """Say nothing for a while; real time, ended early if the other side gives up."""
        await asyncio.wait({hung := asyncio.ensure_future(self.hang())}, timeout=seconds)
        hung.cancel()

    async def _start(self, reply: Reply, length: int) -> None:
        headers = {
            "date": format_datetime(self._at, usegmt=True),
            "content-length": str(length),
            **reply.headers,
        }
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": reply.status, "headers": raw}
        await self._send(start)

    def _line(self) -> asyncio.Transport:
        line: asyncio.Transport = self._scope["extensions"][LINE]
        return line


class _Protocol(H11Protocol):
    """uvicorn's protocol, which also tells the application its line, and keeps no access log."""

    def __init__(self, config: uvicorn.Config, state: ServerState) -> None:
        super().__init__(config, state, {})
        self.access_log = False
        app = self.app

        async def told(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- uvicorn's own types are private
            scope["extensions"] = {LINE: self.transport}
            await app(scope, receive, send)

        self.app = told


@asynccontextmanager
async def serving(app: ASGIApp, *, port: int = 0) -> AsyncIterator[int]:
    """Serve `app` on loopback while the context lasts; yields the port."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, http=H11Protocol, ws="none")
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(config, state), LOOPBACK, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=_SHUTDOWN_S)
        await server.wait_closed()
