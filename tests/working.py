"""A workers' side in one process: real story, keeper and rows, and one provider that does as told.

Time stands still unless a test moves it; only `patience` is real, for tests about hanging.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from rushes.domain.catalog import Catalog, Listing, Route
from rushes.domain.provenance import Origin
from rushes.domain.spec import Size, Spec
from rushes.domain.submit import Submit, Ticket
from rushes.domain.task import Status, Task
from rushes.engine.keeper import Keeper
from rushes.engine.world import Upstream, World
from rushes.ports import ArtifactKind, Budgets, Developed, Still, Transaction, Work
from rushes.providers.base import (
    Assets,
    CancelOutcome,
    Film,
    Outcome,
    Quiet,
    Search,
    Stream,
    Unknown,
    Working,
)
from rushes.testing.builders import MODEL, NOON, put_task
from rushes.testing.fakes import ManualClock, MemoryBlobs
from rushes.testing.memory_store import MemoryStore

FILM = b"a whole film"
TURNS = 50
"""More turns of the loop than a worker needs to do one thing."""


async def never(*_args: Any) -> Any:
    """Hang, as an upstream may."""
    await asyncio.Event().wait()


async def turn() -> None:
    """Let the loop turn until everyone who is awake has done what there was to do."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _accept(spec: Spec, token: str) -> Ticket:
    return {"job": token}


async def _working(ticket: Ticket) -> Outcome:
    return Working()


async def _cancel(ticket: Ticket) -> CancelOutcome:
    return CancelOutcome.CANCELED


async def _find(token: str) -> Search:
    return Unknown()


async def whole(film: Film) -> AsyncIterator[bytes]:
    yield FILM


@dataclass
class Told(Quiet):
    """A provider that does what a test says."""

    name: str = "gpu"
    on_submit: Callable[[Spec, str], Awaitable[Ticket]] = _accept
    on_check: Callable[[Ticket], Awaitable[Outcome]] = _working
    on_cancel: Callable[[Ticket], Awaitable[CancelOutcome]] = _cancel
    on_find: Callable[[str], Awaitable[Search]] = _find
    on_open: Callable[[Film], AsyncIterator[bytes]] = whole

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        return await self.on_submit(spec, token)

    async def check(self, ticket: Ticket) -> Outcome:
        return await self.on_check(ticket)

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        return await self.on_cancel(ticket)

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        return await self.on_find(token)

    @contextlib.asynccontextmanager
    async def open(self, film: Film) -> AsyncIterator[Stream]:
        yield Stream(self.on_open(film))

    async def close(self) -> None:
        return None


async def develop(film: str) -> None:
    """Find nothing wrong with it."""


@dataclass
class Darkroom:
    """Makes stills of anything, unless `on_develop` finds a fault."""

    blobs: MemoryBlobs
    on_develop: Callable[[str], Awaitable[None]] = develop
    sealed: Still | None = None
    notes: tuple[str, ...] = ()
    origins: list[Origin] = field(default_factory=list)

    async def take_in(
        self,
        chunks: AsyncIterator[bytes],
        film: str,
        stills: Mapping[ArtifactKind, str],
        origin: Origin,
    ) -> Developed:
        self.origins.append(origin)
        await self.blobs.put(film, chunks)
        developed = await self.develop(film, stills)
        return replace(developed, film=self.sealed, notes=self.notes)

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        first, *others = stills.values()
        await self.blobs.put(first, whole({}))
        await self.on_develop(film)
        for blob in others:
            await self.blobs.put(blob, whole({}))
        still = Still(len(FILM), sha256(FILM).hexdigest())
        return Developed(5.0, Size(1280, 720), dict.fromkeys(stills, still))


class Dispatcher:
    """Takes work and does none of it."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Work, str]] = []

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        self.given.append((task.id, work, queue))


class Records:
    """The engine's own records: every piece of work is alive but those in `dead`."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.sweeps: list[datetime] = []

    async def ended(self, work_ids: list[str]) -> set[str]:
        return self.dead & set(work_ids)

    async def forget_history(self, before: datetime, limit: int) -> int:
        self.sweeps.append(before)
        return 0


@dataclass
class Workers:
    """One workers' side. `broken` is what the keeper told of."""

    provider: Told = field(default_factory=Told)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON + timedelta(minutes=1)))
    store: MemoryStore = field(default_factory=MemoryStore)
    records: Records = field(default_factory=Records)
    dispatcher: Dispatcher = field(default_factory=Dispatcher)
    budgets: Budgets = field(default_factory=Budgets)
    broken: list[tuple[str, Exception]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.blobs = MemoryBlobs(self.clock)
        self.darkroom = Darkroom(self.blobs)
        routes = (Route(self.provider.name, "wan2.5-t2v"),)
        listing = Listing(MODEL, cast("Any", None), routes, is_rehearsal=False)
        self.world = World(
            store=self.store,
            clock=self.clock,
            catalog=Catalog({MODEL: listing}, {}),
            upstreams={self.provider.name: Upstream(self.provider, "env:GPU_KEY")},
            blobs=self.blobs,
            assets=cast("Assets", None),
            fetcher=cast("Any", None),
            examiner=cast("Any", None),
            darkroom=self.darkroom,
            dispatcher=self.dispatcher,
            budgets=self.budgets,
            patience=asyncio.timeout,
            jitter=lambda: 0.5,
            note_progress=lambda *_: None,
            scratch=Path("nowhere"),
        )
        self.keeper = Keeper(self.world, self.records, tell=lambda *told: self.broken.append(told))

    def put(self, status: Status = Status.QUEUED, **changes: Any) -> Task:
        """Bring a task to a status, as a worker that took it."""
        task = self.store.write_now(lambda tx: put_task(tx, status, **changes))
        return self.take(task) if not status.is_final else task

    def take(self, task: Task) -> Task:
        taken = self.store.write_now(
            lambda tx: tx.take(task.id, frozenset({task.status}), str(task.work_id))
        )
        assert taken is not None
        return taken

    def task(self, task: Task) -> Task:
        found = self.store.read_now(lambda tx: tx.task(task.id))
        assert found is not None
        return found

    def submit(self, task: Task) -> Submit:
        return self.store.read_now(lambda tx: tx.submits(task.id))[-1]

    def change(self, submit: Submit, **changes: Any) -> Submit:
        """Write something into a submit's row."""
        changed = replace(submit, **changes)
        verdict = frozenset({submit.verdict})
        assert self.store.write_now(lambda tx: tx.change_submit(changed, verdict))
        return changed

    async def blob_names(self) -> list[str]:
        return [name async for name, _ in self.blobs.names("")]
