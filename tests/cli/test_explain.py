"""`rushes explain` and `rushes salvage`: what happened, what it cost, and what comes next."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from living import Typed
from rushes.clock import SystemClock
from rushes.deeds.story import Case, headline, longest, money_told, outlook, read_case, timeline
from rushes.deeds.words import moment
from rushes.domain.access import EntryKind
from rushes.domain.errors import Reason
from rushes.domain.health import COOL_S_MIN, FAULTS_MAX, Health, after_fault
from rushes.domain.submit import MEANING as VERDICTS
from rushes.domain.submit import PERHAPS_PAID, Verdict
from rushes.domain.task import FINAL, MEANING, Event, Status, Task
from rushes.folder import lock_folder, open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import (
    NOON,
    a_spec,
    a_submit,
    an_artifact,
    answered,
    kept,
    put_move,
    put_task,
)

SECRETS = {
    "query": "https://cdn.test/film.mp4?Signature=open-sesame-1",
    "password": "https://user:open-sesame-2@cdn.test/film.mp4",
    "key": "sk-live-open-sesame-3",
    "api_key": "open-sesame-4",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_books(load(data_dir=tmp_path / "data"), SystemClock(), may_make=True)
    yield opened
    opened.close()


def case_of(store: SqliteStore, task_id: str, *, holder: str | None = "77", s: float = 60) -> Case:
    at = NOON + timedelta(seconds=s)
    return store.read_now(lambda tx: read_case(tx, task_id, at=at, holder=holder))


def put(store: SqliteStore, act: Callable[[Transaction], Task]) -> Task:
    return store.write_now(act)


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_story_with_its_meaning(status: Status, store: SqliteStore) -> None:
    task = put(store, lambda tx: put_task(tx, status))
    case = case_of(store, task.id)
    assert MEANING[status] in headline(case)
    lines = timeline(case)
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert lines[-1].status is status
    assert lines[0].since is None
    assert all(line.since == timedelta(seconds=1) for line in lines[1:-1])
    assert bool(outlook(case)) == (status not in FINAL) or status is Status.EXPIRED


@pytest.mark.parametrize("status", sorted(set(Status) - FINAL))
def test_an_unfinished_task_without_a_server_says_so_first(
    status: Status, store: SqliteStore
) -> None:
    task = put(store, lambda tx: put_task(tx, status))
    assert "No server works" in outlook(case_of(store, task.id, holder=None))[0]
    assert "No server works" not in " ".join(outlook(case_of(store, task.id)))


def test_a_deadline_that_passed_under_a_living_server_is_an_alarm(store: SqliteStore) -> None:
    task = put(store, lambda tx: put_task(tx, Status.RUNNING))
    told = " ".join(outlook(case_of(store, task.id, s=3 * 3600)))
    assert "keeper should have ended it" in told
    assert "keeper ends it" in " ".join(outlook(case_of(store, task.id, s=3603)))


def test_a_queued_task_is_told_why_its_route_is_not_asked(store: SqliteStore) -> None:
    def wait(tx: Transaction) -> Task:
        well = Health("gpu", "well", changed_at=NOON)
        down = replace(well, upstream_model="wan")
        for _ in range(FAULTS_MAX):
            down = after_fault(down, at=NOON, note="HTTP 503")
        for health in (well, down, replace(down, provider="other")):
            tx.put_health(health)
        return put_task(tx, queue="gpu")

    told = outlook(case_of(store, put(store, wait).id))
    until = moment(NOON + timedelta(seconds=COOL_S_MIN))
    assert "It waits for a free slot of its provider, or for a route there that works." in told
    [route] = [sentence for sentence in told if sentence.startswith("The route")]
    assert route == (
        f"The route gpu wan is left alone until {until}: HTTP 503. "
        "`rushes routes reset gpu wan` has it asked at once."
    )


@pytest.mark.parametrize(("takes", "is_told"), [(1, False), (2, True)])
def test_whoever_takes_a_task_for_the_first_time_is_no_sign_of_death(
    takes: int, is_told: bool, store: SqliteStore
) -> None:
    def take(tx: Transaction) -> Task:
        task = put_task(tx)
        for _ in range(takes):
            tx.take(task.id, frozenset({Status.QUEUED}), str(task.work_id))
        return task

    told = outlook(case_of(store, put(store, take).id))
    assert any("they die on it" in sentence for sentence in told) == is_told


def test_doubt_about_money_is_never_sent_again_and_said_so(store: SqliteStore) -> None:
    task = put(store, lambda tx: put_task(tx, Status.IN_DOUBT))
    assert "never sent again" in " ".join(outlook(case_of(store, task.id)))


def test_what_may_have_been_paid_is_told_after_the_end(store: SqliteStore) -> None:
    def act(tx: Transaction) -> Task:
        task = put_task(tx, Status.IN_DOUBT)
        return put_move(tx, task, Event.FAILED)

    task = put(store, act)
    store.write_now(lambda tx: spoil(tx, task.id, Verdict.DOUBT))
    told = " ".join(outlook(case_of(store, task.id)))
    assert VERDICTS[Verdict.DOUBT] in told
    assert "salvage" in told


def spoil(tx: Transaction, task_id: str, verdict: Verdict, **changes: Any) -> None:
    (submit, *_) = tx.submits(task_id)
    changed = replace(answered(submit, verdict), **{"verdict": verdict, **changes})
    assert tx.change_submit(changed, frozenset(Verdict))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_failure_can_be_told(reason: Reason, store: SqliteStore) -> None:
    task = put(store, lambda tx: put_task(tx, Status.FAILED))
    case = case_of(store, task.id)
    assert case.task is not None
    assert case.task.failure is not None
    failed = replace(case.task, failure=replace(case.task.failure, reason=reason))
    assert all(sentence for sentence in outlook(replace(case, task=failed)))


def test_money_that_does_not_balance_is_shouted(store: SqliteStore) -> None:
    task = put(store, lambda tx: put_task(tx, Status.SUCCEEDED))
    case = case_of(store, task.id)
    assert money_told(case) == "$0.50 held, $0.50 charged, $0 released"
    torn = [
        replace(entry, amount_microusd=1) if entry.kind is EntryKind.RELEASE else entry
        for entry in case.entries
    ]
    assert "DOES NOT BALANCE" in money_told(replace(case, entries=torn))
    waiting = put(store, lambda tx: put_task(tx, Status.RUNNING))
    assert "not settled" in money_told(case_of(store, waiting.id))


def test_the_status_that_took_most_of_the_time_is_marked(store: SqliteStore) -> None:
    def act(tx: Transaction) -> Task:
        task = put_task(tx, Status.RUNNING)
        late = put_move(tx, task, Event.READY, at=NOON + timedelta(minutes=9))
        return put_move(tx, late, Event.STORED, at=NOON + timedelta(minutes=9, seconds=3))

    lines = timeline(case_of(store, put(store, act).id))
    assert longest(lines) is Status.RUNNING
    assert longest(lines[:1]) is None


def test_the_story_on_paper_has_everything_an_operator_asks(
    store: SqliteStore, typed: Typed, tmp_path: Path
) -> None:
    def act(tx: Transaction) -> Task:
        spec = a_spec(prompt="a red fox\nruns \x1b[2J")
        task = put_task(tx, Status.RUNNING, spec=spec, metadata={"shot": 12})
        tx.count_fault(task, "unknown state 'cooking'", at=NOON + timedelta(seconds=5))
        tx.count_fault(task, "unknown state 'cooking'", at=NOON + timedelta(seconds=9))
        done = put_move(tx, put_move(tx, task, Event.READY), Event.STORED)
        artifact = an_artifact(done)
        tx.add_artifacts(artifact)
        tx.keep_artifacts(kept(artifact))
        return done

    task = put(store, act)
    run = typed("explain", task.id)
    assert run.exit_code == 0
    told = run.stdout
    for words in (
        task.id,
        "succeeded after 4.00 s",
        "a red fox runs \ufffd[2J",
        '{"shot": 12}',
        MEANING[Event.ACCEPTED],
        "2 x while running, 12:00:05.000 to 12:00:09.000: unknown state 'cooking'",
        "Submit 1 to gpu as wan2.5-t2v, may be billed",
        f"delivered: {VERDICTS[Verdict.DELIVERED]}",
        "env:GPU_KEY",
        "$0.50 held, $0.50 charged, $0 released",
        "LOST",
        "not in the folder",
    ):
        assert words in told, words
    assert "\x1b" not in told


def test_a_film_that_is_where_it_should_be_is_kept(
    store: SqliteStore, typed: Typed, tmp_path: Path
) -> None:
    def act(tx: Transaction) -> Task:
        task = put_task(tx, Status.SUCCEEDED)
        artifact = an_artifact(task)
        tx.add_artifacts(artifact)
        tx.keep_artifacts(kept(artifact))
        path = tmp_path / "data" / "blobs" / artifact.blob
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a film")
        return task

    told = json.loads(typed("explain", put(store, act).id, "--json").stdout)
    assert [artifact["is_lost"] for artifact in told["artifacts"]] == [False]


def test_no_secret_is_shown_in_a_story_or_in_salvage(store: SqliteStore, typed: Typed) -> None:
    def act(tx: Transaction) -> Task:
        task = put_task(
            tx,
            Status.IN_DOUBT,
            callback_url="https://bell.test/hook?token=open-sesame-5",
            metadata={"password": "open-sesame-6", "deep": [{"url": SECRETS["query"]}]},
        )
        (submit,) = tx.submits(task.id)
        spoil(
            tx,
            task.id,
            Verdict.LATE,
            credential="command:pass show open-sesame-7",
            ticket={"id": "job-1", "echo": submit.token, **SECRETS},
            film=SECRETS,
            note=f"GET {SECRETS['query']} said no to {SECRETS['key']}",
        )
        return put_move(tx, task, Event.CANCELED)

    task = put(store, act)
    (submit,) = store.read_now(lambda tx: tx.submits(task.id))
    shown = [
        typed(*words)
        for words in (
            ("explain", task.id),
            ("explain", task.id, "--json"),
            ("salvage", "list"),
            ("salvage", "list", "--json"),
        )
    ]
    for run in shown:
        assert run.exit_code == 0
        assert "open-sesame" not in run.output
        assert submit.token not in run.output
        assert "job-1" in run.output


def test_a_removed_record_still_has_its_money_and_its_submits(
    store: SqliteStore, typed: Typed
) -> None:
    def act(tx: Transaction) -> Task:
        task = put_task(tx, Status.FAILED)
        tx.remove_task(task.id)
        return task

    run = typed("explain", put(store, act).id)
    assert run.exit_code == 0
    assert "record of this task was removed" in run.stdout
    assert "$0.50 held" in run.stdout
    assert "Submit 1" in run.stdout


def test_an_unknown_task_is_a_clear_error(store: SqliteStore, typed: Typed) -> None:
    run = typed("explain", "video_nothing")
    assert run.exit_code == 1
    assert "know nothing of video_nothing" in run.stderr


def test_a_story_can_be_told_beside_a_server(store: SqliteStore, typed: Typed) -> None:
    task = put(store, lambda tx: put_task(tx, Status.RUNNING))
    folder = store.path.parent
    with lock_folder(folder):
        told = json.loads(typed("explain", task.id, "--json").stdout)
    assert told["server_pid"].isdecimal()
    assert told["task"]["status"] == "running"
    assert [event["status"] for event in told["events"]] == ["queued", "submitting", "running"]
    assert told["submits"][0]["meaning"] == VERDICTS[Verdict.ACCEPTED]


@pytest.mark.parametrize("verdict", Verdict)
def test_salvage_lists_what_may_have_been_paid_in_words(
    verdict: Verdict, store: SqliteStore, typed: Typed
) -> None:
    task = put(store, lambda tx: put_task(tx, Status.FAILED))
    store.write_now(lambda tx: spoil(tx, task.id, verdict))
    run = typed("salvage", "list")
    assert run.exit_code == 0
    assert (task.id in run.stdout) == (verdict in PERHAPS_PAID)
    assert (VERDICTS[verdict] in run.stdout) == (verdict in PERHAPS_PAID)


def test_salvage_lists_more_than_a_page(store: SqliteStore, typed: Typed) -> None:
    from rushes.cli import salvage

    count = salvage.PAGE + 3

    def act(tx: Transaction) -> None:
        for _ in range(count):
            tx.add_submit(a_submit(verdict=Verdict.DOUBT))

    store.write_now(act)
    assert len(json.loads(typed("salvage", "list", "--json").stdout)) == count


def test_nothing_to_salvage_is_good_news(store: SqliteStore, typed: Typed) -> None:
    run = typed("salvage", "list")
    assert run.exit_code == 0
    assert run.stdout == ""
    assert "Nothing" in run.stderr
    assert json.loads(typed("salvage", "list", "--json").stdout) == []
