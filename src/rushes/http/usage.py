"""`GET /v1/usage`: films, seconds and cost of the caller's account (CONTRACT §13)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from rushes.clock import Clock
from rushes.domain.access import Period
from rushes.domain.errors import InvalidValue
from rushes.domain.task import Status
from rushes.domain.usage import UsageAsked, UsageBy, Used
from rushes.gateway.usage import LINES_MAX, RANGE_MAX, Usage
from rushes.http.routes import Call, Reply, Route

LINES_DEFAULT: Final = 100
CURSOR_CHARACTERS_MAX: Final = 512
GROUPS: Final = tuple(by.value for by in UsageBy if by is not UsageBy.ACCOUNT)
FORMATS: Final = ("json", "csv")
QUERY: Final = ("group_by", "from", "to", "format", "limit", "cursor")

_ENCODER: Final = msgspec.json.Encoder()
_CACHE: Final = {"Cache-Control": "private, no-cache"}
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLACE: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6})\.video_[0-9a-f]{32}"
)
_NUMBERS: Final = ("tasks", "films", "rehearsals", "film_seconds", "cost_microusd")
_TASK: Final = (
    "task_id",
    "model",
    "key",
    "status",
    "rehearsal",
    "created_at",
    "finished_at",
    "film_seconds",
    "cost_microusd",
)


class UsageLine(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What the tasks of one model, key or day used, or one task; what does not apply is missing.

    `tasks` ended, `films` of them came out well, `rehearsals` were rendered by the sandbox.
    """

    model: str | msgspec.UnsetType = msgspec.UNSET
    key: str | msgspec.UnsetType = msgspec.UNSET
    day: str | msgspec.UnsetType = msgspec.UNSET
    tasks: int | msgspec.UnsetType = msgspec.UNSET
    films: int | msgspec.UnsetType = msgspec.UNSET
    rehearsals: int | msgspec.UnsetType = msgspec.UNSET
    task_id: str | msgspec.UnsetType = msgspec.UNSET
    status: Literal["succeeded", "failed"] | msgspec.UnsetType = msgspec.UNSET
    rehearsal: bool | msgspec.UnsetType = msgspec.UNSET
    created_at: int | msgspec.UnsetType = msgspec.UNSET
    finished_at: int | msgspec.UnsetType = msgspec.UNSET
    film_seconds: float
    cost_microusd: int


@dataclass(frozen=True, slots=True)
class UsageRoutes:
    """The handler of what an account used."""

    usage: Usage
    clock: Clock

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/v1/usage",
                self.get,
                "Tell what the account used",
                "usage",
                answers={200: "Usage"},
                query=QUERY,
            )
        ]

    async def get(self, call: Call) -> Reply:
        """Add up what tasks used that ended in a span of time."""
        query = call.query()
        asked = read_question(query, self.clock.now())
        form = form_of(query)
        lines, has_more = await self.usage.of(call.caller, asked)
        return usage_reply(asked, form, lines, has_more=has_more)


def usage_reply(
    asked: UsageAsked,
    form: str,
    lines: Sequence[Used],
    *,
    has_more: bool,
    is_operators: bool = False,
) -> Reply:
    """Answer with a page of usage, as JSON or as a table; operators are told whose tasks are."""
    cursor = lines[-1].place if has_more else None
    if form == "csv":
        headers = {
            **_CACHE,
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="usage.csv"',
            **({} if cursor is None else {"Rushes-Next-Cursor": cursor}),
        }
        text = csv_of(asked.by, lines, is_operators=is_operators)
        return Reply(text.encode(), headers=headers)
    body = {
        "object": "list",
        "group_by": asked.by,
        "from": int(asked.since.timestamp()),
        "to": int(asked.until.timestamp()),
        "currency": "USD",
        "data": [line_of(asked.by, line, is_operators=is_operators) for line in lines],
        "has_more": has_more,
        "next_cursor": cursor,
    }
    return Reply(_ENCODER.encode(body), headers={**_CACHE, "Content-Type": "application/json"})


def form_of(query: Mapping[str, str]) -> str:
    """Read in which form usage is wanted.

    Raises:
        InvalidValue: there is no such form.
    """
    return _one_of(query.get("format") or FORMATS[0], FORMATS, "format")


