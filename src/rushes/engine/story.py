"""The story of one task: `step` looks at the rows and does the next bounded act.

Re-entrant by design. A step reads the rows, does one thing, writes what it learned and
returns; a worker may die, pause or be cut off between any two lines, and whoever takes over
reads the same rows and goes on. No engine is imported here: DBOS drives the story in
production, the simulator drives it in tests, through every crash point.

The dangerous verb is submit. Its row is committed before the call, its answer after it, and a
row without an answer is in doubt; what may be billed is never sent again (P2).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from rushes.domain.catalog import Route
from rushes.domain.errors import Blame, Failure, LeaseLost, Reason, StoreBusy, StoreInDoubt
from rushes.domain.ids import new_token
from rushes.domain.submit import Submit, Ticket, Verdict
from rushes.domain.task import Event, Status, Task, advance
from rushes.engine import admission, finding, health, ledger, routing
from rushes.engine.asking import asking
from rushes.engine.deadlines import run_out
from rushes.engine.inputs import STORAGE_PAUSE, at_hand, gather
from rushes.engine.queues import give_work
from rushes.engine.world import NOW, OVER, Again, Next, Upstream, World
from rushes.ports import Transaction
from rushes.providers.base import (
    Busy,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Refused,
    Unreachable,
    Working,
)

FILM_STATUSES = frozenset({Status.QUEUED, Status.SUBMITTING, Status.IN_DOUBT, Status.RUNNING})
WATCHED = frozenset({Status.IN_DOUBT, Status.RUNNING})
LOOK_AGAIN_MIN_S = 0.2


async def take(
    task_id: str, statuses: frozenset[Status], work_id: str, world: World
) -> Task | None:
    """Take a task over: from now on only this worker's writes count.

    A task that was taken too often without moving on is poison, and fails.
    """
    at = world.clock.now()

    def act(tx: Transaction) -> Task | None:
        taken = tx.take(task_id, statuses, work_id, takeovers_max=world.budgets.takeovers_max)
        if taken is not None:
            return taken
        task = tx.task(task_id)
        if task is not None and task.status in statuses and task.work_id == work_id:
            ledger.fail(tx, task, Failure.of(Reason.INTERNAL), at=at)
        return None

    return await world.store.write(act)


async def step(task_id: str, epoch: int, world: World, *, is_rung: bool = False) -> Next:
    """Do the next bounded act for a task on its way to a film.

    With `is_rung` somebody told of news, and the look goes before those that are merely due.

    Raises:
        LeaseLost: another worker owns the task now; this one must let go.
    """
    task, submits = await world.rows_of(task_id)
    if task is None or task.status not in FILM_STATUSES:
        return OVER
    if task.lease_epoch != epoch:
        raise LeaseLost(f"{task_id}: epoch {epoch} is past, {task.lease_epoch} owns it")
    at = world.clock.now()
    if task.deadline_at is not None and task.deadline_at <= at:
        await run_out(task, world)
        return NOW
    if task.status is Status.QUEUED:
        return await _hand_over(task, submits, world)
    if task.status is Status.SUBMITTING:
        return await _face_the_gap(task, submits[-1], world)
    if task.status is Status.IN_DOUBT:
        return await _search(task, submits, world)
    return await _watch(task, submits, world, is_rung=is_rung)


# -- queued: judge the wish, choose a route, write the intent, call once -----------------------


async def _hand_over(task: Task, submits: Sequence[Submit], world: World) -> Next:
    world.waiting.pop(task.id, None)
    refused = await admission.by_list(task, world)
    if refused is not None:
        return refused
    gathered = await gather(task, world)
    if not isinstance(gathered, Task):
        return gathered
    halted = await admission.by_service(gathered, world)
    if halted is not None:
        return halted
    healths = await world.store.read(lambda tx: tx.healths())
    offer = routing.offer(world.catalog, world.upstreams, healths)
    choice = routing.choose(gathered, submits, offer, world.clock.now())
    if isinstance(choice, routing.NotYet):
        if choice.left_alone:
            world.waiting[task.id] = choice.left_alone
        return Again(max(LOOK_AGAIN_MIN_S, choice.wait_s))
    if isinstance(choice, routing.NoRoute):
        await ledger.end(gathered, choice.failure, world)
        return OVER
    if gathered.queue not in {None, choice.route.provider}:
        return await _change_queues(gathered, choice.route.provider, world)
    return await _submit(gathered, choice.route, Event.INTENT, world)


async def _change_queues(task: Task, provider: str, world: World) -> Next:
    """Go and wait for a slot of the provider that is asked next; this one's slot is let go."""

    def act(tx: Transaction) -> None:
        if not give_work(tx, task, provider, world.dispatcher):
            raise LeaseLost(f"{task.id}: not ours to move")

    await world.store.write(act)
    return OVER


