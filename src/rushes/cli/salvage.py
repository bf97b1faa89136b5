"""What may have been paid for without a film for the caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.paper import Column, ago, answers, say, show_json, table, talk
from rushes.clock import SystemClock
from rushes.deeds.showing import shortened, shown_ticket, submit_json
from rushes.domain.submit import MEANING, Submit, Verdict
from rushes.ports import Books, Transaction
from rushes.settings import load

PAGE: Final = 500


def show(*, as_json: bool) -> None:
    """List submits of ended, undelivered tasks that may have been paid.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        found = list(salvageable(store))
    if as_json:
        show_json([submit_json(submit) for submit in found])
        return
    if not found:
        say(talk(), "Nothing: every submit that may have been paid for was delivered or decided.")
        return
    columns = [
        Column("TASK"),
        Column("N", rank=6, is_right=True),
        Column("VERDICT", rank=1),
        Column("SENT", rank=3, is_right=True),
        Column("PROVIDER", rank=2),
        Column("MODEL", rank=5),
        Column("TICKET", rank=4, is_cut=True),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [
            submit.task_id,
            str(submit.n),
            Text(submit.verdict, "yellow"),
            ago(submit.intent_at, now),
            submit.provider,
            submit.upstream_model,
            "" if submit.ticket is None else shortened(shown_ticket(submit)),
        ]
        for submit in found
    ]
    console = answers()
    table(console, columns, rows)
    say(console, "")
    for verdict in sorted({submit.verdict for submit in found}):
        say(console, (verdict, "yellow"), f": {MEANING[verdict]}")
    say(console, "The whole story of one: rushes explain TASK")
    if any(submit.verdict is Verdict.LATE for submit in found):
        say(console, "Give a late film to its caller: rushes salvage adopt TASK")


def salvageable(store: Books) -> Iterator[Submit]:
    """Page through all of them."""
    after: tuple[str, int] | None = None
    while page := store.read_now(partial(_page, after=after)):
        yield from page
        after = (page[-1].task_id, page[-1].n)


def _page(tx: Transaction, after: tuple[str, int] | None) -> Sequence[Submit]:
    return tx.salvage(PAGE, after)
