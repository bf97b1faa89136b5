"""Bringing a finished film home: fetch, decode to the end, seal, keep it and its stills, settle.

Runs on a queue of its own, so that a slow download holds no provider's slot. Every try
writes blobs of its own; the winner is named in the transaction that says `succeeded` (P4).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from rushes.domain.catalog import SANDBOX
from rushes.domain.errors import Failure, LeaseLost, Reason, StoreBusy
from rushes.domain.prices import Charge
from rushes.domain.provenance import Origin, SourceType
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Event, Measures, Status, Task, advance
from rushes.engine import ledger, routing
from rushes.engine.asking import asking
from rushes.engine.charging import charge_for
from rushes.engine.deadlines import run_out
from rushes.engine.finding import is_gone
from rushes.engine.world import NOW, OVER, Again, Next, Upstream, World
from rushes.ports import (
    Artifact,
    ArtifactKind,
    ArtifactState,
    NotAFilm,
    Still,
    Transaction,
    Work,
    new_try,
    work_id_of,
)
from rushes.providers.base import (
    FilmLost,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Stream,
    Unreachable,
)
from rushes.traces import stage

if TYPE_CHECKING:
    from hashlib import _Hash

COLLECT_STATUSES: Final = frozenset({Status.STORING})
DAMAGE: Final = "the film is damaged"
DAMAGED_MAX: Final = 3
MISSED_WITHIN: Final = 20
"""Within how many times `missing_for` misses of a film count as being in a row."""

LOOK_AGAIN_MIN_S: Final = 0.2
STILLS: Final = tuple(kind for kind in ArtifactKind if kind is not ArtifactKind.FILM)


class TooLong(Exception):
    """The film is larger than the operator allows; asking again cannot help."""


_FAILED_TRY: Final = (
    FilmLost,
    NotAFilm,
    NotUnderstood,
    Unreachable,
    TooLong,
    OSError,
    StoreBusy,
    LeaseLost,
)
"""After these nothing of the try was kept. A worker that is cut off in `_keep` cannot know."""


@dataclass(slots=True)
class Fetched:
    """A film on its way from its provider: counted and hashed, and stopped above a limit.

    `let_go` ends the connection: with the last byte, before anybody looks at what came.
    """

    stream: Stream
    let_go: Callable[[], Awaitable[None]]
    bytes_max: int
    size_bytes: int = 0
    hasher: _Hash = field(default_factory=hashlib.sha256)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream.chunks:
            self.size_bytes += len(chunk)
            if self.size_bytes > self.bytes_max:
                raise TooLong(f"the film has more than {self.bytes_max} bytes")
            self.hasher.update(chunk)
            yield chunk
        await self.let_go()
        promised = self.stream.length
        if promised is not None and promised != self.size_bytes:
            raise Unreachable(f"the film broke off at {self.size_bytes} of {promised} bytes")

    @property
    def file(self) -> Still:
        """What came, once all of it did."""
        return Still(self.size_bytes, self.hasher.hexdigest())


@dataclass(frozen=True, slots=True)
class _Try:
    """A task as one try at its film found it, and the blobs that are its own.

    `upstream` is None where its provider is not configured any more; then, and where the task's
    time is over, there are no blobs.
    """

    task: Task
    submit: Submit
    upstream: Upstream | None
    blobs: Mapping[ArtifactKind, Artifact]


@dataclass(frozen=True, slots=True)
class _Home:
    """A film and its stills in our blobs; `notes` are what could not be done to it."""

    kept: list[Artifact]
    measures: Measures
    notes: tuple[str, ...]


async def step(task_id: str, epoch: int, world: World, *, is_rung: bool = False) -> Next:
    """Do the next bounded act for a task whose film exists.

    Raises:
        LeaseLost: another worker owns the task now; this one must let go.
    """
    del is_rung  # it does not wait in line
    found = await world.store.write(lambda tx: _begin(tx, task_id, epoch, world))
    if found is None:
        return OVER
    task, submit = found.task, found.submit
    if _is_over(task, world):
        await run_out(task, world)
        return NOW  # it has ended, or a little more time
    try:
        await _bring_home(found, world)
    except (FilmLost, NotThere):
        return await _ask_again(task, submit, world)
    except NotAFilm as damage:
        return await _damaged(task, submit, f"{DAMAGE}: {damage}", world)
    except TooLong as excess:
        return await _give_up(task, submit, str(excess), world)
    except (Unreachable, NotUnderstood, OSError) as trouble:
        return await _trouble(task, str(trouble) or type(trouble).__name__, world)
    return OVER


def _begin(tx: Transaction, task_id: str, epoch: int, world: World) -> _Try | None:
    """Look at a task, and write down the blobs of a try before there are any; None: not to do."""
    task = tx.task(task_id)
    if task is None or task.status is not Status.STORING:
        return None
    if task.lease_epoch != epoch:
        raise LeaseLost(f"{task_id}: epoch {epoch} is past, {task.lease_epoch} owns it")
    submit = tx.submits(task_id)[-1]
    upstream = world.upstream_of(submit)
    is_to_do = upstream is not None and not _is_over(task, world)
    blobs = new_try(task, ArtifactKind, at=world.clock.now()) if is_to_do else {}
    tx.add_artifacts(*blobs.values())
    return _Try(task, submit, upstream, blobs)


def _is_over(task: Task, world: World) -> bool:
    """Whether the task's time to be brought home has passed."""
    return task.deadline_at is not None and task.deadline_at <= world.clock.now()


