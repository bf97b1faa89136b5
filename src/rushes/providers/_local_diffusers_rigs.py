"""Rigs: a device each, and a child process that renders on it, one film at a time.

A child keeps its weights between films. It is ended when another model is wanted, when nobody
has wanted it for a while, and whenever a film is no longer wanted and it does not stop by itself.
What it says are lines of JSON, see `_local_diffusers_child`; what it made counts once its end is
written into the folder of the job, and until then anybody may begin it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from rushes.providers._local_diffusers_jobs import Claim, Jobs, Said

DEATHS_MAX: Final = 2
"""So many children may die at one job; then the job is what kills them."""

DENOISED: Final = 95
STAGES: Final[Mapping[str, int]] = {"waiting": 0, "loading": 0, "decoding": 96, "encoding": 98}
"""Where a film is while no step is told, in percent."""

STDERR_BYTES_MAX: Final = 16 * 1024
CHILD: Final = Path(__file__).with_name("_local_diffusers_child.py")
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_KEPT_BEGINNINGS: Final = ("CUDA_", "NVIDIA_", "HIP_", "ROCR_", "PYTORCH_", "OMP_", "MKL_")
"""What a child gets of our environment: how to reach its device, and no secret."""

_log: Final = logging.getLogger(__name__)


class Wire(Protocol):
    """The way to a child; `lines` ends with the child."""

    async def say(self, words: Said) -> None:
        """Tell the child; one that is gone is not told, and that is no error."""
        ...

    def lines(self) -> AsyncIterator[Said]:
        """Return what the child says, from here on."""
        ...

    def kill(self) -> None:
        """End the child at once."""
        ...


Start = Callable[[], AbstractAsyncContextManager[Wire]]
"""Starts a child; when the context ends it is gone, whatever happened."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How children render: `folder` has the models; `place` is where devices are locked."""

    folder: Path
    place: Path
    dtype: str = "auto"
    offload: str = "none"
    idle_s: float = 600.0
    stop_s: float = 20.0


