"""Films that one worker process brings home in a second, beside bare decoding and bare writing.

    python benchmarks/completions.py [--databases NAME ...] [--films N] [--large N]
        [--collects N ...] [--folder PATH]

Tasks whose film exists (`storing`) are in the database before the server starts; an upstream in
a process of its own holds the film. A completion is what the engine does from there: take the
task, fetch, store and sync film and stills, decode to the end, settle, say `succeeded`. A rate is
taken from the rows' own instants, first tenth left out.

`engine` has a darkroom that looks at nothing and stores stills as they come: what a completion
costs but for its film. `tiny` is a film of half a second at 64x36, `large` one of five seconds at
720p. `decode` is a loop, in as many processes as there are cores, that decodes such a film to its
end, makes its stills, and keeps nothing. `write` puts a film and its stills into the blobs, as
many at once as tasks are collected. PostgreSQL is a server of its own that syncs to its disk; the
process is `rushes serve` on both, so that a rate is that of one process.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
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
    show,
    tree_of,
)
from sites import DATABASES, Site, a_server, a_site
from starlette.types import Receive, Scope, Send

from rushes.blobs.local import LocalBlobs
from rushes.clock import SystemClock
from rushes.domain.spec import Size
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.engine.dispatch import DbosDispatcher, make_tables
from rushes.folder import open_books
from rushes.media import inspector_child
from rushes.media.inspection import InspectionLimits
from rushes.ports import ArtifactKind, Blobs, Developed, Still, Transaction, Work, work_id_of
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
STILL_BYTES = {
    ArtifactKind.POSTER: 60_000,
    ArtifactKind.SPRITESHEET: 90_000,
    ArtifactKind.LAST_FRAME: 60_000,
}
PATIENCE_S = 900.0
BATCH = 100
LEFT_OUT = 0.1
TINY = Size(64, 36)


@dataclass(frozen=True)
class Measure:
    """One kind of film, one database, one width, one round."""

    name: str
    database: str
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

    def __init__(self, blobs: Blobs, _inspector: object, scratch: Path, **_finishing: Any) -> None:
        self._blobs = blobs
        self._scratch = scratch

    async def take_in(
        self,
        chunks: AsyncIterator[bytes],
        film: str,
        stills: Mapping[ArtifactKind, str],
        _origin: object,
    ) -> Developed:
        await self._blobs.put(film, chunks)
        return await self.develop(film, stills)

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        del film
        made = await asyncio.to_thread(self._made, stills)
        await self._blobs.put_files({stills[kind]: path for kind, (path, _) in made.items()})
        return Developed(5.0, Size(1280, 720), {kind: still for kind, (_, still) in made.items()})

    def _made(self, stills: Mapping[ArtifactKind, str]) -> dict[ArtifactKind, tuple[Path, Still]]:
        self._scratch.mkdir(exist_ok=True)
        made = {}
        for kind in stills:
            content = bytes(STILL_BYTES[kind])
            path = self._scratch / token_hex(8)
            path.write_bytes(content)
            made[kind] = path, Still(len(content), sha256(content).hexdigest())
        return made


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def blind(words: Sequence[str]) -> None:
    """Run the command line with a darkroom that looks at nothing."""
    import rushes.rooms  # noqa: PLC0415 -- for this mode alone

    rushes.rooms.FilmDarkroom = BlindDarkroom  # type: ignore[misc, assignment]
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
                ("film", content),
                *((kind, bytes(length)) for kind, length in STILL_BYTES.items()),
            ):
                await blobs.put(f"films/{number}/1/{name}", _once(bytes_))

    begun = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(at_once)))
    return count / (time.perf_counter() - begun)


# -- one run ---------------------------------------------------------------------------
def prepare(site: Site, count: int) -> None:
    """Write tasks whose film exists, with the work that brings it home."""
    clock = SystemClock()

    def act(tx: Transaction) -> None:
        for _ in range(min(BATCH, count - len(made))):
            task = put_task(tx, Status.STORING, created_at=clock.now() - timedelta(minutes=1))
            submit = tx.submits(task.id)[-1]
            found = {"id": f"video_{task.id}"}
            tx.change_submit(replace(submit, film=found), frozenset({Verdict.READY}))
            work_id = work_id_of(task, Work.COLLECT)
            tx.rework(task, work_id, None)
            dispatcher.enqueue(tx, replace(task, work_id=work_id), Work.COLLECT, queue="")
            made.append(task.id)

    made: list[str] = []
    with closing(open_books(site.settings, clock, may_make=True)) as books:
        engine = books.engine_for_workflows()
        make_tables(engine)
        dispatcher = DbosDispatcher(engine)
        while len(made) < count:
            books.write_now(act)


def all_cpu_s(pid: int) -> float:
    """Return CPU seconds of a process tree, children that ended included."""
    fields = (Path(f"/proc/{each}/stat").read_text().rpartition(") ")[2] for each in tree_of(pid))
    return sum(sum(map(int, line.split()[11:15])) for line in fields) / TICKS_PER_S


def how_many_are_home(site: Site) -> int:
    """Count the films that are home."""
    return site.counts().get("succeeded", 0)


def brought_home(site: Site, count: int, server: subprocess.Popen[bytes]) -> list[int]:
    """Wait until all films are home; return when each was, in microseconds.

    Raises:
        SystemExit: one failed, the server ended, or it took too long.
    """
    give_up_at = time.monotonic() + PATIENCE_S
    query = "SELECT finished_at FROM tasks WHERE status = 'succeeded' ORDER BY 1"
    while time.monotonic() < give_up_at:
        counts = site.counts()
        if counts.get("failed"):
            raise SystemExit(f"{counts['failed']} films failed")
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode}")
        if counts.get("succeeded") == count:
            return [row[0] for row in site.ask(query)]
        time.sleep(0.2)
    raise SystemExit("the films did not come home")


@contextmanager
def serving(
    path: Path, site: Site, collects: int, *, is_blind: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a site beside an upstream that has a film; yield the server's process."""
    up_port, port = free_port(), free_port()
    config = site.folder / "completions.toml"
    config.write_text(CONFIG.format(port=up_port))
    environment = {
        **site.environment,
        "RUSHES_CONFIG": str(config),
        "RUSHES_WORKERS_COLLECTS_MAX": str(collects),
    }
    ours = [sys.executable, __file__, "blind"] if is_blind else [sys.executable, "-m", "rushes"]
    command = [*ours, "serve", "--port", str(port), "--json"]
    with (
        running([sys.executable, __file__, "upstream", str(path), str(up_port)], up_port),
        running(command, port, path="/healthz", environment=environment) as server,
    ):
        yield server


