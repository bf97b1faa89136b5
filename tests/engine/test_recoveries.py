"""Many tasks of a worker that died do not fall upon an upstream all at once."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from datetime import timedelta

import pytest

from rushes.bell import LocalBell
from rushes.domain.submit import Ticket
from rushes.domain.task import Status
from rushes.engine.carry import carry
from rushes.engine.looks import Pace
from rushes.engine.world import RECOVERIES_PER_S
from rushes.ports import Work
from rushes.providers.base import Outcome, Working
from rushes.testing.builders import NOON
from working import Workers


@pytest.mark.promise("P10")
def test_twenty_thousand_recovered_tasks_are_five_hundred_a_second() -> None:
    pace = Pace(RECOVERIES_PER_S)
    at = NOON
    looks = Counter(math.floor(pace.wait_s(at)) for _ in range(20_000))
    assert set(looks.values()) <= {499, 500, 501}
    assert max(looks) == 39
    assert pace.wait_s(at + timedelta(seconds=41)) == 0.0


def test_a_clock_that_is_set_keeps_nobody_waiting() -> None:
    pace = Pace(1.0)
    assert [pace.wait_s(NOON) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert pace.wait_s(NOON - timedelta(days=1)) == 0.0
    assert pace.wait_s(NOON + timedelta(days=1)) == 0.0


@pytest.mark.promise("P10")
async def test_whoever_takes_watched_tasks_over_looks_at_one_after_the_other() -> None:
    workers, looked = Workers(), list[str]()
    workers.world.recoveries = Pace(0.01)
    tasks = [workers.put(Status.RUNNING) for _ in range(5)]
    first = asyncio.Event()

    async def check(ticket: Ticket) -> Outcome:
        looked.append(str(ticket))
        first.set()
        return Working(look_again_s=3600)

    workers.provider.on_check = check
    bell = LocalBell()
    carrying = [
        asyncio.create_task(carry(task.id, Work.FILM, str(task.work_id), workers.world, bell))
        for task in tasks
    ]
    await asyncio.wait_for(first.wait(), 10)
    await asyncio.wait(carrying, timeout=0.2)
    assert len(looked) == 1
    for task in carrying:
        task.cancel()
    await asyncio.gather(*carrying, return_exceptions=True)
