"""What both dialects do with a POST that creates a task (CONTRACT §2)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from rushes.domain.errors import InvalidValue
from rushes.domain.spec import Mode
from rushes.domain.task import Task
from rushes.gateway.creates import Create, Created, Wanted
from rushes.gateway.door import Gateway
from rushes.gateway.judged import Judged
from rushes.http.body import Body, BodyLimits, read_body
from rushes.http.crowding import Crowd
from rushes.http.door import ClientGone
from rushes.http.routes import Call
from rushes.http.wish import JsonAsked
from rushes.traces import read_traceparent

KEY_CHARACTERS_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Creating:
    """Reads bodies within limits and hands creates to the gateway."""

    gateway: Gateway
    limits: BodyLimits
    metadata_bytes_max: int
    crowd: Crowd

    @asynccontextmanager
    async def body(self, call: Call) -> AsyncIterator[Body]:
        """Read a request's body; it is held, and its files live, as long as the block."""
        length = call.headers.get("content-length")
        with self.crowd.body(call.caller.account_id) as share:
            chunks = share.through(chunks_of(call), length)
            body = await read_body(call.headers, chunks, self.limits)
            try:
                yield body
            finally:
                await body.close()

    async def create(
        self,
        call: Call,
        body: Body,
        render: Callable[[Task], bytes],
        *,
        default_model: str | None = None,
        derives: Mode | None = None,
        source_id: str | None = None,
    ) -> Created:
        """Create a task from a body, under the route's own idempotency.

        A route for films from films says what it `derives`; a remix has its source in the path.
        """
        return await self.gateway.create(
            Create(
                caller=call.caller,
                route=str(call.scope["path"]),
                key=_idempotency_key(call),
                digest=body.digest,
                is_retry=_is_retry(call),
                asked=self._asked(call, body, derives),
                render=render,
                default_model=default_model,
                derives=derives,
                source_id=source_id,
                span=read_traceparent(call.headers.get("traceparent")),
                request_id=call.request_id,
                received_at=self.gateway.clock.now(),
            )
        )

    async def quote(self, call: Call, body: Body) -> Judged:
        """Say what a create with this body would come to."""
        wanted = Wanted(caller=call.caller, asked=self._asked(call, body, None))
        return await self.gateway.judge(wanted)

    def _asked(self, call: Call, body: Body, derives: Mode | None) -> JsonAsked:
        within = call.headers.get("rushes-start-within")
        return JsonAsked(body.values, within, self.metadata_bytes_max, derives=derives)


def creation_headers(created: Created) -> dict[str, str]:
    """Return the headers of a create's answer."""
    return {
        **created.headers,
        "Content-Type": "application/json",
        "Cache-Control": "private, no-cache",
    }


def _idempotency_key(call: Call) -> str | None:
    key = call.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_CHARACTERS_MAX or not all(" " <= char <= "~" for char in key):
        raise InvalidValue(
            f"'Idempotency-Key' must have from 1 to {KEY_CHARACTERS_MAX} printable ASCII "
            "characters.",
            param="Idempotency-Key",
        )
    return key


def _is_retry(call: Call) -> bool:
    """Stock OpenAI clients count their own repeats in a header, and send no key."""
    count = call.headers.get("x-stainless-retry-count", "")
    return count.isdecimal() and int(count[:9]) >= 1


async def chunks_of(call: Call) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request as it comes.

    Raises:
        ClientGone: the caller left before it was whole.
    """
    while True:
        message: Mapping[str, Any] = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body", False):
            return
