"""Where the benchmarks of many machines run: a database, processes by role, tasks under way.

A site is on SQLite (one `rushes serve`) or on a PostgreSQL of its own that syncs to its disk
(`rushes api` and `rushes worker`, as many as asked for). Tasks that a vendor has already are
written into the database before anybody works on it, as the engine would have written them.

    python benchmarks/sites.py limited LOOKS_PER_S WORDS...   # `rushes WORDS`, Ark with a limit
"""

from __future__ import annotations

import json
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from measuring import HERE, START_TIMEOUT_S, free_port, get, running, serve_environment

from rushes.clock import SystemClock
from rushes.domain.access import DEFAULT_ACCOUNT_ID
from rushes.domain.ids import new_task_id
from rushes.domain.task import Status
from rushes.engine.dispatch import DbosDispatcher, make_tables
from rushes.folder import make_key, open_books
from rushes.ports import Transaction, Work, work_id_of
from rushes.settings import load
from rushes.testing.builders import a_spec, put_task

TESTS = HERE.parent / "tests"
DATABASES = ("sqlite", "postgresql")
BATCH = 100
PATIENCE_S = 300.0
CONFIG = """
[server]
{public_url}

[links]
secrets = ["env:LINK_SECRET"]

[workers]
collects_max = {collects_max}

[[providers]]
name = "gpu"
kind = "ark"
base_url = "http://127.0.0.1:{vendor}/api/v3"
api_key = "env:GPU_KEY"
in_flight_max = {in_flight_max}
options = {{ look_again_s = {look_again_s} }}

[[models]]
id = "film"
card = "seedance-2-0"
[[models.routes]]
provider = "gpu"
model = "dreamina-seedance-2-0-260128"
"""
MODEL = "film"


@dataclass(frozen=True)
class Plan:
    """How a site is configured."""

    vendor: int = 0
    in_flight_max: int = 10_000
    look_again_s: float = 5.0
    collects_max: int = 32
    public_url: str = ""
    looks_per_s: float | None = None


@dataclass(frozen=True)
class Staged:
    """A task that the vendor has, and what it calls it."""

    task_id: str
    ticket: str
    token: str


