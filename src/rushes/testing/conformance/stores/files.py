"""Checks of files: which try at a film wins, what may be swept, and what a caller gave."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rushes.domain.errors import LeaseLost
from rushes.domain.task import FINAL, Event, Status, Task
from rushes.ports import ArtifactKind, ArtifactState, Filed, IntegrityFault, Transaction
from rushes.testing.builders import (
    NOON,
    WORK_ID,
    a_task,
    an_artifact,
    an_input,
    kept,
    moved,
    put_move,
)
from rushes.testing.conformance.stores.subject import Subject, later

FAR = later(minutes=999)


async def a_try_is_written_down_first(subject: Subject) -> None:
    """A blob has a row before it has bytes, and no two tries share a name."""
    task = await subject.put(Status.STORING)
    film = an_artifact(task)
    poster = an_artifact(task, kind=ArtifactKind.POSTER, created_at=later(seconds=-1))
    await subject.do(Transaction.add_artifacts, film)
    await subject.do(Transaction.add_artifacts, poster)
    assert await subject.ask(Transaction.artifacts, task.id) == [poster, film]
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_artifacts, replace(film, task_id="another"))


async def a_winner_has_its_measures(subject: Subject) -> None:
    """Keeping writes state, size and digest; whatever state the caller's value had."""
    task = await subject.put(Status.STORING)
    film, other = an_artifact(task), an_artifact(task)
    await subject.do(Transaction.add_artifacts, film)
    await subject.do(Transaction.add_artifacts, other)
    measured = replace(kept(film), state=ArtifactState.WRITING)
    await subject.do(Transaction.keep_artifacts, measured)
    assert await subject.ask(Transaction.artifacts, task.id) == [kept(film), other]


async def what_is_not_there_cannot_be_kept(subject: Subject) -> None:
    """A try without a row, or whose blob was swept, must not become a film (P4)."""
    task = await subject.put(Status.STORING)
    film = an_artifact(task)
    with pytest.raises(LeaseLost):
        await subject.do(Transaction.keep_artifacts, kept(film))
    await subject.do(Transaction.add_artifacts, film)
    await subject.do(Transaction.swept, [film.blob])
    with pytest.raises(LeaseLost):
        await subject.do(Transaction.keep_artifacts, kept(film))
    assert await subject.ask(Transaction.artifacts, task.id) == []


async def of_tries_that_belong_together_all_are_kept_or_none(subject: Subject) -> None:
    """A film whose poster was swept meanwhile is no film: its own row stays a try."""
    task = await subject.put(Status.STORING)
    film, poster = an_artifact(task), an_artifact(task, kind=ArtifactKind.POSTER)
    await subject.do(Transaction.add_artifacts, film, poster)
    await subject.do(Transaction.swept, [poster.blob])
    with pytest.raises(LeaseLost, match=poster.blob):
        await subject.do(Transaction.keep_artifacts, kept(film), kept(poster))
    assert await subject.ask(Transaction.artifacts, task.id) == [film]
    again = an_artifact(task, kind=ArtifactKind.POSTER)
    await subject.do(Transaction.add_artifacts, again)
    await subject.do(Transaction.keep_artifacts, kept(film), kept(again))
    assert await subject.ask(Transaction.artifacts, task.id) == [kept(film), kept(again)]


async def a_lost_try_is_sweepable(subject: Subject) -> None:
    """A try has lost when its task ended without it, was taken over since, or is gone."""
    for status in Status:
        task = await subject.put(status)
        await subject.do(Transaction.add_artifacts, an_artifact(task))
        swept = await subject.ask(Transaction.sweepable, FAR, 99)
        assert [one.task_id for one in swept] == ([task.id] if status in FINAL else [])
        for artifact in swept:
            await subject.do(Transaction.swept, [artifact.blob])


async def a_try_of_the_owner_is_not_sweepable(subject: Subject) -> None:
    """As long as its epoch is the task's, a try may still win; older ones may not."""
    task = await subject.put(Status.STORING)
    old = an_artifact(task)
    await subject.do(Transaction.add_artifacts, old)
    taken = await subject.do(Transaction.take, task.id, frozenset({Status.STORING}), WORK_ID)
    assert taken is not None
    await subject.do(Transaction.add_artifacts, an_artifact(taken))
    assert await subject.ask(Transaction.sweepable, FAR, 99) == [old]