async def _submit(task: Task, route: Route, event: Event, world: World) -> Next:
    """Write the intent, then call, then write the answer: the only place that submits."""
    life = world.life()
    if life is None:  # our work may be with others by now; they would see it in doubt
        return Again(world.pause_s(1))
    if not await at_hand(task, world):
        return Again(world.pause_s(STORAGE_PAUSE))
    upstream = world.upstreams[route.provider]
    at = world.clock.now()
    if event is Event.INTENT and task.deadline_at is not None and task.deadline_at <= at:
        await run_out(task, world)  # files and judgements took the time that was left
        return NOW
    submit = Submit(
        task_id=task.id,
        n=task.submit_count + 1,
        provider=route.provider,
        upstream_model=route.upstream_model,
        credential=upstream.credential,
        token=new_token(),
        is_billable=route.is_billable,
        epoch=task.lease_epoch,
        intent_at=at,
    )
    budgets = world.budgets
    limit = budgets.submit_call + budgets.submit_margin
    deadline_at = task.deadline_at if event is Event.RENEWED else at + limit
    after = advance(task, event, at=at, deadline_at=deadline_at)

    def intend(tx: Transaction) -> bool:
        if not health.may_ask(tx, route, at=at, until=at + limit):
            return False
        if not tx.move(task, after, event, at=at):
            raise LeaseLost(f"{task.id}: not ours to submit")
        tx.add_submit(submit)
        return True

    with world.submitting():
        if not await world.store.write(intend):  # someone else probes the route
            return Again(world.pause_s(1))
        if world.life() != life:
            return await _unsent(after, submit, world)
        _draw_queue(task, submit, world)
        return await _call(after, submit, upstream, world)


async def _call(task: Task, submit: Submit, upstream: Upstream, world: World) -> Next:
    try:
        async with asking(upstream, submit, "submit", world):
            ticket = await upstream.provider.submit(
                task.spec,
                upstream_model=submit.upstream_model,
                token=submit.token,
                assets=world.assets,
                callback_url=world.callback_url(upstream, submit.token),
            )
    except Refused as verdict:
        return await _refused(task, submit, verdict, world)
    except Busy as verdict:
        return await _busy(task, submit, verdict, world)
    except (InDoubt, TimeoutError) as verdict:
        note = verdict.note if isinstance(verdict, InDoubt) else "the submit call took too long"
        return await _doubt(task, submit, note, world)
    return await _accept(task, submit, ticket, world)


async def _accept(task: Task, submit: Submit, ticket: Ticket, world: World) -> Next:
    """Record a ticket: always, also for a task that has ended or changed hands (P11)."""
    accepted = replace(
        submit, verdict=Verdict.ACCEPTED, ticket=ticket, answered_at=world.clock.now()
    )
    learning = ledger.learn(task, accepted, ledger.UNANSWERED, world)
    await _first(learning, lambda: health.note_success(submit, world))
    return NOW


async def _is_adopted(task: Task, submit: Submit, ticket: Ticket, world: World) -> bool:
    """Record a ticket that a search found, unless it became another submit's meanwhile."""
    accepted = replace(
        submit, verdict=Verdict.ACCEPTED, ticket=ticket, answered_at=world.clock.now()
    )
    if not await ledger.learn(task, accepted, ledger.UNANSWERED, world, is_found=True):
        return False
    await health.note_success(submit, world)
    return True


async def _doubt(task: Task, submit: Submit, note: str, world: World) -> Next:
    learning = _learn_doubt(task, submit, note, world)
    await _first(learning, lambda: health.note_fault(submit, note, world))
    return NOW


async def _doubt_ours(task: Task, submit: Submit, world: World) -> None:
    """Doubt a submit whose worker stopped: no fault of its route, which may work as ever."""
    await _learn_doubt(task, submit, "the worker stopped before the answer was known", world)


def _learn_doubt(task: Task, submit: Submit, note: str, world: World) -> Awaitable[bool]:
    doubted = replace(submit, verdict=Verdict.DOUBT, note=note, answered_at=world.clock.now())
    return ledger.learn(task, doubted, frozenset({Verdict.INTENT}), world)


async def _busy(task: Task, submit: Submit, verdict: Busy, world: World) -> Next:
    at = world.clock.now()
    wait_s = verdict.retry_after_s
    if wait_s is None:
        wait_s = world.pause_s(submit.n)
    returned = replace(
        submit,
        verdict=Verdict.RETURNED,
        reason=Reason.PROVIDER_RATE_LIMITED,
        note=verdict.note,
        answered_at=at,
        next_try_at=at + routing.seconds(wait_s),
    )
    learning = ledger.learn(task, returned, ledger.UNANSWERED, world)
    await _first(learning, lambda: health.note_busy(submit, verdict, world))
    return NOW


