"""What every benchmark needs: processes to account, a machine to name, and a verdict to give.

Only what two scripts share is here. A figure is read from `/proc`, so this is for Linux.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.metadata
import json
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

MB = 10**6
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 60.0
HERE = Path(__file__).parent
SERVER_CORE = {0}
CALLER_CORES = set(range(1, os.cpu_count() or 1)) or {0}
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ {serving} }}
}}
"""
LIBRARIES = ("uvicorn", "httptools", "uvloop", "starlette", "msgspec", "sqlalchemy", "dbos", "av")


# -- verdicts --------------------------------------------------------------------------
@dataclass(frozen=True)
class Budget:
    """A figure of ours beside its floor and its aim: more is better where the aim is higher.

    `baseline` is what the baseline of the same run did, in the same unit; None where there was
    none, or where ours is a ratio to it already.
    """

    name: str
    value: float
    unit: str
    floor: float
    aim: float
    baseline: float | None = None
    baseline_name: str = ""

    @property
    def verdict(self) -> str:
        """Say in two words how we stand."""
        sign = 1 if self.aim > self.floor else -1  # nothing is the least, and the best
        if sign * self.value >= sign * self.aim:
            return "aim met"
        return "floor met" if sign * self.value >= sign * self.floor else "floor missed"


@dataclass(frozen=True)
class Result:
    """What one script found: the last line it prints."""

    benchmark: str
    budgets: Sequence[Budget]
    lines: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    notes: Sequence[str] = ()
    measures: Sequence[Any] = field(default=())

    def tell(self, path: Path | None) -> None:
        """Print the verdicts, and everything as JSON on the last line."""
        for budget in self.budgets:
            print(
                f"{budget.name}: {budget.value:g} {budget.unit} "
                f"(floor {budget.floor:g}, aim {budget.aim:g}): {budget.verdict}"
            )
        for note in self.notes:
            print(note)
        told = {
            "benchmark": self.benchmark,
            "command": f"python benchmarks/{Path(sys.argv[0]).name} {' '.join(_words())}".strip(),
            "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "settings": dict(self.settings),
            "budgets": [{**asdict(each), "verdict": each.verdict} for each in self.budgets],
            "lines": {name: dict(line) for name, line in self.lines.items()},
            "notes": list(self.notes),
        }
        if path is not None:
            measures = [asdict(each) for each in self.measures]
            path.write_text(json.dumps({**told, "measures": measures}, indent=1) + "\n")
        print(json.dumps(told))


def _words() -> list[str]:
    """Return what was typed, but for where the result goes."""
    words = list(sys.argv[1:])
    while "--json" in words:
        place = words.index("--json")
        del words[place : place + 2]
    return words


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every script takes."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    return parser


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; the first column is words, the rest is figures."""
    texts = [[title, *columns], *([_figure(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        first, *rest = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *rest]))


def _figure(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def rounded(value: float) -> float:
    """Keep three significant digits: the rest is noise."""
    return float(f"{value:.3g}")


def middle(values: Iterable[float]) -> float:
    """Return the median, without digits that mean nothing."""
    return rounded(median(values))


# -- the machine -----------------------------------------------------------------------
def machine() -> dict[str, Any]:
    """Name what the figures were taken on."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(": ")[2] for line in facts if "model name" in line), "unknown")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "memory_gb": round(memory_kib / 2**20),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def load_1min() -> float:
    """Return how many processes wanted a core, over the last minute."""
    return round(os.getloadavg()[0], 2)


# -- processes -------------------------------------------------------------------------
def tree_of(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for each in found:
        for thread in Path(f"/proc/{each}/task").iterdir():
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """Return utime + stime of a process tree, ended threads included."""
    ticks = 0
    for each in tree_of(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def memory_mb(pid: int, kind: str = "Rss") -> float:
    """Return resident memory of a process tree; `Pss` counts shared pages by their share."""
    kib = 0
    for each in tree_of(pid):
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                kib += int(line.split()[1])
    return kib * 1024 / MB


def program(name: str) -> str | None:
    """Find a program, also where only root's path leads."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def wanted(name: str) -> str:
    """Return where a program is.

    Raises:
        SystemExit: it is not here.
    """
    found = program(name)
    if found is None:
        raise SystemExit(f"no {name} here: apt-get install {name}")
    return found


def nginx_command(folder: Path, serving: str) -> list[str]:
    """Return what starts an nginx of one process; `serving` is the inside of its server block."""
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, user=user, serving=serving))
    return [wanted("nginx"), "-p", str(folder), "-c", str(settings)]


_given_ports: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on, and that was not returned before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given_ports:
            _given_ports.add(port)
            return port


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    *,
    path: str = "/",
    cores: set[int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it answers when the block begins.

    `cores` is where all its threads stay, from the first. `path` is asked; any answer will do.
    """
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    if cores is not None:
        os.sched_setaffinity(server.pid, cores)  # it has one thread yet: the others inherit
    try:
        first_answer(port, path, server)
        yield server
    finally:
        server.terminate()
        server.wait()


def first_answer(port: int, path: str, server: subprocess.Popen[bytes]) -> int:
    """Ask until there is an answer; return its status."""
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at and server.poll() is None:
        try:
            return get(port, path)[0]
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"a server did not start: {server.args!r}")


def get(
    port: int, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask once: status, headers by their small names, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, names, answer.read()
    finally:
        connection.close()


# -- our own server --------------------------------------------------------------------
def serve_command(port: int) -> list[str]:
    """Return what starts a server of ours."""
    return [sys.executable, "-m", "rushes", "serve", "--port", str(port), "--json"]


def serve_environment(folder: Path, **given: str) -> dict[str, str]:
    """Return an environment with no setting of this machine's but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUSHES_")}
    ours = {"RUSHES_DATA_DIR": str(folder), "RUSHES_CONFIG": os.devnull}
    return {**kept, **ours, "RUSHES_LOG_LEVEL": "ERROR", **given}
