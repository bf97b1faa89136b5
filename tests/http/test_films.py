"""Films go out whole, in parts, or not at all; and leave nothing open behind them."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from loopback import PATIENCE_S, Caller, serving
from rushes.domain.errors import RangeNotSatisfiable, UpstreamError
from rushes.http.conditions import ByteRange, Representation
from rushes.http.films import TURN_BYTES, Ending, Sent, send_file, send_stream
from rushes.http.guard import GuardLimits, guarded
from rushes.http.reels import CHUNK_BYTES, Stretch, file_pieces, is_cached, opened

MADE_AT = datetime(2026, 11, 23, 8, 49, 37, tzinfo=UTC)
ETAG = '"7c1f0a52e6b94d38"'
FILM = bytes(range(251)) * 10_000


def _shown(size_bytes: int = len(FILM)) -> Representation:
    return Representation(size_bytes, ETAG, MADE_AT, "video/mp4", "no-store")


def _scope(method: str = "GET", **asked: str) -> Scope:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in asked.items()]
    return {"type": "http", "method": method, "headers": headers}


@dataclass
class Seat:
    """A caller of the app, without a server: keeps what is sent, and leaves when told to."""

    sent: list[Message] = field(default_factory=list)
    is_gone: asyncio.Event = field(default_factory=asyncio.Event)
    on_body: Callable[[Message], Awaitable[None]] | None = None
    keeps_bodies: bool = True

    async def receive(self) -> Message:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" or self.keeps_bodies:
            self.sent.append(message)
        if message["type"] == "http.response.body" and self.on_body is not None:
            await self.on_body(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def is_whole(self) -> bool:
        return not self.sent[-1].get("more_body", False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM)
    return path


def _open_count(path: Path) -> int:
    """Count how often this process has a file open, removed or not."""
    names = []
    for number in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(number.readlink()))
        except FileNotFoundError:  # the one that listed them
            continue
    return sum(name.removesuffix(" (deleted)") == str(path) for name in names)


def _replace(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(b"another film")


# -- a local file ----------------------------------------------------------------------
async def test_a_film_is_sent_whole(path: Path) -> None:
    seat = Seat()
    sent = await send_file(_scope(), seat.receive, seat.send, path, _shown())
    assert sent == Sent(200, len(FILM), Ending.WHOLE)
    assert (seat.status, seat.headers["content-length"]) == (200, str(len(FILM)))
    assert seat.body == FILM
    assert seat.is_whole
    assert _open_count(path) == 0


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, len(FILM)),
        ("bytes=-1", len(FILM) - 1, len(FILM)),
        (f"bytes={CHUNK_BYTES - 1}-{2 * CHUNK_BYTES}", CHUNK_BYTES - 1, 2 * CHUNK_BYTES + 1),
        (f"bytes=7-{CHUNK_BYTES + 6}", 7, CHUNK_BYTES + 7),
    ],
)
async def test_a_part_of_a_film_is_sent(header: str, start: int, stop: int, path: Path) -> None:
    seat = Seat()
    sent = await send_file(_scope(range=header), seat.receive, seat.send, path, _shown())
    assert sent == Sent(206, stop - start, Ending.WHOLE)
    assert seat.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(FILM)}"
    assert seat.body == FILM[start:stop]


@given(cuts=st.sets(st.integers(1, len(FILM) - 1), max_size=6))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_film_fetched_in_parts_is_the_film(cuts: set[int], path: Path) -> None:
    async def fetched() -> bytes:
        film = b""
        for start, stop in pairwise([0, *sorted(cuts), len(FILM)]):
            seat, scope = Seat(), _scope(range=f"bytes={start}-{stop - 1}")
            await send_file(scope, seat.receive, seat.send, path, _shown())
            film += seat.body
        return film

    assert asyncio.run(fetched()) == FILM


@pytest.mark.parametrize(
    ("method", "asked", "status"),
    [
        ("HEAD", {}, 200),
        ("HEAD", {"range": "bytes=0-1"}, 200),
        ("GET", {"if_none_match": "*"}, 304),
    ],
)
async def test_an_answer_without_body_does_not_open_the_film(
    method: str, asked: dict[str, str], status: int
) -> None:
    seat, nowhere = Seat(), Path("/nowhere")
    scope = _scope(method, **asked)
    assert await send_file(scope, seat.receive, seat.send, nowhere, _shown()) == Sent(
        status, 0, Ending.WHOLE
    )
    assert (seat.status, seat.body, seat.is_whole) == (status, b"", True)


async def test_a_range_outside_the_film_is_refused_before_anything_is_sent(path: Path) -> None:
    seat = Seat()
    with pytest.raises(RangeNotSatisfiable):
        await send_file(_scope(range="bytes=9999999-"), seat.receive, seat.send, path, _shown())
    assert seat.sent == []


async def test_a_film_that_is_not_there_is_our_fault_and_nothing_is_sent(tmp_path: Path) -> None:
    seat = Seat()
    with pytest.raises(UpstreamError) as raised:
        await send_file(_scope(), seat.receive, seat.send, tmp_path / "gone.mp4", _shown())
    assert raised.value.message == "The film could not be read from storage. Try again."
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    assert seat.sent == []


@pytest.mark.parametrize("by", [-1, 1])
async def test_a_film_of_another_size_is_not_sent(by: int, path: Path) -> None:
    seat = Seat()
    with pytest.raises(UpstreamError):
        await send_file(_scope(), seat.receive, seat.send, path, _shown(len(FILM) + by))
    assert seat.sent == []
    assert _open_count(path) == 0


async def test_a_film_replaced_while_it_is_sent_is_still_the_old_one(path: Path) -> None:
    async def replace_it(_: Message) -> None:
        _replace(path)

    seat = Seat(on_body=replace_it)
    sent = await send_file(_scope(), seat.receive, seat.send, path, _shown())
    assert sent.ending is Ending.WHOLE
    assert seat.body == FILM


async def test_a_film_cut_short_while_it_is_sent_is_not_called_whole(path: Path) -> None:
    async def cut_it(_: Message) -> None:
        os.truncate(path, CHUNK_BYTES + 10)

    seat = Seat(on_body=cut_it)
    sent = await send_file(_scope(), seat.receive, seat.send, path, _shown())
    assert sent == Sent(200, CHUNK_BYTES + 10, Ending.CUT_SHORT)
    assert not seat.is_whole
    assert _open_count(path) == 0


async def test_nothing_is_read_for_a_caller_who_left(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(100 * TURN_BYTES)
    seat = Seat(keeps_bodies=False)

    async def leave(_: Message) -> None:
        seat.is_gone.set()  # and never wait, as uvicorn does with a caller who is gone

    seat.on_body = leave
    sent = await send_file(_scope(), seat.receive, seat.send, path, _shown(100 * TURN_BYTES))
    assert sent.ending is Ending.CALLER_LEFT
    assert sent.body_bytes <= 2 * TURN_BYTES
    assert _open_count(path) == 0


@pytest.mark.parametrize("at", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_server_that_says_the_caller_is_gone_is_heard(
    at: str, method: str, path: Path
) -> None:
    async def send(message: Message) -> None:
        if message["type"] == at:
            raise ConnectionResetError

    sent = await send_file(_scope(method), Seat().receive, send, path, _shown())
    assert sent.ending is Ending.CALLER_LEFT
    assert _open_count(path) == 0


async def test_a_sender_that_is_canceled_closes_the_film(path: Path) -> None:
    is_sending, never = asyncio.Event(), asyncio.Event()

    async def hang(_: Message) -> None:
        is_sending.set()
        await never.wait()

    seat = Seat(on_body=hang)
    sending = asyncio.create_task(send_file(_scope(), seat.receive, seat.send, path, _shown()))
    await asyncio.wait_for(is_sending.wait(), PATIENCE_S)
    assert _open_count(path) == 1
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert _open_count(path) == 0


class Threads(ThreadPoolExecutor):
    """Threads that count what they are given, and tell."""

    def __init__(self, thread_count_max: int) -> None:
        super().__init__(thread_count_max)
        self.count = 0
        self.is_asked = asyncio.Event()
        asyncio.get_running_loop().set_default_executor(self)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        self.is_asked.set()
        return super().submit(*args, **kwargs)


async def test_a_sender_canceled_while_the_film_is_opened_closes_it(path: Path) -> None:
    loop, may_go_on, threads = asyncio.get_running_loop(), threading.Event(), Threads(1)
    blocking = loop.run_in_executor(None, may_go_on.wait, PATIENCE_S)
    threads.is_asked.clear()
    seat = Seat()
    sending = asyncio.create_task(send_file(_scope(), seat.receive, seat.send, path, _shown()))
    await asyncio.wait_for(threads.is_asked.wait(), PATIENCE_S)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    may_go_on.set()
    await blocking
    await loop.run_in_executor(None, int)  # behind the opening
    assert _open_count(path) == 0
    assert seat.sent == []


async def test_a_film_takes_turns_with_the_rest_of_the_loop(tmp_path: Path) -> None:
    path, turns, loop = tmp_path / "long.mp4", 0, asyncio.get_running_loop()
    with path.open("wb") as file:
        file.truncate(16 * TURN_BYTES)
    path.read_bytes()
    is_over = False

    def take_a_turn() -> None:
        nonlocal turns
        turns += 1
        if not is_over:
            loop.call_soon(take_a_turn)

    seat = Seat(keeps_bodies=False)
    loop.call_soon(take_a_turn)
    await send_file(_scope(), seat.receive, seat.send, path, _shown(16 * TURN_BYTES))
    is_over = True
    assert turns >= 16


async def _thread_count_of_sending(path: Path) -> int:
    threads, seat = Threads(2), Seat()
    await send_file(_scope(), seat.receive, seat.send, path, _shown())
    assert seat.body == FILM
    return threads.count


async def test_what_is_cached_is_read_on_the_loop(path: Path) -> None:
    with path.open("rb") as file:
        if not is_cached(file.fileno(), 0, 1):
            pytest.skip("this file system cannot tell what is cached")
    assert await _thread_count_of_sending(path) == 1  # the one that opens


def _forget(path: Path) -> None:
    """Have the page cache let go of a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if is_cached(file.fileno(), len(FILM) - 1, 1):
            pytest.skip("this file system keeps all in memory")


