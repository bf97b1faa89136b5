"""Tasks of all accounts: listed, and stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.text import Text

from rushes.cli.asking import agree
from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.operating import done
from rushes.cli.paper import Column, ago, answers, plain, say, show_json, table, talk
from rushes.cli.plainly import Refused
from rushes.clock import SystemClock
from rushes.deeds import tasks as deeds
from rushes.deeds.tasks import task_json
from rushes.domain.task import Status
from rushes.ports import Page
from rushes.settings import load

WHICH: Final = "`rushes tasks list` shows all ids."
COLOURS: Final = {Status.SUCCEEDED: "green", Status.IN_DOUBT: "yellow", Status.FAILED: "red"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tasks are wanted; None is any."""

    account_id: str | None = None
    key_id: str | None = None
    status: str | None = None
    model: str | None = None

    def page(self, limit: int) -> Page:
        """Return the question for the newest of them.

        Raises:
            Refused: a status that is none.
        """
        try:
            statuses = frozenset() if self.status is None else frozenset({Status(self.status)})
        except ValueError:
            raise Refused(
                f"{plain(self.status or '')} is no status; statuses are {', '.join(Status)}."
            ) from None
        return Page(self.account_id, limit, statuses=statuses, model=self.model, key_id=self.key_id)


def show(wanted: Filter, limit: int, *, as_json: bool) -> None:
    """List tasks, the newest first.

    Raises:
        Refused: a status that is none.
        SettingsRefused, Unready: why there is no store.
    """
    clock, page = SystemClock(), wanted.page(limit)
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: tx.page(page))[:limit]
    if as_json:
        show_json([task_json(task) for task in found])
        return
    if not found:
        say(talk(), "There is no such task.")
        return
    columns = [
        Column("ID"),
        Column("STATUS", rank=1),
        Column("MADE", rank=2, is_right=True),
        Column("MODEL", rank=3),
        Column("ACCOUNT", rank=4),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [
            task.id,
            Text(task.status, COLOURS.get(task.status, "cyan")),
            ago(task.created_at, now),
            plain(task.model),
            task.account_id,
        ]
        for task in found
    ]
    table(answers(), columns, rows)


def cancel(task_id: str, *, is_hurried: bool, as_json: bool) -> None:
    """End a task as its caller could.

    Raises:
        Refused: there is no such task, it has ended, or it is not meant.
        SettingsRefused, Unready: why there is no store.
    """
    settings, clock = load(), SystemClock()
    agree(f"Cancel {plain(task_id)}", is_hurried=is_hurried)
    with books(settings, clock) as store:
        task = done(
            store,
            lambda tx: deeds.cancel(
                tx, typist(), task_id, rule=settings.cancel_rule, at=clock.now()
            ),
            WHICH,
        )
    if as_json:
        show_json(task_json(task))
    else:
        say(answers(), f"{task.id} is canceled.")