async def a_winner_is_sweepable_once_its_task_is_removed(subject: Subject) -> None:
    """A kept film stays for as long as its task's row does."""
    task = await subject.put(Status.STORING)
    film = an_artifact(task)
    await subject.do(Transaction.add_artifacts, film)
    await subject.do(Transaction.keep_artifacts, kept(film))
    await subject.write(lambda tx: put_move(tx, task, Event.STORED))
    assert await subject.ask(Transaction.sweepable, FAR, 99) == []
    await subject.do(Transaction.remove_task, task.id)
    found = await subject.ask(Transaction.sweepable, FAR, 99)
    assert found == [replace(kept(film), state=ArtifactState.WRITING)]


async def the_young_are_not_swept(subject: Subject) -> None:
    """Only what is older than `before`, the oldest first, up to a limit."""
    task = await subject.put(Status.FAILED)
    tries = [an_artifact(task, created_at=later(minutes=minutes)) for minutes in (3, 1, 2, 1)]
    for artifact in tries:
        await subject.do(Transaction.add_artifacts, artifact)
    in_order = [tries[place] for place in (1, 3, 2, 0)]
    for minutes, count in ((1, 0), (2, 2), (3, 3), (4, 4)):
        assert (
            await subject.ask(Transaction.sweepable, later(minutes=minutes), 9) == in_order[:count]
        )
    assert await subject.ask(Transaction.sweepable, FAR, 3) == in_order[:3]


async def what_is_swept_is_not_swept_again(subject: Subject) -> None:
    """A swept blob leaves every list; an unknown one is fine."""
    task = await subject.put(Status.FAILED)
    tries = [an_artifact(task) for _ in range(3)]
    for artifact in tries:
        await subject.do(Transaction.add_artifacts, artifact)
    await subject.do(Transaction.swept, iter([tries[0].blob, "unknown", tries[1].blob]))
    await subject.do(Transaction.swept, [])
    assert await subject.ask(Transaction.sweepable, FAR, 9) == [tries[2]]
    assert await subject.ask(Transaction.artifacts, task.id) == [tries[2]]


async def an_input_is_known_by_its_digest(subject: Subject) -> None:
    """The first to file a blob says what it is; filing it again makes it young."""
    filed = an_input()
    assert await subject.ask(Transaction.input, filed.blob) is None
    await subject.do(Transaction.file_input, filed)
    assert await subject.ask(Transaction.input, filed.blob) == filed
    again = Filed(filed.blob, 1, "text/plain", later(minutes=5))
    await subject.do(Transaction.file_input, again)
    assert await subject.ask(Transaction.input, filed.blob) == replace(
        filed, created_at=later(minutes=5)
    )


async def an_orphan_is_an_old_input_of_no_task(subject: Subject) -> None:
    """Referred, or young again, it stays; the oldest orphans come first, up to a limit."""
    orphans = [an_input(created_at=later(minutes=minutes)) for minutes in (3, 1, 2)]
    wanted, young = an_input(), an_input(created_at=later(minutes=30))
    for filed in (*orphans, wanted, young):
        await subject.do(Transaction.file_input, filed)
    task = a_task()
    for _ in range(2):
        await subject.do(Transaction.refer_input, task.id, wanted.blob)
    in_order = [orphans[place].blob for place in (1, 2, 0)]
    assert await subject.ask(Transaction.orphan_inputs, later(minutes=30), 9) == in_order
    assert await subject.ask(Transaction.orphan_inputs, later(minutes=30), 2) == in_order[:2]
    assert await subject.ask(Transaction.orphan_inputs, NOON, 9) == []


async def an_input_is_wanted_while_any_task_wants_it(subject: Subject) -> None:
    """Two tasks share a picture; it is an orphan when both are gone."""
    filed = an_input()
    await subject.do(Transaction.file_input, filed)
    tasks = [await subject.put(Status.FAILED) for _ in range(2)]
    for task in tasks:
        await subject.do(Transaction.refer_input, task.id, filed.blob)
    for task in tasks:
        assert await subject.ask(Transaction.orphan_inputs, FAR, 9) == []
        await subject.do(Transaction.remove_task, task.id)
    assert await subject.ask(Transaction.orphan_inputs, FAR, 9) == [filed.blob]


