"""What is put off on PostgreSQL: nobody who asks can tell, and nothing is lost by it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rushes.domain.ids import new_task_id
from rushes.domain.task import Task
from rushes.engine.dispatch import TURN, DbosDispatcher, make_tables, queue_name
from rushes.ports import IntegrityFault, Transaction, Work, work_id_of
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import NOON, a_hold, a_task, an_answer

QUEUE = queue_name(Work.FILM, "gpu")
ACCOUNT = a_task().account_id


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with contextlib.closing(PostgresStore(url, writers=1)) as store:
        make_tables(store.engine_for_workflows())
        yield store


@pytest.fixture
def dispatcher(store: PostgresStore) -> DbosDispatcher:
    return DbosDispatcher(store.engine_for_workflows())


def tasks(count: int, **facts: object) -> list[Task]:
    made = [
        a_task(id=new_task_id(NOON + timedelta(seconds=number)), **facts) for number in range(count)
    ]
    return [replace(task, work_id=work_id_of(task, Work.FILM)) for task in made]


def creating(task: Task, key: str, dispatcher: DbosDispatcher) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        tx.add_answer(an_answer(task, key=key), since=NOON)
        dispatcher.enqueue(tx, task, Work.FILM, queue="gpu")

    return act


async def at_once(
    store: PostgresStore, *acts: Callable[[Transaction], object]
) -> list[object | BaseException]:
    """Write acts in one group, or as many as fit."""
    return await asyncio.gather(*map(store.write, acts), return_exceptions=True)


def line(store: PostgresStore) -> list[str]:
    return list(store.read_now(lambda tx: tx.turns_of(QUEUE, 999)))


async def test_creates_that_are_written_together_are_all_there_in_the_order_of_their_turns(
    store: PostgresStore, dispatcher: DbosDispatcher
) -> None:
    made = tasks(150)
    acts = [creating(task, task.id, dispatcher) for task in made]
    assert await at_once(store, *acts) == [None] * len(made)
    assert line(store) == [task.work_id for task in made]
    assert store.read_now(lambda tx: [tx.task(task.id) for task in made]) == made


async def test_turns_of_one_group_are_as_far_apart_as_turns_taken_one_by_one(
    store: PostgresStore,
) -> None:
    def take(tx: Transaction, account: str = ACCOUNT) -> int | None:
        return tx.take_turn(QUEUE, account, TURN)

    assert await store.write(take) == TURN
    together = await at_once(store, *[take] * 20)
    assert sorted(together) == [TURN * number for number in range(2, 22)]
    assert await store.write(take) == TURN * 22
    assert await store.write(lambda tx: take(tx, "acct_another")) == TURN


async def test_a_turn_of_a_transaction_that_was_taken_back_is_taken_again(
    store: PostgresStore,
) -> None:
    def regretted(tx: Transaction) -> None:
        tx.take_turn(QUEUE, ACCOUNT, TURN)
        tx.take_turn(QUEUE, ACCOUNT, TURN)
        raise KeyError("no")

    with pytest.raises(KeyError):
        await store.write(regretted)
    assert await store.write(lambda tx: tx.take_turn(QUEUE, ACCOUNT, TURN)) == TURN


async def test_where_a_queue_stands_is_seen_by_a_turn_taken_after_it_in_one_transaction(
    store: PostgresStore, dispatcher: DbosDispatcher
) -> None:
    (first, second, third) = tasks(3)

    def act(tx: Transaction) -> int | None:
        for task in (first, second, third):
            creating(task, task.id, dispatcher)(tx)
        tx.pass_turns(QUEUE)  # what waits first has turn 60: the queue stands at 59
        return tx.take_turn(QUEUE, "acct_another", 1)

    assert await store.write(act) == TURN
    assert await store.write(lambda tx: tx.take_turn(QUEUE, ACCOUNT, TURN)) == 4 * TURN


@pytest.mark.promise("P2")
async def test_of_two_creates_under_one_key_in_one_group_one_is_refused_and_all_others_are_there(
    store: PostgresStore, dispatcher: DbosDispatcher
) -> None:
    made = tasks(12)
    keys = [f"key-{min(number, 10)}" for number in range(len(made))]  # the last has the key before
    acts = [creating(task, key, dispatcher) for task, key in zip(made, keys, strict=True)]
    answers = await at_once(store, *acts)
    assert answers[:-1] == [None] * 11
    assert isinstance(answers[-1], IntegrityFault)
    assert line(store) == [task.work_id for task in made[:-1]]
    assert store.read_now(lambda tx: tx.task(made[-1].id)) is None


async def test_a_refused_row_is_told_to_whoever_writes_alone(
    store: PostgresStore, dispatcher: DbosDispatcher
) -> None:
    (first, second) = tasks(2)
    await store.write(creating(first, "key", dispatcher))
    with pytest.raises(IntegrityFault):
        store.write_now(creating(second, "key", dispatcher))
    assert line(store) == [first.work_id]


async def test_an_act_that_fails_takes_along_what_it_put_off(
    store: PostgresStore, dispatcher: DbosDispatcher
) -> None:
    (first, second, third) = tasks(3)

    def breaks(tx: Transaction) -> None:
        creating(second, "b", dispatcher)(tx)
        raise KeyError("no")

    told = await at_once(
        store, creating(first, "a", dispatcher), breaks, creating(third, "c", dispatcher)
    )
    assert [type(one) for one in told] == [type(None), KeyError, type(None)]
    assert line(store) == [first.work_id, third.work_id]
