"""Bringing a film home from an upstream that breaks off, drips, hangs, or sends too much."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from rushes.domain.errors import Reason
from rushes.domain.provenance import SourceType
from rushes.domain.task import Status
from rushes.engine import collect
from rushes.engine.world import OVER, Again
from rushes.ports import ArtifactKind, Budgets, Still, kept_of
from rushes.providers.base import Film, FilmLost
from rushes.testing.builders import NOON
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
    assert task.deadline_at is not None
    workers.clock.set(task.deadline_at - timedelta(seconds=0.05))

    async def drip(film: Film) -> AsyncIterator[bytes]:
        yield FILM[:1]
        await never()

    workers.provider.on_open = drip
    assert isinstance(await collect.step(task.id, task.lease_epoch, workers.world), Again)
    workers.clock.advance(1)
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
