"""A look at a task, as the generations dialect tells it: body, ETag and headers (CONTRACT §5).

The front dispatch and the ordinary route both answer from here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from rushes.clock import Clock
from rushes.domain.access import Key
from rushes.domain.errors import Reason, TaskNotFound
from rushes.domain.ids import is_task_id
from rushes.domain.task import FINAL, Status, Task
from rushes.gateway.creates import header_text
from rushes.gateway.forecast import Forecast
from rushes.http.errors import GENERATIONS_CODES
from rushes.http.links import Links
from rushes.ports import HotLook, Look

RETRY_AFTER_S: Final = 3
WORDS: Final[Mapping[Status, str]] = {
    Status.QUEUED: "queued",
    Status.SUBMITTING: "queued",
    Status.IN_DOUBT: "queued",
    Status.RUNNING: "in_progress",
    Status.STORING: "in_progress",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELED: "failed",
    Status.EXPIRED: "failed",
}
_CODES: Final = {reason.value: code for reason, code in GENERATIONS_CODES.items()}
_ENCODER: Final = msgspec.json.Encoder()


def look_of(task: Task) -> Look:
    """Return what a look would find of a task."""
    failure = task.failure
    return Look(
        task.account_id,
        task.status,
        task.version,
        task.progress,
        failure.reason.value if failure else None,
        failure.message if failure else None,
        task.is_rehearsal,
        task.served_by,
        task.charged_microusd,
    )


@dataclass(frozen=True, slots=True)
class Looking:
    """Renders looks. `hot` is the raw read of the truth, `forecast` what is expected."""

    hot: HotLook
    links: Links
    clock: Clock
    forecast: Forecast

    async def find(self, caller: Key, task_id: str) -> Look:
        """Return how a task of the caller's stands.

        Raises:
            TaskNotFound: unknown or someone else's; nobody can tell which (P8).
        """
        look = await self.hot.read(task_id) if is_task_id(task_id) else None
        if look is None or look.account_id != caller.account_id:
            raise TaskNotFound(f"There is no task {task_id}.", param="task_id")
        return look

    def flat(self, task_id: str, look: Look, at: datetime) -> dict[str, object]:
        """Return the flat body, keys in their order."""
        status = look.status
        body: dict[str, object] = {"task_id": task_id, "status": WORDS[status], "format": "mp4"}
        if status is Status.SUCCEEDED:
            body["url"] = self.links.film(task_id, at)
        elif status in FINAL:
            reason = look.reason or Reason.INTERNAL.value
            body["error"] = {"code": _CODES[reason], "message": look.message or ""}
        return body

    def body(self, task_id: str, look: Look, at: datetime) -> bytes:
        """Render the flat body."""
        return _ENCODER.encode(self.flat(task_id, look, at))

    def etag(self, look: Look, at: datetime) -> str:
        """Return the weak tag: it changes with the state, and with half a link's life."""
        if look.status is Status.SUCCEEDED:
            return f'W/"{look.version}.{self.links.half_lives(at)}"'
        return f'W/"{look.version}"'

    def headers(self, task_id: str, look: Look, etag: str, at: datetime) -> dict[str, str]:
        """Return everything a look says beside its body."""
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": "private, no-cache",
            "ETag": etag,
            "Rushes-Progress": str(look.progress),
        }
        if look.status not in FINAL:
            headers["Retry-After"] = str(RETRY_AFTER_S)
            headers |= self.forecast.headers(task_id, look.status, at)
        else:
            headers["Rushes-Cost-Microusd"] = str(look.charged_microusd or 0)
        if look.is_rehearsal:
            headers["Rushes-Rehearsal"] = "true"
        if look.served_by is not None:
            headers["Rushes-Model"] = header_text(look.served_by)
        return headers


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Say whether the caller holds this state already (weak comparison)."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    bare = etag.removeprefix("W/")
    return any(tag.strip().removeprefix("W/") == bare for tag in if_none_match.split(","))
