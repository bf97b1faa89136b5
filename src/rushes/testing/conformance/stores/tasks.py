"""Checks of tasks: how they are born, taken over, watched, listed and removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rushes.domain.access import EntryKind
from rushes.domain.spec import Asset, Role, Script
from rushes.domain.task import FINAL, Event, Status, Task
from rushes.ports import Begun, Faults, IntegrityFault, Page, Told, Transaction, Waiting
from rushes.testing.builders import (
    ACCOUNT_ID,
    KEY_ID,
    NOON,
    WORK_ID,
    a_hold,
    a_spec,
    a_task,
    an_answer,
    an_artifact,
    an_input,
    kept,
    put_move,
)
from rushes.testing.conformance.stores.subject import Subject, later

UNFINISHED = tuple(status for status in Status if status not in FINAL)


async def a_task_is_read_back_whole(subject: Subject) -> None:
    """Nothing of a task is lost or rounded, whatever its caller wrote."""
    asset = Asset(Role.FIRST_FRAME, "image", url="https://pictures.test/ä.png", size_bytes=2**40)
    task = a_task(
        created_at=NOON + timedelta(microseconds=999_999),
        spec=a_spec(
            prompt='a "fox"\n\t\x00 \U0001f98a\ud7ff',
            assets=(asset,),
            options={"guidance": 7.5, "tags": ["a", None, True], "deep": {"er": {}}},
            script=Script("failed", 2.5),
        ),
        start_within_s=90,
        is_rehearsal=True,
        served_by="wan2.5-t2v",
        callback_url="https://caller.test/hook?a=ü",
        user="Zoë \x01",
        metadata={"order": 17, "": {"b": [1.0, "x"], "a": None}},
        hold_microusd=10**15,
    )
    await subject.do(Transaction.add_task, task, a_hold(task))
    assert await subject.task(task.id) == task
    told = await subject.ask(Transaction.told, task.id)
    assert told == [Told(1, None, Status.QUEUED, task.created_at)]
    assert await subject.ask(Transaction.entries, task.id) == [a_hold(task)]


async def text_that_no_database_can_hold_harms_nothing(subject: Subject) -> None:
    """NUL, or half a character, is kept or replaced; asked for, it finds what was written."""
    for odd in ("a\x00b", "a\ud800b"):
        kept = {odd, "a\ufffdb"}
        task = a_task(user=odd, callback_url=odd, model=odd, account_id=odd)
        await subject.do(Transaction.add_task, task, a_hold(task))
        await subject.do(Transaction.count_fault, task, odd, at=NOON)
        found = await subject.task(task.id)
        assert found is not None
        assert {found.user, found.callback_url, found.model, found.account_id} <= kept
        assert {one.note for one in await subject.ask(Transaction.faults, task.id)} <= kept
        page = Page(odd, 9, model=odd, after=task.id + odd)
        assert [one.id for one in await subject.ask(Transaction.page, page)] == [task.id]
        assert await subject.task(odd) is None
        assert await subject.ask(Transaction.answer, odd, odd, odd, NOON) is None
        assert await subject.ask(Transaction.submit_by_token, odd, odd) is None
        await subject.do(Transaction.remove_task, task.id)


async def what_is_not_there_is_not_found(subject: Subject) -> None:
    """An unknown id is None or empty, never an error."""
    task = await subject.put()
    assert await subject.task("video_" + "f" * 32) is None
    assert await subject.task(task.id.upper()) is None
    assert await subject.ask(Transaction.told, "nobody") == []
    assert await subject.ask(Transaction.faults, "nobody") == []
    assert await subject.ask(Transaction.entries, "nobody") == []
    assert await subject.do(Transaction.take, "nobody", frozenset(Status), WORK_ID) is None


async def many_are_read_at_once(subject: Subject) -> None:
    """Tasks by their ids, and the submits of each by number; what is not there is left out."""
    running, queued = await subject.put(Status.RUNNING), await subject.put()
    again = replace((await subject.ask(Transaction.submits, running.id))[0], n=2, token="2" * 32)
    await subject.do(Transaction.add_submit, again)
    ids = [queued.id, "video_" + "f" * 32, running.id, queued.id]
    assert await subject.ask(Transaction.tasks_by_id, ids) == {
        one.id: await subject.task(one.id) for one in (running, queued)
    }
    assert await subject.ask(Transaction.submits_by_task, ids) == {
        one: await subject.ask(Transaction.submits, one) for one in ids
    }
    assert len((await subject.ask(Transaction.submits_by_task, ids))[running.id]) == 2
    assert await subject.ask(Transaction.tasks_by_id, []) == {}
    assert await subject.ask(Transaction.submits_by_task, []) == {}


async def a_task_is_added_once(subject: Subject) -> None:
    """A second task under the same id is refused, and the first stays as it was."""
    task = await subject.put()
    again = replace(task, user="somebody else")
    with pytest.raises(IntegrityFault):
        await subject.do(Transaction.add_task, again, a_hold(again))
    assert await subject.task(task.id) == task


async def a_takeover_raises_epoch_and_count(subject: Subject) -> None:
    """Whoever takes a task over becomes its only writer; nothing else of it changes."""
    task = await subject.put(Status.RUNNING)
    taken = await subject.do(Transaction.take, task.id, frozenset({Status.RUNNING}), WORK_ID)
    assert taken == replace(task, lease_epoch=1, takeover_count=1)
    again = await subject.do(Transaction.take, task.id, frozenset(UNFINISHED), WORK_ID)
    assert again == replace(task, lease_epoch=2, takeover_count=2)
    assert await subject.task(task.id) == again


async def a_takeover_needs_one_of_the_statuses(subject: Subject) -> None:
    """A task that stands elsewhere is left alone."""
    for status in Status:
        task = await subject.put(status)
        others = frozenset(Status) - {status}
        assert await subject.do(Transaction.take, task.id, others, WORK_ID) is None
        assert await subject.do(Transaction.take, task.id, frozenset(), WORK_ID) is None
        assert await subject.task(task.id) == task


async def a_takeover_is_for_the_work_the_task_belongs_to(subject: Subject) -> None:
    """Work that a task was taken from, to another queue say, cannot take it back."""
    task = await subject.put(Status.RUNNING)
    assert await subject.do(Transaction.rework, task, "work:1", "gpu")
    running = frozenset({Status.RUNNING})
    assert await subject.do(Transaction.take, task.id, running, WORK_ID) is None
    taken = await subject.do(Transaction.take, task.id, running, "work:1")
    assert taken is not None
    assert (taken.lease_epoch, taken.queue) == (2, "gpu")


async def a_task_that_is_held_is_read_as_it_stands(subject: Subject) -> None:
    """To hold a task changes nothing of it, and one that is not there cannot be held."""
    task = await subject.put(Status.RUNNING)
    assert await subject.do(Transaction.hold_task, task.id) == task
    assert await subject.task(task.id) == task
    assert await subject.do(Transaction.hold_task, a_task().id) is None


async def a_task_that_was_taken_too_often_is_not_taken(subject: Subject) -> None:
    """The limit counts takeovers since the last move; without one nothing is counted."""
    task, running = await subject.put(Status.RUNNING), frozenset({Status.RUNNING})

    def take(tx: Transaction) -> Task | None:
        return tx.take(task.id, running, WORK_ID, takeovers_max=2)

    for count in (1, 2):
        taken = await subject.write(take)
        assert taken is not None
        assert taken.takeover_count == count
    assert await subject.write(take) is None
    assert await subject.task(task.id) == taken
    taken = await subject.do(Transaction.take, task.id, running, WORK_ID)
    assert taken is not None
    assert (taken.takeover_count, taken.lease_epoch) == (3, task.lease_epoch + 3)


async def the_queues_of_unfinished_tasks_are_named(subject: Subject) -> None:
    """A queue is named once while a task holds or awaits a slot there; a final task holds none."""
    await subject.put(queue="gpu")
    await subject.put(Status.RUNNING, queue="gpu")
    await subject.put(Status.STORING, queue="ark")
    await subject.put(Status.FAILED, queue="gone")
    await subject.put(queue=None)
    assert await subject.ask(Transaction.queues) == ["ark", "gpu"]


async def new_work_is_given_once(subject: Subject) -> None:
    """Rework raises the epoch, so that the second to ask, who saw the same row, gets nothing."""
    task = await subject.put(Status.RUNNING)
    given = await subject.do(Transaction.rework, task, "work:1", "gpu")
    again = await subject.do(Transaction.rework, task, "work:2", "gpu")
    assert (given, again) == (True, False)
    assert await subject.task(task.id) == replace(
        task, work_id="work:1", queue="gpu", lease_epoch=1
    )


async def more_time_is_given_to_a_task_as_it_was_seen(subject: Subject) -> None:
    """A deadline moves without an event; a task that moved or was taken since keeps its own."""
    task = await subject.put(Status.RUNNING)
    assert await subject.do(Transaction.extend, task, later(minutes=99))
    extended = replace(task, deadline_at=later(minutes=99))
    assert await subject.task(task.id) == extended
    taken = await subject.do(Transaction.take, task.id, frozenset(Status), WORK_ID)
    assert taken is not None
    assert not await subject.do(Transaction.extend, extended, NOON)
    failed = await subject.write(lambda tx: put_move(tx, taken, Event.FAILED))
    assert not await subject.do(Transaction.extend, taken, NOON)
    assert await subject.task(task.id) == failed


async def a_spec_is_completed_by_the_owner_only(subject: Subject) -> None:
    """`set_spec` writes the spec alone, and only while the row stands as its writer saw it."""
    task = await subject.put()
    complete = replace(task, spec=a_spec(seed=8), user="not written", work_id="not written")
    assert await subject.do(Transaction.set_spec, complete)
    written = replace(task, spec=complete.spec)
    assert await subject.task(task.id) == written
    for stale in (
        replace(task, status=Status.RUNNING),
        replace(task, version=2),
        replace(task, lease_epoch=1),
        replace(task, id="nobody"),
    ):
        assert not await subject.do(Transaction.set_spec, stale)
        assert not await subject.do(Transaction.rework, stale, "work", None)
    assert await subject.task(task.id) == written


async def progress_only_rises(subject: Subject) -> None:
    """Progress is raised by its owner while the task runs, and forgives takeovers."""
    task = await subject.put(Status.RUNNING)
    await subject.do(Transaction.take, task.id, frozenset({Status.RUNNING}), WORK_ID)
    for percent, epoch, seen in (
        (40, 1, 40),
        (39, 1, 40),
        (40, 1, 40),
        (90, 0, 40),
        (90, 2, 40),
        (41, 1, 41),
    ):
        step = (task.id, epoch, percent)
        await subject.do(Transaction.set_progress, [step])
        now = await subject.task(task.id)
        assert now == replace(task, lease_epoch=1, progress=seen, takeover_count=0)


async def progress_waits_for_the_provider(subject: Subject) -> None:
    """Before and after it runs, a task has no progress but what its moves say."""
    for status in set(Status) - {Status.RUNNING}:
        task = await subject.put(status)
        step = (task.id, task.lease_epoch, 99)
        await subject.do(Transaction.set_progress, [step])
        assert await subject.task(task.id) == task


async def progress_is_saved_for_many_at_once(subject: Subject) -> None:
    """One call takes any number of tasks, none and unknown ones included, and rings for none."""
    first, second = await subject.put(Status.RUNNING), await subject.put(Status.RUNNING)
    steps = [(first.id, 0, 10), ("nobody", 0, 20), (second.id, 0, 30), (first.id, 0, 15)]
    await subject.do(Transaction.set_progress, iter(()))
    subject.changes.clear()
    await subject.do(Transaction.set_progress, iter(steps))
    now = [await subject.task(task.id) for task in (first, second)]
    assert now == [replace(first, progress=15), replace(second, progress=30)]
    assert not subject.changes, "a worker that notes progress would wake itself"


async def faults_are_counted_by_kind(subject: Subject) -> None:
    """Each kind of trouble is one line with its count, first and last sight."""
    task = await subject.put(Status.RUNNING)
    sights = (("503", 1), ("unknown word", 2), ("503", 3))
    for note, minutes in sights:
        at = later(minutes=minutes)
        await subject.do(Transaction.count_fault, task, note, at=at)
    assert await subject.ask(Transaction.faults, task.id) == [
        Faults(Status.RUNNING, "503", 2, later(minutes=1), later(minutes=3)),
        Faults(Status.RUNNING, "unknown word", 1, later(minutes=2), later(minutes=2)),
    ]
    assert await subject.task(task.id) == replace(task, fault_count=3)
    after = await subject.write(lambda tx: put_move(tx, replace(task, fault_count=3), Event.READY))
    await subject.do(Transaction.count_fault, after, "503", at=later(minutes=4))
    statuses = [found.status for found in await subject.ask(Transaction.faults, task.id)]
    assert statuses == [Status.RUNNING, Status.RUNNING, Status.STORING]


async def a_stale_worker_counts_no_fault(subject: Subject) -> None:
    """Trouble of a worker that lost its task, or of a status that is past, is not the task's."""
    task = await subject.put(Status.RUNNING)
    for stale in (
        replace(task, lease_epoch=1),
        replace(task, status=Status.SUBMITTING),
        replace(task, id="nobody"),
    ):
        await subject.do(Transaction.count_fault, stale, "503", at=NOON)
        assert await subject.ask(Transaction.faults, stale.id) == []
    assert await subject.task(task.id) == task


