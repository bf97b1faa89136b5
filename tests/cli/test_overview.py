"""How tasks fare and what went wrong, by the command line: for eyes and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from living import Typed, at_keyboard, environment_of
from rushes.clock import SystemClock
from rushes.domain.ids import new_task_id
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.folder import open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.testing.builders import a_submit, put_task


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    return at_keyboard(environment_of(tmp_path / "data"))


def in_books(tmp_path: Path, act: Callable[[Transaction], Any]) -> None:
    settings = load(data_dir=tmp_path / "data")
    with closing(open_books(settings, SystemClock(), may_make=True)) as store:
        store.write_now(act)


def put(tx: Transaction, status: Status, model: str, at: datetime) -> Any:
    later = at + timedelta(days=1)
    return put_task(
        tx,
        status,
        id=new_task_id(at),
        created_at=at,
        queue_deadline_at=later,
        deadline_at=later,
        model=model,
        queue="gpu",
    )


def fill(tx: Transaction) -> None:
    at = SystemClock().now() - timedelta(hours=1)
    put(tx, Status.SUCCEEDED, "wan", at)
    put(tx, Status.FAILED, "wan", at)
    task = put(tx, Status.QUEUED, "sora", at)
    tx.count_fault(task, "HTTP 503 at https://gpu.test/?key=secret", at=at)
    tx.add_submit(a_submit(task, Verdict.RETURNED, note="HTTP 429"))


def test_what_went_wrong_is_listed_without_secrets(typed: Typed, tmp_path: Path) -> None:
    in_books(tmp_path, fill)
    shown = json.loads(typed("faults", "--json").stdout)
    assert {"HTTP 429", "HTTP 503 at https://gpu.test/?…"} <= {one["what"] for one in shown}
    read = typed("faults", "--provider", "gpu").stdout
    assert "returned" in read
    assert "HTTP 429" in read
    assert "secret" not in read
    assert json.loads(typed("faults", "--provider", "nobody", "--json").stdout) == []
    assert len(json.loads(typed("faults", "-n", "1", "--json").stdout)) == 1


def test_how_tasks_fared_is_added_up(typed: Typed, tmp_path: Path) -> None:
    in_books(tmp_path, fill)
    shown = json.loads(typed("insights", "--json").stdout)
    lines = {one["model"]: (one["accepted"], one["films"], one["failed"]) for one in shown["lines"]}
    assert lines == {"sora": (1, 0, 0), "wan": (2, 1, 1)}
    read = typed("insights", "--by", "day").stdout
    assert "provider_failed 1" in read
    assert "DAY" in read


def test_an_empty_house_says_so_and_a_span_has_an_end(typed: Typed, tmp_path: Path) -> None:
    in_books(tmp_path, lambda _tx: None)
    assert "Nothing went wrong." in typed("faults").stderr
    assert "No task was accepted" in typed("insights").stderr
    refused = typed("insights", "--since", "2020-01-01")
    assert refused.exit_code == 2
    assert "92 days" in refused.stderr
