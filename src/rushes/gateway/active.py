"""How many tasks a key and its account may have open at once, and how many of them may wait."""

from __future__ import annotations

from typing import Final

from rushes.domain.access import Key, Limits
from rushes.domain.errors import TooManyActiveTasks
from rushes.ports import Transaction

RETRY_AFTER_S: Final = 15
"""Films take a while: whoever asks every second learns nothing more."""


def counts_tasks(caller: Key) -> bool:
    """Say whether a key's tasks are counted when it asks for another one."""
    return caller.limits.bounds_tasks or caller.account_limits.bounds_tasks


def check_active(tx: Transaction, caller: Key) -> None:
    """Make sure that a key may have one more task.

    Right across processes where the account is held (`Transaction.hold_account`) until that task
    is written; a good guess else.

    Raises:
        TooManyActiveTasks: the key or its account has as many as it may.
    """
    _check(tx, caller.account_id, caller.id, caller.limits, "This API key")
    _check(tx, caller.account_id, None, caller.account_limits, "The account of this API key")


def _check(
    tx: Transaction, account_id: str, key_id: str | None, limits: Limits, whose: str
) -> None:
    for most, is_waiting, words, event in (
        (limits.in_flight_max, False, ("unfinished task", "unfinished tasks"), "finish"),
        (limits.queued_max, True, ("waiting task", "waiting tasks"), "start"),
    ):
        if most is None:
            continue
        if most == 0:
            raise _refused(f"{whose} may have no {words[1]}: its limit is 0.")
        count = tx.open_task_count(account_id, key_id, at_most=most, is_waiting=is_waiting)
        if count >= most:
            noun = words[0] if most == 1 else words[1]
            raise _refused(
                f"{whose} already has {most} {noun}, its limit. Wait for one to {event}."
            )


def _refused(message: str) -> TooManyActiveTasks:
    return TooManyActiveTasks(message, retry_after_s=RETRY_AFTER_S)
