"""docs/events.md from the code: what is posted, and what moves a task.

python -m rushes.testing.events_page docs/events.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rushes.domain.task import MEANING, MOVES, Event, Status
from rushes.domain.webhooks import TYPES

TO_CALLERS: Final[Mapping[str, str]] = {
    "video.completed": "The film is here: `data.status` is `succeeded`, `data.url` a fresh link "
    "(none if the task was deleted meanwhile).",
    "video.failed": "There is no film: `data.error` says why ([errors.md](errors.md)).",
    "video.canceled": "It was canceled: `data.error.code` is 499.",
}
"""What the type of a posted event tells its receiver."""

SHOWN: Final[Mapping[Status, str]] = {
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
"""The word of the wire (CONTRACT §1); `/v1/videos` says `completed` for `succeeded`."""

HEAD: Final = """# Events

Three streams tell what happens to a task; each is complete for whom it is for. Written by
`make docs`.

## Posted: webhooks

One event for each task, when it ends, to its `callback_url` and to the account's endpoints. How to
receive and verify: [how-to/webhooks.md](how-to/webhooks.md). What is posted, byte for byte:
`tests/contract/goldens/webhook.completed.json`.

| type | means | after |
|---|---|---|
"""

STREAMED: Final = """
## Streamed: server-sent events

`GET /v1/video/generations/{task_id}/events` sends `event: status` with the flat body whenever what
a look would show has changed, and ends after the last. `id` is the task's own number for the event;
`Last-Event-ID` takes a broken stream up. The words are those of a look:

| status of the task | a look says | which means |
|---|---|---|
"""

KEPT: Final = """
## Kept: what moved a task

Every fact that moved a task is a row, numbered from 1 within it, and is kept: `rushes explain ID`
tells them as sentences, `/admin/v1/tasks/{task_id}` as JSON, the console as a timeline. Which fact
leads where from where: [task-states.md](task-states.md).

| event | means | leads to |
|---|---|---|
"""


def page() -> str:
    """Return the page.

    Raises:
        KeyError: an event, or a status, has no meaning.
    """
    posted = [
        f"| `{name}` | {TO_CALLERS[name]} | {_listed(s for s in TYPES if TYPES[s] == name)} |"
        for name in dict.fromkeys(TYPES.values())
    ]
    streamed = [
        f"| `{status}` | `{SHOWN[status]}` | {_sentence(MEANING[status])} |" for status in Status
    ]
    kept = [
        f"| `{event}` | {_sentence(MEANING[event])} "
        f"| {_listed(dict.fromkeys(to for (_, by), to in MOVES.items() if by is event))} |"
        for event in Event
    ]
    parts = [HEAD, "\n".join(posted), "\n", STREAMED, "\n".join(streamed), "\n", KEPT]
    return "".join([*parts, "\n".join(kept), "\n"])


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _listed(found: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in found)


def main(words: list[str] | None = None) -> int:
    """Write the page to a file."""
    (place,) = sys.argv[1:] if words is None else words
    Path(place).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
