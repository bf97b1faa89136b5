"""Everything a step of the story may touch, in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rushes.clock import Clock
from rushes.domain.catalog import Catalog
from rushes.domain.submit import Submit
from rushes.ports import Blobs, Budgets, Darkroom, Dispatcher, Examiner, Fetcher, Store
from rushes.providers.base import Assets, Provider


@dataclass(slots=True)
class Looks:
    """How many looks, searches and cancels an account still allows at this moment.

    A bucket that fills by `per_s`, up to one second's worth; it is told the time, and lets a
    worker wait instead of holding it.
    """

    per_s: float | None = None
    _left: float = field(default=0.0, init=False)
    _at: datetime | None = field(default=None, init=False)

    def wait_s(self, at: datetime) -> float:
        """Take one look and return 0, or return how long to wait before asking again."""
        if self.per_s is None:
            return 0.0
        whole = max(1.0, self.per_s)
        if self._at is None:
            self._left, self._at = whole, at
        passed_s = max(0.0, (at - self._at).total_seconds())
        self._left, self._at = min(whole, self._left + passed_s * self.per_s), at
        if self._left < 1.0:
            return (1.0 - self._left) / self.per_s
        self._left -= 1.0
        return 0.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider and the reference of the credential it speaks with (never the secret)."""

    provider: Provider
    credential: str
    looks: Looks = field(default_factory=Looks)


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


@dataclass(slots=True)
class World:
    """The ports of the story. `jitter` draws from [0, 1); `note_progress` is saved in groups.

    `catalog` and `upstreams` are exchanged whole when the configuration is read anew. `former`
    are upstreams that left it, or speak with another credential now: what was submitted there
    is still looked after there. `hooks` is where upstreams can ring, None where they cannot.
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
    former: Mapping[tuple[str, str], Upstream] = field(default_factory=dict)
    hooks: str | None = None

    def upstream_of(self, submit: Submit) -> Upstream | None:
        """Return the upstream that has a submit, with the credential that submitted it."""
        present = self.upstreams.get(submit.provider)
        if present is not None and present.credential == submit.credential:
            return present
        return self.former.get((submit.provider, submit.credential), present)

    def look_wait_s(self, submit: Submit) -> float:
        """Return how long to wait before its upstream may be asked about a submit."""
        upstream = self.upstream_of(submit)
        return 0.0 if upstream is None else upstream.looks.wait_s(self.clock.now())

    def callback_url(self, upstream: Upstream, token: str) -> str | None:
        """Return where an upstream may ring for one submit; None if it cannot or would not."""
        if self.hooks is None or not upstream.provider.takes_hints:
            return None
        return f"{self.hooks}/{upstream.provider.name}/{token}"

    def pause_s(self, count: int) -> float:
        """Return how long to wait after the `count`-th trouble in a row, jittered."""
        pauses = self.budgets.pauses_s
        pause_s = pauses[min(max(count, 1), len(pauses)) - 1]
        return pause_s * (0.75 + 0.5 * self.jitter())
