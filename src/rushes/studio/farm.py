"""The farm: films being rendered, each by a process of its own, a few at a time.

A film is known by the job it was begun for; to begin it again changes nothing. Finished films
lie in the farm's folder until they are forgotten, or until there are too many or too old ones;
what is gone can be rendered again, and comes out the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import rushes
from rushes.domain.spec import Script
from rushes.studio.order import Job, Line, Order, read_line, write_line

FILMS_MAX: Final = 64
FILM_AGE_S_MAX: Final = 3600.0
PATIENCE_S: Final = 60.0
PATIENCE_A_SECOND_S: Final = 8.0
STDERR_BYTES_MAX: Final = 16 * 1024
SUCCEEDED: Final = "succeeded"
INVALID: Final = "invalid_request"
FAILED: Final = "provider_error"

_PIXELS_720P: Final = 1280 * 720
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_KEPT_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""The child reads files of strangers: it gets no secret to lose."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody asked for this film, or it was forgotten."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Others are before it."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """Somebody is at it; `progress` is 0-99."""

    progress: int


@dataclass(frozen=True, slots=True)
class Done:
    """The film lies at `path`; `take` is another number whenever it was rendered anew."""

    path: Path
    take: int


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no film; `code` is a videos code of CONTRACT §3."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody did not want it any more."""


FarmState: TypeAlias = Unknown | Waiting | Rendering | Done | Failed | Stopped
Ended: TypeAlias = Done | Failed | Stopped


