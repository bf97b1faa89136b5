"""Films go out: bare ASGI senders for a local file and for a remote stream.

A sender holds at most two pieces of a film in memory, waits for its caller, and stops when
the caller leaves. What the page cache holds of a file goes out without being copied where
the server can do that (`zerocopy.py`); see `reels.py` for the reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from rushes.domain.errors import UpstreamError
from rushes.http.conditions import Plan, Representation, plan
from rushes.http.reels import Piece, Stretch, file_pieces, opened, size_of
from rushes.http.zerocopy import MESSAGE_TYPE, give_way

TURN_BYTES: Final = 1024 * 1024
"""How much of a film goes out before everyone else on the loop has had a turn."""

OpenPart = Callable[[int, int], AsyncIterator[bytes]]
"""Streams a part of a blob: (start, length), both in bytes; `partial(blobs.open, name)`."""


class Ending(StrEnum):
    """How a download ended."""

    WHOLE = "whole"
    CUT_SHORT = "cut_short"
    CALLER_LEFT = "caller_left"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an answer: its status, the bytes of body handed over, and how it ended.

    After `CUT_SHORT` the server must close the connection, since the answer lacks bytes that
    its head has promised; uvicorn does so when an app returns before it is done. `cause` is
    what the storage said, if it said something.
    """

    status: int
    body_bytes: int
    ending: Ending
    cause: OSError | EOFError | None = None


async def send_file(
    scope: Scope, receive: Receive, send: Send, path: Path, shown: Representation
) -> Sent:
    """Answer GET or HEAD with a local file.

    The file is opened once: replacing or removing it meanwhile changes nothing.

    Raises:
        RangeNotSatisfiable: the range lies outside the file; nothing was sent.
        UpstreamError: the file cannot be read, or is not the one described; nothing was sent.
    """
    planned = plan(scope["method"], scope["headers"], shown)
    if planned.part is None:
        return await _send_head(send, planned)
    try:
        file, first = await opened(path, planned.part, shown.size_bytes)
    except OSError as error:
        raise _unreadable() from error
    with_stretches = MESSAGE_TYPE in (scope.get("extensions") or {})
    rest = file_pieces(file, planned.part, len(first), with_stretches=with_stretches)
    with file:
        async with aclosing(rest):
            return await _send_part(receive, send, planned, first, rest)


async def send_stream(
    scope: Scope, receive: Receive, send: Send, open_part: OpenPart, shown: Representation
) -> Sent:
    """Answer GET or HEAD with a blob of a remote store.

    Raises:
        RangeNotSatisfiable: the range lies outside the blob; nothing was sent.
        UpstreamError: the store gave nothing; nothing was sent.
    """
    planned = plan(scope["method"], scope["headers"], shown)
    if planned.part is None:
        return await _send_head(send, planned)
    async with _closing(open_part(planned.part.start, planned.part.length)) as chunks:
        try:
            first = await _first(chunks)
        except OSError as error:
            raise _unreadable() from error
        if not first:
            raise _unreadable()
        return await _send_part(receive, send, planned, first, chunks)


async def _first(chunks: AsyncIterator[bytes]) -> bytes:
    """Return the first bytes of a stream, b"" if there are none."""
    async for chunk in chunks:
        if chunk:
            return chunk
    return b""


@asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Let go of a stream at once, where it is one that can be let go of."""
    try:
        yield chunks
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _unreadable() -> UpstreamError:
    return UpstreamError("The film could not be read from storage. Try again.")


async def _send_head(send: Send, planned: Plan) -> Sent:
    """Send an answer without body."""
    is_sent = await _is_taken(send, _start(planned)) and await _is_taken(send, _body(b""))
    return Sent(planned.status, 0, Ending.WHOLE if is_sent else Ending.CALLER_LEFT)


async def _send_part(
    receive: Receive, send: Send, planned: Plan, first: Piece, rest: AsyncIterator[Piece]
) -> Sent:
    """Send the head, `first` and `rest`, but never more than the head promised."""
    sent_bytes, promised_bytes = 0, planned.part.length if planned.part else 0
    ending: Ending | None = None
    cause: OSError | EOFError | None = None
    if not await _is_taken(send, _start(planned)):
        return Sent(planned.status, 0, Ending.CALLER_LEFT)
    async with _watching(receive) as is_caller_gone, aclosing(_in_turns(first, rest)) as pieces:
        try:
            async for piece in pieces:
                fitting = _cut(piece, promised_bytes - sent_bytes)
                is_last = sent_bytes + size_of(fitting) == promised_bytes
                is_taken = await _is_taken(send, _body(fitting, more_body=not is_last))
                sent_bytes += size_of(fitting)
                if is_last and is_taken:
                    ending = Ending.WHOLE
                    break
                if not is_taken or is_caller_gone():
                    ending = Ending.CALLER_LEFT
                    break
        except (OSError, EOFError) as error:
            cause = error
    return Sent(planned.status, sent_bytes, ending or Ending.CUT_SHORT, cause)


async def _in_turns(first: Piece, rest: AsyncIterator[Piece]) -> AsyncGenerator[Piece, None]:
    """Yield the pieces, and now and then let everyone else on the loop have a turn.

    With a fast caller, and with one who is gone, sending never waits by itself.
    """
    yield first
    turn_bytes = size_of(first)
    async for piece in rest:
        if turn_bytes >= TURN_BYTES:
            turn_bytes = 0
            await give_way()
        if size := size_of(piece):
            yield piece
            turn_bytes += size


def _cut(piece: Piece, size_bytes: int) -> Piece:
    """Shorten a piece that is too long; a stretch never is."""
    return piece if isinstance(piece, Stretch) else piece[:size_bytes]


def _start(planned: Plan) -> Message:
    return {
        "type": "http.response.start",
        "status": planned.status,
        "headers": planned.headers,
    }


def _body(piece: Piece, *, more_body: bool = False) -> Message:
    if isinstance(piece, Stretch):
        return {
            "type": MESSAGE_TYPE,
            "file": piece.file,
            "offset": piece.offset,
            "count": piece.count,
            "more_body": more_body,
        }
    return {"type": "http.response.body", "body": piece, "more_body": more_body}


async def _is_taken(send: Send, message: Message) -> bool:
    """Send; some servers say by an OSError that the caller is gone (ASGI 2.4)."""
    try:
        await send(message)
    except OSError:
        return False
    return True


@asynccontextmanager
async def _watching(receive: Receive) -> AsyncIterator[Callable[[], bool]]:
    """Listen for the caller to leave; yields a function that says whether it has."""
    watch = asyncio.create_task(_until_gone(receive))
    try:
        yield watch.done
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # a body that a GET brought along