async def test_what_is_not_cached_is_read_in_a_thread(path: Path) -> None:
    _forget(path)
    assert await _thread_count_of_sending(path) > 1


async def test_only_what_is_cached_is_left_to_the_server(path: Path) -> None:
    _forget(path)
    file, _ = await opened(path, ByteRange(0, len(FILM)), len(FILM))
    with file:
        pieces = file_pieces(file, ByteRange(0, len(FILM)), 0, with_stretches=True)
        assert isinstance(await anext(pieces), bytes)
        film = b"".join([piece async for piece in pieces if isinstance(piece, bytes)])
        again = file_pieces(file, ByteRange(0, len(FILM)), 0, with_stretches=True)
        assert [piece async for piece in again] == [Stretch(file, 0, len(FILM))]
    assert len(film) > 0


async def test_a_long_film_takes_no_more_memory_than_a_few_chunks(tmp_path: Path) -> None:
    path, size = tmp_path / "long.mp4", 64 * TURN_BYTES
    with path.open("wb") as file:
        file.truncate(size)
    seat = Seat(keeps_bodies=False)
    tracemalloc.start()
    await send_file(_scope(), seat.receive, seat.send, path, _shown(size))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * CHUNK_BYTES


# -- a remote stream -------------------------------------------------------------------
@dataclass
class Reels:
    """A remote store with one film, handed out in pieces as told; keeps account."""

    pieces: tuple[int, ...] = (1000, 0, 1, 300_000)
    fault_after_bytes: int | None = None
    extra: bytes = b""
    asked: list[tuple[int, int]] = field(default_factory=list)
    given_bytes: int = 0
    closed_count: int = 0

    async def open(self, name: str, start: int, length: int) -> AsyncIterator[bytes]:
        assert name == "film"
        self.asked.append((start, length))
        try:
            for piece in self._cut(FILM[start : start + length] + self.extra):
                if self.fault_after_bytes is not None and self.given_bytes > self.fault_after_bytes:
                    raise ConnectionResetError("the store hung up")
                self.given_bytes += len(piece)
                yield piece
        finally:
            self.closed_count += 1

    def _cut(self, film: bytes) -> Iterator[bytes]:
        at, turn = 0, 0
        while at < len(film):
            size = self.pieces[turn % len(self.pieces)]
            yield film[at : at + size]
            at, turn = at + size, turn + 1


