"""Processes that look at one film each, and have next to nothing to lose.

Two ways to come by one. `FreshChildren` starts Python for every film: a third of a second, most
of it imports. `ForkedChildren` keeps one process that has imported all of it and touches no film
(`zygote.py`), and has it fork a child for each: milliseconds. Either child gives up the same,
is killed as a group, and dies with its parent.

A forked child shares no memory with its siblings that either could write, and holds no
descriptor but its film and what it says. It does share where things lie in memory: so a zygote
is replaced after a film broke its child, which may have been a guess, and now and then anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Protocol

import rushes
from rushes.media.inspection import InspectionLimits

GRACE_S: Final = 5.0
"""How long after its own alarm a child is waited for, and a zygote that was asked to end one."""

START_S_MAX: Final = 60.0
"""A zygote that takes longer to import the decoder will not make it."""

FILMS_MAX: Final = 1_000
"""After so many films a zygote is replaced."""

START_FAULTS_MAX: Final = 3
"""After so many zygotes in a row that did not come up, every film has a fresh process."""

MESSAGE_BYTES_MAX: Final = 4_096
COMPLAINT_BYTES_MAX: Final = 16 * 2**10
"""So much of the end of what a child complained of is looked at."""

IS_FORKING: Final = sys.platform == "linux"
"""Only Linux ends a child whose parent died, and passes messages with descriptors whole."""

# An isolated Python finds the packages of its installation, which need not be where we are from.
_LOADER: Final = """
import importlib.util as util, sys
def load(init):
    spec = util.spec_from_file_location("rushes", init)
    sys.modules["rushes"] = package = util.module_from_spec(spec)
    spec.loader.exec_module(package)
"""


def isolated(script: str) -> tuple[str, ...]:
    """Return what runs a script in an isolated Python that has our own code, and no more."""
    return (sys.executable, "-I", "-c", f"{_LOADER}load({rushes.__file__!r})\n{script}")


FRESH: Final = isolated("from rushes.media.inspector_child import main\nsys.exit(main(sys.argv))")
ZYGOTE: Final = isolated(
    "from rushes.media import inspector_child, zygote\n"
    "sys.exit(zygote.main(sys.argv, inspector_child.main, inspector_child.warm_up))"
)


class ZygoteLost(OSError):
    """The zygote has gone, and its children with it; that says nothing of their films."""


class Children(Protocol):
    """Where processes come from that look at a film each."""

    async def run(
        self,
        limits: InspectionLimits,
        *,
        film: IO[bytes],
        said: IO[bytes],
        complained: IO[bytes],
        folder: Path,
    ) -> int:
        """Have a film looked at, and return how its process ended, as `Popen.returncode` does.

        Afterwards it is gone with its whole group, whatever happened.

        Raises:
            OSError: no process could be had, or it was lost; that says nothing of the film.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """How a child ended, what it said up to a bound, and the last line of what it complained of."""

    code: int
    said: bytes
    complaint: str


async def ask(
    children: Children,
    film: Path,
    folder: Path,
    limits_for: Callable[[int], InspectionLimits],
    *,
    bytes_max: int,
) -> Heard:
    """Have a child look at a film, under the limits of its length; it works in `folder`.

    It says `bytes_max` at most, into files: their size is limited like that of any file of the
    child, and nobody waits for whoever else may hold the other end, as with pipes.

    Raises:
        OSError: no child could be had, or it was lost; that says nothing of the film.
    """
    with (
        film.open("rb") as content,
        TemporaryFile(dir=folder) as said,
        TemporaryFile(dir=folder) as complained,
    ):
        limits = limits_for(os.fstat(content.fileno()).st_size)
        code = await children.run(
            limits, film=content, said=said, complained=complained, folder=folder
        )
        said.seek(0)
        return Heard(code, said.read(bytes_max), last_line(complained))


def last_line(file: IO[bytes]) -> str:
    """Return the last line of a file that a child wrote."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - COMPLAINT_BYTES_MAX))
    return file.read().decode(errors="replace").strip().rpartition("\n")[2]


class FreshChildren:
    """Starts a Python for every film; `command` is what it is started with."""

    def __init__(self, command: Sequence[str] = FRESH) -> None:
        self._command = command

    async def run(
        self,
        limits: InspectionLimits,
        *,
        film: IO[bytes],
        said: IO[bytes],
        complained: IO[bytes],
        folder: Path,
    ) -> int:
        """Have a film looked at; see `Children`."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            json.dumps(asdict(limits)),
            str(os.getpid()),
            stdin=film,
            stdout=said,
            stderr=complained,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limits.wall_s + GRACE_S):
                return await process.wait()
        finally:
            await _end(process)


