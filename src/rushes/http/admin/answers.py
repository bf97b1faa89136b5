"""What operators are told: the same facts as the command line's JSON, times in Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rushes.http.routes import Reply
from rushes.http.usage import UsageLine

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class AdminLimits(Struct):
    """How much may come at once; null is no limit."""

    requests_per_s: int | None
    submits_per_minute: int | None
    in_flight_max: int | None
    queued_max: int | None


class AdminAccount(Struct):
    """An account."""

    id: str
    name: str
    limits: AdminLimits
    created_at: int
    closed_at: int | None


class AdminAccountList(Struct):
    """A page of accounts, the oldest first."""

    object: Literal["list"]
    data: list[AdminAccount]
    first_id: str | None
    last_id: str | None
    has_more: bool


class AdminKey(Struct):
    """A key without its secret, which nobody has."""

    id: str
    name: str
    prefix: str
    account_id: str
    state: Literal["valid", "expired", "revoked", "closed"]
    is_test: bool
    scopes: list[Literal["generate", "read", "admin"]]
    models: list[str] | None
    networks: list[str] | None
    limits: AdminLimits
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    replaced_by: str | None


class AdminKeyMade(AdminKey):
    """A new key and its secret, which is told this once."""

    secret: str


class AdminKeyList(Struct):
    """A page of keys, the oldest first."""

    object: Literal["list"]
    data: list[AdminKey]
    first_id: str | None
    last_id: str | None
    has_more: bool


class AdminTask(Struct):
    """A task of any account; what was wished for is in its story."""

    id: str
    account_id: str
    key_id: str
    model: str
    status: str
    progress: int
    provider: str | None
    is_rehearsal: bool
    created_at: int
    deadline_at: int | None
    finished_at: int | None
    reason: str | None
    message: str | None
    hold_microusd: int
    charged_microusd: int | None


class AdminTaskList(Struct):
    """A page of tasks."""

    object: Literal["list"]
    data: list[AdminTask]
    first_id: str | None
    last_id: str | None
    has_more: bool


class AdminBudget(Struct):
    """What an account or a key may spend in a period, in millionths of a US dollar."""

    owner: str
    period: Literal["total", "day", "month"]
    limit_microusd: int
    spent_microusd: int
    left_microusd: int


class AdminDeed(Struct):
    """A line of the audit log; `origin` is null at the command line."""

    id: str
    at: int
    actor: str
    origin: str | None
    verb: str
    object: str
    note: str


class AdminDeedList(Struct):
    """A page of the audit log, the newest first; the next begins `before` the last id."""

    object: Literal["list"]
    data: list[AdminDeed]
    first_id: str | None
    last_id: str | None
    has_more: bool


class AdminTrouble(Struct):
    """What went wrong, in words."""

    at: int
    what: str


class AdminProvider(Struct):
    """A provider, and what it has in hand; one that left the configuration has no kind."""

    name: str
    kind: str | None
    profile: str | None
    base_url: str | None
    is_configured: bool
    mode: Literal["rehearsal", "live"]
    in_flight: int
    in_flight_max: int | None
    in_flight_per_account_max: int | None
    starts_per_minute_max: int | None
    queued: int
    in_doubt: int
    storing: int
    models: list[str]
    last_fault: AdminTrouble | None


class AdminProviderList(Struct):
    """The providers: all that are configured, and those that left and still have open tasks."""

    object: Literal["list"]
    data: list[AdminProvider]
    next: str | None


class AdminUsageLine(UsageLine, kw_only=True, omit_defaults=True):
    """What the tasks of an account, a model, a key or a day used, or one task."""

    account: str | UnsetType = UNSET


class AdminUsage(Struct, rename={"since": "from", "until": "to"}):
    """What all accounts used, or one: tasks that ended in a span of time, added up."""

    object: Literal["list"]
    group_by: Literal["account", "key", "model", "day", "task"]
    since: int
    until: int
    currency: Literal["USD"]
    data: list[AdminUsageLine]
    has_more: bool
    next_cursor: str | None


class AdminInsight(Struct, kw_only=True, omit_defaults=True):
    """How the tasks fared that were accepted on a day of UTC, of a model, or both.

    `failed` ended without a film for another reason than a cancel, `failed_by` says which.
    `median_s` and `p95_s` are seconds from accept to film, null where there is no film.
    """

    day: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    accepted: int
    films: int
    failed: int
    failed_by: dict[str, int]
    canceled: int
    unfinished: int
    rehearsals: int
    median_s: float | None
    p95_s: float | None


class AdminInsights(Struct, rename={"since": "from", "until": "to"}):
    """How tasks fared that were accepted in a span of time: by day, by model, and by both."""

    object: Literal["insights"]
    since: int
    until: int
    days: list[AdminInsight]
    models: list[AdminInsight]
    data: list[AdminInsight]


class AdminFault(Struct):
    """A kind of trouble that a task met, counted; or a submit of it that came to nothing.

    `n` is the submit, null before the first. `verdict` is null where a task was only watched.
    """

    task_id: str
    account_id: str
    model: str
    provider: str | None
    n: int | None
    status: str
    verdict: str | None
    meaning: str | None
    what: str
    count: int
    first_at: int
    at: int


class AdminFaultList(Struct):
    """The newest faults of tasks, the last seen first."""

    object: Literal["list"]
    data: list[AdminFault]
    next: str | None


class AdminProcess(Struct):
    """A process; `silent_s` is how long ago it said that it carries tasks, null if it never did."""

    id: str
    roles: list[Literal["api", "worker"]]
    is_this: bool
    silent_s: float | None


class AdminRoom(Struct):
    """How many bytes are free where films and where rows are; null where nobody can say."""

    films: int | None
    data: int | None


class AdminOffered(Struct):
    """Which models the sandbox plays, and which a provider makes."""

    rehearsed: list[str]
    live: list[str]


class AdminRetiring(Struct):
    """A model that its maker ends, or ended."""

    model: str
    retires_at: str
    successor: str | None


class AdminSystem(Struct):
    """How the house is, as this process sees it; who only answers callers is not in the list."""

    object: Literal["system"]
    version: str
    at: int
    started_at: int
    database: Literal["sqlite", "postgresql"]
    storage: str
    status: Literal["ready", "unready"]
    checks: dict[str, str]
    processes: list[AdminProcess]
    queued: int
    unfinished: int
    free_bytes: AdminRoom
    models: AdminOffered
    retiring: list[AdminRetiring]


class AdminFacts(Struct):
    """Facts as `rushes … --json` tells them, times in Unix seconds."""


class AdminFactsList(Struct):
    """A page of facts; the next begins after `next`, if there is one."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    next: str | None


ANSWERS: Final[tuple[type[Struct], ...]] = (
    AdminAccount,
    AdminAccountList,
    AdminKey,
    AdminKeyMade,
    AdminKeyList,
    AdminTask,
    AdminTaskList,
    AdminBudget,
    AdminDeedList,
    AdminProviderList,
    AdminUsage,
    AdminInsights,
    AdminFaultList,
    AdminSystem,
    AdminFacts,
    AdminFactsList,
)


def told(value: object) -> Reply:
    """Answer with facts; nothing of it may lie in anybody's cache."""
    return Reply(_ENCODER.encode(wire(value)), headers=_JSON)


def facts(data: list[dict[str, object]], following: str | None = None) -> Reply:
    """Answer with a page of facts, and after what the next one begins."""
    return told({"object": "list", "data": data, "next": following})


def wire(value: object) -> object:
    """Return facts as they go out: instants in whole Unix seconds, durations in seconds."""
    match value:
        case datetime():
            return int(value.timestamp())
        case timedelta():
            return value.total_seconds()
        case Path():
            return str(value)
        case Mapping():
            return {str(name): wire(inner) for name, inner in value.items()}
        case list() | tuple() | frozenset():
            return [wire(inner) for inner in value]
        case _:
            return value
