"""A stop waits for submits under way, and lets none begin."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from rushes.domain.spec import Spec
from rushes.domain.submit import Ticket, Verdict
from rushes.domain.task import Status
from rushes.engine import story
from rushes.engine.workflows import Calls
from working import Workers

pytestmark = pytest.mark.promise("P10")
PATIENCE_S = 20


async def test_a_stop_waits_for_a_submit_to_be_answered_and_written_down() -> None:
    workers, calls = Workers(), Calls(PATIENCE_S)
    world = replace(workers.world, submitting=calls.one)
    called, answers = asyncio.Event(), asyncio.Event()

    async def slow(spec: Spec, token: str) -> Ticket:
        called.set()
        await answers.wait()
        return {"job": token}

    workers.provider.on_submit = slow
    task, late = workers.put(), workers.put()
    submitting = asyncio.create_task(story.step(task.id, task.lease_epoch, world))
    await asyncio.wait_for(called.wait(), PATIENCE_S)
    stopping = asyncio.create_task(calls.close())
    await asyncio.wait({stopping}, timeout=0.05)
    assert not stopping.done()
    with pytest.raises(asyncio.CancelledError):
        await story.step(late.id, late.lease_epoch, world)
    answers.set()
    assert await asyncio.wait_for(stopping, PATIENCE_S)
    assert workers.submit(task).verdict is Verdict.ACCEPTED
    assert workers.task(late).status is Status.QUEUED
    await submitting


async def test_a_stop_waits_no_longer_than_it_may() -> None:
    calls = Calls(0.01)
    with calls.one():
        assert not await calls.close()
    assert await calls.close()