@dataclass(slots=True)
class _Work:
    """A film on its way. Instants are the loop's."""

    begun_at: float
    delay_s: float
    progress: int = 0
    is_rendering: bool = False
    end: Ended | None = None
    ended_at: float = 0.0
    task: asyncio.Task[None] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Farm:
    """Keeps renderers. One farm, one folder, one loop.

    `cores` is how many the machine has for this; half as many films are rendered at once,
    because each of them keeps two busy. `command` starts a child.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cores: int | None = None,
        films_max: int = FILMS_MAX,
        film_age_s_max: float = FILM_AGE_S_MAX,
        patience_s: float = PATIENCE_S,
        patience_a_second_s: float = PATIENCE_A_SECOND_S,
        command: Sequence[str] = (sys.executable, "-P", "-m", "rushes.studio"),
    ) -> None:
        self._folder = folder
        self._films_max = films_max
        self._film_age_s_max = film_age_s_max
        self._patience_s = patience_s
        self._patience_a_second_s = patience_a_second_s
        self._command = tuple(command)
        self._works: dict[str, _Work] = {}
        self._slots = asyncio.Semaphore(max(1, (cores or os.cpu_count() or 1) // 2))
        self._is_open = True
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep_folder()

    def begin(self, job_id: str, order: Order, script: Script | None = None) -> None:
        """Begin a film, unless it is begun or done; wants a running loop.

        Raises:
            RuntimeError: the farm is closed.
        """
        if not self._is_open:
            raise RuntimeError("the farm is closed")
        if not isinstance(self.look(job_id), Unknown):
            return
        script = script or Script()
        work = _Work(asyncio.get_running_loop().time(), max(0.0, script.delay_s))
        self._works[job_id] = work
        work.task = asyncio.create_task(self._work(job_id, work, order, script))

    def look(self, job_id: str) -> FarmState:
        """Say how a film stands."""
        work = self._works.get(job_id)
        if work is None:
            return Unknown()
        if isinstance(work.end, Done) and not work.end.path.exists():
            del self._works[job_id]
            return Unknown()
        if work.end is not None:
            return work.end
        if not work.is_rendering and not work.delay_s:
            return Waiting()
        progress = min(99, work.progress)
        if work.delay_s:
            spent_s = asyncio.get_running_loop().time() - work.begun_at
            shown = 99 if work.progress >= 99 else max(progress, 1)  # noqa: PLR2004 -- all but the end
            progress = min(shown, int(99 * spent_s / work.delay_s))
        return Rendering(progress)

    async def wait(self, job_id: str) -> FarmState:
        """Wait until a film has ended one way or another; its bound is the renderer's own."""
        work = self._works.get(job_id)
        if work is not None:
            await work.over.wait()
        return self.look(job_id)

    async def stop(self, job_id: str) -> bool:
        """End a film that is not done, and its renderer; say whether it was so."""
        work = self._works.get(job_id)
        if work is None:
            work = self._works[job_id] = _Work(0.0, 0.0)
        if work.end is not None:
            return isinstance(work.end, Stopped)
        if work.task is not None:
            work.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work.task
        self._end(work, Stopped())
        return True

    def forget(self, job_id: str) -> None:
        """Remove a film that has ended."""
        work = self._works.get(job_id)
        if work is not None and work.end is not None:
            del self._works[job_id]
            self._path(job_id).unlink(missing_ok=True)

    async def close(self) -> None:
        """End every renderer; finished films stay in the folder."""
        self._is_open = False
        for job_id in list(self._works):
            if self._works[job_id].end is None:
                await self.stop(job_id)

    async def _work(self, job_id: str, work: _Work, order: Order, script: Script) -> None:
        if script.outcome == SUCCEEDED:
            end = await self._film(job_id, work, order)
        else:
            end = Failed(script.outcome, f"as the sandbox script says, after {work.delay_s:g} s")
        rest_s = work.begun_at + work.delay_s - asyncio.get_running_loop().time()
        if rest_s > 0:
            await _ringing(rest_s)
        self._end(work, end)
        self._sweep()

    async def _film(self, job_id: str, work: _Work, order: Order) -> Ended:
        path = self._path(job_id)
        if path.exists():  # rendered before a restart, and whole: it is only put here at the end
            return _done(path)
        async with self._slots:
            work.is_rendering = True
            try:
                async with asyncio.timeout(self._bound_s(order)):
                    return await self._render(path, work, order)
            except TimeoutError:
                return Failed(FAILED, "the renderer took too long, and was ended")
            except OSError as error:
                return Failed(FAILED, f"the renderer could not be run: {error}")
            except ValueError:  # of asyncio's reader
                return Failed(FAILED, "the renderer said a line without end")
            finally:
                for leftover in self._folder.glob(f"{path.name}.*"):  # of one that was killed
                    leftover.unlink(missing_ok=True)

    async def _render(self, path: Path, work: _Work, order: Order) -> Ended:
        async with self._child() as child:
            if child.stdin is None or child.stdout is None or child.stderr is None:
                raise OSError("a child without pipes")
            trouble = asyncio.create_task(_tail(child.stderr))
            try:
                child.stdin.write(write_line(Job(order, str(path), os.getpid())))
                child.stdin.close()
                last = Line()
                async for said in child.stdout:
                    last = read_line(said) or last
                    work.progress = max(work.progress, last.progress or 0)
                code = await child.wait()
                words = (await trouble).decode("utf-8", "replace").strip().splitlines()
            finally:
                trouble.cancel()
        if last.done is not None and code == 0:
            work.progress = 99
            return _done(path)
        if last.error is not None:
            return Failed(INVALID if last.is_order_at_fault else FAILED, last.error)
        return Failed(
            FAILED, f"the renderer ended with {code}: {words[-1] if words else 'silence'}"
        )

    @contextlib.asynccontextmanager
    async def _child(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Start a child; at the end it is gone, whatever happened."""
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
        )
        try:
            yield child
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()  # the second half goes with it, see kinship
                await child.wait()

    def _bound_s(self, order: Order) -> float:
        """How long a renderer may take: far more than it ever needs, but not for ever."""
        size = order.spec.size
        share = max(1.0, size.width_px * size.height_px / _PIXELS_720P * order.fps / 24)
        return self._patience_s + self._patience_a_second_s * order.seconds * share

    def _path(self, job_id: str) -> Path:
        name = job_id if _PLAIN.fullmatch(job_id) else hashlib.sha256(job_id.encode()).hexdigest()
        return self._folder / f"{name}.mp4"

    def _end(self, work: _Work, end: Ended) -> None:
        work.end = end
        work.ended_at = asyncio.get_running_loop().time()
        work.over.set()

    def _sweep(self) -> None:
        """Forget the oldest ends beyond the bounds."""
        now = asyncio.get_running_loop().time()
        ended = [(work.ended_at, job) for job, work in self._works.items() if work.end is not None]
        ended.sort()
        surplus = max(0, len(ended) - self._films_max)
        for index, (ended_at, job_id) in enumerate(ended):
            if index < surplus or now - ended_at > self._film_age_s_max:
                self.forget(job_id)

    def _sweep_folder(self) -> None:
        """Remove what an earlier farm left behind, if it is old."""
        oldest = time.time() - self._film_age_s_max
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < oldest:
                    path.unlink()


async def _ringing(after_s: float) -> None:
    """Wait for a timer."""
    loop = asyncio.get_running_loop()
    rung = loop.create_future()
    timer = loop.call_later(after_s, rung.set_result, None)
    try:
        await rung
    finally:
        timer.cancel()


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end, and return the last of it."""
    tail = b""
    while chunk := await stream.read(STDERR_BYTES_MAX):
        tail = (tail + chunk)[-STDERR_BYTES_MAX:]
    return tail


def _done(path: Path) -> Done:
    return Done(path, path.stat().st_mtime_ns)


def _environment() -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(rushes.__file__).parents[1]), "PYTHONUTF8": "1"}
