"""Steps of the story that the simulator cannot tell: hanging, and what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rushes.domain.errors import Reason
from rushes.domain.spec import Asset, Role, Spec
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status
from rushes.engine import story
from rushes.engine.carry import carry
from rushes.engine.deadlines import LAST_LOOK
from rushes.engine.world import NOW, Again, Upstream
from rushes.ports import Budgets, Work
from rushes.providers.base import Found, NotUnderstood, Outcome, Search, Unknown
from rushes.testing.builders import a_spec
from rushes.testing.fakes import ManualClock
from working import Told, Workers, never


class Deaf:
    """A bell that ends the wait at once, and moves the clock."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def ring(self, task_id: str) -> None:
        raise NotImplementedError

    @contextmanager
    def listen(self, task_id: str) -> Iterator[Deaf]:
        yield self

    def forget(self) -> None:
        """There is nothing to forget."""

    async def wait(self, *told: object) -> bool:
        self._workers.clock.advance(float(str(told[-1])))
        return False


@pytest.mark.promise("P3")
async def test_a_search_that_never_ends_is_trouble_until_the_doubt_is_over_and_no_poison() -> None:
    workers = Workers(budgets=Budgets(submit_call=timedelta(seconds=0.01), takeovers_max=2))
    task = workers.put(Status.IN_DOUBT)
    workers.provider.on_find = never
    following = await story.step(task.id, task.lease_epoch, workers.world)
    assert isinstance(following, Again)
    assert workers.task(task).fault_count == 1
    await carry(task.id, Work.FILM, str(task.work_id), workers.world, Deaf(workers))
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.reason is Reason.SUBMIT_IN_DOUBT
    assert workers.submit(task).verdict is Verdict.DOUBT


@pytest.mark.promise("P3")
async def test_a_word_we_do_not_know_is_counted_and_never_work() -> None:
    workers = Workers()
    task = workers.put(Status.RUNNING)

    async def melting(ticket: Ticket) -> Outcome:
        raise NotUnderstood("the job is 'melting'")

    workers.provider.on_check = melting
    await carry(task.id, Work.FILM, str(task.work_id), workers.world, Deaf(workers))
    ended = workers.task(task)
    assert ended.failure is not None
    assert ended.failure.reason is Reason.TIMED_OUT
    faults, last = workers.store.read_now(lambda tx: tx.faults(task.id))
    assert last.note == LAST_LOOK
    assert faults.note == "the job is 'melting'"
    assert faults.count > 10


async def test_a_ticket_that_another_submit_holds_is_not_the_one_we_look_for() -> None:
    workers = Workers()
    other, task = workers.put(Status.RUNNING), workers.put(Status.IN_DOUBT)

    async def find(token: str) -> Search:
        return Found(workers.submit(other).ticket or {})

    workers.provider.on_find = find
    assert isinstance(await story.step(task.id, task.lease_epoch, workers.world), Again)
    assert workers.task(task).status is Status.IN_DOUBT
    assert workers.submit(task).ticket is None


@pytest.mark.promise("P3")
async def test_a_task_that_is_taken_again_and_again_without_moving_on_is_poison() -> None:
    workers = Workers()
    task = workers.put(Status.RUNNING)

    async def broken(ticket: Ticket) -> Outcome:
        raise KeyError("status")

    workers.provider.on_check = broken
    for _ in range(workers.budgets.takeovers_max - 1):
        with pytest.raises(KeyError):
            await carry(task.id, Work.FILM, str(task.work_id), workers.world, Deaf(workers))
    await carry(task.id, Work.FILM, str(task.work_id), workers.world, Deaf(workers))
    ended = workers.task(task)
    assert ended.failure is not None
    assert ended.failure.reason is Reason.INTERNAL
    assert workers.submit(task).look_at is not None, "the keeper looks after what was paid"


class Shelf:
    """Where inputs are: away `count` times, and then there."""

    def __init__(self, count: int, *, hangs: bool = False) -> None:
        self.count, self.hangs = count, hangs

    async def path_of(self, blob: str) -> Path:
        if self.count:
            self.count -= 1
            if self.hangs:
                await never()
            raise OSError("storage could not read it: it answered HTTP 503")
        return Path(blob)


@pytest.mark.promise("P2")
@pytest.mark.parametrize("hangs", [False, True])
async def test_storage_that_is_away_before_a_submit_costs_no_submit(*, hangs: bool) -> None:
    """A submit that waited for storage would be in doubt, and lost where nobody can search."""
    workers = Workers()
    picture = Asset(Role.FIRST_FRAME, "image", blob="0f" * 32, content_type="image/png")
    task = workers.put(spec=a_spec(assets=(picture,)))
    workers.world.assets = Shelf(2, hangs=hangs)
    workers.world.patience = lambda _: asyncio.timeout(0.05 if hangs else 20)
    for _ in range(2):
        assert isinstance(await story.step(task.id, task.lease_epoch, workers.world), Again)
        assert workers.task(task).status is Status.QUEUED
        assert workers.store.read_now(lambda tx: tx.submits(task.id)) == []
    await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.RUNNING
    assert len(workers.store.read_now(lambda tx: tx.submits(task.id))) == 1


