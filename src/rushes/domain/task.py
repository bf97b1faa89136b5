"""The life of a task.

Every status, every event and every legal move stands in MOVES; every pair that is
no move stands in NEVER with the reason. Nothing here reads a clock, a database or a
provider: callers pass in the time and keep what comes back. `docs/task-states.md`
is drawn from these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from rushes.domain.errors import Failure, IllegalMove
from rushes.domain.spec import Size, Spec


class Status(StrEnum):
    """Where our task stands. Upstreams have states; only we have a status."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    IN_DOUBT = "in_doubt"
    RUNNING = "running"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the task any more."""
        return self in FINAL


class Event(StrEnum):
    """A fact that moves a task; numbered per task, and kept."""

    INTENT = "intent"
    ADOPTED = "adopted"
    RETURNED = "returned"
    DOUBTED = "doubted"
    ACCEPTED = "accepted"
    RENEWED = "renewed"
    UNMADE = "unmade"
    READY = "ready"
    STORED = "stored"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


MEANING: Final[Mapping[Status | Event, str]] = {
    Status.QUEUED: "durable; no provider has it",
    Status.SUBMITTING: "a submit is written down and may be on its way",
    Status.IN_DOUBT: "the submit got no answer; nobody knows whether the provider has it",
    Status.RUNNING: "a provider has it and gave a ticket",
    Status.STORING: "the film exists; we are bringing it home",
    Status.SUCCEEDED: "we hold the bytes",
    Status.FAILED: "no film, and the reason is kept",
    Status.CANCELED: "the caller stopped it",
    Status.EXPIRED: "never started: its time in the queue was over",
    Event.INTENT: "the row of a submit is committed; the call may begin",
    Event.ADOPTED: "an operator gave it a film that was made for a task that had ended",
    Event.RETURNED: "proven: that submit was not accepted; the task is ours again",
    Event.DOUBTED: "the submit got no answer",
    Event.ACCEPTED: "a provider gave a ticket, or one was found",
    Event.RENEWED: "our own GPU lost the work; another submit is written down",
    Event.UNMADE: "our own GPU lost the finished film; it is made again",
    Event.READY: "the provider says the film is ready",
    Event.STORED: "film and stills are safe in our blobs, and probed",
    Event.FAILED: "a fault that no retry can mend, or a deadline",
    Event.CANCELED: "the caller canceled",
    Event.EXPIRED: "the time in the queue is over, and nothing was submitted",
}

FINAL: Final = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED})

IN_FLIGHT: Final = frozenset({Status.SUBMITTING, Status.IN_DOUBT, Status.RUNNING})
"""A provider has the task, or may have it: it holds one of the provider's slots."""

MOVES: Final[Mapping[tuple[Status, Event], Status]] = {
    (Status.QUEUED, Event.INTENT): Status.SUBMITTING,
    (Status.QUEUED, Event.ADOPTED): Status.STORING,
    (Status.QUEUED, Event.FAILED): Status.FAILED,
    (Status.QUEUED, Event.CANCELED): Status.CANCELED,
    (Status.QUEUED, Event.EXPIRED): Status.EXPIRED,
    (Status.SUBMITTING, Event.ACCEPTED): Status.RUNNING,
    (Status.SUBMITTING, Event.RETURNED): Status.QUEUED,
    (Status.SUBMITTING, Event.DOUBTED): Status.IN_DOUBT,
    (Status.SUBMITTING, Event.FAILED): Status.FAILED,
    (Status.SUBMITTING, Event.CANCELED): Status.CANCELED,
    (Status.IN_DOUBT, Event.ACCEPTED): Status.RUNNING,
    (Status.IN_DOUBT, Event.RETURNED): Status.QUEUED,
    (Status.IN_DOUBT, Event.FAILED): Status.FAILED,
    (Status.IN_DOUBT, Event.CANCELED): Status.CANCELED,
    (Status.RUNNING, Event.READY): Status.STORING,
    (Status.RUNNING, Event.RENEWED): Status.RUNNING,
    (Status.RUNNING, Event.FAILED): Status.FAILED,
    (Status.RUNNING, Event.CANCELED): Status.CANCELED,
    (Status.STORING, Event.STORED): Status.SUCCEEDED,
    (Status.STORING, Event.UNMADE): Status.RUNNING,
    (Status.STORING, Event.FAILED): Status.FAILED,
    (Status.STORING, Event.CANCELED): Status.CANCELED,
}

