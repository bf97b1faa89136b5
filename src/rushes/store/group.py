"""Acts that wait for a writer, taken in groups and answered each in its own loop."""

from __future__ import annotations

import asyncio
import queue
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from rushes.ports import Transaction

T = TypeVar("T")

GROUP_MAX: Final = 64
WAITING_MAX: Final = 10_000

Act = Callable[[Transaction], T]


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """An act that waits for a writer, and whoever waits for its answer.

    `is_alone` says that it was to have a transaction of its own, and may hold accounts.
    """

    act: Act[T]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[T]
    is_alone: bool = False
    result: T | None = None
    fault: BaseException | None = None


Jobs = queue.SimpleQueue[Job[Any] | None]


def next_group(jobs: Jobs) -> tuple[list[Job[Any]], bool]:
    """Wait for a job, and take what waits behind it; say whether more may follow.

    None in the queue says to one writer that nothing follows.
    """
    group: list[Job[Any]] = []
    waiting = jobs.get()
    while waiting is not None:
        group.append(waiting)
        if len(group) == GROUP_MAX:
            return group, True
        try:
            waiting = jobs.get_nowait()
        except queue.Empty:
            return group, True
    return group, False


def answer_all(jobs: Iterable[Job[Any]]) -> None:
    """Answer every caller in its own loop, with one wake-up per loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Job[Any]]] = defaultdict(list)
    for job in jobs:
        by_loop[job.loop].append(job)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_answer, theirs)


def raisable(fault: BaseException) -> BaseException:
    """Return a fault that a future takes: `StopIteration` is none."""
    if not isinstance(fault, StopIteration):
        return fault
    told = RuntimeError("the act raised StopIteration")
    told.__cause__ = fault
    return told


def _answer(jobs: list[Job[Any]]) -> None:
    for job in jobs:
        if job.answer.done():  # its caller went away
            continue
        if job.fault is None:
            job.answer.set_result(job.result)
        else:
            job.answer.set_exception(raisable(job.fault))
