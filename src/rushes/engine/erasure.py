"""Erasing one person's tasks: wishes, inputs and films go, and what money was made of stays.

Acts over rows, one task in one transaction, beside any server. A task that has not ended is
canceled first, so that its provider is told to stop and its hold is settled; then its record
goes as when its caller deletes it, and what other records hold of its wish is blanked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rushes.domain.access import CancelRule, canceled
from rushes.domain.submit import Submit
from rushes.domain.task import Event, Task
from rushes.ports import Artifact, ArtifactState, Transaction


class MovedOn(Exception):
    """A task moved at this very moment, so that nothing was done; ask again."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is of a task: its record, unless its caller deleted it, and what outlives that."""

    task_id: str
    task: Task | None
    submits: Sequence[Submit]
    artifacts: Sequence[Artifact]
    is_known: bool

    @property
    def inputs(self) -> list[str]:
        """The blobs of its inputs."""
        assets = self.task.spec.assets if self.task else ()
        return sorted({asset.blob for asset in assets if asset.blob is not None})

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.task is not None and not self.task.is_final


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of one task.

    `files` are the blobs that its record named, to be removed now that the rows are gone; tries
    that a worker may still be writing are left to the keeper's sweep. `inputs` are gone, and
    `inputs_left` are shared with other tasks, or so young that another may be about to use them.
    """

    remains: Remains
    files: Sequence[str]
    inputs: Sequence[str]
    inputs_left: Sequence[str]


def remains_of(tx: Transaction, task_id: str) -> Remains:
    """Find what there is of a task; every task ever accepted is known by its money."""
    task, is_known = tx.task(task_id), bool(tx.entries(task_id))
    return Remains(task_id, task, tx.submits(task_id), tx.artifacts(task_id), is_known)


def erase(
    tx: Transaction,
    task_id: str,
    *,
    at: datetime,
    rule: CancelRule,
    remove_input: Callable[[str], None],
    young_since: datetime,
) -> Erased:
    """Erase a task, within a transaction; `remove_input` removes the blob of an input at once.

    Raises:
        MovedOn: nothing was written.
        OSError: an input could not be removed now; nothing was written.
    """
    tx.hold_task(task_id)
    remains = remains_of(tx, task_id)
    task = remains.task
    if task is not None and not task.is_final:
        after = canceled(task, at=at, rule=rule)
        if not tx.move(task, after, Event.CANCELED, at=at):
            raise MovedOn(f"{task_id} moved on at this moment.")
    tx.remove_task(task_id)
    tx.blank_remains(task_id)
    taken = tx.take_inputs(remains.inputs, young_since) if remains.inputs else ()
    for blob in taken:
        remove_input(blob)
    left = [blob for blob in remains.inputs if blob not in set(taken)]
    return Erased(remains, _files(remains), taken, left)


def _files(remains: Remains) -> list[str]:
    """Return what may be removed at once: a try of a task that just ended may still be written."""
    return [
        one.blob
        for one in remains.artifacts
        if not remains.is_open or one.state is ArtifactState.KEPT
    ]
