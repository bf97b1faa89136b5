"""Files go out by `http.response.zerocopysend`: whole, in order, and to the right socket."""

from __future__ import annotations

import asyncio
import hashlib
import os
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.types import Message, Receive, Scope, Send

from loopback import PATIENCE_S, Caller, serving
from rushes.http.guard import GuardedHttpProtocol, GuardLimits, guarded
from rushes.http.zerocopy import MESSAGE_TYPE, can_send_files

SIZE = 9_000_001
LIMITS = GuardLimits(send_timeout_s=PATIENCE_S, linger_s=0.4)
IMPATIENT = GuardLimits(send_timeout_s=0.4, linger_s=0.4)
LOOPS = ("uvloop", "asyncio")

Play = Callable[[Scope, Receive, Send, Any], Awaitable[None]]


@dataclass
class Stage:
    """An app that plays what the path names, with a file in its hand, and tells the end."""

    path: Path
    told: queue.Queue[tuple[bytes, str]] = field(default_factory=queue.Queue)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = scope["query_string"]
        play: Play = getattr(self, scope["path"].strip("/"))
        with self.path.open("rb", buffering=0) as file:
            try:
                await play(scope, receive, send, file)
            except (EOFError, RuntimeError) as error:
                self.told.put((key, f"{type(error).__name__}: {error}"))
                raise
        self.told.put((key, "over"))

    async def whole(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        assert scope["extensions"] == {MESSAGE_TYPE: {}}
        await send(_start(SIZE))
        await send(_stretch(file, 0, SIZE))

    async def mixed(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send(_start(SIZE + 6))
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send(_stretch(file, 0, 5_000_000, more_body=True))
        await send(_stretch(file, 5_000_000, 0, more_body=True))
        await send({"type": "http.response.body", "body": b"def", "more_body": True})
        await send(_stretch(file, 5_000_000, SIZE - 5_000_000, more_body=True))
        await send({"type": "http.response.body", "body": b""})

    async def unbounded(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send(_stretch(file, 0, 10))

    async def headless(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send(_stretch(file, 0, 10))

    async def endless(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send(_start(10))
        await send(_stretch(file, 0, 11))

    async def unoffered(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        del scope["extensions"]  # as over TLS
        await send(_start(10))
        await send(_stretch(file, 0, 10))

    async def short(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send(_start(SIZE + 1))
        await send(_stretch(file, 0, SIZE + 1))

    async def unreadable(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        await send(_start(10))
        with Path("/proc/self/mem").open("rb", buffering=0) as nothing:  # noqa: ASYNC230 -- no disk
            await send(_stretch(nothing, 0, 10))

    async def unspliceable(self, scope: Scope, receive: Receive, send: Send, file: Any) -> None:
        with Path("/proc/self/maps").open("rb", buffering=0) as maps:  # noqa: ASYNC230 -- no disk
            await send(_start(200))
            await send(_stretch(maps, 0, 200))


def _start(length: int) -> Message:
    headers = [(b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _stretch(file: Any, offset: int, size: int, *, more_body: bool = False) -> Message:
    return {
        "type": MESSAGE_TYPE,
        "file": file,
        "offset": offset,
        "count": size,
        "more_body": more_body,
    }


@dataclass
class Hall:
    """A server that runs, its app, and the transports of its connections."""

    port: int
    stage: Stage
    protocol: type[GuardedHttpProtocol]
    transports: list[Any]
    keys: Iterator[int] = field(default_factory=count)

    def ask(self, caller: Caller, play: str, method: str = "GET") -> Callable[[], str]:
        """Ask for a play; returns a function that waits for how it ended."""
        key = b"%d" % next(self.keys)
        caller.say(b"%b /%b?%b HTTP/1.1\r\n\r\n" % (method.encode(), play.encode(), key))

        def ending() -> str:
            while (told := self.stage.told.get(timeout=PATIENCE_S))[0] != key:
                pass
            return told[1]

        return ending


@pytest.fixture(scope="module")
def film() -> bytes:
    return hashlib.shake_128(b"film").digest(SIZE)


@pytest.fixture(scope="module")
def path(film: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    path.write_bytes(film)
    return path


@pytest.fixture(scope="module", params=LOOPS)
def hall(request: pytest.FixtureRequest, path: Path) -> Iterator[Hall]:
    with _open_hall(path, request.param, LIMITS) as hall:
        yield hall


@pytest.fixture(scope="module", params=LOOPS)
def impatient_hall(request: pytest.FixtureRequest, path: Path) -> Iterator[Hall]:
    with _open_hall(path, request.param, IMPATIENT) as hall:
        yield hall


@contextmanager
def _open_hall(path: Path, loop: str, limits: GuardLimits) -> Iterator[Hall]:
    stage = Stage(path)

    class Seen(guarded(limits)):  # type: ignore[misc]
        transports: ClassVar[list[Any]] = []

        def connection_made(self, transport: Any) -> None:
            self.transports.append(transport)
            super().connection_made(transport)

    with serving(stage, Seen, loop) as port:
        yield Hall(port, stage, Seen, Seen.transports)


def test_a_file_is_sent_whole_and_the_connection_goes_on(hall: Hall, film: bytes) -> None:
    with Caller(hall.port) as caller:
        for _ in range(2):
            ending = hall.ask(caller, "whole")
            assert caller.reply().body == film
            assert ending() == "over"


def test_files_and_bodies_keep_their_order(hall: Hall, film: bytes) -> None:
    with Caller(hall.port) as caller:
        caller.say(b"GET /mixed HTTP/1.1\r\n\r\n" * 2)
        expected = b"abc" + film[:5_000_000] + b"def" + film[5_000_000:]
        assert caller.reply().body == expected
        assert caller.reply().body == expected


def test_a_slow_caller_gets_every_byte_in_its_place(hall: Hall, film: bytes) -> None:
    with Caller(hall.port, receive_buffer_bytes=4096) as caller:
        caller.say(b"GET /mixed HTTP/1.0\r\n\r\n")
        heard = caller.hear_all()
    assert heard.endswith(b"abc" + film[:5_000_000] + b"def" + film[5_000_000:])


def test_many_at_once_each_get_their_own(hall: Hall, film: bytes) -> None:
    heard: queue.Queue[bytes] = queue.Queue()

    def fetch() -> None:
        with Caller(hall.port, receive_buffer_bytes=65536) as caller:
            caller.say(b"GET /whole HTTP/1.1\r\n\r\n")
            heard.put(caller.reply().body)

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    bodies = [heard.get(timeout=PATIENCE_S) for _ in threads]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert all(body == film for body in bodies)


def test_head_has_no_body(hall: Hall) -> None:
    with Caller(hall.port) as caller:
        ending = hall.ask(caller, "whole", "HEAD")
        assert caller.reply(is_to_head=True).headers["content-length"] == str(SIZE)
        assert ending() == "over"
        caller.say(b"HEAD /whole HTTP/1.1\r\n\r\n")
        assert caller.reply(is_to_head=True).status == 200


def test_the_transport_is_left_as_it_was(hall: Hall) -> None:
    with Caller(hall.port) as caller:
        ending = hall.ask(caller, "whole")
        caller.reply()
        assert ending() == "over"
        _, high_bytes = hall.transports[-1].get_write_buffer_limits()
        assert high_bytes == 64 * 1024


@pytest.mark.parametrize(
    ("play", "complaint"),
    [
        ("headless", "RuntimeError: 'http.response.zerocopysend' has its place between"),
        ("unbounded", "RuntimeError: 'http.response.zerocopysend' needs a Content-Length"),
        ("endless", "RuntimeError: Response content longer than Content-Length"),
        ("unoffered", "RuntimeError: 'http.response.zerocopysend' is not offered here"),
        ("short", "EOFError: The file ends at 9000001."),
        ("unreadable", "EOFError: The file cannot be read at 0"),
    ],
)
def test_what_cannot_be_sent_is_complained_of(play: str, complaint: str, hall: Hall) -> None:
    with Caller(hall.port) as caller:
        ending = hall.ask(caller, play)
        caller.hear_all()
        assert ending().startswith(complaint)


def test_a_file_that_ends_early_ends_the_connection(hall: Hall, film: bytes) -> None:
    with Caller(hall.port) as caller:
        caller.say(b"GET /short HTTP/1.1\r\n\r\n")
        head, _, body = caller.hear_all().partition(b"\r\n\r\n")
    assert b"content-length: %d" % (SIZE + 1) in head
    assert body == film


def test_a_file_system_that_cannot_send_is_copied_from(hall: Hall) -> None:
    with Caller(hall.port) as caller:
        caller.say(b"GET /unspliceable HTTP/1.1\r\n\r\n")
        body = caller.reply().body
    assert len(body) == 200
    assert b"r--p" in body


def test_a_caller_who_leaves_ends_it(hall: Hall) -> None:
    with Caller(hall.port, receive_buffer_bytes=4096) as caller:
        ending = hall.ask(caller, "whole")
        caller.hear()
    assert ending() == "over"


def test_a_caller_who_takes_nothing_is_cut_off(impatient_hall: Hall) -> None:
    before = impatient_hall.protocol.counters.sends_timed_out_count
    with Caller(impatient_hall.port, receive_buffer_bytes=4096) as caller:
        ending = impatient_hall.ask(caller, "whole")
        assert ending() == "over"
    assert impatient_hall.protocol.counters.sends_timed_out_count == before + 1


class Tls(asyncio.Transport):
    """A transport over TLS, as far as one can tell."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return object() if name == "sslcontext" else default


def test_nothing_is_sent_past_tls() -> None:
    assert not can_send_files(Tls())
    assert can_send_files(asyncio.Transport()) == hasattr(os, "sendfile")