async def _unsent(task: Task, submit: Submit, world: World) -> Next:
    """This process stood still after its intent, long enough to be taken for dead: nothing is sent.

    Whoever has the task now finds the proof that nothing was, and may submit it.
    """
    at = world.clock.now()
    note = "not sent: this worker stood still before it could be"
    returned = replace(
        submit,
        verdict=Verdict.RETURNED,
        reason=Reason.PROVIDER_FAILED,
        note=note,
        answered_at=at,
        next_try_at=at,
    )
    await ledger.learn(task, returned, ledger.UNANSWERED, world)
    return NOW


async def _refused(task: Task, submit: Submit, verdict: Refused, world: World) -> Next:
    """A refusal that is the caller's fault ends the task; any other spends the route."""
    returned = replace(
        submit,
        verdict=Verdict.RETURNED,
        reason=verdict.failure.reason,
        note=verdict.failure.message,
        answered_at=world.clock.now(),
    )
    if verdict.note:
        note = f"{submit.provider} refused: {verdict.note}"[:500]
        at = world.clock.now()
        with suppress(StoreBusy, StoreInDoubt):  # that it was refused matters more than why
            await world.store.write(lambda tx: tx.count_fault(task, note, at=at))
    ends = verdict.failure if verdict.blame is Blame.CALLER else None
    learning = ledger.learn(task, returned, ledger.UNANSWERED, world, failure=ends)
    await _first(learning, lambda: health.note_refusal(submit, verdict, world))
    return NOW


async def _first(learning: Awaitable[bool], noting: Callable[[], Awaitable[None]]) -> None:
    """Write evidence of money before anything else; how its route fares counts whoever has it."""
    try:
        await learning
    except (LeaseLost, StoreBusy, StoreInDoubt):
        await noting()
        raise
    await noting()


# -- submitting, but not by us: somebody stopped between the intent and the answer -----------


async def _face_the_gap(task: Task, submit: Submit, world: World) -> Next:
    """Follow the evidence in the submit's row; without any, the submit is in doubt.

    This process may have some that the store did not take when it came.
    """
    late = world.unwritten.get((submit.task_id, submit.n))
    if late is not None:
        await ledger.learn(task, late.submit, late.expected, world, failure=late.failure)
        return NOW
    if submit.verdict is not Verdict.INTENT:
        await ledger.follow(task, submit, world)
        return NOW
    await _doubt_ours(task, submit, world)
    return NOW


# -- in doubt: look for it upstream, and wait out the quarantine -----------------------------


async def _search(task: Task, submits: Sequence[Submit], world: World) -> Next:
    submit = submits[-1]
    if submit.verdict is not Verdict.DOUBT:
        await ledger.follow(task, submit, world)
        return NOW
    wait_s = world.look_wait_s(submit)
    if wait_s > 0:
        return Again(wait_s)
    try:
        found = await finding.find(task, submit, world)
    except (NotUnderstood, Unreachable, TimeoutError) as trouble:
        return await _trouble(task, str(trouble) or "the search took too long", world)
    if isinstance(found, Found) and await _is_adopted(task, submit, found.ticket, world):
        return NOW
    if not submit.is_billable and routing.attempts_left(submit, submits, world.catalog, task):
        await ledger.give_back(task, world)
        return NOW
    looked = replace(submit, look_count=submit.look_count + 1)
    await ledger.learn(task, looked, frozenset({Verdict.DOUBT}), world)
    return Again(world.pause_s(looked.look_count + 1))


# -- running: watch until the provider's verdict ---------------------------------------------


async def _watch(task: Task, submits: Sequence[Submit], world: World, *, is_rung: bool) -> Next:
    submit = submits[-1]
    if submit.verdict is Verdict.READY:
        await ledger.follow(task, submit, world)
        return NOW
    upstream = world.upstream_of(submit)
    if upstream is None:
        return await _trouble(task, f"provider {submit.provider} is not configured", world)
    if submit.verdict is not Verdict.ACCEPTED or submit.ticket is None:
        return await _renew(task, submits, world)
    return await _check(task, submit, upstream, world, is_rung=is_rung)


