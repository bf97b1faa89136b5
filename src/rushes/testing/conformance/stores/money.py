"""Checks of money: what a task costs, purses, what ended tasks release, and usage."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rushes.domain.access import Period
from rushes.domain.catalog import Price
from rushes.domain.task import Event, Status, Task
from rushes.domain.usage import UsageAsked, UsageBy
from rushes.ports import IntegrityFault, Transaction
from rushes.testing.builders import (
    ACCOUNT_ID,
    KEY_ID,
    NOON,
    a_hold,
    a_key,
    a_measure,
    a_task,
    an_id,
    moved,
    put_task,
)
from rushes.testing.conformance.stores.subject import Subject, later

TOTAL, DAY, MONTH = Period.TOTAL, Period.DAY, Period.MONTH
OTHER = "acct_" + "b" * 32


async def what_a_task_costs_is_frozen(subject: Subject) -> None:
    """Rules are read back whole and in their order; a task has one tariff, or is free."""
    tariff = (
        Price("second", 100_000, {"resolution": "720p", "audio": False}),
        Price("million_tokens", 7, {}, tokens_max=10**9),
    )
    await subject.do(Transaction.add_tariff, "video_1", tariff)
    assert await subject.ask(Transaction.tariff, "video_1") == tariff
    assert await subject.ask(Transaction.tariff, "video_2") == ()
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_tariff, "video_1", ())


async def a_purse_covers_what_fits_into_it_to_the_last_millionth(subject: Subject) -> None:
    """What does not fit changes nothing once the act is taken back."""
    await _set(subject, ACCOUNT_ID, 1_000)
    assert await _spend(subject, 999)
    assert not await _spend(subject, 2)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 999)]
    assert await _spend(subject, 1)
    assert not await _spend(subject, 1)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 1_000)]


async def every_purse_of_account_and_key_must_cover_it(subject: Subject) -> None:
    """Another key of the account has its own; another account has nothing to do with it."""
    await _set(subject, ACCOUNT_ID, 1_000)
    await _set(subject, KEY_ID, 300, MONTH)
    await _set(subject, KEY_ID, 200, DAY)
    await _set(subject, OTHER, 5)
    assert not await _spend(subject, 201)
    assert await _spend(subject, 150)
    assert not await _spend(subject, 51)
    assert await _spend(subject, 51, key_id="key_other")
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 201)]
    assert await _spent(subject, KEY_ID) == [(DAY, 150), (MONTH, 150)]
    assert await _spent(subject, "key_other") == []
    assert await _spent(subject, OTHER) == [(TOTAL, 0)]


async def without_a_purse_everything_is_covered_and_nothing_is_counted(subject: Subject) -> None:
    """Whoever has no purse is not bounded; a purse of later counts what there is."""
    assert await _spend(subject, 10**15)
    await subject.do(Transaction.count_hold, a_hold(a_task()), KEY_ID, at=NOON)
    assert await subject.ask(Transaction.purses, None, at=NOON) == []
    await _set(subject, ACCOUNT_ID, 5)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 0)]


async def a_hold_of_whom_nobody_knew_that_he_has_a_purse_counts(subject: Subject) -> None:
    """Beyond the limit too: it was accepted."""
    await _set(subject, ACCOUNT_ID, 100, DAY)
    task = a_task(hold_microusd=70)
    for _ in range(2):
        await subject.do(Transaction.count_hold, a_hold(task), KEY_ID, at=NOON)
    (purse,) = await subject.ask(Transaction.purses, [ACCOUNT_ID], at=NOON)
    assert (purse.spent_microusd, purse.left_microusd) == (140, -40)
    assert not await _spend(subject, 1)


async def a_day_and_a_month_begin_anew(subject: Subject) -> None:
    """By UTC; what was spent before counts in no later period."""
    for period in Period:
        await _set(subject, ACCOUNT_ID, 100, period)
    assert await _spend(subject, 60)
    tomorrow, next_month = NOON + timedelta(days=1), NOON + timedelta(days=40)
    assert not await _spend(subject, 60, at=tomorrow)
    assert await _spend(subject, 40, at=tomorrow)
    assert await _spent(subject, ACCOUNT_ID, at=tomorrow) == [(DAY, 40), (MONTH, 100), (TOTAL, 100)]
    assert await _spent(subject, ACCOUNT_ID, at=next_month) == [(DAY, 0), (MONTH, 0), (TOTAL, 100)]


async def what_an_ended_task_releases_is_there_again(subject: Subject) -> None:
    """In the period in which it was held, from the moment of its end; a charge stays."""
    for owner, period in ((ACCOUNT_ID, TOTAL), (KEY_ID, DAY)):
        await _set(subject, owner, 1_000, period)
    failed, stored = await _held(subject, 400), await _held(subject, 600)
    assert not await _spend(subject, 1)
    await _end(subject, failed, Event.FAILED)
    await _end(subject, stored, Event.STORED, charged=450)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 450)]
    assert await _spent(subject, KEY_ID) == [(DAY, 450)]
    assert await _spend(subject, 550)
    assert not await _spend(subject, 1)
    assert await _spent(subject, KEY_ID) == [(DAY, 1_000)]


async def a_release_of_yesterday_is_not_spent_today(subject: Subject) -> None:
    """It goes to the day of its hold, which is over."""
    await _set(subject, ACCOUNT_ID, 100, DAY)
    task = await _held(subject, 100)
    tomorrow = NOON + timedelta(days=1)
    assert await _spend(subject, 100, at=tomorrow)
    await _end(subject, task, Event.FAILED, at=tomorrow)
    assert await _spent(subject, ACCOUNT_ID, at=tomorrow) == [(DAY, 100)]
    assert not await _spend(subject, 1, at=tomorrow)
    assert await _spent(subject, ACCOUNT_ID) == [(DAY, 0)]


async def releases_are_folded_once(subject: Subject) -> None:
    """By an accept or by the keeper; only accounts that wait for it are named."""
    await _set(subject, ACCOUNT_ID, 1_000)
    for task in [await _held(subject, 100), await _held(subject, 100)]:
        await _end(subject, task, Event.FAILED)
    assert await subject.ask(Transaction.refunded, 9) == [ACCOUNT_ID]
    assert await subject.ask(Transaction.refunded, 0) == []
    assert await subject.do(Transaction.fold_refunds, OTHER) == 0
    assert await subject.do(Transaction.fold_refunds, ACCOUNT_ID) == 2
    assert await subject.do(Transaction.fold_refunds, ACCOUNT_ID) == 0
    assert await subject.ask(Transaction.refunded, 9) == []
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 0)]


async def a_new_purse_has_spent_what_its_owner_has(subject: Subject) -> None:
    """Held and charged in the period, of all keys or of the one; what was deleted stays paid."""
    yesterday = NOON - timedelta(days=1)
    await _held(subject, 1, at=yesterday)
    await _held(subject, 20)
    await _held(subject, 300, key_id="key_other")
    paid = await _held(subject, 9_000)
    await _end(subject, paid, Event.STORED, charged=4_000)
    await subject.do(Transaction.remove_task, paid.id)
    await _held(subject, 10**6, account_id=OTHER, key_id="key_o")
    for owner, period in ((ACCOUNT_ID, TOTAL), (ACCOUNT_ID, DAY), (KEY_ID, DAY)):
        await _set(subject, owner, 10**9, period)
    assert await _spent(subject, ACCOUNT_ID) == [(DAY, 4_320), (TOTAL, 4_321)]
    assert await _spent(subject, KEY_ID) == [(DAY, 4_020)]
    await subject.do(Transaction.fold_refunds, ACCOUNT_ID)
    assert await _spent(subject, ACCOUNT_ID) == [(DAY, 4_320), (TOTAL, 4_321)]


async def another_limit_is_no_other_purse(subject: Subject) -> None:
    """What was spent stays; without the purse nothing is bounded, and a new one counts anew."""
    await _set(subject, ACCOUNT_ID, 100)
    task = await _held(subject, 100)
    await _set(subject, ACCOUNT_ID, 150)
    assert await _spend(subject, 50)
    await _set(subject, ACCOUNT_ID, 10)
    assert not await _spend(subject, 1)
    assert await subject.do(Transaction.drop_purse, ACCOUNT_ID, TOTAL)
    assert not await subject.do(Transaction.drop_purse, ACCOUNT_ID, TOTAL)
    assert not await subject.do(Transaction.drop_purse, KEY_ID, DAY)
    assert await _spend(subject, 10**6)
    await _end(subject, task, Event.FAILED)
    await _set(subject, ACCOUNT_ID, 10)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 0)]


async def a_recount_finds_what_is_held_and_charged(subject: Subject) -> None:
    """Whatever the sum had come to."""
    await _set(subject, ACCOUNT_ID, 1_000)
    await _held(subject, 70)
    await subject.do(Transaction.count_hold, a_hold(a_task(hold_microusd=500)), KEY_ID, at=NOON)
    await subject.do(Transaction.recount_purses, ACCOUNT_ID, account_id=ACCOUNT_ID, at=NOON)
    await subject.do(Transaction.recount_purses, OTHER, account_id=OTHER, at=NOON)
    assert await _spent(subject, ACCOUNT_ID) == [(TOTAL, 70)]


async def keys_say_that_their_account_has_a_purse(subject: Subject) -> None:
    """Its own, the account's or another key's; every process reads its keys again then."""
    mine, sister, stranger = a_key(), a_key(), a_key(account_id=OTHER)
    for key in (mine, sister, stranger):
        await subject.do(Transaction.add_key, key)
    version = await subject.ask(Transaction.key_version)
    await _set(subject, mine.id, 5, MONTH)
    assert await subject.ask(Transaction.key_version) > version
    found = {key.id: key.has_purse for key in await subject.ask(Transaction.keys)}
    assert found == {mine.id: True, sister.id: True, stranger.id: False}
    await subject.do(Transaction.drop_purse, mine.id, MONTH)
    await _set(subject, OTHER, 5)
    found = {key.id: key.has_purse for key in await subject.ask(Transaction.keys)}
    assert found == {mine.id: False, sister.id: False, stranger.id: True}


async def a_task_is_used_once_it_ended(subject: Subject) -> None:
    """Each end is a line, film or not; a record that was removed takes no line along."""
    task = await _held(subject, 500)
    assert await _usage(subject, UsageBy.TASK) == []
    await _end(subject, task, Event.STORED, charged=400, at=later(minutes=1))
    failed = await _held(subject, 300)
    await _end(subject, failed, Event.FAILED, at=later(minutes=2))
    await subject.do(Transaction.remove_task, failed.id)
    lines = await subject.ask(Transaction.usage, _asked(UsageBy.TASK))
    assert [(one.name, one.films, one.charged_microusd) for one in lines] == [
        (task.id, 1, 400),
        (failed.id, 0, 0),
    ]
    (first, _) = lines
    assert first.film_seconds == a_measure().seconds
    assert first.task is not None
    assert (first.task.model, first.task.key_id) == (task.model, KEY_ID)
    assert first.task.status is Status.SUCCEEDED
    assert (first.task.created_at, first.task.finished_at) == (NOON, later(minutes=1))


async def usage_is_added_up_by_what_is_asked(subject: Subject) -> None:
    """Of one account or of all, in the order of names."""
    wanted = [
        ("wan", KEY_ID, ACCOUNT_ID, 0, 100),
        ("sora", KEY_ID, ACCOUNT_ID, 1, 20),
        ("wan", "key_z", ACCOUNT_ID, 1, 3),
        ("wan", "key_o", OTHER, 0, 5_000),
    ]
    for model, key_id, account_id, day, charged in wanted:
        born: dict[str, Any] = {"model": model, "key_id": key_id, "account_id": account_id}
        task = await _held(subject, 10_000, **born)
        await _end(subject, task, Event.STORED, charged=charged, at=NOON + timedelta(days=day))
    await _end(subject, await _held(subject, 7, model="sora"), Event.FAILED)
    assert await _usage(subject, UsageBy.MODEL) == [("sora", 2, 20), ("wan", 2, 103)]
    assert await _usage(subject, UsageBy.KEY) == sorted([(KEY_ID, 3, 120), ("key_z", 1, 3)])
    days = [f"{NOON:%Y-%m-%d}", f"{NOON + timedelta(days=1):%Y-%m-%d}"]
    assert await _usage(subject, UsageBy.DAY) == [(days[0], 2, 100), (days[1], 2, 23)]
    assert await _usage(subject, UsageBy.ACCOUNT, account_id=None) == [
        (ACCOUNT_ID, 4, 123),
        (OTHER, 1, 5_000),
    ]


async def rehearsals_are_counted_apart(subject: Subject) -> None:
    """They are tasks and films, and cost nothing."""
    for is_rehearsal in (False, True, True):
        task = await _held(subject, 0, is_rehearsal=is_rehearsal)
        await _end(subject, task, Event.STORED)
    (line,) = await subject.ask(Transaction.usage, _asked(UsageBy.MODEL))
    assert (line.tasks, line.films, line.rehearsals) == (3, 3, 2)
    assert line.film_seconds == pytest.approx(3 * a_measure().seconds)


async def usage_has_an_end_and_a_beginning(subject: Subject) -> None:
    """What ended at `since` counts, what ended at `until` does not."""
    for minutes in range(4):
        task = await _held(subject, 10)
        await _end(subject, task, Event.STORED, charged=minutes, at=later(minutes=minutes))
    span = {"since": later(minutes=1), "until": later(minutes=3)}
    assert await _usage(subject, UsageBy.MODEL, **span) == [(a_task().model, 2, 3)]
    assert await _usage(subject, UsageBy.MODEL, since=NOON, until=NOON) == []


async def usage_is_paged_in_one_order(subject: Subject) -> None:
    """One line more says that there is more; a page begins behind the place of the last line."""
    for number in range(5):
        task = await _held(subject, 10, model=f"m{number}", key_id=f"key_{number % 2}")
        at = NOON + timedelta(days=number // 2)
        await _end(subject, task, Event.STORED, charged=number, at=at)
    for by, count in ((UsageBy.MODEL, 5), (UsageBy.KEY, 2), (UsageBy.DAY, 3), (UsageBy.TASK, 5)):
        whole = await subject.ask(Transaction.usage, _asked(by))
        assert len(whole) == count
        found = []
        asked = replace(_asked(by), limit=2)
        while page := list(await subject.ask(Transaction.usage, asked)):
            found += page[:2]
            if len(page) <= 2:
                break
            asked = replace(asked, after=page[1].place)
        assert found == list(whole)


# -- what the checks have in common ------------------------------------------------------------


async def _set(subject: Subject, owner: str, limit: int, period: Period = TOTAL) -> None:
    account_id = OTHER if owner == OTHER else ACCOUNT_ID
    if owner == KEY_ID and await subject.ask(Transaction.key, KEY_ID) is None:
        await subject.do(Transaction.add_key, a_key(id=KEY_ID))
    await subject.do(Transaction.set_purse, owner, period, limit, account_id=account_id, at=NOON)


class _Short(Exception):
    """A purse did not cover it: the act is taken back."""


async def _spend(
    subject: Subject, amount: int, *, key_id: str = KEY_ID, at: datetime = NOON
) -> bool:
    holding = a_hold(a_task(hold_microusd=amount))

    def act(tx: Transaction) -> None:
        if not tx.spend(holding, key_id, at=at):
            raise _Short

    try:
        await subject.store.write(act, alone=True)
    except _Short:
        return False
    return True


async def _spent(subject: Subject, owner: str, at: datetime = NOON) -> list[tuple[Period, int]]:
    purses = await subject.ask(Transaction.purses, [owner], at=at)
    return [(purse.period, purse.spent_microusd) for purse in purses]


async def _held(
    subject: Subject,
    amount: int,
    *,
    at: datetime = NOON,
    **born: Any,  # noqa: ANN401 -- fields of Task, by name
) -> Task:
    """Bring a task to where its film is stored, its hold counted as it was accepted."""
    named: dict[str, Any] = {"key_id": KEY_ID, "account_id": ACCOUNT_ID, **born}
    task = a_task(id=an_id(), hold_microusd=amount, created_at=at, **named)
    holding = a_hold(task)

    def act(tx: Transaction) -> Task:
        if not tx.spend(holding, task.key_id, at=at):
            raise _Short
        return put_task(
            tx, Status.STORING, id=task.id, hold_microusd=amount, created_at=at, **named
        )

    return await subject.store.write(act, alone=True)


async def _end(
    subject: Subject, task: Task, event: Event, *, charged: int = 0, at: datetime | None = None
) -> None:
    at = at or task.created_at + timedelta(minutes=1)
    facts = {"measures": a_measure(), "charged_microusd": charged} if event is Event.STORED else {}
    after = moved(task, event, at=at, **facts)
    assert await subject.do(Transaction.move, task, after, event, at=at)


def _asked(by: UsageBy, **changes: object) -> UsageAsked:
    asked = UsageAsked(by, NOON - timedelta(days=1), NOON + timedelta(days=9), 100, ACCOUNT_ID)
    return replace(asked, **changes)  # type: ignore[arg-type]


async def _usage(subject: Subject, by: UsageBy, **changes: object) -> list[tuple[str, int, int]]:
    lines = await subject.ask(Transaction.usage, _asked(by, **changes))
    return [(line.name, line.tasks, line.charged_microusd) for line in lines]
