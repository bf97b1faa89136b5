"""What accounts used: ended tasks, films, seconds and money, added up in some order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rushes.domain.task import Status


class UsageBy(StrEnum):
    """What usage is added up by; by task there is a line for each."""

    ACCOUNT = "account"
    KEY = "key"
    MODEL = "model"
    DAY = "day"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class UsageAsked:
    """A question for usage: tasks that ended from `since` on and before `until`.

    `account_id` None asks for all accounts. `after` is the `place` of the last line of the page
    before.
    """

    by: UsageBy
    since: datetime
    until: datetime
    limit: int
    account_id: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class EndedTask:
    """What is kept of a task's end, its record removed or not."""

    id: str
    account_id: str
    key_id: str
    model: str
    status: Status
    is_rehearsal: bool
    created_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """A line of usage. `name` is the account, key, model, day (2026-11-26, UTC) or task.

    `films` of the `tasks` came out well, `rehearsals` of them were rendered by the sandbox in a
    model's place. `place` is where the line stands in its order.
    """

    name: str
    tasks: int
    films: int
    rehearsals: int
    film_seconds: float
    charged_microusd: int
    place: str
    task: EndedTask | None = None


def used_by(ended: EndedTask, film_seconds: float | None, charged_microusd: int) -> Used:
    """Return the line of one task."""
    return Used(
        name=ended.id,
        tasks=1,
        films=int(ended.status is Status.SUCCEEDED),
        rehearsals=int(ended.is_rehearsal),
        film_seconds=film_seconds or 0.0,
        charged_microusd=charged_microusd,
        place=place_of(ended),
        task=ended,
    )


def place_of(ended: EndedTask) -> str:
    """Name the place of a task among others: by its end, to the microsecond, then by its id."""
    return f"{ended.finished_at:%Y-%m-%dT%H:%M:%S.%f}.{ended.id}"
