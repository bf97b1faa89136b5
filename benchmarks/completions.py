"""Films that one worker process brings home in a second, beside bare decoding and bare writing.

    python benchmarks/completions.py [--films N] [--large N] [--collects N ...] [--folder PATH]

Tasks whose film exists (`storing`) are in the database before the server starts; an upstream in
a process of its own holds the film. A completion is what the engine does from there: take the
task, fetch, store and sync film and stills, decode to the end, settle, say `succeeded`. A rate is
taken from the rows' own instants, first tenth left out.

`engine` has a darkroom that looks at nothing and stores stills as they come: what a completion
costs but for its film. `tiny` is a film of half a second at 64x36, `large` one of five seconds at
720p. `decode` is a loop, in as many processes as there are cores, that decodes such a film to its
end, makes its stills, and keeps nothing. `write` puts a film and two stills into the blobs, as
many at once as tasks are collected.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import uvicorn
from measuring import (
    TICKS_PER_S,
    Budget,
    Result,
    arguments,
    free_port,
    load_1min,
    middle,
    running,
    serve_environment,
    show,
    tree_of,
)
from starlette.types import Receive, Scope, Send
from store_accepts import dispatcher_over

from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.domain.spec import Size
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.folder import open_books
from rushes.media import inspector_child
from rushes.media.inspection import InspectionLimits
from rushes.ports import Blobs, Developed, Transaction, Work, work_id_of
from rushes.settings import load
from rushes.studio import film
from rushes.studio.order import Order, label_of
from rushes.testing.builders import a_spec, put_task
from studio import FPS, PROMPTS, SIZES, drawn, gradients

CONFIG = """
[[providers]]
name = "gpu"
kind = "openai_videos"
base_url = "http://127.0.0.1:{port}/v1"
api_key = "env:GPU_KEY"
in_flight_max = 8
"""
POSTER_BYTES, SHEET_BYTES = 60_000, 90_000
PATIENCE_S = 900.0
LEFT_OUT = 0.1
TINY = Size(64, 36)


@dataclass(frozen=True)
class Measure:
    """One kind of film, one width, one round."""

    name: str
    collects: int
    films_per_s: float
    beside_per_s: float
    cpu_ms: float


# -- what is beside us -----------------------------------------------------------------
def upstream(path: Path, port: int) -> None:
    """Answer every request with a film."""
    content = path.read_bytes()
    headers = [(b"content-type", b"video/mp4"), (b"content-length", b"%d" % len(content))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    uvicorn.run(app, port=port, lifespan="off", access_log=False, log_level="error")


class BlindDarkroom:
    """Looks at nothing, and stores stills of the usual length."""

    def __init__(self, blobs: Blobs, *_: object) -> None:
        self._blobs = blobs

    async def develop(self, film: str, *, poster: str, spritesheet: str) -> Developed:
        del film
        stills = [(poster, bytes(POSTER_BYTES)), (spritesheet, bytes(SHEET_BYTES))]
        await asyncio.gather(*(self._blobs.put(name, _once(content)) for name, content in stills))
        sums = [sha256(content).hexdigest() for _, content in stills]
        return Developed(5.0, Size(1280, 720), POSTER_BYTES, sums[0], SHEET_BYTES, sums[1])


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def blind(words: Sequence[str]) -> None:
    """Run the command line with a darkroom that looks at nothing."""
    import rushes.app  # noqa: PLC0415 -- for this mode alone

    rushes.app.FilmDarkroom = BlindDarkroom  # type: ignore[misc, assignment]
    sys.argv[1:] = words
    runpy.run_module("rushes", run_name="__main__")


def decode(path: Path, count: int) -> None:
    """Decode a film again and again, and make its stills; say how many seconds it took."""
    limits = InspectionLimits(opening_cpu_s=10**6, cpu_s_max=10**6)
    os.dup2(os.open(path, os.O_RDONLY), 0)
    with tempfile.TemporaryDirectory() as home:
        os.chdir(home)
        begun = time.perf_counter()
        for _ in range(count):
            os.lseek(0, 0, os.SEEK_SET)
            inspector_child.inspect(limits)
        print(time.perf_counter() - begun)
        os.chdir("/")


def decoded_per_s(path: Path, count: int) -> float:
    """Decode `count` films in a process for each core; each has its own clock."""
    cores = os.cpu_count() or 1
    each = max(1, count // cores)
    words = [sys.executable, __file__, "decode", str(path), str(each)]
    loops = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(cores)]
    return sum(each / float(loop.communicate()[0]) for loop in loops)


async def written_per_s(folder: Path, content: bytes, count: int, at_once: int) -> float:
    """Put films and stills into blobs of their own."""
    blobs = LocalBlobs(folder)
    todo = iter(range(count))

    async def writer() -> None:
        for number in todo:
            for name, bytes_ in (
                ("film.mp4", content),
                ("poster.webp", bytes(POSTER_BYTES)),
                ("spritesheet.jpg", bytes(SHEET_BYTES)),
            ):
                await blobs.put(f"films/{number}/1/{name}", _once(bytes_))

    begun = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(at_once)))
    return count / (time.perf_counter() - begun)


# -- one run ---------------------------------------------------------------------------
def prepare(data: Path, count: int) -> Path:
    """Write tasks whose film exists, with the work that brings it home; return the database."""
    settings, clock = load(data_dir=data), SystemClock()

    def act(tx: Transaction) -> None:
        for number in range(count):
            task = put_task(tx, Status.STORING, created_at=clock.now() - timedelta(minutes=1))
            submit = tx.submits(task.id)[-1]
            found = {"id": f"video_{number}"}
            tx.change_submit(replace(submit, film=found), frozenset({Verdict.READY}))
            work_id = work_id_of(task, Work.COLLECT)
            tx.rework(task, work_id, None)
            dispatcher.enqueue(tx, replace(task, work_id=work_id), Work.COLLECT, queue="")

    with closing(open_books(settings, clock, may_make=True)) as books:
        dispatcher = dispatcher_over(books)
        books.write_now(act)
    return settings.database_path


def all_cpu_s(pid: int) -> float:
    """Return CPU seconds of a process tree, children that ended included."""
    fields = (Path(f"/proc/{each}/stat").read_text().rpartition(") ")[2] for each in tree_of(pid))
    return sum(sum(map(int, line.split()[11:15])) for line in fields) / TICKS_PER_S


def how_many_are_home(database: Path) -> int:
    """Count the films that are home."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*) FROM tasks WHERE status = 'succeeded'"
        return int(connection.execute(query).fetchone()[0])


