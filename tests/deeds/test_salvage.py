"""A late film gets a task of its own: once, without another submit, and by the ordinary road."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rushes.deeds import salvage
from rushes.domain.spec import Asset, Role
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Status, Task
from rushes.engine import collect
from rushes.ports import Adoption, Transaction, Work
from rushes.testing.builders import a_spec, an_input, moved
from working import Workers


def late(workers: Workers, verdict: Verdict = Verdict.LATE, **born: Any) -> Task:
    """A task that its caller canceled, and whose film was made all the same."""
    task = workers.put(Status.RUNNING, **born)
    after, at = moved(task, Event.CANCELED), workers.clock.now()
    assert workers.store.write_now(lambda tx: tx.move(task, after, Event.CANCELED, at=at))
    workers.change(workers.submit(task), verdict=verdict, film={"url": "x"}, look_at=None)
    return workers.task(task)


def adopt(workers: Workers, task: Task, n: int | None = None, **how: Any) -> Task:
    def act(tx: Transaction) -> Task:
        return salvage.adopt(
            tx,
            task.id,
            n,
            dispatcher=workers.dispatcher,
            budgets=workers.budgets,
            at=workers.clock.now(),
            **how,
        )

    return workers.store.write_now(act)


async def bring_home(workers: Workers, task: Task) -> Task:
    taken = workers.take(task)
    await collect.step(task.id, taken.lease_epoch, workers.world)
    return workers.task(task)


@pytest.mark.promise("P4")
@pytest.mark.promise("P11")
@pytest.mark.parametrize("verdict", [Verdict.LATE, Verdict.READY])
async def test_a_late_film_becomes_an_ordinary_finished_task(verdict: Verdict) -> None:
    workers = Workers()
    old = late(workers, verdict, callback_url="https://caller.test/", metadata={"shot": "7"})
    new = adopt(workers, old)
    assert workers.dispatcher.given == [(new.id, Work.COLLECT, "")]
    same = ("account_id", "key_id", "model", "spec", "callback_url", "metadata", "served_by")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    done = await bring_home(workers, new)
    assert done.status is Status.SUCCEEDED
    assert workers.task(old) == old, "P6"
    told = workers.store.read_now(lambda tx: tx.told(new.id))
    assert [one.event for one in told] == [None, Event.ADOPTED, Event.STORED]
    assert new.id in workers.store.tables.news, "webhooks hear of it"


@pytest.mark.promise("P2")
@pytest.mark.promise("P11")
async def test_the_submit_is_decided_and_goes_along() -> None:
    workers = Workers()
    old = late(workers)
    new = adopt(workers, old)
    its = workers.submit(new)
    assert workers.submit(old).verdict is Verdict.ADOPTED
    assert (its.n, its.token, its.verdict) == (1, workers.submit(old).token, Verdict.READY)
    assert workers.store.read_now(lambda tx: tx.salvage(9)) == []
    adoption = Adoption(new.id, old.id, 1, workers.clock.now())
    assert workers.store.read_now(lambda tx: tx.adoption_of(new.id)) == adoption
    assert workers.store.read_now(lambda tx: tx.adoptions_from(old.id)) == [adoption]


@pytest.mark.promise("P11")
async def test_of_two_operators_at_once_one_adopts() -> None:
    workers = Workers()
    old = late(workers)
    adopt(workers, old)
    with pytest.raises(salvage.NotAdoptable, match="given to a task of its own"):
        adopt(workers, old)
    assert len(workers.store.tables.tasks) == 2


@pytest.mark.promise("P5")
@pytest.mark.parametrize(("is_charged", "charged"), [(False, 0), (True, 500_000)])
async def test_nothing_is_charged_unless_the_operator_says_so(
    *, is_charged: bool, charged: int
) -> None:
    workers = Workers()
    new = await bring_home(workers, adopt(workers, late(workers), is_charged=is_charged))
    entries = workers.store.read_now(lambda tx: tx.entries(new.id))
    assert [entry.amount_microusd for entry in entries] == [charged, charged, 0]


@pytest.mark.promise("P5")
async def test_what_a_cancel_charged_is_not_charged_again() -> None:
    workers = Workers()
    old = late(workers)
    paid = replace(old, charged_microusd=500_000)
    workers.store.tables.tasks[old.id] = paid
    assert adopt(workers, paid, is_charged=True).hold_microusd == 0


@pytest.mark.promise("P11")
async def test_a_film_that_is_gone_is_late_again_under_its_new_task() -> None:
    workers = Workers()
    new = adopt(workers, late(workers))
    at = workers.clock.now()
    after = moved(new, Event.FAILED)
    assert workers.store.write_now(lambda tx: tx.move(new, after, Event.FAILED, at=at))
    await workers.keeper.look_after_submits()
    (reported,) = workers.store.read_now(lambda tx: tx.salvage(9))
    assert (reported.task_id, reported.verdict) == (new.id, Verdict.LATE)
    assert adopt(workers, workers.task(new)).id != new.id


async def test_inputs_of_the_wish_stay_as_long_as_either_task() -> None:
    workers = Workers()
    filed = an_input()
    asset = Asset(Role.FIRST_FRAME, "image", blob=filed.blob)
    workers.store.write_now(lambda tx: tx.file_input(filed))
    old = late(workers, spec=a_spec(assets=(asset,)))
    new = adopt(workers, old)
    workers.store.write_now(lambda tx: tx.remove_task(old.id))
    assert (new.id, filed.blob) in workers.store.tables.task_inputs
    workers.clock.advance(1e6)
    assert workers.store.read_now(lambda tx: tx.orphan_inputs(workers.clock.now(), 9)) == []


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (Verdict.ACCEPTED, "until it is made"),
        (Verdict.DOUBT, "rushes doubt adopt"),
        (Verdict.GONE, "no verdict"),
        (Verdict.LOST, "no film"),
        (Verdict.DELIVERED, "in our store"),
    ],
)
async def test_what_was_not_made_is_not_adopted_and_it_says_why(verdict: Verdict, why: str) -> None:
    workers = Workers()
    old = late(workers, verdict)
    with pytest.raises(salvage.NotAdoptable, match=why):
        adopt(workers, old)
    assert list(workers.store.tables.tasks) == [old.id]


async def test_a_task_that_goes_on_was_deleted_or_never_was_is_not_adopted() -> None:
    workers = Workers()
    running, deleted = workers.put(Status.RUNNING), late(workers)
    workers.store.write_now(lambda tx: tx.remove_task(deleted.id))
    for task, why in (
        (running, "has not ended"),
        (deleted, "deleted"),
        (replace(running, id="video_0"), "know nothing"),
    ):
        with pytest.raises(salvage.NotAdoptable, match=why):
            adopt(workers, task)


async def test_of_several_films_the_operator_says_which() -> None:
    workers = Workers()
    old = late(workers)
    first = workers.submit(old)
    second: Submit = replace(first, n=2, token="2" * 32)
    workers.store.write_now(lambda tx: tx.add_submit(second))
    with pytest.raises(salvage.NotAdoptable, match=r"1, 2.*say which"):
        adopt(workers, old)
    assert workers.submit(adopt(workers, old, 2)).token == second.token
    with pytest.raises(salvage.NotAdoptable, match="no submit 3"):
        adopt(workers, old, 3)
