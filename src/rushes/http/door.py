"""The door: every request gets an id, its key checked, its route found, and an answer.

The order of checks is CONTRACT §2: key, then route, then scope, then rates, before a byte of a
body is read, and then whatever the handler asks. A refusal becomes its error here and nowhere
else; what is no fault of ours to name becomes a 500 that quotes the request id, and never tells
more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from rushes.domain.access import Address, Key
from rushes.domain.errors import Refusal, StoreBusy
from rushes.domain.ids import new_request_id
from rushes.gateway.rates import Rates
from rushes.http.auth import Keyring
from rushes.http.errors import busy, error_body, error_headers, internal_error
from rushes.http.origins import Origins
from rushes.http.routes import Call, Reply, Route, Streaming, Table
from rushes.observe import Metrics, about, log

KEYED: Final = ("/v1", "/admin/v1")
"""Where nothing is said, not even that a path is unknown, to whom has no key."""


class ClientGone(Exception):
    """The client left before the request was whole; there is nobody to answer."""


class Door:
    """An ASGI application over a table of routes."""

    def __init__(
        self,
        table: Table,
        keyring: Keyring,
        rates: Rates,
        metrics: Metrics,
        origins: Origins | None = None,
    ) -> None:
        self._table = table
        self._keyring = keyring
        self._rates = rates
        self._metrics = metrics
        self._origins = origins or Origins()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request_id = new_request_id()
        with about(request_id=request_id):
            await self._answer(request_id, scope, receive, send)

    async def _answer(self, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        standing = {"X-Request-Id": request_id}
        watched = _Watched(send, is_head=scope["method"] == "HEAD")
        route: Route | None = None
        begun = time.perf_counter()
        try:
            headers = Headers(raw=scope["headers"])
            path = str(scope["path"])
            origin = self._origins.of(scope, headers)
            caller = await self._caller(path, headers, origin)
            route, values = self._table.find(str(scope["method"]), path)
            if route.needs_key:
                caller = caller or await self._keyring.caller(_authorization(headers), origin)
                route.check(caller)
            if caller is not None:
                standing |= await self._rates.admit(caller, is_submit=route.submits)
            call = Call(scope, receive, request_id, values, headers, caller, origin)
            answer = await route.handler(call)
            await _send(answer, call, standing, watched)
        except StoreBusy:
            await self._refuse(busy(), standing, watched)
        except Refusal as refusal:
            await self._refuse(refusal, standing, watched)
        except ClientGone:
            return
        except Exception as fault:  # noqa: BLE001 -- the outermost frame of the server
            log.error("a request broke", exc_info=fault)
            await _fail(request_id, standing, watched)
        finally:
            name = route.path if route else "-"
            self._metrics.requests.labels(name, str(watched.status)).inc()
            self._metrics.request_s.labels(name).observe(watched.first_at - begun)

    async def _caller(self, path: str, headers: Headers, origin: Address | None) -> Key | None:
        """Check the key before anything else is said about a path that wants one."""
        if any(path == root or path.startswith(f"{root}/") for root in KEYED):
            return await self._keyring.caller(_authorization(headers), origin)
        return None

    async def _refuse(self, fault: Refusal, standing: Mapping[str, str], watched: _Watched) -> None:
        if watched.has_begun:
            log.error("a fault after the answer had begun", code=fault.code)
            raise fault
        if fault.http_status >= 500:  # noqa: PLR2004 -- server errors
            log.warning("refused", code=fault.code, note=fault.message)
        reply = Reply(error_body(fault), fault.http_status, error_headers(fault))
        await _send_reply(reply, standing, watched)


class _Watched:
    """A `send` that knows whether the answer has begun, and sends no body to a HEAD."""

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.has_begun = False
        self.status = 0
        self.first_at = time.perf_counter()

    async def __call__(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            self.first_at = time.perf_counter()
        elif self._is_head and message.get("body"):
            message = {**message, "body": b""}
        await self._send(message)


def _authorization(headers: Headers) -> bytes | None:
    value = headers.get("authorization")
    return None if value is None else value.encode("latin-1")


async def _send(
    answer: Reply | Streaming, call: Call, standing: Mapping[str, str], watched: _Watched
) -> None:
    if isinstance(answer, Streaming):
        await answer.send(call, standing, watched)
    else:
        await _send_reply(answer, standing, watched)


async def _send_reply(reply: Reply, standing: Mapping[str, str], watched: _Watched) -> None:
    headers: Mapping[str, str] = {
        **standing,
        "Content-Length": str(len(reply.body)),
        **reply.headers,
    }
    if reply.status in {204, 304}:
        headers = {name: value for name, value in headers.items() if name != "Content-Length"}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await watched({"type": "http.response.start", "status": reply.status, "headers": raw})
    await watched({"type": "http.response.body", "body": reply.body})


async def _fail(request_id: str, standing: Mapping[str, str], watched: _Watched) -> None:
    if watched.has_begun:
        raise RuntimeError(f"{request_id}: the answer had begun")
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    await _send_reply(Reply(internal_error(request_id), 500, headers), standing, watched)
