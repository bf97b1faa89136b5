"""The child: weights of one folder on one device; orders on standard input, lines on the output.

    {"render": {...}}   make a film; the weights are loaded with the first, and stay
    {"stop": JOB}       stop at the next step, if that is the job

    {"stage": "waiting" | "loading" | "decoding" | "encoding"}   {"step": 3, "of": 30}
    {"done": {"frame_count": 80, "fps": 16, "width_px": 832, "height_px": 480}}
    {"failed": {"word": "order" | "weights" | "memory" | "broken", "text": "..."}}
    {"stopped": JOB}

It is run as a file, by an interpreter that has diffusers and PyAV and perhaps nothing of ours. It
reaches no network: the libraries are told that they are offline, and a socket to anywhere is
refused by the interpreter. It runs no code of a folder: safetensors only, nothing remote, and
what a folder may name was looked at before (`_local_diffusers_weights`). It dies with its parent.

Facts (CODE, RUN: diffusers 0.42.1, torch 2.13): an exception from `callback_on_step_end` ends a
film; the pipelines' own interrupt flag would return a half-denoised one. Nothing stops inside a
step, nor while the film is decoded: for that a child is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeAlias

OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "DIFFUSERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
NETWORK: Final = frozenset(
    {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"}
)
"""Audit events of the interpreter that mean a way out of this machine, or into it."""

X264: Final = {"crf": "18", "x264-params": "mbtree=0"}
"""Without its macroblock-tree libx264 makes the same film of the same frames every time."""

ORPHANED: Final = 3
NICE: Final = 5
TEXT_MAX: Final = 300
_PR_SET_PDEATHSIG: Final = 1
"""Source: prctl(2), linux/prctl.h."""

Say = Callable[[Mapping[str, Any]], None]
Order = Mapping[str, Any]
Theirs: TypeAlias = Any
"""What a library hands out: it is imported late, by an interpreter that is perhaps not ours."""


class Stopped(Exception):
    """Nobody wants this film any more."""


class Failed(Exception):
    """There will be no film; `word` says why."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


class Desk:
    """What comes in, read by a thread of its own: a stop is heard while a film is made."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._unwanted: str | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def orders(self) -> Iterator[Order]:
        """Return orders as they come."""
        while (order := self._orders.get()) is not None:
            yield order

    def wants(self, job: str) -> bool:
        """Say whether nobody has said stop."""
        return self._unwanted != job

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            said = json.loads(line)
            if "stop" in said:
                self._unwanted = said["stop"]
            elif "render" in said:
                self._orders.put(said["render"])
        os._exit(ORPHANED)  # whoever wanted films is gone, however that came


class Studio:
    """The weights of this child, as the pipelines they were asked for by."""

    def __init__(self, say: Say, desk: Desk) -> None:
        self._say = say
        self._desk = desk
        self._pipes: dict[str, Theirs] = {}
        self._lock = -1
        self.is_loaded = False

    def film(self, order: Order) -> Mapping[str, Any]:
        """Make a film, and return what it is.

        Raises:
            Stopped, Failed: there is none.
        """
        if not self._pipes:
            self._occupy(order["device_lock"])
            self._say({"stage": "loading"})
            self._pipes[order["pipeline"]] = _loaded(order)
            self.is_loaded = True
        elif order["pipeline"] not in self._pipes:
            first = next(iter(self._pipes.values()))
            self._pipes[order["pipeline"]] = _beside(first, order["pipeline"])
        if not self._desk.wants(order["job"]):
            raise Stopped
        frames = self._drawn(order, self._pipes[order["pipeline"]])
        self._say({"stage": "encoding"})
        return _encoded(frames, order)

    def _occupy(self, path: str) -> None:
        """Take the device; another process of ours may have it, and then we wait."""
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say({"stage": "waiting"})
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _drawn(self, order: Order, pipe: Theirs) -> Theirs:
        torch = import_module("torch")
        words = _words(order, pipe, torch)

        def step(_pipe: Theirs, index: int, _at: Theirs, kept: dict[str, Any]) -> dict[str, Any]:
            of = int(pipe.num_timesteps)
            self._say({"step": index + 1, "of": of})
            if not self._desk.wants(order["job"]):
                raise Stopped
            if index + 1 >= of:
                self._say({"stage": "decoding"})
            return kept

        with torch.inference_mode():
            return pipe(**words, callback_on_step_end=step).frames[0]


def _loaded(order: Order) -> Theirs:
    """Load a pipeline from its folder, onto its device."""
    torch, diffusers = import_module("torch"), import_module("diffusers")
    device = _device(order["device"], torch)
    pipe = getattr(diffusers, order["pipeline"]).from_pretrained(
        order["folder"],
        dtype=_dtype(order["dtype"], device, torch),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    pipe.set_progress_bar_config(disable=True)
    match order["offload"]:
        case "model":
            pipe.enable_model_cpu_offload(device=device)
        case "sequential":
            pipe.enable_sequential_cpu_offload(device=device)
        case _:
            pipe.to(device)
    return pipe


def _beside(pipe: Theirs, name: str) -> Theirs:
    """Make another pipeline of the weights of one that is loaded.

    The library's own `from_pipe` would do, but converts what is shared to one type of number.
    """
    kind = getattr(import_module("diffusers"), name)
    takes = inspect.signature(kind.__init__).parameters
    parts = {**pipe.config, **pipe.components}
    made = kind(**{part: value for part, value in parts.items() if part in takes})
    made.set_progress_bar_config(disable=True)
    return made


def _device(name: str, torch: Theirs) -> str:
    """Return the device that is meant.

    >>> _device("cuda:1", None)
    'cuda:1'
    """
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype(name: str, device: str, torch: Theirs) -> Theirs:
    if name == "auto":
        name = "float32" if device == "cpu" else "bfloat16"
    return getattr(torch, name)


def _words(order: Order, pipe: Theirs, torch: Theirs) -> dict[str, Any]:
    """Return what a pipeline is called with: what its signature takes, and nothing unsaid."""
    takes = inspect.signature(type(pipe).__call__).parameters
    said: dict[str, Any] = {
        "prompt": order["prompt"],
        "negative_prompt": order["negative_prompt"],
        "width": order["drawn_width_px"],
        "height": order["drawn_height_px"],
        "num_frames": order["drawn_frame_count"],
        "frame_rate": order["fps"],
        "num_inference_steps": order["steps"],
        "guidance_scale": order["guidance"],
        **_images(order),
    }
    words = {name: value for name, value in said.items() if value is not None and name in takes}
    # A generator of the CPU draws the same noise for every device.
    generator = torch.Generator().manual_seed(order["seed"])
    return {**words, "generator": generator, "output_type": "np"}


def _images(order: Order) -> dict[str, Any]:
    """Open the callers' images, and cut them to the frame."""
    image, ops = import_module("PIL.Image"), import_module("PIL.ImageOps")
    size = (order["drawn_width_px"], order["drawn_height_px"])
    names = {"first_frame": "image", "last_frame": "last_image"}
    opened: dict[str, Any] = {}
    for role, path in order["images"].items():
        try:
            with image.open(path) as still:
                opened[names[role]] = ops.fit(ops.exif_transpose(still).convert("RGB"), size)
        except (OSError, ValueError) as error:
            raise Failed("order", f"{role}: {type(error).__name__}") from error
    return opened


