"""Adopting a late film: a task of its own for what was made after its task had ended.

A final status never changes, so the old task stays as it ended. The new one is born with the old
one's wish and with the submit that made the film, and its first move leads where a finished film
is brought home: fetched, decoded to the end, stored and settled like any other. It never submits.
A film is adopted once: by compare-and-set on its submit, and by a row that is unique.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from rushes.deeds.log import Operator, write_down
from rushes.deeds.words import money
from rushes.domain.access import hold
from rushes.domain.errors import CannotBeDone
from rushes.domain.ids import new_task_id
from rushes.domain.submit import MEANING, Submit, Verdict
from rushes.domain.task import Event, Task, advance
from rushes.ports import Adoption, Budgets, Dispatcher, Transaction, Work, work_id_of

MADE: Final = frozenset({Verdict.LATE, Verdict.READY})
"""The provider says that the film is there."""


class NotAdoptable(CannotBeDone):
    """There is nothing to adopt; the message says why, and what can be done."""


def adopt(
    tx: Transaction,
    task_id: str,
    n: int | None,
    *,
    dispatcher: Dispatcher,
    budgets: Budgets,
    at: datetime,
    is_charged: bool = False,
) -> Task:
    """Make a task for the late film of `task_id`, and have it brought home; return it.

    `n` is the number of the submit, needed where several made a film. Nothing is charged, unless
    `is_charged`: then what the old task held, and was not charged with, once the film is stored.

    Raises:
        NotAdoptable: nothing was written.
        SchemaBehind: the database has no table for it yet.
    """
    task, submit = late_film_of(tx, task_id, n)
    adopted = _born(tx, task, budgets, at, is_charged=is_charged)
    tx.add_submit(
        replace(
            submit, task_id=adopted.id, n=1, verdict=Verdict.READY, epoch=adopted.lease_epoch,
            look_at=None, look_count=0, missing_count=0, missing_since=None,
        )
    )  # fmt: skip
    given = replace(submit, verdict=Verdict.ADOPTED, look_at=None)
    if not tx.change_submit(given, frozenset({submit.verdict})):
        raise NotAdoptable(f"Submit {submit.n} of {task_id} changed at this moment; look again.")
    tx.add_adoption(Adoption(adopted.id, task_id, submit.n, at))
    dispatcher.enqueue(tx, adopted, Work.COLLECT, queue="")
    return adopted


def give(
    tx: Transaction,
    operator: Operator,
    task_id: str,
    n: int | None,
    *,
    dispatcher: Dispatcher,
    budgets: Budgets,
    at: datetime,
    is_charged: bool = False,
) -> tuple[Task, Adoption | None]:
    """Adopt a late film, and write down who did; return the new task and whose film it has.

    Raises:
        NotAdoptable: nothing was written.
    """
    new = adopt(
        tx, task_id, n, dispatcher=dispatcher, budgets=budgets, at=at, is_charged=is_charged
    )
    adoption = tx.adoption_of(new.id)
    number = "" if adoption is None else f" of submit {adoption.submit_n}"
    note = f"its film{number} is {new.id}, held {money(new.hold_microusd)}"
    write_down(tx, operator, "salvage adopt", task_id, note, at=at)
    return new, adoption


def given_json(new: Task, adoption: Adoption | None) -> dict[str, object]:
    """Return a task that was made for a late film."""
    return {
        "task_id": new.id,
        "adopted_from": adoption and adoption.adopted_from,
        "submit_n": adoption and adoption.submit_n,
        "status": new.status,
        "hold_microusd": new.hold_microusd,
    }


def late_film_of(tx: Transaction, task_id: str, n: int | None) -> tuple[Task, Submit]:
    """Return an ended task and the submit whose late film may be adopted.

    Raises:
        NotAdoptable: there is none, or which of several is meant was not said.
    """
    task = tx.task(task_id)
    submits = tx.submits(task_id)
    if task is None:
        raise NotAdoptable(_missing(task_id, submits))
    if not task.is_final:
        raise NotAdoptable(f"{task_id} is {task.status}: it has not ended, and gets its own film.")
    return task, _chosen(task_id, submits, n)


def _born(tx: Transaction, old: Task, budgets: Budgets, at: datetime, *, is_charged: bool) -> Task:
    """Write a task with the wish of `old`, and its way to where films are brought home."""
    deadline_at = at + budgets.queue
    born = Task(
        id=new_task_id(at),
        account_id=old.account_id,
        key_id=old.key_id,
        model=old.model,
        spec=old.spec,
        created_at=at,
        queue_deadline_at=deadline_at,
        deadline_at=deadline_at,
        hold_microusd=old.hold_microusd - (old.charged_microusd or 0) if is_charged else 0,
        is_rehearsal=old.is_rehearsal,
        served_by=old.served_by,
        callback_url=old.callback_url,
        user=old.user,
        metadata=old.metadata,
    )
    holding = hold(born.id, born.account_id, born.hold_microusd)
    if born.hold_microusd and not tx.spend(holding, born.key_id, at=at):
        raise NotAdoptable(
            f"The budget of {old.account_id} or its key does not cover "
            f"{born.hold_microusd} microusd. Raise it with `rushes budgets set`, or adopt the "
            "film without --charge."
        )
    tx.add_task(born, holding)
    if born.hold_microusd and (tariff := tx.tariff(old.id)):
        tx.add_tariff(born.id, tariff)
    for asset in born.spec.assets:
        if asset.blob is not None:
            tx.refer_input(born.id, asset.blob)
    after = advance(born, Event.ADOPTED, at=at, deadline_at=at + budgets.collect)
    after = replace(after, work_id=work_id_of(after, Work.COLLECT))
    tx.move(born, after, Event.ADOPTED, at=at)
    return after


def _missing(task_id: str, submits: Sequence[Submit]) -> str:
    if not submits:
        return f"The books know nothing of {task_id}."
    return (
        f"The caller deleted {task_id}: whose film it would be, and what was wished for, is not "
        "kept. What may have been paid for stays in `rushes salvage list`, with its ticket."
    )


def _chosen(task_id: str, submits: Sequence[Submit], n: int | None) -> Submit:
    made = [submit for submit in submits if submit.verdict in MADE and n in {None, submit.n}]
    if len(made) == 1:
        return made[0]
    if made:
        numbers = ", ".join(str(submit.n) for submit in made)
        raise NotAdoptable(f"Several submits of {task_id} made a film ({numbers}): say which.")
    asked = [submit for submit in submits if n in {None, submit.n}]
    if not asked:
        which = "submits" if n is None else f"submit {n}"
        raise NotAdoptable(f"{task_id} has no {which}.")
    last = asked[-1]
    told = f"Submit {last.n} of {task_id} is {last.verdict}: {MEANING[last.verdict]}."
    raise NotAdoptable(f"{told}{_WHAT_NOW.get(last.verdict, '')}")


_WHAT_NOW: Final = {
    Verdict.ACCEPTED: " The keeper looks at it until it is made.",
    Verdict.DOUBT: (
        " If you find its job at the provider: `rushes doubt adopt`, and once its film is late, "
        "adopt that."
    ),
    Verdict.ADOPTED: " `rushes explain` tells which task has it.",
}
