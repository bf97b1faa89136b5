"""The guard: bounds on what a connection may ask, and stock uvicorn in all else.

The contract tests run the same bytes against stock uvicorn and against the guard, on both
event loops. Tests of deadlines that only need the protocol drive it by hand, with a clock
that stands still.
"""

from __future__ import annotations

import asyncio
import queue
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

import rushes.http.bounds as bounds_room
from loopback import PATIENCE_S, Caller, Reply, serving
from rushes.http.bounds import Sweep
from rushes.http.guard import GuardCounters, GuardedHttpProtocol, GuardLimits, guarded
from rushes.http.zerocopy import ZeroCopyCycle

LOOPS = ("uvloop", "asyncio")
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")
GET = b"GET /echo HTTP/1.1\r\nHost: films\r\n\r\n"
LAST_GET = b"GET /echo HTTP/1.1\r\nHost: films\r\nConnection: close\r\n\r\n"


@dataclass
class Stage:
    """An app that shows what it was told, and tells what befell it."""

    told: queue.Queue[str] = field(default_factory=queue.Queue)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["path"]:
            case "/early":
                await self._answer(send, b"early")
            case "/hold":
                await self._hold(receive)
            case "/big":
                await self._big(receive, send)
            case "/half":
                await self._half(receive, send)
            case _:
                await self._echo(scope, receive, send)

    async def _echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, is_more = b"", True
        while is_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.told.put("gone while reading")
                return
            body += message["body"]
            is_more = message["more_body"]
        seen = [scope[key] for key in ("method", "path", "query_string", "http_version")]
        await self._answer(send, repr([*seen, scope["headers"], body]).encode())

    async def _hold(self, receive: Receive) -> None:
        self.told.put("holding")
        while (await receive())["type"] != "http.disconnect":
            pass
        self.told.put("gone while held")

    async def _big(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"%d" % (64 << 20))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        chunk = bytes(1 << 20)
        for _ in range(64):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.told.put((await receive())["type"])

    async def _half(self, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        await self._hold(receive)

    async def _answer(self, send: Send, body: bytes) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class House:
    """A guarded server that runs, and what can be seen of it."""

    port: int
    stage: Stage
    counters: GuardCounters

    def hears(self, word: str) -> bool:
        """Wait until the app tells this; what other tests left behind is passed over."""
        return any(told == word for told in iter(self._next, None))

    def _next(self) -> str | None:
        try:
            return self.stage.told.get(timeout=PATIENCE_S)
        except queue.Empty:
            return None


def _house(limits: GuardLimits, loop: str) -> Iterator[House]:
    stage, protocol = Stage(), guarded(limits)
    with serving(stage, protocol, loop) as port:
        yield House(port, stage, protocol.counters)


@pytest.fixture(scope="module", params=LOOPS)
def patient(request: pytest.FixtureRequest) -> Iterator[House]:
    """A guard that is strict about size and in no hurry."""
    limits = GuardLimits(head_bytes_max=2048, pipelined_count_max=8)
    yield from _house(limits, request.param)


@pytest.fixture(scope="module", params=LOOPS)
def hasty(request: pytest.FixtureRequest) -> Iterator[House]:
    """A guard that waits for nobody."""
    short_s = 0.3
    limits = GuardLimits(2048, short_s, short_s, short_s, short_s, short_s)
    yield from _house(limits, request.param)


@pytest.fixture(scope="module")
def stock() -> Iterator[int]:
    """Plain uvicorn."""
    with serving(Stage()) as port:
        yield port


def _assert_form(reply: Reply, status: int, code: str, kind: str = "invalid_request_error") -> None:
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["connection"] == "close"
    assert reply.headers["cache-control"] == "no-store"
    assert REQUEST_ID.fullmatch(reply.headers["x-request-id"])
    message = reply.json["error"].pop("message")
    assert message.endswith(".")
    assert reply.json["error"] | {"message": message} == {
        "message": message,
        "type": kind,
        "param": None,
        "code": code,
    }


# -- stock in all else -----------------------------------------------------------------
CONVERSATIONS = {
    "one get": LAST_GET,
    "keep-alive": GET * 3 + LAST_GET,
    "query": b"GET /echo%20x?a=%20b HTTP/1.1\r\nConnection: close\r\n\r\n",
    "absolute form": b"GET http://films/echo HTTP/1.1\r\nHost: films\r\nConnection: close\r\n\r\n",
    "head": b"HEAD /echo HTTP/1.1\r\nConnection: close\r\n\r\n",
    "http 1.0": b"GET /echo HTTP/1.0\r\n\r\n",
    "http 1.0 keep-alive": b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "body": b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "chunked body": (
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n"
    ),
    "body, then another": (
        b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
        b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + LAST_GET
    ),
    "unread body": (b"POST /early HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + LAST_GET),
    "empty lines between": b"\r\n" + GET + b"\r\n\r\n" + LAST_GET,
    "request behind the last": LAST_GET + GET,
    "asterisk": b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
    "headers twice": b"GET /echo HTTP/1.1\r\nA: 1\r\nA: 2\r\nConnection: close\r\n\r\n",
}


def _without_date(answer: bytes) -> bytes:
    return re.sub(rb"date: [^\r]*\r\n", b"", answer)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_normal_app_sees_and_says_what_it_does_under_stock_uvicorn(
    name: str, stock: int, patient: House
) -> None:
    answers = []
    for port in (stock, patient.port):
        with Caller(port) as caller:
            caller.say(CONVERSATIONS[name])
            answers.append(_without_date(caller.hear_all()))
    assert answers[0] == answers[1]
    assert answers[0].startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_in_packets_of_one_byte_is_the_same(name: str, patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(CONVERSATIONS[name])
        at_once = _without_date(caller.hear_all())
    with Caller(patient.port) as caller:
        try:
            caller.say(*(bytes([byte]) for byte in CONVERSATIONS[name]))
            heard = caller.hear_all()
        except (BrokenPipeError, ConnectionResetError):
            # Bytes that came behind the last answer: the kernel says so while we speak, or listen.
            assert name == "request behind the last"
            return
        assert _without_date(heard) == at_once


def test_a_big_body_arrives_whole(patient: House) -> None:
    body = bytes(range(256)) * 20_000
    with Caller(patient.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body), body)
        assert repr(body).encode() in caller.reply().body


def test_a_body_is_asked_for_when_the_caller_waits_to_be_asked(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert caller.reply().status == 100
        caller.say(b"hello")
        assert b"b'hello'" in caller.reply().body


def test_a_caller_who_waits_to_be_asked_may_be_answered_at_once(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(b"POST /early HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert caller.reply().body == b"early"


# -- what is no HTTP, or would rather be something else --------------------------------
MALFORMED = {
    "no http": b"hello there\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no such method": b"FETCH / HTTP/1.1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "length and chunks": (
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "space before colon": b"GET / HTTP/1.1\r\nHost : films\r\n\r\n",
    "bare newline in a value": b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
    "path beyond ascii": b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    "tunnel": b"CONNECT films:443 HTTP/1.1\r\nHost: films:443\r\n\r\n",
    "bad chunk": b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nXYZ\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_gets_our_error_form(name: str, patient: House) -> None:
    before = patient.counters.malformed_count
    with Caller(patient.port) as caller:
        caller.say(MALFORMED[name])
        _assert_form(caller.reply(), 400, "invalid_value")
        caller.hang_up_sending()
        assert caller.hear_all() == b""
    assert patient.counters.malformed_count == before + 1


def test_a_bad_chunk_reaches_the_app_as_a_caller_gone(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(MALFORMED["bad chunk"])
        caller.reply()
        assert patient.hears("gone while reading")


def test_garbage_behind_a_request_is_answered_after_it(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(GET + GET + b"garbage\r\n\r\n" + GET)
        assert [caller.reply().status for _ in range(2)] == [200, 200]
        _assert_form(caller.reply(), 400, "invalid_value")
        caller.hang_up_sending()
        assert caller.hear_all() == b""


def test_a_queued_request_with_a_bad_body_is_answered_in_its_turn(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(GET + MALFORMED["bad chunk"])
        assert caller.reply().status == 200
        _assert_form(caller.reply(), 400, "invalid_value")


def test_garbage_within_a_request_that_is_half_answered_ends_the_connection(
    patient: House,
) -> None:
    with Caller(patient.port) as caller:
        caller.say(b"POST /half HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert patient.hears("holding")
        caller.say(b"XYZ\r\n")
        assert caller.hear_all().endswith(b"\r\n\r\n12345")
        assert patient.hears("gone while held")


@given(garbage=st.binary(min_size=1, max_size=400), split_at=st.integers(0, 400))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_bytes_at_all_hurt_the_server(garbage: bytes, split_at: int, patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(garbage[:split_at], garbage[split_at:])
        caller.hang_up_sending()
        heard = caller.hear_all()
    assert not heard or heard.startswith(b"HTTP/1.1 ")
    with Caller(patient.port) as caller:
        caller.say(GET)
        assert caller.reply().status == 200


UPGRADES = {
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAA\r\n",
}


@pytest.mark.parametrize("name", UPGRADES)
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"", b""),
        (b"Content-Length: 29\r\n", b"GET /echo HTTP/1.1\r\nsmug: 1\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_a_request_to_upgrade_stays_http_and_keeps_its_body(
    name: str, framing: bytes, body: bytes, *, is_split: bool, patient: House
) -> None:
    head = b"POST /echo HTTP/1.1\r\n" + UPGRADES[name] + framing + b"\r\n"
    with Caller(patient.port) as caller:
        caller.say(*([head, body] if is_split else [head + body]))
        reply = caller.reply()
        assert reply.status == 200
        shown = b"b'abc'" if b"chunked" in framing else repr(body).encode()
        assert reply.body.endswith(shown + b"]")
        assert b"b'upgrade'" not in reply.body
        caller.say(LAST_GET)
        assert b"'GET', '/echo'" in caller.hear_all()


def test_what_follows_a_request_to_upgrade_in_its_packet_is_not_lost(patient: House) -> None:
    upgrade = b"GET /echo HTTP/1.1\r\n" + UPGRADES["h2c"] + b"\r\n"
    with Caller(patient.port) as caller:
        caller.say(upgrade + upgrade + GET)
        assert [caller.reply().status for _ in range(3)] == [200, 200, 200]


# -- too much --------------------------------------------------------------------------
def _head_of(size: int) -> bytes:
    start, end = b"GET /echo HTTP/1.1\r\nA: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


@pytest.mark.parametrize("packet_bytes", [1, 100, 2047, 1 << 20])
def test_a_head_at_the_limit_passes_and_one_byte_more_does_not(
    packet_bytes: int, patient: House
) -> None:
    for size, status in ((2048, 200), (2049, 431)):
        head = _head_of(size)
        assert len(head) == size
        with Caller(patient.port) as caller:
            caller.say(*(head[at : at + packet_bytes] for at in range(0, size, packet_bytes)))
            assert caller.reply().status == status


@pytest.mark.parametrize(
    "endless",
    [b"A: " + b"x" * 99, b"A: b\r\n", b"A", b" "],
    ids=["one value", "many headers", "one name", "spaces"],
)
def test_a_head_without_end_is_refused_in_our_form(endless: bytes, patient: House) -> None:
    before = patient.counters.heads_refused_count
    with Caller(patient.port) as caller:
        caller.say(b"GET /echo HTTP/1.1\r\nB: c")
        if not endless.startswith(b" "):
            caller.say(b"\r\n")
        caller.say(*([endless * (2100 // len(endless) // 4 + 1)] * 4))
        _assert_form(caller.reply(), 431, "request_too_large")
    assert patient.counters.heads_refused_count == before + 1


def test_a_request_line_without_end_is_refused(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(b"GET /", b"a" * 1500, b"a" * 1500)
        _assert_form(caller.reply(), 431, "request_too_large")


def test_ten_thousand_headers_are_refused_and_the_caller_hears_why(patient: House) -> None:
    attack = b"GET /echo HTTP/1.1\r\n" + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))
    with Caller(patient.port) as caller:
        caller.say(attack, b"\r\n")
        _assert_form(caller.reply(), 431, "request_too_large")
        caller.hang_up_sending()
        assert caller.hear_all() == b""


def test_a_large_head_waits_for_the_answers_before_it(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(GET + _head_of(5000))
        assert caller.reply().status == 200
        _assert_form(caller.reply(), 431, "request_too_large")


def test_a_long_line_of_small_requests_is_no_large_head(patient: House) -> None:
    with Caller(patient.port) as caller:
        for _ in range(20):
            caller.say(GET * 7 + GET[:20], GET[20:])
            assert [caller.reply().status for _ in range(8)] == [200] * 8


def test_a_body_does_not_count_as_head(patient: House) -> None:
    body = b"x" * 10_000
    with Caller(patient.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nContent-Length: 10000\r\n\r\n" + body + GET[:9])
        assert caller.reply().status == 200
        caller.say(GET[9:])
        assert caller.reply().status == 200


@pytest.mark.parametrize(
    ("start", "endless"),
    [(b"0\r\nA: ", b"x" * 500), (b"0\r\n", b"A: b\r\n" * 80), (b"5;ext=", b"x" * 500)],
    ids=["one trailer", "many trailers", "chunk extension"],
)
def test_framing_without_end_is_refused(start: bytes, endless: bytes, patient: House) -> None:
    before = patient.counters.bodies_refused_count
    with Caller(patient.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        caller.say(b"3\r\nabc\r\n" + start)
        assert caller.say_until_closed(endless, pause_s=0.02, count_max=100) < 100
        _assert_form(caller.reply(), 431, "request_too_large")
        assert patient.hears("gone while reading")
    assert patient.counters.bodies_refused_count == before + 1


def test_trailers_pass_for_no_headers_of_any_request(patient: House) -> None:
    chunked = b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    with Caller(patient.port) as caller:
        caller.say(chunked + b"0\r\nAuthorization: Bearer sk-live-trailer\r\n\r\n" + GET)
        for _ in range(2):
            reply = caller.reply()
            assert reply.status == 200
            assert b"trailer" not in reply.body


def test_a_flood_of_pipelined_requests_is_cut_after_those_that_fit(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(GET * 200)
        # One runs, eight wait.
        assert [caller.reply().status for _ in range(9)] == [200] * 9
        last = caller.reply()
        _assert_form(last, 429, "rate_limit_exceeded", "rate_limit_error")
        assert last.headers["retry-after"] == "1"
    assert patient.counters.pipelines_refused_count > 0


def test_a_caller_who_pipelined_and_left_is_known_to_be_gone(patient: House) -> None:
    with Caller(patient.port) as caller:
        caller.say(b"GET /hold HTTP/1.1\r\n\r\n" + GET)
        assert patient.hears("holding")
    assert patient.hears("gone while held")


# -- too slow --------------------------------------------------------------------------
def test_a_connection_that_says_nothing_is_closed(hasty: House) -> None:
    with Caller(hasty.port) as caller:
        assert caller.hear_all() == b""


def test_an_idle_connection_is_closed_after_its_answer(hasty: House) -> None:
    before = hasty.counters.idle_closed_count
    with Caller(hasty.port) as caller:
        caller.say(GET)
        assert caller.reply().status == 200
        assert caller.hear_all() == b""
    assert hasty.counters.idle_closed_count == before + 1


def test_a_head_that_stops_is_timed_out(hasty: House) -> None:
    before = hasty.counters.heads_timed_out_count
    with Caller(hasty.port) as caller:
        caller.say(GET[:-3])
        _assert_form(caller.reply(), 408, "request_timeout")
        assert caller.hear_all() == b""
    assert hasty.counters.heads_timed_out_count == before + 1


@pytest.mark.parametrize("drop", [b"A: b\r\n", b"x"])
def test_a_head_that_trickles_for_ever_is_timed_out(drop: bytes, hasty: House) -> None:
    with Caller(hasty.port) as caller:
        caller.say(b"GET /echo HTTP/1.1\r\nA: b\r\n")
        assert caller.say_until_closed(drop, pause_s=0.02, count_max=500) < 500


def test_a_trickle_of_empty_lines_does_not_keep_a_connection(hasty: House) -> None:
    with Caller(hasty.port) as caller:
        assert caller.say_until_closed(b"\r\n", pause_s=0.02, count_max=500) < 500


def test_a_body_that_stops_is_timed_out(hasty: House) -> None:
    before = hasty.counters.bodies_timed_out_count
    with Caller(hasty.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\nhello")
        _assert_form(caller.reply(), 408, "request_timeout")
        assert caller.hear_all() == b""
    assert hasty.hears("gone while reading")
    assert hasty.counters.bodies_timed_out_count == before + 1


def test_a_chunked_body_that_trickles_framing_is_timed_out(hasty: House) -> None:
    with Caller(hasty.port) as caller:
        caller.say(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=")
        assert caller.say_until_closed(b"x", pause_s=0.02, count_max=500) < 500
    assert hasty.hears("gone while reading")


def test_the_rest_of_a_body_that_nobody_reads_gets_no_time_for_ever(hasty: House) -> None:
    with Caller(hasty.port) as caller:
        caller.say(b"POST /early HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
        assert caller.reply().body == b"early"
        assert caller.say_until_closed(b"x", pause_s=0.02, count_max=500) < 500


def test_a_caller_who_takes_nothing_of_an_answer_is_cut_off(hasty: House) -> None:
    before = hasty.counters.sends_timed_out_count
    with Caller(hasty.port, receive_buffer_bytes=4096) as caller:
        caller.say(b"GET /big HTTP/1.1\r\n\r\n")
        assert hasty.hears("http.disconnect")
    assert hasty.counters.sends_timed_out_count == before + 1


def test_a_caller_who_waits_for_a_slow_answer_is_left_alone(hasty: House) -> None:
    with Caller(hasty.port) as waiting, Caller(hasty.port) as idle:
        waiting.say(b"GET /hold HTTP/1.1\r\n\r\n")
        assert hasty.hears("holding")
        # Two connections die of idleness, one after the other; the one that waits does not.
        assert idle.hear_all() == b""
        with Caller(hasty.port) as other:
            assert other.hear_all() == b""
        assert hasty.stage.told.empty()
    assert hasty.hears("gone while held")


# -- deadlines, by hand ----------------------------------------------------------------
class StillLoop:
    """A loop whose clock a test moves, and which runs nothing."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        self.timers.append((self.now + delay_s, call))
        return object()

    def create_task(self, work: Coroutine[Any, Any, None]) -> StillLoop:
        work.close()
        return self

    def add_done_callback(self, _: object) -> None:
        pass


@dataclass
class Wire:
    """A transport that keeps what it is given."""

    written: bytearray = field(default_factory=bytearray)
    unsent_bytes: int = 0
    acts: list[str] = field(default_factory=list)

    def get_extra_info(self, name: str) -> None:
        return None

    def write(self, packet: bytes) -> None:
        self.written += packet

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return "close" in self.acts or "abort" in self.acts

    def __getattr__(self, act: str) -> Callable[[], None]:
        return lambda: self.acts.append(act)


@dataclass
class Desk:
    """One guarded connection on a desk, with the default limits."""

    loop: StillLoop
    wire: Wire
    protocol: GuardedHttpProtocol

    def after(self, seconds: float) -> Desk:
        """Let time pass, and the sweep look once."""
        self.loop.now += seconds
        if self.protocol.is_late(self.loop.now):
            self.protocol.expire(self.loop.now)
        return self

    def answer(self) -> None:
        """Let the app have answered the newest request."""
        self.protocol.cycle.response_started = self.protocol.cycle.response_complete = True
        self.protocol.on_response_complete()


@pytest.fixture
def desk() -> Desk:
    loop, wire = StillLoop(), Wire()
    config = uvicorn.Config(Stage(), ws="none", log_config=None)
    made: Any = guarded(GuardLimits())(config, ServerState(), {}, loop)  # type: ignore[arg-type]
    made.connection_made(wire)
    return Desk(loop, wire, made)


POST = b"POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"


def test_every_byte_of_a_body_gives_it_new_time(desk: Desk) -> None:
    desk.protocol.data_received(POST)
    for _ in range(10):
        desk.after(29).protocol.data_received(b"x")
    assert desk.wire.acts == []
    assert desk.after(30).wire.acts == ["close"]


def test_a_body_that_trickles_for_ever_ends(desk: Desk) -> None:
    desk.protocol.data_received(POST)
    for _ in range(32):
        desk.after(28).protocol.data_received(b"x")
    assert desk.wire.acts == []
    assert desk.after(4).wire.acts == ["close"]
    assert desk.wire.written.startswith(b"HTTP/1.1 408 ")


def test_a_byte_of_a_head_gives_it_no_new_time(desk: Desk) -> None:
    desk.protocol.data_received(b"GET /")
    desk.after(19).protocol.data_received(b"echo")
    assert desk.after(1).wire.acts == ["close"]
    assert desk.wire.written.startswith(b"HTTP/1.1 408 ")


def test_each_head_has_time_of_its_own(desk: Desk) -> None:
    desk.protocol.data_received(GET)
    desk.answer()
    desk.after(70).protocol.data_received(b"GET /")
    assert desk.after(19).wire.acts == []
    assert desk.after(1).wire.acts == ["close"]


def test_the_app_is_told_at_once_when_the_rest_of_a_body_is_refused(desk: Desk) -> None:
    desk.protocol.data_received(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nXYZ\r\n")
    cycle = desk.protocol.cycle
    assert cycle.disconnected
    assert cycle.message_event.is_set()
    assert desk.wire.written.startswith(b"HTTP/1.1 400 ")


def test_time_in_which_we_do_not_read_is_not_counted(desk: Desk) -> None:
    desk.protocol.data_received(POST + bytes(70_000))
    assert desk.protocol.flow.read_paused
    desk.after(100).protocol.flow.resume_reading()
    assert desk.after(29).wire.acts == ["pause_reading", "resume_reading"]
    assert desk.after(1).wire.acts[-1] == "close"


def test_a_caller_who_waits_to_be_asked_is_not_timed_out(desk: Desk) -> None:
    desk.protocol.data_received(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert desk.after(300).wire.acts == []


def test_an_answer_that_runs_needs_no_body(desk: Desk) -> None:
    desk.protocol.data_received(POST)
    desk.protocol.cycle.response_started = True
    assert desk.after(300).wire.acts == []


def test_a_connection_may_be_idle_longer_than_callers_pause_between_looks(desk: Desk) -> None:
    desk.protocol.data_received(GET)
    desk.answer()
    assert desk.after(74).wire.acts == []
    assert desk.after(1).wire.acts == ["close"]


def test_a_caller_who_takes_some_of_an_answer_is_not_cut_off(desk: Desk) -> None:
    desk.protocol.data_received(GET)
    desk.wire.unsent_bytes = 100_000
    desk.protocol.pause_writing()
    for _ in range(10):
        desk.wire.unsent_bytes -= 1
        assert desk.after(60).wire.acts == []
    assert desk.after(60).wire.acts == ["abort"]


def test_the_last_bytes_of_a_closed_connection_are_not_waited_for_in_vain(desk: Desk) -> None:
    desk.protocol.data_received(LAST_GET)
    desk.wire.unsent_bytes = 1000
    desk.wire.acts.append("close")
    desk.answer()
    assert desk.after(59).wire.acts == ["close"]
    assert desk.after(1).wire.acts == ["close", "abort"]


def test_a_refused_caller_is_heard_out_and_then_cut_off(desk: Desk) -> None:
    desk.protocol.data_received(b"garbage\r\n\r\n")
    desk.protocol.data_received(b"more garbage")
    assert desk.wire.acts == ["write_eof"]
    assert desk.after(5).wire.acts == ["write_eof", "abort"]


def test_the_sweep_rests_when_nobody_is_there() -> None:
    loop, connections = StillLoop(), set[Any]()
    sweep = Sweep(loop, connections, 0.5)  # type: ignore[arg-type]
    connections.add(object.__new__(_Late))
    sweep.wake()
    sweep.wake()
    assert [due for due, _ in loop.timers] == [1000.5]
    loop.timers.pop()[1]()
    assert [due for due, _ in loop.timers] == [1000.5]
    connections.clear()
    loop.timers.pop()[1]()
    assert loop.timers == []
    sweep.wake()
    assert len(loop.timers) == 1


class _Late:
    def is_late(self, now: float) -> bool:
        return True

    def expire(self, now: float) -> None:
        assert now == 1000.0


def test_the_sweep_is_at_most_a_quarter_of_the_shortest_deadline_late() -> None:
    assert GuardLimits(linger_s=2).sweep_s == pytest.approx(0.5)
    assert GuardLimits(linger_s=600).sweep_s == bounds_room.SWEEP_S_MAX
    assert GuardLimits(head_timeout_s=0.2).sweep_s == pytest.approx(0.05)


# -- what we lean on -------------------------------------------------------------------
def test_uvicorn_is_the_version_the_guard_was_written_for() -> None:
    assert uvicorn.__version__ == "0.54.0"


def test_the_private_attributes_we_lean_on_are_there(desk: Desk) -> None:
    desk.protocol.data_received(POST)
    cycle = desk.protocol.cycle
    assert isinstance(cycle, ZeroCopyCycle)
    assert HttpToolsProtocol.on_headers_complete.__closure__ is None
    assert "RequestResponseCycle" in HttpToolsProtocol.on_headers_complete.__code__.co_names
    assert (cycle.response_started, cycle.response_complete, cycle.disconnected) == (False,) * 3
    assert isinstance(cycle.message_event, asyncio.Event)
    assert cycle.on_response == desk.protocol.on_response_complete
    assert desk.protocol.pipeline.maxlen is None
    assert desk.protocol.timeout_keep_alive_task is None
    assert desk.protocol.parser.should_upgrade() is False
    for name in ("_feed", "_expire_head"):
        assert not hasattr(HttpToolsProtocol, name), "uvicorn took a name of ours"


def test_an_upgrade_error_tells_where_it_stopped_and_lets_the_parser_go_on() -> None:
    parser = httptools.HttpRequestParser(object())
    head = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as raised:
        parser.feed_data(head + b"rest")
    assert raised.value.args == (len(head),)


def test_a_connection_has_no_dict_larger_than_under_stock_uvicorn(desk: Desk) -> None:
    ours = set(GuardedHttpProtocol.__slots__)
    assert not ours & vars(desk.protocol).keys()


def test_each_guarded_class_counts_for_itself() -> None:
    one, other = guarded(GuardLimits()), guarded(GuardLimits(head_timeout_s=1))
    one.counters.malformed_count += 1
    assert other.counters.malformed_count == 0
    assert (one.limits.head_timeout_s, other.limits.head_timeout_s) == (20, 1)
