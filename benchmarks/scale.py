"""What two cores cannot run: how many cores so many films a day want, from what was measured.

    python benchmarks/scale.py        # benchmarks/results/*.json → docs/scale.md

A model of one page: what a task's life asks for (`LIFE`), times what each ask was measured to cost
on one core. It adds up cores; it knows no network, no noisy neighbour, and no disk but the one that
was measured. Whatever was not measured yet is told as such, and `tests/test_scale.py` lets nothing
of that kind stay once all results are there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report import RESULTS, figure, table

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"
NEEDED = ("machines", "completions", "delivery", "waiting", "recovery")
UNKNOWN = "to be measured"
DAY_S = 86_400
UTILIZATION = 0.5
"""How busy a core may be on average, so that a busy hour fits."""

DAYS = (10_000, 100_000, 1_000_000, 10_000_000)
TASK_BYTES = 4_000
"""Rows of one task with its events, money, answer and submit, and their indexes."""


@dataclass(frozen=True)
class Life:
    """What one task asks for from wish to film; `writes` are transactions that belong to it."""

    render_s: float = 120.0
    caller_poll_s: float = 3.0
    vendor_look_s: float = 10.0
    writes: int = 8

    @property
    def caller_looks(self) -> float:
        return self.render_s / self.caller_poll_s

    @property
    def vendor_looks(self) -> float:
        return self.render_s / self.vendor_look_s


LIFE = Life()


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one core for each thing that is asked for, as measured."""

    submit_s: float
    open_look_s: float
    completion_s: float
    film_s: float
    database_write_s: float
    waiting_bytes: float


@dataclass(frozen=True)
class Cores:
    """What so many tasks a day want."""

    tasks_per_day: int
    api: float
    worker: float
    decoding: float
    database: float
    open_tasks: float
    worker_gb: float
    rows_gb_per_month: float


def simulated(tasks_per_day: int, cost: Cost, life: Life = LIFE) -> Cores:
    """Add up what a day wants, at half a core's load."""
    per_s = tasks_per_day / DAY_S / UTILIZATION
    open_tasks = tasks_per_day / DAY_S * life.render_s
    return Cores(
        tasks_per_day,
        per_s * (cost.submit_s + life.caller_looks * cost.open_look_s),
        per_s * cost.completion_s,
        per_s * max(0.0, cost.film_s - cost.completion_s),
        per_s * life.writes * cost.database_write_s,
        open_tasks,
        open_tasks * cost.waiting_bytes / 1e9,
        tasks_per_day * 30 * TASK_BYTES / 1e9,
    )


def results() -> dict[str, Any]:
    """Read what was measured of what is needed."""
    paths = ((name, RESULTS / f"{name}.json") for name in NEEDED)
    return {name: json.loads(path.read_text()) for name, path in paths if path.exists()}


def cost_of(found: Mapping[str, Any]) -> Cost | None:
    """Return what was measured; None if a part of it was not."""
    if not {"machines", "completions", "waiting"} <= found.keys():
        return None
    machines = found["machines"]["lines"]
    submits = machines["submits, 1 API, 1 worker"]
    completions = found["completions"]["lines"]
    engine = next(v for k, v in completions.items() if k.startswith("engine, postgresql"))
    film = next(v for k, v in completions.items() if k.startswith("large"))
    waiting = found["waiting"]["lines"]
    count = found["waiting"]["settings"]["tasks"]
    more_mb = (
        waiting[f"postgresql, {count:,} tasks"]["pss_mb"] - waiting["postgresql, 0 tasks"]["pss_mb"]
    )
    return Cost(
        1 / submits["per_cpu_s"],
        1 / machines["looks at open rows, 1 API"]["per_cpu_s"],
        engine["cpu_ms"] / 1e3,
        film["cpu_ms"] / 1e3,
        submits["database_cpu_percent"] / 100 / submits["per_s"],
        more_mb * 1e6 / count,
    )


HEAD = """# How far it goes

What was run on the two cores of the benchmarks' machine, what is added up from that and was not run, and what gives out first. Each figure comes from
`benchmarks/results`, by `python benchmarks/scale.py`; `docs/benchmarks.md` says how it was taken.
"""

RUN = """
## Run

Everything here ran as real processes: APIs, workers, a PostgreSQL that syncs to its disk, a vendor, callers, all on the same two cores. So a figure is what is left for each while the others work.
"""

SIMULATED = """
## Simulated

`benchmarks/scale.py` multiplies. A task's life is taken to be one submit, a look by its caller every {poll:g} s for {render:g} s, {writes} transactions in all (accept, two takeovers, intent, answer,
ready, try, film), each taken to cost PostgreSQL what the largest costs, and a film of five seconds at 720p, decoded to its end. Cores are taken to be busy {busy:.0%} of the time on average. Network, object storage and the
vendor are not in it: films go out from object storage by signed links, and nobody's render farm is as large as the last line.
"""

