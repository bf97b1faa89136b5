"""What a stored film is charged: by its tariff, by what came out, and never above the hold."""

from __future__ import annotations

from typing import Any

import pytest

from rushes.deeds import salvage
from rushes.deeds.salvage import NotAdoptable
from rushes.domain.access import EntryKind, Period
from rushes.domain.catalog import Price
from rushes.domain.prices import Tariff
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.engine import collect
from rushes.ports import Transaction
from rushes.testing.builders import ACCOUNT_ID, a_spec, moved
from working import Workers

TOKENS = Price("million_tokens", 1_000_000)


def priced(
    workers: Workers, *tariff: Price, usage: dict[str, Any] | None = None, **born: Any
) -> Task:
    task = workers.put(Status.STORING, **born)
    workers.store.write_now(lambda tx: tx.add_tariff(task.id, tariff))
    workers.change(workers.submit(task), usage=usage)
    return task


async def stored(workers: Workers, task: Task) -> dict[EntryKind, int]:
    await collect.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.SUCCEEDED
    entries = workers.store.read_now(lambda tx: tx.entries(task.id))
    return {entry.kind: entry.amount_microusd for entry in entries}


@pytest.mark.promise("P5")
@pytest.mark.parametrize(
    ("tariff", "usage", "charged"),
    [
        ((), None, 500_000),
        ((Price("second", 60_000),), None, 300_000),
        ((Price("second", 60_000), Price("film", 1)), {"total_tokens": 9}, 300_001),
        ((TOKENS,), {"completion_tokens": 108_900}, 108_900),
        ((TOKENS,), {}, 108_900),
        ((TOKENS,), {"completion_tokens": 10**20}, 500_000),
        ((TOKENS,), {"completion_tokens": -(10**20)}, 108_900),
        ((Price("second", 1_000_000),), None, 500_000),
    ],
)
async def test_a_film_is_charged_what_it_came_to(
    tariff: Tariff, usage: dict[str, Any] | None, charged: int
) -> None:
    workers = Workers()
    task = priced(workers, *tariff, usage=usage, hold_microusd=500_000)
    entries = await stored(workers, task)
    assert entries == {
        EntryKind.HOLD: 500_000,
        EntryKind.CAPTURE: charged,
        EntryKind.RELEASE: 500_000 - charged,
    }
    assert workers.task(task).charged_microusd == charged


async def test_what_came_to_more_than_the_hold_is_counted_and_told() -> None:
    workers = Workers()
    await stored(workers, priced(workers, Price("second", 100_001), hold_microusd=500_000))
    await stored(workers, priced(workers, Price("second", 1), hold_microusd=500_000))
    await stored(workers, workers.put(Status.STORING, hold_microusd=0))
    told = workers.world.charged.told()
    assert told == {"films": 2, "microusd": 500_005, "over_films": 1, "over_microusd": 5}


async def test_the_keeper_gives_back_to_budgets_what_was_released() -> None:
    workers = Workers()
    task = workers.put(Status.RUNNING, hold_microusd=500_000)
    workers.store.write_now(
        lambda tx: tx.set_purse(
            ACCOUNT_ID, Period.TOTAL, 1, account_id=ACCOUNT_ID, at=workers.clock.now()
        )
    )
    after, at = moved(task, Event.FAILED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.FAILED, at=at))
    assert list(workers.store.tables.refunds) == [task.id]
    await workers.keeper.sweep(at)
    assert not workers.store.tables.refunds
    assert list(workers.store.tables.spending.values()) == [0]


def late(workers: Workers, *tariff: Price, **born: Any) -> Task:
    task = workers.put(Status.RUNNING, **born)
    if tariff:
        workers.store.write_now(lambda tx: tx.add_tariff(task.id, tariff))
    after, at = moved(task, Event.CANCELED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=at))
    film = {"url": "x"}
    workers.change(workers.submit(task), verdict=Verdict.LATE, film=film, look_at=None)
    return workers.task(task)


def adopt(workers: Workers, task: Task, *, is_charged: bool) -> Task:
    def act(tx: Transaction) -> Task:
        return salvage.adopt(
            tx,
            task.id,
            None,
            dispatcher=workers.dispatcher,
            budgets=workers.budgets,
            at=workers.clock.now(),
            is_charged=is_charged,
        )

    return workers.store.write_now(act)


@pytest.mark.promise("P5")
async def test_an_adopted_film_is_a_gift_or_charged_by_the_tariff_of_its_wish() -> None:
    workers = Workers()
    rules = (Price("second", 60_000),)
    gift = adopt(workers, late(workers, *rules), is_charged=False)
    sold = adopt(workers, late(workers, *rules), is_charged=True)
    assert (gift.hold_microusd, sold.hold_microusd) == (0, 500_000)
    for task, charged in ((gift, 0), (sold, 300_000)):
        taken = workers.take(task)
        assert (await stored(workers, taken))[EntryKind.CAPTURE] == charged


@pytest.mark.promise("P5")
async def test_a_budget_that_does_not_cover_a_late_film_lets_nobody_charge_it() -> None:
    workers = Workers()
    old = late(workers, spec=a_spec())
    workers.store.write_now(
        lambda tx: tx.set_purse(
            old.key_id, Period.TOTAL, 499_999, account_id=ACCOUNT_ID, at=workers.clock.now()
        )
    )
    with pytest.raises(NotAdoptable, match="without --charge"):
        adopt(workers, old, is_charged=True)
    assert list(workers.store.tables.tasks) == [old.id]
    assert adopt(workers, old, is_charged=False).hold_microusd == 0