_NOTHING_OUT: Final = "nothing is with a provider"
_IS_OUT: Final = "the answer to this submit is known"
_STARTED: Final = "a submit has begun, so it ends failed, never expired"
_ITS_OWN: Final = "a task with a submit of its own gets its own film"

NEVER: Final[Mapping[tuple[Status, Event], str]] = {
    **{
        (status, event): "final: nothing revives it"
        for status in Status
        if status in FINAL
        for event in Event
    },
    (Status.QUEUED, Event.RETURNED): _NOTHING_OUT,
    (Status.QUEUED, Event.DOUBTED): _NOTHING_OUT,
    (Status.QUEUED, Event.ACCEPTED): _NOTHING_OUT,
    (Status.QUEUED, Event.RENEWED): _NOTHING_OUT,
    (Status.QUEUED, Event.UNMADE): _NOTHING_OUT,
    (Status.QUEUED, Event.READY): _NOTHING_OUT,
    (Status.QUEUED, Event.STORED): _NOTHING_OUT,
    (Status.SUBMITTING, Event.INTENT): "one submit at a time",
    (Status.SUBMITTING, Event.ADOPTED): _ITS_OWN,
    (Status.SUBMITTING, Event.RENEWED): "no ticket to renew",
    (Status.SUBMITTING, Event.UNMADE): "no film yet",
    (Status.SUBMITTING, Event.READY): "no ticket yet",
    (Status.SUBMITTING, Event.STORED): "no film yet",
    (Status.SUBMITTING, Event.EXPIRED): _STARTED,
    (Status.IN_DOUBT, Event.INTENT): "what may be billed is never sent again",
    (Status.IN_DOUBT, Event.ADOPTED): _ITS_OWN,
    (Status.IN_DOUBT, Event.DOUBTED): "already in doubt",
    (Status.IN_DOUBT, Event.RENEWED): "no ticket to renew",
    (Status.IN_DOUBT, Event.UNMADE): "no film yet",
    (Status.IN_DOUBT, Event.READY): "no ticket yet",
    (Status.IN_DOUBT, Event.STORED): "no film yet",
    (Status.IN_DOUBT, Event.EXPIRED): _STARTED,
    (Status.RUNNING, Event.INTENT): "one submit at a time",
    (Status.RUNNING, Event.ADOPTED): _ITS_OWN,
    (Status.RUNNING, Event.RETURNED): _IS_OUT,
    (Status.RUNNING, Event.DOUBTED): _IS_OUT,
    (Status.RUNNING, Event.ACCEPTED): _IS_OUT,
    (Status.RUNNING, Event.UNMADE): "no film yet",
    (Status.RUNNING, Event.STORED): "no film yet",
    (Status.RUNNING, Event.EXPIRED): _STARTED,
    (Status.STORING, Event.INTENT): "the film exists",
    (Status.STORING, Event.ADOPTED): _ITS_OWN,
    (Status.STORING, Event.RETURNED): _IS_OUT,
    (Status.STORING, Event.DOUBTED): _IS_OUT,
    (Status.STORING, Event.ACCEPTED): _IS_OUT,
    (Status.STORING, Event.RENEWED): "the film is to be lost first",
    (Status.STORING, Event.READY): "already ready",
    (Status.STORING, Event.EXPIRED): _STARTED,
}


