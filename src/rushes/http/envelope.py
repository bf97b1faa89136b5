"""The enveloped style of the generations dialect: `{"code", "message", "data"}` (CONTRACT §5.4).

Clients written for some relays read nothing else. It is a setting, of the server or of a key, and
concerns submit, query and cancel; headers, statuses and conditions are those of the flat style.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from rushes.domain.access import Key
from rushes.domain.errors import (
    InvalidApiKey,
    RateLimitExceeded,
    Refusal,
    RequestTooLarge,
    ScopeMissing,
    StoreBusy,
    UnsupportedMediaType,
)
from rushes.domain.task import Task
from rushes.http.errors import VIDEOS_CODES, busy, error_headers, shortened
from rushes.http.links import Links
from rushes.http.routes import Call, Handler, Reply, Streaming
from rushes.http.videos import video

_ENCODER: Final = msgspec.json.Encoder()
_EARLY: Final = (
    InvalidApiKey,
    ScopeMissing,
    RateLimitExceeded,
    RequestTooLarge,
    UnsupportedMediaType,
)
"""Refused before a request's content counts: these keep the form of all other calls."""


@dataclass(frozen=True, slots=True)
class Styles:
    """In which style who is answered: the server's, and, stronger, a key's by its id."""

    is_enveloped: bool = False
    by_key: Mapping[str, bool] = field(default_factory=dict)

    def wraps(self, caller: Key) -> bool:
        """Say whether a caller is answered in envelopes."""
        return self.by_key.get(caller.id, self.is_enveloped)


@dataclass(frozen=True, slots=True)
class Enveloping:
    """Renders envelopes."""

    styles: Styles
    links: Links

    def submitted(self, task: Task) -> bytes:
        """Render the answer to a submit."""
        return self.body(task, task.created_at)

    def body(self, task: Task, at: datetime) -> bytes:
        """Render how a task stands, a link signed at that moment."""
        return _ENCODER.encode({"code": "success", "message": "", "data": self._data(task, at)})

    def _data(self, task: Task, at: datetime) -> dict[str, object]:
        """Return the task in the words of the videos dialect, keys in their order."""
        shown = video(task)
        data: dict[str, object] = {"id": task.id, "task_id": task.id}
        data |= {name: shown[name] for name in _FIRST}
        if shown["completed_at"] is not None:
            data["completed_at"] = shown["completed_at"]
        data["seconds"] = shown["seconds"]
        if shown["status"] == "completed":
            data["url"] = data["video_url"] = self.links.film(task.id, at)
        failure = task.failure
        if failure is not None:
            data["error"] = {"message": failure.message, "code": VIDEOS_CODES[failure.reason]}
        return {**data, "metadata": {}}

    def refusals(self, handler: Handler) -> Handler:
        """Wrap what a handler refuses, for callers who are answered in envelopes."""

        async def wrapped(call: Call) -> Reply | Streaming:
            if not self.styles.wraps(call.caller):
                return await handler(call)
            try:
                return await handler(call)
            except _EARLY:
                raise
            except StoreBusy:
                return _refused(busy())
            except Refusal as refusal:
                return _refused(refusal)

        return wrapped


_FIRST: Final = ("object", "model", "status", "progress", "created_at")


def _refused(refusal: Refusal) -> Reply:
    told = {"code": refusal.code, "message": shortened(refusal.message), "data": None}
    return Reply(_ENCODER.encode(told), refusal.http_status, error_headers(refusal))
