"""Bringing a film home from an upstream that breaks off, drips, hangs, or sends too much."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count as numbered

import pytest

from rushes.domain.catalog import Catalog, Route
from rushes.domain.errors import Reason
from rushes.domain.provenance import SourceType
from rushes.domain.submit import Ticket
from rushes.domain.task import Status, Task
from rushes.engine import collect
from rushes.engine.world import NOW, OVER, Again
from rushes.ports import ArtifactKind, Budgets, NotAFilm, Still, kept_of
from rushes.providers.base import Film, FilmLost, NotThere, Outcome, Ready, Unreachable
from rushes.testing.builders import MODEL, NOON
from working import FILM, Workers, never

pytestmark = pytest.mark.promise("P4")


async def test_a_try_that_fails_leaves_no_blob_behind() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)

    async def out_of_room(film: str) -> None:
        raise OSError("no space left on device")

    workers.darkroom.on_develop = out_of_room
    following = await collect.step(task.id, task.lease_epoch, workers.world)
    assert isinstance(following, Again)
    assert await workers.blob_names() == []
    workers.darkroom.on_develop = never_mind
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    assert workers.task(task).status is Status.SUCCEEDED
    assert len(await workers.blob_names()) == len(ArtifactKind)


@pytest.mark.promise("P3")
async def test_storage_that_hangs_while_a_film_is_developed_ends_with_the_tasks_time() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    assert task.deadline_at is not None
    workers.clock.set(task.deadline_at - timedelta(seconds=0.05))
    workers.darkroom.on_develop = never
    assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)
    assert await workers.blob_names() == []


async def test_a_full_disk_costs_time_and_no_film() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    put = workers.blobs.put

    async def full(name: str, chunks: AsyncIterator[bytes]) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    workers.blobs.put = full  # type: ignore[method-assign]
    for count in range(1, 6):
        assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)
        assert workers.task(task).fault_count == count
    assert workers.task(task).status is Status.STORING
    workers.blobs.put = put  # type: ignore[method-assign]
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    assert workers.task(task).status is Status.SUCCEEDED


async def never_mind(film: str) -> None:
    return None


@pytest.mark.promise("P3")
async def test_a_film_that_only_drips_in_is_given_up_with_the_tasks_time() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)

    async def drip(film: Film) -> AsyncIterator[bytes]:
        yield FILM[:1]
        await never()

    workers.provider.on_open = drip
    for _ in range(2):  # its time, and the little more that it is given once
        deadline_at = workers.task(task).deadline_at
        assert deadline_at is not None
        workers.clock.set(deadline_at - timedelta(seconds=0.05))
        assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)
        workers.clock.advance(1)
        assert await collect.step(task.id, task.lease_epoch, workers.world) == NOW
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.reason is Reason.OUTPUT_LOST
    assert await workers.blob_names() == []


async def test_a_provider_that_hangs_when_asked_for_a_lost_film_holds_nobody() -> None:
    workers = Workers(budgets=Budgets(submit_call=timedelta(seconds=0.05)))
    task = workers.put(Status.STORING)

    async def lost(film: Film) -> AsyncIterator[bytes]:
        raise FilmLost("the link is dead")
        yield b""

    workers.provider.on_open, workers.provider.on_check = lost, never
    assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)
    assert workers.task(task).fault_count == 1


async def gone(film: Film) -> AsyncIterator[bytes]:
    raise FilmLost("the link is dead")
    yield b""


async def not_there(film: Film) -> AsyncIterator[bytes]:
    raise NotThere("HTTP 404")
    yield b""


async def until_over(workers: Workers, task: Task) -> list[float]:
    """Carry a task on until it is over here; return the pauses in between, in seconds."""
    pauses: list[float] = []
    while (following := await collect.step(task.id, task.lease_epoch, workers.world)) != OVER:
        assert len(pauses) < 100
        pauses.append(following.after_s if isinstance(following, Again) else 0.0)
        workers.clock.advance(pauses[-1])
    return pauses


@pytest.mark.parametrize("missing", [gone, not_there])
async def test_a_film_that_is_missing_is_given_up_after_three_times_over_half_a_minute(
    missing: Callable[[Film], AsyncIterator[bytes]],
) -> None:
    """And not after three seconds: stores of providers are slow to agree."""
    workers = Workers()
    task = workers.put(Status.STORING)
    workers.provider.on_open, workers.provider.on_check = missing, same_film(workers, task)
    pauses = await until_over(workers, task)
    assert len(pauses) >= 2
    assert 30 <= sum(pauses) < 60
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.reason is Reason.OUTPUT_LOST


@pytest.mark.parametrize("missing", [gone, not_there])
async def test_a_film_that_comes_late_into_its_store_is_brought_home(
    missing: Callable[[Film], AsyncIterator[bytes]],
) -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    provider, there_at = workers.provider, workers.clock.now() + timedelta(seconds=8)
    here = provider.on_open

    def open_late(film: Film) -> AsyncIterator[bytes]:
        return here(film) if workers.clock.now() >= there_at else missing(film)

    provider.on_open, provider.on_check = open_late, same_film(workers, task)
    await until_over(workers, task)
    assert workers.task(task).status is Status.SUCCEEDED


async def test_a_provider_that_gives_a_fresh_dead_link_each_time_is_asked_in_peace() -> None:
    workers = Workers()
    task, numbers = workers.put(Status.STORING), numbered()

    async def fresh(ticket: Ticket) -> Outcome:
        return Ready({"url": f"https://films.test/{next(numbers)}"})

    workers.provider.on_open, workers.provider.on_check = gone, fresh
    pauses = await until_over(workers, task)
    assert pauses[0] == 0, "a fresh link is followed at once, the first time"
    assert min(pauses[1:]) >= 5
    assert sum(pauses) < 60


async def test_an_own_gpu_makes_a_film_again_that_is_not_there_any_more() -> None:
    workers = Workers()
    routes = (Route(workers.provider.name, "wan2.5-t2v", is_billable=False, attempts_max=3),)
    listing = replace(workers.world.catalog.listings[MODEL], routes=routes)
    workers.world.catalog = Catalog({MODEL: listing}, {})
    task = workers.put(Status.STORING)
    workers.change(workers.submit(task), is_billable=False)
    workers.provider.on_open, workers.provider.on_check = not_there, same_film(workers, task)
    await until_over(workers, task)
    assert workers.task(task).status is Status.RUNNING


async def test_a_film_damaged_once_is_asked_for_again_whatever_else_went_wrong() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    troubles = iter([Unreachable("broke off")] * 2 + [NotAFilm("no MP4")] * 2)

    async def develop(film: str) -> None:
        if (trouble := next(troubles, None)) is not None:
            raise trouble

    workers.darkroom.on_develop = develop
    await until_over(workers, task)
    assert workers.task(task).status is Status.SUCCEEDED


def same_film(workers: Workers, task: Task) -> Callable[[Ticket], Awaitable[Outcome]]:
    """A provider that says every time that the film is ready, and where."""

    async def check(ticket: Ticket) -> Outcome:
        return Ready(workers.submit(task).film or {})

    return check


async def test_a_film_above_the_limit_is_given_up_at_once_and_leaves_nothing() -> None:
    workers = Workers(budgets=Budgets(film_bytes_max=len(FILM) - 1))
    task = workers.put(Status.STORING)
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    failure = workers.task(task).failure
    assert failure is not None
    assert failure.reason is Reason.OUTPUT_LOST
    assert await workers.blob_names() == []


async def test_a_clock_set_far_back_gives_no_try_more_than_the_budget() -> None:
    workers = Workers(budgets=Budgets(collect=timedelta(seconds=0.05)))
    task = workers.put(Status.STORING)
    workers.clock.set(NOON - timedelta(days=365))
    workers.provider.on_open = hang
    assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)


async def hang(film: Film) -> AsyncIterator[bytes]:
    await never()
    yield b""


async def test_the_sealed_film_is_what_the_task_measures() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    workers.darkroom.sealed = Still(4_711, "5e" * 32)
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    measures = workers.task(task).measures
    assert measures is not None
    assert (measures.size_bytes, measures.sha256) == (4_711, "5e" * 32)
    kept = workers.store.read_now(lambda tx: kept_of(tx, task.id, ArtifactKind.FILM))
    assert kept is not None
    assert (kept.size_bytes, kept.sha256) == (4_711, "5e" * 32)
    assert workers.store.read_now(lambda tx: tx.faults(task.id)) == []


async def test_what_could_not_be_done_to_a_film_stands_beside_it() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    workers.darkroom.notes = ("The film was not sealed: it is odd.",)
    assert await collect.step(task.id, task.lease_epoch, workers.world) == OVER
    assert workers.task(task).status is Status.SUCCEEDED
    (fault,) = workers.store.read_now(lambda tx: tx.faults(task.id))
    assert (fault.note, fault.count) == ("The film was not sealed: it is odd.", 1)


async def test_a_film_is_told_by_what_made_it() -> None:
    workers = Workers()
    task = workers.put(Status.STORING)
    await collect.step(task.id, task.lease_epoch, workers.world)
    (origin,) = workers.darkroom.origins
    (submit,) = workers.store.read_now(lambda tx: tx.submits(task.id))
    assert (origin.task_id, origin.asked_model) == (task.id, task.model)
    assert (origin.model, origin.provider) == (submit.upstream_model, submit.provider)
    assert origin.source_type is SourceType.TRAINED
    assert (origin.prompt, origin.at) == (task.spec.prompt, workers.clock.now())
    drawn = collect._origin(task, replace(submit, provider="sandbox"), at=NOON)
    assert drawn.source_type is SourceType.ALGORITHMIC
