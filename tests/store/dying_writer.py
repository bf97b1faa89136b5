"""Writes, says what is durable, and is killed: the child of `test_durability`.

For every line on stdin it forks a writer (forking saves the second that imports take), names
its process, and waits for its death. The writer says on stdout what the store has answered.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from rushes.domain.task import Event, Task
from rushes.ports import Transaction
from rushes.store.sqlite import SqliteStore
from rushes.testing.builders import NOON, a_hold, a_task, an_answer, moved

IN_FLIGHT = 8


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def accepting(task: Task) -> Callable[[Transaction], None]:
    def act(tx: Transaction) -> None:
        tx.add_task(task, a_hold(task))
        tx.add_answer(an_answer(task, key=task.id), since=NOON)

    return act


def canceling(task: Task) -> Callable[[Transaction], bool]:
    after = moved(task, Event.CANCELED)
    return lambda tx: tx.move(task, after, Event.CANCELED, at=NOON)


async def accept_for_ever(store: SqliteStore, life: int, lane: int) -> None:
    """Accept tasks; cancel every second one; say each thing once it is answered."""
    for n in range(10_000):
        task = a_task(id=f"video_{life:04x}{lane:04x}{n:024x}")
        await store.write(accepting(task))
        say("accepted", task.id)
        if n % 2 and await store.write(canceling(task)):
            say("canceled", task.id)


async def live(path: Path, life: int) -> None:
    store = SqliteStore(path)
    await asyncio.gather(*(accept_for_ever(store, life, lane) for lane in range(IN_FLIGHT)))


def main() -> None:
    path = Path(sys.argv[1])
    for life, _ in enumerate(iter(sys.stdin.readline, "")):
        pid = os.fork()
        if pid == 0:
            asyncio.run(live(path, life))
            os._exit(1)
        say("born", pid)
        os.waitpid(pid, 0)
        say("dead", pid)


if __name__ == "__main__":
    main()
