"""Checks of transactions: whole or not at all, each for itself, and never on a read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import pytest

from rushes.domain.task import Status, Task
from rushes.ports import IntegrityFault, Transaction
from rushes.testing.builders import (
    ACCOUNT_ID,
    NOON,
    a_hold,
    a_key,
    a_submit,
    a_task,
    an_answer,
    an_artifact,
    an_input,
    put_task,
)
from rushes.testing.conformance.stores.subject import Subject, later


class Whim(Exception):
    """Raised by an act, for no reason of the store's."""


class Parked(BaseException):
    """As the workflow library raises it: past every `except Exception`."""


def _everything(task: Task) -> Callable[[Transaction], None]:
    """Return an act that writes into every table, beginning with `task`."""

    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        tx.add_answer(an_answer(task, key="k"), since=NOON)
        tx.add_submit(a_submit(task, look_at=NOON))
        tx.add_artifacts(an_artifact(task))
        tx.file_input(an_input(blob="b" * 64))
        tx.refer_input(task.id, "b" * 64)
        tx.add_key(a_key(digest=b"d" * 32))
        tx.count_fault(task, "503", at=NOON)
        tx.beat("worker")
        put_task(tx, Status.SUCCEEDED)

    return act


def _spoil(tx: Transaction, *, task: Task, fault: BaseException) -> None:
    _everything(task)(tx)
    raise fault


async def _is_empty(subject: Subject) -> bool:
    found = await subject.read(
        lambda tx: (
            *tx.counts(),
            *tx.keys(),
            *tx.submits_to_look_at(later(minutes=9), 9),
            *tx.salvage(9),
            *tx.sweepable(later(minutes=9), 9),
            *tx.orphan_inputs(later(minutes=9), 9),
            *([tx.key_version()] if tx.key_version() else []),
            *([1] if tx.answer(ACCOUNT_ID, "/v1/videos", "k", NOON) else []),
        )
    )
    return not found and not subject.news()


async def an_act_that_raises_leaves_nothing(subject: Subject) -> None:
    """Whatever it raises reaches the caller as it is, and nothing of the act stays."""
    for fault in (Whim("no"), Parked("no")):
        task = a_task()
        with pytest.raises(type(fault)) as caught:
            await subject.write(partial(_spoil, task=task, fault=fault))
        assert caught.value is fault
        assert await _is_empty(subject)
        for verb in (Transaction.told, Transaction.entries, Transaction.submits):
            assert await subject.ask(verb, task.id) == []
    assert subject.changes == []
    await subject.write(_everything(a_task()))


async def an_act_takes_only_itself_back(subject: Subject) -> None:
    """Acts that are written together stand or fall each for itself."""
    good = [a_task() for _ in range(6)]
    adding = [subject.do(Transaction.add_task, task, a_hold(task)) for task in good]
    outcome = await asyncio.gather(
        *adding[:2],
        subject.write(partial(_spoil, task=a_task(), fault=Whim())),
        *adding[2:4],
        subject.write(partial(_spoil, task=a_task(), fault=Parked())),
        *adding[4:],
        return_exceptions=True,
    )
    kinds = [type(one) for one in outcome if one is not None]
    assert kinds == [Whim, Parked]
    assert await subject.ask(Transaction.unfinished, "", 99) == good
    assert await subject.ask(Transaction.keys) == []
    assert subject.news() == []


async def a_refused_row_takes_its_act_with_it(subject: Subject) -> None:
    """Whether it is refused at once or at the end: of such an act nothing stays."""
    first, second = a_task(), a_task()

    def act(tx: Transaction) -> None:
        tx.add_answer(an_answer(first, key="k"), since=NOON)
        tx.add_task(second, a_hold(second))
        tx.add_answer(an_answer(second, key="k"), since=NOON)

    with pytest.raises(IntegrityFault):
        await subject.write(act)
    assert await subject.task(second.id) is None
    assert await subject.ask(Transaction.answer, ACCOUNT_ID, "/v1/videos", "k", NOON) is None


async def an_act_sees_what_it_wrote(subject: Subject) -> None:
    """Within a transaction, what was written is there; its answer is the caller's."""
    task = a_task()

    def act(tx: Transaction) -> tuple[Task | None, int]:
        tx.add_task(task, a_hold(task))
        return tx.task(task.id), tx.counts()[Status.QUEUED]

    assert await subject.write(act) == (task, 1)


async def an_exhausted_iterator_is_an_error(subject: Subject) -> None:
    """`next` of nothing inside an act must not leave its caller waiting for ever."""

    def act(tx: Transaction) -> Task:
        return next(iter(tx.unfinished("", 1)))

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(subject.write(act), 10)
    await subject.put()


async def many_writers_all_land(subject: Subject) -> None:
    """More writes at once than one group holds: each is written once."""
    tasks = [a_task() for _ in range(300)]
    adding = [subject.do(Transaction.add_task, task, a_hold(task)) for task in tasks]
    await asyncio.gather(*adding)
    assert await subject.ask(Transaction.unfinished, "", 999) == tasks


async def a_read_writes_nothing(subject: Subject) -> None:
    """A write inside a read is a bug: it is refused, or at least taken back."""
    task = a_task()
    with contextlib.suppress(Exception):
        await subject.ask(Transaction.add_task, task, a_hold(task))
    assert await _is_empty(subject)
    await subject.do(Transaction.add_task, task, a_hold(task))
    assert await subject.task(task.id) == task


async def a_caller_that_goes_away_harms_nobody(subject: Subject) -> None:
    """A canceled write is written or not; the others, and the store, go on."""
    tasks = [a_task() for _ in range(40)]
    writers = [
        asyncio.ensure_future(subject.do(Transaction.add_task, task, a_hold(task)))
        for task in tasks
    ]
    await asyncio.sleep(0)
    for writer in writers[::2]:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    after = a_task()
    await asyncio.wait_for(subject.do(Transaction.add_task, after, a_hold(after)), 10)
    found = await subject.ask(Transaction.unfinished, "", 999)
    assert {task.id for task in tasks[1::2]} | {after.id} <= {task.id for task in found}


async def a_commit_tells_which_tasks_changed(subject: Subject) -> None:
    """Whoever listens hears of moved and removed tasks, and of nothing else."""
    task = await subject.put(Status.FAILED)
    subject.changes.clear()
    await subject.do(Transaction.add_key, a_key())
    assert subject.changes == []
    await subject.do(Transaction.remove_task, task.id)
    assert subject.changes == [{task.id}]
