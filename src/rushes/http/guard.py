"""The doorkeeper: what uvicorn's HTTP protocol leaves unbounded has a bound here.

uvicorn with httptools takes heads of any size, waits for ever for the rest of a
request, and gives a request that names another protocol no body. `guarded(limits)`
returns a protocol class that mends this, can send files, and is otherwise stock:

    uvicorn.Config(app, http=guarded(GuardLimits()), ws="none")

It leans on attributes of `HttpToolsProtocol` that are not public. uvicorn is therefore
pinned, and `tests/http/test_guard.py` holds every one of them.

Phases are those of the request being read, of which there is one at a time:

    BETWEEN ──first byte──► HEAD ──blank line──► BODY ──last byte──► BETWEEN
                              │                    │
                              └──── too much, too slow, malformed ───► REFUSED

The answers run beside that, in order, and a refusal waits for its turn among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from math import inf
from types import FunctionType
from typing import Any, ClassVar, Final, Protocol, cast
from weakref import WeakKeyDictionary

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from rushes.http.bounds import Bounded, GuardCounters, GuardLimits, Room, Sweep
from rushes.http.farewells import (
    BODY_LATE,
    FULL,
    HEAD_LATE,
    MALFORMED,
    PIPELINE_FULL,
    TUNNEL,
    Farewell,
)
from rushes.http.zerocopy import MESSAGE_TYPE, ZeroCopyCycle, can_send_files

__all__ = ["AtOnce", "GuardCounters", "GuardLimits", "GuardedHttpProtocol", "guarded"]

# uvicorn's own method, but for the class of which it makes a request: changing that of each
# request afterwards costs a tenth of a small one.
_stock_on_headers_complete: Final = FunctionType(
    HttpToolsProtocol.on_headers_complete.__code__,
    vars(httptools_impl) | {"RequestResponseCycle": ZeroCopyCycle},
)

_BETWEEN: Final = 0
_HEAD: Final = 1
_BODY: Final = 2
_REFUSED: Final = 3


class AtOnce(Protocol):
    """Answers some requests as soon as their head is read."""

    def __call__(
        self, url: bytes, headers: Sequence[tuple[bytes, bytes]], standing: bytes
    ) -> bytes | None:
        """Return all the bytes of the answer to a GET without a body; None: let the app.

        `standing` is what every answer says, as header lines.
        """
        ...

    def again(self, packet: bytes, standing: bytes) -> bytes | None:
        """Return the same for a packet that is a whole head of a kind known by `learn`."""
        ...

    def learn(self, packet: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Know a head that was answered when it comes again, if a packet is that head alone."""
        ...


class _Stop(Exception):
    """Ends the parser's work on a packet; the refusal is under way already."""


class GuardedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds; make a class to use with `guarded`."""

    limits: ClassVar[GuardLimits] = GuardLimits()
    counters: ClassVar[GuardCounters] = GuardCounters()
    at_once: ClassVar[AtOnce | None] = None
    _standing: ClassVar[tuple[Sequence[tuple[bytes, bytes]], bytes]] = ((), b"")
    _sweeps: ClassVar[WeakKeyDictionary[ServerState, tuple[Sweep, Room]]] = WeakKeyDictionary()

    # Slots, because the stock attributes fill a key-sharing dict of CPython to the brim: two
    # or three more would cost every connection a dict of its own.
    __slots__ = (
        "_body_ends_at",
        "_can_send_files",
        "_deadline",
        "_is_answered",
        "_is_at_start",
        "_is_surplus",
        "_loose_bytes",
        "_packet_bytes",
        "_parting",
        "_phase",
        "_room",
        "_running",
        "_send_deadline",
        "_unsent_bytes",
    )

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._phase = _BETWEEN
        self._can_send_files = False
        self._deadline = inf
        self._body_ends_at = inf
        self._send_deadline = inf
        self._unsent_bytes = 0
        self._packet_bytes = 0
        # What arrived since the last byte of body, or since the head began, in whole packets.
        self._loose_bytes = 0
        self._is_at_start = False
        self._is_answered = False
        self._is_surplus = False
        self._parting: Farewell | None = None
        self._room: Room | None = None
        self._running: RequestResponseCycle | None = None

    # -- the connection ----------------------------------------------------------------
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request, if there is room for this connection."""
        super().connection_made(transport)
        self._can_send_files = can_send_files(transport)
        self._deadline = self.loop.time() + self.limits.head_timeout_s
        clockwork = self._sweeps.get(self.server_state)
        if clockwork is None:
            connections = cast("Collection[Bounded]", self.connections)
            clockwork = (
                Sweep(self.loop, connections, self.limits.sweep_s),
                Room(self.loop, connections, self.limits.connections_max),
            )
            self._sweeps[self.server_state] = clockwork
        sweep, self._room = clockwork
        sweep.wake()
        if self._room.is_full():
            self._come_as_one_too_many(self._room)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the app that its caller is gone.

        uvicorn tells the newest request only, which with pipelining is not the running one.
        """
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)
        if self._room is not None:
            self._room.forget(self)

    def pause_writing(self) -> None:
        """Start the clock for a caller who does not take what we send."""
        super().pause_writing()
        self._watch_sending()

    def resume_writing(self) -> None:
        """Stop that clock, unless the last bytes are still to go."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._send_deadline = inf

    # -- what arrives ------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """Read a packet; what comes after a refusal is thrown away unread."""
        if self._phase == _REFUSED:
            return
        at_once = self.at_once
        if at_once is not None and self._phase == _BETWEEN and self._answer_again(at_once, data):
            return
        self._packet_bytes = len(data)
        self._is_at_start = self._phase == _BETWEEN
        try:
            self._feed(data)
        except httptools.HttpParserError:
            if self._phase != _REFUSED:
                self.counters.malformed_count += 1
                self._refuse(MALFORMED)
            return
        if self._phase != _BETWEEN:
            self._loose_bytes += self._packet_bytes
            if self._loose_bytes > self.limits.head_bytes_max:
                self._refuse_oversize()
        elif self._is_answered and at_once is not None:
            at_once.learn(data, self.headers)

    def _feed(self, data: bytes) -> None:
        """Parse, and go on with HTTP where a request would rather speak something else.

        llhttp takes a request with `Upgrade` to be the last one and to have no body; Java's
        HttpClient sends `Upgrade: h2c` with every first POST. A fresh parser is given the same
        head without that header. Raises what httptools raises for bad requests.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            # As in the stock constructor: a request behind the last one is not an error.
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(head)
            rest = data[upgrade.args[0] :]
            if rest:
                self._feed(rest)

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    # -- what the parser finds ---------------------------------------------------------
    def on_message_begin(self) -> None:
        """Start the clock for a head."""
        super().on_message_begin()
        self._phase = _HEAD
        self._deadline = self.loop.time() + self.limits.head_timeout_s
        # Where in a packet a later request begins is not known, so that packet counts nothing.
        self._loose_bytes = 0 if self._is_at_start else -self._packet_bytes
        self._is_at_start = False

    def on_headers_complete(self) -> None:
        """Judge the size of the head, then let uvicorn start or queue the request."""
        if self._is_surplus and self._room is not None:
            self._is_surplus = self._room.is_full()  # others may have left since it came
            if self._is_surplus:
                self.counters.surplus_refused_count += 1
                self._refuse(FULL)
                raise _Stop
        limit_bytes = self.limits.head_bytes_max
        seen_bytes = max(0, self._loose_bytes) + self._packet_bytes
        if seen_bytes > limit_bytes and self._head_bytes() > limit_bytes:
            self._refuse_oversize()
            raise _Stop
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self.counters.malformed_count += 1
                self._refuse(TUNNEL)
                raise _Stop
            return
        if len(self.pipeline) >= self.limits.pipelined_count_max:
            self.counters.pipelines_refused_count += 1
            self._refuse(PIPELINE_FULL)
            raise _Stop
        self._is_answered = self.at_once is not None and self._answer_at_once(self.at_once)
        if self._is_answered:
            self._phase = _BODY  # of no bytes: the parser says so next
            return
        _stock_on_headers_complete(self)
        self._phase = _BODY
        self._loose_bytes = -self._packet_bytes
        now = self.loop.time()
        self._body_ends_at = now + self.limits.body_total_timeout_s
        self._deadline = now + self.limits.body_timeout_s
        # Trailers come in as headers do. The app's list is this one no more, so they must not
        # pass for headers (RFC 9110, 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Note progress; once the answer is out, the rest of a body gets no more time."""
        self._loose_bytes = -self._packet_bytes
        if not self.cycle.response_complete:
            more_at = self.loop.time() + self.limits.body_timeout_s
            self._deadline = min(more_at, self._body_ends_at)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self._phase != _BODY:
            return  # the head of a request that asked to upgrade, about to be read again
        if self._is_answered:
            self._phase = _BETWEEN
            self._deadline = self.loop.time() + self.limits.idle_timeout_s
            return
        super().on_message_complete()
        self._phase = _BETWEEN
        is_idle = self.cycle.response_complete
        self._deadline = self.loop.time() + self.limits.idle_timeout_s if is_idle else inf

    def _should_upgrade(self) -> bool:
        return False

    def _head_bytes(self) -> int:
        """Return the size of the head just read, as it would be without needless spaces."""
        line_bytes = len(self.parser.get_method()) + len(self.url) + len("  HTTP/1.1\r\n\r\n")
        return line_bytes + sum(len(name) + len(value) + 4 for name, value in self.headers)

    # -- what goes out -----------------------------------------------------------------
    def _is_busy(self) -> bool:
        """Say whether another answer of this connection is under way."""
        cycle = self.cycle
        return (cycle is not None and not cycle.response_complete) or self.flow.write_paused

    def _answer_again(self, at_once: AtOnce, packet: bytes) -> bool:
        """Answer a head that need not be parsed, if it is this connection's only business."""
        if self._is_surplus or self._is_busy():
            return False
        answer = at_once.again(packet, self._standing_lines())
        if answer is None:
            return False
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._deadline = self.loop.time() + self.limits.idle_timeout_s
        return True

    def _answer_at_once(self, at_once: AtOnce) -> bool:
        """Answer a GET without the app, if it is this connection's only business."""
        if self._is_busy() or self.parser.get_method() != b"GET":
            return False
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return False
        answer = at_once(self.url, self.headers, self._standing_lines())
        if answer is None:
            return False
        self.transport.write(answer)
        self.server_state.total_requests += 1
        return True

    def _standing_lines(self) -> bytes:
        """Return the server's own headers as lines; uvicorn makes a new list each second."""
        headers = self.server_state.default_headers
        known, lines = type(self)._standing  # noqa: SLF001 -- shared by all connections of a server
        if known is not headers:
            lines = b"".join(b"%b: %b\r\n" % header for header in headers)
            type(self)._standing = (headers, lines)  # noqa: SLF001 -- the same
        return lines

    def on_response_complete(self) -> None:
        """Start the next request in the queue, or the clock of an idle connection.

        Stock but for the clock, which is ours, and for a refusal that waited for its turn.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._watch_sending()
            return
        now = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._parting is not None:
            self._part(self._parting)
        elif self._phase == _BETWEEN:
            self._deadline = now + self.limits.idle_timeout_s
        elif self._phase == _BODY:
            self._deadline = now + self.limits.body_timeout_s

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if self._can_send_files:
            cycle.scope["extensions"] = {MESSAGE_TYPE: {}}
        super()._start_asgi_task(cycle, app)

    def _watch_sending(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._send_deadline = self.loop.time() + self.limits.send_timeout_s

    def _close(self) -> None:
        """Close once what is written has gone out."""
        self._deadline = inf
        self.transport.close()
        self._watch_sending()

    def _refuse_oversize(self) -> None:
        """Refuse a head, trailers or framing that are too large."""
        what = "head"
        if self._phase == _BODY:
            what = "framing or trailers"
            self.counters.bodies_refused_count += 1
        else:
            self.counters.heads_refused_count += 1
        limit_bytes = self.limits.head_bytes_max
        message = f"The {what} of this request may have at most {limit_bytes} bytes."
        self._refuse(Farewell(431, "request_too_large", message))

    def _refuse(self, farewell: Farewell) -> None:
        """Give up on the request being read; answer it if its turn comes."""
        is_in_body = self._phase == _BODY
        cycle = self.cycle
        self._phase = _REFUSED
        self._deadline = inf
        self.logger.info("Refused a request of %s: %s", self.client, farewell.message)
        if is_in_body:
            if cycle.response_started:
                self._close()  # too late for words
                return
            # The app learns that the caller is gone, and no answer of its gets out.
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
            cycle.message_event.set()
        is_queued = is_in_body and bool(self.pipeline) and self.pipeline[0][0] is cycle
        if is_queued:
            self.pipeline.popleft()
        is_another_due = cycle is not None and not cycle.response_complete and not is_in_body
        if is_queued or is_another_due:
            self._parting = farewell
        else:
            self._part(farewell)

    def _part(self, farewell: Farewell) -> None:
        """Send the last answer of this connection.

        A socket closed with bytes unread is reset by the kernel, and the caller may never see
        the answer. So we say that we are done, and hear the caller out for a while.
        """
        self._parting = None
        if self.transport.is_closing():
            return
        self.transport.write(farewell.rendered(self.server_state.default_headers))
        if farewell.is_late or not self.transport.can_write_eof():
            self._close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.time() + self.limits.linger_s

    # -- room for others ---------------------------------------------------------------
    def _come_as_one_too_many(self, room: Room) -> None:
        """Have those leave that idle longest; without any, be refused with the first head."""
        self.counters.room_made_count += room.make(self)
        self._is_surplus = room.is_full()
        if room.is_overfull():
            self.counters.surplus_refused_count += 1
            self._phase = _REFUSED
            self.transport.abort()

    def idle_until(self) -> float:
        """Return when the connection is closed if nothing more comes; inf while it has business."""
        is_waiting = self._phase in {_BETWEEN, _HEAD}
        is_answered = self.cycle is None or self.cycle.response_complete
        if not is_waiting or not is_answered or self.transport.is_closing():
            return inf
        return inf if self.transport.get_write_buffer_size() else self._deadline

    def make_way(self) -> None:
        """Be closed, because others want the room."""
        self._phase = _REFUSED
        self._deadline = inf
        self.transport.close()

    # -- what does not happen ----------------------------------------------------------
    def is_late(self, now: float) -> bool:
        """Say whether a deadline has passed; `now` is of the loop's clock, in seconds."""
        return self._deadline <= now or self._send_deadline <= now

    def expire(self, now: float) -> None:
        """Act on the deadline that has passed."""
        if self._send_deadline <= now:
            self._expire_send(now)
        elif self._phase == _REFUSED:  # heard out for long enough
            self._deadline = inf
            self.transport.abort()
        elif self._phase == _BETWEEN:
            self.counters.idle_closed_count += 1
            self._close()
        elif self._phase == _HEAD:
            self._expire_head(now)
        else:
            self._expire_body(now)

    def _expire_head(self, now: float) -> None:
        if self.flow.read_paused:  # it is we who do not read
            self._deadline = now + self.limits.head_timeout_s
            return
        self.counters.heads_timed_out_count += 1
        self._refuse(HEAD_LATE)

    def _expire_body(self, now: float) -> None:
        cycle = self.cycle
        if cycle.response_complete:  # nobody wants the rest, and it had its time
            self.counters.bodies_timed_out_count += 1
            self._close()
        elif self.flow.read_paused or cycle.waiting_for_100_continue or cycle.response_started:
            # We do not read, have not asked for it yet, or are answering without it.
            self._deadline = now + self.limits.body_timeout_s
        else:
            self.counters.bodies_timed_out_count += 1
            self._refuse(BODY_LATE)

    def _expire_send(self, now: float) -> None:
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes:
            self._unsent_bytes = unsent_bytes
            self._send_deadline = now + self.limits.send_timeout_s
            return
        self.counters.sends_timed_out_count += 1
        self._send_deadline = inf
        self.transport.abort()


def guarded(limits: GuardLimits, *, at_once: AtOnce | None = None) -> type[GuardedHttpProtocol]:
    """Return a protocol class with these limits, and counters of its own.

    `at_once` may answer a request before the app hears of it.
    """
    own_limits, own_counters, own_at_once = limits, GuardCounters(), at_once

    class Guarded(GuardedHttpProtocol):
        __slots__ = ()
        limits = own_limits
        counters = own_counters
        at_once = own_at_once

    return Guarded
