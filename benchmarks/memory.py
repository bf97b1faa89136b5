"""What large films take of a server's memory: one on its way home, many on their way out.

    python benchmarks/memory.py [--folder PATH]

The server is `rushes serve` as it comes, on SQLite and its disk: a film is fetched from a vendor,
decoded to its end, sealed, stored and synced. It is half a second of a gradient with so many bytes
of padding behind it (a `free` box, as MP4 has them), so that its length is all that differs.
"500 MB home" and "1 MB home" are the most that the server and its children held meanwhile, beyond
what they held before; each is the second film of its server. "16 out" are as many callers of 20 MB
each who take a megabyte a second, so that all of them are held at once; "1 out" is one of them.

Memory is `Pss` (pages that are shared count by their share), looked at fifty times a second. A film
that is written does not count: the pages of a file are the system's, which takes them back.

Wanted: curl (Debian: apt-get install curl).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from completions import tiny_film
from measuring import (
    MB,
    Budget,
    Result,
    arguments,
    load_1min,
    memory_mb,
    middle,
    show,
    wanted,
)
from sites import MODEL, Plan, a_site, a_vendor

HOME_MB = (1, 500)
OUT_MB = 20
OUT_COUNTS = (1, 16)
RATE = "1M"
LOOK_EVERY_S = 0.02
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Measure:
    """What was held before, and how much more at most."""

    name: str
    before_mb: float
    more_mb: float
    took_s: float


@dataclass
class Peak:
    """The most that a process tree held while a block ran."""

    pid: int
    most_mb: float = field(default=0.0, init=False)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at it until the block ends."""
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_EVERY_S):
                try:
                    self.most_mb = max(self.most_mb, memory_mb(self.pid, "Pss"))
                except (FileNotFoundError, ProcessLookupError):
                    continue  # a child that ended while it was looked at

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            is_over.set()
            looking.join()


def padded(tiny: Path, path: Path, size_mb: int) -> Path:
    """Write a film of so many MB: a small one, and behind it a box that says nothing."""
    content = tiny.read_bytes()
    box_bytes = size_mb * MB - len(content)
    with path.open("wb") as film:
        film.write(content + box_bytes.to_bytes(4, "big") + b"free")
        film.truncate(size_mb * MB)
    return path


class Server:
    """A running server, and what is asked of it."""

    def __init__(self, process: Any, secret: str) -> None:
        self.pid: int = process.pid
        self._root = f"http://127.0.0.1:{process.port}/v1/video/generations"
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

    def ask(self, path: str = "", body: dict[str, str] | None = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self._root + path, content, self._headers)
        with urllib.request.urlopen(asked) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def make_film(self) -> str:
        """Have a film made; return its link once it is at home.

        Raises:
            SystemExit: it failed, or takes too long.
        """
        task_id: str = self.ask(body={"model": MODEL, "prompt": "A paper boat"})["task_id"]
        give_up_at = time.monotonic() + PATIENCE_S
        while (told := self.ask(f"/{task_id}"))["status"] not in {"succeeded", "failed"}:
            if time.monotonic() > give_up_at:
                raise SystemExit(f"no film after {PATIENCE_S:g} s: {told}")
            time.sleep(0.1)
        if told["status"] == "failed":
            raise SystemExit(f"the film failed: {told}")
        link: str = told["url"]
        return link

    def download(self, link: str, count: int) -> None:
        """Let so many callers take a film at once, slowly.

        Raises:
            SystemExit: one of them did not get it whole.
        """
        command = [wanted("curl"), "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"]
        command += ["--limit-rate", RATE, link]
        callers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
        for caller in callers:
            said = caller.communicate()[0].split()
            if said[:1] != [b"200"] or int(said[1]) < OUT_MB * MB:
                raise SystemExit(f"a download was not whole: {said}")


@contextmanager
def a_house(film: Path, folder: Path) -> Iterator[Server]:
    """Run a server whose vendor has nothing but that film."""
    with ExitStack() as stack:
        vendor = stack.enter_context(a_vendor(film, "--render-s", "0.5"))
        site = stack.enter_context(a_site("sqlite", folder))
        site.configure(Plan(vendor=vendor, look_again_s=0.5))
        yield Server(stack.enter_context(site.running()), site.secret)


def came_home(films: dict[int, Path], size_mb: int, folder: Path) -> Measure:
    """Measure a film of so many MB on its way home, the second one of its server."""
    with a_house(films[size_mb], folder) as server:
        server.make_film()  # what is loaded with the first film is loaded now
        time.sleep(1)
        return held(server, f"{size_mb} MB home", server.make_film)


def held(server: Server, name: str, act: Callable[[], object]) -> Measure:
    """Measure what is held while something happens."""
    before_mb, peak, began_s = memory_mb(server.pid, "Pss"), Peak(server.pid), time.perf_counter()
    with peak.watched():
        act()
    took_s = time.perf_counter() - began_s
    return Measure(name, before_mb, max(0.0, peak.most_mb - before_mb), took_s)


def went_out(film: Path, folder: Path) -> list[Measure]:
    """Measure downloads of a film, by one caller and by many."""
    with a_house(film, folder) as server:
        link = server.make_film()
        server.download(link, 1)  # what is loaded with the first download is loaded now
        time.sleep(1)
        return [
            held(server, f"{count} out", partial(server.download, link, count))
            for count in OUT_COUNTS
        ]


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--folder", type=Path, help="where the files go (default: temporary)")
    given = parser.parse_args()
    loads, measures = [load_1min()], list[Measure]()
    with tempfile.TemporaryDirectory(dir=given.folder) as home:
        folder = Path(home)
        tiny = folder / "tiny.mp4"
        tiny_film(tiny)
        films = {
            size_mb: padded(tiny, folder / f"{size_mb}.mp4", size_mb)
            for size_mb in (*HOME_MB, OUT_MB)
        }
        for number in range(given.rounds):
            for size_mb in HOME_MB:
                measures.append(came_home(films, size_mb, folder / f"home-{size_mb}-{number}"))
                print(measures[-1], file=sys.stderr, flush=True)
            measures += went_out(films[OUT_MB], folder / f"out-{number}")
            print(*measures[-2:], sep="\n", file=sys.stderr, flush=True)
    loads.append(load_1min())
    facts = ("before_mb", "more_mb", "took_s")
    lines = {
        name: {
            fact: middle(getattr(one, fact) for one in measures if one.name == name)
            for fact in facts
        }
        for name in dict.fromkeys(one.name for one in measures)
    }
    show(
        "memory",
        ("before MB", "at most more MB", "s"),
        [(name, *(line[fact] for fact in facts)) for name, line in lines.items()],
    )
    small, large = (lines[f"{size_mb} MB home"]["more_mb"] for size_mb in HOME_MB)
    one, many = (lines[f"{count} out"]["more_mb"] for count in OUT_COUNTS)
    budgets = [
        Budget(f"a film of {HOME_MB[1]} MB brought home", large, "MB more", 64, 16, small, "1 MB"),
        Budget(f"{OUT_COUNTS[1]} downloads of {OUT_MB} MB", many, "MB more", 16, 4, one, "one"),
    ]
    settings = {"rounds": given.rounds, "rate": RATE, "load_1min": loads}
    Result("memory", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
