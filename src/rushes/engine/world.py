"""Everything a step of the story may touch, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rushes.clock import Clock
from rushes.domain.catalog import Catalog
from rushes.ports import Blobs, Budgets, Darkroom, Dispatcher, Examiner, Fetcher, Store
from rushes.providers.base import Assets, Provider


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider and the reference of the credential it speaks with (never the secret)."""

    provider: Provider
    credential: str


@dataclass(frozen=True, slots=True)
class Again:
    """The task wants another step, no later than that."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Over:
    """This work has nothing more to do for the task."""


Next = Again | Over
NOW = Again(0.0)
OVER = Over()

Patience = Callable[[float], AbstractAsyncContextManager[object]]
"""Bounds a wait: `async with patience(60.0): ...` raises TimeoutError when time is up."""


@dataclass(frozen=True, slots=True)
class World:
    """The ports of the story. `jitter` draws from [0, 1); `note_progress` is saved in groups.

    `submitting` is held from an intent to its answer.
    """

    store: Store
    clock: Clock
    catalog: Catalog
    upstreams: Mapping[str, Upstream]
    blobs: Blobs
    assets: Assets
    fetcher: Fetcher
    examiner: Examiner
    darkroom: Darkroom
    dispatcher: Dispatcher
    budgets: Budgets
    patience: Patience
    jitter: Callable[[], float]
    note_progress: Callable[[str, int, int], None]
    scratch: Path
    submitting: Callable[[], AbstractContextManager[None]] = nullcontext

    def pause_s(self, count: int) -> float:
        """Return how long to wait after the `count`-th trouble in a row, jittered."""
        pauses = self.budgets.pauses_s
        pause_s = pauses[min(max(count, 1), len(pauses)) - 1]
        return pause_s * (0.75 + 0.5 * self.jitter())
