"""What operators are shown of the whole house, added up from tasks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rushes.domain.insights import Insight, InsightBy, rank_of
from rushes.domain.submit import FAILED, Submit
from rushes.domain.task import Status, Task
from rushes.ports import Faulted, Faults, OpenCount, newest_first

_FAILED = frozenset({Status.FAILED, Status.EXPIRED})


def open_counts(tasks: Iterable[Task]) -> Sequence[OpenCount]:
    """Return how many unfinished tasks stand where."""
    counted = Counter((task.queue, task.status) for task in tasks if not task.is_final)
    found = [OpenCount(queue, status, count) for (queue, status), count in counted.items()]
    return sorted(found, key=lambda one: (one.provider or "", one.status))


def newest_faults(
    faults: Iterable[tuple[Task, Faults]],
    submits: Iterable[tuple[Task, Submit]],
    limit: int,
    provider: str | None,
) -> Sequence[Faulted]:
    """Return what went wrong with tasks and with their submits, the last seen first."""
    found = [
        Faulted(task.id, task.account_id, task.model, task.queue, task.submit_count or None, seen)
        for task, seen in faults
    ]
    found += [_failed(task, submit) for task, submit in submits if submit.verdict in FAILED]
    shown = [one for one in found if provider in {None, one.provider}]
    return newest_first(shown)[:limit]


def _failed(task: Task, submit: Submit) -> Faulted:
    at = submit.answered_at or submit.intent_at
    seen = Faults(task.status, submit.note, 1, at, at)
    named = (task.id, task.account_id, task.model, submit.provider, submit.n)
    return Faulted(*named, seen, submit.verdict)


def insights(
    tasks: Iterable[Task], by: InsightBy, since: datetime, until: datetime
) -> Sequence[Insight]:
    """Return how tasks fared that were accepted in a span."""

    def place(task: Task) -> tuple[str, str]:
        day = f"{task.created_at.astimezone(UTC):%Y-%m-%d}" if by.has_day else ""
        return day, task.model if by.has_model else ""

    found = sorted((one for one in tasks if since <= one.created_at < until), key=place)
    return [_insight(day, model, list(own)) for (day, model), own in groupby(found, key=place)]


def _insight(day: str, model: str, tasks: Sequence[Task]) -> Insight:
    took = sorted(
        (task.finished_at - task.created_at).total_seconds()
        for task in tasks
        if task.status is Status.SUCCEEDED and task.finished_at is not None
    )
    failed = Counter(
        task.failure.reason.value
        for task in tasks
        if task.status in _FAILED and task.failure is not None
    )
    return Insight(
        day=day or None,
        model=model or None,
        accepted=len(tasks),
        films=len(took),
        canceled=sum(task.status is Status.CANCELED for task in tasks),
        failed=dict(sorted(failed.items())),
        unfinished=sum(not task.is_final for task in tasks),
        rehearsals=sum(task.is_rehearsal for task in tasks),
        median_s=took[rank_of(50, len(took)) - 1] if took else None,
        p95_s=took[rank_of(95, len(took)) - 1] if took else None,
    )