@dataclass(frozen=True, slots=True)
class Measures:
    """What a stored film turned out to be, measured by a full decode."""

    size_bytes: int
    seconds: float
    size: Size
    sha256: str


@dataclass(frozen=True, slots=True)
class Task:
    """One durable wish and its life; the row.

    Instants are UTC. `version` rises by one with every move and numbers the events.
    `deadline_at` is when the present status runs out of time, `queue_deadline_at` when the
    queue does. `submit_count` counts rows in `submits`; `takeover_count` counts workers that
    took the task since it last moved on. `work_id` names the piece of work that may carry
    the task, `queue` the provider whose slot its film work holds. `model` is what the caller
    wrote, `served_by` what serves it where an operator's alias does.
    """

    id: str
    account_id: str
    key_id: str
    model: str
    spec: Spec
    created_at: datetime
    queue_deadline_at: datetime
    deadline_at: datetime | None
    status: Status = Status.QUEUED
    version: int = 1
    progress: int = 0
    hold_microusd: int = 0
    charged_microusd: int | None = None
    start_within_s: int | None = None
    submit_count: int = 0
    takeover_count: int = 0
    fault_count: int = 0
    lease_epoch: int = 0
    work_id: str | None = None
    queue: str | None = None
    finished_at: datetime | None = None
    failure: Failure | None = None
    measures: Measures | None = None
    expires_at: datetime | None = None
    is_film_gone: bool = False
    is_rehearsal: bool = False
    served_by: str | None = None
    callback_url: str | None = None
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether the task has ended."""
        return self.status.is_final


def advance(
    task: Task,
    event: Event,
    *,
    at: datetime,
    deadline_at: datetime | None = None,
    failure: Failure | None = None,
    measures: Measures | None = None,
    charged_microusd: int = 0,
) -> Task:
    """Return `task` as it stands after `event`; the task given is not touched.

    A final task has no deadline, progress 100, and what was charged; a task that moved on
    has no takeovers or faults against it.

    Raises:
        IllegalMove: MOVES has no such move, or the event lacks its facts. That is what keeps
            a late reply from reviving a dead task.
    """
    status = MOVES.get((task.status, event))
    if status is None:
        why = NEVER[task.status, event]
        raise IllegalMove(f"{task.id}: {event} cannot reach a task that is {task.status}: {why}")
    if event is Event.EXPIRED and task.submit_count:
        raise IllegalMove(f"{task.id}: {_STARTED}")
    if event is Event.ADOPTED and task.submit_count:
        raise IllegalMove(f"{task.id}: {_ITS_OWN}")
    if (failure is None) == (status in {Status.FAILED, Status.CANCELED, Status.EXPIRED}):
        raise IllegalMove(f"{task.id}: {event} and failure {failure} do not go together")
    if (measures is None) == (status is Status.SUCCEEDED):
        raise IllegalMove(f"{task.id}: {event} and measures {measures} do not go together")
    if (deadline_at is None) != status.is_final:
        raise IllegalMove(f"{task.id}: {status} and deadline {deadline_at} do not go together")
    if not 0 <= charged_microusd <= task.hold_microusd:
        raise IllegalMove(f"{task.id}: cannot charge {charged_microusd} of {task.hold_microusd}")
    is_submit = event in {Event.INTENT, Event.RENEWED, Event.ADOPTED}
    return replace(
        task,
        status=status,
        version=task.version + 1,
        progress=_progress_after(task.progress, status),
        submit_count=task.submit_count + is_submit,
        takeover_count=0,
        fault_count=0,
        deadline_at=deadline_at,
        finished_at=at if status.is_final else None,
        failure=failure,
        measures=measures,
        charged_microusd=charged_microusd if status.is_final else None,
    )


def _progress_after(progress: int, status: Status) -> int:
    """Progress never falls: 0 while queued, 1-99 while in progress, 100 at the end."""
    if status.is_final:
        return 100
    if status in {Status.RUNNING, Status.STORING}:
        return min(99, max(1, progress))
    return progress
