"""Accounts, what keys may, and tasks of all accounts, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from living import Typed
from postgres import Server
from rushes.clock import SystemClock
from rushes.domain.task import Status
from rushes.folder import open_books
from rushes.settings import load
from rushes.testing.builders import put_task


def told(typed: Typed, *words: str) -> Any:
    run = typed(*words, "--json")
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)


def refused(typed: Typed, *words: str) -> tuple[int, str]:
    run = typed(*words)
    assert run.exit_code != 0, run.output
    assert run.stdout == ""
    return run.exit_code, run.stderr


@pytest.fixture
def account(typed: Typed) -> str:
    """An account, beside the first one."""
    told(typed, "keys", "create", "first")
    name: str = told(typed, "accounts", "create", "studio", "--queued", "9")["id"]
    return name


def test_an_account_is_made_shown_bounded_closed_and_opened(typed: Typed, account: str) -> None:
    run = typed("accounts", "list")
    assert "studio" in run.stdout
    assert "default" in run.stdout
    limited = told(
        typed, "accounts", "limits", account, "--requests-per-s", "5", "--queued", "none"
    )
    assert limited["limits"] == {
        "requests_per_s": 5, "submits_per_minute": None, "in_flight_max": None, "queued_max": None,
    }  # fmt: skip
    key = told(typed, "keys", "create", "ci", "--account", account)
    assert told(typed, "accounts", "show", account)["valid_keys"] == 1
    assert told(typed, "accounts", "close", account)["closed_at"] is not None
    assert told(typed, "keys", "show", key["id"])["state"] == "closed"
    assert "closed" in typed("accounts", "show", account).stdout
    assert refused(typed, "keys", "create", "more", "--account", account)[0] == 1
    assert told(typed, "accounts", "reopen", account)["closed_at"] is None
    assert told(typed, "keys", "show", key["id"])["state"] == "valid"
    verbs = [deed["verb"] for deed in told(typed, "audit", "--object", account)]
    assert verbs == ["accounts reopen", "accounts close", "accounts change", "accounts create"]
    assert {deed["origin"] for deed in told(typed, "audit")} == {None}


def test_a_key_is_made_with_its_bounds_and_changed(typed: Typed, account: str) -> None:
    key = told(
        typed, "keys", "create", "eyes", "--account", account, "--scope", "read",
        "--model", "sora-2", "--network", "10.0.0.0/8", "--network", "2001:db8::1",
        "--expires", "90d", "--requests-per-s", "5",
    )  # fmt: skip
    assert (key["scopes"], key["models"], key["account_id"]) == (["read"], ["sora-2"], account)
    assert key["networks"] == ["10.0.0.0/8", "2001:db8::1/128"]
    shown = typed("keys", "show", key["id"]).stdout
    for words in ("10.0.0.0/8", "sora-2", "read", "5 requests a second", account):
        assert words in shown
    changed = told(
        typed, "keys", "change", key["id"], "--model", "all", "--network", "all",
        "--expires", "never", "--requests-per-s", "none", "--scope", "generate", "--name", "hands",
    )  # fmt: skip
    assert (changed["models"], changed["networks"], changed["expires_at"]) == (None, None, None)
    assert (changed["name"], changed["scopes"]) == ("hands", ["generate"])
    assert changed["limits"]["requests_per_s"] is None


def test_an_operators_key_is_asked_for_by_name(typed: Typed) -> None:
    assert told(typed, "keys", "create", "first")["scopes"] == ["generate", "read"]
    run = typed("keys", "create", "ops", "--admin")
    assert run.stdout.startswith("sk-live-")
    assert "/admin/v1" in run.stderr
    scopes = [key["scopes"] for key in told(typed, "keys", "list")]
    assert scopes == [["generate", "read"], ["admin"]]


def test_a_key_is_replaced_and_both_are_valid_for_a_while(typed: Typed) -> None:
    old = told(typed, "keys", "create", "ci")
    run = typed("keys", "rotate", old["id"], "--overlap", "2h")
    assert run.stdout.startswith("sk-live-")
    assert run.stdout.strip() not in run.stderr
    assert "valid for" in run.stderr
    before, after = told(typed, "keys", "list")
    assert before["replaced_by"] == after["id"]
    assert before["state"] == after["state"] == "valid"
    again = refused(typed, "keys", "rotate", old["id"])
    assert again[0] == 1
    assert "replaced before" in again[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--scope", "root"), "scopes are generate, read, admin"),
        (("--network", "10.0.0.1/8"), "is no network"),
        (("--expires", "soon"), "is no date"),
        (("--expires", "2020-01-01"), "must lie in the future"),
        (("--requests-per-s", "many"), "is no limit"),
        (("--admin", "--test"), "cannot have the scope admin"),
        (("--account", "acct_nobody"), "There is no account acct_nobody"),
    ],
)
def test_what_makes_no_key_is_told_before_anything_is_made(
    typed: Typed, words: tuple[str, ...], why: str
) -> None:
    told(typed, "keys", "create", "first")
    assert why in refused(typed, "keys", "create", "ci", *words)[1]
    assert len(told(typed, "keys", "list")) == 1


def test_a_change_of_nothing_is_no_change(typed: Typed) -> None:
    key = told(typed, "keys", "create", "ci")
    assert refused(typed, "keys", "change", key["id"])[0] == 2
    assert refused(typed, "accounts", "limits", key["account_id"])[0] == 2
    assert refused(typed, "accounts", "show", "acct_nobody")[0] == 1


def test_tasks_of_all_accounts_are_listed_and_stopped(
    typed: Typed, account: str, tmp_path: Path
) -> None:
    store = open_books(load(data_dir=tmp_path / "data"), SystemClock())
    mine = store.write_now(lambda tx: put_task(tx, Status.RUNNING, account_id=account))
    store.write_now(lambda tx: put_task(tx, Status.QUEUED))
    store.close()
    assert len(told(typed, "tasks", "list")) == 2
    [task] = told(typed, "tasks", "list", "--account", account, "--status", "running")
    assert task["id"] == mine.id
    assert mine.id in typed("tasks", "list").stdout
    assert "statuses are" in refused(typed, "tasks", "list", "--status", "lost")[1]
    assert refused(typed, "tasks", "cancel", mine.id)[0] == 2, "nobody said --yes"
    assert told(typed, "tasks", "cancel", mine.id, "--yes")["status"] == "canceled"
    assert "already finished" in refused(typed, "tasks", "cancel", mine.id, "--yes")[1]
    [deed] = told(typed, "audit", "--object", mine.id)
    assert deed["verb"] == "tasks cancel"


def test_no_operators_key_is_made_where_the_database_knows_none(
    typed: Typed, postgres: Server
) -> None:
    with postgres.database_of("0003") as url:
        run = typed("keys", "create", "ops", "--admin", RUSHES_DATABASE_URL=url)
        assert run.exit_code == 2
        assert "rushes migrate" in run.stderr
        run = typed("keys", "list", "--json", RUSHES_DATABASE_URL=url)
        assert json.loads(run.stdout) == []
