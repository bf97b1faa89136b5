"""`rushes erase`: it shows first, does as it said, and says what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from living import Typed, at_keyboard, environment_of
from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.domain.spec import Asset, Role
from rushes.domain.task import Status, Task
from rushes.folder import open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.testing.builders import a_spec, an_answer, an_artifact, an_input, kept, put_task

WISH = "a portrait of Ada Lovelace at her desk in 1843"
ACCOUNT = "acct_" + "a" * 32
OTHER = "acct_" + "b" * 32
Act = Callable[[Callable[[Transaction], Any]], Any]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    return at_keyboard(environment_of(tmp_path / "data"))


@pytest.fixture
def books(tmp_path: Path) -> Act:
    def act(do: Callable[[Transaction], Any]) -> Any:
        settings = load(data_dir=tmp_path / "data")
        with closing(open_books(settings, SystemClock(), may_make=True)) as store:
            return store.write_now(do)

    return act


def wished(tx: Transaction, status: Status, words: str = WISH, **born: Any) -> Task:
    """A task that says the wish wherever a record can hold one."""
    now = SystemClock().now()
    filed = an_input(created_at=now - timedelta(hours=3))
    born = {
        "spec": a_spec(
            prompt=words,
            negative_prompt=f"not {words}",
            passthrough={"style": words},
            assets=(Asset(Role.FIRST_FRAME, "image", blob=filed.blob, size_bytes=3),),
        ),
        "metadata": {"title": words},
        "user": "ada",
        "created_at": now - timedelta(minutes=5),
        **born,
    }
    task = put_task(tx, status, **born)
    tx.file_input(filed)
    tx.refer_input(task.id, filed.blob)
    answer = an_answer(task, body=b'{"id":"%b","prompt":"%b"}' % (task.id.encode(), words.encode()))
    tx.add_answer(answer, since=now - timedelta(days=1))
    if not task.is_final:
        tx.count_fault(task, f"refused {words}", at=now)
    for submit in tx.submits(task.id):
        worded = replace(submit, note=f"we do not make {words}")
        tx.change_submit(worded, frozenset({submit.verdict}))
    return tx.task(task.id) or task


def file_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("rushes.db*"))


def test_nothing_is_done_until_it_is_said_twice(typed: Typed, books: Act) -> None:
    task = books(lambda tx: wished(tx, Status.QUEUED))
    told = typed("erase", "--user", "ada")
    assert told.exit_code == 0
    assert task.id in told.output
    assert "1 task would be erased. Nothing was done: say --yes." in told.output
    assert "canceled first" in told.output
    assert WISH not in told.output
    assert books(lambda tx: tx.task(task.id)) == task


@pytest.mark.promise("P5")
def test_one_persons_words_and_files_are_gone_and_money_stays(
    typed: Typed, books: Act, tmp_path: Path
) -> None:
    def fill(tx: Transaction) -> tuple[Task, Task, Task, str]:
        done, live = wished(tx, Status.SUCCEEDED), wished(tx, Status.RUNNING)
        film = an_artifact(done)
        tx.add_artifacts(film)
        tx.keep_artifacts(kept(film))
        other = wished(tx, Status.SUCCEEDED, "a heron", user="bob")
        return done, live, other, film.blob

    done, live, other, film = books(fill)
    blobs = LocalBlobs(tmp_path / "data" / "blobs")
    names = [film, *(f"inputs/{task.spec.assets[0].blob}" for task in (done, live))]
    for name in names:
        path = blobs.local_path(name)
        assert path is not None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
    assert WISH.encode() in file_bytes(tmp_path / "data")

    told = json.loads(typed("erase", "--user", "ada", "--yes", "--json").stdout)
    assert {one["task_id"]: one["is_canceled"] for one in told["tasks"]} == {
        done.id: False,
        live.id: True,
    }
    assert told["failed"] == []
    assert any("backups" in line for line in told["not_reached"])
    assert any("ledger" in line for line in told["stays"])
    assert not any((tmp_path / "data" / "blobs" / name).exists() for name in names)
    assert WISH.encode() not in file_bytes(tmp_path / "data")

    def read(tx: Transaction) -> tuple[Any, ...]:
        mine = [tx.task(done.id), tx.task(live.id)]
        return mine, tx.task(other.id) == other, [len(tx.entries(one.id)) for one in (done, live)]

    assert books(read) == ([None, None], True, [3, 3])
    deeds = json.loads(typed("audit", "--json").stdout)
    assert {(deed["verb"], deed["object"]) for deed in deeds} == {
        ("erase", done.id),
        ("erase", live.id),
    }
    assert sha256(b"ada").hexdigest()[:16] in deeds[0]["note"]
    again = typed("erase", "--user", "ada", "--yes")
    assert "Erased 0 tasks" in again.output


def test_user_and_account_together_narrow_it(typed: Typed, books: Act) -> None:
    books(lambda tx: [wished(tx, Status.QUEUED, account_id=who) for who in (ACCOUNT, OTHER)])
    words = ("erase", "--json", "--user", "ada", "--account", OTHER)
    (told,) = json.loads(typed(*words).stdout)["tasks"]
    assert told["account_id"] == OTHER
    assert len(json.loads(typed("erase", "--json", "--account", ACCOUNT).stdout)["tasks"]) == 1


def test_jobs_at_providers_are_named_so_that_they_can_be_asked(typed: Typed, books: Act) -> None:
    task = books(lambda tx: wished(tx, Status.SUCCEEDED))
    told = typed("erase", task.id, "--yes")
    assert "Jobs at providers:" in told.output
    assert "gpu (wan2.5-t2v)" in told.output
    assert "ticket-" in told.output
    assert WISH not in told.output


def test_a_task_that_its_caller_deleted_can_still_be_erased_by_its_id(
    typed: Typed, books: Act, tmp_path: Path
) -> None:
    task = books(lambda tx: wished(tx, Status.SUCCEEDED))
    books(lambda tx: tx.remove_task(task.id))
    assert "deleted" in typed("erase", task.id).output
    assert typed("erase", task.id, "--yes").exit_code == 0
    assert WISH.encode() not in file_bytes(tmp_path / "data")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "Say whose"),
        (("video_" + "0" * 32, "--user", "ada"), "Say whose"),
        (("--user", ""), "want a value"),
        (("film",), "is no task"),
        (("video_" + "0" * 32,), "The books know nothing"),
    ],
)
def test_who_is_not_named_is_not_erased(
    typed: Typed, books: Act, words: tuple[str, ...], why: str
) -> None:
    books(lambda tx: None)
    told = typed("erase", *words, "--yes")
    assert told.exit_code == 2
    assert why in told.output
