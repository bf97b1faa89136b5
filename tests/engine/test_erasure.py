"""Erasure: what goes, what stays, and what a task that is still under way becomes first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rushes.domain.access import CancelRule, EntryKind
from rushes.domain.spec import Asset, Role
from rushes.domain.task import Event, Status, Task
from rushes.engine.erasure import Erased, MovedOn, erase
from rushes.ports import Filed, Transaction
from rushes.testing.builders import a_spec, an_artifact, an_input, kept, put_task
from working import Workers


def with_input(workers: Workers, status: Status, filed: Filed, **born: Any) -> Task:
    """A task with an input, that stands at a status."""
    asset = Asset(Role.FIRST_FRAME, "image", blob=filed.blob, size_bytes=3)

    def act(tx: Transaction) -> Task:
        task = put_task(tx, status, spec=a_spec(assets=(asset,)), **born)
        tx.file_input(filed)
        tx.refer_input(task.id, filed.blob)
        return task

    return workers.store.write_now(act)


def erased(workers: Workers, task: Task, removed: list[str]) -> Erased:
    at = workers.clock.now()
    return workers.store.write_now(
        lambda tx: erase(
            tx,
            task.id,
            at=at,
            rule=CancelRule.RELEASE,
            remove_input=removed.append,
            young_since=at - timedelta(hours=1),
        )
    )


OLD = timedelta(hours=3)


@pytest.mark.promise("P5")
def test_a_finished_task_goes_with_its_files_and_money_stays() -> None:
    workers, removed = Workers(), list[str]()
    filed = an_input(created_at=workers.clock.now() - OLD)
    task = with_input(workers, Status.SUCCEEDED, filed)
    film, lost = an_artifact(task), an_artifact(task)
    workers.store.write_now(lambda tx: tx.add_artifacts(film, lost))
    workers.store.write_now(lambda tx: tx.keep_artifacts(kept(film)))
    outcome = erased(workers, task, removed)
    assert sorted(outcome.files) == sorted([film.blob, lost.blob])
    assert removed == [filed.blob] == list(outcome.inputs)

    def read(tx: Transaction) -> tuple[Task | None, set[EntryKind], Filed | None]:
        return tx.task(task.id), {one.kind for one in tx.entries(task.id)}, tx.input(filed.blob)

    gone, entries, filed_now = workers.store.read_now(read)
    assert gone is None
    assert entries == {EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE}
    assert filed_now is None


@pytest.mark.promise("P11")
def test_a_task_under_way_is_canceled_first_and_its_provider_is_told_to_stop() -> None:
    workers = Workers()
    task = workers.store.write_now(lambda tx: put_task(tx, Status.STORING))
    writing = an_artifact(task)
    workers.store.write_now(lambda tx: tx.add_artifacts(writing))
    outcome = erased(workers, task, [])
    assert outcome.files == []  # a worker may be writing it: the sweep of lost tries has it
    assert outcome.remains.is_open

    def read(tx: Transaction) -> tuple[list[str], Any, int, list[str]]:
        events = [news.type for news in tx.unposted(9) if news.task_id == task.id]
        amounts = {one.kind: one.amount_microusd for one in tx.entries(task.id)}
        due = tx.submits_to_look_at(workers.clock.now(), 9)
        lost = tx.sweepable(workers.clock.now() + OLD, 9)
        return events, amounts, len(due), [one.blob for one in lost]

    events, amounts, due, lost = workers.store.read_now(read)
    assert events == ["video.canceled"]
    settled = amounts[EntryKind.CAPTURE] + amounts[EntryKind.RELEASE]
    assert settled == amounts[EntryKind.HOLD] == task.hold_microusd
    assert due == 1
    assert lost == [writing.blob]


def test_an_input_that_another_task_needs_stays() -> None:
    workers, removed = Workers(), list[str]()
    filed = an_input(created_at=workers.clock.now() - OLD)
    task = with_input(workers, Status.FAILED, filed)
    other = with_input(workers, Status.QUEUED, filed)
    outcome = erased(workers, task, removed)
    assert (removed, list(outcome.inputs_left)) == ([], [filed.blob])
    erased(workers, other, removed)
    assert removed == [filed.blob]


def test_a_young_input_is_left_to_the_sweep_for_another_may_be_about_to_use_it() -> None:
    workers, removed = Workers(), list[str]()
    filed = an_input(created_at=workers.clock.now())
    outcome = erased(workers, with_input(workers, Status.FAILED, filed), removed)
    assert (removed, list(outcome.inputs_left)) == ([], [filed.blob])


def test_storage_that_is_away_leaves_everything_as_it_was() -> None:
    workers = Workers()
    filed = an_input(created_at=workers.clock.now() - OLD)
    task = with_input(workers, Status.QUEUED, filed)

    def away(blob: str) -> None:
        raise OSError(5, "storage is away")

    at = workers.clock.now()
    with pytest.raises(OSError, match="away"):
        workers.store.write_now(
            lambda tx: erase(
                tx, task.id, at=at, rule=CancelRule.RELEASE, remove_input=away, young_since=at
            )
        )
    assert workers.task(task).status is Status.QUEUED
    assert workers.store.read_now(lambda tx: tx.input(filed.blob)) == filed


def test_a_task_that_its_caller_deleted_leaves_traces_that_are_blanked_too() -> None:
    workers = Workers()
    task = workers.store.write_now(lambda tx: put_task(tx, Status.FAILED))
    workers.store.write_now(lambda tx: tx.remove_task(task.id))
    outcome = erased(workers, task, [])
    assert outcome.remains.task is None
    assert outcome.remains.is_known
    (submit,) = workers.store.read_now(lambda tx: tx.submits(task.id))
    assert (submit.note, submit.film) == ("", None)


def test_a_task_that_moves_at_this_moment_is_not_half_erased() -> None:
    workers = Workers()
    task = workers.put()

    class Moving:
        """A transaction in which the move comes too late."""

        def __init__(self, tx: Transaction) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def move(self, before: Task, after: Task, event: Event, **_at: Any) -> bool:
            return False

    at = workers.clock.now()
    with pytest.raises(MovedOn):
        workers.store.write_now(
            lambda tx: erase(
                Moving(tx),  # type: ignore[arg-type]
                task.id,
                at=at,
                rule=CancelRule.RELEASE,
                remove_input=lambda _: None,
                young_since=at,
            )
        )
    assert workers.task(task).status is Status.QUEUED
