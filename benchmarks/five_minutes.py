"""From a clone to a film by an upstream of one's own: what a stranger waits for, step by step.

    python benchmarks/five_minutes.py

A clone of this checkout's last commit, a virtual environment of its own (packages come from the
index, or from pip's cache), a simulated upstream with a key as its own process, `rushes init` by
flags, `rushes serve`, a wish, the film at home. Everything is typed as a person would type it; a
person's reading and thinking is not in the figures. Processes are ended by their ids.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from measuring import HERE, Budget, Result, load_1min, rounded, show

ROOT = HERE.parent
KEY = "sk-Winter42Winter42"
RENDER_S = 2.0
PATIENCE_S = 900.0
FLOOR_S, AIM_S = 300.0, 120.0


@dataclass
class Watch:
    """Seconds per step, in order."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        print(f"{name} …", file=sys.stderr, flush=True)
        begun = time.perf_counter()
        yield
        self.steps[name] = time.perf_counter() - begun


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a command to its end, and return what it said."""
    done = subprocess.run(
        words,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def beside(
    words: list[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a command as long as the block lasts."""
    with (folder / "beside.log").open("a") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args} ended before it said anything")
    return line


def walk(home: Path, python: str) -> tuple[Watch, int]:
    """Walk the whole way once; return the times, and how large the film is."""
    watch, clone, work = Watch(), home / "rushes", home / "work"
    work.mkdir()
    kept = {name: said for name, said in os.environ.items() if not name.startswith("RUSHES_")}
    bare = {name: said for name, said in kept.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    rushes = str(clone / ".venv" / "bin" / "rushes")
    with watch.step("clone"):
        run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], home, bare)
    with watch.step("install"):
        run(["make", ".venv/server", f"PYTHON={python}"], clone, bare)
    creates = work / "creates.jsonl"
    words = ["simulate", "openai_videos", "--key", KEY, "--log", str(creates)]
    told = {**bare, "NO_COLOR": "1", "UPSTREAM_KEY": KEY}
    with beside([rushes, *words, "--render-s", str(RENDER_S)], work, told) as upstream:
        address = f"http://127.0.0.1:{int(line_of(upstream))}/v1"
        with watch.step("init"):
            flags = ["--kind", "openai_videos", "--base-url", address, "--model", "sora-2"]
            key = ["--api-key", "env:UPSTREAM_KEY", "--yes"]
            run([rushes, "init", *flags, *key], work, told)
        with beside([rushes, "serve", "--port", "0", "--json"], work, told) as server:
            with watch.step("serve"):
                opened = json.loads(line_of(server))
            told["RUSHES_BASE_URL"] = opened["url"]
            told["RUSHES_API_KEY"] = opened["key"]["secret"]
            with watch.step("accept"):
                wish = [rushes, "generate", "A paper boat", "--model", "sora-2", "--seconds", "4"]
                video = json.loads(run([*wish, "--detach", "--json"], work, told))["id"]
            with watch.step("film"):
                run([rushes, "watch", video], work, told)
            film = work / "first.mp4"
            with watch.step("download"):
                run([rushes, "download", video, "--output", str(film)], work, told)
    submits = len(creates.read_text().splitlines())
    if submits != 1:
        raise SystemExit(f"{submits} submits reached the upstream in place of one")
    return watch, film.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="which Python a stranger has")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    asked = parser.parse_args()
    loads = [load_1min()]
    with tempfile.TemporaryDirectory(prefix="rushes-five-minutes-") as home:
        watch, size_bytes = walk(Path(home), asked.python)
    loads.append(load_1min())
    total_s = sum(watch.steps.values())
    show("step", ("s",), [*watch.steps.items(), ("all", total_s)])
    seconds = {name: rounded(took_s) for name, took_s in watch.steps.items()}
    Result(
        "five_minutes",
        [Budget("clone to film", rounded(total_s), "s", FLOOR_S, AIM_S)],
        {"seconds": seconds},
        {"rounds": 1, "render_s": RENDER_S, "film_bytes": size_bytes, "load_1min": loads},
        notes=("The upstream is simulated, and renders for as long as render_s says.",),
    ).tell(asked.json)


if __name__ == "__main__":
    main()
