"""What callers do with tasks that they have: look, list, fetch, cancel, delete."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rushes.clock import Clock
from rushes.domain.access import CancelRule, Key, canceled
from rushes.domain.errors import (
    ArtifactExpired,
    StoreBusy,
    StoreInDoubt,
    TaskAlreadyFinished,
    TaskFailed,
    TaskNotFinished,
    TaskNotFound,
)
from rushes.domain.ids import is_task_id
from rushes.domain.task import Event, Status, Task
from rushes.gateway.reprints import Reprints
from rushes.observe import log
from rushes.ports import (
    Artifact,
    ArtifactKind,
    ArtifactState,
    Blobs,
    Page,
    Store,
    Transaction,
    kept_of,
)


@dataclass(frozen=True, slots=True)
class Policies:
    """What an operator decided; see `settings`."""

    metadata: str = "listed"
    coerces: bool = False
    cancel_rule: CancelRule = CancelRule.RELEASE
    free_bytes_min: int = 0
    waiting_max: int | None = None


@dataclass(slots=True, kw_only=True)
class Looks:
    """The verbs of the gateway that concern one task or a page of them."""

    store: Store
    clock: Clock
    blobs: Blobs
    reprints: Reprints
    policies: Policies

    async def task(self, caller: Key, task_id: str, *, param: str) -> Task:
        """Return a task of the caller's.

        Raises:
            TaskNotFound: unknown or someone else's; nobody can tell which (P8).
        """
        task = await self.store.read(lambda tx: tx.task(task_id)) if is_task_id(task_id) else None
        if task is None or task.account_id != caller.account_id:
            noun = "video" if param == "video_id" else "task"
            raise TaskNotFound(f"There is no {noun} {task_id}.", param=param)
        return task

    async def page(self, page: Page) -> tuple[Sequence[Task], bool]:
        """Return one page of tasks, and whether there are more."""
        found = await self.store.read(lambda tx: tx.page(page))
        return found[: page.limit], len(found) > page.limit

    async def film(self, task: Task, kind: ArtifactKind, *, param: str) -> Artifact:
        """Return a finished task's film or one of its stills.

        Raises:
            TaskNotFinished, TaskFailed: there is none yet, or there will be none.
            ArtifactExpired: retention removed it.
            Unsupported, UpstreamError, Overloaded: a film of before has no last frame, and none
                can be made, or not now.
        """
        noun = "Video" if param == "video_id" else "Task"
        if not task.is_final:
            raise TaskNotFinished(
                f"{noun} {task.id} has not finished; its status is {wire_word(task.status)}.",
                param=param,
            )
        if task.status is not Status.SUCCEEDED:
            why = task.failure.message if task.failure else ""
            raise TaskFailed(f"{noun} {task.id} failed and has no film: {why}", param=param)
        kept = await self.kept(task.id, kind)
        if kept is None and kind is ArtifactKind.LAST_FRAME and not task.is_film_gone:
            kept = await self.reprints.last_frame(task)
        if task.is_film_gone or kept is None:
            raise ArtifactExpired(
                f"The film of {noun.lower()} {task.id} has expired and was removed.", param=param
            )
        return kept

    async def kept(self, task_id: str, kind: ArtifactKind) -> Artifact | None:
        """Return the artifact of a kind that a task kept."""
        return await self.store.read(lambda tx: kept_of(tx, task_id, kind))

    async def cancel(self, caller: Key, task_id: str) -> Task:
        """Cancel a task: this transaction is the transition (CONTRACT §5.2).

        Raises:
            TaskNotFound: unknown or someone else's.
            TaskAlreadyFinished: there is nothing to cancel.
        """
        await self.task(caller, task_id, param="task_id")
        at = self.clock.now()

        def act(tx: Transaction) -> Task | None:
            task = tx.hold_task(task_id)  # else one that moves at this moment would count as over
            if task is None or task.is_final:
                return None
            after = canceled(task, at=at, rule=self.policies.cancel_rule)
            return after if tx.move(task, after, Event.CANCELED, at=at) else None

        after = await self.store.write(act)
        if after is None:
            raise TaskAlreadyFinished(f"Task {task_id} has already finished.", param="task_id")
        return after

    async def delete(self, caller: Key, task_id: str, *, param: str) -> None:
        """Remove a finished task, record and artifacts; old links die (CONTRACT §5.3).

        Raises:
            TaskNotFound: unknown or someone else's.
            TaskNotFinished: cancel it first.
        """
        task = await self.task(caller, task_id, param=param)
        if not task.is_final:
            noun = "Video" if param == "video_id" else "Task"
            raise TaskNotFinished(
                f"{noun} {task_id} has not finished; its status is {wire_word(task.status)}. "
                "Cancel it first.",
                param=param,
            )
        blobs = await self.store.read(lambda tx: _kept_blobs(tx, task_id))
        await self.store.write(lambda tx: tx.remove_task(task_id))
        gone = [blob for blob in blobs if await self._is_removed(blob)]
        if gone:
            with suppress(StoreBusy, StoreInDoubt):  # it is deleted; the keeper's sweep goes on
                await self.store.write(lambda tx: tx.swept(gone))

    async def _is_removed(self, blob: str) -> bool:
        """Remove a blob whose task is gone; one that stays is left to the keeper's sweep."""
        try:
            await self.blobs.delete(blob)
        except OSError as error:
            log.warning("a blob could not be removed yet", blob=blob, note=str(error))
            return False
        return True


def _kept_blobs(tx: Transaction, task_id: str) -> list[str]:
    """Return what a task kept; a try that is still being written is left to the sweep."""
    return [one.blob for one in tx.artifacts(task_id) if one.state is ArtifactState.KEPT]


def wire_word(status: Status) -> str:
    """Return how an unfinished status is told to callers; both dialects have the same words."""
    return "in_progress" if status in {Status.RUNNING, Status.STORING} else "queued"
