"""Admission: whether a wish is made at all, judged after the 200 and before any money.

A wish that is refused ends as a failed task: the hold is released whole, and no submit's row was
ever written. A service that is away is no fault of the caller's: the task waits within its time
in the queue, or goes on unjudged where the operator would rather have that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rushes.domain.spec import Medium, Spec
from rushes.domain.task import Task
from rushes.engine import ledger
from rushes.engine.inputs import STORAGE_PAUSE, at_hand
from rushes.engine.moderation import IMAGES, NEGATIVE_PROMPT, PASSTHROUGH, PROMPT
from rushes.engine.world import OVER, Again, Next, World
from rushes.observe import log
from rushes.ports import Objection, Passage, Picture, Transaction, Unjudged

PATIENCE_S: Final = 120.0
"""How long the service may take for one wish, all its pictures included."""

WAIT_S_MAX: Final = 60.0
"""A service may ask for patience; a task that waits for it holds a slot, and asks again."""


async def by_list(task: Task, world: World) -> Next | None:
    """Judge a wish by the block list, before its inputs are fetched; None lets it go on."""
    moderation = world.moderation
    if moderation.block_list is None or world.admitted.has(task.id, moderation):
        return None
    objection = await moderation.block_list.judge(_passages(task.spec, moderation.reads), ())
    return None if objection is None else await _refuse(task, objection, world)


async def by_service(task: Task, world: World) -> Next | None:
    """Have a wish judged by the service, once its inputs are here; None lets it go on.

    Raises:
        LeaseLost: another worker owns the task now.
    """
    moderation = world.moderation
    if moderation.is_nobody or world.admitted.has(task.id, moderation):
        return None
    service = moderation.service
    if service is not None and (moderation.judges_rehearsals or not task.is_rehearsal):
        pictures: list[Picture] = []
        if IMAGES in moderation.reads:
            if not await at_hand(task, world):
                return Again(world.pause_s(STORAGE_PAUSE))
            pictures = await _pictures(task.spec, world)
        passages = _passages(task.spec, moderation.reads)
        try:
            async with world.patience(PATIENCE_S):
                objection = await service.judge(passages, pictures)
        except (Unjudged, OSError) as trouble:
            waits = await _unjudged(task, trouble, world)
            if waits is not None:
                return waits
        else:
            if objection is not None:
                return await _refuse(task, objection, world)
            world.judgements.passed += 1
    world.admitted.add(task.id, moderation)
    return None


async def _refuse(task: Task, objection: Objection, world: World) -> Next:
    at = world.clock.now()

    def act(tx: Transaction) -> None:
        tx.count_fault(task, f"moderation: {objection.why}", at=at)
        ledger.fail(tx, task, objection.failure, at=at)

    await world.store.write(act)
    world.judgements.refused += 1
    log.info("a wish was refused", task_id=task.id, why=objection.why)
    return OVER


async def _unjudged(task: Task, trouble: Exception, world: World) -> Next | None:
    """Wait for the service, or go on without it, as the operator has it; both are told."""
    at, is_open = world.clock.now(), world.moderation.is_open
    why = str(trouble) or type(trouble).__name__
    what = "the task went on unjudged" if is_open else "the task waits to be judged"
    note = f"moderation: {why}; {what}"[:500]
    await world.store.write(lambda tx: tx.count_fault(task, note, at=at))
    log.warning("moderation could not judge", task_id=task.id, why=why, is_open=is_open)
    if is_open:
        world.judgements.failed_open += 1
        return None
    world.judgements.waited += 1
    asked_s = trouble.retry_after_s if isinstance(trouble, Unjudged) else None
    if asked_s is not None:
        return Again(min(WAIT_S_MAX, max(1.0, asked_s)))
    return Again(world.pause_s(task.fault_count + 1))


def _passages(spec: Spec, reads: frozenset[str]) -> list[Passage]:
    """Return the texts of a wish that are judged."""
    texts = {
        PROMPT: ("The prompt", spec.prompt),
        NEGATIVE_PROMPT: ("The negative prompt", spec.negative_prompt or ""),
        PASSTHROUGH: (
            "A text in 'metadata'",
            "\n".join(_strings([spec.passthrough, spec.options])),
        ),
    }
    return [
        Passage(name, text)
        for part, (name, text) in texts.items()
        if part in reads and text.strip()
    ]


def _strings(value: object) -> Iterator[str]:
    """Return every text within what is passed on; it is as deep as a request may be."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


async def _pictures(spec: Spec, world: World) -> list[Picture]:
    """Return the pictures of a wish; one that is gone for good no provider will take either."""
    found = []
    for asset in spec.assets:
        if asset.role.medium is not Medium.IMAGE or asset.blob is None:
            continue
        try:
            path = await world.assets.path_of(asset.blob)
        except FileNotFoundError:
            continue
        content_type = asset.content_type or "application/octet-stream"
        name = f"The image in '{asset.param}'"
        found.append(Picture(name, content_type, asset.size_bytes or 0, path))
    return found