def brought_home(database: Path, count: int) -> list[int]:
    """Wait until all films are home; return when each was, in microseconds.

    Raises:
        SystemExit: one failed, or it took too long.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    query = "SELECT finished_at FROM tasks WHERE status = 'succeeded' ORDER BY 1"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while time.monotonic() < give_up_at:
            ends = [row[0] for row in connection.execute(query)]
            if len(ends) == count:
                return ends
            bad = connection.execute("SELECT id FROM tasks WHERE status = 'failed'").fetchone()
            if bad:
                raise SystemExit(f"{bad[0]} failed")
            time.sleep(0.2)
    raise SystemExit("the films did not come home")


@contextmanager
def serving(path: Path, data: Path, collects: int, *, is_blind: bool) -> Iterator[int]:
    """Serve a folder beside an upstream that has a film; yield the server's process."""
    up_port, port = free_port(), free_port()
    config = data / "rushes.toml"
    config.write_text(CONFIG.format(port=up_port))
    environment = serve_environment(
        data,
        RUSHES_CONFIG=str(config),
        RUSHES_WORKERS_COLLECTS_MAX=str(collects),
        GPU_KEY="sk-benchmark",
    )
    ours = [sys.executable, __file__, "blind"] if is_blind else [sys.executable, "-m", "rushes"]
    command = [*ours, "serve", "--port", str(port), "--json"]
    with (
        running([sys.executable, __file__, "upstream", str(path), str(up_port)], up_port),
        running(command, port, path="/healthz", environment=environment) as server,
    ):
        yield server.pid