async def a_removed_task_leaves_money_and_answers(subject: Subject) -> None:
    """Record and events go, files become sweepable; the ledger, submits and answers stay."""
    task = await subject.put(Status.SUCCEEDED)
    film, filed = an_artifact(task), an_input()

    def furnish(tx: Transaction) -> None:
        tx.add_artifacts(film)
        tx.keep_artifacts(kept(film))
        tx.file_input(filed)
        tx.refer_input(task.id, filed.blob)
        tx.add_answer(an_answer(task, key="once"), since=NOON)
        tx.count_fault(task, "503", at=NOON)

    await subject.write(furnish)
    before = await subject.read(lambda tx: (tx.entries(task.id), tx.submits(task.id)))
    await subject.do(Transaction.remove_task, task.id)
    far = later(minutes=60)
    assert await subject.task(task.id) is None
    assert await subject.read(lambda tx: (tx.told(task.id), tx.faults(task.id))) == ([], [])
    assert await subject.read(lambda tx: (tx.entries(task.id), tx.submits(task.id))) == before
    assert [entry.kind for entry in before[0]] == list(EntryKind)
    swept = await subject.ask(Transaction.sweepable, far, 10)
    assert [artifact.blob for artifact in swept] == [film.blob]
    assert await subject.ask(Transaction.orphan_inputs, far, 10) == [filed.blob]
    answer = await subject.ask(Transaction.answer, task.account_id, "/v1/videos", "once", NOON)
    assert answer == an_answer(task, key="once")


