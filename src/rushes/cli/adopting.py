"""`rushes salvage adopt`: a late film becomes a finished task of its caller's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rushes.cli.asking import agree
from rushes.cli.books import books, is_served, now_by
from rushes.cli.deeds import typist
from rushes.cli.paper import answers, money, plain, say, show_json
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.deeds import salvage
from rushes.deeds.salvage import NotAdoptable
from rushes.domain.task import Task
from rushes.engine.dispatch import DbosDispatcher
from rushes.ports import Adoption, Transaction
from rushes.settings import load
from rushes.terms import budgets_of


def adopt(
    task_id: str, n: int | None, *, is_charged: bool, is_hurried: bool, as_json: bool
) -> None:
    """Make a task for the late film of another; a running server brings it home.

    Raises:
        Refused: there is no film to adopt, or it is not wanted.
        SettingsRefused, Unready: why there are no books.
    """
    settings, clock = load(), SystemClock()
    price = " and charge it" if is_charged else ""
    with books(settings, clock) as store:
        with _refusing():
            store.read_now(lambda tx: salvage.late_film_of(tx, task_id, n))
        agree(
            f"Give the late film of {plain(task_id)} to its caller as a new task{price}",
            is_hurried=is_hurried,
        )
        dispatcher = DbosDispatcher(store.engine_for_workflows())

        def act(tx: Transaction) -> tuple[Task, Adoption | None]:
            return salvage.give(
                tx,
                typist(),
                task_id,
                n,
                dispatcher=dispatcher,
                budgets=budgets_of(settings),
                at=now_by(tx, clock),
                is_charged=is_charged,
            )

        with _refusing():
            new, adoption = store.write_now(act)
        has_workers = is_served(store, settings)
    if as_json:
        show_json(salvage.given_json(new, adoption))
        return
    charge = f"{money(new.hold_microusd)} is charged once it is stored"
    say(
        answers(),
        (new.id, "bold"),
        f" is the late film of {task_id}: "
        f"{charge if new.hold_microusd else 'nothing is charged for it'}.",
    )
    home = "It is brought home now" if has_workers else "It is brought home once a server runs"
    say(answers(), f"{home}: rushes explain {new.id}")


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except NotAdoptable as why:
        raise Refused(str(why), FAILED) from None