def measured(name: str, path: Path, count: int, collects: int, home: Path) -> Measure:
    """Bring `count` films home, and do what is beside it."""
    with tempfile.TemporaryDirectory(dir=home) as folder:
        data = Path(folder) / "data"
        database = prepare(data, count)
        with serving(path, data, collects, is_blind=name == "engine") as pid:
            spent_s = all_cpu_s(pid)  # on its start, and on the films that were home by then
            left = count - how_many_are_home(database)
            ends = brought_home(database, count)
            cpu_ms = (all_cpu_s(pid) - spent_s) / max(1, left) * 1e3
        late = ends[int(LEFT_OUT * count) :]
        films_per_s = (len(late) - 1) / ((late[-1] - late[0]) / 1e6)
        if name == "engine":
            blobs = Path(folder) / "blobs"
            beside = asyncio.run(written_per_s(blobs, path.read_bytes(), count, collects))
        else:
            beside = decoded_per_s(path, count)
    return Measure(name, collects, films_per_s, beside, cpu_ms)


def tiny_film(path: Path) -> None:
    """Encode half a second of a gradient."""
    film.encode(path, film.Format(TINY.width_px, TINY.height_px, FPS), gradients(TINY, 0, FPS // 2))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--films", type=int, default=1000, help="small ones, in each round")
    parser.add_argument("--large", type=int, default=40, help="of five seconds, in each round")
    parser.add_argument("--collects", type=int, nargs="+", default=[16], help="widths to measure")
    parser.add_argument("--kinds", nargs="+", default=["engine", "tiny", "large"])
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given: Any = parser.parse_args()
    loads = [load_1min()]
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        tiny, large = Path(home) / "tiny.mp4", Path(home) / "large.mp4"
        tiny_film(tiny)
        spec = replace(a_spec(), prompt=PROMPTS[0], size=SIZES["720p"], seconds=5, assets=())
        drawn(Order(spec, label_of("sandbox")), large)
        films = {"engine": (tiny, given.films), "tiny": (tiny, given.films)}
        films["large"] = (large, given.large)
        for _ in range(given.rounds):
            for collects in given.collects:
                for kind in given.kinds:
                    path, count = films[kind]
                    one = measured(kind, path, count, collects, Path(home))
                    print(one, file=sys.stderr, flush=True)
                    measures.append(one)
    loads.append(load_1min())
    lines = {}
    for kind in given.kinds:
        for collects in given.collects:
            mine = [one for one in measures if (one.name, one.collects) == (kind, collects)]
            facts = ("films_per_s", "beside_per_s", "cpu_ms")
            line = {fact: middle(getattr(one, fact) for one in mine) for fact in facts}
            line["by_beside"] = middle(one.films_per_s / one.beside_per_s for one in mine)
            lines[f"{kind}, {collects} at once"] = line
    columns = ("films_per_s", "beside_per_s", "by_beside", "cpu_ms")
    show(
        "completions",
        ("films/s", "baseline/s", "by baseline", "CPU ms"),
        [(name, *(line[column] for column in columns)) for name, line in lines.items()],
    )
    ours = [line for name, line in lines.items() if name.startswith("engine")]
    budgets = []
    if ours:
        best = max(ours, key=lambda line: line["films_per_s"])
        figures = (best["films_per_s"], "/s", 90, 300, best["beside_per_s"])
        baseline = "three files written and synced"
        budgets = [Budget("completions per worker process", *figures, baseline)]
    settings = {
        "films": given.films,
        "large": given.large,
        "collects": given.collects,
        "rounds": given.rounds,
        "cores": os.cpu_count(),
        "load_1min": loads,
    }
    Result("completions", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["upstream", path, port]:
            upstream(Path(path), int(port))
        case ["decode", path, count]:
            decode(Path(path), int(count))
        case ["blind", *words]:
            blind(words)
        case _:
            main()
