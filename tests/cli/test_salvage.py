"""What operators decide by the command line: late films, doubts, the report, and the audit log."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOSClient
from typer.testing import Result

from living import Typed, at_keyboard, environment_of
from postgres import Server
from rushes.cli.report import Item, added_up, shown_cost
from rushes.clock import SystemClock
from rushes.domain.access import Period
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.folder import open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.testing.builders import a_spec, a_submit, a_task, put_move, put_task

CONFIG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "film"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "wan2.5-t2v"
"""


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG)
    return at_keyboard(environment_of(tmp_path / "data", RUSHES_CONFIG=str(config)))


@pytest.fixture
def books(tmp_path: Path) -> Callable[[Callable[[Transaction], Any]], Any]:
    """Act in the books of the folder, as a server that ran there."""

    def act(do: Callable[[Transaction], Any]) -> Any:
        settings = load(data_dir=tmp_path / "data")
        with closing(open_books(settings, SystemClock(), may_make=True)) as store:
            engine = store.engine_for_workflows()
            DBOSClient(system_database_engine=engine)._sys_db.run_migrations()
            return store.write_now(do)

    return act


Books = Callable[[Callable[[Transaction], Any]], Any]


def late(tx: Transaction, verdict: Verdict = Verdict.LATE, **born: Any) -> Task:
    """A task that failed, and whose provider has a word on its submit."""
    born = {"model": "film", "spec": a_spec(seconds=5), **born}
    task = put_move(tx, put_task(tx, Status.RUNNING, **born), Event.FAILED)
    submit = tx.submits(task.id)[-1]
    film = {"url": "https://films.test/1"} if verdict is Verdict.LATE else None
    changed = replace(submit, verdict=verdict, film=film, look_at=None)
    assert tx.change_submit(changed, frozenset({submit.verdict}))
    return task


def doubted(tx: Transaction, *, is_live: bool = True) -> Task:
    now = SystemClock().now()
    task = put_task(tx, Status.IN_DOUBT, created_at=now - timedelta(minutes=1), model="film")
    return task if is_live else put_move(tx, task, Event.CANCELED)


def deeds(typed: Typed, *words: str) -> list[tuple[str, str]]:
    told = json.loads(typed("audit", "--json", *words).stdout)
    assert all("@" in deed["actor"] for deed in told)
    return [(deed["verb"], deed["object"]) for deed in told]


@pytest.mark.promise("P11")
def test_a_late_film_is_adopted_by_one_command_once(typed: Typed, books: Books) -> None:
    old = books(late)
    told = json.loads(typed("salvage", "adopt", old.id, "--yes", "--json").stdout)
    assert (told["adopted_from"], told["submit_n"], told["hold_microusd"]) == (old.id, 1, 0)
    new = told["task_id"]

    def read(tx: Transaction) -> tuple[Task | None, list[tuple[str, str]]]:
        rows = tx.connection.execute(  # type: ignore[attr-defined]
            sa.text("SELECT workflow_uuid, queue_name FROM workflow_status")
        )
        return tx.task(new), [(str(row[0]), str(row[1])) for row in rows]

    task, works = books(read)
    assert task.status is Status.STORING
    assert works == [(f"{new}:collect:0", "collect")]
    again = typed("salvage", "adopt", old.id, "--yes")
    assert again.exit_code == 1
    assert "given to a task of its own" in again.output
    assert json.loads(typed("salvage", "list", "--json").stdout) == []
    assert f"late film of {old.id}" in " ".join(typed("explain", new).output.split())
    assert new in typed("explain", old.id).output
    assert json.loads(typed("explain", old.id, "--json").stdout)["adopted_as"] == [new]
    assert deeds(typed, "--object", old.id) == [("salvage adopt", old.id)]


def test_a_film_is_charged_for_only_where_the_operator_says_so(typed: Typed, books: Books) -> None:
    old = books(late)
    told = typed("salvage", "adopt", old.id, "--charge", "--yes")
    assert "$0.50 is charged" in told.output


