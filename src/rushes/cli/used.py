"""`rushes usage`: films, seconds and money of tasks that ended, on paper or for machines."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import instant_of
from rushes.cli.paper import Column, answers, moment, money, plain, say, show_json, table, talk
from rushes.clock import SystemClock
from rushes.domain.access import Period
from rushes.domain.usage import UsageAsked, UsageBy, Used
from rushes.ports import Books, Transaction
from rushes.settings import load

PAGE: Final = 1000


def show(
    by: str,
    account_id: str | None,
    since: str | None,
    until: str | None,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Add up what was used.

    Raises:
        Refused: a date is none.
        SettingsRefused, Unready: why there are no books.
        SchemaBehind: the database waits for `rushes migrate`.
    """
    clock = SystemClock()
    now = clock.now()
    asked = UsageAsked(
        UsageBy(by),
        Period.MONTH.began(now) if since is None else instant_of(since),
        now if until is None else instant_of(until),
        PAGE,
        account_id,
    )
    with books(load(), clock) as store:
        lines = list(_all(store, asked))
    if as_json or as_csv:
        told = [_line(asked.by, line) for line in lines]
        if as_csv:
            _table_of(told, asked.by)
        else:
            show_json({"from": asked.since, "to": asked.until, "by": asked.by, "lines": told})
        return
    _tell(asked, lines)


def _all(store: Books, asked: UsageAsked) -> Iterator[Used]:
    """Page through all lines."""
    while True:
        page = store.read_now(partial(_page, asked=asked))
        yield from page[:PAGE]
        if len(page) <= PAGE:
            return
        asked = replace(asked, after=page[PAGE - 1].place)


def _page(tx: Transaction, asked: UsageAsked) -> list[Used]:
    return list(tx.usage(asked))


def _tell(asked: UsageAsked, lines: list[Used]) -> None:
    span = f"from {moment(asked.since)} to {moment(asked.until)}"
    if not lines:
        say(talk(), f"No task ended {span}.")
        return
    columns = [
        Column(asked.by.upper(), is_cut=True),
        Column("TASKS", rank=2, is_right=True),
        Column("FILMS", rank=1, is_right=True),
        Column("REHEARSALS", rank=4, is_right=True),
        Column("SECONDS", rank=3, is_right=True),
        Column("COST", is_right=True),
    ]
    rows: list[list[str | Text]] = [_row(line) for line in lines]
    total = Used(
        name="total",
        tasks=sum(line.tasks for line in lines),
        films=sum(line.films for line in lines),
        rehearsals=sum(line.rehearsals for line in lines),
        film_seconds=sum(line.film_seconds for line in lines),
        charged_microusd=sum(line.charged_microusd for line in lines),
        place="",
    )
    console = answers()
    table(console, columns, [*rows, _row(total)])
    say(console, "")
    say(console, f"Tasks that ended {span}.")


def _row(line: Used) -> list[str | Text]:
    return [
        plain(line.name),
        str(line.tasks),
        str(line.films),
        str(line.rehearsals),
        f"{line.film_seconds:.1f}",
        money(line.charged_microusd),
    ]


def _line(by: UsageBy, line: Used) -> dict[str, object]:
    task = line.task
    counts: dict[str, object]
    if task is None:
        counts = {"tasks": line.tasks, "films": line.films, "rehearsals": line.rehearsals}
    else:
        counts = {
            "account": task.account_id,
            "key": task.key_id,
            "model": task.model,
            "status": task.status,
            "is_rehearsal": task.is_rehearsal,
            "created_at": task.created_at.isoformat(),
            "finished_at": task.finished_at.isoformat(),
        }
    return {
        by.value: line.name,
        **counts,
        "film_seconds": line.film_seconds,
        "cost_microusd": line.charged_microusd,
    }


def _table_of(lines: list[dict[str, object]], by: UsageBy) -> None:
    columns = list(lines[0]) if lines else [by.value]
    table = csv.DictWriter(sys.stdout, columns)
    table.writeheader()
    table.writerows(lines)
