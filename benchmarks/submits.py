"""Durable submits per second of an embedded server, its engine live, beside plain `sqlite3`.

    python benchmarks/submits.py [--seconds S] [--folder PATH]

A submit is `POST /v1/video/generations` with a Bearer key and an Idempotency-Key of its own,
over kept-alive connections: 200 means that the task, its hold, its answer and its work are on
disk. The engine runs beside it and keeps all its slots busy, with scripted tasks that wait a
minute and draw nothing, so that it costs what an engine costs and not what a renderer costs.
`plain` is what `sqlite3` itself makes of rows of the same kind with one commit for as many as
there are callers (`store_accepts.py`): this disk's limit. Afterwards every 200 is looked for in
the database: nothing may be missing, and nothing may be there that nobody was told of but what
was under way when the callers left.

Wanted: wrk (Debian: apt-get install wrk).
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from looks import percentile
from measuring import (
    Budget,
    Result,
    arguments,
    cpu_s,
    free_port,
    load_1min,
    memory_mb,
    middle,
    rounded,
    running,
    serve_command,
    serve_environment,
    show,
    wanted,
)
from store_accepts import Plain, make_work, timed

from rushes.clock import SystemClock
from rushes.folder import make_key, open_books
from rushes.settings import load
from rushes.store.sqlite import open_file

IN_FLIGHT = (1, 16, 64)
PLAIN_COUNT = 3000
BODY = {
    "model": "sandbox",
    "prompt": "A paper boat crosses a rain puddle",
    "seconds": "5",
    "metadata": {"sandbox": {"outcome": "provider_error", "delay_s": 60}},
}
ASKING = """
local secret, run, body, at = "", "", "", 0
function init(args)
  secret, run, body = args[1], args[2], args[3]
end
function request()
  at = at + 1
  return wrk.format("POST", "/v1/video/generations", {
    ["Authorization"] = "Bearer " .. secret, ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = run .. "-" .. at, ["User-Agent"] = "python-requests/2.32.5"
  }, body)
end
local answered = 0
function done(summary)
  io.write(string.format("ANSWERED %d IN %d\\n", summary.requests, summary.duration))
end
"""


@dataclass(frozen=True)
class Measure:
    """So many callers, one round."""

    in_flight: int
    submits_per_s: float
    plain_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def submitted(
    port: int, script: Path, secret: str, in_flight: int, seconds: float, run: str
) -> tuple[int, float, str]:
    """Let wrk submit; return how many were answered, in how many seconds, and all it said.

    Raises:
        SystemExit: an answer was not 200.
    """
    command = [wanted("wrk"), "-t1", f"-c{in_flight}", f"-d{seconds:g}s", "--latency"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}", "--", secret, run]
    told = subprocess.run(
        [*command, json.dumps(BODY)], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"wrong answers:\n{told}")
    words = told[told.index("ANSWERED") :].split()
    return int(words[1]), int(words[3]) / 1e6, told


def count_of(path: Path) -> int:
    """Count the tasks in a database."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def summary(measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    lines = {}
    for in_flight in IN_FLIGHT:
        mine = [one for one in measures if one.in_flight == in_flight]
        facts = ("submits_per_s", "plain_per_s", "cpu_us", "p50_ms", "p99_ms")
        line = {fact: middle(getattr(one, fact) for one in mine) for fact in facts}
        line["by_plain"] = middle(one.submits_per_s / one.plain_per_s for one in mine)
        lines[f"{in_flight} at once"] = line
    return lines


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="for each width in each round")
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    measures: list[Measure] = []
    loads, answered = [load_1min()], 0
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        folder = Path(home)
        settings = load(data_dir=folder / "data")
        clock = SystemClock()
        with closing(open_books(settings, clock, may_make=True)) as books:
            _, secret = make_key(books, "benchmark", clock)
            books.write_now(make_work)
        script = folder / "asking.lua"
        script.write_text(ASKING)
        plain_path = folder / "plain.db"
        with closing(sqlite3.connect(settings.database_path)) as source:
            source.execute(f"VACUUM INTO '{plain_path}'")
        port = free_port()
        environment = serve_environment(folder / "data")
        with (
            closing(open_file(plain_path)) as connection,
            running(serve_command(port), port, path="/readyz", environment=environment) as server,
        ):
            plain = Plain(connection)
            for number in range(given.rounds + 1):
                for in_flight in IN_FLIGHT:
                    seconds = given.seconds if number else 1
                    spent = cpu_s(server.pid)
                    count, took_s, told = submitted(
                        port, script, secret, in_flight, seconds, f"{number}-{in_flight}"
                    )
                    spent = cpu_s(server.pid) - spent
                    answered += count
                    beside = timed(plain, max(200, PLAIN_COUNT * in_flight // 64), in_flight)
                    one = Measure(
                        in_flight,
                        count / took_s,
                        beside.accepts_per_s,
                        spent / count * 1e6,
                        percentile(told, "50"),
                        percentile(told, "99"),
                    )
                    measures += [one] if number else []  # the first round warms
            rss_mb = memory_mb(server.pid)
            kept = count_of(settings.database_path)
    unheard = kept - answered
    if not 0 <= unheard <= sum(IN_FLIGHT) * (given.rounds + 1):
        raise SystemExit(f"{answered} were answered 200 and {kept} are in the database")
    loads.append(load_1min())
    lines = summary(measures)
    columns = ("submits_per_s", "plain_per_s", "by_plain", "cpu_us", "p50_ms", "p99_ms")
    show(
        "submits",
        ("submits/s", "plain/s", "by plain", "CPU µs", "p50 ms", "p99 ms"),
        [(name, *(line[column] for column in columns)) for name, line in lines.items()],
    )
    best = lines["64 at once"]
    budgets = [
        Budget(
            "durable submit",
            best["submits_per_s"],
            "/s",
            1000,
            3000,
            best["plain_per_s"],
            "plain sqlite3, rows alone",
        )
    ]
    notes = [
        (
            f"{answered} answered 200, {kept} in the database: {unheard} were under way "
            "when the callers left."
        )
    ]
    facts = {
        "seconds": given.seconds,
        "rounds": given.rounds,
        "answered": answered,
        "kept": kept,
        "rss_mb": rounded(rss_mb),
        "load_1min": loads,
    }
    Result("submits", budgets, lines, facts, notes, measures).tell(given.json)


if __name__ == "__main__":
    main()