async def _check(
    task: Task, submit: Submit, upstream: Upstream, world: World, *, is_rung: bool
) -> Next:
    wait_s = upstream.looks.turn_s(world.clock.now(), submit.token, is_rung=is_rung)
    if not wait_s:
        wait_s = await world.pass_s(upstream.looks, is_rung=is_rung)
    if wait_s > 0:  # its turn is later: others of the account look now
        return Again(wait_s, is_put_off=True)
    try:
        async with asking(upstream, submit, "check", world) as look:
            outcome = await upstream.provider.check(submit.ticket or {})
            look.is_idle = isinstance(outcome, Working)
    except NotThere as trouble:
        return await _missing(task, submit, str(trouble), world)
    except (NotUnderstood, Unreachable, TimeoutError) as trouble:
        return await _trouble(task, str(trouble) or "the look took too long", world)
    submit = await _is_there(task, submit, world)
    match outcome:
        case Working(progress, look_again_s):
            if progress is not None:
                world.note_progress(task.id, task.lease_epoch, min(99, max(1, progress)))
            wait_s = max(LOOK_AGAIN_MIN_S, look_again_s) * (0.9 + 0.2 * world.jitter())
            return Again(upstream.looks.again_s(world.clock.now(), submit.token, wait_s))
        case Ready(film, usage):
            ready = replace(submit, verdict=Verdict.READY, film=film, usage=usage, look_at=None)
            _draw_render(submit, world)
            await ledger.learn(task, ready, ledger.UNFINISHED, world)
            return NOW
        case Lost(failure):
            _draw_render(submit, world, failure)
            return await _lost(task, submit, failure, world)


async def _lost(task: Task, submit: Submit, failure: Failure, world: World) -> Next:
    """A verdict of no film ends the task, unless our own GPU may simply be asked again.

    A provider that says so itself gives a verdict; one that merely forgot the task does not,
    and what it may have been paid for stays on record as gone.
    """
    has_said_so = submit.missing_count == 0
    lost = replace(
        submit,
        verdict=Verdict.LOST if has_said_so else Verdict.GONE,
        reason=failure.reason,
        note=failure.message,
    )
    submits = await world.store.read(lambda tx: tx.submits(task.id))
    may_renew = (
        not submit.is_billable
        and failure.reason in routing.MENDABLE
        and routing.attempts_left(submit, submits, world.catalog, task)
    )
    await ledger.learn(task, lost, ledger.UNFINISHED, world, failure=None if may_renew else failure)
    return NOW


async def _missing(task: Task, submit: Submit, note: str, world: World) -> Next:
    """One stray "not there" changes nothing; several in a row over some time are believed."""
    at = world.clock.now()
    since = submit.missing_since or at
    counted = replace(submit, missing_count=submit.missing_count + 1, missing_since=since)
    await ledger.learn(task, counted, frozenset({Verdict.ACCEPTED}), world)
    if finding.is_gone(counted.missing_count, since, at, world.budgets):
        failure = Failure.of(Reason.OUTPUT_LOST, "The provider no longer knows the task.")
        return await _lost(task, counted, failure, world)
    await _trouble(task, note, world)
    return Again(world.budgets.missing_for.total_seconds() / world.budgets.missing_max)


async def _is_there(task: Task, submit: Submit, world: World) -> Submit:
    if not submit.missing_count:
        return submit
    there = replace(submit, missing_count=0, missing_since=None)
    await ledger.learn(task, there, frozenset({Verdict.ACCEPTED}), world)
    return there


async def _renew(task: Task, submits: Sequence[Submit], world: World) -> Next:
    """Our own GPU lost the work: ask again, as long as attempts are left."""
    submit = submits[-1]
    at = world.clock.now()
    if submit.next_try_at is not None and at < submit.next_try_at:
        return Again((submit.next_try_at - at).total_seconds())
    is_spent = submit.verdict is Verdict.RETURNED and submit.next_try_at is None
    has_attempts = routing.attempts_left(submit, submits, world.catalog, task)
    if submit.is_billable or is_spent or not has_attempts:
        reason = submit.reason or Reason.PROVIDER_FAILED
        await ledger.end(task, Failure.of(reason, submit.note), world)
        return OVER
    if submit.verdict is Verdict.INTENT:
        await _doubt_ours(task, submit, world)
    route = routing.route_of(submit, world.catalog, task)
    return await _submit(task, route, Event.RENEWED, world)


async def _trouble(task: Task, note: str, world: World) -> Next:
    """Count what we did not understand; the task's own deadline bounds it (P3)."""
    at = world.clock.now()
    await world.store.write(lambda tx: tx.count_fault(task, note[:500], at=at))
    return Again(world.pause_s(task.fault_count + 1))


# -- what operators see of it in the trace ----------------------------------------------------


def _draw_queue(task: Task, submit: Submit, world: World) -> None:
    """Draw how long a task waited for its first submit; later ones are seen between submits."""
    if submit.n == 1:
        began_at, ended_at, provider = task.created_at, submit.intent_at, submit.provider
        world.traces.record(task.id, "queue", began_at, ended_at, provider=provider)


def _draw_render(submit: Submit, world: World, failure: Failure | None = None) -> None:
    """Draw how long a provider worked on a submit, from its answer to the look that told."""
    world.traces.record(
        submit.task_id,
        "render",
        submit.answered_at or submit.intent_at,
        world.clock.now(),
        fault=None if failure is None else str(failure.reason),
        provider=submit.provider,
        n=submit.n,
    )
