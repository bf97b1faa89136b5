"""A whole callers' side in one process, without workers: real SQLite, real files, real wire.

Tests bring tasks into any state through the store, as a worker would, and talk HTTP to the
application. Time stands still unless a test moves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
from starlette.types import ASGIApp

from rushes.bell import LocalBell
from rushes.blobs.local import LocalBlobs
from rushes.deeds.house import ProviderSaid
from rushes.domain.access import DEFAULT_ACCOUNT_ID, NO_LIMITS, Key, Limits
from rushes.domain.catalog import Catalog, build_catalog
from rushes.domain.errors import Failure, Reason
from rushes.domain.ids import digest_of, new_key_id
from rushes.domain.reading import shipped_cards
from rushes.domain.spec import Size
from rushes.domain.task import MOVES, Event, Measures, Status, Task, advance
from rushes.gateway.door import Gateway
from rushes.gateway.forecast import Forecast
from rushes.gateway.looks import Policies
from rushes.gateway.rates import Rates
from rushes.gateway.reprints import Reprints
from rushes.http.admin.overview import House
from rushes.http.auth import Keyring
from rushes.http.body import BodyLimits
from rushes.http.envelope import Styles
from rushes.http.files import Sign
from rushes.http.links import Links
from rushes.http.origins import Origins
from rushes.http.server import Application, Operators, Wire
from rushes.media.darkroom import FilmDarkroom
from rushes.media.examiner import FileExaminer
from rushes.media.fetch import GuardedFetcher
from rushes.media.inspector import FilmInspector
from rushes.media.poster import GuardedPoster
from rushes.observe import Metrics
from rushes.ports import (
    FILE_NAMES,
    Artifact,
    ArtifactKind,
    ArtifactState,
    Blobs,
    Budgets,
    Darkroom,
    HintReader,
    Transaction,
    Work,
)
from rushes.store.sqlite import SqliteStore
from rushes.store.status import HotRead
from rushes.testing.builders import NOON, PATHS
from rushes.testing.fakes import ManualClock
from template import a_database

SECRET = "sk-live-0000000000000000000000000000"
FILM = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(range(256)) * 8
STILLS = {
    ArtifactKind.POSTER: b"RIFF....WEBP" * 20,
    ArtifactKind.SPRITESHEET: b"\xff\xd8" * 300,
    ArtifactKind.LAST_FRAME: b"RIFF----WEBP" * 30,
}


REASONS = {
    Status.FAILED: Failure.of(Reason.PROVIDER_FAILED),
    Status.CANCELED: Failure.of(Reason.CANCELED),
    Status.EXPIRED: Failure.of(Reason.EXPIRED),
}


class RecordingDispatcher:
    """Takes work and does none of it."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Work, str]] = []

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        self.given.append((task.id, work, queue))