async def test_a_remote_film_is_sent_whole() -> None:
    seat, reels = Seat(), Reels()
    open_part = partial(reels.open, "film")
    sent = await send_stream(_scope(), seat.receive, seat.send, open_part, _shown())
    assert sent == Sent(200, len(FILM), Ending.WHOLE)
    assert seat.body == FILM
    assert all(message["body"] for message in seat.sent[1:])
    assert (reels.asked, reels.closed_count) == ([(0, len(FILM))], 1)


async def test_only_the_part_asked_for_is_fetched() -> None:
    seat, reels = Seat(), Reels()
    scope, open_part = _scope(range="bytes=5-9"), partial(reels.open, "film")
    sent = await send_stream(scope, seat.receive, seat.send, open_part, _shown())
    assert sent == Sent(206, 5, Ending.WHOLE)
    assert seat.body == FILM[5:10]
    assert reels.asked == [(5, 5)]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_remote_film_is_not_opened_without_need(method: str) -> None:
    seat, reels = Seat(), Reels()
    scope = _scope(method) if method == "HEAD" else _scope(method, if_none_match=ETAG)
    await send_stream(scope, seat.receive, seat.send, partial(reels.open, "film"), _shown())
    assert reels.asked == []
    assert seat.is_whole


@pytest.mark.parametrize(
    "reels", [Reels(fault_after_bytes=-1), Reels(pieces=(0,), extra=b"")], ids=["fault", "nothing"]
)
async def test_a_store_that_gives_nothing_is_our_fault_and_nothing_is_sent(reels: Reels) -> None:
    seat = Seat()
    reels.pieces = reels.pieces if reels.fault_after_bytes is not None else (len(FILM) + 1,)
    past_the_end = 0 if reels.fault_after_bytes is not None else len(FILM)

    def open_part(start: int, length: int) -> AsyncIterator[bytes]:
        return reels.open("film", start + past_the_end, length)

    with pytest.raises(UpstreamError) as raised:
        await send_stream(_scope(), seat.receive, seat.send, open_part, _shown())
    assert raised.value.http_status == 502
    assert seat.sent == []
    assert reels.closed_count == 1


