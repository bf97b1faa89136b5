"""Giving a task to a piece of work of its own, in the queue of a provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rushes.domain.task import Status, Task
from rushes.engine.routing import Chosen, Offer, choose
from rushes.ports import Dispatcher, Transaction, Work, work_id_of


@dataclass(frozen=True, slots=True)
class Slots:
    """What a provider's queue allows: tasks in flight, in all and of one account, and starts."""

    in_flight_max: int
    in_flight_per_account_max: int | None = None
    starts_per_minute_max: int | None = None


def give_work(tx: Transaction, task: Task, provider: str | None, dispatcher: Dispatcher) -> bool:
    """Give a task to new work, and whatever carried it so far to nobody; say if it still could be.

    A film that exists is brought home on a queue of its own; any other work waits for a slot of
    `provider`.
    """
    work = Work.COLLECT if task.status is Status.STORING else Work.FILM
    given = replace(task, lease_epoch=task.lease_epoch + 1, queue=provider)
    given = replace(given, work_id=work_id_of(given, work))
    if not tx.rework(task, given.work_id or "", provider):
        return False
    queue = "" if work is Work.COLLECT else provider or ""
    dispatcher.enqueue(tx, given, work, queue=queue)
    return True


def reroute(
    tx: Transaction, task: Task, offer: Offer, dispatcher: Dispatcher, *, at: datetime
) -> bool:
    """Move a queued task to the provider that it would be handed to now; say whether it moved.

    A task whose submit is out, or in doubt, stays where it is: what was sent is sent.
    """
    if task.status is not Status.QUEUED:
        return False
    choice = choose(task, tx.submits(task.id), offer, at)
    if not isinstance(choice, Chosen) or choice.route.provider == task.queue:
        return False
    return give_work(tx, task, choice.route.provider, dispatcher)
