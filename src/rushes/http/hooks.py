"""Hints: an upstream calls, and a bell rings (CONTRACT §13).

What the call says is not read but for its signature, where the provider has one: the worker that
wakes looks for itself. The address holds a token that nobody can guess, one for each submit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rushes.domain.errors import RequestTooLarge, RouteNotFound
from rushes.gateway.door import Gateway
from rushes.http.creating import chunks_of
from rushes.http.routes import Call, Reply, Route
from rushes.ports import Bell, HintReader, NotAHint

BODY_BYTES_MAX: Final = 2**20


@dataclass(frozen=True, slots=True)
class Hooks:
    """The handler of upstreams' calls."""

    gateway: Gateway
    bell: Bell
    read_hint: HintReader

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "POST",
                "/hooks/{provider}/{token}",
                self.ring,
                "An upstream's webhook; a hint only",
                "hooks",
                answers={200: "bytes", 204: ""},
                needs_key=False,
                successful=204,
            )
        ]

    async def ring(self, call: Call) -> Reply:
        """Wake whoever watches the task that a token is about."""
        provider, token = call.path["provider"], call.path["token"]
        submit = await self.gateway.store.read(lambda tx: tx.submit_by_token(provider, token))
        if submit is None:
            raise RouteNotFound("There is no such hook.")
        body = await _body(call)
        try:
            wanted = self.read_hint(provider, dict(call.headers), body)
        except NotAHint:  # told like an unknown token: a forger learns nothing
            raise RouteNotFound("There is no such hook.") from None
        self.bell.ring(submit.task_id)
        if wanted is None:
            return Reply(status=204)
        return Reply(wanted, headers={"Content-Type": "application/json"})


async def _body(call: Call) -> bytes:
    body = bytearray()
    async for chunk in chunks_of(call):
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise RequestTooLarge(f"A hook's body has at most {BODY_BYTES_MAX} bytes.")
    return bytes(body)
