"""The promises, held through every crash point and a great many random histories.

The code under test is the real story, keeper and carrying; the world around it is scripted
(`rushes.testing.world`), and after every commit and at the end an auditor reads the books.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from rushes.domain.access import CancelRule
from rushes.domain.errors import Reason
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.testing.histories import FELT, Fate, History, Wishes, enumerated, live, random_fate
from rushes.testing.world import ANSWERS, CANCELS, FATES, FILMS, FINDS, Script

SEED = int(os.environ.get("SEED", "0"))
HISTORIES = 20_000
CHUNKS = 20

NO_FILM = {"lost", "never", "forgotten"}
"""Fates without a film: whatever one would have been like, the same histories are lived."""

PAIRS = pytest.mark.parametrize(
    "blows",
    [("kill", "pause"), pytest.param(("lose", "kill all"), marks=pytest.mark.long)],
    ids=" and ".join,
)
"""One worker dies or stands still; in test-all it also loses its lease, or all die."""

pytestmark = [
    pytest.mark.promise(name) for name in ("P1", "P2", "P3", "P4", "P5", "P6", "P10", "P11")
]


@pytest.mark.parametrize("is_billable", [True, pytest.param(False, marks=pytest.mark.long)])
@PAIRS
@pytest.mark.parametrize(
    ("answer", "find"),
    [
        pytest.param(answer, find, marks=pytest.mark.long if is_rare else ())
        for answer in ANSWERS
        for find in FINDS
        # A search follows a refusal only where a blow made nobody hear it.
        for is_rare in [answer.startswith(("refuse", "busy")) and find != "exact"]
    ],
)
def test_every_blow_at_every_boundary_of_every_answer_and_search(
    answer: str, find: str, blows: tuple[str, ...], is_billable: bool
) -> None:
    script = Script(answers=(answer, "accept"), find=find)
    wishes = Wishes(script=script, is_billable=is_billable)
    assert enumerated(wishes, blows) > 12


@pytest.mark.parametrize(
    ("fate", "film"),
    [(fate, film) for fate in FATES for film in FILMS if fate not in NO_FILM or film == "whole"],
)
@PAIRS
def test_every_blow_at_every_boundary_of_every_fate_and_film(
    blows: tuple[str, ...], fate: str, film: str
) -> None:
    assert enumerated(Wishes(script=Script(fate=fate, film=film)), blows) > 12


@pytest.mark.parametrize("film", FILMS)
@pytest.mark.parametrize("fate", ["ready", "lost", "forgotten"])
@PAIRS
def test_every_blow_at_every_boundary_on_an_own_gpu(
    blows: tuple[str, ...], fate: str, film: str
) -> None:
    script = Script(fate=fate, film=film)
    assert enumerated(Wishes(script=script, is_billable=False, attempts_max=2), blows) > 12


@pytest.mark.parametrize("answer", ["accept", "created, no answer"])
def test_a_blow_that_is_left_out_tells_a_story_that_is_told_anyway(answer: str) -> None:
    wishes = Wishes(script=Script(answers=(answer,), find="unreachable"))
    calm = History(Fate((wishes,))).run()
    for at, stop in list(enumerate(calm.stops))[::7]:
        told = {
            blow: live(Fate((wishes,), blow=blow, at=at)).told()
            for blow in ("kill", "lose", "kill all", "pause")
        }
        for blow in set(told) - FELT[stop]:
            assert told[blow] in {told["kill"], calm.told()}, (at, stop, blow)


@pytest.mark.parametrize("fate", sorted(NO_FILM))
def test_what_no_film_would_have_been_like_changes_no_history(fate: str) -> None:
    (one,) = {live(Fate((Wishes(script=Script(fate=fate, film=film)),))).told() for film in FILMS}
    assert one


def boundaries_of(wishes: Wishes) -> Iterator[int]:
    return iter(range(History(Fate((wishes,))).run().boundaries))


@pytest.mark.parametrize("cancel", CANCELS)
@pytest.mark.parametrize("answer", ["accept", "created, no answer", "busy"])
def test_a_cancel_at_every_boundary_with_every_blow_after_it(answer: str, cancel: str) -> None:
    script = Script(answers=(answer, "accept"), cancel=cancel)
    for rule, at in itertools.product(CancelRule, boundaries_of(Wishes(script=script))):
        wishes = Wishes(script=script, cancel_after=at, cancel_rule=rule)
        history = live(Fate((wishes,)))
        (task,) = history.store.tables.tasks.values()
        assert task.status in {Status.CANCELED, Status.SUCCEEDED}
        for blow in ("kill", "pause"):
            live(Fate((wishes,), blow=blow, at=at + 1))


@pytest.mark.parametrize("start_within_s", [1, 31, 3600])
def test_a_start_deadline_through_every_blow(start_within_s: int) -> None:
    script = Script(answers=("busy", "busy", "accept"))
    enumerated(Wishes(script=script, start_within_s=start_within_s))


def test_a_task_that_was_not_begun_in_time_expires_and_costs_nothing() -> None:
    script = Script(answers=("busy",) * 9)
    (task,) = live(Fate((Wishes(script=script, start_within_s=7),))).store.tables.tasks.values()
    assert task.failure is not None
    assert (task.failure.reason, task.charged_microusd) == (Reason.EXPIRED, 0)
    assert "7 seconds" in task.failure.message


@pytest.mark.parametrize("find", ["exact", "lagging"])
def test_a_task_in_doubt_has_begun_whatever_its_start_deadline(find: str) -> None:
    script = Script(answers=("created, no answer",), find=find)
    (task,) = live(Fate((Wishes(script=script, start_within_s=1),))).store.tables.tasks.values()
    assert task.status is Status.SUCCEEDED


def test_a_second_provider_is_asked_only_when_the_first_proved_not_to_have_it() -> None:
    for answer in ANSWERS:
        script = Script(answers=(answer,), find="unknown")
        wishes = Wishes(script=script, fallback=Script())
        enumerated(wishes, ("kill",))
        history = live(Fate((wishes,)))
        asked = history.upstreams["other"].calls
        assert bool(asked) is (answer in {"refuse: route", "busy"}), answer


@pytest.mark.parametrize("find", ["exact", "lagging"])
@pytest.mark.parametrize("answer", ["created, no answer", "created, too slow", "nonsense"])
def test_a_submit_that_shows_up_within_the_quarantine_is_adopted(answer: str, find: str) -> None:
    history = live(Fate((Wishes(script=Script(answers=(answer,), find=find)),)))
    (task,) = history.store.tables.tasks.values()
    assert task.status is Status.SUCCEEDED


@pytest.mark.parametrize("cancel", CANCELS)
def test_a_ticket_is_recorded_whenever_it_comes(cancel: str) -> None:
    """A provider that cannot be searched tells its ticket once, maybe after the cancel."""
    script = Script(find="unknown", cancel=cancel)
    for at in boundaries_of(Wishes(script=script)):
        history = live(Fate((Wishes(script=script, cancel_after=at),)))
        submits = history.store.tables.submits.values()
        jobs = history.upstreams["paid"].jobs
        assert [submit.ticket for submit in submits] == [{"job": name} for name in jobs], at


@pytest.mark.parametrize("find", FINDS)
def test_a_task_that_is_deleted_at_its_end_leaves_its_evidence(find: str) -> None:
    script = Script(answers=("created, no answer",), find=find, film="gone")
    enumerated(Wishes(script=script, delete_after=1))


@pytest.mark.parametrize("cancel", CANCELS)
def test_a_provider_is_told_to_stop_what_nobody_wants_any_more(cancel: str) -> None:
    history = live(Fate((Wishes(script=Script(cancel=cancel), cancel_after=8),)))
    (job,) = history.upstreams["paid"].jobs.values()
    assert job.cancels >= 1


def test_a_film_made_after_a_late_cancel_is_found_by_salvage() -> None:
    wishes = Wishes(script=Script(cancel="too late"), cancel_after=8)
    history = live(Fate((wishes,)))
    (reported,) = history.store.read_now(lambda tx: tx.salvage(10))
    assert (reported.verdict, reported.ticket) == (Verdict.LATE, {"job": "paid-1"})


def test_a_film_made_behind_a_submit_in_doubt_is_found_by_salvage() -> None:
    """The provider lists it only after our quarantine is over."""
    script = Script(answers=("created, no answer",), find="unreachable")
    history = live(Fate((Wishes(script=script),)))
    (task,) = history.store.tables.tasks.values()
    assert task.status is Status.FAILED
    (reported,) = history.store.read_now(lambda tx: tx.salvage(10))
    assert reported.verdict is Verdict.DOUBT


@pytest.mark.parametrize("answer", ["accept", "created, no answer"])
def test_a_film_that_was_ready_in_time_is_delivered_although_nobody_was_there(answer: str) -> None:
    """A server that was down for longer than a render looks once more before it gives up."""
    wishes = Wishes(script=Script(answers=(answer,)))
    for at in boundaries_of(wishes):
        history = live(Fate((wishes,), blow="down", at=at))
        (task,) = history.store.tables.tasks.values()
        was_made = bool(history.upstreams["paid"].jobs)
        assert (task.status is Status.SUCCEEDED) is was_made, at


@pytest.mark.parametrize("fate", FATES)
def test_a_last_look_ends_whatever_the_provider_says(fate: str) -> None:
    enumerated(Wishes(script=Script(fate=fate)), ("down",))


@pytest.mark.parametrize("film", FILMS)
def test_a_late_film_is_adopted_once_through_every_blow(film: str) -> None:
    """A new task has it, or the film is gone and stays on record; nothing is made again."""
    script = Script(cancel="too late", film=film)
    wishes = Wishes(script=script, cancel_after=8, adopts=True)
    enumerated(wishes)
    history = live(Fate((wishes,)))
    tables = history.store.tables
    (job,) = history.upstreams["paid"].jobs.values()
    adopted = [tables.tasks[one.task_id] for one in tables.adoptions.values()]
    assert adopted, "a late film"
    is_whole = film in {"whole", "broken off", "damaged once", "moved", "unreachable"}
    assert (adopted[0].status is Status.SUCCEEDED) is is_whole
    assert all(task.charged_microusd == 0 for task in adopted)
    reported = history.store.read_now(lambda tx: tx.salvage(10))
    assert bool(reported) is not is_whole, "nothing paid is unaccounted"
    assert [submit.ticket for submit in reported] in ([], [{"job": job.id}])


@pytest.mark.parametrize(
    "chunk",
    [0, *(pytest.param(chunk, marks=pytest.mark.long) for chunk in range(1, CHUNKS))],
)
def test_random_histories_break_no_promise(chunk: int) -> None:
    size = HISTORIES // CHUNKS
    first = SEED + chunk * size
    for seed in range(first, first + size):
        live(random_fate(seed))


@pytest.mark.parametrize("seed", range(20))
def test_the_same_seed_tells_the_same_story(seed: int) -> None:
    assert live(random_fate(seed)).told() == live(random_fate(seed)).told()


@pytest.mark.long
def test_the_histories_reach_every_ending() -> None:
    """A simulator that never sees an ending proves nothing about it."""
    endings = {
        (task.status, task.failure.reason if task.failure else None)
        for seed in range(1500)
        for task in live(random_fate(seed)).store.tables.tasks.values()
    }
    reasons = {reason for _, reason in endings}
    assert {status for status, _ in endings} == {status for status in Status if status.is_final}
    assert len(reasons) >= 9, reasons
