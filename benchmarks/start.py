"""How long until we answer, and what we cost while nobody asks: beside a bare uvicorn.

    python benchmarks/start.py

A start is from `exec` to the first 200 of `/healthz`, and to a `/readyz` that says ready. It is
asked again and again over loopback, as a load balancer would. Memory and CPU are those of the
process and its children, ten seconds later, over ten seconds. `empty` makes its data folder,
`warm` finds one with tasks in it and a schema that needs no step. Files are in the page cache
and modules are compiled: what a second start on a machine costs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from measuring import (
    HERE,
    Budget,
    Result,
    arguments,
    cpu_s,
    first_answer,
    free_port,
    get,
    load_1min,
    memory_mb,
    middle,
    rounded,
    serve_command,
    serve_environment,
    show,
)

IDLE_S = 10.0
TASK_COUNT = 1000
NAMES = ("hello", "empty", "warm")


@dataclass(frozen=True)
class Start:
    """One start, and the quiet after it."""

    name: str
    alive_s: float
    ready_s: float
    cpu_s: float
    rss_mb: float | None
    pss_mb: float | None
    idle_cpu_percent: float | None


def measured(name: str, folder: Path, *, is_idle_told: bool) -> Start:
    """Start one server, see it ready, let it idle, and end it."""
    port = free_port()
    if name == "hello":
        hello = str(HERE / "baselines/hello.py")
        command, path = [sys.executable, hello, str(port), "--stock"], "/"
    else:
        command, path = serve_command(port), "/readyz"
    begun = time.perf_counter()
    server = subprocess.Popen(
        command,
        env=serve_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        first_answer(port, "/healthz", server)
        alive_s = time.perf_counter() - begun
        while get(port, path)[0] != 200:
            time.sleep(0.002)
        ready_s = time.perf_counter() - begun
        spent_s = cpu_s(server.pid)
        idle = idled(server.pid) if is_idle_told else (None, None, None)
    finally:
        server.terminate()
        server.wait()
    return Start(name, alive_s, ready_s, spent_s, *idle)


def idled(pid: int) -> tuple[float, float, float]:
    """Return resident memory, its share, and the per cent of a core that idling takes."""
    time.sleep(IDLE_S)
    before_s, begun = cpu_s(pid), time.perf_counter()
    time.sleep(IDLE_S)
    spent_s, took_s = cpu_s(pid) - before_s, time.perf_counter() - begun
    return memory_mb(pid), memory_mb(pid, "Pss"), 100 * spent_s / took_s


def fill(folder: Path) -> None:
    """Make a data folder as a server left it: migrated, a key, and tasks that have ended."""
    from rushes.clock import SystemClock  # noqa: PLC0415 -- not on the clock of a start
    from rushes.domain.task import Status  # noqa: PLC0415
    from rushes.folder import make_key, open_books  # noqa: PLC0415
    from rushes.settings import load  # noqa: PLC0415
    from rushes.testing.builders import put_task  # noqa: PLC0415

    clock = SystemClock()
    with closing(open_books(load(data_dir=folder), clock, may_make=True)) as books:
        make_key(books, "benchmark", clock)
        at = datetime.now(tz=UTC) - timedelta(hours=1)
        for _ in range(TASK_COUNT // 100):
            books.write_now(
                lambda tx: [put_task(tx, Status.SUCCEEDED, created_at=at) for _ in range(100)]
            )


def summary(starts: Sequence[Start]) -> dict[str, dict[str, float]]:
    """Return medians by kind of start."""
    lines: dict[str, dict[str, float]] = {}
    for name in NAMES:
        mine = [start for start in starts if start.name == name]
        line = {
            fact: [value for start in mine if (value := getattr(start, fact)) is not None]
            for fact in ("alive_s", "ready_s", "cpu_s", "rss_mb", "pss_mb", "idle_cpu_percent")
        }
        lines[name] = {fact: middle(values) for fact, values in line.items() if values}
    return lines


def budgets(lines: dict[str, dict[str, float]]) -> list[Budget]:
    """Hold the slower of two starts, and the larger of two idle processes, to the budget."""
    hello = lines["hello"]
    slow = max(lines[name]["ready_s"] for name in ("empty", "warm"))
    large = max(lines[name]["rss_mb"] for name in ("empty", "warm"))
    return [
        Budget("start to ready", slow, "s", 1.5, 0.8, hello["ready_s"], "bare uvicorn"),
        Budget("idle memory", large, "MB", 120, 90, hello["rss_mb"], "bare uvicorn"),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--idle-rounds", type=int, default=3, help="20 s for each of three")
    asked = parser.parse_args()
    loads, starts = [load_1min()], list[Start]()
    with tempfile.TemporaryDirectory() as home:
        warm = Path(home) / "warm"
        fill(warm)
        for number in range(asked.rounds + 1):
            for name in NAMES:
                folder = warm if name == "warm" else Path(home) / f"{name}{number}"
                told = measured(name, folder, is_idle_told=1 <= number <= asked.idle_rounds)
                starts += [told] if number else []  # the first round warms the page cache
        loads.append(load_1min())
    lines = summary(starts)
    columns = ("alive_s", "ready_s", "cpu_s", "rss_mb", "pss_mb", "idle_cpu_percent")
    show(
        "start",
        ("200 after s", "ready after s", "CPU s", "idle RSS MB", "idle PSS MB", "idle CPU %"),
        [(name, *(line.get(column) for column in columns)) for name, line in lines.items()],
    )
    settings: dict[str, Any] = {
        "rounds": asked.rounds,
        "idle_rounds": asked.idle_rounds,
        "warm_tasks": TASK_COUNT,
        "load_1min": loads,
        "ready_by_hello": {
            name: rounded(lines[name]["ready_s"] / lines["hello"]["ready_s"]) for name in NAMES
        },
    }
    Result("start", budgets(lines), lines, settings, measures=starts).tell(asked.json)


if __name__ == "__main__":
    main()
