"""P1 at the store: what was answered survives a kill at any moment, whole."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rushes.domain.task import Status
from rushes.ports import Page
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import ACCOUNT_ID

KILLS = 24
EVERY_TASK = Page(ACCOUNT_ID, limit=10**6)
CHILD = Path(__file__).with_name("dying_writer.py")


def kill_after(child: subprocess.Popen[str], heard: int) -> list[str]:
    """Let a writer live until it said `heard` things, kill it, and return all that it said."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("live\n")
    child.stdin.flush()
    said: list[str] = []
    pid = 0
    for line in child.stdout:
        word, _, rest = line.strip().partition(" ")
        if word == "born":
            pid = int(rest)
        elif word == "dead":
            return said
        else:
            said.append(line.strip())
        if pid and len(said) >= heard:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            heard = sys.maxsize
    raise AssertionError(f"the child ended: {said}")


@pytest.mark.promise("P1")
def test_nothing_that_was_answered_is_lost_by_a_kill(path: Path) -> None:
    chance = random.Random(7)
    said: list[str] = []
    command = [sys.executable, str(CHILD), str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        for _ in range(KILLS):
            said += kill_after(child, heard=chance.randrange(60))
        child.communicate(timeout=20)
    accepted = {line.split()[1] for line in said if line.startswith("accepted")}
    canceled = {line.split()[1] for line in said if line.startswith("canceled")}
    assert len(accepted) > KILLS
    with contextlib.closing(SqliteStore(path)) as store:
        found = {task.id: task for task in store.read_now(lambda tx: tx.page(EVERY_TASK))}
    assert accepted <= set(found)
    assert all(found[task_id].status is Status.CANCELED for task_id in canceled)
    assert_whole(path)


def assert_whole(path: Path) -> None:
    """Whatever is there is there with all that belongs to it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:

        def ids(query: str) -> list[str]:
            return sorted(row[0] for row in connection.execute(query))

        everyone = ids("SELECT id FROM tasks")
        ended = ids("SELECT id FROM tasks WHERE status = 'canceled'")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert ids("SELECT task_id FROM task_events WHERE number = 1") == everyone
        assert ids("SELECT task_id FROM ledger WHERE kind = 'hold'") == everyone
        assert ids("SELECT task_id FROM idempotency") == everyone
        assert ids("SELECT task_id FROM task_events WHERE number = 2") == ended
        assert ids("SELECT task_id FROM ledger WHERE kind = 'capture'") == ended
        assert ids("SELECT task_id FROM ledger WHERE kind = 'release'") == ended
        assert ids("SELECT task_id FROM outbox") == ended