def _encoded(frames: Theirs, order: Order) -> Mapping[str, Any]:
    """Cut what was drawn to what was asked for, and make an MP4 of it."""
    av, np = import_module("av"), import_module("numpy")
    width, height, count = order["width_px"], order["height_px"], order["frame_count"]
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    wanted = frames[:count, top : top + height, left : left + width]
    if wanted.shape[:3] != (count, height, width):
        raise Failed("broken", f"drew {frames.shape}, which is less than was asked for")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(order["film"], "w", format="mp4", options=options) as film:
        stream = film.add_stream("libx264", rate=order["fps"], options=dict(X264))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for drawn in wanted:
            pixels = (drawn.clip(0, 1) * 255 + 0.5).astype(np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode(None))
    return {"frame_count": count, "fps": order["fps"], "width_px": width, "height_px": height}


def _failure(error: Exception, *, is_loaded: bool) -> dict[str, str]:
    """Put what a library raised into our words; what it says may quote a prompt, once it has one.

    >>> _failure(KeyError("a cat"), is_loaded=True)
    {'word': 'broken', 'text': 'KeyError'}
    """
    if isinstance(error, Failed):
        return {"word": error.word, "text": str(error)}
    if type(error).__name__ == "OutOfMemoryError":
        return {"word": "memory", "text": "the device has too little"}
    if not is_loaded:
        return {"word": "weights", "text": f"{type(error).__name__}: {error}"[:TEXT_MAX]}
    return {"word": "broken", "text": type(error).__name__}


# -- alone --------------------------------------------------------------------------------------


def _die_with(parent_pid: int) -> None:
    """Have the kernel end us when our parent ends; the desk hears of it besides."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(ORPHANED)


def _stay_at_home(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every way out of this machine; a hook that can never be taken away."""
    if event in NETWORK:
        raise PermissionError(f"{event} is not for a renderer")
    del arguments


def _own_line() -> Say:
    """Take standard output for ourselves; what libraries print goes where they complain."""
    line = os.dup(1)
    os.dup2(2, 1)
    turn = threading.Lock()

    def say(words: Mapping[str, Any]) -> None:
        with turn:
            os.write(line, json.dumps(words).encode() + b"\n")

    return say


def main() -> None:
    """Make films until nobody wants any."""
    _die_with(int(sys.argv[1]))
    os.environ.update(OFFLINE)
    sys.addaudithook(_stay_at_home)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    os.umask(0o077)
    say, desk = _own_line(), Desk()
    studio = Studio(say, desk)
    for order in desk.orders():
        Path(order["film"]).unlink(missing_ok=True)
        try:
            say({"done": studio.film(order)})
        except Stopped:
            say({"stopped": order["job"]})
        except Exception as error:  # noqa: BLE001 -- the outermost frame of this process
            failure = _failure(error, is_loaded=studio.is_loaded)
            say({"failed": failure})
            if failure["word"] != "order":
                return  # what state a device is in then, nobody knows: the next film gets another


if __name__ == "__main__":
    main()
