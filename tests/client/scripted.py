"""What the tests of the client share: a script in place of a server, and a clock held still.

A test is told once and holds for both clients: `Both` calls the verb of the synchronous or
of the asynchronous one.
"""

from __future__ import annotations

import inspect
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2

from rushes.client import AsyncRushes, Retry, Rushes

ID = "video_01a208627d107d72828e545dc3be6655"
OTHER_ID = "video_01a2086280f876a3934730d9e263ac04"
REQUEST_ID = "req_454349e422f05297191ead13e21d3db5"
LINK = f"http://localhost:8080/files/{ID}/video.mp4?expires=1795523400&signature=00"

# What comes back for one request: an answer, an error of the connection, or something that
# looks at the request first.
Answer = httpx2.Response | Exception
Line = Answer | Callable[[httpx2.Request], Answer]


class StillClock:
    """Time that passes only by sleeping, and by `pass_by`; every sleep is written down."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []
        self._now_s = 1000.0

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.sleeps.append(seconds)
        self._now_s += seconds

    def pass_by(self, seconds: float) -> None:
        self._now_s += seconds


class StillAsyncClock:
    """The same clock for the asynchronous client."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock

    def now_s(self) -> float:
        return self._clock.now_s()

    async def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Script:
    """Answers line by line, and keeps what it was asked."""

    def __init__(self, *lines: Line) -> None:
        self._lines = list(lines)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        assert self._lines, f"nobody expected {request.method} {request.url}"
        line = self._lines.pop(0)
        answer = line(request) if callable(line) else line
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def is_told(self) -> bool:
        """Whether every line was needed."""
        return not self._lines

    @property
    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.url.raw_path.decode()}" for asked in self.asked]


@dataclass
class Both:
    """One of the two clients, used in the same way."""

    kind: str
    client: Rushes | AsyncRushes
    clock: StillClock

    async def do(self, verb: str, *args: object, **options: object) -> Any:
        """Call a verb of `videos`; one that iterates is collected."""
        result = getattr(self.client.videos, verb)(*args, **options)
        if inspect.isawaitable(result):
            return await result
        if isinstance(result, AsyncIterator):
            return [item async for item in result]
        return list(result) if isinstance(result, Iterator) else result

    async def webhooks(self, verb: str) -> Any:
        result = getattr(self.client.webhooks, verb)()
        return await result if inspect.isawaitable(result) else result

    async def key(self) -> Any:
        result = self.client.key()
        return await result if inspect.isawaitable(result) else result

    async def models(self, verb: str, *args: object) -> Any:
        result = getattr(self.client.models, verb)(*args)
        return await result if inspect.isawaitable(result) else result


@dataclass
class Stage:
    """Makes clients of one kind, on a script or on an address, with a clock held still."""

    kind: str
    clock: StillClock = field(default_factory=StillClock)

    def play(self, script: Script, **options: Any) -> Both:
        transport = httpx2.MockTransport(script)
        options |= {"base_url": "http://films.test"}
        if self.kind == "sync":
            return self._both(http_client=httpx2.Client(transport=transport), **options)
        return self._both(http_client=httpx2.AsyncClient(transport=transport), **options)

    def dial(self, base_url: str, **options: Any) -> Both:
        return self._both(base_url=base_url, **options)

    def _both(self, **options: Any) -> Both:
        options.setdefault("api_key", "sk-live-1")
        options.setdefault("retry", Retry(draw=lambda: 0.0))
        if self.kind == "sync":
            return Both(self.kind, Rushes(clock=self.clock, **options), self.clock)
        clock = StillAsyncClock(self.clock)
        return Both(self.kind, AsyncRushes(clock=clock, **options), self.clock)


def told(status: int, body: object, **headers: str) -> httpx2.Response:
    """Return an answer with a JSON body; `retry_after="3"` becomes `Retry-After: 3`."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json=body, headers={"X-Request-Id": REQUEST_ID} | names)


def refused(status: int, code: str, param: str | None = None, **headers: str) -> httpx2.Response:
    """Return an error as CONTRACT §3 has it."""
    error = {"message": f"That is {code}.", "type": "some_error", "param": param, "code": code}
    return told(status, {"error": error}, **headers)


def video_body(status: str = "queued", **changes: object) -> dict[str, object]:
    """Return the Video object, with all its thirteen fields."""
    is_final = status in {"completed", "failed"}
    body: dict[str, object] = {
        "id": ID,
        "object": "video",
        "model": "sandbox",
        "status": status,
        "progress": 100 if is_final else 0,
        "created_at": 1795437000,
        "completed_at": 1795437041 if status == "completed" else None,
        "expires_at": 1796041841 if status == "completed" else None,
        "error": {"code": "provider_error", "message": "It broke."} if status == "failed" else None,
        "prompt": "A paper boat",
        "remixed_from_video_id": None,
        "seconds": "5",
        "size": "1280x720",
    }
    return body | changes


def lean_body(status: str = "queued", **changes: object) -> dict[str, object]:
    """Return the flat body of the other dialect."""
    body: dict[str, object] = {"task_id": ID, "status": status, "format": "mp4"}
    if status == "succeeded":
        body["url"] = LINK
    if status == "failed":
        body["error"] = {"code": 502, "message": "It broke."}
    return body | changes


def form_of(request: httpx2.Request) -> dict[str, tuple[Mapping[str, str], bytes]]:
    """Take a multipart body apart: name → (headers of the part, content)."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    parts: dict[str, tuple[Mapping[str, str], bytes]] = {}
    for part in request.content.split(b"--" + boundary)[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        name = headers["Content-Disposition"].partition('name="')[2].partition('"')[0]
        parts[name] = (headers, content)
    return parts


def json_of(request: httpx2.Request) -> Any:
    return json.loads(request.content)


class BreakingServer:
    """A server on this machine that answers each connection with raw bytes, then hangs up.

    It is for what only a true connection shows: bodies that break off. `asked` holds the
    heads it was sent, header names in lower case.
    """

    def __init__(self, *answers: Callable[[dict[str, str]], bytes]) -> None:
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.asked: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:  # closed: the test is over
                return
            with peer, suppress(ConnectionError):  # the client may have heard enough
                peer.settimeout(10)
                head = self._head(peer)
                if head is not None:
                    self.asked.append(head)
                    peer.sendall(self._answers.pop(0)(head))

    @staticmethod
    def _head(peer: socket.socket) -> dict[str, str] | None:
        text = b""
        while b"\r\n\r\n" not in text:
            chunk = peer.recv(65536)
            if not chunk:
                return None
            text += chunk
        first, *lines = text.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines)
        return {"": first} | {name.lower(): value for name, value in pairs}


def raw(status: str, body: bytes, **headers: str) -> bytes:
    """Return an answer as it goes over the wire; `length` may promise more than there is."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | fields
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