def a_picture(blob: str) -> Asset:
    return Asset(Role.FIRST_FRAME, "image", blob=blob * 32, content_type="image/png")


@pytest.mark.parametrize(
    ("mine", "theirs", "prompt", "is_alike", "is_taken"),
    [
        ("0f", "1e", "Animate this photo", True, False),
        (None, "1e", "Animate this photo", True, False),
        ("0f", "0f", "Animate this photo", True, True),
        ("0f", "1e", "Another photo", True, True),
        ("0f", "1e", "Animate this photo", False, True),
    ],
    ids=["other picture", "no picture", "same picture", "other prompt", "by its token"],
)
@pytest.mark.parametrize("theirs_is", [Status.SUBMITTING, Status.IN_DOUBT])
async def test_a_film_that_may_be_of_somebody_elses_picture_is_nobodys(
    theirs_is: Status,
    mine: str | None,
    theirs: str,
    prompt: str,
    is_alike: bool,
    is_taken: bool,
) -> None:
    """A list repeats what was asked for in words, and not the files that came with it."""
    workers = Workers()
    pictures = () if mine is None else (a_picture(mine),)
    task = workers.put(Status.IN_DOUBT, spec=a_spec(prompt="Animate this photo", assets=pictures))
    workers.put(theirs_is, spec=a_spec(prompt=prompt, assets=(a_picture(theirs),)))

    async def find(token: str) -> Search:
        return Found({"id": "the only one"}, is_alike=is_alike)

    workers.provider.on_find = find
    await story.step(task.id, task.lease_epoch, workers.world)
    assert (workers.task(task).status is Status.RUNNING) is is_taken
    assert (workers.submit(task).ticket is not None) is is_taken


async def test_a_film_is_taken_once_the_other_wish_has_its_own() -> None:
    workers = Workers()
    wishes = [a_spec(prompt="Animate this photo", assets=(a_picture(b),)) for b in ("0f", "1e")]
    task, other = (
        workers.put(Status.IN_DOUBT, spec=wishes[0]),
        workers.put(Status.IN_DOUBT, spec=wishes[1]),
    )

    async def find(token: str) -> Search:
        return Found({"id": "the only one"}, is_alike=True)

    workers.provider.on_find = find
    await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.task(task).status is Status.IN_DOUBT
    workers.change(workers.submit(other), verdict=Verdict.ACCEPTED, ticket={"id": "theirs"})
    await story.step(task.id, task.lease_epoch, workers.world)
    assert workers.submit(task).ticket == {"id": "the only one"}


async def test_a_search_asks_by_the_clock_of_strangers_and_not_by_a_time_that_was_set_back() -> (
    None
):
    """A list has instants of its own: one that seems older than the submit is passed over."""
    workers = Workers()
    task, asked = workers.put(Status.IN_DOUBT), []
    workers.world.wall = ManualClock(workers.clock.now() - timedelta(hours=2))

    class Dated(Told):
        async def find(
            self, token: str, spec: Spec, *, upstream_model: str, since: datetime
        ) -> Search:
            asked.append(since)
            return Unknown()

    workers.world.upstreams = {"gpu": Upstream(Dated(), "env:GPU_KEY")}
    await story.step(task.id, task.lease_epoch, workers.world)
    assert asked == [workers.submit(task).intent_at - timedelta(hours=2)]


async def test_a_task_whose_time_passes_while_its_files_are_fetched_is_not_begun() -> None:
    workers = Workers()

    class Slow(Shelf):
        async def path_of(self, blob: str) -> Path:
            workers.clock.advance(60)
            return await super().path_of(blob)

    soon = workers.clock.now() + timedelta(seconds=30)
    task = workers.put(spec=a_spec(assets=(a_picture("0f"),)), deadline_at=soon)
    workers.world.assets = Slow(0)
    following = await story.step(task.id, task.lease_epoch, workers.world)
    assert following == NOW
    assert workers.task(task).status is Status.EXPIRED
    assert workers.store.read_now(lambda tx: tx.submits(task.id)) == []


async def test_a_ticket_that_became_another_s_while_we_looked_is_not_ours() -> None:
    workers = Workers()
    tasks = [workers.put(Status.IN_DOUBT) for _ in range(2)]
    meeting = asyncio.Barrier(2)

    async def find(token: str) -> Search:
        await meeting.wait()
        return Found({"id": "the only one"})

    workers.provider.on_find = find
    steps = (story.step(task.id, task.lease_epoch, workers.world) for task in tasks)
    await asyncio.gather(*steps)
    statuses = sorted(workers.task(task).status for task in tasks)
    assert statuses == [Status.IN_DOUBT, Status.RUNNING]