async def _bring_home(found: _Try, world: World) -> None:
    submit = found.submit
    with world.traces.span(
        found.task.id,
        "collect",
        provider=submit.provider,
        upstream_model=submit.upstream_model,
        n=submit.n,
    ) as span:
        home = await _try_to(found, world)
        span.note(bytes=home.measures.size_bytes, seconds=home.measures.seconds)


async def _try_to(found: _Try, world: World) -> _Home:
    if found.upstream is None:
        raise Unreachable(f"provider {found.submit.provider} is not configured")
    try:
        home = await _store(found, found.upstream, world)
        with stage("settle"):
            await _keep(found.task, found.submit, home, world)
    except _FAILED_TRY:
        await _leave_nothing(found.blobs, world)
        raise
    return home


async def _store(found: _Try, upstream: Upstream, world: World) -> _Home:
    """Store and measure film and stills; what drips in or hangs ends with the task's time."""
    film = found.blobs[ArtifactKind.FILM].blob
    stills: dict[ArtifactKind, str] = {kind: found.blobs[kind].blob for kind in STILLS}
    origin = _origin(found.task, found.submit, at=world.clock.now())
    async with world.patience(_left_s(found.task, world)), AsyncExitStack() as line:
        async with asking(upstream, found.submit, "open", world, is_bounded=False):
            film_there = upstream.provider.open(found.submit.film or {})
            stream = await line.enter_async_context(film_there)
        fetched = Fetched(stream, line.aclose, world.budgets.film_bytes_max)
        developed = await world.darkroom.take_in(aiter(fetched), film, stills, origin)
    stored = developed.film or fetched.file
    files = {ArtifactKind.FILM: stored, **developed.stills}
    return _Home(
        kept=[_kept(found.blobs[kind], files[kind]) for kind in (ArtifactKind.FILM, *STILLS)],
        measures=Measures(
            size_bytes=stored.size_bytes,
            seconds=developed.seconds,
            size=developed.size,
            sha256=stored.sha256,
        ),
        notes=developed.notes,
    )


def _origin(task: Task, submit: Submit, *, at: datetime) -> Origin:
    """Return where a task's film comes from."""
    is_drawn = submit.provider == SANDBOX
    return Origin(
        task_id=task.id,
        model=submit.upstream_model,
        asked_model=task.model,
        provider=submit.provider,
        source_type=SourceType.ALGORITHMIC if is_drawn else SourceType.TRAINED,
        at=at,
        prompt=task.spec.prompt,
    )


def _left_s(task: Task, world: World) -> float:
    """Return how long the task may still be here; no more than its budget, whatever clocks do."""
    limit = world.budgets.collect
    left = limit if task.deadline_at is None else task.deadline_at - world.clock.now()
    return min(limit, left).total_seconds()


async def _leave_nothing(blobs: Mapping[ArtifactKind, Artifact], world: World) -> None:
    """Remove the blobs of a try that failed: many may follow before the task ends."""
    for artifact in blobs.values():
        with suppress(OSError):  # the keeper sweeps it, once the task has ended
            await world.blobs.delete(artifact.blob)


def _kept(artifact: Artifact, still: Still) -> Artifact:
    return replace(
        artifact, state=ArtifactState.KEPT, size_bytes=still.size_bytes, sha256=still.sha256
    )


