"""Waiting for news without asking again: long-poll and server-sent events (CONTRACT §5, §5.1).

Waiters hear a bell and look at the rows; a bell that was missed costs at most a second. Open
streams check their key every second, and end when it is revoked or the server drains.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.types import Send

from rushes.clock import Clock
from rushes.domain.access import Key
from rushes.domain.errors import (
    InvalidApiKey,
    InvalidValue,
    NotAcceptable,
    RateLimitExceeded,
    TaskNotFound,
)
from rushes.domain.task import FINAL, Status, Task
from rushes.gateway.door import Gateway
from rushes.http.auth import BAD_KEY, Keyring
from rushes.http.door import ClientGone
from rushes.http.envelope import Enveloping
from rushes.http.looking import WORDS, Looking, is_known, look_of
from rushes.http.routes import Call, Reply, Streaming
from rushes.ports import Bell, Look, Told

WAIT_S_MAX: Final = 60
CHECK_S: Final = 1.0
HEARTBEAT_S: Final = 12.0
"""A stream looks once in `CHECK_S` whether one is due; callers are promised one in 15 s."""

RETRY_MS: Final = 3000
_WAIT: Final = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=$|[,;])', re.IGNORECASE)
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Live:
    """Answers the callers who wait."""

    gateway: Gateway
    looking: Looking
    enveloping: Enveloping
    keyring: Keyring
    bell: Bell
    clock: Clock
    draining: asyncio.Event
    streams_per_key_max: int
    open_streams: Counter[str] = field(default_factory=Counter)

    # -- long-poll -----------------------------------------------------------------------

    async def query(self, call: Call) -> Reply:
        """Answer a look, at once or when there is news."""
        task_id = call.path["task_id"]
        wait_s, is_preferred = _wait_of(call)
        look = await self.looking.find(call.caller, task_id)
        if wait_s and look.status not in FINAL:
            async with self._stream(call.caller), _leaving(call) as is_caller_gone:
                look = await self._wait(call, task_id, wait_s, is_caller_gone)
        task: Task | None = None
        if self.enveloping.styles.wraps(call.caller):  # an envelope tells more than a look knows
            task = await self.gateway.task(call.caller, task_id, param="task_id")
            look = look_of(task)
        at = self.clock.now()
        etag = self.looking.etag(look, at)
        headers = self.looking.headers(task_id, look, etag, at)
        if is_preferred:
            headers["Preference-Applied"] = f"wait={wait_s}"
        if is_known(_joined(call, "if-none-match"), etag):
            return Reply(status=304, headers=headers)
        if task is not None:
            return Reply(self.enveloping.body(task, at), headers=headers)
        return Reply(self.looking.body(task_id, look, at), headers=headers)

    async def _wait(
        self, call: Call, task_id: str, wait_s: int, is_caller_gone: Callable[[], bool]
    ) -> Look:
        """Wait until a task has ended or the time is up; then tell how it stands."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            look = await self.looking.find(call.caller, task_id)
            left_s = until - loop.time()
            if look.status in FINAL or left_s <= 0 or self.draining.is_set():
                return look
            await self.bell.wait(task_id, min(left_s, CHECK_S))
            if not self.keyring.is_still_valid(call.caller, call.origin):
                raise InvalidApiKey(BAD_KEY)
            if is_caller_gone():
                raise ClientGone

    @asynccontextmanager
    async def _stream(self, caller: Key) -> AsyncIterator[None]:
        """Count what a key holds open, and bound it."""
        if self.open_streams[caller.id] >= self.streams_per_key_max:
            raise RateLimitExceeded(
                f"This API key already has {self.streams_per_key_max} requests waiting. "
                "Try again in 5 seconds.",
                retry_after_s=5,
            )
        self.open_streams[caller.id] += 1
        try:
            yield
        finally:
            self.open_streams[caller.id] -= 1
            if not self.open_streams[caller.id]:
                del self.open_streams[caller.id]

    # -- server-sent events --------------------------------------------------------------

    async def events(self, call: Call) -> Reply | Streaming:
        """Tell the events of a task, then live on until its last."""
        task_id = call.path["task_id"]
        await self.looking.find(call.caller, task_id)
        if not _accepts_events(_joined(call, "accept")):
            raise NotAcceptable("This route answers text/event-stream only.", param="Accept")
        told = await self._told(task_id)
        last = told[-1] if told else None
        # A number from beyond, of another task perhaps, must not hide what is still to come.
        after = min(_last_event_id(call), last.number if last is not None else 0)
        if last is not None and last.status in FINAL and after >= last.number:
            return Reply(status=204, headers={"Cache-Control": "no-store"})
        return Streaming(_Events(self, task_id, after).send)

    async def _told(self, task_id: str) -> list[Told]:
        return list(await self.gateway.store.read(lambda tx: tx.told(task_id)))

    async def visible(self, task_id: str, after: int) -> list[tuple[int, Status]]:
        """Return the events callers can see: a change of word, with a number above `after`."""
        shown: list[tuple[int, Status]] = []
        word = ""
        for told in await self._told(task_id):
            if WORDS[told.status] != word:
                word = WORDS[told.status]
                shown.append((told.number, told.status))
        return [(number, status) for number, status in shown if number > after]

    def stream(self, caller: Key) -> Any:  # noqa: ANN401 -- an async context manager
        """Count an open stream."""
        return self._stream(caller)