async def test_a_store_that_breaks_off_leaves_the_answer_unfinished() -> None:
    seat, reels = Seat(), Reels(fault_after_bytes=500_000)
    open_part = partial(reels.open, "film")
    sent = await send_stream(_scope(), seat.receive, seat.send, open_part, _shown())
    assert (sent.ending, sent.body_bytes) == (Ending.CUT_SHORT, reels.given_bytes)
    assert isinstance(sent.cause, ConnectionResetError)
    assert not seat.is_whole


async def test_a_store_that_gives_too_much_is_cut_at_what_was_promised() -> None:
    seat, reels = Seat(), Reels(extra=b"more" * 1000, pieces=(100_000,))
    scope, open_part = _scope(range="bytes=0-149999"), partial(reels.open, "film")
    sent = await send_stream(scope, seat.receive, seat.send, open_part, _shown())
    assert sent == Sent(206, 150_000, Ending.WHOLE)
    assert seat.body == FILM[:150_000]
    assert reels.closed_count == 1


async def test_nothing_more_is_fetched_than_a_caller_takes() -> None:
    is_sending, go_on = asyncio.Event(), asyncio.Event()

    async def hang(_: Message) -> None:
        is_sending.set()
        await go_on.wait()

    seat, reels = Seat(on_body=hang), Reels(pieces=(1000,))
    sending = asyncio.create_task(
        send_stream(_scope(), seat.receive, seat.send, partial(reels.open, "film"), _shown())
    )
    await asyncio.wait_for(is_sending.wait(), PATIENCE_S)
    assert reels.given_bytes == 1000
    go_on.set()
    assert (await sending).ending is Ending.WHOLE