async def removing_twice_or_nothing_is_fine(subject: Subject) -> None:
    """A remover that lost a race has nothing to do; other tasks are not touched."""
    task, other = await subject.put(Status.FAILED), await subject.put(Status.FAILED)
    for _ in range(2):
        await subject.do(Transaction.remove_task, task.id)
    assert await subject.task(other.id) == other
    assert len(await subject.ask(Transaction.told, other.id)) == other.version


async def what_is_due_comes_in_order(subject: Subject) -> None:
    """Unfinished tasks at or past their deadline, the longest overdue first."""
    for status in FINAL:
        await subject.put(status)
    late = [
        await subject.put(deadline_at=later(minutes=minutes), queue_deadline_at=later(minutes=9))
        for minutes in (3, 1, 2, 1)
    ]
    in_order = [late[1].id, late[3].id, late[2].id, late[0].id]
    for at, count in ((later(minutes=1, seconds=-1), 0), (later(minutes=1), 2), (later(), 0)):
        due = await subject.ask(Transaction.due, at, 10)
        assert [task.id for task in due] == in_order[:count]
    due = await subject.ask(Transaction.due, later(minutes=9), 3)
    assert [task.id for task in due] == in_order[:3]
    assert await subject.ask(Transaction.due, later(minutes=9), 10) == [
        late[1],
        late[3],
        late[2],
        late[0],
    ]


