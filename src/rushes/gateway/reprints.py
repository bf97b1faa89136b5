"""Last frames of films that were brought home before these were kept.

Such a film is developed once more when its last frame is first asked for, and what comes of it
is an artifact like any other from then on: the row is there before the bytes, so that a sweep
finds what is left of an attempt, and one transaction keeps it, unless another process has.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from rushes.clock import Clock
from rushes.domain.errors import LeaseLost, Overloaded, StoreBusy, Unsupported, UpstreamError
from rushes.domain.task import Task
from rushes.flights import Flights
from rushes.observe import log
from rushes.ports import (
    Artifact,
    ArtifactKind,
    ArtifactState,
    Blobs,
    Darkroom,
    NotAFilm,
    Store,
    Transaction,
    kept_of,
    new_try,
)

FILM_PX_S_MAX: Final = 120 * 1920 * 1080
"""Two minutes in 1080p, in pixels times seconds: more is not decoded while a caller waits."""

PATIENCE_S: Final = 60.0
RETRY_AFTER_S: Final = 10

_KIND: Final = ArtifactKind.LAST_FRAME
_FAILED: Final = (NotAFilm, OSError, StoreBusy, LeaseLost)
"""After these nothing was kept. An attempt that is cut off while it is kept cannot know."""


@dataclass(frozen=True, slots=True)
class Reprints:
    """Makes last frames of kept films, one at a time: decoding belongs to the films that come."""

    store: Store
    clock: Clock
    blobs: Blobs
    darkroom: Darkroom
    patience_s: float = PATIENCE_S
    _flights: Flights = field(default_factory=Flights, init=False, repr=False)

    async def last_frame(self, task: Task) -> Artifact | None:
        """Return the last frame of a task's film, made now if need be; None: the film is gone.

        Raises:
            Unsupported: the film is too long to be decoded while a caller waits.
            Overloaded: it took too long, with whoever was before us.
            UpstreamError: the film could not be read, or the still not be stored.
        """
        _check_length(task)
        try:
            async with asyncio.timeout(self.patience_s), self._flights.alone(_KIND):
                return await self._kept(task) or await self._make(task)
        except TimeoutError:
            raise Overloaded(
                f"The last frame of video {task.id} could not be made in time. Try again in "
                f"{RETRY_AFTER_S} seconds.",
                retry_after_s=RETRY_AFTER_S,
            ) from None
        except (NotAFilm, OSError) as trouble:
            log.error("a last frame could not be made", task_id=task.id, note=str(trouble))
            raise UpstreamError(
                "The last frame could not be made from the stored film. Try again."
            ) from trouble

    async def _kept(self, task: Task) -> Artifact | None:
        return await self.store.read(lambda tx: kept_of(tx, task.id, _KIND))

    async def _make(self, task: Task) -> Artifact | None:
        """Develop the film; what another process kept meanwhile is as good."""
        film = await self.store.read(lambda tx: kept_of(tx, task.id, ArtifactKind.FILM))
        if film is None:
            return None
        mine = new_try(task, [_KIND], at=self.clock.now())[_KIND]
        await self.store.write(lambda tx: tx.add_artifacts(mine))
        try:
            developed = await self.darkroom.develop(film.blob, {_KIND: mine.blob})
            still = developed.stills[_KIND]
            made = replace(mine, size_bytes=still.size_bytes, sha256=still.sha256)
            kept = await self.store.write(lambda tx: _keep(tx, made))
        except _FAILED:
            await self._leave_nothing(mine)
            raise
        if kept is None or kept.blob != mine.blob:
            await self._leave_nothing(mine)
        return kept

    async def _leave_nothing(self, mine: Artifact) -> None:
        """Remove the blob of an attempt; a row whose blob stays is left to the keeper's sweep."""
        with suppress(OSError):
            await self.blobs.delete(mine.blob)
            await self.store.write(lambda tx: tx.swept([mine.blob]))


def _check_length(task: Task) -> None:
    measures = task.measures
    if measures is None:
        return
    size = measures.size
    if measures.seconds * size.width_px * size.height_px > FILM_PX_S_MAX:
        raise Unsupported(
            f"Video {task.id} has no last frame: it was made before these were kept, and with "
            f"{measures.seconds:g} seconds of {size} it is too long to make one now.",
            param="variant",
        )


def _keep(tx: Transaction, made: Artifact) -> Artifact | None:
    """Keep a still, unless its film is gone or there is one; return what there is."""
    task = tx.hold_task(made.task_id)
    if task is None or task.is_film_gone:
        return None
    there = kept_of(tx, made.task_id, _KIND)
    if there is not None:
        return there
    kept = replace(made, state=ArtifactState.KEPT)
    tx.keep_artifacts(kept)
    return kept
