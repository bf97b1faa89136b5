"""How tasks fare, and what went wrong with them, on paper or for machines."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import instant_of
from rushes.cli.paper import (
    Column,
    ago,
    answers,
    lasting,
    moment,
    plain,
    say,
    show_json,
    table,
    talk,
)
from rushes.cli.plainly import Refused
from rushes.clock import SystemClock
from rushes.deeds.house import faulted_json, insight_json
from rushes.deeds.showing import shown_text
from rushes.domain.insights import INSIGHTS_SPAN_MAX, Insight, InsightBy
from rushes.settings import load

SPAN: Final = timedelta(days=30)


def show_faults(provider: str | None, limit: int, *, as_json: bool) -> None:
    """List what went wrong last, the newest first.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: tx.newest_faults(limit, provider=provider))
    if as_json:
        show_json([faulted_json(one) for one in found])
        return
    if not found:
        say(talk(), "Nothing went wrong.")
        return
    columns = [
        Column("WHEN", is_right=True),
        Column("TIMES", rank=4, is_right=True),
        Column("TASK"),
        Column("PROVIDER", rank=2),
        Column("SUBMIT", rank=3),
        Column("WHAT", rank=1, is_wrapped=True),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [
            ago(one.faults.last_at, now),
            str(one.faults.count),
            one.task_id,
            plain(one.provider or ""),
            one.verdict or "",
            shown_text(one.faults.note),
        ]
        for one in found
    ]
    table(answers(), columns, rows)


def show_insights(by: str, since: str | None, until: str | None, *, as_json: bool) -> None:
    """Tell how the tasks fared that were accepted in a span of time.

    Raises:
        Refused: a date is none, or the span is too long.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    end = clock.now() if until is None else instant_of(until)
    begin = end - SPAN if since is None else instant_of(since)
    if not timedelta(0) <= end - begin <= INSIGHTS_SPAN_MAX:
        raise Refused(f"A span has 0 to {INSIGHTS_SPAN_MAX.days} days; say another --since.")
    asked = InsightBy(by)
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: tx.insights(asked, begin, end))
    if as_json:
        lines = [insight_json(one) for one in found]
        show_json({"from": begin, "to": end, "by": asked, "lines": lines})
        return
    span = f"from {moment(begin)} to {moment(end)}"
    if not found:
        say(talk(), f"No task was accepted {span}.")
        return
    columns = [
        *([Column("DAY")] if asked.has_day else []),
        *([Column("MODEL", is_cut=True)] if asked.has_model else []),
        Column("ACCEPTED", is_right=True),
        Column("FILMS", rank=1, is_right=True),
        Column("CANCELED", rank=5, is_right=True),
        Column("UNFINISHED", rank=6, is_right=True),
        Column("MEDIAN", rank=3, is_right=True),
        Column("95 %", rank=4, is_right=True),
        Column("FAILED", rank=2, is_wrapped=True),
    ]
    console = answers()
    table(console, columns, [_row(one) for one in found])
    say(console, "")
    say(console, f"Tasks that were accepted {span}; times are from accept to film.")


def _row(one: Insight) -> list[str | Text]:
    named = [plain(name) for name in (one.day, one.model) if name is not None]
    return [
        *named,
        str(one.accepted),
        str(one.films),
        str(one.canceled),
        str(one.unfinished),
        _took(one.median_s),
        _took(one.p95_s),
        ", ".join(f"{reason} {count}" for reason, count in one.failed.items()),
    ]


def _took(seconds: float | None) -> str:
    return "" if seconds is None else lasting(timedelta(seconds=seconds))
