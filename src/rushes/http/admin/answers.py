"""What operators are told: the same facts as the command line's JSON, times in Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from rushes.http.routes import Reply

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