async def the_unfinished_are_paged_by_id(subject: Subject) -> None:
    """Each page goes on after the last id; what has ended is not among them."""
    tasks = [await subject.put(status) for status in (*Status, *Status)]
    unfinished = [task for task in tasks if not task.is_final]
    seen: list[Task] = []
    after = ""
    for _ in tasks:
        page = await subject.ask(Transaction.unfinished, after, 3)
        assert len(page) <= 3
        seen += page
        after = page[-1].id if page else after
    assert seen == unfinished


async def the_last_event_of_what_is_unfinished_is_known(subject: Subject) -> None:
    """What has ended does not count, however late that was; without anything there is none."""
    assert await subject.ask(Transaction.last_event_at) is None
    task = await subject.put(created_at=later(minutes=1))
    other = await subject.put(Status.SUBMITTING)
    await subject.put(Status.FAILED, created_at=later(minutes=50))
    assert await subject.ask(Transaction.last_event_at) == task.created_at
    doubted_at = later(minutes=2)
    await subject.store.write(lambda tx: put_move(tx, other, Event.DOUBTED, at=doubted_at))
    assert await subject.ask(Transaction.last_event_at) == doubted_at


async def a_page_has_one_row_more(subject: Subject) -> None:
    """A list asks for a page and learns from one extra row that there is more."""
    tasks = [await subject.put() for _ in range(5)]
    for limit, is_newest_first in ((2, True), (2, False), (4, True), (5, False), (9, True)):
        page = Page(ACCOUNT_ID, limit, is_newest_first=is_newest_first)
        ordered = tasks[::-1] if is_newest_first else tasks
        found = await subject.ask(Transaction.page, page)
        assert found == ordered[: limit + 1]


