"""Today's code on a folder that the code of the step before wrote, with tasks in every status.

No row of it was made by today's code: `written/README.md` says which commit wrote it, and how.
Its instants are moved to the present, all by as much; the upstream that went on while the server
was dead is put together anew from its own log.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from journeying import a_server, audited, books_of, wait_until
from rushes.domain.task import Status
from rushes.store.migrate import SchemaState, schema_state
from rushes.testing.audit import read_log
from rushes.testing.simulators.jobs import Job, Pace
from rushes.testing.simulators.openai_videos import OpenAIVideosServer, Settings
from rushes.testing.simulators.script import RequestLog, Rule
from upstreams import upstream

WRITTEN = Path(__file__).parent / "written"
STEP = "0003"
MICROSECONDS = range(1_500_000_000_000_000, 4_000_000_000_000_000)
MILLISECONDS = range(1_500_000_000_000, 4_000_000_000_000)
"""What an integer is that stands for an instant, in our tables and in the library's."""

OWED = 3 + 1 + 5 + 1
"""Posts: of the three ends of before that nobody heard of, one also to its own address; then of
the five that were open, one also to its own address."""

OF_A_TASK = {
    "tasks": "id",
    "task_events": "task_id",
    "submits": "task_id",
    "ledger": "task_id",
    "artifacts": "task_id",
    "idempotency": "task_id",
}
"""Tables, and the column that names the task."""

Rows = dict[str, list[tuple[Any, ...]]]
Heard = list[tuple[str, dict[str, str], bytes]]


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P9")
@pytest.mark.promise("P10")
def test_a_folder_that_the_code_of_the_step_before_wrote_upgrades_and_finishes(
    tmp_path: Path,
) -> None:
    folder, log = tmp_path / "data", tmp_path / "creates.jsonl"
    beside = json.loads((WRITTEN / f"{STEP}.json").read_text())
    (tmp_path / "data.key").write_text(beside["key"])
    config = (WRITTEN / "rushes.toml").read_text()
    with a_caller() as (address, heard):
        later = unpacked(folder, beside, address)
        assert schema_state(folder / "rushes.db") is SchemaState.BEHIND
        before, answers = statuses(folder), first_answers(folder)
        assert before == {status.value: status.value for status in Status}
        ended = ended_of(folder)
        rows = rows_of(folder, ended)
        far = upstream_of(beside, later, log)
        with upstream(far, "") as place:
            config = config.replace("http://127.0.0.1:{port}", place)
            with a_server(folder, config=config) as server:
                assert schema_state(folder / "rushes.db") is SchemaState.CURRENT
                for wish in beside["wishes"]:
                    assert said_again(server.url, server.key, wish) == answers[wish["prompt"]]
                wait_until(
                    lambda: len(heard) >= OWED and not books_of(folder).open,
                    timeout_s=60,
                    why=lambda: f"{statuses(folder)}, {len(heard)} posts",
                )
                for told in beside["answers"].values():
                    assert_told_as_before(server.url, server.key, told)
    assert list(folder.glob("rushes.db.before-*")), "a copy of before was made"
    assert rows_of(folder, ended) == rows
    final = {status.value for status in Status if status.is_final}
    assert statuses(folder) == {
        prompt: status if status in final else "succeeded" for prompt, status in before.items()
    }
    begun = [one.prompt for one in read_log(log) if one.is_accepted]
    assert begun == [*(one["prompt"] for one in beside["creates"]), "queued"]
    queued = next(job for job in far.jobs.values() if job.prompt == "queued")
    (still,) = (content for name, content in beside["files"].items() if "inputs/" in name)
    assert queued.fields["input_reference"] == base64.b64decode(still)
    assert all_heard(folder, heard) == sorted(
        [("/account", prompt) for prompt in before if prompt != "succeeded"]
        + [("/task", "failed"), ("/task", "running")]
    )
    verdict = audited(folder, log)
    assert verdict.is_clean, verdict.findings
    assert (verdict.wishes, verdict.films) == (9, 6)


# -- the folder ------------------------------------------------------------------------------------


def unpacked(folder: Path, beside: dict[str, Any], address: str) -> timedelta:
    """Lay the folder out as it was at the kill; return how much later everything happens."""
    for name, content in beside["files"].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(content))
    with closing(sqlite3.connect(folder / "rushes.db", isolation_level=None)) as books:
        books.executescript(
            (WRITTEN / f"{STEP}.sql").read_text().replace(beside["caller"], address)
        )
        books.execute("PRAGMA journal_mode = WAL")
        (last,) = books.execute("SELECT max(at) FROM task_events").fetchone()
        later = datetime.now(tz=UTC) - datetime.fromtimestamp(last / 1_000_000, tz=UTC)
        books.execute("BEGIN")
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in books.execute(tables).fetchall():
            for column in books.execute(f"PRAGMA table_info({table})").fetchall():
                move(books, table, column[1], later)
        books.execute("COMMIT")
    return later