@dataclass(slots=True, eq=False)
class Work:
    """A job that is ours to render. `strange` is a line that nobody understood, until told.

    `made` is the name of the film while it is made: another one for every child that tries.
    """

    job_id: str
    order: Said
    claim: Claim
    progress: int = 0
    is_unwanted: bool = False
    lines_heard: int = 0
    strange: str = ""
    made: str = ""
    wire: Wire | None = None
    timer: asyncio.TimerHandle | None = None
    stepped: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Rigs:
    """All rigs of a provider, and the jobs that wait for them; wants a running loop."""

    def __init__(self, jobs: Jobs, setting: Setting, devices: Sequence[str], start: Start) -> None:
        self._jobs = jobs
        self._setting = setting
        self._devices = tuple(devices)
        self._start = start
        self._works: dict[str, Work] = {}
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def in_hand(self) -> int:
        """How many jobs are rendered or wait here."""
        return len(self._works)

    def look(self, job_id: str) -> Work | None:
        """Return a job that is ours; None if it is not, or not any more."""
        return self._works.get(job_id)

    def begin(self, job_id: str, order: Said, claim: Claim) -> None:
        """Have a job rendered, as soon as a rig is free."""
        work = self._works[job_id] = Work(job_id, order, claim)
        self._queue.put_nowait(work)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._run(each)) for each in self._devices]

    async def stop(self, job_id: str) -> None:
        """Let go of a job whose end is written: at the next step, or with its child."""
        work = self._works.get(job_id)
        if work is None:
            return
        work.is_unwanted = True
        if work.wire is None:
            self._let_go(work)
        else:
            await self._stop(work, work.wire)

    async def wait(self, job_id: str) -> None:
        """Wait until a job is not ours any more; its bound is whoever cancels it."""
        work = self._works.get(job_id)
        if work is not None:
            await work.over.wait()

    async def close(self) -> None:
        """End every child; what they were at is begun again by whoever looks next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for work in list(self._works.values()):
            self._let_go(work)

    # -- one device ---------------------------------------------------------------------------

    async def _run(self, device: str) -> None:
        left: Work | None = None
        while True:
            work = left or await self._next()
            left = None
            try:
                async with self._start() as wire:
                    left = await self._stint(device, wire, work)
            except OSError as error:
                _log.warning("a renderer cannot be started: %s", type(error).__name__)
                await self._died(work, is_its_doing=True)

    async def _next(self) -> Work:
        """Return the next job that somebody still wants."""
        while True:
            work = await self._queue.get()
            if self._works.get(work.job_id) is work:
                return work

    async def _stint(self, device: str, wire: Wire, work: Work) -> Work | None:
        """Have a child make films until it ends or is not wanted; return a job left to others."""
        weights, is_fresh = self._weights(work), True
        lines = wire.lines()
        while self._weights(work) == weights:
            said_before = work.lines_heard
            if not await self._film(device, wire, lines, work):
                await self._died(work, is_its_doing=is_fresh or work.lines_heard > said_before)
                return None
            is_fresh = False
            try:
                async with asyncio.timeout(self._setting.idle_s):
                    work = await self._next()
            except TimeoutError:
                return None
        return work

    def _weights(self, work: Work) -> tuple[object, object]:
        """Return what a child must have loaded; what moves weights knows one pipeline only."""
        is_moved = self._setting.offload != "none"
        return work.order.get("model"), work.order.get("pipeline") if is_moved else None

    async def _film(self, device: str, wire: Wire, lines: AsyncIterator[Said], work: Work) -> bool:
        """Have one film made; say whether the child is still there."""
        if work.is_unwanted or self._jobs.has_ended(work.job_id):
            self._let_go(work)
            return True
        self._jobs.clear(work.job_id)
        work.wire, work.progress = wire, 0
        work.made = f"made.{secrets.token_hex(4)}.mp4"
        await wire.say({"render": self._told(device, work)})
        try:
            async for said in lines:
                if await self._heard(work, said):
                    self._let_go(work)
                    return True
                if not work.is_unwanted and self._jobs.has_ended(work.job_id):
                    work.is_unwanted = True  # canceled by another process
                    await self._stop(work, wire)
        finally:
            work.wire = None
        return False

    def _told(self, device: str, work: Work) -> dict[str, Any]:
        """Complete an order by what is not the same on every machine."""
        setting, job_id = self._setting, work.job_id
        plain = device.replace(":", "-").replace("/", "-")
        return {
            **work.order,
            "job": job_id,
            "folder": str(setting.folder / str(work.order.get("model"))),
            "film": str(self._jobs.place(job_id, work.made)),
            "images": {
                name: str(self._jobs.place(job_id, name)) for name in work.order.get("images", ())
            },
            "device": device,
            "device_lock": str(setting.place / f"device-{plain}.lock"),
            "dtype": setting.dtype,
            "offload": setting.offload,
        }

    async def _heard(self, work: Work, said: Said) -> bool:
        """Take in a line of a child; say whether the job is over for it."""
        work.lines_heard += 1
        match said:
            case {"step": int(step), "of": int(of)} if 0 <= step <= of and of:
                self._progress(work, DENOISED * step // of)
                work.stepped.set()
            case {"stage": str(stage)} if stage in STAGES:
                self._progress(work, max(work.progress, STAGES[stage]))
            case {"stopped": _}:
                return True
            case {"done": dict(made)}:
                return await self._done(work, made)
            case {"failed": dict(why)}:
                if why.get("word") == "weights":  # nothing of a task was read yet
                    _log.warning(
                        "%s cannot be loaded: %s", work.order.get("model"), why.get("text")
                    )
                return await self._settled(work, {"failed": why})
            case _:
                work.strange = "a line that is none of ours"
        return False

    def _progress(self, work: Work, progress: int) -> None:
        work.progress = progress
        with contextlib.suppress(OSError):
            work.claim.tell(progress)

    async def _done(self, work: Work, made: Said) -> bool:
        try:
            size_bytes = await asyncio.to_thread(self._jobs.keep, work.job_id, work.made)
        except OSError as error:
            why = {"word": "broken", "text": f"no film: {type(error).__name__}"}
            return await self._settled(work, {"failed": why})
        return await self._settled(work, {"done": {**made, "size_bytes": size_bytes}})

    async def _settled(self, work: Work, end: Said) -> bool:
        """Write how a job ended; where it cannot be written, it is begun again by a later look."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._jobs.settle, work.job_id, end)
        return True

    async def _died(self, work: Work, *, is_its_doing: bool) -> None:
        """A child is gone, and a job with it: it gets another, unless it is what kills them."""
        if self._works.get(work.job_id) is not work:
            return
        if work.is_unwanted or self._jobs.has_ended(work.job_id):
            self._let_go(work)
            return
        try:
            deaths = self._jobs.died(work.job_id) if is_its_doing else 0
        except OSError:
            self._let_go(work)
            return
        if deaths < DEATHS_MAX:
            self._queue.put_nowait(work)
            return
        text = f"{deaths} processes died at it; is there memory enough?"
        await self._settled(work, {"failed": {"word": "died", "text": text}})
        self._let_go(work)

    async def _stop(self, work: Work, wire: Wire) -> None:
        """Ask a child to stop at its next step, and end it if that takes too long."""
        if work.timer is None:
            loop = asyncio.get_running_loop()
            work.timer = loop.call_later(self._setting.stop_s, wire.kill)
        await wire.say({"stop": work.job_id})

    def _let_go(self, work: Work) -> None:
        if work.timer is not None:
            work.timer.cancel()
        self._works.pop(work.job_id, None)
        work.claim.release()
        work.over.set()


