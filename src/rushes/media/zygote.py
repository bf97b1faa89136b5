"""The zygote of `children.py`: has imported what reads films, touches none, and forks for each.

    python -I … PARENT_PID, with a socket as standard input

Messages are JSON, one in each packet. In: a film (`film`, its number; `limits`; with film,
output, complaints and working folder as descriptors), or a number whose child is to `end`. Out:
0 once films are taken; then, for each film, the `code` its child ended with, or the `errno`
for want of which there was none.

It has one thread, or it ends before the first film: a fork of several may copy a lock that
nobody will ever open. (PyAV starts threads only for a decoder that is asked to have some;
Pillow has none; c2pa starts none when it is imported; no NumPy is here.) It is nobody's to
trace, and holds no secret: its
environment is empty, and nothing that a film says comes back to it.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from rushes.media.confinement import die_with

EXIT_UNFIT: Final = 3
"""Something started a thread, so that a fork is not safe here."""

MESSAGE_BYTES_MAX: Final = 4_096
FILES_MAX: Final = 64
DESCRIPTORS: Final = 4
"""Film, output, complaints, working folder."""

_SET_DUMPABLE: Final = 4  # linux/prctl.h
Look = Callable[[list[str]], int]
"""What a child does, with arguments like those of `inspector_child.main`; it returns a code."""


def main(arguments: list[str], look: Look, warm_up: Callable[[], None] | None = None) -> int:
    """Fork a child for every film that is asked for, until nobody asks any more.

    `look` is what each does; whatever it needs is imported by now. `warm_up` is done once.
    """
    _give_up(parent=int(arguments[-1]))
    if warm_up is not None:
        warm_up()
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        return EXIT_UNFIT
    gc.collect()
    gc.freeze()  # a collection would write to every page, and have each child copy it
    gc.disable()
    with socket.socket(fileno=os.dup(0)) as line:
        os.dup2(1, 0)
        Forks(line, look).serve()
    return 0


def _give_up(*, parent: int) -> None:
    die_with(parent)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))


class Forks:
    """The children of this process, each with the number of its film."""

    def __init__(self, line: socket.socket, look: Look) -> None:
        self._line = line
        self._look = look
        self._pid = os.getpid()
        self._children: dict[int, int] = {}
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wakes, False)

    def serve(self) -> None:
        """Fork and bury until our parent hangs up."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self._line, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        self._say(film=0, code=0)
        is_open = True
        while is_open:
            for descriptor, _ in poller.poll():
                if descriptor == self._woken:
                    os.read(self._woken, MESSAGE_BYTES_MAX)
                    self._bury()
                else:
                    is_open = self._hear()
        for pid in self._children:
            _kill(pid)

    def _hear(self) -> bool:
        """Do what our parent asks; False if it hung up."""
        message, descriptors, _, _ = socket.recv_fds(self._line, MESSAGE_BYTES_MAX, DESCRIPTORS)
        if not message:
            return False
        wish = json.loads(message)
        if "end" in wish:
            for pid, number in self._children.items():
                if number == wish["end"]:
                    _kill(pid)
            return True
        try:
            self._fork(wish["film"], wish["limits"], descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, number: int, limits: str, descriptors: Sequence[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._say(film=number, errno=error.errno or errno.EAGAIN)
            return
        if not pid:
            self._be_child(limits, descriptors)
        self._children[pid] = number

    def _be_child(self, limits: str, descriptors: Sequence[int]) -> NoReturn:
        """Let go of all that is the zygote's, and look at the film."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with(self._pid)
            os.setsid()
            film, said, complained, folder = descriptors
            for descriptor, ours in enumerate((film, said, complained)):
                os.dup2(ours, descriptor)
            os.fchdir(folder)
            self._line.detach()
            os.closerange(3, FILES_MAX)
            gc.enable()
            ended = self._run(limits)
            sys.stdout.flush()
            code = ended
        except BaseException:  # noqa: BLE001 -- the outermost frame of this process
            traceback.print_exc()
        finally:
            os._exit(code)

    def _run(self, limits: str) -> int:
        try:
            return self._look(["", limits, str(self._pid)])
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1

    def _bury(self) -> None:
        """Take leave of every child that ended, once its group has."""
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                break
            _kill(ended.si_pid)  # it still has its number, so that nobody else can
            _, status = os.waitpid(ended.si_pid, 0)
            number = self._children.pop(ended.si_pid)
            self._say(film=number, code=os.waitstatus_to_exitcode(status))

    def _say(self, **told: int) -> None:
        self._line.send(json.dumps(told).encode())


def _kill(pid: int) -> None:
    """Kill a child that was not buried yet, and its group, which it may not have made yet."""
    for kill in (os.kill, os.killpg):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
