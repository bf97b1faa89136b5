"""How the routes fare, and moving queued tasks away from those that fare badly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.paper import Column, ago, answers, say, show_json, table, talk
from rushes.clock import SystemClock
from rushes.configured import catalog_of
from rushes.deeds import routes as deeds
from rushes.deeds.log import write_down
from rushes.deeds.routes import Fare, fare_json, fares
from rushes.domain.catalog import SANDBOX, Catalog
from rushes.domain.health import RouteState
from rushes.engine.dispatch import DbosDispatcher
from rushes.engine.queues import reroute
from rushes.engine.routing import offer
from rushes.ports import Books, Transaction
from rushes.settings import Settings, load

PAGE: Final = 100
COLOURS: Final = {
    RouteState.CLOSED: "green",
    RouteState.OPEN: "yellow",
    RouteState.PROBING: "yellow",
    RouteState.RETIRED: "red",
}


def show(*, as_json: bool) -> None:
    """List the routes of every configured model.

    Raises:
        SettingsRefused, Unready: why there is nothing to list.
    """
    settings, clock = load(), SystemClock()
    catalog = catalog_of(settings)
    with books(settings, clock) as store:
        shown = store.read_now(lambda tx: fares(tx, catalog))
    if as_json:
        show_json([fare_json(one) for one in shown])
        return
    if not shown:
        say(talk(), "No provider is configured: the sandbox serves every model.")
        return
    columns = [
        Column("MODEL", rank=1),
        Column("PROVIDER"),
        Column("ASKS FOR", rank=3),
        Column("STATE"),
        Column("FAULTS", rank=5, is_right=True),
        Column("SINCE", rank=4, is_right=True),
        Column("WHY", rank=2, is_cut=True),
    ]
    rows = [_row(one, clock.now()) for one in shown]
    table(answers(), columns, rows)


def reset(provider: str, upstream_model: str, *, as_json: bool) -> None:
    """Forget what went wrong with a route, a retirement included: it is asked again.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        known = store.write_now(
            lambda tx: deeds.reset(tx, typist(), provider, upstream_model, at=clock.now())
        )
    if as_json:
        show_json({"provider": provider, "model": upstream_model, "was": known and known.state})
        return
    was = f"was {known.state}" if known else "nothing was wrong with it"
    say(talk(), f"{provider} is asked for {upstream_model} again ({was}).")


def move(model: str | None, *, as_json: bool) -> None:
    """Move queued tasks to the provider that each would be handed to now.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    settings, clock = load(), SystemClock()
    catalog = catalog_of(settings)
    with books(settings, clock) as store:
        dispatcher = DbosDispatcher(store.engine_for_workflows())
        count = sum(_moved(store, catalog, settings, dispatcher, model, clock.now()))
    if as_json:
        show_json({"moved": count})
        return
    noun = "task" if count == 1 else "tasks"
    say(talk(), f"{count} queued {noun} moved." if count else "No queued task wants another route.")


def _moved(
    store: Books,
    catalog: Catalog,
    settings: Settings,
    dispatcher: DbosDispatcher,
    model: str | None,
    at: datetime,
) -> Iterator[int]:
    cursor: str | None = ""

    def act(tx: Transaction) -> tuple[str | None, int]:
        present = offer(catalog, _names(settings), tx.healths())
        page = tx.unfinished(cursor or "", PAGE)
        mine = [task for task in page if model in {None, task.model}]
        count = sum(reroute(tx, task, present, dispatcher, at=at) for task in mine)
        if count:
            write_down(
                tx, typist(), "reroute", model or "all models", f"{count} tasks moved", at=at
            )
        return page[-1].id if len(page) == PAGE else None, count

    while cursor is not None:
        cursor, count = store.write_now(act)
        yield count


def _names(settings: Settings) -> frozenset[str]:
    return frozenset({SANDBOX, *(provider.name for provider in settings.providers)})


def _row(shown: Fare, at: datetime) -> list[str | Text]:
    health = shown.health
    return [
        shown.model,
        shown.route.provider,
        shown.route.upstream_model,
        Text(shown.state, COLOURS[shown.state]),
        str(health.fault_count) if health else "0",
        ago(health.changed_at, at) if health else "",
        health.note if health else "",
    ]
