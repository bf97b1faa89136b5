"""Seconds for a film of the built-in engine at three sizes, beside its encoder alone.

    python benchmarks/studio.py [--seconds S] [--audio]

`draw` is one child of the studio from start to a finished MP4: what the farm runs. `road` is
what a caller waits from `POST` to `succeeded` on `rushes serve`: the same, and storing, decoding
to the end, poster and spritesheet. `encode` is the studio's encoder alone, given a moving
gradient, in the same two processes: what pictures that cost nothing to draw would take.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from measuring import (
    MB,
    Budget,
    Result,
    arguments,
    free_port,
    load_1min,
    middle,
    running,
    serve_command,
    serve_environment,
    show,
)

from rushes.clock import SystemClock
from rushes.domain.spec import Size
from rushes.folder import make_key, open_books
from rushes.settings import load
from rushes.studio import film
from rushes.studio.order import Job, Order, label_of
from rushes.studio.planes import Frame
from rushes.testing.builders import a_spec

SIZES = {"480p": Size(854, 480), "720p": Size(1280, 720), "1080p": Size(1920, 1080)}
PROMPTS = (
    "A red fox runs through a snowy forest at dawn, slow pan right",
    "A paper boat crosses a rain puddle in a neon city at night",
    "A lighthouse above a stormy sea, zoom in",
    "Hot air balloons over desert dunes at sunset",
    "一只猫在樱花树下, 镜头缓慢推进",
)
FPS = 24
PARTS = 2


@dataclass(frozen=True)
class Measure:
    """One film."""

    name: str
    size: str
    prompt: str
    took_s: float
    size_bytes: int


def drawn(order: Order, path: Path) -> float:
    """Run a child of the studio, as the farm does; return its seconds."""
    job = msgspec.json.encode(Job(order, str(path)))
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-P", "-m", "rushes.studio"],
        input=job + b"\n",
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begun


def gradients(size: Size, first: int, last: int) -> Iterator[Frame]:
    """Pictures that move and cost nothing: one wide gradient, seen through a moving window."""
    wide = np.arange(size.width_px + FPS * 60, dtype=np.uint32)
    lines = np.arange(size.height_px, dtype=np.uint32)[:, None]
    light = ((wide + lines) // 8 % 220 + 16).astype(np.uint8)
    colour = np.full((size.height_px // 2, size.width_px // 2), 120, np.uint8)
    for number in range(first, last):
        seen = light[:, 2 * number : 2 * number + size.width_px]
        yield Frame(seen, colour, colour)


def encoded(size: Size, seconds: int, folder: Path) -> tuple[float, int]:
    """Encode gradients in two halves, side by side; return seconds and bytes."""
    form, count = film.Format(size.width_px, size.height_px, FPS), seconds * FPS
    halves = [folder / f"half{part}" for part in range(PARTS)]
    begun = time.perf_counter()
    wait = film.beside(
        lambda: film.encode(halves[1], form, gradients(size, count // 2, count)),
        before=lambda: None,
    )
    film.encode(halves[0], form, gradients(size, 0, count // 2))
    wait()
    parts = [(half, count // 2) for half in halves]
    film.join(parts, folder / "whole", form, sound=None, tags={})
    return time.perf_counter() - begun, (folder / "whole").stat().st_size


class Caller:
    """Asks a server of ours for films, and waits for them."""

    def __init__(self, port: int, secret: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        text = None if body is None else json.dumps(body)
        self._line.request(method, path, text, self._headers)
        answer = self._line.getresponse()
        told = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {told}")
        return told

    def film(self, wish: Mapping[str, Any]) -> tuple[float, int]:
        """Submit, wait, and return seconds and the film's bytes."""
        begun = time.perf_counter()
        task_id = self.ask("POST", "/v1/video/generations", wish)["task_id"]
        while True:
            told = self.ask("GET", f"/v1/video/generations/{task_id}?wait=30")
            if told["status"] in {"succeeded", "failed"}:
                break
        took_s = time.perf_counter() - begun
        if told["status"] == "failed":
            raise SystemExit(told["error"])
        return took_s, int(self.ask("GET", f"/v1/video/generations/download?id={task_id}")["size"])


def rounds(given: Any, caller: Caller, folder: Path) -> Iterator[Measure]:
    """Measure, one film of each kind after another, so that noise is shared."""
    for number in range(given.rounds + 1):
        prompt = PROMPTS[number % len(PROMPTS)]
        for name, size in SIZES.items():
            spec = replace(
                a_spec(),
                prompt=prompt,
                size=size,
                seconds=given.seconds,
                with_audio=given.audio,
                seed=number,
                assets=(),
            )
            path = folder / "film.mp4"
            took_s = drawn(Order(spec, label_of("sandbox")), path)
            one = [Measure("draw", name, prompt, took_s, path.stat().st_size)]
            wish = {"model": "sandbox", "prompt": prompt, "seconds": given.seconds}
            wish |= {"size": str(size), "generate_audio": given.audio, "seed": number}
            one.append(Measure("road", name, prompt, *caller.film(wish)))
            one.append(Measure("encode", name, prompt, *encoded(size, given.seconds, folder)))
            yield from one if number else []  # the first round warms


def summary(measures: Sequence[Measure]) -> dict[str, dict[str, float]]:
    """Return medians by size."""
    lines: dict[str, dict[str, float]] = {}
    for size in SIZES:
        line: dict[str, float] = {}
        for name in ("draw", "road", "encode"):
            mine = [one for one in measures if one.size == size and one.name == name]
            line[f"{name}_s"] = middle(one.took_s for one in mine)
            line[f"{name}_s_max"] = middle([max(one.took_s for one in mine)])
            line[f"{name}_mb"] = middle(one.size_bytes / MB for one in mine)
        lines[size] = line
    return lines


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="how long each film is")
    parser.add_argument("--audio", action="store_true", help="with sound")
    given = parser.parse_args()
    loads = [load_1min()]
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        data = folder / "data"
        with closing(open_books(load(data_dir=data), clock, may_make=True)) as books:
            _, secret = make_key(books, "benchmark", clock)
        port = free_port()
        with running(
            serve_command(port), port, path="/readyz", environment=serve_environment(data)
        ):
            measures = list(rounds(given, Caller(port, secret), folder))
    loads.append(load_1min())
    lines = summary(measures)
    columns = ("draw_s", "draw_s_max", "road_s", "road_s_max", "encode_s", "draw_mb")
    show(
        f"{given.seconds} s at {FPS} fps",
        ("draw s", "slowest", "road s", "slowest", "encode s", "MB"),
        [(name, *(line[column] for column in columns)) for name, line in lines.items()],
    )
    line = lines["720p"]
    budgets = [
        Budget("720p film", line["draw_s"], "s", 2.5, 1.0, line["encode_s"], "its encoder alone"),
    ]
    settings = {
        "seconds": given.seconds,
        "audio": given.audio,
        "rounds": given.rounds,
        "cores": os.cpu_count(),
        "load_1min": loads,
    }
    Result("studio", budgets, lines, settings, measures=measures).tell(given.json)


if __name__ == "__main__":
    main()