class ForkedChildren:
    """Has a child forked for every film by a zygote, which is started for the first of them.

    `command` starts a zygote. Where none comes up, films have processes of `fresh`.
    """

    def __init__(self, command: Sequence[str] = ZYGOTE, fresh: Children | None = None) -> None:
        self._command = command
        self._fresh = fresh or FreshChildren()
        self._zygote: Zygote | None = None
        self._starting = asyncio.Lock()
        self._start_fault_count = 0

    async def run(
        self,
        limits: InspectionLimits,
        *,
        film: IO[bytes],
        said: IO[bytes],
        complained: IO[bytes],
        folder: Path,
    ) -> int:
        """Have a film looked at; see `Children`."""
        zygote = await self._living()
        if zygote is None:
            return await self._fresh.run(
                limits, film=film, said=said, complained=complained, folder=folder
            )
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptors = (film.fileno(), said.fileno(), complained.fileno(), place)
            code = await zygote.run(limits, descriptors)
        finally:
            os.close(place)
        if code < 0 or zygote.film_count >= FILMS_MAX:
            self._retire(zygote)
        return code

    @property
    def pid(self) -> int | None:
        """Return the zygote's process number, None while there is no zygote."""
        return None if self._zygote is None else self._zygote.pid

    def _retire(self, zygote: Zygote) -> None:
        """Give no more films to a zygote; it ends with the last one that it has."""
        if self._zygote is zygote:
            self._zygote = None

    async def _living(self) -> Zygote | None:
        """Return a zygote that takes films; None if there can be none."""
        async with self._starting:
            if self._zygote is not None and self._zygote.is_alive():
                return self._zygote
            self._zygote = None
            if self._start_fault_count >= START_FAULTS_MAX:
                return None
            zygote = Zygote(self._command)
            try:
                async with asyncio.timeout(START_S_MAX):
                    await zygote.come_up()
            except (ZygoteLost, TimeoutError):
                self._start_fault_count += 1
                return None
            self._start_fault_count = 0
            self._zygote = zygote
            return zygote


class Zygote:
    """Our end of a zygote; whoever lets go of it ends it, and all its children."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start one.

        Raises:
            OSError: there can be no process now.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        complained = TemporaryFile()  # noqa: SIM115 -- closed by `_bury`
        try:
            with theirs:
                process = subprocess.Popen(  # noqa: S603 -- a command of our own
                    (*command, str(os.getpid())),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=complained,
                    cwd="/",
                    env={},
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            complained.close()
            raise
        ours.settimeout(0)
        self.pid: Final = process.pid
        self.film_count = 0
        self._process = process
        self._line = ours
        self._complained = complained
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}
        weakref.finalize(self, _bury, ours, process, complained)

    def is_alive(self) -> bool:
        """Say whether it can be given a film."""
        return self._process.poll() is None

    async def come_up(self) -> None:
        """Wait until it takes films.

        Raises:
            ZygoteLost: it ended instead.
        """
        await self._answer(0)

    async def run(self, limits: InspectionLimits, descriptors: Sequence[int]) -> int:
        """Have a child look at a film; `descriptors` are film, said, complained and folder.

        Raises:
            OSError: there was no process to be had.
            ZygoteLost: the zygote ended.
        """
        number = next(self._numbers)
        self.film_count += 1
        wish = {"film": number, "limits": json.dumps(asdict(limits))}
        self._send(wish, descriptors)
        async with asyncio.timeout(limits.wall_s + GRACE_S):
            return await self._answer(number)

    async def _answer(self, number: int) -> int:
        """Wait for what is said of a film; who stops waiting has it ended first."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        if not self._waiting:  # else nobody hears, and a zygote that is let go of can go
            loop.add_reader(self._line, self._hear)
        self._waiting[number] = answer
        try:
            await asyncio.wait([answer])
        finally:
            if not answer.done():
                await self._stop(number, answer)
            del self._waiting[number]
            if not self._waiting:
                loop.remove_reader(self._line)
        return answer.result()

    async def _stop(self, number: int, answer: asyncio.Future[int]) -> None:
        """End a child and its group; a zygote that does not do so goes, and takes it along."""
        with contextlib.suppress(OSError):
            self._send({"end": number})
            await asyncio.wait([answer], timeout=GRACE_S)
        if not answer.done():
            self._lose()

    def _send(self, message: dict[str, object], descriptors: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._line, [json.dumps(message).encode()], descriptors)
        except (BrokenPipeError, ConnectionResetError):
            raise self._loss() from None

    def _hear(self) -> None:
        try:
            message = self._line.recv(MESSAGE_BYTES_MAX)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            message = b""
        if not message:
            self._lose()
            return
        told = json.loads(message)
        answer = self._waiting.get(told["film"])
        if answer is None or answer.done():
            return
        if "errno" in told:
            answer.set_exception(OSError(told["errno"], os.strerror(told["errno"])))
        else:
            answer.set_result(told["code"])

    def _lose(self) -> None:
        """End the zygote, if it has not; its children are told by the system before we go on."""
        self._process.kill()
        self._process.wait()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._loss())

    def _loss(self) -> ZygoteLost:
        self._complained.seek(0)
        words = self._complained.read(MESSAGE_BYTES_MAX).decode(errors="replace").strip()
        code = self._process.poll()
        return ZygoteLost(f"the zygote ended with {code}: {words.rpartition(chr(10))[2]}")


def _bury(line: socket.socket, process: subprocess.Popen[bytes], complained: IO[bytes]) -> None:
    """End a zygote that nobody holds any more."""
    line.close()
    process.kill()
    process.wait()
    complained.close()


async def _end(process: Process) -> None:
    """Kill a child's whole group, and take leave of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
