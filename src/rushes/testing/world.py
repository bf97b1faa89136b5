"""The world simulator's stage set: a scripted upstream, and ports that stop at every boundary.

Everything real code may touch between two writes stands here as a fake that first asks the
scheduler: the store, the blobs, the darkroom, the bell, and an upstream with a fate for every
submit, look, cancel, find and download. The upstream keeps the books that the auditor trusts:
what was created there, for whom, and what became of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from rushes.domain.errors import Blame, Failure, Reason, StoreBusy
from rushes.domain.provenance import Origin
from rushes.domain.spec import Size, Spec
from rushes.domain.submit import Ticket
from rushes.domain.task import Task
from rushes.ports import ArtifactKind, BlobStat, Developed, NotAFilm, Still, Transaction, Work
from rushes.providers.base import (
    Absent,
    Assets,
    Busy,
    CancelOutcome,
    Film,
    FilmLost,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Outcome,
    Quiet,
    Ready,
    Refused,
    Search,
    Stream,
    Unknown,
    Unreachable,
    Working,
)
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore, MemoryTransaction
from rushes.testing.scheduler import boundary, nap

T = TypeVar("T")

FILM: Final = b"a whole film"
DAMAGED: Final = b"half a fi"

ANSWERS: Final = (
    "accept",
    "refuse: caller",
    "refuse: route",
    "busy",
    "created, no answer",
    "not created, no answer",
    "created, too slow",
    "nonsense",
)
FATES: Final = ("ready", "lost", "never", "forgotten", "stray 404", "strange words", "cut off")
FINDS: Final = ("exact", "lagging", "unknown", "unreachable", "absent")
FILMS: Final = ("whole", "broken off", "damaged", "damaged once", "moved", "gone", "unreachable")
CANCELS: Final = ("canceled", "too late", "unsupported", "unreachable once")


@dataclass(frozen=True, slots=True)
class Script:
    """How an upstream treats the submits of one task, each in turn; the last goes on for ever."""

    answers: tuple[str, ...] = ("accept",)
    fate: str = "ready"
    film: str = "whole"
    find: str = "exact"
    cancel: str = "canceled"


@dataclass(slots=True)
class Job:
    """One creation upstream, and its true story."""

    id: str
    prompt: str
    token: str
    created_at: datetime
    script: Script
    is_billable: bool
    looks: int = 0
    opens: int = 0
    cancels: int = 0
    is_canceled: bool = False
    film: str = "film-1"


class _Opened(AbstractAsyncContextManager[Stream]):
    """A download under way."""

    def __init__(self, upstream: SimUpstream, film: Film) -> None:
        self._upstream = upstream
        self._film = film

    async def __aenter__(self) -> Stream:
        return await self._upstream.begin_download(self._film)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class SimUpstream(Quiet):
    """A provider that does what its script says, and remembers the truth."""

    def __init__(self, name: str, clock: ManualClock, *, is_billable: bool) -> None:
        self.name = name
        self.is_billable = is_billable
        self.scripts: dict[str, Script] = {}
        self.jobs: dict[str, Job] = {}
        self.calls: dict[str, int] = {}
        self._clock = clock

    def _script(self, prompt: str) -> Script:
        return self.scripts.get(prompt, Script())

    def jobs_for(self, prompt: str) -> list[Job]:
        """Return every creation for one task."""
        return [job for job in self.jobs.values() if job.prompt == prompt]

    # -- submit ------------------------------------------------------------------------

    async def submit(
        self,
        spec: Spec,
        *,
        upstream_model: str,
        token: str,
        assets: Assets,
        callback_url: str | None = None,
    ) -> Ticket:
        """Answer by the script."""
        await boundary(f"{self.name}: submit is on its way")
        script = self._script(spec.prompt)
        count = self.calls.get(spec.prompt, 0)
        self.calls[spec.prompt] = count + 1
        answer = script.answers[min(count, len(script.answers) - 1)]
        if answer in {"accept", "created, no answer", "created, too slow", "nonsense"}:
            job = self._create(spec, token, script)
        await boundary(f"{self.name}: submit was heard ({answer})")
        match answer:
            case "accept":
                return {"job": job.id}
            case "refuse: caller":
                raise Refused(Failure.of(Reason.CONTENT_REFUSED), Blame.CALLER)
            case "refuse: route":
                raise Refused(Failure.of(Reason.PROVIDER_UNUSABLE), Blame.PROVIDER)
            case "busy":
                raise Busy("too many", retry_after_s=30.0)
            case "created, too slow":
                raise TimeoutError
            case _:
                raise InDoubt(answer)

    def _create(self, spec: Spec, token: str, script: Script) -> Job:
        job = Job(
            id=f"{self.name}-{len(self.jobs) + 1}",
            prompt=spec.prompt,
            token=token,
            created_at=self._clock.now(),
            script=script,
            is_billable=self.is_billable,
        )
        self.jobs[job.id] = job
        return job

    # -- check -------------------------------------------------------------------------

    def age_s(self, job: Job) -> float:
        """Return how long ago a job was created."""
        return (self._clock.now() - job.created_at).total_seconds()

    async def check(self, ticket: Ticket) -> Outcome:
        """Tell how a job stands, as its fate has it."""
        await boundary(f"{self.name}: check")
        job = self.jobs[ticket["job"]]
        job.looks += 1
        if job.is_canceled:
            return Lost(Failure.of(Reason.PROVIDER_FAILED, "canceled upstream"))
        match job.script.fate:
            case "stray 404" if job.looks % 3 == 2:
                raise NotThere("there is no such job")
            case "strange words" if job.looks % 2 == 1:
                raise NotUnderstood("the job is 'melting'")
            case "cut off" if job.looks % 2 == 1:
                raise Unreachable("no route to host")
            case "forgotten" if job.looks > 1:
                raise NotThere("there is no such job")
            case "never" | "forgotten":
                return Working(progress=10, look_again_s=300.0)
            case "lost" if self.age_s(job) >= RENDER_S:
                return Lost(Failure.of(Reason.PROVIDER_FAILED))
        if self.age_s(job) < RENDER_S:
            percent = int(99 * self.age_s(job) / RENDER_S)
            return Working(progress=percent, look_again_s=40.0)
        return Ready({"job": job.id, "film": job.film})

    # -- cancel and find ---------------------------------------------------------------

    async def cancel(self, ticket: Ticket) -> CancelOutcome:
        """Stop a job, if the script lets us."""
        await boundary(f"{self.name}: cancel")
        job = self.jobs[ticket["job"]]
        job.cancels += 1
        match job.script.cancel:
            case "canceled" if self.age_s(job) < RENDER_S:
                job.is_canceled = True
                return CancelOutcome.CANCELED
            case "unsupported":
                return CancelOutcome.UNSUPPORTED
            case "unreachable once" if job.cancels == 1:
                raise Unreachable("no route to host")
        return CancelOutcome.TOO_LATE

    async def find(self, token: str, spec: Spec, *, upstream_model: str, since: datetime) -> Search:
        """Look for a submit by its token, as well as the script allows."""
        await boundary(f"{self.name}: find")
        script = self._script(spec.prompt)
        mine = [job for job in self.jobs.values() if job.token == token]
        match script.find:
            case "unknown":
                return Unknown()
            case "unreachable":
                raise Unreachable("no route to host")
            case "absent":
                return Absent()
            case "lagging" if mine and self.age_s(mine[0]) < LAG_S:
                return Absent()
        return Found({"job": mine[0].id}) if mine else Absent()

    # -- download ----------------------------------------------------------------------

    def open(self, film: Film) -> AbstractAsyncContextManager[Stream]:
        """Open a finished film."""
        return _Opened(self, film)

    async def begin_download(self, film: Film) -> Stream:
        """Answer a download as the script has it."""
        await boundary(f"{self.name}: open")
        job = self.jobs[film["job"]]
        job.opens += 1
        match job.script.film:
            case "gone":
                raise FilmLost("the link is dead")
            case "moved" if film["film"] == "film-1":
                job.film = "film-2"
                raise FilmLost("the link is dead")
            case "unreachable" if job.opens % 2 == 1:
                raise Unreachable("no route to host")
            case "broken off" if job.opens == 1:
                return Stream(_chunks(FILM[:4]), len(FILM))
            case "damaged":
                return Stream(_chunks(DAMAGED), len(DAMAGED))
            case "damaged once" if job.opens == 1:
                return Stream(_chunks(DAMAGED), len(DAMAGED))
        return Stream(_chunks(FILM), len(FILM))

    async def close(self) -> None:
        """Nothing to let go of."""


RENDER_S: Final = 100.0
LAG_S: Final = 60.0


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 4):
        yield content[start : start + 4]


class SimStore:
    """A store whose every write can be the last thing a worker does, before or after it."""

    def __init__(self, inner: MemoryStore, is_busy: Callable[[], bool]) -> None:
        self.inner = inner
        self._is_busy = is_busy

    async def write(self, act: Callable[[Transaction], T], *, alone: bool = False) -> T:
        """Commit, with a boundary on either side."""
        del alone
        await boundary("about to commit")
        if self._is_busy():
            raise StoreBusy("the simulated store is busy")
        result = self.inner.write_now(act)
        await boundary("committed")
        return result

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """Read the committed state."""
        return self.inner.read_now(act)


class SimBlobs:
    """Blobs whose writes can be cut anywhere; nothing shows before it is whole."""

    def __init__(self, clock: ManualClock) -> None:
        self.held: dict[str, bytes] = {}
        self._clock = clock

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a blob whole."""
        content = b""
        async for chunk in chunks:
            content += chunk
        await boundary("blob is about to be stored")
        self.held[name] = content
        await boundary("blob is stored")
        return len(content)

    async def put_files(self, files: Mapping[str, Path]) -> None:
        """Store local files."""
        self.held |= {name: path.read_bytes() for name, path in files.items()}

    async def stat(self, name: str) -> BlobStat | None:
        """Return what is known of a blob."""
        content = self.held.get(name)
        return None if content is None else BlobStat(len(content), self._clock.now())

    async def open(
        self, name: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream a blob."""
        content = self.held[name]
        yield content[start : None if length is None else start + length]

    def local_path(self, name: str) -> Path | None:
        """Return nothing: these blobs are nowhere."""
        del name
        return None

    async def delete(self, name: str) -> None:
        """Remove a blob."""
        await boundary("blob is about to be removed")
        self.held.pop(name, None)

    def delete_now(self, name: str) -> None:
        """Remove a blob at once."""
        self.held.pop(name, None)

    async def names(self, prefix: str) -> AsyncIterator[tuple[str, BlobStat]]:
        """List blobs."""
        for name in [name for name in self.held if name.startswith(prefix)]:
            yield name, BlobStat(len(self.held[name]), self._clock.now())

    async def sweep_temporary(self, older_than: datetime) -> int:
        """Find nothing: what was cut never showed."""
        return 0

    async def free_bytes(self) -> int | None:
        """Say that nobody knows."""
        return None


class SimDarkroom:
    """Develops whole films, and refuses halves."""

    def __init__(self, blobs: SimBlobs) -> None:
        self._blobs = blobs

    async def take_in(
        self,
        chunks: AsyncIterator[bytes],
        film: str,
        stills: Mapping[ArtifactKind, str],
        origin: Origin,
    ) -> Developed:
        """Store a film as it comes, and its stills if it is whole."""
        await self._blobs.put(film, chunks)
        return await self.develop(film, stills)

    async def develop(self, film: str, stills: Mapping[ArtifactKind, str]) -> Developed:
        """Store stills beside a film, if it is whole."""
        if self._blobs.held.get(film) != FILM:
            raise NotAFilm("it ends in the middle")
        for kind, blob in stills.items():
            await self._blobs.put(blob, _chunks(kind.encode()))
        made = {kind: Still(len(kind), sha256(kind.encode()).hexdigest()) for kind in stills}
        return Developed(5.0, Size(1280, 720), made)


class SimEar:
    """An ear that hears nothing."""

    def forget(self) -> None:
        """Have nothing to forget."""

    async def wait(self, timeout_s: float) -> bool:
        """Sleep."""
        await nap("waits", timeout_s)
        return False


class SimBell:
    """A bell nobody hears: every waiter sleeps its time out, the worst case."""

    def ring(self, task_id: str) -> None:
        """Ring for nobody."""

    def listen(self, task_id: str) -> AbstractContextManager[SimEar]:
        """Listen in vain."""
        return nullcontext(SimEar())

    async def wait(self, task_id: str, timeout_s: float) -> bool:
        """Sleep."""
        return await SimEar().wait(timeout_s)


class NoPatience:
    """A wait without a bound: in the simulator time passes only between boundaries."""

    def __init__(self, seconds: float) -> None:
        del seconds

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A row of the simulated engine: one piece of work, and how it stands."""

    task_id: str
    work: Work
    state: str = "queued"


class SimDispatcher:
    """Keeps work in the store's own transaction, as the real dispatcher does."""

    def enqueue(self, tx: Transaction, task: Task, work: Work, *, queue: str) -> None:
        """Write down a piece of work; one that is known already is left as it is."""
        beneath = tx.connection
        if not isinstance(beneath, MemoryTransaction):
            raise TypeError("the simulated dispatcher needs the memory store")
        if task.work_id is None:
            raise ValueError(f"{task.id} has no work id")
        beneath.put_row(task.work_id, WorkRow(task.id, work))


class SimRecords:
    """What the keeper may ask of the simulated engine."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def rows(self) -> dict[str, WorkRow]:
        """Return every piece of work by its id."""
        others = self._store.tables.others
        return {key: row for key, row in others.items() if isinstance(row, WorkRow)}

    def change(self, work_id: str, state: str) -> None:
        """Say how a piece of work stands now."""
        row = self.rows()[work_id]
        self._store.tables.others[work_id] = replace(row, state=state)

    def to_do(self) -> list[tuple[str, WorkRow]]:
        """Return the pieces of work that are not done, oldest first; asked at every step."""
        return [
            (work_id, row)
            for work_id, row in self._store.tables.others.items()
            if isinstance(row, WorkRow) and row.state != "done"
        ]

    def alive(self) -> set[str]:
        """Return which pieces of work are still to do."""
        return {work_id for work_id, _ in self.to_do()}

    async def ended(self, work_ids: list[str]) -> set[str]:
        """Return which pieces of work are not alive."""
        return set(work_ids) - self.alive()

    async def forget_history(self, before: datetime, limit: int) -> int:
        """Drop what has ended, however young: that must not matter."""
        old = [work_id for work_id, row in self.rows().items() if row.state == "done"][:limit]
        for work_id in old:
            del self._store.tables.others[work_id]
        return len(old)


class NoFetcher:
    """A fetcher for histories without links."""

    def check(self, url: str, *, param: str) -> None:
        """Find nothing wrong."""

    async def fetch(self, url: str, *, param: str, bytes_max: int, folder: Path) -> None:
        """Fail: no history has links."""
        raise AssertionError(f"{param} wants {url}")