@dataclass(slots=True)
class _Events:
    """One open stream of events."""

    live: Live
    task_id: str
    after: int
    is_left: bool = False

    async def send(self, call: Call, shared: Mapping[str, str], send: Send) -> None:
        """Send the stream until the task's last event, or until nobody may listen any more."""
        headers = {
            **shared,
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        async with self.live.stream(call.caller):
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await _write(send, f"retry: {RETRY_MS}\n\n")
            async with _leaving(call) as is_caller_gone:
                await self._tell(call, send, is_caller_gone)
                if not is_caller_gone():
                    await send({"type": "http.response.body", "body": b""})

    async def _tell(self, call: Call, send: Send, is_caller_gone: Callable[[], bool]) -> None:
        live, caller = self.live, call.caller
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + HEARTBEAT_S
        while not is_caller_gone() and not live.draining.is_set():
            for number, status in await live.visible(self.task_id, self.after):
                data = await self._data(caller, status)
                if data is None:
                    return
                await _write(send, f"id: {number}\nevent: status\ndata: {data}\n\n")
                self.after = number
                if status in FINAL:
                    return
                beat_at = loop.time() + HEARTBEAT_S
            if loop.time() >= beat_at:
                await _write(send, ": heartbeat\n\n")
                beat_at = loop.time() + HEARTBEAT_S
            await live.bell.wait(self.task_id, CHECK_S)
            if not live.keyring.is_still_valid(caller, call.origin) or await self._is_gone(caller):
                return

    async def _is_gone(self, caller: Key) -> bool:
        """Whether the task was deleted under the stream."""
        try:
            await self.live.looking.find(caller, self.task_id)
        except TaskNotFound:
            return True
        return False

    async def _data(self, caller: Key, status: Status) -> str | None:
        """Return the flat body as it was at that event, on one line; a link is signed now."""
        at: datetime = self.live.clock.now()
        if status not in FINAL:
            flat = {"task_id": self.task_id, "status": WORDS[status], "format": "mp4"}
            return _ENCODER.encode(flat).decode()
        try:
            look = await self.live.looking.find(caller, self.task_id)
        except TaskNotFound:
            return None
        return self.live.looking.body(self.task_id, look, at).decode()


@asynccontextmanager
async def _leaving(call: Call) -> AsyncIterator[Callable[[], bool]]:
    """Listen for the caller to leave; yields a function that says whether it has."""
    leaving = asyncio.ensure_future(_until_gone(call))
    try:
        yield leaving.done
    finally:
        leaving.cancel()


async def _until_gone(call: Call) -> None:
    while (await call.receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _wait_of(call: Call) -> tuple[int, bool]:
    """Read how long the caller would wait: the query wins over `Prefer` (CONTRACT §5)."""
    query = call.query()
    if "wait" in query:
        text = query["wait"]
        if not (text.isascii() and text.isdecimal()):
            raise InvalidValue(
                f"'wait' must be a number of seconds from 0 to {WAIT_S_MAX}; got {text}.",
                param="wait",
            )
        return _seconds(text), False
    found = _WAIT.search(_joined(call, "prefer") or "")
    if found is None:
        return 0, False
    return _seconds(found[1]), True


def _seconds(digits: str) -> int:
    """Read a number of any length, but no further than it matters."""
    digits = digits.lstrip("0")
    return WAIT_S_MAX if len(digits) > len(str(WAIT_S_MAX)) else min(int(digits or 0), WAIT_S_MAX)


def _joined(call: Call, name: str) -> str | None:
    """Return a header that may be sent in several lines, as one list (RFC 9110, 5.3)."""
    lines = call.headers.getlist(name)
    return ", ".join(lines) if lines else None


def _last_event_id(call: Call) -> int:
    text = call.headers.get("last-event-id", "").strip()
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


def _accepts_events(accept: str | None) -> bool:
    """Say whether an Accept header lets an event stream in; the closest range decides."""
    if accept is None or not accept.strip():
        return True
    is_wanted: dict[str, bool] = {}
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        is_refused = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
        is_wanted[kind] = not is_refused
    ranges = ("text/event-stream", "text/*", "*/*")
    return next((is_wanted[kind] for kind in ranges if kind in is_wanted), False)
