"""`rushes salvage report`: what may stand on a provider's bill without a film for a caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import instant_of
from rushes.cli.paper import Column, answers, moment, money, say, show_json, table
from rushes.cli.salvage import salvageable
from rushes.clock import SystemClock
from rushes.configured import catalog_of
from rushes.domain.access import EntryKind
from rushes.domain.catalog import Catalog
from rushes.domain.smallest import cost_max
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Task
from rushes.ports import Transaction
from rushes.settings import load

ON_THE_BILL: Final[Mapping[Verdict, str]] = {
    Verdict.INTENT: "being sent at this moment",
    Verdict.DOUBT: "no answer came: it may be on the bill, or never have been made",
    Verdict.ACCEPTED: "taken by the provider, and still watched",
    Verdict.READY: "made, so it is on the bill; the caller did not get it",
    Verdict.LATE: "made, so it is on the bill; the caller did not get it",
    Verdict.GONE: "taken by the provider, which never said what became of it",
}
NO_PRICE: Final = "no price configured"
HELD: Final = EntryKind.HOLD


@dataclass(frozen=True, slots=True)
class Item:
    """One submit on the report; what is not known is None. `cost_max_microusd` is at most."""

    submit: Submit
    seconds: int | None
    cost_max_microusd: int | None


@dataclass(slots=True)
class Line:
    """Submits of one provider, model and verdict, added up."""

    provider: str
    upstream_model: str
    verdict: Verdict | None
    count: int = 0
    seconds: int = 0
    seconds_unknown: int = 0
    cost_max_microusd: int = 0
    priced: int = 0
    instants: list[datetime] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Count one more."""
        self.count += 1
        self.seconds += item.seconds or 0
        self.seconds_unknown += item.seconds is None
        self.cost_max_microusd += item.cost_max_microusd or 0
        self.priced += item.cost_max_microusd is not None
        self.instants.append(item.submit.intent_at)


def report(since: str | None, *, as_json: bool) -> None:
    """Add up what may have been paid without a film for a caller.

    Raises:
        Refused: `since` is no date.
        SettingsRefused, Unready: why there are no books.
    """
    settings = load()
    begin = None if since is None else instant_of(since)
    catalog = catalog_of(settings)
    with books(settings, SystemClock()) as store:
        items = [
            store.read_now(partial(_item, submit=submit, catalog=catalog))
            for submit in salvageable(store)
            if begin is None or submit.intent_at >= begin
        ]
    lines, total = added_up(items)
    if as_json:
        show_json(
            {
                "since": begin,
                "lines": [_line_json(line) for line in lines],
                "total": _line_json(total),
            }
        )
        return
    _tell(lines, total, begin)


def added_up(items: Iterable[Item]) -> tuple[list[Line], Line]:
    """Return a line for each provider, model and verdict, and the total."""
    lines: dict[tuple[str, str, Verdict], Line] = {}
    total = Line("", "", None)
    for item in items:
        submit = item.submit
        key = (submit.provider, submit.upstream_model, submit.verdict)
        lines.setdefault(key, Line(*key)).add(item)
        total.add(item)
    return [lines[key] for key in sorted(lines)], total


def _item(tx: Transaction, *, submit: Submit, catalog: Catalog) -> Item:
    """Say what is known of a submit; of a task that was deleted, what it held."""
    task = tx.task(submit.task_id)
    if task is None:
        held = [one.amount_microusd for one in tx.entries(submit.task_id) if one.kind == HELD]
        return Item(submit, None, sum(held) or None)
    return Item(submit, _seconds(task), _cost_max(task, catalog))


def _seconds(task: Task) -> int | None:
    return task.spec.seconds if task.spec.seconds > 0 else None


def _cost_max(task: Task, catalog: Catalog) -> int | None:
    """Return what a film costs at most: by the prices it was accepted at, else by today's."""
    listing = catalog.listings.get(task.model)
    if task.hold_microusd or listing is None:
        return task.hold_microusd or None
    return cost_max(listing.prices, task.spec, listing.card)


# -- on paper ----------------------------------------------------------------------------------


def _tell(lines: Sequence[Line], total: Line, since: datetime | None) -> None:
    console = answers()
    sent = "" if since is None else f", of what was sent from {moment(since)} on"
    if not lines:
        say(console, f"Nothing was paid for without a film{sent}.")
        return
    columns = [
        Column("PROVIDER"),
        Column("MODEL", rank=2),
        Column("VERDICT"),
        Column("FILMS", is_right=True),
        Column("SECONDS", rank=4, is_right=True),
        Column("AT MOST", rank=1, is_right=True),
        Column("OLDEST", rank=5, is_right=True),
        Column("NEWEST", rank=6, is_right=True),
    ]
    rows: list[list[str | Text]] = [_row(line) for line in lines]
    table(console, columns, [*rows, _row(total)])
    say(console, "")
    for verdict in sorted({line.verdict for line in lines if line.verdict}):
        say(console, (verdict, "yellow"), f": {ON_THE_BILL[verdict]}", hang=2)
    say(console, "")
    say(
        console,
        f"This is all{sent}: every other submit that could cost money was delivered, adopted, "
        "or ended by the provider's own word that there is no film.",
    )
    if total.priced < total.count:
        say(
            console,
            f"{total.count - total.priced} of {total.count} have no price here: {NO_PRICE}, or "
            "a wish that its caller deleted. The provider's bill has it.",
        )
    if any(line.verdict is Verdict.LATE for line in lines):
        say(console, "Give a late film to its caller: rushes salvage adopt TASK")


def _row(line: Line) -> list[str | Text]:
    instants = sorted(line.instants)
    unknown = "+" if line.seconds_unknown else ""
    return [
        line.provider or "total",
        line.upstream_model,
        Text(line.verdict or "", "yellow"),
        str(line.count),
        f"{line.seconds}{unknown}" if line.seconds else "unknown",
        shown_cost(line),
        f"{instants[0]:%Y-%m-%d}",
        f"{instants[-1]:%Y-%m-%d}",
    ]


def shown_cost(line: Line) -> str:
    """Say what a line may have cost at most, and how much of it nobody here can tell."""
    if not line.priced:
        return NO_PRICE
    rest = "" if line.priced == line.count else f" + {line.count - line.priced} unknown"
    return f"{money(line.cost_max_microusd)}{rest}"


def _line_json(line: Line) -> dict[str, object]:
    instants = sorted(line.instants)
    told: dict[str, object] = {
        "count": line.count,
        "seconds": line.seconds,
        "seconds_unknown_count": line.seconds_unknown,
        "cost_max_microusd": line.cost_max_microusd if line.priced else None,
        "cost_unknown_count": line.count - line.priced,
        "oldest_at": instants[0] if instants else None,
        "newest_at": instants[-1] if instants else None,
    }
    if line.verdict is None:
        return told
    return {
        "provider": line.provider,
        "upstream_model": line.upstream_model,
        "verdict": line.verdict,
        "meaning": ON_THE_BILL[line.verdict],
        **told,
    }
