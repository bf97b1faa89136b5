"""The two ways in: standard input and output, and HTTP.

Over HTTP every request stands for itself: there are no sessions, so nobody can take over another's,
and any number of these processes may stand behind one address.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import getdoc
from pathlib import Path
from typing import Final

import anyio
import httpx2
import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from rushes import __version__
from rushes.agents.desk import BRING_A_KEY, Desk, key_in
from rushes.agents.tools import OFFERS, SAVING
from rushes.client.wires import LIMITS

PATH: Final = "/mcp"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

INSTRUCTIONS: Final = (
    "Rushes makes videos with many models behind one API. Making one takes from seconds to "
    "minutes and may cost money: call list_models for what there is and quote_video for a price, "
    "and generate_video once for each video that is wanted. An error tells what to do."
)


def speak(folder: Path | None) -> None:
    """Serve the agent at the other end of standard input, until that closes."""
    build(folder, is_open_to_all=False).run("stdio")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen; `names` are the hosts that callers reach it by from elsewhere."""

    host: str
    port: int
    names: Sequence[str] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK


def listen(place: Place, say: Callable[[str], None]) -> None:
    """Serve agents over HTTP until a signal; `say` hears the address once it listens.

    Raises:
        OSError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with socket.create_server((place.host, place.port), family=family) as listener:
        app = build(None, is_open_to_all=True).streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            transport_security=security(place),
        )
        config = uvicorn.Config(BringsKey(app), log_level="warning", lifespan="on")
        say(f"http://{_authority(place.host, listener.getsockname()[1])}{PATH}")
        anyio.run(uvicorn.Server(config).serve, [listener])


def build(
    folder: Path | None,
    *,
    is_open_to_all: bool,
    base_url: str | None = None,
    api_key: str | None = None,
) -> MCPServer[Desk]:
    """Put the tools together; address and key are the environment's, unless they are given."""

    @asynccontextmanager
    async def opened(server: MCPServer[Desk]) -> AsyncGenerator[Desk]:
        del server
        async with httpx2.AsyncClient(trust_env=False, limits=LIMITS) as http:
            yield Desk(
                http,
                is_open_to_all=is_open_to_all,
                folder=folder,
                base_url=base_url,
                api_key=api_key,
            )

    server = MCPServer[Desk](
        "rushes",
        title="Rushes",
        instructions=INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",
        lifespan=opened,
        subscriptions=False,
    )
    for offer in (*OFFERS, *((SAVING,) if folder is not None else ())):
        server.add_tool(
            offer.tool,
            title=offer.title,
            description=getdoc(offer.tool),
            annotations=offer.hints,
        )
    return server


def security(place: Place) -> TransportSecuritySettings:
    """Say by which names we may be called: no page of a stranger's may reach us by its own.

    A page in a browser on this machine could have its name lead here (DNS rebinding), and would
    then speak to us as if it were ours.
    """
    hosts = [_authority(host) for host in LOOPBACK] if place.is_loopback else []
    hosts += place.names
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[spelt for host in hosts for spelt in (host, f"{host}:*")],
        allowed_origins=[
            f"{scheme}://{spelt}"
            for host in hosts
            for scheme in ("http", "https")
            for spelt in (host, f"{host}:*")
        ],
    )


def _authority(host: str, port: int | None = None) -> str:
    bare = f"[{host}]" if ":" in host else host
    return bare if port is None else f"{bare}:{port}"


class BringsKey:
    """A door that lets nobody in without a key of his own; whether it is good, Rushes says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that brings a key, and answer 401 to any other."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        given = headers.get("authorization", b"").decode("latin-1")
        if key_in({"authorization": given}) is not None:
            await self._app(scope, receive, send)
            return
        body = json.dumps({"error": {"code": "unauthenticated", "message": BRING_A_KEY}}).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 401,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                    (b"www-authenticate", b"Bearer"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})
