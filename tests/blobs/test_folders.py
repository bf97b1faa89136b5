"""A folder's names are made to last once for all who wait, and for nobody who came too late."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rushes.blobs.folders import Folders

PATIENCE_S = 10


class Gate:
    """An fsync that begins, waits until it may go on, and counts."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.may_go_on = threading.Semaphore(0)
        self.seen: list[list[str]] = []

    def __call__(self, descriptor: int) -> None:
        self.seen.append(sorted(os.listdir(descriptor)))
        self.began.release()
        assert self.may_go_on.acquire(timeout=PATIENCE_S)


@pytest.mark.promise("P1")
def test_who_comes_while_a_sync_runs_gets_one_that_began_after_him(tmp_path: Path) -> None:
    gate = Gate()
    folders = Folders(gate)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(folders.sync, tmp_path)
        assert gate.began.acquire(timeout=PATIENCE_S)
        (tmp_path / "late").touch()
        waiting = [threads.submit(folders.sync, tmp_path) for _ in range(5)]
        deadline = time.monotonic() + PATIENCE_S
        while folders.waiting(tmp_path) < 1 + len(waiting) and time.monotonic() < deadline:
            os.sched_yield()
        gate.may_go_on.release()
        first.result(PATIENCE_S)
        assert gate.began.acquire(timeout=PATIENCE_S)
        assert not any(one.done() for one in waiting), "the first sync may not have seen their name"
        gate.may_go_on.release(5)
        for one in waiting:
            one.result(PATIENCE_S)
    assert gate.seen == [[], ["late"]], "one sync is enough for all who waited together"
    assert folders.waiting(tmp_path) == 0


def test_a_sync_that_failed_helps_nobody(tmp_path: Path) -> None:
    faults = [OSError("no"), OSError("no again")]

    def fsync(_: int) -> None:
        if faults:
            raise faults.pop()

    folders = Folders(fsync)
    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            folders.sync(tmp_path)
    folders.sync(tmp_path)
