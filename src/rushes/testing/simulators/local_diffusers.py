"""The child of `local_diffusers` without weights: a film of 64x64 px, and faults by script.

Written from the lines at the head of `_local_diffusers_child`. In a test the children of a
`Bench` are made by hand: nothing moves until the test says so. In a journey this file is run in
place of an interpreter, with the arguments of a real child, and moves by itself:

    RENDER_S=0.5 LOG=renders.jsonl python -m rushes.testing.simulators.local_diffusers … PARENT
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from rushes.providers._local_diffusers_jobs import Said
from rushes.providers._local_diffusers_rigs import Wire
from rushes.studio.kinship import die_with_parent
from rushes.testing.simulators.films import tiny_film

PATIENCE_S: Final = 10.0
STEPS: Final = 4
WAN: Final[dict[str, Any]] = {
    "_class_name": "WanPipeline",
    "_diffusers_version": "0.42.1",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "transformer_2": [None, None],
    "vae": ["diffusers", "AutoencoderKLWan"],
}


def a_model(folder: Path, index: Mapping[str, Any] = WAN) -> Path:
    """Write a folder of weights that has everything but weights."""
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    for name, said in index.items():
        if isinstance(said, list) and said[0] is not None:
            (folder / name).mkdir()
            (folder / name / "config.json").write_text("{}")
            (folder / name / "model.safetensors").touch()
    return folder


class Child:
    """A child that was made by hand: what it was told, and what it is to say."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._saying: asyncio.Queue[Said | None] = asyncio.Queue()
        self.told: list[Said] = []
        self.is_gone = False

    @property
    def order(self) -> Said:
        """The order it was told last."""
        return cast("Said", next(said["render"] for said in self.told[::-1] if "render" in said))

    async def say(self, words: Said) -> None:
        """Take in a line of our provider; a stop is obeyed at once, unless it is deaf."""
        self.told.append(words)
        if "render" in words:
            self._bench.begun.put_nowait(self)
        elif not self._bench.is_deaf:
            self._saying.put_nowait({"stopped": words["stop"]})

    async def lines(self) -> AsyncIterator[Said]:
        """Say what it is to say, until it is gone."""
        while (said := await self._saying.get()) is not None:
            yield said
            self._saying.task_done()  # whoever heard it has come back for more
        self._saying.task_done()

    def kill(self) -> None:
        """Be gone."""
        self.is_gone = True
        self._saying.put_nowait(None)

    async def utter(self, words: Said) -> None:
        """Say a line, and wait until it was taken in."""
        self._saying.put_nowait(words)
        async with asyncio.timeout(PATIENCE_S):
            await self._saying.join()

    def end(self, words: Said | None = None) -> None:
        """Say the last line of a film; by default it is made."""
        if words is None:
            Path(str(self.order["film"])).write_bytes(tiny_film())
            words = {"done": {"frame_count": 8, "fps": 8, "width_px": 64, "height_px": 64}}
        self._saying.put_nowait(words)


class Bench:
    """Where children are made by hand; `begun` are those that were told to render."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[Child] = asyncio.Queue()
        self.children: list[Child] = []
        self.is_deaf = False

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Wire]:
        """Make a child."""
        child = Child(self)
        self.children.append(child)
        try:
            yield child
        finally:
            child.is_gone = True

    async def next(self) -> Child:
        """Wait for a child to be told to render."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.begun.get()


# -- a process ----------------------------------------------------------------------------------


def _say(words: Said) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _note(order: Said, event: str) -> None:
    if log := os.environ.get("LOG"):
        entry = {"job": order["job"], "event": event, "pid": os.getpid()}
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _read(orders: queue.SimpleQueue[Said], unwanted: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        said = json.loads(line)
        if "render" in said:
            orders.put(said["render"])
        else:
            unwanted.put(said["stop"])
    os._exit(3)


def _film(order: Said, unwanted: queue.SimpleQueue[str], render_s: float) -> Said:
    for step in range(1, STEPS + 1):
        try:
            if unwanted.get(timeout=render_s / STEPS) == order["job"]:
                return {"stopped": order["job"]}
        except queue.Empty:
            _say({"step": step, "of": STEPS})
    Path(order["film"]).write_bytes(tiny_film())
    return {"done": {"frame_count": 8, "fps": 8, "width_px": 64, "height_px": 64}}


def run() -> None:
    """Be a child, until nobody wants films any more."""
    die_with_parent(int(sys.argv[-1]))
    orders: queue.SimpleQueue[Said] = queue.SimpleQueue()
    unwanted: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders, unwanted), daemon=True).start()
    while True:
        order = orders.get()
        _note(order, "begun")
        end = _film(order, unwanted, float(os.environ.get("RENDER_S", "0.5")))
        _note(order, next(iter(end)))
        _say(end)


if __name__ == "__main__":
    run()
