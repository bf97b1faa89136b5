"""Fetching what a caller pointed at: after the 200, before any money, through the guard."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rushes.domain.catalog import fit_size, input_rule
from rushes.domain.errors import Failure, InvalidMedia, LeaseLost, Reason, UrlNotAllowed
from rushes.domain.spec import Asset
from rushes.domain.task import Task
from rushes.engine import ledger
from rushes.engine.world import OVER, Again, Next, World
from rushes.observe import log
from rushes.ports import Filed, InputFacts, Transaction

FETCH_TRIES_MAX: Final = 5
FETCH_PATIENCE_S: Final = 120.0
STORAGE_PAUSE: Final = 3
"""How long to wait for storage that is away: as after so many troubles in a row."""


class StorageAway(Exception):
    """Our own storage did not take an input: no fault of the caller's, so the task waits."""


async def gather(task: Task, world: World) -> Task | Next:
    """Bring every input home; return the task with its spec complete, or what to do instead."""
    missing = [asset for asset in task.spec.assets if asset.blob is None]
    if not missing:
        return task
    spec = task.spec
    for asset in missing:
        try:
            async with world.patience(FETCH_PATIENCE_S):
                brought, facts = await _bring(asset, task, world)
        except (InvalidMedia, UrlNotAllowed) as fault:
            await ledger.end(task, Failure.of(Reason.PARAMETERS_REFUSED, fault.message), world)
            return OVER
        except StorageAway as trouble:
            log.warning("an input could not be stored yet", task_id=task.id, note=str(trouble))
            return Again(world.pause_s(STORAGE_PAUSE))
        except (OSError, TimeoutError) as trouble:
            return await _try_later(task, asset, trouble, world)
        assets = tuple(brought if other == asset else other for other in spec.assets)
        spec = fit_size(replace(spec, assets=assets), asset.role, facts.size)
    gathered = replace(task, spec=spec)
    blobs = [asset.blob for asset in spec.assets if asset.blob is not None]

    def keep(tx: Transaction) -> None:
        if not tx.set_spec(gathered):
            raise LeaseLost(f"{task.id}: not ours to complete")
        for blob in blobs:
            tx.refer_input(task.id, blob)

    await world.store.write(keep)
    return gathered


async def at_hand(task: Task, world: World) -> bool:
    """Have every input ready to be read, before any money: a submit has no time for storage.

    Say whether to go on; one that is gone for good is left to the provider, who refuses it.
    """
    try:
        async with world.patience(FETCH_PATIENCE_S):
            for asset in task.spec.assets:
                if asset.blob is not None:
                    await world.assets.path_of(asset.blob)
    except FileNotFoundError:
        return True
    except (OSError, TimeoutError) as trouble:
        log.warning("an input could not be read yet", task_id=task.id, note=str(trouble))
        return False
    return True


async def _bring(asset: Asset, task: Task, world: World) -> tuple[Asset, InputFacts]:
    rule = input_rule(world.catalog.card_of(task.model), asset.role, task.spec.size)
    fetched = await world.fetcher.fetch(
        asset.url or "", param=asset.param, bytes_max=rule.bytes_max, folder=world.scratch
    )
    try:
        with fetched.path.open("rb") as content:
            facts = await world.examiner.examine(content, rule, param=asset.param)
        filed = Filed(fetched.sha256, fetched.size_bytes, facts.content_type, world.clock.now())
        await world.store.write(lambda tx: tx.file_input(filed))
        try:
            await world.blobs.put_files({f"inputs/{fetched.sha256}": fetched.path})
        except OSError as trouble:
            raise StorageAway(str(trouble)) from trouble
    finally:
        fetched.path.unlink(missing_ok=True)
    brought = replace(
        asset,
        blob=fetched.sha256,
        content_type=facts.content_type,
        size_bytes=fetched.size_bytes,
        seconds=facts.seconds,
    )
    return brought, facts


async def _try_later(task: Task, asset: Asset, trouble: Exception, world: World) -> Next:
    at = world.clock.now()
    note = f"the link in '{asset.param}' could not be read: {type(trouble).__name__}"
    if task.fault_count + 1 >= FETCH_TRIES_MAX:
        message = f"The link in '{asset.param}' could not be read."
        await ledger.end(task, Failure.of(Reason.PARAMETERS_REFUSED, message), world)
        return OVER
    await world.store.write(lambda tx: tx.count_fault(task, note, at=at))
    return Again(world.pause_s(task.fault_count + 1))
