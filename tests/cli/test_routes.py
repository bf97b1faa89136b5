"""How routes fare, by the command line: listed, reset, and queued tasks moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOSClient

from living import Typed, at_keyboard, environment_of
from rushes.clock import SystemClock
from rushes.domain.health import FAULTS_MAX, Health, after_fault, after_retirement
from rushes.domain.task import Status, Task
from rushes.folder import open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import put_task

CONFIG = """
[[providers]]
name = "old"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
[[providers]]
name = "new"
kind = "openai_videos"
base_url = "http://127.0.0.1:9/v1"
[[models]]
id = "film"
card = "sora-2"
[[models.routes]]
provider = "old"
model = "gone-1"
[[models.routes]]
provider = "new"
model = "here-1"
priority = 1
"""


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    config = tmp_path / "rushes.toml"
    config.write_text(CONFIG)
    return at_keyboard(environment_of(tmp_path / "data", RUSHES_CONFIG=str(config)))


def in_books(tmp_path: Path, act: Callable[[SqliteStore], Any]) -> Any:
    settings = load(data_dir=tmp_path / "data")
    with closing(open_books(settings, SystemClock(), may_make=True)) as store:
        engine = store.engine_for_workflows()
        DBOSClient(system_database_engine=engine)._sys_db.run_migrations()
        return act(store)


def retire(tmp_path: Path) -> None:
    at = SystemClock().now()
    health = after_retirement(Health("old", "gone-1", changed_at=at), at=at, note="model_retired")
    in_books(tmp_path, lambda store: store.write_now(lambda tx: tx.put_health(health)))


def test_routes_are_listed_with_how_they_fare(typed: Typed, tmp_path: Path) -> None:
    at = SystemClock().now()
    failing = Health("new", "here-1", changed_at=at)
    for _ in range(FAULTS_MAX):
        failing = after_fault(failing, at=at, note="HTTP 503")
    retire(tmp_path)
    in_books(tmp_path, lambda store: store.write_now(lambda tx: tx.put_health(failing)))
    shown = json.loads(typed("routes", "list", "--json").stdout)
    assert [(one["provider"], one["state"], one["note"]) for one in shown] == [
        ("old", "retired", "model_retired"),
        ("new", "open", "HTTP 503"),
    ]
    read = typed("routes", "list").stdout
    assert "retired" in read
    assert "HTTP 503" in read


def test_a_reset_route_is_asked_again(typed: Typed, tmp_path: Path) -> None:
    retire(tmp_path)
    assert typed("routes", "reset", "old", "gone-1").exit_code == 0
    shown = json.loads(typed("routes", "list", "--json").stdout)
    assert [one["state"] for one in shown] == ["closed", "closed"]


def test_queued_tasks_are_moved_away_from_a_retired_route(typed: Typed, tmp_path: Path) -> None:
    def fill(store: SqliteStore) -> list[Task]:
        return [
            store.write_now(lambda tx, s=status: put_task(tx, s, model="film", queue="old"))
            for status in (Status.QUEUED, Status.QUEUED, Status.RUNNING)
        ]

    waiting, too, running = in_books(tmp_path, fill)
    retire(tmp_path)
    assert json.loads(typed("reroute", "--json").stdout) == {"moved": 2}

    def read(tx: Transaction) -> tuple[list[str | None], set[tuple[str, str]]]:
        queues = [tx.task(task.id).queue for task in (waiting, too, running)]  # type: ignore[union-attr]
        rows = tx.connection.execute(  # type: ignore[attr-defined]
            sa.text("SELECT workflow_uuid, queue_name FROM workflow_status")
        )
        return queues, {(str(row[0]), str(row[1])) for row in rows}

    queues, works = in_books(tmp_path, lambda store: store.read_now(read))
    assert queues == ["new", "new", "old"]
    assert works == {(f"{task.id}:film:1", "film:new") for task in (waiting, too)}
    assert json.loads(typed("reroute", "--json").stdout) == {"moved": 0}, "it moves once"


def test_only_the_model_that_is_named_is_moved(typed: Typed, tmp_path: Path) -> None:
    def fill(store: SqliteStore) -> None:
        store.write_now(lambda tx: put_task(tx, model="film", queue="old"))

    in_books(tmp_path, fill)
    retire(tmp_path)
    assert json.loads(typed("reroute", "--model", "other", "--json").stdout) == {"moved": 0}
    assert "1 queued task moved" in typed("reroute").output


def test_without_a_provider_there_is_nothing_to_list(tmp_path: Path) -> None:
    typed = at_keyboard(environment_of(tmp_path / "data"))
    in_books(tmp_path, lambda store: None)
    assert json.loads(typed("routes", "list", "--json").stdout) == []


def test_simulators_are_listed_and_an_unknown_one_is_a_sentence(tmp_path: Path) -> None:
    typed = at_keyboard(environment_of(tmp_path / "data"))
    assert "openai_videos" in typed("simulate").output
    listed = json.loads(typed("simulate", "--json").stdout)
    assert "ark" in [one["name"] for one in listed]
    wrong = typed("simulate", "lumen")
    assert wrong.exit_code == 2
    assert "There is no simulator lumen" in wrong.output