async def a_page_goes_on_after_an_id(subject: Subject) -> None:
    """`after` is beyond, not included, and need not exist any more."""
    tasks = [await subject.put() for _ in range(5)]
    middle = tasks[2].id
    for _ in range(2):
        older = await subject.ask(Transaction.page, Page(ACCOUNT_ID, 9, after=middle))
        newer = await subject.ask(
            Transaction.page, Page(ACCOUNT_ID, 9, after=middle, is_newest_first=False)
        )
        assert (older, newer) == (tasks[1::-1], tasks[3:])
        await subject.do(Transaction.remove_task, middle)


async def a_page_is_of_one_account(subject: Subject) -> None:
    """What is not the caller's is not there (P8), whatever the filter."""
    mine = [
        await subject.put(Status.RUNNING, model="wan"),
        await subject.put(Status.QUEUED, model="wan"),
        await subject.put(Status.RUNNING, model="sora"),
    ]
    theirs = await subject.put(Status.RUNNING, model="wan", account_id="acct_" + "b" * 32)
    running, queued = frozenset({Status.RUNNING}), frozenset({Status.QUEUED})
    for page, expected in (
        (Page(ACCOUNT_ID, 9), [2, 1, 0]),
        (Page(ACCOUNT_ID, 9, statuses=running), [2, 0]),
        (Page(ACCOUNT_ID, 9, statuses=running | queued, model="wan"), [1, 0]),
        (Page(ACCOUNT_ID, 9, statuses=frozenset({Status.FAILED})), []),
        (Page(ACCOUNT_ID, 9, model="veo"), []),
        (Page("acct_" + "c" * 32, 9), []),
        (Page(ACCOUNT_ID, 9, key_id="key_" + "c" * 32), []),
    ):
        found = await subject.ask(Transaction.page, page)
        assert found == [mine[place] for place in expected]
    every = Page(None, 9, key_id=KEY_ID, statuses=running, model="wan")
    assert await subject.ask(Transaction.page, every) == [theirs, mine[0]], "an operator's"


