"""Spans: the way of one task, for those who watch many services at once (docs/traces.md).

The trace of a task has the task's own id: its 128 bits are those of the UUID in `video_…`, and
the span at its root has the last 64 of them. So every process that comes across a task knows
where its spans belong, after a crash too, and nothing of it is stored or handed over.

Nobody records anything unless a recorder was given. This room knows no library; `telemetry.py`
brings OpenTelemetry's. What a span may say is short and known: ids, names, counts, outcomes;
never a prompt, an address or a secret.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

Value = str | int | float | bool

ROOT: Final = "task"
_TASK_ID: Final = re.compile(r"video_([0-9a-f]{32})")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)
_LOW_BITS: Final = 2**64 - 1


class Kind(StrEnum):
    """Which side of a call a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Remote:
    """A span of somebody else's, as its `traceparent` names it."""

    trace_id: int
    span_id: int


@dataclass(slots=True)
class Span:
    """One act for a task: when it began and ended, and what came of it.

    `fault` is the name of what it broke by. A span that is `idle` learned nothing, and is not
    recorded.
    """

    name: str
    trace_id: int
    parent_id: int | None
    began_at: datetime
    kind: Kind = Kind.INTERNAL
    span_id: int = field(default_factory=lambda: secrets.randbits(64) or 1)
    attributes: dict[str, Value] = field(default_factory=dict)
    ended_at: datetime | None = None
    link: Remote | None = None
    fault: str | None = None
    is_idle: bool = False

    def note(self, **attributes: Value | None) -> None:
        """Say more of what came of it; None says nothing."""
        self.attributes.update({name: v for name, v in attributes.items() if v is not None})

    @property
    def traceparent(self) -> str:
        """What a request that is made within it carries (W3C Trace Context)."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-01"


class Recorder(Protocol):
    """Where spans go that have ended. It never waits and never fails."""

    def keeps(self, trace_id: int) -> bool:
        """Say whether the spans of a trace are wanted: in every process alike."""
        ...

    def record(self, span: Span) -> None:
        """Take a span that has ended."""
        ...


def trace_id_of(task_id: str) -> int | None:
    """Return the trace of a task; None for what is no task's id.

    >>> f"{trace_id_of('video_0192f3c4a5b67c8d9e0f1a2b3c4d5e6f'):032x}"
    '0192f3c4a5b67c8d9e0f1a2b3c4d5e6f'
    """
    found = _TASK_ID.fullmatch(task_id)
    return None if found is None else int(found[1], 16)


def root_of(trace_id: int) -> int:
    """Return the span at the root of a task's trace."""
    return trace_id & _LOW_BITS


def read_traceparent(text: str | None) -> Remote | None:
    """Read a caller's `traceparent`; None if it is not one (W3C Trace Context, level 1).

    >>> read_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").span_id
    13235353014750950193
    """
    found = _TRACEPARENT.fullmatch(text or "")
    if found is None:
        return None
    remote = Remote(int(found[1], 16), int(found[2], 16))
    return remote if remote.trace_id and remote.span_id else None


def _utc_now() -> datetime:
    return datetime.now(tz=UTC)


@dataclass(frozen=True, slots=True)
class Traces:
    """Draws the ways of tasks, by the clock `now`; without a recorder it does nothing."""

    recorder: Recorder | None = None
    now: Callable[[], datetime] = _utc_now

    @contextmanager
    def span(
        self, task_id: str, name: str, kind: Kind = Kind.INTERNAL, **attributes: Value | None
    ) -> Iterator[Span]:
        """Record what is done in the block: below the present span of the task, or at its root."""
        trace_id = self._wanted(task_id)
        if trace_id is None:
            yield _NOTHING
            return
        with self._in(trace_id, name, kind, attributes) as span:
            yield span

    def record(
        self,
        task_id: str,
        name: str,
        began_at: datetime,
        ended_at: datetime,
        *,
        kind: Kind = Kind.INTERNAL,
        link: Remote | None = None,
        fault: str | None = None,
        **attributes: Value | None,
    ) -> None:
        """Record what is known to have been: `name` is `ROOT` for the task itself."""
        trace_id = self._wanted(task_id)
        if self.recorder is None or trace_id is None:
            return
        root = root_of(trace_id)
        is_root = name == ROOT
        span = Span(name, trace_id, None if is_root else root, began_at, kind, link=link)
        if is_root:
            span.span_id = root
        span.ended_at, span.fault = max(began_at, ended_at), fault
        span.note(task_id=task_id, **attributes)
        self.recorder.record(span)

    def _wanted(self, task_id: str) -> int | None:
        if self.recorder is None:
            return None
        trace_id = trace_id_of(task_id)
        return trace_id if trace_id is not None and self.recorder.keeps(trace_id) else None

    @contextmanager
    def _in(
        self, trace_id: int, name: str, kind: Kind, attributes: Mapping[str, Value | None]
    ) -> Iterator[Span]:
        present = _PRESENT.get()
        is_inside = present is not None and present[1].trace_id == trace_id
        parent_id = present[1].span_id if present and is_inside else root_of(trace_id)
        span = Span(name, trace_id, parent_id, self.now(), kind)
        span.note(task_id=f"video_{trace_id:032x}", **attributes)
        token = _PRESENT.set((self, span))
        try:
            yield span
        except BaseException as fault:
            span.fault = span.fault or type(fault).__name__
            raise
        finally:
            _PRESENT.reset(token)
            if self.recorder is not None and not span.is_idle:
                span.ended_at = max(span.began_at, self.now())
                self.recorder.record(span)


SILENT: Final = Traces()
"""Draws nothing."""

_PRESENT: Final[ContextVar[tuple[Traces, Span] | None]] = ContextVar("PRESENT", default=None)
_TELLS: Final[ContextVar[bool]] = ContextVar("TELLS", default=False)


class _Nobodys(Span):
    """A span that nobody records: it forgets what it is told."""

    def note(self, **attributes: Value | None) -> None:
        """Forget it."""


_NOTHING: Final = _Nobodys("", 0, None, datetime(1970, 1, 1, tzinfo=UTC), span_id=1)

UNDRAWN: Final[AbstractContextManager[Span]] = nullcontext(_NOTHING)
"""A block that nobody draws."""


@contextmanager
def stage(name: str, **attributes: Value | None) -> Iterator[Span]:
    """Record a part of whatever span we are in; outside of one nothing is recorded."""
    present = _PRESENT.get()
    if present is None:
        yield _NOTHING
        return
    traces, above = present
    with traces._in(above.trace_id, name, Kind.INTERNAL, attributes) as span:  # noqa: SLF001
        yield span


@contextmanager
def telling(*, tells: bool) -> Iterator[None]:
    """Let requests in the block say which span they belong to, or not: `outgoing`."""
    token = _TELLS.set(tells)
    try:
        yield
    finally:
        _TELLS.reset(token)


def outgoing() -> str | None:
    """Return the `traceparent` of a request that is made now; None where none is to be told."""
    present = _PRESENT.get() if _TELLS.get() else None
    return None if present is None else present[1].traceparent