async def _keep(task: Task, submit: Submit, home: _Home, world: World) -> None:
    """Say `succeeded`: status, money, outbox, artifacts and the submit's end in one transaction."""
    at = world.clock.now()
    delivered = replace(submit, verdict=Verdict.DELIVERED, look_at=None)

    def act(tx: Transaction) -> Charge:
        now = tx.task(task.id)
        if now is None or now.is_final or now.lease_epoch != task.lease_epoch:
            raise LeaseLost(f"{task.id}: not ours to finish")
        tx.change_submit(delivered, frozenset({Verdict.READY}))
        for note in home.notes:
            tx.count_fault(now, note[:500], at=at)
        charge = charge_for(tx, now, submit, home.measures)
        after = advance(
            now, Event.STORED, at=at, measures=home.measures, charged_microusd=charge.microusd
        )
        kept_until = world.retention.expires_at(now.account_id, now.model, at)
        after = replace(after, expires_at=now.expires_at or kept_until)
        if not tx.move(now, after, Event.STORED, at=at):
            raise LeaseLost(f"{task.id}: it moved on meanwhile")
        tx.keep_artifacts(*home.kept)
        return charge

    world.charged.note(task, await world.store.write(act))


async def _ask_again(task: Task, submit: Submit, world: World) -> Next:
    """There is no film under the handle: the provider may have a fresh one, or the film later."""
    upstream = world.upstream_of(submit)
    if upstream is None:
        return await _trouble(task, f"provider {submit.provider} is not configured", world)
    wait_s = upstream.looks.wait_s(world.clock.now())
    if wait_s > 0:
        return Again(wait_s)
    try:
        async with asking(upstream, submit, "check", world):
            outcome = await upstream.provider.check(submit.ticket or {})
    except NotThere as trouble:
        return await _missing(task, submit, str(trouble), world)
    except (NotUnderstood, Unreachable, TimeoutError) as trouble:
        return await _trouble(task, str(trouble) or "the look took too long", world)
    if isinstance(outcome, Lost):
        return await _give_up(task, submit, outcome.failure.message, world)
    if not isinstance(outcome, Ready):
        return Again(max(LOOK_AGAIN_MIN_S, outcome.look_again_s))
    fresh = replace(submit, film=outcome.film)
    again = await _missing(task, fresh, "the provider has no film under its handle", world)
    is_first = fresh.film != submit.film and not submit.missing_count
    return NOW if is_first else again


async def _missing(task: Task, submit: Submit, note: str, world: World) -> Next:
    """A film that is not there may be soon, as stores of providers are slow to agree.

    Misses that lie far apart are none in a row: links that end every hour, while ours is away.
    """
    at = world.clock.now()
    since, count = submit.missing_since, submit.missing_count
    if since is None or at - since > MISSED_WITHIN * world.budgets.missing_for:
        since, count = at, 0
    counted = replace(submit, missing_count=count + 1, missing_since=since)
    if is_gone(counted.missing_count, since, at, world.budgets):
        return await _give_up(task, submit, note, world)
    await ledger.learn(task, counted, frozenset({Verdict.READY}), world)
    await world.store.write(lambda tx: tx.count_fault(task, note[:500], at=at))
    return Again(world.budgets.missing_for.total_seconds() / world.budgets.missing_max)


async def _damaged(task: Task, submit: Submit, note: str, world: World) -> Next:
    """A film that is damaged is asked for a few times, not for ever; other trouble counts not."""
    faults = await world.store.read(lambda tx: tx.faults(task.id))
    times = sum(fault.count for fault in faults if fault.note.startswith(DAMAGE))
    if min(times, task.fault_count) + 1 >= DAMAGED_MAX:
        return await _give_up(task, submit, note, world)
    return await _trouble(task, note, world)


async def _give_up(task: Task, submit: Submit, note: str, world: World) -> Next:
    """End the task, or let an own GPU make the film again."""
    at = world.clock.now()
    lost = replace(submit, verdict=Verdict.LOST, reason=Reason.OUTPUT_LOST, note=note[:500])

    def act(tx: Transaction) -> None:
        now = tx.task(task.id)
        if now is None or now.is_final or now.lease_epoch != task.lease_epoch:
            raise LeaseLost(f"{task.id}: not ours to give up")
        submits = tx.submits(task.id)
        if submit.is_billable or not routing.attempts_left(submit, submits, world.catalog, now):
            ledger.fail(tx, now, Failure.of(Reason.OUTPUT_LOST), at=at)
            return
        tx.change_submit(lost, frozenset({Verdict.READY}))
        after = advance(now, Event.UNMADE, at=at, deadline_at=at + world.budgets.render)
        after = replace(after, work_id=work_id_of(after, Work.FILM))
        if not tx.move(now, after, Event.UNMADE, at=at):
            raise LeaseLost(f"{task.id}: it moved on meanwhile")
        world.dispatcher.enqueue(tx, after, Work.FILM, queue=submit.provider)

    await world.store.write(act)
    return OVER


async def _trouble(task: Task, note: str, world: World) -> Next:
    at = world.clock.now()
    await world.store.write(lambda tx: tx.count_fault(task, note[:500], at=at))
    return Again(world.pause_s(task.fault_count + 1))
