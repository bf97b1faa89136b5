"""Setting a task's money aside: within its budgets, or not at all."""

from __future__ import annotations

from typing import Final

from rushes.domain.access import hold
from rushes.domain.errors import InsufficientQuota
from rushes.domain.prices import Tariff
from rushes.domain.task import Task
from rushes.ports import Transaction

TOO_LITTLE: Final = "The balance of this key does not cover the price of this task."


def set_aside(tx: Transaction, task: Task, tariff: Tariff, *, is_bounded: bool) -> None:
    """Write a task and its hold; money is taken from its budgets too, and what it costs frozen.

    `is_bounded` says that its account is known to have a budget; then the account must be held.

    Raises:
        InsufficientQuota: a budget does not cover it; the transaction must be taken back.
        SchemaBehind: the database has no room for a price yet.
    """
    holding = hold(task.id, task.account_id, task.hold_microusd)
    if task.hold_microusd:
        if not is_bounded:
            tx.count_hold(holding, task.key_id, at=task.created_at)
        elif not tx.spend(holding, task.key_id, at=task.created_at):
            raise InsufficientQuota(TOO_LITTLE)
        tx.add_tariff(task.id, tariff)
    tx.add_task(task, holding)
