"""The line to the server: what every verb needs of the world.

The verbs are written once, as coroutines over a Line. An asynchronous line suspends them
where it waits; a synchronous line waits itself and never suspends, so that `at_once` runs
the very same coroutine from end to end in an ordinary call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol, TypeVar

from rushes.client.errors import (
    ApiError,
    ConnectionFailed,
    RushesError,
    ServerError,
    Unsendable,
)
from rushes.client.reading import Reply, read_fault
from rushes.client.retry import Retry

T = TypeVar("T")

_FAULT_BYTES_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Upload:
    """A file part of a form."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call, ready to be sent any number of times.

    `path` is quoted and begins with `/`. The body is `json_body`, or a form of `fields` and
    `files`, or none. `hold_s` is how long the server was asked to hold its answer back;
    `timeout_s` (None: the client's own) and `timeout_s_max` bound what comes on top of it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json_body: bytes | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    hold_s: float = 0.0
    timeout_s: float | None = None
    timeout_s_max: float = math.inf
    follows_redirects: bool = False


class Stream(Protocol):
    """An answer whose body is read as it comes."""

    @property
    def reply(self) -> Reply:
        """Return status and headers; the body is empty."""
        ...

    async def read(self) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            ConnectionFailed: the body broke off.
        """
        ...

    async def close(self) -> None:
        """Hang up; a second time does nothing."""
        ...


class Line(Protocol):
    """What a verb needs of the world."""

    @property
    def retry(self) -> Retry:
        """Return how often to try again."""
        ...

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...

    async def send(self, request: Request) -> Reply:
        """Send once and read the whole answer, whatever its status.

        Raises:
            ConnectionFailed: no answer came.
        """
        ...

    async def open(self, request: Request) -> Stream:
        """Send once and return as soon as the head of the answer is there.

        Raises:
            ConnectionFailed: no answer came.
        """
        ...

    async def aside(self, act: Callable[[], T]) -> T:
        """Run `act`, which waits for a disk, where it holds up nobody."""
        ...


def at_once(work: Coroutine[object, None, T]) -> T:
    """Run a coroutine that never suspends, as all are over a synchronous line."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a synchronous line must not suspend")


def encode(value: object) -> bytes:
    """Return a value as JSON.

    Raises:
        TypeError: a value that JSON has no form for.
        Unsendable: a number that is none (NaN, infinity), or a text that is no Unicode.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise Unsendable(f"This cannot be said in JSON: {error}.") from None
    return sendable(text).encode()


def sendable(text: str) -> str:
    """Return a text that UTF-8 has a form for.

    Raises:
        Unsendable: it holds half a character, as what was typed in another encoding does.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unsendable(
            "A text holds half a character, as one does that was not written in UTF-8."
        ) from None
    return text


async def read_rest(stream: Stream) -> Reply:
    """Return an answer with its body, which is an error's and therefore short.

    Raises:
        ConnectionFailed: the body broke off.
    """
    body = b""
    while len(body) < _FAULT_BYTES_MAX and (chunk := await stream.read()):
        body += chunk
    return Reply(stream.reply.status, stream.reply.headers, body)


async def ask_once(line: Line, request: Request) -> Reply:
    """Send once and return the answer if it is a good one.

    Raises:
        ApiError: the server said no.
        ConnectionFailed: no answer came.
        UnexpectedAnswer: the answer is none of a Rushes server.
    """
    reply = await line.send(request)
    if reply.is_good:
        return reply
    raise read_fault(reply)


async def ask(line: Line, request: Request) -> Reply:
    """Send until there is an answer, within the bounds of `line.retry`.

    Raises:
        ApiError, ConnectionFailed, UnexpectedAnswer: as `ask_once`; the last one there was.
    """
    is_in_doubt = False
    for tries in count(1):
        try:
            return await ask_once(line, request)
        except RushesError as fault:
            is_in_doubt = is_in_doubt or may_have_worked(fault)
            pause_s = line.retry.pause_s(tries, fault)
            if pause_s is None and is_in_doubt:
                raise _with_key(fault, request) from fault.__cause__
            if pause_s is None:
                raise
        await line.sleep(pause_s)
    raise AssertionError("unreachable: count() has no end")


def may_have_worked(fault: RushesError) -> bool:
    """Say whether the server may have done what was asked, although the call failed."""
    if isinstance(fault, ConnectionFailed):
        return fault.is_sent
    return isinstance(fault, ServerError) and fault.code != "overloaded"


def _with_key(fault: RushesError, request: Request) -> RushesError:
    """Tell the caller of a create that may have worked with which key to ask again."""
    key = request.headers.get("Idempotency-Key")
    if key and isinstance(fault, ConnectionFailed):
        return ConnectionFailed(fault.what, fault.why, key, is_sent=fault.is_sent)
    if key and isinstance(fault, ApiError):
        return type(fault)(fault.complaint, key)
    return fault
