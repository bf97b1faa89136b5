"""Processes for journeys that kill: started here by role, ended here by their ids.

A member is `rushes serve` (or another role) on one data folder, or a simulated upstream. Both
end with this process, however it ends. Nothing here is about any one database: where the truth
lies is a matter of the environment that a fleet is given.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

START_S: Final = 60.0
STOP_S: Final = 30.0
LOG_LINES: Final = 12
LOOPBACK: Final = "127.0.0.1"


class NotUp(RuntimeError):
    """A process ended, or kept silent, instead of saying where it listens."""


@dataclass(slots=True)
class Member:
    """A process of ours; `said` is the line of JSON it told when it was ready."""

    role: str
    process: subprocess.Popen[str]
    log: Path
    began_s: float
    said: Mapping[str, Any] = field(default_factory=dict)
    up_s: float | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it answers, once it is ready."""
        return str(self.said["url"])

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def ready(self, *, within_s: float = START_S) -> Member:
        """Wait until it says where it listens.

        Raises:
            NotUp: it ended instead, or said nothing in time; with the end of its log.
        """
        output = self.process.stdout
        line = ""
        if output is not None and select.select([output], [], [], within_s)[0]:
            line = output.readline()
        if not line.strip():
            why = "said nothing" if self.is_alive else "ended"
            raise NotUp("\n".join([f"rushes {self.role} {why} before it was ready", *self.tail()]))
        told = json.loads(line)
        self.said = told if isinstance(told, dict) else {"port": told}
        self.up_s = time.monotonic() - self.began_s
        return self

    def tail(self) -> list[str]:
        """Return the end of its log."""
        return self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]

    def kill(self) -> None:
        """End it as a power cut does: SIGKILL, and no goodbye."""
        self.process.kill()
        self._bury()

    def pause(self) -> None:
        """Stop it where it stands, as a machine that is out of memory does.

        It stands still by the time this returns: a signal that was sent stops nobody yet, and on
        a busy machine a thread of it goes on for milliseconds.
        """
        if not self.is_alive:
            return
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to end, and return its exit code; one that does not listen is killed."""
        if self.is_alive:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self._bury()

    def _bury(self) -> int:
        code = self.process.wait(STOP_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


class Fleet:
    """All that runs for one journey; `close` ends what is left of it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.members: list[Member] = []

    def start(self, role: str = "serve", *, port: int = 0, clock: Path | None = None) -> Member:
        """Start `rushes ROLE`; it is not waited for.

        Its machine's clock is wrong by as many seconds as the file `clock` says, once there is one.
        """
        words = ["-m", "rushes", role, "--host", LOOPBACK, "--port", str(port), "--json"]
        words += [] if clock is None else ["--clock-offset-file", str(clock)]
        return self._start(role, words)

    def start_upstream(self, simulator: str, words: Sequence[str], *, log: Path) -> Member:
        """Start a simulated upstream, and wait for it; `said` holds its port."""
        module = f"rushes.testing.simulators.{simulator}"
        member = self._start(simulator, ["-m", module, "--port", "0", "--log", str(log), *words])
        return member.ready()

    def close(self) -> None:
        """End every member that has not ended."""
        for member in self.members:
            if member.is_alive:
                member.stop()
        self.members.clear()

    def _start(self, role: str, words: Sequence[str]) -> Member:
        path = self.folder / f"{role}.log"
        with path.open("ab") as errors:
            process = subprocess.Popen(  # noqa: S603 -- our own words
                [sys.executable, *words, "--parent", str(os.getpid())],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C is for us; we end what we started
            )
        member = Member(role, process, path, time.monotonic())
        self.members = [one for one in self.members if one.is_alive] + [member]
        return member


def pause_s(seconds: float) -> None:
    """Let others work for a while."""
    threading.Event().wait(max(0.0, seconds))
