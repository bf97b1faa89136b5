"""Folders whose names survive a power cut, synced once for all who wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class _Rounds:
    """The syncs of one folder: how many began, how many ended well, and who is still interested."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    begun: int = 0
    done: int = 0
    interested: int = 0


class Folders:
    """Syncs folders; for threads.

    A sync that begins after a name was given makes it durable, whoever began it: of many that
    wait for one folder, the next to have its turn syncs for all.
    """

    def __init__(self, fsync: Callable[[int], None]) -> None:
        self._fsync = fsync
        self._rounds: dict[Path, _Rounds] = {}
        self._door = threading.Lock()

    def sync(self, folder: Path) -> None:
        """Make the names that are in a folder now survive a power cut.

        Raises:
            OSError: they may not. Each who waits finds out for himself.
        """
        with self._door:
            rounds = self._rounds.setdefault(folder, _Rounds())
            rounds.interested += 1
            wanted = rounds.begun + 1
        try:
            with rounds.turn:
                if rounds.done < wanted:
                    self._round(folder, rounds)
        finally:
            with self._door:
                rounds.interested -= 1
                if not rounds.interested:
                    del self._rounds[folder]

    def waiting(self, folder: Path) -> int:
        """Return how many wait for a folder, whoever syncs it among them."""
        with self._door:
            rounds = self._rounds.get(folder)
            return 0 if rounds is None else rounds.interested

    def _round(self, folder: Path, rounds: _Rounds) -> None:
        with self._door:
            rounds.begun += 1
            this = rounds.begun
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._fsync(descriptor)
        finally:
            os.close(descriptor)
        rounds.done = this
