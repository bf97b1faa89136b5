"""`rushes worker` as a process on PostgreSQL: what it waits for, answers and works for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx2
import psycopg
import pytest

import nursery
from journeying import end, free_port, wait_until
from living import SHARED_LINKS, Typed, at_keyboard, environment_of, said_until
from nursery import Child
from postgres import Server
from rushes.clock import SystemClock
from rushes.domain.task import Task
from rushes.engine.dispatch import DbosDispatcher
from rushes.http.server import Application
from rushes.ports import Transaction, Work, work_id_of
from rushes.store.postgres import PostgresStore
from rushes.testing.builders import a_hold, a_spec, a_task
from wiring import wired

PATIENCE_S = 30.0
LISTENING = "0A"
"""How /proc tells of a socket that listens."""

CONFIG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{closed}/v1"
api_key = "file:{key}"
[[providers]]
name = "west"
kind = "openai_videos"
base_url = "http://127.0.0.1:{closed}/v1"
api_key = "file:{key}"
[[models]]
id = "gpu"
card = "sora-2"
[[models.routes]]
provider = "gpu"
model = "sora-2"
[[models]]
id = "west"
card = "sora-2"
[[models.routes]]
provider = "west"
model = "sora-2"
"""
"""Nobody is at either provider: whoever works for one has begun a submit, and no more."""


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """The address of a database in which there is nothing."""
    url = postgres.make_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def environment(url: str, tmp_path: Path) -> Mapping[str, str]:
    config = tmp_path / "rushes.toml"
    key = tmp_path / "upstream.key"
    key.write_text("sk-upstream")
    config.write_text(CONFIG.format(closed=free_port(), key=key))
    return environment_of(
        tmp_path / "data",
        RUSHES_CONFIG=str(config),
        RUSHES_DATABASE_URL=url,
        **SHARED_LINKS,
    )


@pytest.fixture
def operator(environment: Mapping[str, str]) -> Typed:
    return at_keyboard(environment)


@contextmanager
def a_worker(environment: Mapping[str, str], log: Path, *words: str) -> Iterator[Child]:
    """Have one start; it is not waited for."""
    with log.open("a") as errors:
        process = nursery.start(
            "rushes", "worker", "--json", *words, environment=environment, stderr=errors
        )
    try:
        yield process
    finally:
        end(process)


def address_of(process: Child) -> str | None:
    """Wait until a worker is at work; return where it answers."""
    told: str | None = json.loads(said_until(process, "{"))["url"]
    return told


def relations(url: str) -> list[str]:
    """Whatever somebody made in a database."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid "
            "WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        )
        return [str(name) for (name,) in found]


def listeners(pid: int) -> list[str]:
    """The TCP addresses that a process listens at, as the kernel writes them."""
    proc, own = Path("/proc") / str(pid), set[str]()
    for descriptor in (proc / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            own.add(str(descriptor.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in (proc / "net" / table).read_text().splitlines()[1:]:
            _, place, _, state, *_, inode = line.split()[:10]
            if state == LISTENING and f"socket:[{inode}]" in own:
                found.append(place)
    return found


def test_a_worker_alone_on_an_empty_database_waits_for_whoever_migrates_it(
    environment: Mapping[str, str], operator: Typed, url: str, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with a_worker(environment, log, "--port", "0") as worker:
        wait_until(
            lambda: "Waiting: " in log.read_text() or worker.poll() is not None,
            timeout_s=PATIENCE_S,
        )
        assert "the database is empty. Run `rushes migrate`" in log.read_text()
        assert worker.poll() is None
        assert relations(url) == []
        assert operator("migrate").exit_code == 0
        ready = httpx2.get(f"{address_of(worker)}/readyz", trust_env=False)
        assert ready.json()["status"] == "ready"
        assert log.read_text().count("Waiting: ") == 1


async def test_what_a_worker_answers_is_for_whoever_runs_it_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with wired(tmp_path) as house:
        application = Application(house.application.wire, for_callers=False)
        answered = {(route.method, route.path) for route in application.routes}
        assert answered == {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
        assert application.hot_looks is None


def test_a_worker_with_a_port_answers_there_how_it_is(
    environment: Mapping[str, str], operator: Typed, tmp_path: Path
) -> None:
    assert operator("migrate").exit_code == 0
    scopes = [word for scope in ("read", "admin") for word in ("--scope", scope)]
    made = json.loads(operator("keys", "create", "owner", *scopes, "--json").stdout)
    with a_worker(environment, tmp_path / "worker.log", "--port", "0") as worker:
        address = address_of(worker)
        assert address is not None
        assert len(listeners(worker.pid)) == 1
        with httpx2.Client(base_url=address, trust_env=False) as client:
            for path in ("/healthz", "/readyz", "/metrics"):
                assert client.get(path).status_code == 200, path
            client.headers["Authorization"] = f"Bearer {made['secret']}"
            for path in ("/v1/models", "/v1/videos", "/admin/v1/keys", "/openapi.json", "/docs"):
                assert client.get(path).status_code == 404, path


def test_a_worker_without_a_port_listens_nowhere_and_works_for_the_provider_it_was_told(
    environment: Mapping[str, str], operator: Typed, url: str, tmp_path: Path
) -> None:
    assert operator("migrate").exit_code == 0
    with closing(PostgresStore(url)) as store:
        of_west = want(store, "west")
        words = ("--provider", "gpu")
        with a_worker(environment, tmp_path / "worker.log", *words) as worker:
            assert address_of(worker) is None
            for of_gpu in (want(store, "gpu") for _ in range(2)):
                wait_until(partial(begun, store, of_gpu), timeout_s=PATIENCE_S)
            assert not begun(store, of_west)
            assert listeners(worker.pid) == []


def want(store: PostgresStore, provider: str) -> Task:
    """Have a film wait for a provider, as an accepted wish does."""
    dispatcher = DbosDispatcher(store.engine_for_workflows())
    at = SystemClock().now()
    task = a_task(model=provider, spec=a_spec(model=provider), created_at=at, queue=provider)
    task = replace(task, work_id=work_id_of(task, Work.FILM))

    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        dispatcher.enqueue(tx, task, Work.FILM, queue=provider)

    store.write_now(act)
    return task


def begun(store: PostgresStore, task: Task) -> bool:
    """Whether somebody tried to hand a task to its provider."""
    return bool(store.read_now(lambda tx: tx.submits(task.id)))


def test_a_worker_for_providers_that_are_not_there_is_told_which_there_are(
    environment: Mapping[str, str], url: str, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    words = [word for name in ("west", "wset", "attic") for word in ("--provider", name)]
    with a_worker(environment, log, *words) as worker:
        assert worker.wait(PATIENCE_S) == 2
        told = " ".join(log.read_text().split())
        assert "there is no provider attic, wset; providers are gpu, sandbox, west" in told
        assert relations(url) == []
