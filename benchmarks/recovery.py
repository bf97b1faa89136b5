"""kill -9 a worker with many tasks in flight: when the other one has them, and what was lost.

    python benchmarks/recovery.py [--in-flight N ...]

Two `rushes worker` and one `rushes api` on PostgreSQL watch as many tasks as their vendor has.
The worker that watches more of them is killed; each of its tasks counts as resumed when its
`lease_epoch` has risen, which is what taking over writes. `lost` are tasks that did not resume,
or that the vendor has twice: `paid twice` is counted in the vendor's own books, whose every film
was begun by a submit of ours. A process is taken for dead when it kept silent for
`[workers] lost_after_s`, 4 s as it comes: nothing resumes sooner, whoever recovers it.

`plain` is what a lease by itself costs: a row a second that stops, one loop that reads it ten
times a second, and the same number of rows moved to another owner in one statement.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from completions import tiny_film
from delivery import at_share
from measuring import Budget, Result, arguments, load_1min, middle, show
from sites import MODEL, Plan, Site, a_server, a_site, a_vendor, kill, told_by

LOST_AFTER_S = 4.0
GIVE_UP_S = 60.0
"""After so long, and another minute for each 1,500 tasks, what did not resume counts as lost."""

SUBMITTED = 100
"""How many of the tasks are submitted while workers live, so that the vendor's books tell."""

OWNERS = """
    SELECT executor_id, workflow_uuid FROM dbos.workflow_status
    WHERE status = 'PENDING' AND executor_id IS NOT NULL
"""
EPOCHS = "SELECT id, lease_epoch, status FROM tasks"


@dataclass(frozen=True)
class Measure:
    """One kill."""

    in_flight: int
    orphaned: int
    first_s: float
    p50_s: float
    last_s: float
    lost: int
    paid_twice: int
    plain_s: float


def submitted(site: Site, port: int, count: int) -> None:
    """Submit tasks by the front door."""
    headers = {"Authorization": f"Bearer {site.secret}"}
    with httpx2.Client(trust_env=False, timeout=30, headers=headers) as client:
        for number in range(count):
            body = {"model": MODEL, "prompt": f"film number {number}"}
            address = f"http://127.0.0.1:{port}/v1/video/generations"
            client.post(address, json=body).raise_for_status()


def resumed(site: Site, victim: Any) -> tuple[int, list[float]]:
    """Kill a worker; return how many tasks it had, and after how many seconds each was resumed."""
    owned: dict[str, set[str]] = {}
    for executor, work in site.ask(OWNERS):
        owned.setdefault(executor, set()).add(work.partition(":")[0])
    mine = next(tasks for name, tasks in owned.items() if f"-{victim.pid}-" in name)
    before = {task: epoch for task, epoch, _ in site.ask(EPOCHS)}
    kill(victim)
    died_at, took = time.monotonic(), dict[str, float]()
    assert site.url is not None
    with psycopg.connect(site.url, autocommit=True) as connection:
        give_up_at = died_at + GIVE_UP_S + len(mine) / 25
        while len(took) < len(mine) and time.monotonic() < give_up_at:
            rows = connection.execute("SELECT id, lease_epoch FROM tasks").fetchall()
            at = time.monotonic() - died_at
            for task, epoch in rows:
                if task in mine and task not in took and epoch > before[task]:
                    took[task] = at
            time.sleep(max(0.05, len(mine) / 10_000))  # reading all rows is work too
    return len(mine), sorted(took.values())


def plain_s(url: str, count: int) -> float:
    """Wait for a lease that is not renewed any more, and move its rows to another owner."""
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as two:
        one.execute("CREATE TABLE lease (at timestamptz)")
        one.execute("CREATE TABLE work (id int PRIMARY KEY, owner text)")
        one.execute("INSERT INTO lease VALUES (now())")
        one.execute("INSERT INTO work SELECT g, 'a' FROM generate_series(1, %s) g", (count,))
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(1.0):
                two.execute("UPDATE lease SET at = now()")

        beating = threading.Thread(target=beat)
        beating.start()
        time.sleep(1.5)
        stop.set()
        beating.join()
        begun = time.monotonic()
        silent = "SELECT now() - at > %s * interval '1 second' FROM lease"
        while True:
            row = one.execute(silent, (LOST_AFTER_S,)).fetchone()
            if row is not None and row[0]:
                break
            time.sleep(0.1)
        one.execute("UPDATE work SET owner = 'b' WHERE owner = 'a'")
        took_s = time.monotonic() - begun
        one.execute("DROP TABLE work, lease")
    return took_s


