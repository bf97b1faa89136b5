"""What an operator can do about a submit in doubt: look now, say what its ticket is, or give up.

Each verb is one transaction over rows, beside whatever worker holds the task: evidence is
written by anyone who has it, and the status moves by compare-and-set.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from rushes.deeds.log import Operator, write_down
from rushes.deeds.showing import shown_value, submit_json
from rushes.domain.errors import CannotBeDone, Failure, InvalidValue, Reason
from rushes.domain.submit import MEANING, Submit, Ticket, Verdict
from rushes.domain.task import Event, Status, Task, advance
from rushes.ports import Budgets, Page, Transaction

TICKET_CHARACTERS_MAX: Final = 4000
_IN_DOUBT: Final = frozenset({Status.IN_DOUBT})
_DOUBTED: Final = frozenset({Verdict.DOUBT})


class NotInDoubt(CannotBeDone):
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
        after = advance(task, Event.ACCEPTED, at=at, deadline_at=at + budgets.render)
        _move(tx, task, after, Event.ACCEPTED, at)
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
    after = advance(task, Event.FAILED, at=at, failure=Failure.of(Reason.SUBMIT_IN_DOUBT))
    _move(tx, task, after, Event.FAILED, at)
    return doubt


# -- the same, written down --------------------------------------------------------------------


def look(tx: Transaction, operator: Operator, task_id: str, *, at: datetime) -> Doubt:
    """Have the provider searched, and write down who wanted it.

    Raises:
        NotInDoubt: there is nothing to search for, or nothing to search by.
    """
    doubt = look_now(tx, task_id, at=at)
    write_down(tx, operator, "doubt look", task_id, f"submit {doubt.submit.n}", at=at)
    return doubt


def adopt(
    tx: Transaction,
    operator: Operator,
    task_id: str,
    ticket: Ticket,
    *,
    budgets: Budgets,
    at: datetime,
) -> Doubt:
    """Take an operator's word for a ticket, and write down whose word.

    Raises:
        NotInDoubt: nothing is in doubt, or another submit has this ticket.
    """
    doubt = accept(tx, task_id, ticket, budgets=budgets, at=at)
    told = json.dumps(shown_value(ticket), ensure_ascii=False)
    write_down(tx, operator, "doubt adopt", task_id, f"submit {doubt.submit.n} is {told}", at=at)
    return doubt


def fail(tx: Transaction, operator: Operator, task_id: str, *, at: datetime) -> Doubt:
    """End a task that is in doubt, and write down who ended it.

    Raises:
        NotInDoubt: nothing is in doubt, or the task has ended.
    """
    doubt = give_up(tx, task_id, at=at)
    write_down(tx, operator, "doubt fail", task_id, f"submit {doubt.submit.n}", at=at)
    return doubt


def check_ticket(ticket: object) -> Ticket:
    """Return what an operator says a provider's handle is, if it can be one.

    Raises:
        InvalidValue: it is no object, empty, or too long.
    """
    if not isinstance(ticket, dict) or not ticket:
        raise InvalidValue("'ticket' must be an object that is not empty.", param="ticket")
    if len(json.dumps(ticket)) > TICKET_CHARACTERS_MAX:
        raise InvalidValue(
            f"'ticket' must have at most {TICKET_CHARACTERS_MAX} characters as JSON.",
            param="ticket",
        )
    return ticket


# -- which there are ---------------------------------------------------------------------------


def live(tx: Transaction, limit: int, after: str | None = None) -> tuple[list[Doubt], str | None]:
    """Return a page of tasks that wait in doubt, by id, and after what the next one begins."""
    page = tx.page(Page(None, limit, after=after, is_newest_first=False, statuses=_IN_DOUBT))
    tasks = page[:limit]
    found = [Doubt(submits[-1], task) for task in tasks if (submits := tx.submits(task.id))]
    return found, tasks[-1].id if len(page) > limit else None


def ended(tx: Transaction, submits: Sequence[Submit]) -> list[Doubt]:
    """Return which of these submits of ended tasks never got an answer."""
    return [
        Doubt(submit, tx.task(submit.task_id))
        for submit in submits
        if submit.verdict is Verdict.DOUBT
    ]


def doubt_json(doubt: Doubt) -> dict[str, object]:
    """Return a doubt; nothing in it opens a door."""
    return {
        **submit_json(doubt.submit),
        "status": doubt.task and doubt.task.status,
        "is_live": doubt.is_live,
        "deadline_at": doubt.task and doubt.task.deadline_at,
    }


def _write(tx: Transaction, learned: Submit) -> None:
    if not tx.change_submit(learned, _DOUBTED):
        raise NotInDoubt(f"{learned.task_id} was decided at this moment.")


def _move(tx: Transaction, task: Task, after: Task, event: Event, at: datetime) -> None:
    if not tx.move(task, after, event, at=at):
        raise NotInDoubt(f"{task.id} moved on at this moment; nothing was done.")
