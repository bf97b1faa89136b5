"""Today's code where the version before left off, with tasks open in every status.

That version's code is not here; `test_written.py` has a folder that it wrote. Here a real server
of today is brought to where it has tasks in every status and killed; then its database is taken
back to the step before, to the last column.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from journeying import a_server, an_upstream, audited, books_of, wait_until
from living import SHARED_LINKS, environment_of, rushes
from postgres import Server
from rushes.domain.ids import new_secret
from rushes.domain.task import Status
from rushes.store.migrate import STEPS, SchemaState, schema_state
from rushes.store.postgres import PostgresStore
from rushes.store.rows import LAST_FRAME_MARK
from rushes.store.sqlite import open_file
from rushes.testing.audit import read_log
from rushes.testing.builders import a_key
from rushes.testing.fleet import Fleet

BEFORE = "0003"
SIGNED = ("--sign-films",)
SCRIPT = """{"rules": [
  {"on": "create", "fault": "slow", "value": 60, "prompt": "submitting"},
  {"on": "create", "fault": "drop", "accepted": true, "prompt": "in_doubt"},
  {"on": "list", "fault": "unavailable"},
  {"on": "retrieve", "fault": "unavailable", "prompt": "running"},
  {"on": "content", "fault": "unavailable", "prompt": "storing"},
  {"on": "create", "fault": "fail", "prompt": "failed"}
]}"""
CONFIG = """
[times]
submit_call_s = 30
doubt_s = 60
render_s = 120

[webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]