def measured(site: Site, vendor: int, in_flight: int) -> Measure:
    """Let two workers share the tasks, and kill one of them."""
    assert site.url is not None
    site.configure(Plan(vendor=vendor, in_flight_max=in_flight, look_again_s=10.0))
    new = min(SUBMITTED, in_flight // 2)
    site.stage(in_flight - new)
    with ExitStack() as stack:
        api = stack.enter_context(site.running("api"))
        workers = [stack.enter_context(site.running("worker")) for _ in range(2)]
        submitted(site, api.port, new)
        site.wait("SELECT count(*) FROM tasks WHERE status = 'running'", in_flight)
        site.wait("SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING'", in_flight)
        time.sleep(1 + in_flight / 1000)  # what was taken is also begun
        counts = dict(
            site.ask(
                "SELECT executor_id, count(*) FROM dbos.workflow_status"
                " WHERE status = 'PENDING' GROUP BY 1"
            )
        )
        print(f"  {counts}", file=sys.stderr, flush=True)
        fullest = max(counts, key=lambda name: counts[name] if name else 0)
        victim = next(one for one in workers if f"-{one.pid}-" in fullest)
        orphaned, took = resumed(site, victim)
        time.sleep(2)  # whoever resumed may look, and must not submit
        told, left = told_by(vendor), site.counts()
    dead = in_flight - left.get("running", 0)
    return Measure(
        in_flight,
        orphaned,
        took[0] if took else GIVE_UP_S,
        at_share(took, 0.5) if took else GIVE_UP_S,
        took[-1] if took else GIVE_UP_S,
        orphaned - len(took) + dead,
        told["began_twice"] + max(0, told["began"] - new),
        plain_s(site.url, orphaned),
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[500, 5_000])
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    with tempfile.TemporaryDirectory(dir=given.folder) as home, a_server() as server:
        film = Path(home) / "tiny.mp4"
        tiny_film(film)
        for in_flight in given.in_flight:
            for number in range(given.rounds if in_flight <= 1000 else 1):
                folder = Path(home) / f"{in_flight}-{number}"
                with a_vendor(film) as vendor, a_site("postgresql", folder, server) as site:
                    measures.append(measured(site, vendor, in_flight))
                print(measures[-1], file=sys.stderr, flush=True)
    loads.append(load_1min())
    lines = {}
    facts = ("orphaned", "first_s", "p50_s", "last_s", "lost", "paid_twice", "plain_s")
    for in_flight in given.in_flight:
        mine = [one for one in measures if one.in_flight == in_flight]
        line: dict[str, Any] = {fact: middle(getattr(one, fact) for one in mine) for fact in facts}
        line["last_s"] = max(round(one.last_s, 2) for one in mine)
        for fact in ("lost", "paid_twice"):
            line[fact] = sum(getattr(one, fact) for one in mine)
        lines[f"{in_flight:,} in flight"] = line
    show(
        "recovery",
        ("orphaned", "first s", "p50 s", "last s", "lost", "paid twice", "plain s"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    line = lines[f"{given.in_flight[0]:,} in flight"]
    name = f"kill -9, {given.in_flight[0]:,} in flight, all resumed"
    everything = {
        fact: float(sum(one[fact] for one in lines.values())) for fact in ("lost", "paid_twice")
    }
    budgets = [
        Budget(name, line["last_s"], "s", 8.0, 3.0, line["plain_s"], "a lease alone"),
        Budget("tasks lost by a kill", everything["lost"], "", 0.0, 0.0),
        Budget("tasks paid twice by a kill", everything["paid_twice"], "", 0.0, 0.0),
    ]
    settings = {
        "in_flight": given.in_flight,
        "lost_after_s": LOST_AFTER_S,
        "rounds": given.rounds,
        "load_1min": loads,
    }
    Result("recovery", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