def read_question(
    query: Mapping[str, str],
    at: datetime,
    *,
    groups: Sequence[str] = GROUPS,
    account_id: str | None = None,
) -> UsageAsked:
    """Read what is asked for; without a span it is the present month, of UTC.

    Raises:
        InvalidValue: with the name of the query's value.
    """
    by = UsageBy(_one_of(query.get("group_by") or UsageBy.MODEL, groups, "group_by"))
    since = instant_of(query.get("from"), "from") or Period.MONTH.began(at)
    second = at.replace(microsecond=0) + timedelta(seconds=1)
    until = instant_of(query.get("to"), "to") or max(second, since)
    if until < since:
        raise InvalidValue("'to' must not be before 'from'.", param="to")
    if until - since > RANGE_MAX:
        raise InvalidValue(
            f"'from' must be at most {RANGE_MAX.days} days before 'to'.", param="from"
        )
    return UsageAsked(
        by,
        since,
        until,
        _limit(query.get("limit")),
        account_id,
        after=_cursor(query.get("cursor"), by),
    )


def line_of(by: UsageBy, line: Used, *, is_operators: bool = False) -> dict[str, object]:
    """Render a line of usage."""
    task = line.task
    if task is None:
        numbers = (
            line.tasks, line.films, line.rehearsals, line.film_seconds, line.charged_microusd,
        )  # fmt: skip
        return {by.value: line.name, **dict(zip(_NUMBERS, numbers, strict=True))}
    facts = (
        task.id,
        task.model,
        task.key_id,
        "succeeded" if task.status is Status.SUCCEEDED else "failed",
        task.is_rehearsal,
        int(task.created_at.timestamp()),
        int(task.finished_at.timestamp()),
        line.film_seconds,
        line.charged_microusd,
    )
    told = dict(zip(_TASK, facts, strict=True))
    return {"account": task.account_id, **told} if is_operators else told


def csv_of(by: UsageBy, lines: Sequence[Used], *, is_operators: bool = False) -> str:
    """Render lines as a table for spreadsheets (RFC 4180), its header first."""
    text = io.StringIO()
    of_task = ("account", *_TASK) if is_operators else _TASK
    columns = of_task if by is UsageBy.TASK else (by.value, *_NUMBERS)
    table = csv.DictWriter(text, columns)
    table.writeheader()
    for line in lines:
        rendered = line_of(by, line, is_operators=is_operators)
        table.writerow({name: _cell(value) for name, value in rendered.items()})
    return text.getvalue()


def _cell(value: object) -> object:
    """Return a value as a cell holds it; no text is taken for a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return value


def _one_of(text: str, allowed: Sequence[str], param: str) -> str:
    if text not in allowed:
        raise InvalidValue(
            f"'{param}' must be one of {', '.join(allowed)}; got {text}.", param=param
        )
    return text


def instant_of(text: str | None, param: str) -> datetime | None:
    """Read an instant: Unix seconds or a day of UTC.

    Raises:
        InvalidValue: it is neither.
    """
    if not text:
        return None
    try:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise InvalidValue(
        f"'{param}' must be Unix seconds or a day such as 2026-11-01; got {text}.", param=param
    )


def _limit(text: str | None) -> int:
    if not text:
        return LINES_DEFAULT
    if not _SECONDS.fullmatch(text) or not 1 <= int(text) <= LINES_MAX:
        raise InvalidValue(f"'limit' must be from 1 to {LINES_MAX}; got {text}.", param="limit")
    return int(text)


def _cursor(text: str | None, by: UsageBy) -> str | None:
    if not text:
        return None
    if not _is_place(text, by):
        raise InvalidValue(
            "'cursor' must be the next_cursor of an answer with the same group_by.", param="cursor"
        )
    return text


def _is_place(text: str, by: UsageBy) -> bool:
    if by not in {UsageBy.DAY, UsageBy.TASK}:
        return len(text) <= CURSOR_CHARACTERS_MAX and text.isprintable()
    found = (_DAY if by is UsageBy.DAY else _PLACE).fullmatch(text)
    if found is None:
        return False
    try:
        datetime.fromisoformat(found[found.re.groups and 1])
    except ValueError:
        return False
    return True