@dataclass
class Site:
    """A database, a folder, a key, and what runs."""

    database: str
    folder: Path
    environment: dict[str, str]
    url: str | None = None
    secret: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    # -- before anybody works --------------------------------------------------------------

    def configure(self, plan: Plan) -> None:
        """Write the configuration, and make key and tables."""
        address = f'public_url = "{plan.public_url}"' if plan.public_url else ""
        config = self.folder / "rushes.toml"
        config.write_text(
            CONFIG.format(
                public_url=address,
                vendor=plan.vendor,
                in_flight_max=plan.in_flight_max,
                look_again_s=plan.look_again_s,
                collects_max=plan.collects_max,
            )
        )
        self.environment["RUSHES_CONFIG"] = str(config)
        with closing(open_books(self.settings, SystemClock(), may_make=True)) as books:
            make_tables(books.engine_for_workflows())
        (self.secret,) = self.make_keys(1)

    def make_keys(self, count: int) -> list[str]:
        """Make so many keys of the site's account; return their secrets."""
        clock = SystemClock()
        with closing(open_books(self.settings, clock)) as books:
            return [make_key(books, "benchmark", clock)[1] for _ in range(count)]

    @property
    def settings(self) -> Any:
        given = {} if self.url is None else {"database": {"url": self.url}}
        return load(data_dir=self.folder / "data", **given)

    def stage(
        self, count: int, status: Status = Status.RUNNING, *, is_carried: bool = True
    ) -> list[Staged]:
        """Write tasks that the vendor has, with the work that carries them, or with none."""
        clock, staged = SystemClock(), list[Staged]()
        spec = a_spec(prompt="A paper boat crosses a rain puddle")

        def act(tx: Transaction) -> list[Staged]:
            made = []
            for _ in range(min(BATCH, count - len(staged))):
                at = clock.now() - timedelta(minutes=1)
                birth: dict[str, Any] = {
                    "account_id": DEFAULT_ACCOUNT_ID,
                    "model": MODEL,
                    "queue": "gpu",
                }
                birth |= {"id": new_task_id(at), "created_at": at, "spec": spec}
                task = put_task(tx, status, **birth, work_id=None)
                if is_carried and not task.is_final:
                    work = Work.COLLECT if status is Status.STORING else Work.FILM
                    work_id = work_id_of(task, work)
                    tx.rework(task, work_id, "gpu")
                    given = tx.task(task.id)
                    assert given is not None
                    queue = "" if work is Work.COLLECT else "gpu"
                    dispatcher.enqueue(tx, given, work, queue=queue)
                submits = tx.submits(task.id)
                ticket = dict(submits[-1].ticket or {}) if submits else {}
                token = submits[-1].token if submits else ""
                made.append(Staged(task.id, str(ticket.get("id", "")), token))
            return made

        with closing(open_books(self.settings, clock)) as books:
            dispatcher = DbosDispatcher(books.engine_for_workflows())
            while len(staged) < count:
                staged += books.write_now(act)
        return staged

    # -- what runs -------------------------------------------------------------------------

    @contextmanager
    def running(
        self,
        role: str = "serve",
        *,
        port: int = 0,
        plan: Plan | None = None,
        cores: set[int] | None = None,
    ) -> Iterator[Any]:
        """Run a process of ours until the block ends, ready when it begins; yields it."""
        port = port or free_port()
        limit = None if plan is None else plan.looks_per_s
        ours = [sys.executable, "-m", "rushes"]
        if limit is not None:
            ours = [sys.executable, str(HERE / "sites.py"), "limited", str(limit)]
        command = [*ours, role, "--port", str(port), "--json"]
        with running(
            command, port, path="/healthz", cores=cores, environment=self.environment
        ) as process:
            process.port = port  # type: ignore[attr-defined] -- what callers need of it
            give_up_at = time.monotonic() + START_TIMEOUT_S
            while get(port, "/readyz")[0] != 200:
                if time.monotonic() > give_up_at:
                    raise SystemExit(f"rushes {role} is not ready: {get(port, '/readyz')}")
                time.sleep(0.05)
            yield process

    @contextmanager
    def working(self) -> Iterator[Any]:
        """Run a worker that nobody can ask, as it comes; it works when the block begins."""
        command = [sys.executable, "-m", "rushes", "worker", "--json"]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=self.environment
        ) as process:
            try:
                if process.stdout is None or not process.stdout.readline():
                    raise SystemExit("rushes worker did not start")
                yield process
            finally:
                process.terminate()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, beside whoever works on it."""
        if self.url is not None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                return connection.execute(query.encode()).fetchall()
        path = f"file:{self.settings.database_path}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as opened:
            return opened.execute(query).fetchall()

    def counts(self) -> dict[str, int]:
        """Count tasks by status."""
        return dict(self.ask("SELECT status, count(*) FROM tasks GROUP BY 1"))

    def wait(self, query: str, wanted: int, *, within_s: float = PATIENCE_S) -> float:
        """Wait until a query that counts says at least so many; return how long that took."""
        begun = time.monotonic()
        while (found := self.ask(query)[0][0]) < wanted:
            if time.monotonic() - begun > within_s:
                stand = ", ".join(f"{name} {count}" for name, count in self.counts().items())
                raise SystemExit(
                    f"only {found} of {wanted} after {within_s:g} s: {query}; tasks are {stand}"
                )
            time.sleep(0.1)
        return time.monotonic() - begun


TAKEN = "SELECT count(*) FROM tasks WHERE takeover_count > 0"


@contextmanager
def a_server() -> Iterator[Any]:
    """Run a PostgreSQL that syncs to its disk, as a real one does; `make_database` makes one."""
    sys.path.append(str(TESTS))
    from postgres import running as postgres_running  # noqa: PLC0415 -- the tests' own server

    with postgres_running(is_durable=True) as server:
        yield server


@contextmanager
def a_site(database: str, folder: Path, server: Any = None) -> Iterator[Site]:
    """Make an empty site in a folder; on PostgreSQL in a database of its own on `server`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = serve_environment(folder / "data", GPU_KEY="sk-benchmark", LINK_SECRET="0f" * 32)
    site = Site(database, folder, environment)
    with ExitStack() as stack:
        if database == "postgresql":
            site.url = server.make_database()
            stack.callback(server.drop_database, site.url)
            environment["RUSHES_DATABASE_URL"] = site.url or ""
        yield site


@contextmanager
def a_vendor(film: Path, *words: str) -> Iterator[int]:
    """Run the vendor; yields its port."""
    port = free_port()
    command = [sys.executable, str(HERE / "vendor.py"), str(port), str(film), *words]
    with running(command, port, path="/_told"):
        yield port


def told_by(vendor: int, since: float = 0.0) -> dict[str, Any]:
    """Ask the vendor what it saw."""
    told: dict[str, Any] = json.loads(get(vendor, f"/_told?since={since}")[2])
    return told


def limited(per_s: float, words: Sequence[str]) -> None:
    """Run the command line with an Ark whose accounts allow so many looks a second.

    Its maker documents no limit; DashScope's, 20 a second, is the one that is known.
    """
    from rushes.providers.ark import Ark  # noqa: PLC0415 -- for this mode alone

    Ark.looks_per_s_max = per_s
    sys.argv[1:] = words
    runpy.run_module("rushes", run_name="__main__")


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process as a power cut does, by its id."""
    process.send_signal(signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["limited", per_s, *words]:
            limited(float(per_s), words)
        case _:
            sys.exit(__doc__)
