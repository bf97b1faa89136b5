"""Progress, saved in groups: one update a second for all tasks of a worker."""

from __future__ import annotations

from typing import Final

from rushes.ports import Store

STEP_PERCENT: Final = 5


class ProgressNotes:
    """Collects progress between two flushes; small steps are not worth a write."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: dict[str, tuple[int, int]] = {}
        self._saved: dict[str, tuple[int, int]] = {}

    def note(self, task_id: str, epoch: int, percent: int) -> None:
        """Remember how far a task is."""
        saved_epoch, saved = self._saved.get(task_id, (epoch, 0))
        if saved_epoch != epoch or percent - saved >= STEP_PERCENT:
            self._noted[task_id] = (epoch, percent)

    def forget(self, task_id: str) -> None:
        """Let go of a task that this worker is done with."""
        self._noted.pop(task_id, None)
        self._saved.pop(task_id, None)

    async def flush(self) -> None:
        """Save what was noted since the last time."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        steps = [(task_id, epoch, percent) for task_id, (epoch, percent) in noted.items()]
        await self._store.write(lambda tx: tx.set_progress(steps))
        self._saved.update(noted)
