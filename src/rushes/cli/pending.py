"""What the doctor reads in the books: what waits for an operator, though the server works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from rushes.cli.books import books, executor_count
from rushes.cli.checks import Finding, ok, warn
from rushes.cli.paper import lasting
from rushes.clock import SystemClock
from rushes.domain.access import Purse
from rushes.domain.errors import StoreBusy
from rushes.domain.health import Health, RouteState
from rushes.domain.ids import born_at
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.domain.webhooks import Endpoint
from rushes.folder import Unready
from rushes.ports import Transaction
from rushes.providers import registry
from rushes.settings import Settings

COUNTED: Final = 1000
"""So many are counted; more are as many to an operator."""

FILMS: Final = 1000
"""Whether a provider ever made a film is seen by the newest so many."""

NAMED: Final = 3
WAIT_MAX: Final = timedelta(minutes=15)


def of_books(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check what the books say; where there are none, or they are not of this version, nothing."""
    try:
        with books(settings, SystemClock()) as store:
            workers = executor_count(store, settings) if settings.is_on_postgres else None
            kinds = {provider.name: provider.kind for provider in settings.providers}
            yield from store.read_now(lambda tx: read(tx, kinds, workers, at=now))
    except (Unready, StoreBusy):  # told already, as the schema's or the database's fault
        return


def read(
    tx: Transaction, providers: Mapping[str, str], worker_count: int | None, *, at: datetime
) -> list[Finding]:
    """Return every finding, of providers by their kinds.

    `worker_count` is None where the server itself carries tasks.
    """
    return [
        doubts(tx.counts().get(Status.IN_DOUBT, 0)),
        salvage([submit.verdict for submit in tx.salvage(COUNTED)]),
        *routes(tx.healths()),
        *queues(tx, worker_count, at=at),
        *budgets(tx.purses(None, at=at)),
        *endpoints(tx.endpoints()),
        *untried(tx, providers),
    ]


def doubts(count: int) -> Finding:
    """Check that no submit waits for an answer that did not come."""
    if not count:
        return ok("doubts", "no task is in doubt")
    told = f"{_some(count, 'task')} got no answer to a submit, and may cost money without a film"
    return warn("doubts", told, "rushes doubt list; look at the provider's own console, decide.")


def salvage(verdicts: Sequence[Verdict]) -> Finding:
    """Check that no film that was paid for is without a caller."""
    late = sum(verdict in {Verdict.LATE, Verdict.READY} for verdict in verdicts)
    if not verdicts:
        return ok("salvage", "no film that may have been paid for is without a caller")
    told = f"{_some(len(verdicts), 'submit')} may have been paid for without a film, {late} of"
    told += " which have one by now"
    return warn("salvage", told, "rushes salvage list; adopt what is late, report the rest.")


def routes(healths: Sequence[Health]) -> Iterator[Finding]:
    """Check that every route works that ever failed."""
    for health in healths:
        name = f"route {health.provider}/{health.upstream_model}"
        if health.state is RouteState.RETIRED:
            remedy = "Name another model in rushes.toml, send SIGHUP, then rushes reroute."
            yield warn(name, f"its model is retired upstream: {health.note}", remedy)
        elif health.state is not RouteState.CLOSED:
            told = f"is left alone after {_some(health.fault_count, 'fault')}: {health.note}"
            yield warn(name, told, "It is probed by itself; rushes routes list says when.")


def queues(tx: Transaction, worker_count: int | None, *, at: datetime) -> Iterator[Finding]:
    """Check that what waits is carried, and does not wait for long."""
    waiting = tx.counts().get(Status.QUEUED, 0)
    if waiting and worker_count == 0:
        told = f"{_some(waiting, 'task')} waiting, and no process carries tasks"
        yield warn("queues", told, "Start one: rushes worker.")
        return
    is_fine = True
    for queue in tx.queues():
        line = tx.waiting(queue, 1)
        if line and at - born_at(line[0].task_id) > WAIT_MAX:
            is_fine = False
            told = f"the oldest task has waited for {lasting(at - born_at(line[0].task_id))}"
            remedy = "More slots (in_flight_max), or see why it is slow: rushes routes list."
            yield warn(f"queue {queue}", told, remedy)
    if is_fine:
        yield ok("queues", f"{_some(waiting, 'task')} waiting")


def budgets(purses: Sequence[Purse]) -> Iterator[Finding]:
    """Check that budgets have something left in their period."""
    if not purses:
        return
    spent = [purse for purse in purses if purse.is_spent]
    near = [purse for purse in purses if purse.is_near_its_end]
    for kind, some in (("spent", spent), ("near their end", near)):
        if some:
            who = ", ".join(f"{one.owner} ({one.period.value})" for one in some[:NAMED])
            more = f", and {len(some) - NAMED} more" if len(some) > NAMED else ""
            remedy = "rushes budgets list; raise one with rushes budgets set, or wait."
            yield warn("budgets", f"{kind}: {who}{more}", remedy)
    if not spent and not near:
        yield ok("budgets", f"all {len(purses)} have a fifth left, or more")


def endpoints(known: Sequence[Endpoint]) -> Iterator[Finding]:
    """Check that every address that should hear of tasks does."""
    disabled = [one for one in known if one.disabled_at is not None]
    if disabled:
        who = ", ".join(f"{one.id} of {one.account_id}" for one in disabled[:NAMED])
        told = f"{_some(len(disabled), 'address')} hear of nothing any more: {who}"
        yield warn("webhooks", told, "rushes webhooks endpoints list says why; tell their owner.")
    elif known:
        yield ok("webhooks", f"{_some(len(known), 'address')} hear of every task")


def untried(tx: Transaction, providers: Mapping[str, str]) -> Iterator[Finding]:
    """Check that each provider has made a film here: what never did may not be as it was read."""
    made = {film.queue for film in tx.took(FILMS)}
    for name, kind in providers.items():
        if name not in made:
            told = "none of the newest films here is its: it is not verified by one"
            count = len(_unverified(kind))
            if count:
                told += f"; {_some(count, 'fact')} of its protocol nobody read (docs/providers.md)"
            remedy = f"rushes verify-provider {name} --max-cost 0.50 tries it with one small film."
            yield warn(f"verified {name}", told, remedy)


def _unverified(kind: str) -> tuple[str, ...]:
    try:
        return registry.unverified_of(kind)
    except registry.Misconfigured:  # told where providers are built
        return ()


def _some(count: int, noun: str) -> str:
    shown = f"{count} or more" if count >= COUNTED else str(count)
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{shown} {noun}{ending}"
