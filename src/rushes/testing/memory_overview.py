"""What operators are shown of the whole house, added up from tasks in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from rushes.domain.insights import Insight, InsightBy, rank_of
from rushes.domain.task import Status, Task
from rushes.ports import Faulted, Faults, Standing

_FAILED = frozenset({Status.FAILED, Status.EXPIRED})


def standings(tasks: Iterable[Task]) -> Sequence[Standing]:
    """Return how many unfinished tasks stand where."""
    counted = Counter((task.queue, task.status) for task in tasks if not task.is_final)
    found = [Standing(queue, status, count) for (queue, status), count in counted.items()]
    return sorted(found, key=lambda one: (one.provider or "", one.status))


def newest_faults(
    found: Iterable[tuple[Task, Faults]], limit: int, provider: str | None
) -> Sequence[Faulted]:
    """Return the newest faults, the last seen first."""
    shown = [
        Faulted(task.id, task.account_id, task.model, task.queue, task.submit_count, faults)
        for task, faults in found
        if provider in {None, task.queue}
    ]
    shown.sort(key=lambda one: one.faults.note)
    shown.sort(key=lambda one: (one.faults.last_at, one.task_id), reverse=True)
    return shown[:limit]


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
