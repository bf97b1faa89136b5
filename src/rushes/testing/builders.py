"""Valid values for tests, each reached the way the house reaches it.

A status is never just set: `a_task(Status.RUNNING)` is a queued task that was moved there by
`advance`, so that version, deadlines, counts and money agree. Ids are counted up, not drawn:
a test that fails fails again, and ids sort by birth, as real ones do.

>>> a_task(Status.RUNNING, hold_microusd=300_000).version
3
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rushes.domain.access import Entry, Key, hold
from rushes.domain.errors import Failure, LeaseLost, Reason
from rushes.domain.ids import LIVE_KEY_PREFIX, digest_of
from rushes.domain.spec import Mode, Size, Spec
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import MOVES, Event, Measures, Status, Task, advance
from rushes.ports import Answer, Artifact, ArtifactKind, ArtifactState, Filed, Transaction

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""When every story in a test begins."""

MODEL: Final = "wan2.5-t2v-preview"
ACCOUNT_ID: Final = "acct_" + "a" * 32
KEY_ID: Final = "key_" + "a" * 32

WORK_ID: Final = "work:0"

PATHS: Final[Mapping[Status, tuple[Event, ...]]] = {
    Status.QUEUED: (),
    Status.SUBMITTING: (Event.INTENT,),
    Status.IN_DOUBT: (Event.INTENT, Event.DOUBTED),
    Status.RUNNING: (Event.INTENT, Event.ACCEPTED),
    Status.STORING: (Event.INTENT, Event.ACCEPTED, Event.READY),
    Status.SUCCEEDED: (Event.INTENT, Event.ACCEPTED, Event.READY, Event.STORED),
    Status.FAILED: (Event.INTENT, Event.ACCEPTED, Event.FAILED),
    Status.CANCELED: (Event.CANCELED,),
    Status.EXPIRED: (Event.EXPIRED,),
}
"""How a task comes to stand where, by the shortest way that is worth a test."""

_LATER: Final = frozenset(
    {
        "status",
        "version",
        "progress",
        "charged_microusd",
        "submit_count",
        "takeover_count",
        "fault_count",
        "lease_epoch",
        "work_id",
        "deadline_at",
        "finished_at",
        "failure",
        "measures",
        "expires_at",
        "is_film_gone",
    }
)
_BIRTH: Final = frozenset(field.name for field in fields(Task)) - _LATER
_counter = itertools.count(1)


def a_spec(**changes: Any) -> Spec:  # noqa: ANN401 -- any field of Spec, by name
    """Build a spec: five seconds of a fox, from text."""
    spec = Spec(
        model=MODEL,
        mode=Mode.TEXT_TO_VIDEO,
        prompt="a red fox runs through fresh snow at dawn",
        seconds=5,
        size=Size(1280, 720),
        seed=7,
        resolution="720p",
        ratio="16:9",
    )
    return replace(spec, **changes)


def an_id(prefix: str = "video_") -> str:
    """Return the next id; later ones sort after earlier ones."""
    return f"{prefix}{next(_counter):032x}"


def a_task(status: Status = Status.QUEUED, **changes: Any) -> Task:  # noqa: ANN401 -- fields of Task
    """Build a task that came to stand at `status` by legal moves (`PATHS`).

    `changes` are fields of Task. What a task is born with (id, account, hold, spec ...) is
    changed before the moves; what it has become (progress, epoch, counts ...) after them.
    """
    born_at = changes.get("created_at", NOON)
    task = Task(
        id=an_id(),
        account_id=ACCOUNT_ID,
        key_id=KEY_ID,
        model=MODEL,
        spec=a_spec(),
        created_at=born_at,
        queue_deadline_at=born_at + timedelta(hours=24),
        deadline_at=born_at + timedelta(hours=24),
        hold_microusd=500_000,
        work_id=WORK_ID,
    )
    task = replace(task, **{name: changes[name] for name in changes if name in _BIRTH})
    for event in PATHS[status]:
        task = moved(task, event)
    return replace(task, **{name: changes[name] for name in changes if name not in _BIRTH})


def moved(task: Task, event: Event, *, at: datetime | None = None, **facts: Any) -> Task:  # noqa: ANN401 -- facts of a move
    """Move a task on, with whatever facts the event needs unless `facts` gives them.

    `at` is one second after the last move by default. A film that is stored charges the whole
    hold, every other end nothing.

    Raises:
        IllegalMove: MOVES has no such move.
    """
    at = at or task.created_at + timedelta(seconds=task.version)
    status = MOVES.get((task.status, event))
    usual: dict[str, Any] = {"deadline_at": at + timedelta(hours=1)}
    if status is Status.SUCCEEDED:
        usual = {"measures": a_measure(), "charged_microusd": task.hold_microusd}
    elif status is not None and status.is_final:
        usual = {"failure": Failure.of(_REASONS[event])}
    return advance(task, event, at=at, **{**usual, **facts})


_REASONS: Final[Mapping[Event, Reason]] = {
    Event.FAILED: Reason.PROVIDER_FAILED,
    Event.CANCELED: Reason.CANCELED,
    Event.EXPIRED: Reason.EXPIRED,
}


def a_measure() -> Measures:
    """Build what a full decode found in a film of five seconds."""
    return Measures(size_bytes=1_234_567, seconds=5.0, size=Size(1280, 720), sha256="f" * 64)


def a_hold(task: Task) -> Entry:
    """Build the hold that a task is born with."""
    return hold(task.id, task.account_id, task.hold_microusd)


