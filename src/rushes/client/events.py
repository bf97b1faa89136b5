"""A video's changes of status as they happen: server-sent events, resumed where they broke.

The line format is that of the HTML standard, "Server-sent events", 9.2.6.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from rushes.client import asking
from rushes.client.errors import ConnectionFailed, RushesError, UnexpectedAnswer, WaitTimeout
from rushes.client.line import Line, Stream, read_rest
from rushes.client.reading import Reply, read_event, read_fault
from rushes.client.shapes import Video, VideoEvent

LINE_BYTES_MAX: Final = 1 << 20

_RECONNECT_S: Final = 3.0
_RECONNECT_S_MAX: Final = 60.0
_NO_CONTENT: Final = 204


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it stands in the stream."""

    number: int
    name: str
    text: str


class EventReader:
    """Bytes in, events out; bytes may be cut anywhere.

    `retry_s` is how long to wait before a reconnect, as the stream advises.
    """

    def __init__(self) -> None:
        self.retry_s = _RECONNECT_S
        self._rest = b""
        self._number = 0
        self._name = ""
        self._texts: list[str] = []

    def feed(self, chunk: bytes) -> list[Told]:
        """Read on.

        Raises:
            UnexpectedAnswer: a line without end, or one that is no UTF-8.
        """
        block = self._rest + chunk
        # A lone CR may be the first half of a CR LF that is not here yet.
        is_half = block.endswith(b"\r")
        lines = block[: len(block) - is_half].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = lines.split(b"\n")
        self._rest = rest + b"\r" * is_half
        if len(self._rest) > LINE_BYTES_MAX:
            raise UnexpectedAnswer("An event came as one line without end.")
        told = (self._line(line) for line in whole)
        return [event for event in told if event is not None]

    def _line(self, line: bytes) -> Told | None:
        if not line:
            return self._end()
        try:
            name, _, value = line.decode().partition(":")
        except UnicodeDecodeError:
            raise UnexpectedAnswer("The events are no UTF-8.") from None
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._texts.append(value)
            case "event":
                self._name = value
            case "id" if value.isascii() and value.isdigit():
                self._number = int(value[:18])
            case "retry" if value.isascii() and value.isdigit():
                self.retry_s = min(int(value[:18]) / 1000, _RECONNECT_S_MAX)
            case _:  # a comment, such as a heartbeat, or a field that is not ours
                pass
        return None

    def _end(self) -> Told | None:
        name, text = self._name, "\n".join(self._texts)
        self._name, self._texts = "", []
        return Told(self._number, name, text) if text else None


class EventFeed:
    """The events of one video, in order, each once, to the last one.

    Raises, from `next`:
        ApiError: the server said no.
        ConnectionFailed: the very first tries to listen all failed.
        WaitTimeout: the deadline passed before the last event.
    """

    def __init__(self, line: Line, video: Video | str, after: int, deadline_s: float) -> None:
        self._line = line
        self._id = asking.id_of(video)
        self._after = after
        self._deadline_s = deadline_s
        self._ends_at_s = line.now_s() + deadline_s
        self._ready: deque[VideoEvent] = deque()
        self._reader = EventReader()
        self._stream: Stream | None = None
        self._last: Video | None = video if isinstance(video, Video) else None
        self._lost_count = 0
        self._was_heard = False
        self._is_over = False

    async def next(self) -> VideoEvent | None:
        """Return the next event; None after the last."""
        while not self._ready and not self._is_over:
            if self._line.now_s() >= self._ends_at_s:
                raise WaitTimeout(self._id, self._deadline_s, self._last)
            try:
                await self._read_on()
            except RushesError as fault:
                await self.close()
                await self._pause(fault)
        return self._ready.popleft() if self._ready else None

    async def close(self) -> None:
        """Hang up."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _read_on(self) -> None:
        if self._stream is None:
            self._stream = await self._open()
            return
        chunk = await self._stream.read()
        for told in self._reader.feed(chunk):
            self._take(told)
        if self._is_over:
            await self.close()
        elif not chunk:
            raise ConnectionFailed(f"the events of {self._id}", "the stream ended early")

    async def _open(self) -> Stream | None:
        """Listen from after the last event that was told; None if there is nothing left."""
        left_s = self._ends_at_s - self._line.now_s()
        patience_s = min(asking.HEARTBEATS_MISSED_S, max(1.0, left_s))
        stream = await self._line.open(asking.events(self._id, self._after, patience_s))
        if stream.reply.status == _NO_CONTENT:
            self._is_over = True
        elif not stream.reply.is_good:
            fault = read_fault(await read_rest(stream))
            await stream.close()
            raise fault
        elif not _is_event_stream(stream.reply):
            await stream.close()
            raise UnexpectedAnswer("A stream of events was due, and something else came.")
        else:
            self._was_heard = True
            self._reader = EventReader()
            return stream
        await stream.close()
        return None

    def _take(self, told: Told) -> None:
        if told.name != "status" or told.number <= self._after:
            return
        event = read_event(told.number, told.text)
        self._after = told.number
        self._last = event.video
        self._lost_count = 0
        self._is_over = event.video.is_final
        self._ready.append(event)

    async def _pause(self, fault: RushesError) -> None:
        """Pause before the next try to listen; as in waiting, what once worked is waited for."""
        self._lost_count += 1
        retry = self._line.retry
        decide = retry.patient_pause_s if self._was_heard else retry.pause_s
        pause_s = decide(self._lost_count, fault)
        if pause_s is None:
            raise fault
        if self._was_heard and self._lost_count == 1:
            pause_s = self._reader.retry_s
        left_s = max(0.0, self._ends_at_s - self._line.now_s())
        await self._line.sleep(min(pause_s, left_s))


def _is_event_stream(reply: Reply) -> bool:
    return reply.headers.get("content-type", "").partition(";")[0].strip() == "text/event-stream"