LIMITS = """
## Limits, in the order in which they are met

* **The vendor's allowance.** Ten thousand open tasks at 20 looks a second are each looked at every 500 s, whoever looks. Callbacks (`takes_hints` in `docs/providers.md`) are what helps; a task that is rung for is looked at
  at once, ahead of the line.
* **Decoding.** Every film is decoded to its end before it is called succeeded. It is most of the processor time of a film, and grows by workers alone.
* **One process is one interpreter.** An API or a worker uses little more than one core, decoding aside; more cores are used by more processes.
* **A worker watches at most 10,000 tasks of a provider.** More are watched by more workers.
* **PostgreSQL's commits.** All APIs and workers share one server. Groups of writes share a commit, so that its processor gives out before its disk where the disk is good; on a disk that syncs slowly it is the other way
  round. Past one server: one database for each region. An id never moves.
* **The size of tables.** Final tasks stay until somebody removes them. Films, inputs and answers go by retention; a task's rows do not.

A dead worker's tasks stand still for `[workers] lost_after_s` (4 s as it comes) before anybody resumes them, however many machines there are.
"""


def run_rows(found: Mapping[str, Any]) -> Iterable[list[str]]:
    """Tell what ran; what did not yet is told as such."""
    lines = {name: result["lines"] for name, result in found.items()}

    def of(name: str, prefix: str, fact: str, unit: str) -> str:
        line = next((v for k, v in lines.get(name, {}).items() if k.startswith(prefix)), None)
        return UNKNOWN if line is None else f"{figure(line[fact])} {unit}"

    one, two = "submits, 1 API", "submits, 2 API"
    open_ = "10,000 open, postgresql: "
    yield ["durable submits, one API, one worker", of("machines", one, "per_s", "/s")]
    yield ["durable submits, two and two", of("machines", two, "per_s", "/s")]
    yield ["looks at open rows, one API", of("machines", "looks at open rows, 1", "per_s", "/s")]
    yield ["looks at final rows, one API", of("machines", "looks at final rows, 1", "per_s", "/s")]
    yield [
        "completions of one worker process, film aside",
        of("completions", "engine, postgresql", "films_per_s", "/s"),
    ]
    yield [
        "films of five seconds at 720p, all cores",
        of("completions", "large", "films_per_s", "/s"),
    ]
    yield ["10,000 tasks waiting", of("waiting", "postgresql, 10,000", "pss_mb", "MB")]
    yield [
        "10,000 open: done to bytes, rung for, p99",
        of("delivery", open_ + "hints", "p99_s", "s"),
    ]
    yield [
        "10,000 open: done to bytes, looked for, p99",
        of("delivery", open_ + "looks, long", "p99_s", "s"),
    ]
    yield ["kill -9 with 500 in flight: all resumed", of("recovery", "500 in", "last_s", "s")]
    yield ["kill -9 with 5,000 in flight: all resumed", of("recovery", "5,000 in", "last_s", "s")]


def simulated_rows(cost: Cost | None) -> Iterable[list[str]]:
    """Tell what is added up."""
    for per_day in DAYS:
        if cost is None:
            yield [f"{per_day:,}", *[UNKNOWN] * 7]
            continue
        found = simulated(per_day, cost)
        facts = (
            found.api,
            found.worker,
            found.decoding,
            found.database,
            found.open_tasks,
            found.worker_gb,
            found.rows_gb_per_month,
        )
        yield [f"{per_day:,}", *map(figure, facts)]


def page(found: Mapping[str, Any]) -> str:
    """Write the page."""
    said = SIMULATED.format(
        poll=LIFE.caller_poll_s, render=LIFE.render_s, writes=LIFE.writes, busy=UTILIZATION
    )
    columns = (
        "tasks a day",
        "API cores",
        "worker cores",
        "decoding cores",
        "PostgreSQL cores",
        "open at once",
        "GB to watch them",
        "GB of rows a month",
    )
    cost = cost_of(found)
    text = f"{HEAD}{RUN}\n{table(['what', 'measured'], run_rows(found))}"
    text += f"{said}\n{table(columns, simulated_rows(cost))}"
    if cost is not None:
        per_core = DAY_S / (LIFE.writes * cost.database_write_s)
        text += f"\nOne core of PostgreSQL, busy all day, is {figure(per_core)} tasks a day.\n"
    return text + LIMITS


def main() -> None:
    PAGE.write_text(page(results()))


if __name__ == "__main__":
    main()