# -- real children ------------------------------------------------------------------------------


class _Pipes:
    """The way to a child over its standard input and output."""

    def __init__(
        self,
        child: asyncio.subprocess.Process,
        told: asyncio.StreamWriter,
        said: asyncio.StreamReader,
    ) -> None:
        self._child = child
        self._told = told
        self._said = said

    async def say(self, words: Said) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._told.write(msgspec.json.encode(words) + b"\n")
            await self._told.drain()

    async def lines(self) -> AsyncIterator[Said]:
        with contextlib.suppress(ValueError):  # a line without end
            async for line in self._said:
                yield _read(line)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()


def processes(python: str) -> Start:
    """Return what starts real children, with an interpreter that has diffusers."""

    @asynccontextmanager
    async def start() -> AsyncIterator[Wire]:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            python, "-I", "-u", str(CHILD), str(os.getpid()),
            stdin=pipe, stdout=pipe, stderr=pipe, env=dict(_environment()),
        )  # fmt: skip
        told, said, errors = child.stdin, child.stdout, child.stderr
        if told is None or said is None or errors is None:
            raise OSError("a child without pipes")
        drain = asyncio.create_task(_drain(errors))
        wire = _Pipes(child, told, said)
        try:
            yield wire
        finally:
            wire.kill()
            drain.cancel()
            await child.wait()
            told.close()

    return start


def own_python() -> str:
    """Return the interpreter that runs us: with `rushes[diffusers]` it has all that is needed."""
    return sys.executable


def _environment() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if name in _KEPT or name.startswith(_KEPT_BEGINNINGS):
            yield name, value


def _read(line: bytes) -> Said:
    """Read one line of a child; one that is no object is a strange one."""
    try:
        said: Said = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return said


async def _drain(stream: asyncio.StreamReader) -> None:
    """Read what the libraries of a child complain of, and keep nothing: it may quote a prompt."""
    while await stream.read(STDERR_BYTES_MAX):
        pass
