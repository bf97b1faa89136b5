"""What a film download costs: server CPU seconds per GB, beside nginx in the same run.

    python benchmarks/downloads.py

Servers take turns, round by round, so that a noisy machine is noisy for all; figures are
medians over the rounds, ratios are medians of the ratios within a round. Callers are curl
processes that throw the bytes away; only the server's process tree is accounted, by utime
and stime from /proc. `starlette` is `FileResponse`, what most servers in Python send files by.

Everything goes over loopback, where TCP's receiving side runs at the expense of whoever is
on the core at the time. That alone changes a figure fivefold, so it is fixed: the server
has core 0, and its callers are on the same core ("together") or on the others ("apart").
Compare within a row; the figures are no prediction for a network card.

Wanted: curl and nginx (Debian: apt-get install curl nginx).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from measuring import (
    CALLER_CORES,
    MB,
    SERVER_CORE,
    Budget,
    Result,
    arguments,
    cpu_s,
    free_port,
    load_1min,
    memory_mb,
    middle,
    nginx_command,
    running,
    show,
    wanted,
)
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from rushes.http.conditions import Representation
from rushes.http.films import send_file
from rushes.http.guard import GuardLimits, guarded

GB = 10**9
NAMES = ("nginx", "rushes", "starlette")
PLACEMENTS = {"together": SERVER_CORE, "apart": CALLER_CORES}
STREAM_COUNTS = (1, 8)


@dataclass(frozen=True)
class Measure:
    """One server in one round with so many callers at once."""

    server: str
    placement: str
    stream_count: int
    cpu_s_per_gb: float
    gb_per_s: float
    rss_mb: float

    @property
    def way(self) -> str:
        """How it was asked."""
        return f"{self.stream_count} {self.placement}"


# -- the servers -----------------------------------------------------------------------
def serve(kind: str, film: Path, port: int) -> None:
    """Run one of our servers in this process, until it is ended."""
    stat = film.stat()
    made_at = datetime.fromtimestamp(stat.st_mtime, tz=UTC)
    shown = Representation(stat.st_size, '"film"', made_at, "video/mp4", "private, no-cache")

    async def rushes(scope: Scope, receive: Receive, send: Send) -> None:
        await send_file(scope, receive, send, film, shown)

    app = rushes if kind == "rushes" else FileResponse(film, media_type="video/mp4")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http=guarded(GuardLimits()) if kind == "rushes" else "httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


def command_of(kind: str, film: Path, port: int) -> list[str]:
    """Return what starts a server of that kind."""
    if kind == "nginx":
        return nginx_command(film.parent, f"listen 127.0.0.1:{port}; root {film.parent};")
    ours = ["--serve", kind, "--film", str(film), "--port", str(port)]
    return [sys.executable, __file__, *ours]


# -- the load --------------------------------------------------------------------------
def curl(port: int, film: Path, *options: str) -> subprocess.Popen[bytes]:
    url = f"http://127.0.0.1:{port}/{film.name}"
    return subprocess.Popen([wanted("curl"), "-sf", *options, url], stdout=subprocess.PIPE)


def check(port: int, film: Path) -> None:
    """See that a server answers the range right and the whole to its last byte."""
    middle = film.stat().st_size // 2
    part, _ = curl(port, film, "-r", f"{middle}-{middle + 99_999}").communicate()
    with film.open("rb") as file:
        file.seek(middle)
        if part != file.read(100_000):
            raise SystemExit("a server sent wrong bytes")
    whole = curl(port, film, "-o", "/dev/null", "-w", "%{size_download}")
    if int(whole.communicate()[0]) != film.stat().st_size:
        raise SystemExit("a server sent too little")


def download(port: int, film: Path, stream_count: int, download_count: int) -> None:
    """Fetch the film `download_count` times, `stream_count` at once."""
    for _ in range(download_count // stream_count):
        callers = [curl(port, film, "-o", "/dev/null") for _ in range(stream_count)]
        for caller in callers:
            caller.communicate()
            if caller.returncode:
                raise SystemExit(f"a download failed: curl said {caller.returncode}")


def measured(server: str, pid: int, port: int, film: Path, count: int) -> Iterator[Measure]:
    """Account one running server for `count` downloads in every way."""
    moved_gb = film.stat().st_size * count / GB
    mine = os.sched_getaffinity(0)
    for placement, cores in PLACEMENTS.items():
        os.sched_setaffinity(0, cores)  # what the callers inherit
        for stream_count in STREAM_COUNTS:
            cpu_before_s, started_s = cpu_s(pid), time.perf_counter()
            download(port, film, stream_count, count)
            took_s = time.perf_counter() - started_s
            cost_s = (cpu_s(pid) - cpu_before_s) / moved_gb
            told = (cost_s, moved_gb / took_s, memory_mb(pid))
            yield Measure(server, placement, stream_count, *told)
    os.sched_setaffinity(0, mine)


# -- the report ------------------------------------------------------------------------
def summary(measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """Return medians by way of asking, and the median ratio to nginx within a round."""
    lines: dict[str, dict[str, float]] = {}
    for way in dict.fromkeys(one.way for one in measures):
        mine = {
            name: [one for one in measures if one.way == way and one.server == name]
            for name in NAMES
        }
        line = {name: middle(one.cpu_s_per_gb for one in mine[name]) for name in NAMES}
        line["by_nginx"] = middle(
            ours.cpu_s_per_gb / theirs.cpu_s_per_gb
            for ours, theirs in zip(mine["rushes"], mine["nginx"], strict=True)
        )
        line["gb_per_s"] = middle(one.gb_per_s for one in mine["rushes"])
        line["nginx_gb_per_s"] = middle(one.gb_per_s for one in mine["nginx"])
        line["rss_mb"] = middle(one.rss_mb for one in mine["rushes"])
        lines[way] = line
    return lines


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size-mb", type=int, default=256)
    parser.add_argument("--downloads", type=int, default=8, help="per round and number of streams")
    parser.add_argument("--serve", choices=["rushes", "starlette"], help=argparse.SUPPRESS)
    parser.add_argument("--film", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.film, asked.port)
        return
    measures: list[Measure] = []
    loads = [load_1min()]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        film.write_bytes(os.urandom(MB) * asked.size_mb)
        for _ in range(asked.rounds):
            for name in NAMES:
                port = free_port()
                with running(command_of(name, film, port), port, cores=SERVER_CORE) as server:
                    check(port, film)
                    measures += measured(name, server.pid, port, film, asked.downloads)
    loads.append(load_1min())
    lines = summary(measures)
    columns = (*NAMES, "by_nginx", "gb_per_s", "nginx_gb_per_s", "rss_mb")
    show(
        "CPU-s per GB",
        (*NAMES, "by nginx", "GB/s", "nginx GB/s", "RSS MB"),
        [(way, *(line[column] for column in columns)) for way, line in lines.items()],
    )
    worst = max(line["by_nginx"] for line in lines.values())
    settings = {
        "film_mb": asked.size_mb,
        "rounds": asked.rounds,
        "downloads_per_round": asked.downloads,
        "load_1min": loads,
    }
    budgets = [Budget("download, worst way", worst, "x nginx", 2.0, 1.2)]
    Result("downloads", budgets, lines, settings, measures=measures).tell(asked.json)


if __name__ == "__main__":
    main()
