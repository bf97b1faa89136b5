"""Ten thousand tasks of one account wait, and another account asks for its first film."""

from __future__ import annotations

import statistics
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import psycopg
import pytest

from journeying import an_upstream, wait_until
from living import SHARED_LINKS, environment_of
from postgres import Server
from rushes.domain.ids import new_account_id, new_secret, new_task_id
from rushes.domain.task import Status, Task
from rushes.engine.dispatch import DbosDispatcher
from rushes.ports import Transaction, Work, work_id_of
from rushes.store.postgres import PostgresStore
from rushes.testing.audit import Kept
from rushes.testing.builders import a_hold, a_key
from rushes.testing.fleet import Fleet

SLOTS = 4
BATCH = 250
CONFIG = """
[[providers]]
name = "far"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 4
{more}

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "far"
model = "sora-2"
"""


def fill(store: PostgresStore, pattern: Task, count: int) -> None:
    """Let as many tasks like one wait behind it, as accepted ones do."""
    dispatcher = DbosDispatcher(store.engine_for_workflows())

    def act(tx: Transaction) -> None:
        for _ in range(BATCH):
            task = replace(pattern, id=new_task_id(datetime.now(tz=UTC)))
            task = replace(task, spec=replace(pattern.spec, prompt=task.id))
            task = replace(task, work_id=work_id_of(task, Work.FILM))
            tx.add_task(task, a_hold(task))
            dispatcher.enqueue(tx, task, Work.FILM, queue="far")

    for _ in range(count // BATCH):
        store.write_now(act)


def spans(kept: list[Kept]) -> list[tuple[datetime, datetime]]:
    """From when to when each held its slot, of those that held and left one."""
    found = []
    for one in kept:
        at = {told.status: told.at for told in one.events}
        if Status.SUBMITTING in at and Status.STORING in at:
            found.append((at[Status.SUBMITTING], at[Status.STORING]))
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("waiting", "share"), [(10_000, None), (500, 2)], ids=["by turns", "by turns and shares"]
)
def test_another_account_starts_within_two_slots_time_however_many_wait(
    postgres: Server, tmp_path: Path, waiting: int, share: int | None
) -> None:
    url, config = postgres.make_database(), tmp_path / "rushes.toml"
    secrets = {name: new_secret() for name in ("many", "other")}
    environment = environment_of(
        tmp_path / "data",
        RUSHES_CONFIG=str(config),
        RUSHES_DATABASE_URL=url,
        **SHARED_LINKS,
        TEST_UPSTREAM_KEY="sk-upstream",
    )
    with (
        an_upstream(log=tmp_path / "creates.jsonl", render_s=1.0) as far,
        closing(Fleet(tmp_path, environment)) as fleet,
        closing(PostgresStore(url)) as store,
    ):
        more = "" if share is None else f"in_flight_per_account_max = {share}"
        config.write_text(CONFIG.format(port=far.port, more=more))
        api = fleet.start("api").ready()
        for n, secret in enumerate(secrets.values()):
            account = new_account_id(datetime.now(tz=UTC))
            key = a_key(secret, id=f"key_{n:032x}", account_id=account)
            store.write_now(lambda tx, key=key: tx.add_key(key))  # type: ignore[misc]

        def wish(name: str) -> Task:
            answer = httpx2.post(
                f"{api.url}/v1/video/generations",
                json={"model": "sora-2", "prompt": name},
                headers={"Authorization": f"Bearer {secrets[name]}"},
                timeout=30,
            )
            assert answer.status_code == 200, answer.text
            return kept_of(answer.json()["task_id"]).task

        def kept_of(task_id: str) -> Kept:
            return store.read_now(lambda tx: _kept(tx, task_id))

        def many() -> list[Kept]:
            with psycopg.connect(url) as connection:
                begun = connection.execute("SELECT DISTINCT task_id FROM submits").fetchall()
            return [one for (name,) in begun if (one := kept_of(str(name))).task.id != other]

        other = ""
        fill(store, wish("many"), waiting)
        fleet.start("worker").ready()
        wait_until(lambda: len(spans(many())) >= 2 * SLOTS, timeout_s=60)
        first = wish("other")
        other = first.id
        wait_until(lambda: kept_of(first.id).task.status is not Status.QUEUED, timeout_s=60)
        at = {told.status: told.at for told in kept_of(first.id).events}
        waited_s = (at[Status.SUBMITTING] - first.created_at).total_seconds()
        held = spans(many())
        slot_s = statistics.median((end - begin).total_seconds() for begin, end in held)
        assert waited_s < 2 * slot_s, (waited_s, slot_s)
        together = max(sum(begin <= at < end for begin, end in held) for at, _ in held)
        assert together <= (share or SLOTS)
        for member in fleet.members:
            member.kill()
    postgres.drop_database(url)


def _kept(tx: Transaction, task_id: str) -> Kept:
    task = tx.task(task_id)
    assert task is not None
    return Kept(task, tuple(tx.told(task_id)))
