"""Two that answer callers and two that work, on one PostgreSQL and one bucket, as callers see."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from journeying import audited, books_of, make_key, wait_until
from living import SHARED_LINKS, environment_of, rushes
from postgres import Server
from rushes.domain.task import Status
from rushes.http.live import CHECK_S
from rushes.http.server import REFRESH_S
from rushes.testing.audit import Audited, Books, Kept, Witness, read_log
from rushes.testing.fleet import Fleet, Member
from seaweed import Seaweed

RENDER_S = 1.5
FILMS = "/v1/video/generations"
OVER = frozenset({"completed", "succeeded", "failed", "canceled", "cancelled", "expired"})
REVOKED_WITHIN_S = 2.0
BUSY_MACHINE_S = 1.0
"""How late two APIs, their database and we may be, where all share two cores."""

STREAMS_END_S = REFRESH_S + CHECK_S + BUSY_MACHINE_S

CONFIG = """
[times]
submit_call_s = 10
doubt_s = 20
render_s = 120

[workers]
lost_after_s = 2

[[providers]]
name = "far"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:TEST_UPSTREAM_KEY"
in_flight_max = 24

[[models]]
id = "sora-2"
card = "sora-2"
[[models.routes]]
provider = "far"
model = "sora-2"

[storage]
url = "{url}"
endpoint = "{endpoint}"
access_key_id = "{access_key_id}"
secret_access_key = "{secret_access_key}"
"""


@dataclass
class Machines:
    """A fleet on one database; whoever was killed is started again by `mend`."""

    folder: Path
    database: str
    fleet: Fleet
    storage: Mapping[str, str]
    key: str = ""
    apis: list[Member] = field(default_factory=list)
    workers: list[Member] = field(default_factory=list)
    upstream: Member | None = None
    clocks: dict[int, Path] = field(default_factory=dict)
    hired: int = 0

    def open(self) -> None:
        upstream = self.fleet.start_upstream(
            "openai_videos",
            ["--sign-films", "--render-s", str(RENDER_S), "--queue-s", "0.1"],
            log=self.log,
        )
        self.upstream = upstream
        config = CONFIG.format(port=upstream.said["port"], **self.storage)
        (self.folder / "rushes.toml").write_text(config)
        self.apis = [self.fleet.start("api") for _ in range(2)]
        self.workers = [self._hire() for _ in range(2)]  # they wait until there is a database
        for member in (*self.apis, *self.workers):
            member.ready()
        self.key = make_key(self.folder, self.fleet.environment)

    def mend(self) -> None:
        """Have two workers again, and nothing that is left to do."""
        self.workers = [one for one in self.workers if one.is_alive]
        fresh = [self._hire() for _ in range(2 - len(self.workers))]
        self.workers += [one.ready() for one in fresh]
        self.rules()

    def _hire(self) -> Member:
        self.hired += 1
        clock = self.folder / f"clock-{self.hired}"
        worker = self.fleet.start("worker", clock=clock)
        self.clocks[worker.pid] = clock
        return worker

    @property
    def log(self) -> Path:
        return self.folder / "upstream.jsonl"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def audited(self, witness: Witness | None = None) -> Audited:
        """Hold our tables and the bucket against the upstream's log, and what callers saw."""
        given = {"database": {"url": self.database}, "storage": self.storage}
        return audited(self.data, self.log, witness, **given)

    def rules(self, *rules: dict[str, object]) -> None:
        """Have the upstream misbehave from now on, or behave."""
        assert self.upstream is not None
        url = f"http://127.0.0.1:{self.upstream.said['port']}/_simulator/rules"
        httpx2.post(url, json={"rules": list(rules)}).raise_for_status()

    # -- what callers do ---------------------------------------------------------------

    def client(self, api: int, key: str = "") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx2.Client(base_url=self.apis[api].url, headers=headers, timeout=30)

    def wish(self, about: str, count: int, **more: Any) -> list[str]:
        """Ask for films, at either API in turn; return the tasks."""
        with self.client(0) as one, self.client(1) as other:
            return [
                wished((one, other)[n % 2], f"{about} {n:02d}", **more)["task_id"]
                for n in range(count)
            ]

    # -- what became of it -------------------------------------------------------------

    def books(self) -> Books:
        return books_of(self.data, database={"url": self.database})

    def kept(self, task_ids: list[str]) -> list[Kept]:
        tasks = self.books().tasks
        return [tasks[task_id] for task_id in task_ids]

    def wait_for(self, task_ids: list[str], timeout_s: float = 60) -> None:
        wait_until(
            lambda: all(kept.task.is_final for kept in self.kept(task_ids)),
            timeout_s=timeout_s,
            why=lambda: str([(k.task.id, k.task.status) for k in self.kept(task_ids)]),
        )

    def holders(self, task_ids: list[str]) -> dict[int, set[str]]:
        """Which process holds which of these tasks: the executor's name has its id."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(
                "SELECT t.id, w.executor_id FROM tasks t"
                " JOIN dbos.workflow_status w ON w.workflow_uuid = t.work_id"
                " WHERE w.status = 'PENDING' AND t.id = ANY(%s)",
                (task_ids,),
            ).fetchall()
        held: dict[int, set[str]] = {worker.pid: set() for worker in self.workers}
        for task_id, executor in found:
            held.setdefault(int(str(executor).split("-")[-2]), set()).add(str(task_id))
        return held

    def busier(self, task_ids: list[str], least: int) -> tuple[Member, Member, list[str]]:
        """Wait until one worker holds so many of them; return it, the other, and what it holds."""
        found: list[tuple[Member, Member, list[str]]] = []

        def is_busy() -> bool:
            held = self.holders(task_ids)
            one, other = sorted(self.workers, key=lambda worker: -len(held[worker.pid]))
            if len(held[one.pid]) >= least:
                found.append((one, other, sorted(held[one.pid])))
            return bool(found)

        wait_until(is_busy, timeout_s=30, why=lambda: str(self.holders(task_ids)))
        return found[0]

    def until_woken(self, still: Member, tasks: list[str]) -> list[Kept]:
        """Have others finish these tasks while one stands still, and then wake it.

        Returns how the tasks stood before it woke. It beats again and others worked beside it by
        the time this returns.
        """
        try:
            self.wait_for(tasks)
            before = self.kept(tasks)
        finally:
            still.resume()
        wait_until(lambda: is_beating(self, still), timeout_s=20)
        self.wait_for(self.wish(f"beside {still.pid}", 4))
        return before

    def is_waiting_for_submits(self) -> bool:
        """Whether somebody waits for a lock on the table of submits."""
        with psycopg.connect(self.database) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'submits'::regclass AND NOT granted"
            ).fetchone()
        return bool(found and found[0])

    def created(self, about: str) -> Counter[str]:
        """How often the upstream began what was wished for."""
        log = read_log(self.log)
        return Counter(c.prompt for c in log if c.is_accepted and c.prompt.startswith(about))


def wished(client: httpx2.Client, prompt: str, **more: Any) -> dict[str, Any]:
    answer = client.post(FILMS, json={"model": "sora-2", "prompt": prompt, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture(scope="module")
def machines(
    postgres: Server, seaweed: Seaweed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("machines")
    database = postgres.make_database()
    environment = environment_of(
        folder / "data",
        RUSHES_CONFIG=str(folder / "rushes.toml"),
        RUSHES_DATABASE_URL=database,
        **SHARED_LINKS,
        TEST_UPSTREAM_KEY="sk-upstream",
    )
    (folder / "rushes.toml").write_text("")
    with closing(Fleet(folder, environment)) as fleet:
        made = Machines(folder, database, fleet, seaweed.storage(folder, "machines"))
        made.open()
        yield made
        for member in fleet.members:
            member.kill()  # a drain is held elsewhere
    postgres.drop_database(database)


@pytest.fixture(autouse=True)
def mended(machines: Machines) -> None:
    machines.mend()


# -- what callers see of two APIs ------------------------------------------------------------------


class Listener:
    """Hears the events of a task as they come, and until the stream ends."""

    def __init__(self, client: httpx2.Client, task_id: str) -> None:
        self.path = f"{FILMS}/{task_id}/events"
        self.client = client
        self.heard: list[tuple[int, datetime]] = []
        self.is_open = threading.Event()
        self.ended_s: float | None = None
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        headers = {"Accept": "text/event-stream"}
        with self.client.stream("GET", self.path, headers=headers) as stream:
            for line in stream.iter_lines():
                self.is_open.set()
                if line.startswith("id: "):
                    self.heard.append((int(line[4:]), datetime.now(tz=UTC)))
        self.ended_s = time.monotonic()


@pytest.mark.promise("P6")
@pytest.mark.promise("P1")
def test_across_two_apis_nothing_is_unknown_and_nothing_goes_backwards(
    machines: Machines,
) -> None:
    witness, count = Witness(), 6
    with machines.client(0) as one, machines.client(1) as other:
        doors = (one, other)
        tasks = []
        for n in range(count):
            told = wished(doors[n % 2], f"across {n:02d}")
            found = doors[(n + 1) % 2].get(f"{FILMS}/{told['task_id']}")
            assert found.status_code == 200, "it is found elsewhere at once"
            tasks.append(told["task_id"])
            witness.accepted[told["task_id"]] = f"across {n:02d}"

        def watch(task_id: str) -> str:
            for turn in range(2000):
                look = doors[turn % 2].get(f"{FILMS}/{task_id}")
                assert look.status_code == 200
                status = look.json()["status"]
                witness.see(task_id, status, int(look.headers["Rushes-Progress"]))
                if status in OVER:
                    url: str = look.json()["url"]
                    return url
            raise AssertionError(f"{task_id} did not end")

        with ThreadPoolExecutor(count) as pool:
            links = list(pool.map(watch, tasks))
        for link in links[:2]:
            doors = [link.replace(machines.apis[0].url, api.url) for api in machines.apis]
            films = {httpx2.get(door, follow_redirects=True).content for door in doors}
            assert len(films) == 1, "a link that one API signed is served by the other"
            assert films.pop()[4:8] == b"ftyp"
    assert any(len(told) > 2 for told in witness.seen.values())
    verdict = machines.audited(witness)
    assert verdict.is_clean, verdict.findings


@pytest.mark.promise("P10")
def test_news_of_a_worker_wakes_whoever_waits_at_an_api_before_it_would_look(
    machines: Machines,
) -> None:
    with machines.client(0) as one, machines.client(1) as other, ThreadPoolExecutor(4) as pool:
        tasks = [wished(one, f"heard {n}")["task_id"] for n in range(4)]
        listeners = [Listener(other, task_id) for task_id in tasks]
        for listener in listeners:
            listener.thread.start()
        polls = pool.map(lambda task_id: other.get(f"{FILMS}/{task_id}?wait=30").json(), tasks)
        assert {told["status"] for told in polls} <= OVER
        for listener in listeners:
            listener.thread.join(30)
            assert listener.ended_s is not None
    late_s = []
    for kept, listener in zip(machines.kept(tasks), listeners, strict=True):
        at = {told.number: told.at for told in kept.events}
        late_s += [(when - at[number]).total_seconds() for number, when in listener.heard[1:]]
    assert statistics.median(late_s) < 0.4, f"who only looks once a second is later: {late_s}"


@pytest.mark.promise("P1")
@pytest.mark.promise("P2")
def test_one_idempotency_key_at_two_apis_at_once_makes_one_task(machines: Machines) -> None:
    rounds, together = 5, threading.Barrier(2)

    def ask(api: int) -> list[str]:
        names = []
        with machines.client(api) as client:
            for n in range(rounds):
                body = {"model": "sora-2", "prompt": f"once {n}"}
                headers = {"Idempotency-Key": f"once-{n}"}
                together.wait(30)
                answer = client.post(FILMS, json=body, headers=headers)
                while answer.status_code == 409:  # the other one is being answered
                    answer = client.post(FILMS, json=body, headers=headers)
                assert answer.status_code == 200, answer.text
                names.append(answer.json()["task_id"])
        return names

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(ask, (0, 1))
    assert one == other
    machines.wait_for(one)
    assert machines.created("once") == {f"once {n}": 1 for n in range(rounds)}


@pytest.mark.promise("P8")
def test_a_key_that_the_command_line_revokes_fails_at_every_api_and_ends_its_streams(
    machines: Machines,
) -> None:
    environment = machines.fleet.environment
    made = json.loads(rushes("keys", "create", "brief", "--json", environment=environment).stdout)
    secret = made["secret"]
    with machines.client(0, secret) as one, machines.client(1, secret) as other:
        doors = (one, other)
        sleeper = {"model": "sandbox", "metadata": {"sandbox": {"delay_s": 60}}}
        tasks = [wished(door, "asleep", **sleeper)["task_id"] for door in doors]
        crossed = zip(doors, reversed(tasks), strict=True)
        listeners = [Listener(door, task_id) for door, task_id in crossed]
        for listener in listeners:
            listener.thread.start()
        for listener in listeners:
            assert listener.is_open.wait(20)
        run = rushes("keys", "change", made["id"], "--scope", "read", environment=environment)
        assert run.returncode == 0, run.stderr
        wait_until(
            lambda: all(
                door.post(f"{FILMS}/video_{'0' * 32}/cancel").status_code == 403 for door in doors
            ),
            timeout_s=REVOKED_WITHIN_S,
        )
        run = rushes("keys", "revoke", made["id"], environment=environment)
        assert run.returncode == 0, run.stderr
        revoked_s = time.monotonic()
        wait_until(
            lambda: all(door.get(f"{FILMS}/{tasks[0]}").status_code == 401 for door in doors),
            timeout_s=REVOKED_WITHIN_S,
        )
        for listener in listeners:
            listener.thread.join(20)
            assert listener.ended_s is not None
            assert listener.ended_s - revoked_s < STREAMS_END_S
    with machines.client(0) as client:
        for task_id in tasks:
            client.post(f"{FILMS}/{task_id}/cancel").raise_for_status()


# -- workers that die, and workers that stand still ------------------------------------------------


def clean(machines: Machines) -> None:
    verdict = machines.audited()
    assert verdict.is_clean, verdict.findings


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_a_worker_that_stood_still_writes_no_status_and_submits_nothing_when_it_wakes(
    machines: Machines,
) -> None:
    """Its submits were out when it stopped: their answers wait for it in its sockets."""
    machines.rules({"on": "create", "fault": "slow", "value": 3.0})
    tasks = machines.wish("still", 10)
    wait_until(lambda: len(machines.created("still")) == 10, timeout_s=30)
    still, _, its = machines.busier(tasks, least=3)
    still.pause()
    machines.rules()
    before = machines.until_woken(still, tasks)
    after = machines.kept(tasks)
    assert [told_of(kept) for kept in after] == [told_of(kept) for kept in before]
    assert machines.created("still") == {f"still {n:02d}": 1 for n in range(10)}
    assert {kept.task.status.value for kept in after} == {"succeeded"}
    taken = [kept.task for kept in after if kept.task.id in its]
    assert all(task.lease_epoch > 1 for task in taken), "others took over all that it held"
    clean(machines)


@pytest.mark.long
@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
@pytest.mark.parametrize("pause_s", [6, 40], ids=["its session lives", "its session was ended"])
def test_a_worker_that_stood_still_between_intent_and_call_sends_nothing_when_it_wakes(
    machines: Machines, pause_s: int
) -> None:
    """The row of the intent waits for a lock of ours, and the worker is stopped while it does.

    Once the lock is gone PostgreSQL has written the row, and waits for a COMMIT that does not
    come; after 30 seconds it ends the session.
    """
    about = f"between, {pause_s} s"
    with psycopg.connect(machines.database) as lock:
        lock.execute("LOCK TABLE submits IN SHARE MODE")
        tasks = machines.wish(about, 6)
        still, _, _ = machines.busier(tasks, least=2)
        wait_until(machines.is_waiting_for_submits, timeout_s=20)
        still.pause()
    stopped_s = time.monotonic()
    wait_until(lambda: time.monotonic() - stopped_s > pause_s, timeout_s=pause_s + 1)
    before = {kept.task.id: told_of(kept) for kept in machines.kept(tasks) if kept.task.is_final}
    still.resume()
    machines.wait_for(tasks, timeout_s=120)
    after = machines.kept(tasks)
    unmade = [kept for kept in after if kept.task.status is not Status.SUCCEEDED]
    assert not unmade, [(k.task.failure, k.submits, k.events) for k in unmade]
    assert all(before.get(kept.task.id, told_of(kept)) == told_of(kept) for kept in after)
    assert machines.created(about) == {f"{about} {n:02d}": 1 for n in range(6)}
    clean(machines)


def told_of(kept: Kept) -> tuple[object, ...]:
    """What a status is made of; news of money may come late."""
    return kept.task, kept.events, kept.entries, [(s.n, s.intent_at) for s in kept.submits]


def is_beating(machines: Machines, worker: Member) -> bool:
    with psycopg.connect(machines.database) as connection:
        found = connection.execute("SELECT id FROM live_executors").fetchall()
    return any(str(row[0]).split("-")[-2] == str(worker.pid) for row in found)


@pytest.mark.promise("P3")
@pytest.mark.promise("P10")
def test_two_workers_whose_clocks_are_set_hours_apart_end_no_task_early_and_pay_once(
    machines: Machines,
) -> None:
    """A film may take two minutes here; one clock says that two hours have passed."""
    machines.rules({"on": "create", "fault": "slow", "value": 1.0})
    tasks = machines.wish("clocks", 6)
    wait_until(lambda: len(machines.created("clocks")) == 6, timeout_s=30)
    for worker, hours in zip(machines.workers, (2, -2), strict=True):
        machines.clocks[worker.pid].write_text(str(hours * 3600))
    try:
        tasks += machines.wish("clocks later", 4)
        machines.wait_for(tasks)
        log = machines.workers[0].log  # of both
        for told in ("+7200 s", "-7200 s"):
            wait_until(lambda text=told: text in log.read_text(), timeout_s=10)  # type: ignore[misc]
    finally:
        for worker in machines.workers:
            machines.clocks[worker.pid].unlink()
    kept = machines.kept(tasks)
    assert {one.task.status.value for one in kept} == {"succeeded"}
    instants = [told.at for one in kept for told in one.events]
    assert max(instants) - min(instants) < timedelta(minutes=5), "one time for all"
    assert set(machines.created("clocks").values()) == {1}
    clean(machines)


@pytest.mark.promise("P2")
@pytest.mark.promise("P10")
def test_all_tasks_of_a_worker_that_is_killed_go_on_elsewhere_and_are_paid_once(
    machines: Machines,
) -> None:
    """All are with the upstream by then; what is cut off before its call ends in doubt, unpaid."""
    tasks = machines.wish("killed", 10)
    wait_until(lambda: len(machines.created("killed")) == 10, timeout_s=30)
    dead, _, its = machines.busier(tasks, least=3)
    dead.kill()
    machines.wait_for(tasks)
    assert {kept.task.status.value for kept in machines.kept(its)} == {"succeeded"}
    assert machines.created("killed") == {f"killed {n:02d}": 1 for n in range(10)}
    clean(machines)
