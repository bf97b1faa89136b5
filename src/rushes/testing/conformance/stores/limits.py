"""Checks of what limits ask: rates that many take from, and tasks that are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rushes.domain.access import Period
from rushes.domain.rates import RateKind
from rushes.domain.task import Status
from rushes.ports import Lent, Transaction
from rushes.testing.builders import ACCOUNT_ID, NOON, a_hold, a_key, a_task
from rushes.testing.conformance.stores.subject import Subject

OTHER = "acct_" + "b" * 32


async def _take(
    subject: Subject,
    count: int,
    *,
    limit: int = 10,
    windows: int = 0,
    owner: str = "key_1",
    kind: RateKind = RateKind.REQUESTS,
) -> Lent:
    began_at = NOON + windows * kind.window
    return await subject.do(Transaction.take_rate, owner, kind, began_at, limit=limit, count=count)


async def a_rate_is_lent_until_nothing_is_left(subject: Subject) -> None:
    """Lots are whole while there is enough; the last one is what is left."""
    taken = [await _take(subject, 4) for _ in range(4)]
    assert taken == [Lent(4, 6), Lent(4, 2), Lent(2, 0), Lent(0, 0)]


async def a_window_begins_with_the_whole_rate(subject: Subject) -> None:
    """What was taken in the window before does not count, nor does who comes for that one late."""
    await _take(subject, 10)
    assert await _take(subject, 3, windows=1) == Lent(3, 7)
    assert await _take(subject, 3, windows=0) == Lent(0, 0)
    assert await _take(subject, 3, windows=1) == Lent(3, 4)
    assert await _take(subject, 3, windows=60) == Lent(3, 7)


async def a_rate_that_a_wrong_clock_took_from_is_no_bar(subject: Subject) -> None:
    """A row from long after now was written by a clock that was set back since."""
    await _take(subject, 10, windows=3600)
    assert await _take(subject, 1) == Lent(1, 9)
    assert await _take(subject, 10) == Lent(9, 0)


async def owners_and_kinds_have_rates_of_their_own(subject: Subject) -> None:
    """Nobody takes from another, nor a submit from the requests."""
    await _take(subject, 10)
    assert await _take(subject, 1, owner="key_2") == Lent(1, 9)
    assert await _take(subject, 1, kind=RateKind.SUBMITS) == Lent(1, 9)
    assert await _take(subject, 1) == Lent(0, 0)


async def a_limit_may_change_within_a_window(subject: Subject) -> None:
    """What was taken stays taken; a limit of nothing gives nothing."""
    await _take(subject, 8)
    assert await _take(subject, 8, limit=4) == Lent(0, 0)
    assert await _take(subject, 8, limit=20) == Lent(8, 4)
    assert await _take(subject, 8, limit=0, owner="key_2") == Lent(0, 0)
    assert await _take(subject, 8, limit=10**9, owner="key_3") == Lent(8, 10**9 - 8)


async def unfinished_tasks_are_counted_by_key_and_by_account(subject: Subject) -> None:
    """What ended counts no more; what only waits can be counted alone; no count goes far."""
    for status in (Status.QUEUED, Status.SUBMITTING, Status.RUNNING, Status.STORING):
        await subject.put(status, key_id="key_1")
    await subject.put(Status.QUEUED, key_id="key_2")
    await subject.put(Status.QUEUED, key_id="key_1", account_id=OTHER)
    for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELED, Status.EXPIRED):
        await subject.put(status, key_id="key_1")

    async def count(key_id: str | None, at_most: int = 99, *, is_waiting: bool = False) -> int:
        return await subject.ask(
            Transaction.open_task_count,
            ACCOUNT_ID,
            key_id,
            at_most=at_most,
            is_waiting=is_waiting,
        )

    assert [await count(key) for key in ("key_1", "key_2", "key_3", None)] == [4, 1, 0, 5]
    assert [await count(key, is_waiting=True) for key in ("key_1", None)] == [1, 2]
    assert [await count("key_1", 3), await count(None, 5), await count(None, 1)] == [3, 5, 1]
    assert await subject.ask(Transaction.waiting_count, 99) == 3
    assert await subject.ask(Transaction.waiting_count, 2) == 2


async def an_account_is_held_by_one_act_after_another(subject: Subject) -> None:
    """Who holds an account, or one that is not there, goes on."""
    await subject.do(Transaction.add_key, a_key())

    def hold(tx: Transaction) -> str:
        tx.hold_account(ACCOUNT_ID)
        tx.hold_account("acct_unknown")
        return "held"

    for _ in range(2):
        assert await subject.store.write(hold, alone=True) == "held"


async def an_account_is_held_by_an_act_that_is_alone_and_by_no_other(subject: Subject) -> None:
    """Also by the verbs that hold it themselves: together with others it could lock them out."""
    task = a_task(hold_microusd=1)
    period = Period.DAY
    holding: Sequence[Callable[[Transaction], object]] = (
        lambda tx: tx.hold_account(ACCOUNT_ID),
        lambda tx: tx.fold_refunds(ACCOUNT_ID),
        lambda tx: tx.set_purse(ACCOUNT_ID, period, 9, account_id=ACCOUNT_ID, at=NOON),
        lambda tx: tx.recount_purses(ACCOUNT_ID, account_id=ACCOUNT_ID, at=NOON),
        lambda tx: tx.spend(a_hold(task), task.key_id, at=NOON),
    )
    for act in holding:
        await subject.store.write(act, alone=True)
        with pytest.raises(RuntimeError, match="alone"):
            await subject.store.write(act)
