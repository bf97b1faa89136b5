"""Seconds for a film of the built-in engine at three sizes and in each place, beside its encoder.

    python benchmarks/studio.py [--seconds S] [--audio]

`draw` is one child of the studio from start to a finished MP4: what the farm runs. `road` is
what a caller waits from `POST` to `succeeded` on `rushes serve`: the same, and storing, decoding
to the end, and its stills. `encode` is the studio's encoder alone, given a moving
gradient, in the same two processes: what pictures that cost nothing to draw would take. Each
of the twelve places is drawn at 720p; its CPU seconds are of both processes, its peak memory that
of the larger one, as the kernel counts them.
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
PLACES = {
    "sea": "A sailboat on the sea at sunset, camera pans right",
    "city": "A neon city street at night in the rain, tracking shot",
    "forest": "A red fox runs through a snowy forest at dawn, slow pan right",
    "mountain": "Snowy mountains in the morning, drone shot",
    "desert": "Camels cross desert dunes at sunset, pan left",
    "space": "An astronaut floats in outer space before a planet, push in",
    "underwater": "A turtle and fish over a coral reef, orbit",
    "meadow": "A girl with a kite in a flower field, crane up",
    "sky": "Hot air balloons above the clouds at dawn, aerial",
    "road": "A car on a country road at dusk, tracking shot",
    "window": "A cat by the window of a cozy room, rain outside, push in",
    "abstract": "Abstract flowing shapes, neon, zoom in",
}
"""A prompt for each place, each with a camera that moves: one at rest costs less."""

COST = Path(__file__).with_name("cost.py")
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
    cpu_s: float | None = None
    peak_mb: float | None = None


def drawn(name: str, size: str, order: Order, path: Path) -> Measure:
    """Run a child of the studio, as the farm does; return what it took."""
    job = msgspec.json.encode(Job(order, str(path)))
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(COST), sys.executable, "-P", "-m", "rushes.studio"],
        input=job + b"\n",
        stdout=subprocess.PIPE,
        check=True,
    )
    cost = json.loads(run.stdout)
    return Measure(name, size, order.spec.prompt, size_bytes=path.stat().st_size, **cost)


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
            one = [drawn("draw", name, Order(spec, label_of("sandbox")), path)]
            wish = {"model": "sandbox", "prompt": prompt, "seconds": given.seconds}
            wish |= {"size": str(size), "generate_audio": given.audio, "seed": number}
            one.append(Measure("road", name, prompt, *caller.film(wish)))
            one.append(Measure("encode", name, prompt, *encoded(size, given.seconds, folder)))
            yield from one if number else []  # the first round warms


def tour(given: Any, folder: Path) -> Iterator[Measure]:
    """Draw each place at 720p, one after another, so that noise is shared."""
    for number in range(given.rounds + 1):
        for place, prompt in PLACES.items():
            spec = replace(
                a_spec(),
                prompt=prompt,
                size=SIZES["720p"],
                seconds=given.seconds,
                with_audio=given.audio,
                seed=number,
                assets=(),
            )
            order = Order(spec, label_of("sandbox"))
            one = drawn(place, "720p", order, folder / "film.mp4")
            yield from [one] if number else []  # the first round warms


def of_places(measures: Sequence[Measure], encode_s: float) -> dict[str, dict[str, float]]:
    """Return medians by place."""
    lines: dict[str, dict[str, float]] = {}
    for place in PLACES:
        mine = [one for one in measures if one.name == place]
        lines[place] = {
            "draw_s": middle(one.took_s for one in mine),
            "draw_s_max": middle([max(one.took_s for one in mine)]),
            "draw_mb": middle(one.size_bytes / MB for one in mine),
            "cpu_s": middle(one.cpu_s or 0.0 for one in mine),
            "peak_mb": middle([max(one.peak_mb or 0.0 for one in mine)]),
            "encode_s": encode_s,
        }
    return lines


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
        mine = [one for one in measures if one.size == size and one.name == "draw"]
        line["cpu_s"] = middle(one.cpu_s or 0.0 for one in mine)
        line["peak_mb"] = middle([max(one.peak_mb or 0.0 for one in mine)])
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
        toured = list(tour(given, folder))
    loads.append(load_1min())
    lines = summary(measures)
    line = lines["720p"]
    places = of_places(toured, line["encode_s"])
    columns = ("draw_s", "draw_s_max", "road_s", "road_s_max", "encode_s", "draw_mb")
    columns += ("cpu_s", "peak_mb")
    show(
        f"{given.seconds} s at {FPS} fps",
        ("draw s", "slowest", "road s", "slowest", "encode s", "MB", "CPU s", "peak MB"),
        [
            (name, *(one.get(column, "-") for column in columns))
            for name, one in {**lines, **places}.items()
        ],
    )
    slowest = max(one["draw_s"] for one in places.values())
    beside = line["encode_s"], "its encoder alone"
    budgets = [
        Budget("720p film", line["draw_s"], "s", 2.5, 1.0, *beside),
        Budget("720p film of the slowest place", slowest, "s", 2.5, 1.0, *beside),
    ]
    settings = {
        "seconds": given.seconds,
        "audio": given.audio,
        "rounds": given.rounds,
        "cores": os.cpu_count(),
        "load_1min": loads,
    }
    told = [*measures, *toured]
    Result("studio", budgets, {**lines, **places}, settings, measures=told).tell(given.json)


if __name__ == "__main__":
    main()