def _no_hint(provider: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
    """Expect nothing, and have nothing to say."""
    return None


class Wired:
    """One callers' side, its store, and helpers that play the workers."""

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog | None = None,
        policies: Policies | None = None,
        download_bytes_max: int = 64 * 2**20,
        check: Callable[[], bool] = lambda: True,
        read_hint: HintReader = _no_hint,
        blobs: Blobs | None = None,
        former: tuple[bytes, ...] = (),
        sign: Sign | None = None,
        styles: Styles | None = None,
        film: bytes = FILM,
        darkroom: Darkroom | None = None,
        bodies_bytes_max: int = 512 * 2**20,
        limits: Limits = NO_LIMITS,
        shares_rates: bool = False,
        origins: Origins | None = None,
        has_console: bool = True,
        operators: Operators | None = None,
        has_operators: bool = True,
        bell: LocalBell | None = None,
    ) -> None:
        self.clock = ManualClock(NOON)
        self.film = film
        self.bell = bell or LocalBell()
        path = a_database(folder / "rushes.db")
        self.store = SqliteStore(path, on_change=self.bell.ring_all)
        self.hot = HotRead(path)
        self.blobs = LocalBlobs(folder / "blobs")
        self.films: Blobs = blobs or self.blobs
        self.dispatcher = RecordingDispatcher()
        self.catalog = catalog or build_catalog(shipped_cards(), configured={}, has_providers=False)
        self.gateway = Gateway(
            store=self.store,
            clock=self.clock,
            catalog=self.catalog,
            blobs=self.films,
            dispatcher=self.dispatcher,
            examiner=FileExaminer(),
            fetcher=GuardedFetcher(),
            poster=GuardedPoster(),
            reprints=Reprints(
                self.store,
                self.clock,
                self.films,
                darkroom or FilmDarkroom(self.films, FilmInspector(), folder / "scratch"),
            ),
            budgets=Budgets(),
            policies=policies or Policies(),
            metrics=Metrics(),
        )
        self.providers = [ProviderSaid("sandbox", "sandbox", 2)]
        self.forecast = Forecast(self.store, self.clock, {"sandbox": 2})
        self.keyring = Keyring(self.store, self.clock, self.hot.data_version, limits=limits)
        shared = self.store if shares_rates else None
        self.rates = Rates(self.clock, self.gateway.metrics, shared)
        self.key = self.add_key(SECRET)
        self.links = Links(b"s" * 32, "http://localhost:8080", ttl_s=86400, former=former)

        async def is_up() -> bool:
            return True

        async def is_storage_up() -> bool:
            return check()

        async def nothing() -> None:
            return None

        self.application = Application(
            Wire(
                gateway=self.gateway,
                hot=self.hot,
                forecast=self.forecast,
                keyring=self.keyring,
                rates=self.rates,
                links=self.links,
                bell=self.bell,
                read_hint=read_hint,
                clock=self.clock,
                metrics=self.gateway.metrics,
                checks={"database": is_up, "storage": is_storage_up, "engine": is_up},
                before_metrics=nothing,
                body_limits=BodyLimits(25 * 2**20, 64 * 2**20),
                bodies_bytes_max=bodies_bytes_max,
                metadata_bytes_max=256 * 2**10,
                download_bytes_max=download_bytes_max,
                streams_per_key_max=3,
                is_metrics_open=True,
                version="0.0.0",
                house=House(
                    version="0.0.0",
                    started_at=NOON,
                    database="sqlite",
                    storage="file",
                    process="local",
                    roles=("api", "worker"),
                    providers=lambda: self.providers,
                ),
                sign=sign,
                styles=styles or Styles(),
                origins=origins or Origins(),
                operators=(operators or Operators()) if has_operators else None,
                has_console=has_console,
            )
        )

    def close(self) -> None:
        self.hot.close()
        self.store.close()

    def add_key(self, secret: str, **changes: Any) -> Key:
        key = Key(
            id=new_key_id(NOON),
            account_id=DEFAULT_ACCOUNT_ID,
            name="test",
            digest=digest_of(secret.encode()),
            prefix=secret[:12],
            created_at=NOON,
        )
        key = replace(key, **changes)
        self.store.write_now(lambda tx: tx.add_key(key))
        return key

    def client(
        self,
        secret: str | None = SECRET,
        app: ASGIApp | None = None,
        *,
        address: str = "127.0.0.1",
    ) -> httpx2.AsyncClient:
        """A caller with a key, from an address."""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(
                app=app or self.application, raise_app_exceptions=False, client=(address, 40_000)
            ),
            base_url="http://testserver",
            headers=headers,
            timeout=20,
        )

    # -- playing the workers -----------------------------------------------------------

    def task(self, task_id: str) -> Task:
        found = self.store.read_now(lambda tx: tx.task(task_id))
        assert found is not None
        return found

    def move(
        self, task: Task, event: Event, *, failure: Failure | None = None, **changes: Any
    ) -> Task:
        """Move a task by one event, as a worker that owns it."""
        status = MOVES[task.status, event]
        after = advance(
            task,
            event,
            at=self.clock.now(),
            deadline_at=None if status.is_final else NOON.replace(year=NOON.year + 1),
            failure=failure,
            measures=_measures(task, self.film) if status is Status.SUCCEEDED else None,
        )
        after = replace(after, **changes)

        def act(tx: Transaction) -> None:
            assert tx.move(task, after, event, at=self.clock.now())
            if status is Status.SUCCEEDED:
                for artifact in _artifacts(task, self.film):
                    tx.add_artifacts(artifact)

        self.store.write_now(act)
        return after

    async def bring(
        self, task: Task, status: Status, *, failure: Failure | None = None, **changes: Any
    ) -> Task:
        """Bring a queued task to a status by legal moves; a finished film has its bytes."""
        if status is Status.SUCCEEDED:
            await self.store_film(task)
        for event in PATHS[status]:
            ends = MOVES[task.status, event].is_final and event is not Event.STORED
            why = (failure or REASONS[MOVES[task.status, event]]) if ends else None
            task = self.move(task, event, failure=why, **changes)
        return task

    async def store_film(self, task: Task) -> None:
        for artifact in _artifacts(task, self.film):
            content = self.film if artifact.kind is ArtifactKind.FILM else STILLS[artifact.kind]
            await self.films.put(artifact.blob, _once(content))


@asynccontextmanager
async def wired(folder: Path, **options: Any) -> AsyncIterator[Wired]:
    """A callers' side for the length of a test."""
    house = Wired(folder, **options)
    await house.keyring.reload()
    try:
        yield house
    finally:
        await asyncio.to_thread(house.close)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _artifacts(task: Task, film: bytes) -> list[Artifact]:
    contents = {ArtifactKind.FILM: film, **STILLS}
    return [
        Artifact(
            blob=f"films/{task.id}/1/{kind}",
            task_id=task.id,
            epoch=0,
            kind=kind,
            state=ArtifactState.KEPT,
            created_at=NOON,
            content_type=FILE_NAMES[kind][1],
            size_bytes=len(content),
            sha256=sha256(content).hexdigest(),
        )
        for kind, content in contents.items()
    ]


def _measures(task: Task, film: bytes) -> Measures:
    seconds = 5.0 if task.spec.seconds < 0 else float(task.spec.seconds)
    size: Size = task.spec.size
    return Measures(
        size_bytes=len(film), seconds=seconds, size=size, sha256=sha256(film).hexdigest()
    )