def a_submit(task: Task | None = None, verdict: Verdict = Verdict.INTENT, **changes: Any) -> Submit:  # noqa: ANN401 -- fields of Submit
    """Build the task's latest submit, with what is known once `verdict` is."""
    task = task or a_task(Status.SUBMITTING)
    submit = Submit(
        task_id=task.id,
        n=max(1, task.submit_count),
        provider="gpu",
        upstream_model="wan2.5-t2v",
        credential="env:GPU_KEY",
        token=f"{next(_counter):032x}",
        is_billable=True,
        epoch=task.lease_epoch,
        intent_at=task.created_at,
    )
    return replace(answered(submit, verdict), **changes)


def answered(submit: Submit, verdict: Verdict, *, at: datetime | None = None) -> Submit:
    """Return a submit as it stands once `verdict` is known of it."""
    if verdict is Verdict.INTENT:
        return submit
    at = at or submit.intent_at + timedelta(seconds=1)
    known = replace(submit, verdict=verdict, answered_at=at)
    if verdict is Verdict.RETURNED:
        return replace(known, reason=Reason.PROVIDER_RATE_LIMITED, note="429")
    if verdict is Verdict.DOUBT:
        return replace(known, note="no answer")
    known = replace(known, ticket=submit.ticket or {"id": f"ticket-{submit.token}"})
    if verdict in {Verdict.READY, Verdict.DELIVERED, Verdict.LATE}:
        return replace(known, film={"url": "https://films.test/1"}, usage={"seconds": 5})
    if verdict is Verdict.LOST:
        return replace(known, reason=Reason.PROVIDER_FAILED, note="out of memory")
    return known


def an_artifact(task: Task, **changes: Any) -> Artifact:  # noqa: ANN401 -- any field of Artifact, by name
    """Build a try at the task's film."""
    artifact = Artifact(
        blob=f"films/{task.id}/{task.lease_epoch}-{next(_counter):08x}/film.mp4",
        task_id=task.id,
        epoch=task.lease_epoch,
        kind=ArtifactKind.FILM,
        state=ArtifactState.WRITING,
        created_at=task.created_at,
        content_type="video/mp4",
    )
    return replace(artifact, **changes)


def kept(artifact: Artifact) -> Artifact:
    """Return a try as the winner, with its measures."""
    measures = a_measure()
    return replace(
        artifact,
        state=ArtifactState.KEPT,
        size_bytes=measures.size_bytes,
        sha256=measures.sha256,
    )


def an_input(**changes: Any) -> Filed:  # noqa: ANN401 -- any field of Filed, by name
    """Build an input blob: a picture that a caller gave."""
    blob = digest_of(str(next(_counter)).encode()).hex()
    filed = Filed(blob=blob, size_bytes=70_000, content_type="image/png", created_at=NOON)
    return replace(filed, **changes)


def a_key(secret: str | None = None, **changes: Any) -> Key:  # noqa: ANN401 -- any field of Key, by name
    """Build a key that may do everything; `secret` is its plain text."""
    secret = secret or f"{LIVE_KEY_PREFIX}{next(_counter):043x}"
    key = Key(
        id=an_id("key_"),
        account_id=ACCOUNT_ID,
        name="studio",
        digest=digest_of(secret.encode()),
        prefix=secret[:12],
        created_at=NOON,
    )
    return replace(key, **changes)


def an_answer(task: Task, **changes: Any) -> Answer:  # noqa: ANN401 -- any field of Answer, by name
    """Build the first answer to the create that made `task`."""
    answer = Answer(
        account_id=task.account_id,
        route="/v1/videos",
        key=f"idem-{next(_counter)}",
        digest=digest_of(task.id.encode()),
        task_id=task.id,
        body=b'{"id":"%s","status":"queued"}' % task.id.encode(),
        headers={"location": f"/v1/videos/{task.id}"},
        created_at=task.created_at,
    )
    return replace(answer, **changes)


_LEARNED: Final[Mapping[Event, Verdict]] = {
    Event.RETURNED: Verdict.RETURNED,
    Event.DOUBTED: Verdict.DOUBT,
    Event.ACCEPTED: Verdict.ACCEPTED,
    Event.RENEWED: Verdict.LOST,
    Event.READY: Verdict.READY,
    Event.UNMADE: Verdict.LOST,
    Event.STORED: Verdict.DELIVERED,
    Event.FAILED: Verdict.LOST,
}


def put_task(tx: Transaction, status: Status = Status.QUEUED, **changes: Any) -> Task:  # noqa: ANN401 -- birth fields of Task
    """Write a task into a store and live it through to `status`, submit and all.

    `changes` are what a task is born with; what it becomes is a matter of verbs.
    """
    task = a_task(**changes)
    tx.add_task(task, a_hold(task))
    for event in PATHS[status]:
        task = put_move(tx, task, event)
    return task


def put_move(tx: Transaction, before: Task, event: Event, *, at: datetime | None = None) -> Task:
    """Write one move as the engine does: evidence in the submit's row, and the status.

    Raises:
        IllegalMove: MOVES has no such move.
        LeaseLost: the row does not stand as `before` says.
    """
    at = at or before.created_at + timedelta(seconds=before.version)
    after = moved(before, event, at=at)
    submits = tx.submits(before.id)
    if event in _LEARNED and submits:
        learned = answered(submits[-1], _LEARNED[event], at=at)
        tx.change_submit(learned, frozenset({submits[-1].verdict}))
    if not tx.move(before, after, event, at=at):
        raise LeaseLost(f"{before.id} does not stand as it was built")
    if event in {Event.INTENT, Event.RENEWED}:
        tx.add_submit(a_submit(after, intent_at=at))
    elif event is Event.ADOPTED:
        tx.add_submit(a_submit(after, Verdict.READY, intent_at=at))
    return after
