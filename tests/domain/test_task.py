"""The life of a task, told as properties of one table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import Failure, IllegalMove, Reason
from rushes.domain.spec import Size
from rushes.domain.states import draw_states
from rushes.domain.task import MOVES, NEVER, Event, Measures, Status, Task, advance
from rushes.testing.builders import NOON, a_task

FILM = Measures(size_bytes=1, seconds=5.0, size=Size(1280, 720), sha256="ab")
DOCS = Path(__file__).parents[2] / "docs" / "task-states.md"


def facts(status: Status) -> dict[str, object]:
    """What must come with a move that ends in `status`."""
    if status is Status.SUCCEEDED:
        return {"measures": FILM}
    if status.is_final:
        return {"failure": Failure.of(Reason.INTERNAL)}
    return {"deadline_at": NOON + timedelta(hours=1)}


def moved(task: Task, event: Event) -> Task:
    return advance(task, event, at=NOON, **facts(MOVES[task.status, event]))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("event", list(Event))
def test_every_pair_of_status_and_event_is_decided_once(status: Status, event: Event) -> None:
    assert ((status, event) in MOVES) is not ((status, event) in NEVER)


@pytest.mark.promise("P6")
@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
@pytest.mark.parametrize("event", list(Event))
def test_nothing_revives_a_final_task(status: Status, event: Event) -> None:
    with pytest.raises(IllegalMove):
        advance(a_task(status=status), event, at=NOON, failure=Failure.of(Reason.INTERNAL))


def test_a_film_that_goes_well() -> None:
    task = a_task()
    for event in (Event.INTENT, Event.ACCEPTED, Event.READY, Event.STORED):
        task = moved(task, event)
    assert (task.status, task.version, task.progress) == (Status.SUCCEEDED, 5, 100)
    assert (task.finished_at, task.deadline_at, task.charged_microusd) == (NOON, None, 0)


def test_every_status_can_be_reached() -> None:
    assert {Status.QUEUED, *MOVES.values()} == set(Status)


def test_every_unfinished_status_can_fail_and_can_be_canceled() -> None:
    for status in Status:
        if not status.is_final:
            assert MOVES[status, Event.FAILED] is Status.FAILED
            assert MOVES[status, Event.CANCELED] is Status.CANCELED


def test_only_a_task_that_was_never_submitted_expires() -> None:
    assert [pair for pair in MOVES if pair[1] is Event.EXPIRED] == [(Status.QUEUED, Event.EXPIRED)]
    returned = moved(moved(a_task(), Event.INTENT), Event.RETURNED)
    with pytest.raises(IllegalMove, match="ends failed"):
        advance(returned, Event.EXPIRED, at=NOON, failure=Failure.of(Reason.EXPIRED))


def test_only_a_task_that_was_never_submitted_adopts_a_film() -> None:
    assert [pair for pair in MOVES if pair[1] is Event.ADOPTED] == [(Status.QUEUED, Event.ADOPTED)]
    adopted = moved(a_task(), Event.ADOPTED)
    assert (adopted.status, adopted.submit_count) == (Status.STORING, 1)
    returned = moved(moved(a_task(), Event.INTENT), Event.RETURNED)
    with pytest.raises(IllegalMove, match="its own film"):
        moved(returned, Event.ADOPTED)


@given(st.lists(st.sampled_from(list(Event)), max_size=40), st.integers(0, 100))
def test_no_history_skips_revives_or_goes_back(events: list[Event], progress: int) -> None:
    task = a_task()
    for event in events:
        if (task.status, event) not in MOVES:
            continue
        if event in {Event.EXPIRED, Event.ADOPTED} and task.submit_count:
            continue
        before = task
        task = moved(task, event)
        assert task.version == before.version + 1
        assert task.progress >= before.progress
        assert not before.is_final
        if task.status is Status.RUNNING:
            task = replace(task, progress=max(task.progress, min(99, progress)))
    assert (task.finished_at is not None) is task.is_final
    assert (task.deadline_at is None) is task.is_final
    assert (task.progress == 100) is task.is_final
    assert (task.measures is not None) is (task.status is Status.SUCCEEDED)


@pytest.mark.parametrize(
    ("event", "given_facts", "complaint"),
    [
        (Event.FAILED, {}, "failure"),
        (Event.INTENT, {"failure": Failure.of(Reason.INTERNAL)}, "failure"),
        (Event.INTENT, {}, "deadline"),
        (Event.FAILED, {"failure": Failure.of(Reason.INTERNAL), "deadline_at": NOON}, "deadline"),
        (Event.INTENT, {"deadline_at": NOON, "measures": FILM}, "measures"),
        (
            Event.CANCELED,
            {"failure": Failure.of(Reason.CANCELED), "charged_microusd": 10**15},
            "charge",
        ),
    ],
)
def test_a_move_without_its_facts_is_refused(
    event: Event, given_facts: dict[str, object], complaint: str
) -> None:
    with pytest.raises(IllegalMove, match=complaint):
        advance(a_task(), event, at=NOON, **given_facts)  # type: ignore[arg-type]


def test_the_drawing_in_the_docs_is_the_table() -> None:
    assert DOCS.read_text() == draw_states()
