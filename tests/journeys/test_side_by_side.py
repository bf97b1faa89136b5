"""An API of today beside a worker of the step before: its code as its last commit had it.

The worker runs the sources that this repository's history has; where that history is cut off
there is nothing to run, and what the worker left is read in `test_written` all the same.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import psycopg
import pytest

from journeying import ONE_UPSTREAM, an_upstream, audited, wait_until
from living import SHARED_LINKS, environment_of, rushes
from postgres import Server
from rushes.domain.ids import new_secret
from rushes.store.migrate import SchemaState, schema_state
from rushes.store.postgres import PostgresStore
from rushes.testing.audit import read_log
from rushes.testing.builders import a_key
from rushes.testing.fleet import Fleet

STEP, LAST_COMMIT = "0003", "96315dd8b15d797e9726c1d2415e0bd695752750"
"""The step of the schema before today's, and the last commit whose code knew no other."""

ROOT = Path(__file__).parents[2]
FILMS = "/v1/video/generations"
WISHES = 6


def sources_of(commit: str, folder: Path) -> Path:
    """Lay out the sources of a commit; the test is skipped where there is no such commit."""
    command = ["git", "-C", str(ROOT), "archive", commit, "src"]
    packed = subprocess.run(command, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"the history here does not reach back to {commit}")
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder / "src"


@pytest.mark.long
@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_an_api_of_today_has_its_films_made_by_a_worker_of_the_step_before(
    postgres: Server, tmp_path: Path
) -> None:
    """On the schema before; then migrated under both; then the old worker dies in its work."""
    log, secret, config = tmp_path / "creates.jsonl", new_secret(), tmp_path / "rushes.toml"
    sources = sources_of(LAST_COMMIT, tmp_path / "before")
    signed = ("--sign-films",)
    with (
        postgres.database_of(STEP) as url,
        an_upstream(log=log, render_s=3, more=signed) as far,
    ):
        config.write_text(ONE_UPSTREAM.format(port=far.port))
        now = environment_of(
            tmp_path / "data",
            RUSHES_CONFIG=str(config),
            RUSHES_DATABASE_URL=url,
            **SHARED_LINKS,
            TEST_UPSTREAM_KEY="sk-upstream",
        )
        with closing(PostgresStore(url)) as store:
            store.write_now(lambda tx: tx.add_key(a_key(secret)))
        before = now | {"PYTHONPATH": str(sources)}
        loaded = [sys.executable, "-c", "import rushes; print(rushes.__file__)"]
        assert subprocess.check_output(loaded, env=before, text=True).startswith(str(sources))
        (tmp_path / "old").mkdir()
        with (
            closing(Fleet(tmp_path, now)) as ours,
            closing(Fleet(tmp_path / "old", before)) as theirs,
        ):
            api, worker = ours.start("api").ready(), theirs.start("worker").ready()
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx2.Client(base_url=api.url, headers=headers, timeout=90) as client:

                def wish(about: str) -> list[str]:
                    bodies = [{"model": "sora-2", "prompt": f"{about} {n}"} for n in range(WISHES)]
                    answers = [client.post(FILMS, json=body) for body in bodies]
                    return [answer.raise_for_status().json()["task_id"] for answer in answers]

                def finish(names: list[str]) -> None:
                    told = [client.get(f"{FILMS}/{name}?wait=60").json() for name in names]
                    assert {one["status"] for one in told} <= {"succeeded", "completed"}, told

                finish(wish("before"))
                assert schema_state(url) is SchemaState.BEHIND
                run = rushes("migrate", environment=now)
                assert run.returncode == 0, run.stderr
                finish(wish("migrated"))
                left = wish("left")
                wait_until(lambda: standing(url, left) == {"running"}, timeout_s=30)
                worker.kill()
                ours.start("worker").ready()
                finish(left)
        begun = [one.prompt for one in read_log(log) if one.is_accepted]
        assert len(begun) == len(set(begun)) == 3 * WISHES
        verdict = audited(tmp_path / "data", log, database={"url": url})
        assert verdict.is_clean, verdict.findings
        assert verdict.films == 3 * WISHES


def standing(url: str, task_ids: list[str]) -> set[str]:
    """In which statuses tasks stand."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT status FROM tasks WHERE id = ANY(%s)", (task_ids,))
        return {str(status) for (status,) in found.fetchall()}