@pytest.mark.parametrize(
    "words",
    [("salvage", "adopt"), ("doubt", "fail"), ("doubt", "adopt")],
)
def test_what_cannot_be_undone_is_asked_for_or_said_twice(
    words: tuple[str, str], typed: Typed, books: Books
) -> None:
    task = books(late if words[0] == "salvage" else doubted)
    ticket = ['{"id": "7"}'] if words == ("doubt", "adopt") else []
    refused = typed(*words, task.id, *ticket)
    assert refused.exit_code == 2
    assert "--yes" in refused.output
    assert deeds(typed) == []


def test_nobody_is_asked_to_adopt_what_is_not_there(typed: Typed, books: Books) -> None:
    refused = typed("salvage", "adopt", books(doubted).id)
    assert refused.exit_code == 1
    assert "--yes" not in refused.output


@pytest.mark.promise("P11")
def test_the_report_adds_up_what_may_be_on_the_bill(typed: Typed, books: Books) -> None:
    def fill(tx: Transaction) -> None:
        late(tx, hold_microusd=0)
        late(tx, hold_microusd=0)
        late(tx, Verdict.GONE, hold_microusd=0)
        gone = late(tx, Verdict.DOUBT, hold_microusd=0)
        tx.remove_task(gone.id)

    books(fill)
    told = json.loads(typed("salvage", "report", "--json").stdout)
    lines = [(one["verdict"], one["count"], one["seconds"]) for one in told["lines"]]
    assert lines == [("doubt", 1, 0), ("gone", 1, 5), ("late", 2, 10)]
    assert (told["total"]["count"], told["total"]["cost_unknown_count"]) == (4, 4)
    read = typed("salvage", "report").stdout
    for word in ("no price configured", "total", "This is all", "delivered", "15+"):
        assert word in read, read
    later = typed("salvage", "report", "--since", "2030-01-01").stdout
    assert "Nothing was paid for" in later
    assert typed("salvage", "report", "--since", "someday").exit_code == 2


@pytest.mark.promise("P11")
def test_what_was_held_is_what_a_film_without_a_caller_may_have_cost(
    typed: Typed, books: Books
) -> None:
    def fill(tx: Transaction) -> None:
        late(tx, hold_microusd=500_000)
        deleted = late(tx, hold_microusd=250_000)
        tx.remove_task(deleted.id)
        late(tx, Verdict.GONE, hold_microusd=0)

    books(fill)
    total = json.loads(typed("salvage", "report", "--json").stdout)["total"]
    assert (total["cost_max_microusd"], total["cost_unknown_count"]) == (750_000, 1)
    assert "$0.75 + 1 unknown" in typed("salvage", "report").stdout


@pytest.mark.promise("P5")
def test_a_film_is_not_charged_to_a_budget_that_does_not_cover_it(
    typed: Typed, books: Books
) -> None:
    old = books(lambda tx: late(tx, hold_microusd=500_000))

    def bind(tx: Transaction) -> None:
        at = SystemClock().now()
        owner = old.account_id
        tx.set_purse(owner, Period.TOTAL, 499_999, account_id=owner, at=at)

    books(bind)
    refused = typed("salvage", "adopt", old.id, "--charge", "--yes")
    assert refused.exit_code == 1
    assert "does not cover" in refused.output
    assert typed("salvage", "adopt", old.id, "--yes").exit_code == 0


def test_prices_make_the_report_an_amount_at_most() -> None:
    submits = [a_submit(a_task(), verdict) for verdict in (Verdict.LATE, Verdict.LATE)]
    submits.append(a_submit(a_task(), Verdict.GONE, provider="ark"))
    costs = (500_000, None, 300_000)
    items = [Item(one, 5, cost) for one, cost in zip(submits, costs, strict=True)]
    lines, total = added_up(items)
    assert [(line.provider, line.count, shown_cost(line)) for line in lines] == [
        ("ark", 1, "$0.30"),
        ("gpu", 2, "$0.50 + 1 unknown"),
    ]
    assert shown_cost(total) == "$0.80 + 1 unknown"
    assert (total.count, total.seconds) == (3, 15)


