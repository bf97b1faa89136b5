"""What an operator can do about a submit in doubt: look now, say what its ticket is, or give up.

Each verb is one transaction over rows, beside whatever worker holds the task: evidence is
written by anyone who has it, and the status moves by compare-and-set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from rushes.domain.errors import Failure, LeaseLost, Reason
from rushes.domain.submit import MEANING, Submit, Ticket, Verdict
from rushes.domain.task import Status, Task
from rushes.engine import ledger
from rushes.ports import Budgets, Transaction

_DOUBTED: Final = frozenset({Verdict.DOUBT})


class NotInDoubt(Exception):
    """There is nothing to decide, or not so; the message says why. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A submit in doubt, and its task; None where its caller deleted it."""

    submit: Submit
    task: Task | None

    @property
    def is_live(self) -> bool:
        """Whether the task still waits for the answer."""
        return self.task is not None and not self.task.is_final


def doubt_of(tx: Transaction, task_id: str) -> Doubt:
    """Find the submit in doubt of a task.

    Raises:
        NotInDoubt: none is.
    """
    task, submits = tx.task(task_id), tx.submits(task_id)
    if task is None and not submits:
        raise NotInDoubt(f"The books know nothing of {task_id}.")
    last = submits[-1] if submits else None
    if last is None or last.verdict is not Verdict.DOUBT:
        stands = "deleted" if task is None else str(task.status)
        sent = "never sent" if last is None else f"{last.verdict} ({MEANING[last.verdict]})"
        raise NotInDoubt(f"{task_id} is {stands}, its last submit {sent}: nothing is in doubt.")
    if task is not None and not task.is_final and task.status is not Status.IN_DOUBT:
        raise NotInDoubt(f"{task_id} is {task.status}: what is in doubt is decided in a moment.")
    return Doubt(last, task)


def look_now(tx: Transaction, task_id: str, *, at: datetime) -> Doubt:
    """Have the keeper search the provider at its next round.

    Raises:
        NotInDoubt: there is nothing to search for, or nothing to search by.
    """
    doubt = doubt_of(tx, task_id)
    if doubt.task is None:
        raise NotInDoubt(
            f"The caller deleted {task_id}: what was wished for is not kept, and without it a "
            "provider cannot be searched."
        )
    _write(tx, replace(doubt.submit, look_at=at))
    return doubt


def accept(
    tx: Transaction, task_id: str, ticket: Ticket, *, budgets: Budgets, at: datetime
) -> Doubt:
    """Take an operator's word for what the provider calls a submit.

    A task that is still in doubt runs on with it. One that ended stays as it ended; the keeper
    watches the submit, without telling the provider to stop, and a film that comes is late.

    Raises:
        NotInDoubt: nothing is in doubt, or another submit has this ticket.
    """
    doubt = doubt_of(tx, task_id)
    is_over = not doubt.is_live
    accepted = replace(
        doubt.submit,
        verdict=Verdict.ACCEPTED,
        ticket=ticket,
        answered_at=at,
        look_at=at if is_over else None,
        look_count=0,
        missing_count=0,
        missing_since=None,
        is_cancel_told=is_over,
    )
    if tx.is_ticket_known(accepted):
        raise NotInDoubt(
            f"Another submit to {accepted.provider} has this ticket: it is not that of {task_id}."
        )
    _write(tx, accepted)
    task = doubt.task
    if task is not None and not task.is_final:
        _move(lambda: ledger.accept(tx, task, budgets, at=at), task_id)
    return doubt


def give_up(tx: Transaction, task_id: str, *, at: datetime) -> Doubt:
    """End a task that is still in doubt, and release its hold; its submit stays on record.

    Raises:
        NotInDoubt: nothing is in doubt, or the task has ended.
    """
    doubt = doubt_of(tx, task_id)
    task = doubt.task
    if task is None or task.is_final:
        raise NotInDoubt(f"{task_id} has ended already; its submit stays on record in doubt.")
    failure = Failure.of(Reason.SUBMIT_IN_DOUBT)
    _move(lambda: ledger.fail(tx, task, failure, at=at), task_id)
    return doubt


def _write(tx: Transaction, learned: Submit) -> None:
    if not tx.change_submit(learned, _DOUBTED):
        raise NotInDoubt(f"{learned.task_id} was decided at this moment.")


def _move(move: Callable[[], None], task_id: str) -> None:
    try:
        move()
    except LeaseLost:
        raise NotInDoubt(f"{task_id} moved on at this moment; nothing was done.") from None
