"""Many machines in small: submits and looks of one API and one worker, and of two of each.

    python benchmarks/machines.py [--seconds S] [--tasks N]

Everything is on one PostgreSQL that syncs to its disk (`fsync`, `synchronous_commit = on`).
A submit is that of `submits.py`: the engine is live, with its slots busy. `alone` and `grouped`
are what psycopg makes of rows of the same kind on that server over one connection: one accept a
commit, and 64 a commit in one pipeline; without HTTP, checks or an engine.

A look is that of `looks.py`, at final rows and at open ones. What compares with Go
(`baselines/go_lookup`) is looks per second of the API's own CPU; PostgreSQL's comes on top, and
is told beside it. One API has core 0 and its callers the others; two APIs have what they get.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from looks import ASKING as LOOKING
from looks import PATH, asked, build_go, percentile
from measuring import (
    SERVER_CORE,
    Budget,
    Result,
    arguments,
    cpu_s,
    free_port,
    load_1min,
    middle,
    running,
    serve_environment,
    show,
)
from sites import Plan, Site, a_server, a_site
from store_accepts import _values_of, some_accepts
from submits import ASKING as SUBMITTING
from submits import submitted

from rushes.clock import SystemClock
from rushes.domain.task import Status
from rushes.folder import open_books
from rushes.settings import load
from rushes.store import schema

IN_FLIGHT = 64
GROUP = 64
CONNECTIONS = 64


@dataclass(frozen=True)
class Measure:
    """One kind of asking, so many APIs, one round."""

    name: str
    per_s: float
    per_cpu_s: float | None = None
    database_cpu_percent: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    alone_per_s: float | None = None
    grouped_per_s: float | None = None
    by_go: float | None = None


class Plain:
    """psycopg itself: the rows of an accept, in tables of a database beside ours."""

    def __init__(self, url: str) -> None:
        settings = load(data_dir=Path(tempfile.gettempdir()), database={"url": url})
        with closing(open_books(settings, SystemClock(), may_make=True)):
            pass
        self._connection = psycopg.connect(url)
        self._connection.execute("CREATE TABLE work (id text PRIMARY KEY, queue text, task text)")
        self._connection.commit()
        tables = (schema.tasks, schema.task_events, schema.ledger, schema.idempotency)
        dialect = sa.create_engine("postgresql+psycopg://").dialect
        made = [sa.insert(table).compile(dialect=dialect) for table in tables]
        self._adds = [(str(each), list(each.params)) for each in made]

    def per_s(self, count: int, group: int) -> float:
        """Write accepts, so many a commit."""
        accepts = some_accepts(count)
        begun = time.perf_counter()
        for start in range(0, count, group):
            some = accepts[start : start + group]
            with self._connection.pipeline(), self._connection.cursor() as cursor:
                columns = zip(*(_values_of(accept) for accept in some), strict=True)
                for (query, names), values in zip(self._adds, columns, strict=True):
                    rows = [{name: row.get(name) for name in names} for row in values]
                    cursor.executemany(query.encode(), rows)
                works = [(accept.task.work_id, "gpu", accept.task.id) for accept in some]
                cursor.executemany(b"INSERT INTO work VALUES (%s, %s, %s)", works)
            self._connection.commit()
        return count / (time.perf_counter() - begun)

    def close(self) -> None:
        self._connection.close()


def database_cpu(server: Any) -> float:
    """Return CPU seconds of the database, sessions that ended included."""
    found = server.process
    fields = Path(f"/proc/{found.pid}/stat").read_text().rpartition(") ")[2].split()
    return cpu_s(found.pid) + (int(fields[13]) + int(fields[14])) / 100


def submits(
    processes: Sequence[Any], site: Site, script: Path, seconds: int, run: str, server: Any
) -> Measure:
    """Submit at every API at once."""
    each = IN_FLIGHT // len(processes)
    spent, database_s = sum(cpu_s(one.pid) for one in processes), database_cpu(server)

    def ask(place: int) -> tuple[int, float, str]:
        port = processes[place].port
        return submitted(port, script, site.secret, each, seconds, f"{run}-{place}")

    with ThreadPoolExecutor(len(processes)) as pool:
        found = list(pool.map(ask, range(len(processes))))
    spent = sum(cpu_s(one.pid) for one in processes) - spent
    database_s = database_cpu(server) - database_s
    count, took_s = sum(one[0] for one in found), max(one[1] for one in found)
    return Measure(
        f"submits, {len(processes)} API, {len(processes)} worker",
        count / took_s,
        count / spent,
        100 * database_s / took_s,
        max(percentile(one[2], "50") for one in found),
        max(percentile(one[2], "99") for one in found),
    )


def looks(
    name: str,
    places: Sequence[tuple[int, int]],
    script: Path,
    pairs: Path,
    seconds: int,
    server: Any,
) -> Measure:
    """Look by every server at once; a place is process id and port."""
    spent, database_s = sum(cpu_s(pid) for pid, _ in places), database_cpu(server)
    with ThreadPoolExecutor(len(places)) as pool:
        found = list(pool.map(lambda one: asked(one[1], script, pairs, seconds), places))
    spent = sum(cpu_s(pid) for pid, _ in places) - spent
    database_s = database_cpu(server) - database_s
    count, took_s = sum(one[0] for one in found), max(one[1] for one in found)
    slowest = max(one[3] for one in found)
    return Measure(
        name,
        count / took_s,
        count / spent,
        100 * database_s / took_s,
        max(one[2] for one in found),
        slowest,
    )


def pairs_of(site: Site, count: int, status: Status) -> Path:
    """Write tasks that stay as they are, and a file of `task_id<TAB>secret` lines."""
    made = site.stage(count, status, is_carried=False)
    path = site.folder / f"{status}.tsv"
    path.write_text("".join(f"{one.task_id}\t{site.secret}\n" for one in made))
    return path


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each line in each round")
    parser.add_argument("--tasks", type=int, default=5_000, help="of each kind, to look at")
    parser.add_argument("--accepts", type=int, default=2_000, help="of the baseline, each round")
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    with (
        tempfile.TemporaryDirectory(dir=given.folder) as home,
        a_server() as server,
        a_site("postgresql", Path(home) / "site", server) as site,
        closing(Plain(server.make_database())) as plain,
        ExitStack() as stack,
    ):
        site.configure(Plan())
        looking, submitting = Path(home) / "looking.lua", Path(home) / "submitting.lua"
        looking.write_text(LOOKING % PATH)
        submitting.write_text(SUBMITTING)
        final = pairs_of(site, given.tasks, Status.SUCCEEDED)
        still = pairs_of(site, given.tasks, Status.QUEUED)
        port = free_port()
        go = stack.enter_context(
            running(
                [str(build_go(Path(home))), str(port), str(final)],
                port,
                cores=SERVER_CORE,
                environment=serve_environment(Path(home)),
            )
        )

        def beside(width: int, number: int, apis: Sequence[Any]) -> None:
            """Measure everything with so many APIs and workers."""
            seconds = given.seconds if number else 1
            found = []
            if width == 1:
                of_go = looks("looks, go", [(go.pid, port)], looking, final, seconds, server)
            for name, pairs in (("final", final), ("open", still)):
                title = f"looks at {name} rows, {width} API"
                places = [(one.pid, one.port) for one in apis]
                one = looks(title, places, looking, pairs, seconds, server)
                if width == 1:
                    assert of_go.per_cpu_s is not None
                    assert one.per_cpu_s is not None
                    one = Measure(**{**vars(one), "by_go": one.per_cpu_s / of_go.per_cpu_s})
                found.append(one)
            if width == 1:
                found.insert(0, of_go)
            one = submits(apis, site, submitting, seconds, f"{width}-{number}", server)
            speeds = {
                "alone_per_s": plain.per_s(max(100, given.accepts // 8), 1),
                "grouped_per_s": plain.per_s(given.accepts, GROUP),
            }
            found.append(Measure(**{**vars(one), **speeds}))
            for one in found:
                print(one, file=sys.stderr, flush=True)
            measures.extend(found if number else [])  # the first round warms

        one_api = stack.enter_context(site.running("api", cores=SERVER_CORE))
        stack.enter_context(site.running("worker"))
        for number in range(given.rounds + 1):
            beside(1, number, [one_api])
        stack.enter_context(site.running("worker"))
        other = stack.enter_context(site.running("api"))
        spread(one_api.pid)
        for number in range(given.rounds + 1):
            beside(2, number, [one_api, other])
    loads.append(load_1min())
    tell(measures, loads, given)


def spread(pid: int) -> None:
    """Let a process have every core again."""
    import os  # noqa: PLC0415 -- for this alone

    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), range(os.cpu_count() or 1))


def tell(measures: Sequence[Measure], loads: Sequence[float], given: Any) -> None:
    """Say the medians over rounds, and hold them to the budget."""
    facts = (
        "per_s",
        "per_cpu_s",
        "by_go",
        "database_cpu_percent",
        "p50_ms",
        "p99_ms",
        "alone_per_s",
        "grouped_per_s",
    )
    lines: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(one.name for one in measures):
        mine = [one for one in measures if one.name == name]
        values = {fact: [getattr(one, fact) for one in mine] for fact in facts}
        lines[name] = {
            fact: None if None in those else middle(those) for fact, those in values.items()
        }
    show(
        "machines",
        ("per s", "per CPU-s", "by Go", "DB CPU %", "p50 ms", "p99 ms", "alone/s", "grouped/s"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    submit = max(
        (line for name, line in lines.items() if name.startswith("submits")),
        key=lambda line: line["per_s"],
    )
    budgets = [
        Budget(
            "durable submit on PostgreSQL",
            submit["per_s"],
            "/s",
            1000,
            5000,
            submit["grouped_per_s"],
            "psycopg, rows alone, 64 a commit",
        ),
        Budget(
            "look at final rows on PostgreSQL by Go's",
            lines["looks at final rows, 1 API"]["by_go"],
            "x",
            0.5,
            1.0,
        ),
    ]
    settings = {
        "seconds": given.seconds,
        "tasks": given.tasks,
        "connections": CONNECTIONS,
        "in_flight": IN_FLIGHT,
        "rounds": given.rounds,
        "load_1min": list(loads),
    }
    Result("machines", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