[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 3

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
"""


def taken_back(path: Path, folder: Path) -> None:
    """Take a file's schema back to the step before; its rows stay."""
    pattern = folder / "before.db"
    engine = sa.create_engine("sqlite://", creator=lambda: open_file(pattern))
    config = Config()
    config.set_main_option("script_location", str(STEPS.folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    engine.dispose()
    wanted = schema_of(pattern)
    ours = schema_of(path)
    with contextlib.closing(sqlite3.connect(path)) as books, books:
        theirs = {name for (name,) in books.execute(LIBRARY_TABLES)}
        for name in ours["table"].keys() - wanted["table"].keys() - theirs:
            books.execute(f"DROP TABLE {name}")
        for name, table in ours["index"].items():
            if name not in wanted["index"] and table[0] in wanted["table"]:
                books.execute(f"DROP INDEX {name}")
        for name, columns in wanted["table"].items():
            for column in set(ours["table"][name]) - set(columns):
                books.execute(f"ALTER TABLE {name} DROP COLUMN {column}")
        books.execute("DELETE FROM artifacts WHERE content_type LIKE ?", (f"%{LAST_FRAME_MARK}",))
        books.execute("UPDATE alembic_version SET version_num = ?", (BEFORE,))
    now = schema_of(path)
    assert {name: now["table"][name] for name in wanted["table"]} == wanted["table"]
    assert {k: v for k, v in now["index"].items() if v[0] in wanted["table"]} == wanted["index"]
    assert schema_state(path) is SchemaState.BEHIND


LIBRARY_TABLES = """
    SELECT name FROM sqlite_master WHERE type = 'table' AND (
        name LIKE 'workflow%' OR name LIKE 'dbos%' OR name IN (
        'operation_outputs', 'notifications', 'streams', 'event_dispatch_kv', 'queues',
        'application_versions'))"""


def schema_of(path: Path) -> dict[str, dict[str, list[str]]]:
    """Tables with their columns, and indexes with the table they are of."""
    found: dict[str, dict[str, list[str]]] = {"table": {}, "index": {}}
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for kind, name, table in connection.execute(
            "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        ).fetchall():
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            if kind in found:
                found[kind][name] = [c[1] for c in columns] if kind == "table" else [table]
    return found


def statuses(folder: Path) -> dict[str, str]:
    return {k.task.spec.prompt: k.task.status.value for k in books_of(folder).tasks.values()}


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_folder_of_the_step_before_with_tasks_in_every_status_upgrades_and_finishes(
    tmp_path: Path,
) -> None:
    folder, log = tmp_path / "data", tmp_path / "creates.jsonl"
    upstream = an_upstream(log=log, script=SCRIPT, render_s=0.3, more=SIGNED)
    with upstream as far:
        config = CONFIG.format(port=far.port)
        with a_server(folder, config=config) as server:
            key = server.key
            stand_everywhere(server.url, key, folder)
            server.process.kill()
            server.process.wait(20)
        before = statuses(folder)
        assert set(before.values()) == {status.value for status in Status}
        taken_back(folder / "rushes.db", tmp_path)
        httpx2.post(f"http://127.0.0.1:{far.port}/_simulator/rules", json={"rules": []})
        with a_server(folder, config=config) as server:
            assert schema_state(folder / "rushes.db") is SchemaState.CURRENT
            wait_until(
                lambda: not books_of(folder).open,
                timeout_s=60,
                why=lambda: str(statuses(folder)),
            )
            assert last_frame(server.url, key, folder)[8:12] == b"WEBP"
        after = statuses(folder)
        verdict = audited(folder, log)
    assert list(folder.glob("rushes.db.before-*")), "a copy of before was made"
    final = {status.value for status in Status if status.is_final}
    assert after == {
        prompt: status if status in final else "succeeded" for prompt, status in before.items()
    }
    begun = [one.prompt for one in read_log(log) if one.is_accepted]
    assert len(begun) == len(set(begun))
    assert verdict.is_clean, verdict.findings


def last_frame(url: str, key: str, folder: Path) -> bytes:
    """Ask for the last frame of the film of before, which has none yet; the auditor counts it."""
    kept = books_of(folder).tasks.values()
    done = next(one.task.id for one in kept if one.task.spec.prompt == "succeeded")
    answer = httpx2.get(
        f"{url}/v1/videos/{done}/content?variant=last_frame",
        headers={"Authorization": f"Bearer {key}"},
        timeout=60,
    )
    answer.raise_for_status()
    return answer.content


def stand_everywhere(url: str, key: str, folder: Path) -> None:
    """Bring tasks to every status, each by the name of where it shall stand."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=20) as client:

        def wish(prompt: str, **more: Any) -> str:
            body = {"model": "sora-2", "prompt": prompt, **more}
            answer = client.post("/v1/video/generations", json=body)
            answer.raise_for_status()
            name: str = answer.json()["task_id"]
            return name

        def wish_and_wait(*prompts: str) -> None:
            for prompt in prompts:
                wish(prompt)
            wait_until(
                lambda: all(statuses(folder)[prompt] == prompt for prompt in prompts),
                timeout_s=40,
                why=lambda: str(statuses(folder)),
            )

        wish_and_wait("succeeded", "failed", "storing")
        wish_and_wait("submitting", "in_doubt", "running")
        canceled = wish("canceled")
        client.post(f"/v1/video/generations/{canceled}/cancel").raise_for_status()
        wish("expired", metadata={"start_within_s": 1})
        wish("queued")
        wait_until(lambda: statuses(folder)["expired"] == "expired", timeout_s=20)


# -- many machines ---------------------------------------------------------------------------------


@contextlib.contextmanager
def a_receiver() -> Iterator[tuple[str, list[str]]]:
    """A caller's server, and the ids of the events it was told."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.headers["webhook-id"])
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/hook", told
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P10")
def test_a_server_on_the_step_before_is_migrated_while_it_works(
    postgres: Server, tmp_path: Path
) -> None:
    secret = new_secret()
    config = tmp_path / "rushes.toml"
    log = tmp_path / "creates.jsonl"
    with (
        postgres.database_of(BEFORE) as url,
        an_upstream(log=log, render_s=0.3, more=SIGNED) as far,
        a_receiver() as (hook, told),
    ):
        config.write_text(CONFIG.format(port=far.port))
        environment = environment_of(
            tmp_path / "data",
            RUSHES_CONFIG=str(config),
            RUSHES_DATABASE_URL=url,
            **SHARED_LINKS,
            TEST_UPSTREAM_KEY="sk-upstream",
        )
        with contextlib.closing(PostgresStore(url)) as store:
            store.write_now(lambda tx: tx.add_key(a_key(secret)))
        with contextlib.closing(Fleet(tmp_path, environment)) as fleet:
            server = fleet.start("serve").ready()
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as client:

                def film(prompt: str) -> dict[str, Any]:
                    body = {"model": "sora-2", "prompt": prompt, "callback_url": hook}
                    name = client.post("/v1/video/generations", json=body).json()["task_id"]
                    ended: dict[str, Any] = client.get(
                        f"/v1/video/generations/{name}?wait=60"
                    ).json()
                    assert "status" in ended, (ended, *server.tail())
                    return ended

                assert film("before")["status"] in {"succeeded", "completed"}
                assert schema_state(url) is SchemaState.BEHIND
                run = rushes("migrate", environment=environment)
                assert run.returncode == 0, run.stderr
                assert film("after")["status"] in {"succeeded", "completed"}
                wait_until(lambda: len(set(told)) == 2, timeout_s=20)
            assert server.stop() == 0
        verdict = audited(tmp_path / "data", log, database={"url": url})
        assert verdict.is_clean, verdict.findings
        assert verdict.films == 2
