"""What it costs to wait: ten thousand tasks that a vendor has, watched by one process.

    python benchmarks/waiting.py [--tasks N] [--seconds S]

The tasks are at the vendor and due for a look every ten minutes, so that what is measured is
waiting and not looking. On SQLite the process is `rushes serve`, on PostgreSQL `rushes worker`
without a port, as it comes; the budget is a worker's, and `serve` answers callers besides and maps
its database. Memory is `Pss` of the process and its children (pages that are shared
count by their share), and CPU is what they spend over `--seconds`, looks included. With no tasks
it is the same process, idle. `plain` is a bare asyncio program with as many coroutines asleep: what
waiting costs in this language at all.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from completions import tiny_film
from measuring import Budget, Result, arguments, cpu_s, load_1min, memory_mb, middle, show
from sites import DATABASES, TAKEN, Plan, Site, a_server, a_site, a_vendor, told_by

LOOK_AGAIN_S = 600.0
PLAIN = """
import asyncio, sys
async def wait():
    event = asyncio.Event()
    while True:
        try:
            async with asyncio.timeout(60):
                await event.wait()
        except TimeoutError:
            pass
async def main():
    tasks = [asyncio.create_task(wait()) for _ in range(int(sys.argv[1]))]
    print(flush=True)
    await asyncio.gather(*tasks)
asyncio.run(main())
"""


@dataclass(frozen=True)
class Measure:
    """One process, and what it waits for."""

    name: str
    tasks: int
    pss_mb: float
    rss_mb: float
    cpu_percent: float
    looks_per_s: float
    taken_s: float


def idle(pid: int, seconds: float) -> tuple[float, float, float]:
    """Return Pss, Rss and the per cent of a core that a process spends."""
    before_s, begun = cpu_s(pid), time.perf_counter()
    time.sleep(seconds)
    spent_s = cpu_s(pid) - before_s
    took_s = time.perf_counter() - begun
    return memory_mb(pid, "Pss"), memory_mb(pid), 100 * spent_s / took_s


def plain(count: int, seconds: float) -> Measure:
    """Let as many coroutines sleep."""
    words = [sys.executable, "-c", PLAIN, str(count)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = idle(process.pid, seconds)
        process.terminate()
    return Measure("plain", count, *found, 0.0, 0.0)


def waited(site: Site, vendor: int, count: int, seconds: float) -> Measure:
    """Let one process watch so many tasks."""
    plan = Plan(vendor=vendor, in_flight_max=max(1, count), look_again_s=LOOK_AGAIN_S)
    site.configure(plan)
    site.stage(count)
    with ExitStack() as stack:
        runs = site.running() if site.url is None else site.working()
        process = stack.enter_context(runs)
        taken_s = site.wait(TAKEN, count) if count else 0.0
        time.sleep(10 + count / 500)  # those who take over begin one after the other
        began = time.time()
        found = idle(process.pid, seconds)
        looks = told_by(vendor, began)["looks"]
    return Measure(site.database, count, *found, looks / (time.time() - began), taken_s)


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=1)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    with tempfile.TemporaryDirectory(dir=given.folder) as home, ExitStack() as stack:
        film = Path(home) / "tiny.mp4"
        tiny_film(film)
        server = stack.enter_context(a_server()) if "postgresql" in given.databases else None
        for number in range(given.rounds):
            measures.append(plain(given.tasks, given.seconds / 2))
            for database in given.databases:
                for count in (0, given.tasks):
                    folder = Path(home) / f"{database}-{count}-{number}"
                    with a_vendor(film) as vendor, a_site(database, folder, server) as site:
                        measures.append(waited(site, vendor, count, given.seconds))
                    print(measures[-1], file=sys.stderr, flush=True)
    loads.append(load_1min())
    facts = ("pss_mb", "rss_mb", "cpu_percent", "looks_per_s", "taken_s")
    lines = {}
    for one in measures:
        mine = [each for each in measures if (each.name, each.tasks) == (one.name, one.tasks)]
        line = {fact: middle(getattr(each, fact) for each in mine) for fact in facts}
        lines[f"{one.name}, {one.tasks:,} tasks"] = line
    show(
        "waiting",
        ("Pss MB", "Rss MB", "CPU %", "looks/s", "taken within s"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    beside = lines[f"plain, {given.tasks:,} tasks"]["pss_mb"]
    budgets = []
    if "postgresql" in given.databases:
        worker = lines[f"postgresql, {given.tasks:,} tasks"]["pss_mb"]
        name = f"{given.tasks:,} tasks waiting in one worker"
        budgets = [Budget(name, worker, "MB", 200, 100, beside, "as many coroutines asleep")]
    settings = {
        "tasks": given.tasks,
        "seconds": given.seconds,
        "look_again_s": LOOK_AGAIN_S,
        "rounds": given.rounds,
        "load_1min": loads,
    }
    Result("waiting", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