async def events_are_read_on_from_a_number(subject: Subject) -> None:
    """A reader that saw some events asks for those above the last one it saw."""
    task = await subject.put(Status.SUCCEEDED)
    told = await subject.ask(Transaction.told, task.id)
    assert [one.number for one in told] == [1, 2, 3, 4, 5]
    for after in range(6):
        assert await subject.ask(Transaction.told, task.id, after) == told[after:]


async def tasks_are_counted_by_status(subject: Subject) -> None:
    """Only statuses with tasks are told."""
    assert await subject.ask(Transaction.counts) == {}
    for status in (Status.QUEUED, Status.QUEUED, Status.FAILED):
        await subject.put(status)
    counts = await subject.ask(Transaction.counts)
    assert counts == {Status.QUEUED: 2, Status.FAILED: 1}


async def a_line_is_told_oldest_first(subject: Subject) -> None:
    """Who waits in a queue is told in the order they came; who was begun waits no more."""
    line = [
        await subject.put(queue="gpu", created_at=later(seconds=number), model=f"model {number}")
        for number in range(3)
    ]
    await subject.put(Status.SUBMITTING, queue="gpu")
    await subject.put(queue="ark")
    await subject.put(queue=None)
    told = await subject.ask(Transaction.waiting, "gpu", 2)
    assert list(told) == [Waiting(task.id, task.model, task.work_id) for task in line[:2]]
    assert len(await subject.ask(Transaction.waiting, "gpu", 10)) == 3
    assert await subject.ask(Transaction.waiting, "nobody's", 10) == []


async def who_was_begun_is_told_since_when(subject: Subject) -> None:
    """A task is begun with its submit, and no more once it is final."""
    for status in (Status.QUEUED, Status.CANCELED, Status.SUCCEEDED):
        await subject.put(status, queue="gpu")
    wanted = (Status.SUBMITTING, Status.IN_DOUBT, Status.RUNNING, Status.STORING)
    tasks = {status: await subject.put(status, queue="gpu") for status in wanted}
    begun = {task.status: task for task in await subject.ask(Transaction.begun, 10)}
    assert set(begun) == set(wanted)
    for status, task in tasks.items():
        told = await subject.ask(Transaction.told, task.id)
        (intent,) = [one.at for one in told if one.event is Event.INTENT]
        known = (task.id, task.model, "gpu", status, task.progress, intent)
        assert begun[status] == Begun(*known)
    assert len(await subject.ask(Transaction.begun, 3)) == 3


async def what_films_took_is_told_newest_first(subject: Subject) -> None:
    """From the submit to the end; what ended otherwise, or was never begun, tells nothing."""
    old = await subject.put(Status.SUCCEEDED, queue="gpu", created_at=later(minutes=-60))
    await subject.put(Status.FAILED, queue="gpu", created_at=later(minutes=-50))
    await subject.put(Status.RUNNING, queue="gpu", created_at=later(minutes=-40))
    new = await subject.put(Status.SUCCEEDED, queue=None, created_at=later(minutes=-30))
    took = await subject.ask(Transaction.took, 10)
    assert [(film.model, film.queue) for film in took] == [(new.model, None), (old.model, "gpu")]
    told = {one.event: one.at for one in await subject.ask(Transaction.told, old.id)}
    expected = told[Event.STORED] - told[Event.INTENT]
    assert took[1].seconds == expected.total_seconds()
    assert len(await subject.ask(Transaction.took, 2)) == 1