def measured(name: str, path: Path, count: int, collects: int, site: Site) -> Measure:
    """Bring `count` films home, and do what is beside it."""
    prepare(site, count)
    with serving(path, site, collects, is_blind=name == "engine") as server:
        spent_s = all_cpu_s(server.pid)  # on its start, and on the films that were home by then
        left = count - how_many_are_home(site)
        ends = brought_home(site, count, server)
        cpu_ms = (all_cpu_s(server.pid) - spent_s) / max(1, left) * 1e3
    late = ends[int(LEFT_OUT * count) :]
    films_per_s = (len(late) - 1) / ((late[-1] - late[0]) / 1e6)
    if name == "engine":
        blobs = site.folder / "blobs"
        beside = asyncio.run(written_per_s(blobs, path.read_bytes(), count, collects))
    else:
        beside = decoded_per_s(path, count)
    return Measure(name, site.database, collects, films_per_s, beside, cpu_ms)


def tiny_film(path: Path) -> None:
    """Encode half a second of a gradient."""
    film.encode(path, film.Format(TINY.width_px, TINY.height_px, FPS), gradients(TINY, 0, FPS // 2))


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--films", type=int, default=1000, help="small ones, in each round")
    parser.add_argument("--large", type=int, default=40, help="of five seconds, in each round")
    parser.add_argument("--collects", type=int, nargs="+", default=[64], help="widths to measure")
    parser.add_argument("--kinds", nargs="+", default=["engine", "tiny", "large"])
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given: Any = parser.parse_args()
    loads = [load_1min()]
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory(dir=given.folder) as home, ExitStack() as stack:
        tiny, large = Path(home) / "tiny.mp4", Path(home) / "large.mp4"
        tiny_film(tiny)
        spec = replace(a_spec(), prompt=PROMPTS[0], size=SIZES["720p"], seconds=5, assets=())
        drawn("large", "720p", Order(spec, label_of("sandbox")), large)
        films = {"engine": (tiny, given.films), "tiny": (tiny, given.films // 4)}
        films["large"] = (large, given.large)
        server = stack.enter_context(a_server()) if "postgresql" in given.databases else None
        for _ in range(given.rounds):
            for collects in given.collects:
                for kind in given.kinds:
                    path, count = films[kind]
                    for database in given.databases if kind == "engine" else given.databases[-1:]:
                        with (
                            tempfile.TemporaryDirectory(dir=home) as folder,
                            a_site(database, Path(folder), server) as site,
                        ):
                            one = measured(kind, path, count, collects, site)
                        print(one, file=sys.stderr, flush=True)
                        measures.append(one)
    loads.append(load_1min())
    tell(measures, loads, given)


def tell(measures: Sequence[Measure], loads: Sequence[float], given: Any) -> None:
    """Say the medians over rounds, and hold them to the budget."""
    facts = ("films_per_s", "beside_per_s", "by_beside", "cpu_ms")
    lines: dict[str, dict[str, float]] = {}
    for place in dict.fromkeys((one.name, one.database, one.collects) for one in measures):
        mine = [one for one in measures if (one.name, one.database, one.collects) == place]
        line = {fact: middle(getattr(one, fact) for one in mine) for fact in facts[:2]}
        line["by_beside"] = middle(one.films_per_s / one.beside_per_s for one in mine)
        line["cpu_ms"] = middle(one.cpu_ms for one in mine)
        name, database, collects = place
        lines[f"{name}, {database}, {collects} at once"] = line
    show(
        "completions",
        ("films/s", "baseline/s", "by baseline", "CPU ms"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    budgets = []
    for database in given.databases:
        ours = [line for name, line in lines.items() if name.startswith(f"engine, {database}")]
        if ours:
            best = max(ours, key=lambda line: line["films_per_s"])
            figures = (best["films_per_s"], "/s", 90, 300, best["beside_per_s"])
            name = f"completions per worker process, {database}"
            budgets.append(Budget(name, *figures, "film and stills written and synced"))
    large = [line for name, line in lines.items() if name.startswith("large")]
    notes = []
    if large:
        note = f"A film of five seconds at 720p takes {large[0]['cpu_ms'] / 1e3:.2f} CPU seconds"
        notes.append(f"{note} from ready to stored, nearly all of it decoding every picture.")
    settings = {
        "films": given.films,
        "large": given.large,
        "collects": given.collects,
        "databases": list(given.databases),
        "rounds": given.rounds,
        "cores": os.cpu_count(),
        "load_1min": list(loads),
    }
    Result("completions", budgets, lines, settings, notes, measures).tell(given.json)


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
