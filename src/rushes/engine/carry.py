"""Carrying a task: take it over, then step until there is nothing more to do.

The loop is the same under DBOS and under the simulator; only who calls it differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from rushes.domain.task import Status
from rushes.engine import collect, story
from rushes.engine.world import NOW, Again, Next, World
from rushes.observe import about
from rushes.ports import Bell, Work


class Step(Protocol):
    """Does the next act for a task in an epoch; `is_rung` says whether somebody rang for it."""

    async def __call__(self, task_id: str, epoch: int, world: World, *, is_rung: bool) -> Next:
        """Do it, and say what follows."""
        ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """In which statuses a kind of work has something to do, and what."""

    statuses: frozenset[Status]
    step: Step


_KINDS: Final[Mapping[Work, _Kind]] = {
    Work.FILM: _Kind(story.FILM_STATUSES, story.step),
    Work.COLLECT: _Kind(collect.COLLECT_STATUSES, collect.step),
}


async def carry(task_id: str, work: Work, work_id: str, world: World, bell: Bell) -> None:
    """Carry a task as far as this kind of work goes; work it no longer belongs to does nothing.

    Raises:
        LeaseLost: another worker owns the task now.
        StoreBusy: the store did not take a write; the task may be carried again.
    """
    kind = _KINDS[work]
    task = await story.take(task_id, kind.statuses, work_id, world)
    if task is None:
        return
    following: Next = NOW
    if task.status in story.WATCHED:  # somebody watched it before us, and perhaps many others
        following = Again(world.recoveries.wait_s(world.clock.now()))
    epoch, is_rung = task.lease_epoch, False
    del task  # thousands wait here, and each step reads the rows anyway
    try:
        with bell.listen(task_id) as ear:
            while isinstance(following, Again):
                if following.after_s > 0:
                    is_heard = await ear.wait(following.after_s)
                    is_rung = is_heard or (is_rung and following.is_put_off)
                ear.forget()  # a ring from now on may be about what this step does not see
                with about(task_id=task_id):  # not around the wait: thousands would keep it
                    following = await kind.step(task_id, epoch, world, is_rung=is_rung)
    finally:
        world.waiting.pop(task_id, None)