async def a_dropped_input_is_forgotten(subject: Subject) -> None:
    """It may be filed anew; unknown ones are fine."""
    first, second = an_input(), an_input()
    for filed in (first, second):
        await subject.do(Transaction.file_input, filed)
    await subject.do(Transaction.drop_inputs, iter([first.blob, "unknown"]))
    await subject.do(Transaction.drop_inputs, [])
    assert await subject.ask(Transaction.input, first.blob) is None
    assert await subject.ask(Transaction.orphan_inputs, FAR, 9) == [second.blob]
    await subject.do(Transaction.file_input, replace(first, size_bytes=9))
    assert await subject.ask(Transaction.input, first.blob) == replace(first, size_bytes=9)


async def orphans_are_taken_with_their_rows(subject: Subject) -> None:
    """What was returned is forgotten; what is young or wanted stays."""
    old, wanted, young = an_input(), an_input(), an_input(created_at=later(minutes=30))
    for filed in (old, wanted, young):
        await subject.do(Transaction.file_input, filed)
    await subject.do(Transaction.refer_input, a_task().id, wanted.blob)
    assert await subject.do(Transaction.take_orphans, later(minutes=30), 9) == [old.blob]
    assert await subject.do(Transaction.take_orphans, later(minutes=30), 9) == []
    left = [await subject.ask(Transaction.input, one.blob) for one in (old, wanted, young)]
    assert left == [None, wanted, young]


async def a_film_is_given_up_once(subject: Subject) -> None:
    """The task stays succeeded without its film, whose blobs are found by the sweep."""
    task = await subject.put(Status.STORING)
    film = kept(an_artifact(task))
    await subject.do(Transaction.add_artifacts, film)
    assert not await subject.do(Transaction.give_up_film, task.id)
    await subject.write(lambda tx: put_move(tx, task, Event.STORED))
    assert await subject.ask(Transaction.sweepable, FAR, 9) == []
    assert await subject.do(Transaction.give_up_film, task.id)
    assert not await subject.do(Transaction.give_up_film, task.id)
    found = await subject.task(task.id)
    assert found is not None
    assert (found.status, found.is_film_gone) == (Status.SUCCEEDED, True)
    assert [one.blob for one in await subject.ask(Transaction.sweepable, FAR, 9)] == [film.blob]
    assert not await subject.do(Transaction.give_up_film, "video_unknown")


async def what_was_kept_long_enough_is_found(subject: Subject) -> None:
    """Ended tasks whose time is over, the oldest first; those without a film left are not."""
    tasks = {minutes: await _kept_until(subject, later(minutes=minutes)) for minutes in (3, 1, 2)}
    await subject.put(Status.SUCCEEDED)
    found = await subject.ask(Transaction.expired, later(minutes=2), 9)
    assert [one.id for one in found] == [tasks[1].id, tasks[2].id]
    assert [one.id for one in await subject.ask(Transaction.expired, FAR, 1)] == [tasks[1].id]
    await subject.do(Transaction.give_up_film, tasks[1].id)
    assert [one.id for one in await subject.ask(Transaction.expired, later(minutes=1), 9)] == []


async def _kept_until(subject: Subject, until: datetime) -> Task:
    task = await subject.put(Status.STORING)
    after = replace(moved(task, Event.STORED), expires_at=until)
    assert await subject.write(lambda tx: tx.move(task, after, Event.STORED, at=NOON))
    return after


async def inputs_of_ended_tasks_can_be_released(subject: Subject) -> None:
    """They become orphans; those of a task that goes on, or ended lately, stay wanted."""
    going, ended = await subject.put(Status.RUNNING), await subject.put(Status.FAILED)
    assert ended.finished_at is not None
    theirs, ours = an_input(), an_input()
    for task, filed in ((going, ours), (ended, theirs), (ended, an_input())):
        await subject.do(Transaction.file_input, filed)
        await subject.do(Transaction.refer_input, task.id, filed.blob)
    assert await subject.do(Transaction.release_inputs, ended.finished_at, 9) == 0
    after = ended.finished_at + timedelta(seconds=1)
    assert await subject.do(Transaction.release_inputs, after, 1) == 1
    assert await subject.do(Transaction.release_inputs, after, 9) == 1
    orphans = await subject.ask(Transaction.orphan_inputs, FAR, 9)
    assert theirs.blob in orphans
    assert ours.blob not in orphans