def test_doubts_are_listed_whether_their_task_waits_or_has_ended(
    typed: Typed, books: Books
) -> None:
    books(lambda tx: None)
    assert "Nothing is in doubt" in typed("doubt", "list").output
    live, ended = books(doubted), books(lambda tx: doubted(tx, is_live=False))
    told = json.loads(typed("doubt", "list", "--json").stdout)
    assert [(one["task_id"], one["is_live"]) for one in told] == [
        (live.id, True),
        (ended.id, False),
    ]
    assert live.id in typed("doubt", "list").output


def test_a_doubt_is_looked_at_decided_or_given_up(typed: Typed, books: Books) -> None:
    first, second, third = (books(doubted) for _ in range(3))
    ended = books(lambda tx: doubted(tx, is_live=False))
    assert "is searched" in typed("doubt", "look", first.id).output
    assert books(lambda tx: tx.submits(first.id)[-1].look_at) is not None
    assert "is running" in typed("doubt", "adopt", first.id, '{"id": "7"}', "--yes").output
    assert books(lambda tx: tx.task(first.id)).status is Status.RUNNING
    taken = typed("doubt", "adopt", second.id, '{"id": "7"}', "--yes")
    assert (taken.exit_code, "Another submit" in taken.output) == (1, True)
    assert "hold is released" in typed("doubt", "fail", third.id, "--yes").output
    assert books(lambda tx: tx.task(third.id)).status is Status.FAILED
    late_one = typed("doubt", "adopt", ended.id, '{"id": "8"}', "--yes", "--json")
    assert json.loads(late_one.stdout)["status"] == "canceled"
    assert "nothing is in doubt" in typed("doubt", "fail", first.id, "--yes").output
    assert deeds(typed)[::-1] == [
        ("doubt look", first.id),
        ("doubt adopt", first.id),
        ("doubt fail", third.id),
        ("doubt adopt", ended.id),
    ]


@pytest.mark.parametrize("ticket", ["video_7", "[]", "{}", '"7"', "{" * 5000])
def test_what_is_no_ticket_is_said_before_anything_is_done(
    ticket: str, typed: Typed, books: Books
) -> None:
    task = books(doubted)
    wrong = typed("doubt", "adopt", task.id, ticket, "--yes")
    assert wrong.exit_code == 2
    assert "ticket" in wrong.output.lower()


def test_what_operators_did_before_is_written_down_too(typed: Typed, books: Books) -> None:
    books(lambda tx: None)
    key = json.loads(typed("keys", "create", "studio", "--json").stdout)
    typed("keys", "revoke", key["id"])
    typed("keys", "revoke", key["id"])
    typed("routes", "reset", "gpu", "wan2.5-t2v")
    typed("reroute")
    assert deeds(typed)[::-1] == [
        ("keys create", key["id"]),
        ("keys revoke", key["id"]),
        ("routes reset", "gpu/wan2.5-t2v"),
    ], "what changed nothing is no deed"
    shown = typed("audit").output
    assert "studio" in shown
    assert key["secret"] not in shown
    assert deeds(typed, "--since", "2100-01-01") == []
    assert "Nothing is written down" in typed("audit", "--object", "nobody").output


def test_on_the_step_before_operators_have_the_verbs_of_before(
    typed: Typed, postgres: Server
) -> None:
    with postgres.database_of("0003") as url:

        def type_there(*words: str) -> Result:
            return typed(*words, RUSHES_DATABASE_URL=url)

        for words in (
            ("keys", "create", "studio"),
            ("routes", "reset", "gpu", "x"),
            ("webhooks", "list"),
            ("webhooks", "endpoints", "list"),
        ):
            done = type_there(*words)
            assert done.exit_code == 0, done.output
        [key] = json.loads(type_there("keys", "list", "--json").stdout)
        written = json.loads(type_there("audit", "--json").stdout)
        assert ("keys create", key["id"]) in {(deed["verb"], deed["object"]) for deed in written}
