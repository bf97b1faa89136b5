"""Many writers in many processes: what one of them does, or what is done to it, harms no other."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import cast

import psycopg
import pytest
import sqlalchemy as sa

from cutting import Cut, cutting
from journeying import wait_until
from postgres import Server, running
from rushes.deeds import tasks
from rushes.deeds.log import Operator
from rushes.domain.access import CancelRule, Key, Limits
from rushes.domain.catalog import Route
from rushes.domain.errors import StoreBusy, StoreInDoubt, TooManyActiveTasks
from rushes.domain.health import Health, RouteState
from rushes.domain.rates import RateKind
from rushes.domain.task import Event, Status, Task
from rushes.engine import health
from rushes.gateway.active import check_active
from rushes.gateway.looks import Looks, Policies
from rushes.gateway.reprints import Reprints
from rushes.ports import Transaction
from rushes.store.migrate import migrate
from rushes.store.postgres import MARK, PostgresStore
from rushes.store.sessions import IDLE_S
from rushes.testing.builders import (
    NOON,
    a_hold,
    a_key,
    a_task,
    an_answer,
    an_input,
    moved,
    put_task,
)
from rushes.testing.fakes import ManualClock, MemoryBlobs

PATIENCE_S = 20
QUICKLY = timedelta(seconds=30)


class Gate:
    """An act that holds a writer until the test lets it go on."""

    def __init__(self) -> None:
        self.is_entered = threading.Event()
        self.opens = threading.Event()

    def act(self, tx: Transaction) -> None:
        self.is_entered.set()
        assert self.opens.wait(PATIENCE_S)

    async def close(self, store: PostgresStore) -> asyncio.Task[None]:
        """Send the act in, and return once a writer is inside it."""
        writing = asyncio.create_task(store.write(self.act))
        assert await asyncio.to_thread(self.is_entered.wait, PATIENCE_S)
        return writing


def adding(task: Task) -> Callable[[Transaction], None]:
    return lambda tx: tx.add_task(task, a_hold(task))


def unfinished(store: PostgresStore) -> list[Task]:
    return list(store.read_now(lambda tx: tx.unfinished("", 9999)))


def connection_of(tx: Transaction) -> sa.Connection:
    return cast("sa.Connection", tx.connection)


def asked(tx: Transaction, statement: str) -> object:
    return connection_of(tx).exec_driver_sql(statement).scalar_one()


@pytest.fixture
def store(url: str) -> Iterator[PostgresStore]:
    with contextlib.closing(PostgresStore(url)) as store:
        yield store


@pytest.fixture
def other(url: str) -> Iterator[PostgresStore]:
    """The store as another process has it."""
    with contextlib.closing(PostgresStore(url)) as store:
        yield store


# -- who moves a task ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["caller", "operator"])
async def test_a_cancel_that_meets_a_task_on_the_move_waits_for_it_and_then_cancels(
    by: str, store: PostgresStore, other: PostgresStore
) -> None:
    """It would take a task that another process is just moving for one that is over."""
    task = store.write_now(put_task)
    gate, key = Gate(), a_key(account_id=task.account_id)

    def move(tx: Transaction) -> None:
        assert tx.move(task, moved(task, Event.INTENT), Event.INTENT, at=NOON)
        gate.act(tx)

    moving = asyncio.create_task(other.write(move))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    if by == "caller":
        looks = Looks(
            store=store,
            clock=ManualClock(NOON),
            blobs=MemoryBlobs(ManualClock(NOON)),
            reprints=cast("Reprints", None),
            policies=Policies(),
        )
        canceling = asyncio.create_task(looks.cancel(key, task.id))
    else:
        operator, rule = Operator("anna"), CancelRule.RELEASE
        canceling = asyncio.create_task(
            store.write(lambda tx: tasks.cancel(tx, operator, task.id, rule=rule, at=NOON))
        )
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await asyncio.to_thread(
        wait_until,
        lambda: store.read_now(lambda tx: asked(tx, waits)) == 1,
        timeout_s=PATIENCE_S,
    )
    gate.opens.set()
    await moving
    assert (await canceling).status is Status.CANCELED
    assert [told.event for told in store.read_now(lambda tx: tx.told(task.id))] == [
        None,
        Event.INTENT,
        Event.CANCELED,
    ]


# -- groups --------------------------------------------------------------------------------


async def test_what_waits_is_committed_together(url: str) -> None:
    groups: list[set[str]] = []

    def note(ids: Iterable[str]) -> None:
        groups.append(set(ids))

    def submitting(task: Task) -> Callable[[Transaction], bool]:
        return lambda tx: tx.move(task, moved(task, Event.INTENT), Event.INTENT, at=NOON)

    with contextlib.closing(PostgresStore(url, on_change=note, writers=1)) as store:
        tasks = store.write_now(lambda tx: [put_task(tx) for _ in range(100)])
        gate = Gate()
        held = await gate.close(store)
        writing = asyncio.gather(*(store.write(submitting(task)) for task in tasks))
        await asyncio.sleep(0)
        gate.opens.set()
        assert all(await writing)
        await held
    assert [len(group) for group in groups] == [64, 36]


async def test_an_act_that_raises_takes_only_itself_back(url: str) -> None:
    runs: list[str] = []
    with contextlib.closing(PostgresStore(url, writers=1)) as store:
        good, bad = [a_task() for _ in range(2)], a_task()

        def noted(name: str, task: Task) -> Callable[[Transaction], None]:
            def act(tx: Transaction) -> None:
                runs.append(name)
                adding(task)(tx)
                if name == "bad":
                    raise LookupError

            return act

        gate = Gate()
        held = await gate.close(store)
        acts = [noted("first", good[0]), noted("bad", bad), noted("last", good[1])]
        writing = asyncio.gather(*map(store.write, acts), return_exceptions=True)
        await asyncio.sleep(0)
        gate.opens.set()
        await held
        assert [type(one) for one in await writing] == [type(None), LookupError, type(None)]
        assert unfinished(store) == good
    assert runs == ["first", "bad", "first", "bad", "last"], "the group was run again, one by one"


async def test_an_act_that_wants_to_be_alone_shares_its_transaction_with_nobody(url: str) -> None:
    with contextlib.closing(PostgresStore(url, writers=1)) as store:
        gate = Gate()
        held = await gate.close(store)

        def transaction(tx: Transaction) -> object:
            put_task(tx)
            return asked(tx, "SELECT pg_current_xact_id()::text")

        writing = [store.write(transaction, alone=number % 2 == 1) for number in range(6)]
        waiting = asyncio.gather(*writing)
        await asyncio.sleep(0)
        gate.opens.set()
        await held
        found = await waiting
    assert len(set(found[::2])) == 1, "the others are written together"
    assert len(set(found)) == 4


async def test_writers_do_not_wait_for_each_other(store: PostgresStore) -> None:
    gate, task = Gate(), a_task()
    held = await gate.close(store)
    await asyncio.wait_for(store.write(adding(task)), PATIENCE_S)
    assert await store.read(lambda tx: tx.task(task.id)) == task
    gate.opens.set()
    await held


async def test_an_act_that_ends_its_transaction_is_told_that_nothing_was_written(
    store: PostgresStore,
) -> None:
    def ruin(tx: Transaction) -> None:
        put_task(tx)
        connection_of(tx).exec_driver_sql("ROLLBACK")

    with pytest.raises(StoreBusy):
        await store.write(ruin)
    assert unfinished(store) == []


async def test_an_act_that_hides_a_fault_of_the_database_does_not_count_as_written(
    store: PostgresStore,
) -> None:
    def hide(tx: Transaction) -> None:
        put_task(tx)
        with contextlib.suppress(sa.exc.DBAPIError):
            connection_of(tx).exec_driver_sql("SELECT nonsense")

    with pytest.raises((StoreBusy, sa.exc.DBAPIError)):
        await store.write(hide)
    assert unfinished(store) == []


# -- other processes -----------------------------------------------------------------------


async def test_a_deadlock_is_nobodys_loss(
    postgres: Server, url: str, store: PostgresStore, other: PostgresStore
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET deadlock_timeout = '10ms'")
    tasks = store.write_now(lambda tx: [put_task(tx) for _ in range(2)])
    meeting = threading.Barrier(2)

    def failing(mine: Sequence[Task]) -> Callable[[Transaction], None]:
        has_met = False

        def act(tx: Transaction) -> None:
            nonlocal has_met
            tx.count_fault(mine[0], "met", at=NOON)
            if not has_met:
                has_met = True
                meeting.wait(PATIENCE_S)
            tx.count_fault(mine[1], "met", at=NOON)

        return act

    await asyncio.gather(store.write(failing(tasks)), other.write(failing(tasks[::-1])))
    for task in tasks:
        faults = await store.read(lambda tx, task=task: tx.faults(task.id))
        assert [found.count for found in faults] == [2]


async def test_a_lock_that_another_process_holds_is_not_waited_for_without_end(
    url: str, store: PostgresStore
) -> None:
    task = store.write_now(put_task)
    with contextlib.closing(PostgresStore(url, lock_timeout_s=0.05)) as hurried:
        gate = Gate()

        def hold(tx: Transaction) -> None:
            tx.count_fault(task, "held", at=NOON)
            gate.act(tx)

        writing = asyncio.create_task(store.write(hold))
        assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
        with pytest.raises(StoreBusy):
            await hurried.write(lambda tx: tx.count_fault(task, "late", at=NOON))
        gate.opens.set()
        await writing
        assert [found.note for found in hurried.read_now(lambda tx: tx.faults(task.id))] == ["held"]


async def test_of_all_who_want_a_task_at_once_as_many_get_one_as_may(
    store: PostgresStore, other: PostgresStore
) -> None:
    key = a_key(account_limits=Limits(in_flight_max=12), limits=Limits(queued_max=7))
    keys = [key, replace(key, id="key_other", digest=b"2")]
    store.write_now(lambda tx: [tx.add_key(one) for one in keys])

    def wanting(one: Key) -> Callable[[Transaction], None]:
        def act(tx: Transaction) -> None:
            tx.hold_account(one.account_id)
            check_active(tx, one)
            put_task(tx, key_id=one.id)

        return act

    outcomes = await asyncio.gather(
        *(
            [store, other][number % 2].write(wanting(keys[number // 2 % 2]), alone=True)
            for number in range(60)
        ),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert {type(outcome) for outcome in refused} == {TooManyActiveTasks}
    assert len(outcomes) - len(refused) == 12
    counts = Counter(task.key_id for task in unfinished(store))
    assert sum(counts.values()) == 12
    assert max(counts.values()) <= 7


async def test_processes_that_take_from_one_rate_at_once_take_the_limit_together(
    store: PostgresStore, other: PostgresStore
) -> None:
    def taking(count: int, owners: Sequence[str]) -> Callable[[Transaction], list[int]]:
        return lambda tx: [
            tx.take_rate(owner, RateKind.REQUESTS, NOON, limit=100, count=count).lot
            for owner in owners
        ]

    owners = ["key_a", "key_b", "key_c"]
    taken = await asyncio.gather(
        *(
            [store, other][number % 2].write(taking(1 + number % 7, owners), alone=True)
            for number in range(80)
        )
    )
    assert [sum(counts) for counts in zip(*taken, strict=True)] == [100, 100, 100]


async def test_of_two_processes_one_probes_a_route(
    store: PostgresStore, other: PostgresStore
) -> None:
    route = Route("gpu", "wan")
    ill = Health("gpu", "wan", changed_at=NOON, state=RouteState.OPEN, open_until=NOON)
    store.write_now(lambda tx: tx.put_health(ill))
    meeting = threading.Barrier(2)

    def ask(tx: Transaction) -> bool:
        asked(tx, "SELECT 1")
        meeting.wait(PATIENCE_S)
        return health.may_ask(tx, route, at=NOON, until=NOON + QUICKLY)

    answers = await asyncio.gather(store.write(ask), other.write(ask))
    assert sorted(answers) == [False, True]


async def test_an_input_that_is_swept_is_filed_anew_afterwards(
    store: PostgresStore, other: PostgresStore
) -> None:
    filed = an_input()
    later = replace(filed, created_at=NOON + timedelta(hours=2))
    store.write_now(lambda tx: tx.file_input(filed))
    gate = Gate()

    def sweep(tx: Transaction) -> Sequence[str]:
        orphans = tx.orphan_inputs(NOON + timedelta(hours=1), 9)
        gate.act(tx)
        tx.drop_inputs(orphans)
        return orphans

    sweeping = asyncio.create_task(store.write(sweep))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    filing = asyncio.create_task(other.write(lambda tx: tx.file_input(later)))
    again = await store.write(lambda tx: tx.orphan_inputs(NOON + timedelta(hours=1), 9))
    assert again == [], "another sweep passes it over"
    assert not filing.done()
    gate.opens.set()
    assert await sweeping == [filed.blob]
    await filing
    assert await other.read(lambda tx: tx.input(filed.blob)) == later


async def test_an_input_that_a_task_refers_to_meanwhile_is_no_orphan(
    store: PostgresStore, other: PostgresStore
) -> None:
    filed, task, gate = an_input(), a_task(), Gate()
    store.write_now(lambda tx: tx.file_input(filed))

    def refer(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        tx.refer_input(task.id, filed.blob)
        gate.act(tx)

    referring = asyncio.create_task(store.write(refer))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    orphans = await other.write(lambda tx: tx.orphan_inputs(NOON + timedelta(hours=1), 9))
    assert orphans == []
    gate.opens.set()
    await referring


async def test_a_repeat_waits_for_the_create_that_is_being_written(
    store: PostgresStore, other: PostgresStore
) -> None:
    answer, gate = an_answer(a_task(), key=None), Gate()

    def create(tx: Transaction) -> None:
        tx.add_answer(answer, since=NOON)
        assert tx.answer(*scope[:2], "another", NOON) is None  # what waited for company is written
        gate.act(tx)

    scope = (answer.account_id, answer.route, answer.digest, NOON)
    creating = asyncio.create_task(store.write(create))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    assert await other.read(lambda tx: tx.recent_answer(*scope)) is None
    repeating = asyncio.create_task(other.write(lambda tx: tx.recent_answer(*scope)))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    is_waiting = partial(other.read_now, lambda tx: asked(tx, waiting))
    await asyncio.to_thread(wait_until, is_waiting, timeout_s=PATIENCE_S)
    gate.opens.set()
    await creating
    assert await repeating == answer


async def test_of_two_who_make_posts_at_once_each_takes_what_the_other_leaves(
    store: PostgresStore, other: PostgresStore
) -> None:
    gate = Gate()
    for _ in range(3):
        await store.write(lambda tx: put_task(tx, Status.FAILED))

    def two(tx: Transaction) -> list[str]:
        found = [news.event_id for news in tx.unposted(2)]
        gate.act(tx)
        tx.pass_over(found, at=NOON)
        return found

    making = asyncio.create_task(store.write(two))
    assert await asyncio.to_thread(gate.is_entered.wait, PATIENCE_S)
    (left,) = await other.write(lambda tx: tx.unposted(9))
    gate.opens.set()
    assert left.event_id not in await making
    assert await other.write(lambda tx: tx.unposted(9)) == [left]


# -- connections ---------------------------------------------------------------------------


async def test_a_connection_that_is_cut_in_the_middle_is_replaced(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    task, cuts = a_task(), [url]

    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        if cuts:
            postgres.cut(cuts.pop())
        tx.count_fault(task, "cut", at=NOON)

    await store.write(act)
    assert unfinished(store)[0].fault_count == 1


async def test_connections_that_are_always_cut_are_a_busy_store(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    def act(tx: Transaction) -> None:
        put_task(tx)
        postgres.cut(url)
        put_task(tx)

    outcome = await asyncio.gather(*[store.write(act) for _ in range(3)], return_exceptions=True)
    assert [type(one) for one in outcome] == [StoreBusy] * 3
    assert unfinished(store) == []


async def test_connections_that_were_cut_while_nobody_used_them_are_not_noticed(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    for _ in range(2):
        await asyncio.gather(*(store.write(put_task) for _ in range(8)))
        await asyncio.gather(*(store.read(lambda tx: tx.key_version()) for _ in range(8)))
        assert postgres.cut(url) > 0
    assert len(unfinished(store)) == 16


async def test_the_library_is_lent_no_connection_that_was_cut_while_it_lay_idle(
    postgres: Server, url: str, store: PostgresStore
) -> None:
    engine = store.engine_for_workflows()
    with engine.connect() as lent:
        lent.exec_driver_sql("SELECT 1")
    postgres.cut(url)
    since_s = time.monotonic()
    await asyncio.to_thread(
        wait_until, lambda: time.monotonic() - since_s > IDLE_S, timeout_s=PATIENCE_S
    )
    with engine.connect() as lent:
        assert lent.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_words_that_stand_in_each_row_of_the_library_are_one_object(store: PostgresStore) -> None:
    with store.engine_for_workflows().connect() as lent:
        found = lent.exec_driver_sql("SELECT 'ENQUEUED'::text FROM generate_series(1, 3)").scalars()
        assert len({id(word) for word in list(found)}) == 1


@pytest.mark.parametrize("cut", Cut)
async def test_what_became_of_a_commit_is_found_out(postgres: Server, url: str, cut: Cut) -> None:
    with (
        cutting(url, cut) as proxy,
        contextlib.closing(PostgresStore(proxy.url, lock_timeout_s=0.3)) as store,
    ):
        task, runs = store.write_now(put_task), 0

        def act(tx: Transaction) -> None:
            nonlocal runs
            runs += 1
            tx.count_fault(task, "cut", at=NOON)

        proxy.waits_for_commit = True
        await store.write(act)
        assert not proxy.waits_for_commit, "a commit was cut"
        assert runs == (1 if cut is Cut.ANSWER else 2)
        assert unfinished(store)[0].fault_count == 1


async def test_a_commit_whose_fate_cannot_be_found_out_is_told_as_such(url: str) -> None:
    with (
        cutting(url, Cut.ANSWER) as proxy,
        contextlib.closing(PostgresStore(proxy.url, truth_s=0)) as store,
    ):
        await store.write(put_task)
        proxy.waits_for_commit = proxy.closes_for_good = True
        with pytest.raises(StoreInDoubt):
            await store.write(put_task)
        with pytest.raises(StoreBusy):
            await store.write(put_task)


def test_a_store_that_closes_leaves_no_mark(url: str) -> None:
    with contextlib.closing(PostgresStore(url)) as store:
        store.write_now(put_task)
        found = store.read_now(lambda tx: asked(tx, "SELECT max(name) FROM house"))
        assert str(found).startswith(MARK)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM house").fetchone() == (0,)


# -- the server ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_database_that_is_away_is_busy_and_nothing_that_was_answered_is_lost(
    how: signal.Signals,
) -> None:
    with running(is_durable=True) as server:
        url = server.make_database()
        migrate(url, at=NOON)
        with contextlib.closing(PostgresStore(url)) as store:
            tasks = [await store.write(put_task) for _ in range(3)]
            server.stop(how)
            writes = (store.write(put_task) for _ in range(5))
            outcome = await asyncio.gather(*writes, return_exceptions=True)
            assert [type(one) for one in outcome] == [StoreBusy] * 5
            with pytest.raises(StoreBusy):
                await store.read(lambda tx: tx.key_version())
            server.start()
            tasks.append(await store.write(put_task))
            assert await store.read(lambda tx: tx.unfinished("", 9)) == tasks


def test_every_session_is_bounded_durable_and_has_a_name(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
    names = {
        "synchronous_commit": "on",
        "statement_timeout": "10s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "application_name": "rushes",
    }

    def settings_of(tx: Transaction) -> dict[str, object]:
        return {name: asked(tx, f"SHOW {name}") for name in names}

    with contextlib.closing(PostgresStore(url)) as store:
        assert store.write_now(settings_of) == names
        assert store.read_now(settings_of) == names
        with store.engine_for_workflows().connect() as connection:
            found = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
            assert found == "on"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_an_address_may_be_spelled_as_others_spell_it(scheme: str, url: str) -> None:
    spelled = url.replace("postgresql", scheme, 1)
    with contextlib.closing(PostgresStore(spelled)) as store:
        assert store.read_now(lambda tx: tx.key_version()) == 0


# -- reads and the rest --------------------------------------------------------------------


async def test_a_read_is_of_one_instant_and_off_the_loop(store: PostgresStore) -> None:
    first, second = a_task(), a_task()
    await store.write(adding(first))

    def look_twice(tx: Transaction) -> tuple[list[Task], list[Task], int]:
        before = list(tx.unfinished("", 9))
        store.write_now(adding(second))
        return before, list(tx.unfinished("", 9)), threading.get_ident()

    *found, thread = await store.read(look_twice)
    assert found == [[first], [first]]
    assert thread != threading.get_ident()
    assert await store.read(lambda tx: tx.unfinished("", 9)) == [first, second]


async def test_a_full_queue_says_busy_at_once(url: str) -> None:
    with contextlib.closing(PostgresStore(url, waiting_max=2, writers=1, readers=1)) as store:
        gate, tasks = Gate(), [a_task() for _ in range(3)]
        held = await gate.close(store)
        writing = asyncio.gather(*(store.write(adding(task)) for task in tasks[:2]))
        await asyncio.sleep(0)
        with pytest.raises(StoreBusy):
            await store.write(adding(tasks[2]))
        reading = asyncio.gather(*(store.read(lambda tx: tx.keys()) for _ in range(2)))
        await asyncio.sleep(0)
        with pytest.raises(StoreBusy):
            await store.read(lambda tx: tx.keys())
        gate.opens.set()
        await asyncio.gather(held, writing, reading)
        assert unfinished(store) == tasks[:2]


async def test_closing_finishes_what_waits_and_takes_no_more(url: str) -> None:
    store = PostgresStore(url)
    gate, tasks = Gate(), [a_task() for _ in range(100)]
    held = await gate.close(store)
    writing = asyncio.gather(*(store.write(adding(task)) for task in tasks))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(store.close))
    gate.opens.set()
    await asyncio.wait_for(asyncio.gather(closing, held, writing), PATIENCE_S)
    for refused in (store.write(put_task), store.read(lambda tx: tx.keys())):
        with pytest.raises(StoreBusy):
            await asyncio.wait_for(refused, PATIENCE_S)
    with pytest.raises(StoreBusy):
        store.write_now(put_task)
    store.close()
    with contextlib.closing(PostgresStore(url)) as again:
        assert unfinished(again) == tasks