async def test_a_stream_is_let_go_of_when_the_caller_leaves() -> None:
    seat, reels = Seat(), Reels(pieces=(TURN_BYTES // 2,))
    seat.is_gone.set()
    sent = await send_stream(
        _scope(), seat.receive, seat.send, partial(reels.open, "film"), _shown()
    )
    assert sent.ending is Ending.CALLER_LEFT
    assert reels.closed_count == 1


class Once:
    """A stream that is no generator: nothing to close."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def __aiter__(self) -> Once:
        return self

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


async def test_a_stream_may_be_any_iterator() -> None:
    seat = Seat()
    sent = await send_stream(
        _scope(), seat.receive, seat.send, lambda _start, _length: Once(b"ab", b"c"), _shown(3)
    )
    assert (sent.ending, seat.body) == (Ending.WHOLE, b"abc")


# -- over the wire ---------------------------------------------------------------------
@dataclass
class Cinema:
    """An app that shows one film, and tells how that went."""

    path: Path
    told: queue.Queue[Sent] = field(default_factory=queue.Queue)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shown = _shown(self.path.stat().st_size)

        async def send_and_cut(message: Message) -> None:
            await send(message)
            if scope["path"] == "/cut":
                os.truncate(self.path, 3 * CHUNK_BYTES)

        self.told.put(await send_file(scope, receive, send_and_cut, self.path, shown))


@pytest.fixture(params=[("guarded", "uvloop"), ("guarded", "asyncio"), ("stock", "uvloop")])
def cinema(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Cinema]]:
    """A film on show: without copies under the guard, copied under stock uvicorn."""
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM * 8)
    cinema = Cinema(path)
    protocol, loop = request.param
    http = guarded(GuardLimits()) if protocol == "guarded" else "httptools"
    with serving(cinema, http, loop) as port:
        yield port, cinema


def test_a_film_goes_over_the_wire_whole_in_parts_and_not_at_all(
    cinema: tuple[int, Cinema],
) -> None:
    port, _ = cinema
    film = FILM * 8
    with Caller(port) as caller:
        caller.say(b"GET / HTTP/1.1\r\n\r\n")
        assert caller.reply().body == film
        caller.say(b"GET / HTTP/1.1\r\nRange: bytes=-300000\r\n\r\n")
        part = caller.reply()
        assert (part.status, part.body) == (206, film[-300_000:])
        caller.say(b"HEAD / HTTP/1.1\r\n\r\n")
        head = caller.reply(is_to_head=True)
        assert (head.status, head.headers["content-length"]) == (200, str(len(film)))
        caller.say(b"GET / HTTP/1.1\r\nIf-None-Match: %b\r\n\r\n" % ETAG.encode())
        assert caller.reply().status == 304
        caller.say(b"GET / HTTP/1.0\r\nConnection: close\r\n\r\n")
        assert caller.hear_all().endswith(film[-1000:])


def test_a_film_cut_short_ends_the_connection(cinema: tuple[int, Cinema]) -> None:
    port, app = cinema
    with Caller(port) as caller:
        caller.say(b"GET /cut HTTP/1.1\r\n\r\n")
        head, _, body = caller.hear_all().partition(b"\r\n\r\n")
    assert b"content-length: %d" % (len(FILM) * 8) in head
    assert body == (FILM * 8)[: 3 * CHUNK_BYTES]
    assert app.told.get(timeout=PATIENCE_S).ending is Ending.CUT_SHORT


def test_a_caller_who_leaves_in_the_middle_leaves_nothing_open(
    cinema: tuple[int, Cinema],
) -> None:
    port, app = cinema
    with Caller(port, receive_buffer_bytes=4096) as caller:
        caller.say(b"GET / HTTP/1.1\r\n\r\n")
        assert caller.hear().startswith(b"HTTP/1.1 200 OK\r\n")
    assert app.told.get(timeout=PATIENCE_S).ending is Ending.CALLER_LEFT
    assert _open_count(app.path) == 0