def move(books: sqlite3.Connection, table: str, column: str, later: timedelta) -> None:
    """Move the instants of a column."""
    for unit, known in ((1, MICROSECONDS), (1_000, MILLISECONDS)):
        books.execute(
            f'UPDATE "{table}" SET "{column}" = "{column}" + ?'
            f' WHERE typeof("{column}") = \'integer\' AND "{column}" BETWEEN ? AND ?',
            (later // timedelta(microseconds=unit), known.start, known.stop),
        )


def statuses(folder: Path) -> dict[str, str]:
    """Where the tasks stand, by their prompts; at any schema."""
    with closing(sqlite3.connect(folder / "rushes.db")) as books:
        return dict(books.execute("SELECT json_extract(spec, '$.prompt'), status FROM tasks"))


def ended_of(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "rushes.db")) as books:
        found = books.execute("SELECT id FROM tasks WHERE finished_at IS NOT NULL ORDER BY id")
        return [name for (name,) in found]


def rows_of(folder: Path, names: list[str]) -> Rows:
    """What is on record of some tasks, by table."""
    marks = ", ".join("?" * len(names))
    with closing(sqlite3.connect(folder / "rushes.db")) as books:
        return {
            table: books.execute(
                f"SELECT * FROM {table} WHERE {column} IN ({marks}) ORDER BY rowid", names
            ).fetchall()
            for table, column in OF_A_TASK.items()
        }


def first_answers(folder: Path) -> dict[str, bytes]:
    """What each wish was answered with, by its prompt."""
    with closing(sqlite3.connect(folder / "rushes.db")) as books:
        found = books.execute("SELECT key, body FROM idempotency").fetchall()
    return {key.removeprefix("order-"): body for key, body in found}


# -- the upstream, and the caller ------------------------------------------------------------------


def upstream_of(beside: dict[str, Any], later: timedelta, log: Path) -> OpenAIVideosServer:
    """The upstream with all that it had begun; its films are made by the encoder of today."""
    server = OpenAIVideosServer(
        log=RequestLog(log), settings=Settings(pace=Pace(0.1, 0.3), signs_films=True)
    )
    for entry in beside["creates"]:
        fate = Rule("create", "fail") if entry["fault"] == "fail" else None
        at = datetime.fromisoformat(entry["at"]) + later
        job = Job(entry["job_id"], entry["prompt"], at, fate)
        server.jobs[job.id] = job
        is_here = entry["prompt"] == "succeeded"
        digest = entry["film_sha256"] if is_here else server.film_sha256(job)
        server.log.note(**entry | {"at": at.isoformat(), "film_sha256": digest})
    return server


@contextmanager
def a_caller() -> Iterator[tuple[str, Heard]]:
    """A caller's server, and what it was told: where, with which headers, and what."""
    heard: Heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.path, dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join()


# -- what is told ----------------------------------------------------------------------------------


def said_again(url: str, key: str, wish: dict[str, Any]) -> bytes:
    """Say a wish of before once more, word for word."""
    answer = httpx2.post(
        f"{url}/v1/video/generations",
        json=wish,
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": f"order-{wish['prompt']}"},
        timeout=20,
    )
    answer.raise_for_status()
    return answer.content


def all_heard(folder: Path, heard: Heard) -> list[tuple[str, str]]:
    """Where the caller was told of which prompt, by events that the secret of before signed."""
    with closing(sqlite3.connect(folder / "rushes.db")) as books:
        (secret,) = books.execute("SELECT secret FROM webhook_secrets").fetchone()
    tasks = books_of(folder).tasks
    events = [(path, Webhook(secret).verify(body, headers)) for path, headers, body in heard]
    return sorted((path, tasks[event["data"]["id"]].task.spec.prompt) for path, event in events)


def assert_told_as_before(url: str, key: str, told: dict[str, Any]) -> None:
    answer = httpx2.get(
        f"{url}/v1/video/generations/{told['task_id']}",
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
    ).json()
    film = answer.pop("url", None)
    assert answer == {name: value for name, value in told.items() if name != "url"}
    assert (film is None) == ("url" not in told)
    if film is not None:
        assert httpx2.get(film, timeout=20).content[4:8] == b"ftyp"
