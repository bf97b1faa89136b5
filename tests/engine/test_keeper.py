"""The keeper: one row, one duty or one provider that breaks keeps no other waiting."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from rushes.bell import LocalBell
from rushes.domain.ids import TEST_KEY_PREFIX
from rushes.domain.retention import Retention
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Event, Status, Task
from rushes.engine import collect
from rushes.engine.keeper import Keeper
from rushes.engine.progress import ProgressNotes
from rushes.engine.pulse import Pulse
from rushes.engine.workflows import Assignment, Calls, Crew, Engine
from rushes.ports import ArtifactKind, Transaction
from rushes.providers.base import CancelOutcome, NotUnderstood, Outcome, Ready, Working
from rushes.testing.builders import (
    NOON,
    a_hold,
    a_key,
    a_task,
    an_answer,
    an_artifact,
    an_input,
    kept,
    moved,
    put_move,
)
from working import Workers, never, whole

A_DAY_LATER = NOON + timedelta(days=1, minutes=1)
PATIENCE_S = 20


def canceled(workers: Workers) -> Task:
    """A task that its caller canceled while the provider had it."""
    task = workers.put(Status.RUNNING)
    after, at = moved(task, Event.CANCELED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=at))
    return after


@pytest.mark.promise("P3")
async def test_a_task_whose_end_breaks_keeps_no_other_from_ending() -> None:
    workers = Workers()
    broken = a_task(Status.SUBMITTING)  # and no row of its submit
    workers.store.write_now(lambda tx: tx.add_task(broken, a_hold(broken)))
    waiting = workers.put()
    workers.clock.set(A_DAY_LATER)
    await workers.keeper.tend()
    assert workers.task(waiting).status is Status.EXPIRED
    assert [about for about, _ in workers.broken] == [broken.id]


@pytest.mark.promise("P11")
async def test_a_provider_that_raises_anything_puts_off_only_the_submit_it_was_asked_about() -> (
    None
):
    workers = Workers()
    first, second = canceled(workers), canceled(workers)

    async def cancel(ticket: Ticket) -> CancelOutcome:
        if ticket == workers.submit(first).ticket:
            raise KeyError("status")
        return CancelOutcome.CANCELED

    workers.provider.on_cancel = cancel
    await workers.keeper.look_after_submits()
    assert workers.submit(second).verdict is Verdict.CANCELED
    put_off = workers.submit(first)
    assert (put_off.verdict, put_off.look_count) == (Verdict.ACCEPTED, 1)
    assert put_off.look_at is not None
    assert put_off.look_at > workers.clock.now()
    assert [type(fault) for _, fault in workers.broken] == [KeyError]


@pytest.mark.promise("P11")
async def test_a_provider_that_cannot_be_told_to_stop_is_asked_for_its_film_all_the_same() -> None:
    workers, told = Workers(), list[Ticket]()
    task, films = canceled(workers), iter([Working(), Working(), Ready({"url": "x"})])

    async def cancel(ticket: Ticket) -> CancelOutcome:
        told.append(ticket)
        raise NotUnderstood("HTTP 403")

    async def check(ticket: Ticket) -> Outcome:
        return next(films)

    workers.provider.on_cancel, workers.provider.on_check = cancel, check
    for _ in range(3):
        await workers.keeper.look_after_submits()
        workers.clock.advance(60)
    assert workers.submit(task).verdict is Verdict.LATE
    assert len(told) == 3, "it is told each time"


async def test_of_two_keepers_one_looks_after_a_submit() -> None:
    workers, told = Workers(), list[Ticket]()
    canceled(workers)

    async def cancel(ticket: Ticket) -> CancelOutcome:
        told.append(ticket)
        return CancelOutcome.TOO_LATE

    workers.provider.on_cancel = cancel
    keepers = [Keeper(workers.world, workers.records) for _ in range(2)]
    await asyncio.gather(*(keeper.look_after_submits() for keeper in keepers))
    assert len(told) == 1


@pytest.mark.promise("P11")
async def test_what_a_keeper_had_in_hand_when_it_died_is_due_again() -> None:
    workers, told = Workers(), list[Ticket]()
    canceled(workers)

    async def cancel(ticket: Ticket) -> CancelOutcome:
        told.append(ticket)
        return CancelOutcome.CANCELED

    workers.provider.on_cancel = cancel
    assert len(await workers.keeper.submits_to_look_after()) == 1
    await workers.keeper.look_after_submits()
    assert told == []
    budgets = workers.budgets
    workers.clock.advance((budgets.submit_call + budgets.submit_margin).total_seconds())
    await workers.keeper.look_after_submits()
    assert len(told) == 1


@pytest.mark.promise("P3")
@pytest.mark.promise("P11")
async def test_a_provider_that_hangs_keeps_neither_deadlines_nor_other_submits_waiting() -> None:
    workers = Workers()
    canceled(workers)
    other, waiting = canceled(workers), workers.put()
    told = asyncio.Event()

    async def cancel(ticket: Ticket) -> CancelOutcome:
        if ticket != workers.submit(other).ticket:
            await never()
        told.set()
        return CancelOutcome.CANCELED

    workers.provider.on_cancel = cancel
    engine = Engine(
        workers.world,
        bell=LocalBell(),
        crew=Crew(
            keeper=workers.keeper,
            progress=ProgressNotes(workers.store),
            calls=Calls(PATIENCE_S),
            pulse=Pulse(workers.store, "test"),
        ),
        assignment=Assignment("test", {}, collects_max=1),
        database=cast("Any", None),
    )
    duties = [asyncio.create_task(duty()) for duty in (engine._beat, engine._look_after)]
    try:
        await asyncio.wait_for(told.wait(), PATIENCE_S)
        workers.clock.set(A_DAY_LATER)
        async with asyncio.timeout(PATIENCE_S):
            while not workers.task(waiting).is_final:
                await asyncio.wait(duties, timeout=0.05)
    finally:
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)


async def test_a_sweep_that_breaks_keeps_no_other_from_its_turn() -> None:
    workers = Workers()
    old = an_answer(a_task())
    lost = an_artifact(a_task())
    workers.store.write_now(lambda tx: tx.add_answer(old, since=NOON))
    workers.store.write_now(lambda tx: tx.add_artifacts(lost))

    async def delete(name: str) -> None:
        raise OSError("input/output error")

    workers.blobs.delete = delete  # type: ignore[method-assign]
    await workers.keeper.sweep(A_DAY_LATER)
    assert workers.store.tables.answers == {}
    assert [about for about, _ in workers.broken] == ["lost tries"]
    assert len(workers.records.sweeps) == 1


@pytest.mark.promise("P1")
async def test_an_input_goes_when_no_task_wanted_it_for_an_hour() -> None:
    workers = Workers()
    task = workers.put()
    young, old, wanted = an_input(created_at=NOON + timedelta(minutes=2)), an_input(), an_input()
    for filed in (young, old, wanted):
        workers.store.write_now(lambda tx, filed=filed: tx.file_input(filed))
        await workers.blobs.put(f"inputs/{filed.blob}", whole({}))
    workers.store.write_now(lambda tx: tx.refer_input(task.id, wanted.blob))
    await workers.keeper.sweep(NOON + timedelta(hours=1, minutes=1))
    left = {f"inputs/{filed.blob}" for filed in (young, wanted)}
    assert set(await workers.blob_names()) == left
    assert set(workers.store.tables.inputs) == {young.blob, wanted.blob}


@pytest.mark.promise("P4")
async def test_a_lost_try_is_swept_when_nobody_can_be_writing_it_any_more() -> None:
    """What a slow download stores after its row was swept, nobody would ever remove."""
    workers = Workers()
    task = workers.put(Status.STORING)
    lost = an_artifact(task, created_at=workers.clock.now())
    workers.store.write_now(lambda tx: tx.add_artifacts(lost))
    after, at = moved(task, Event.CANCELED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=at))
    await workers.keeper.sweep(at + workers.budgets.collect)
    assert workers.store.read_now(lambda tx: tx.artifacts(task.id)) == [lost]
    await workers.keeper.sweep(at + workers.budgets.collect + timedelta(minutes=11))
    assert workers.store.read_now(lambda tx: tx.artifacts(task.id)) == []


async def test_a_sweep_takes_away_all_that_a_busy_minute_brought() -> None:
    workers = Workers()

    def busy(tx: Transaction) -> None:
        for _ in range(250):
            tx.add_answer(an_answer(a_task()), since=NOON)
            tx.add_artifacts(an_artifact(a_task()))

    workers.store.write_now(busy)
    await workers.keeper.sweep(A_DAY_LATER)
    assert workers.store.tables.answers == {}
    assert workers.store.read_now(lambda tx: tx.sweepable(A_DAY_LATER, 9)) == []


async def test_a_clock_that_was_set_back_stops_no_sweep() -> None:
    workers = Workers()

    async def tended(at: datetime) -> int:
        workers.clock.set(at)
        await workers.keeper.tend()
        return len(workers.records.sweeps)

    assert await tended(A_DAY_LATER) == 1
    assert await tended(A_DAY_LATER + timedelta(seconds=1)) == 1
    assert await tended(NOON) == 2
    assert await tended(NOON + timedelta(seconds=1)) == 2
    assert await tended(NOON + timedelta(seconds=61)) == 3


async def test_every_page_of_unfinished_tasks_has_its_turn() -> None:
    workers = Workers()
    tasks = [workers.put() for _ in range(250)]
    works = {f"{task.id}:film:9" for task in tasks}

    def number(tx: Transaction) -> None:
        for task in tasks:
            assert tx.rework(task, f"{task.id}:film:9", task.queue)

    workers.store.write_now(number)
    workers.records.dead = works
    for _ in range(3):
        await workers.keeper.tend()
        workers.clock.advance(15)
    assert {task_id for task_id, _, _ in workers.dispatcher.given} == {task.id for task in tasks}


# -- retention ---------------------------------------------------------------------------------


async def collected(workers: Workers, **born: Any) -> Task:
    """A task whose film was brought home just now."""
    task = workers.put(Status.STORING, **born)
    await collect.step(task.id, task.lease_epoch, workers.world)
    return workers.task(task)


async def test_a_film_is_kept_as_its_account_says_then_its_model_then_the_house() -> None:
    workers = Workers()
    workers.world.retention = Retention(
        films_s=60, by_model={"sora-2": 120, "wan": 0}, by_account={"acct_b": 180, "acct_c": 0}
    )
    told = {
        (account, model): (await collected(workers, account_id=account, model=model)).expires_at
        for account in ("acct_a", "acct_b", "acct_c")
        for model in ("sora-2", "wan", "veo")
    }
    now = workers.clock.now()
    lives = {key: until and (until - now).total_seconds() for key, until in told.items()}
    assert [lives["acct_a", model] for model in ("sora-2", "wan", "veo")] == [120, None, 60]
    assert {lives["acct_b", model] for model in ("sora-2", "wan", "veo")} == {180}
    assert {lives["acct_c", model] for model in ("sora-2", "wan", "veo")} == {None}


async def test_an_expired_film_is_gone_with_its_stills_and_its_task_stays() -> None:
    workers = Workers()
    workers.world.retention = Retention(films_s=3600)
    expiring = await collected(workers)
    workers.world.retention = Retention()
    staying = await collected(workers)
    assert len(await workers.blob_names()) == 2 * len(ArtifactKind)
    await workers.keeper.sweep(workers.clock.now() + timedelta(minutes=59))
    assert len(await workers.blob_names()) == 2 * len(ArtifactKind)
    await workers.keeper.sweep(workers.clock.now() + timedelta(minutes=61))
    assert {name.split("/")[1] for name in await workers.blob_names()} == {staying.id}
    found = workers.task(expiring)
    assert (found.status, found.is_film_gone) == (Status.SUCCEEDED, True)
    assert workers.store.read_now(lambda tx: tx.artifacts(expiring.id)) == []
    assert workers.broken == []


@pytest.mark.promise("P10")
async def test_a_keeper_that_dies_between_row_and_blobs_leaves_the_rest_to_the_next() -> None:
    workers = Workers()
    workers.world.retention = Retention(films_s=3600)
    task = await collected(workers)
    delete, calls = workers.blobs.delete, 0

    async def break_off(name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("the network is gone")
        await delete(name)

    workers.blobs.delete = break_off  # type: ignore[method-assign]
    await workers.keeper.sweep(workers.clock.now() + timedelta(hours=2))
    assert workers.task(task).is_film_gone
    assert len(await workers.blob_names()) == len(ArtifactKind) - 1
    await workers.keeper.sweep(A_DAY_LATER)
    assert await workers.blob_names() == []


async def test_a_task_of_a_test_key_goes_record_and_all_however_it_ended() -> None:
    workers = Workers()
    key = a_key(TEST_KEY_PREFIX + "x" * 40)
    assert key.is_test
    workers.store.write_now(lambda tx: tx.add_key(key))
    born = {"key_id": key.id}

    def put(tx: Transaction) -> Task:
        task = a_task(**born, expires_at=NOON + timedelta(hours=24))
        tx.add_task(task, a_hold(task))
        return task

    succeeding, canceling, going = (workers.store.write_now(put) for _ in range(3))

    def make(tx: Transaction) -> None:
        stands = succeeding
        for event in (Event.INTENT, Event.ACCEPTED, Event.READY):
            stands = put_move(tx, stands, event)

    workers.store.write_now(make)
    await collect.step(succeeding.id, 0, workers.world)
    workers.store.write_now(lambda tx: put_move(tx, canceling, Event.CANCELED))
    await workers.keeper.sweep(A_DAY_LATER)
    left = [workers.store.read_now(lambda tx, t=t: tx.task(t.id)) for t in (succeeding, canceling)]  # type: ignore[misc]
    assert left == [None, None]
    assert workers.task(going).status is Status.QUEUED, "it ends first"
    assert await workers.blob_names() == []


async def test_inputs_of_an_ended_task_go_when_they_were_kept_long_enough() -> None:
    workers = Workers()
    task, filed = workers.put(Status.FAILED), an_input()
    workers.store.write_now(lambda tx: tx.file_input(filed))
    workers.store.write_now(lambda tx: tx.refer_input(task.id, filed.blob))
    await workers.blobs.put(f"inputs/{filed.blob}", whole({}))
    await workers.keeper.sweep(A_DAY_LATER)
    assert len(await workers.blob_names()) == 1, "the house keeps them unless told otherwise"
    workers.world.retention = Retention(inputs_s=3600)
    await workers.keeper.sweep(NOON + timedelta(minutes=30))
    assert len(await workers.blob_names()) == 1
    await workers.keeper.sweep(A_DAY_LATER)
    assert await workers.blob_names() == []


@pytest.mark.promise("P3")
async def test_storage_that_hangs_cuts_a_sweep_short_and_holds_no_keeper() -> None:
    workers = Workers()
    lost = an_artifact(a_task())
    workers.store.write_now(lambda tx: tx.add_artifacts(kept(lost)))
    workers.store.write_now(lambda tx: tx.remove_task(lost.task_id))
    workers.blobs.delete = never  # type: ignore[method-assign]
    workers.world.patience = lambda _: asyncio.timeout(0.05)
    await workers.keeper.sweep(A_DAY_LATER)
    assert workers.broken == []
    assert len(workers.records.sweeps) == 1
