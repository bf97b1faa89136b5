"""A nursery: a process that has imported the server, and forks one whenever a test wants one.

What `python -m rushes serve` does before it does anything is to import for a second. A journey
that starts fifty servers should not do that fifty times. A forked child is a process like any
other: it has its own memory, files and signals, and `kill -9` ends it and nothing else.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

KNOWN: Final = (
    "rushes.answering",
    "rushes.app",
    "rushes.cli.callers",
    "rushes.cli.keys",
    "rushes.cli.operators",
    "rushes.cli.serving",
    "rushes.media.images",
    "rushes.testing.simulators.script",
    "uvicorn",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
)
"""What is imported ahead: what servers and simulated upstreams need, but nothing is run."""

ORDER_BYTES: Final = 2**20
PATIENCE_S: Final = 60.0


class Child:
    """A forked process; it is used like a `subprocess.Popen` in text mode."""

    def __init__(self, nursery: Nursery, pid: int, stdout: IO[str] | None) -> None:
        self._nursery = nursery
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess` counts; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            select.select([], [], [], 0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if it has ended. Only `poll` lets a pid go."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Nursery:
    """The one process of a test process that forks the others."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._turn = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._ours.settimeout(PATIENCE_S)

    def ask(self, order: object, files: tuple[int, ...] = ()) -> int | None:
        """Give an order, and return the number it is answered with."""
        with self._turn:
            socket.send_fds(self._ours, [json.dumps(order).encode()], files)
            answer = self._ours.recv(ORDER_BYTES)
        assert answer, "the nursery has died"
        number: int | None = json.loads(answer)
        return number

    def close(self) -> None:
        """End it; its children live on."""
        self._ours.close()
        self._process.wait(PATIENCE_S)


_open: list[Nursery] = []


def close() -> None:
    """End the nursery of this process, if there is one."""
    while _open:
        _open.pop().close()


def start(
    module: str,
    *words: str,
    environment: Mapping[str, str] | None = None,
    stderr: IO[str] | None = None,
) -> Child:
    """Start `python -m module words…`; its standard output is read, its errors go to a file."""
    if not _open:
        _open.append(Nursery())
    order = {
        "module": module,
        "words": words,
        "environment": dict(os.environ if environment is None else environment),
        "folder": str(Path.cwd()),
    }
    ours, theirs = os.pipe()
    try:
        errors = sys.__stderr__.fileno() if stderr is None else stderr.fileno()
        pid = _open[0].ask(order, (theirs, errors))
    finally:
        os.close(theirs)
    assert pid is not None
    return Child(_open[0], pid, open(ours, encoding="utf-8"))  # noqa: PTH123 -- a pipe


# -- inside --------------------------------------------------------------------------------


def _become(order: Mapping[str, object], files: list[int]) -> None:
    """Be the process that was ordered; this is the child, and it comes back at its end."""
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    # Not those of the nursery: they know what kind of file they were made for.
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [str(order["module"]), *order["words"]]
    gc.unfreeze()
    runpy.run_module(str(order["module"]), run_name="__main__", alter_sys=True)


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def main() -> None:
    """Fork what is ordered until nobody can order any more."""
    sys.path.pop(0)  # this file's folder: `python -m` would not have it
    for name in KNOWN:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as line:
        while True:
            told, files, _, _ = socket.recv_fds(line, ORDER_BYTES, 2)
            if not told:
                return
            order = json.loads(told)
            if "ended" in order:
                answer = _ended(order["ended"])
            elif (answer := os.fork()) == 0:
                break
            for file in files:
                os.close(file)
            line.send(json.dumps(answer).encode())
    _become(order, files)


if __name__ == "__main__":
    main()
