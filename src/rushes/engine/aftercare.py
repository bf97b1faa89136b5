"""Paid is never forgotten (P11): looking after submits whose task has ended.

A provider is told to stop where it can be; its verdict is waited for until the end of its
results' life; a film it made after we gave up is written down as late, for `salvage`.

A live task comes here too where its provider is owed one look beside its worker's own: its time
is over (`deadlines`), or an operator asked (`doubts`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.errors import Failure, LeaseLost
from rushes.domain.submit import Submit, Verdict
from rushes.domain.task import Status, Task
from rushes.engine import finding, ledger
from rushes.engine.asking import asking
from rushes.engine.deadlines import end_looked_at, is_last_look
from rushes.engine.world import Upstream, World
from rushes.ports import Transaction
from rushes.providers.base import (
    CancelOutcome,
    Found,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Unreachable,
    Working,
)

PAUSE_MIN_S: Final = 5.0
PAUSE_MAX_S: Final = 600.0
LAST_LOOKS: Final = 3


async def look_after(submit: Submit, task: Task | None, world: World) -> None:
    """Do one bounded act for a submit that nobody waits for any more.

    `task` is None where the caller deleted it; then only its ticket is left to go by.
    """
    at = world.clock.now()
    if task is not None and not task.is_final:
        await _look_for_a_live_one(submit, task, world)
    elif submit.verdict is Verdict.READY:
        await _write(replace(submit, verdict=Verdict.LATE, look_at=None), submit, world)
    elif submit.verdict is Verdict.INTENT:
        await _await_answer(submit, at, world)
    elif submit.verdict is Verdict.DOUBT:
        await _search(submit, task, at, world)
    elif submit.verdict is Verdict.ACCEPTED:
        await _watch(submit, at, world)
    else:
        await _write(replace(submit, look_at=None), submit, world)


async def _look_for_a_live_one(submit: Submit, task: Task, world: World) -> None:
    """Look once; what is found moves the task, and where nothing is, a last look ends it.

    Of a film that is being made, a look that says nothing is no last look: there is another, as
    long as the task has time. That was extended once, and ends it whatever the provider does. A
    doubt has a short time of its own, in which it was searched for again and again.
    """
    is_running = task.status is Status.RUNNING and submit.verdict is Verdict.ACCEPTED
    is_doubted = task.status is Status.IN_DOUBT and submit.verdict is Verdict.DOUBT
    if not is_running and not is_doubted:  # its worker was faster
        await _write(replace(submit, look_at=None), submit, world)
        return
    if await _waits_for_a_look(submit, world.clock.now(), world):
        return
    try:
        looking = _checked(submit, world) if is_running else _searched(submit, task, world)
        learned = await looking
    except (NotThere, NotUnderstood, Unreachable, TimeoutError) as trouble:
        note = str(trouble)[:500] or "the look took too long"
        at = world.clock.now()
        await world.store.write(lambda tx: tx.count_fault(task, note, at=at))
        await _put_off(task, submit, world)
        return
    try:
        if learned is None:
            await end_looked_at(task, submit, world)
            return
        ends = learned.verdict is Verdict.LOST and learned.reason is not None
        failure = Failure(learned.reason, learned.note) if ends and learned.reason else None
        await ledger.learn(task, learned, frozenset({submit.verdict}), world, failure=failure)
    except LeaseLost:  # whoever owns the task now finds it written down
        return


async def _put_off(task: Task, submit: Submit, world: World) -> None:
    """Look again soon for the last word on a film that is being made; a doubt has had its look."""
    if task.status is not Status.RUNNING:
        with suppress(LeaseLost):  # whoever owns the task now goes on by what is written
            await end_looked_at(task, submit, world)
        return
    look_at = world.clock.now() + timedelta(seconds=PAUSE_MIN_S)

    def act(tx: Transaction) -> None:
        learned = replace(submit, look_at=look_at if is_last_look(tx, task) else None)
        tx.change_submit(learned, frozenset({submit.verdict}))

    await world.store.write(act)


async def _checked(submit: Submit, world: World) -> Submit | None:
    """Ask how a submit stands; None if its provider still works on it, or is not configured."""
    upstream = world.upstream_of(submit)
    if upstream is None:
        return None
    async with asking(upstream, submit, "check", world) as look:
        outcome = await upstream.provider.check(submit.ticket or {})
        look.is_idle = isinstance(outcome, Working)
    if isinstance(outcome, Ready):
        verdict, film, usage = Verdict.READY, outcome.film, outcome.usage
        there = replace(submit, missing_count=0, missing_since=None, look_at=None)
        return replace(there, verdict=verdict, film=film, usage=usage)
    return _lost(submit, outcome) if isinstance(outcome, Lost) else None


async def _searched(submit: Submit, task: Task, world: World) -> Submit | None:
    """Search for a submit in doubt; None if it is not found."""
    found = await finding.find(task, submit, world)
    if not isinstance(found, Found):
        return None
    at = world.clock.now()
    return replace(
        submit, verdict=Verdict.ACCEPTED, ticket=found.ticket, answered_at=at, look_at=None
    )


def _lost(submit: Submit, outcome: Lost) -> Submit:
    return replace(
        submit,
        verdict=Verdict.LOST,
        reason=outcome.failure.reason,
        note=outcome.failure.message,
        look_at=None,
    )


async def _await_answer(submit: Submit, at: datetime, world: World) -> None:
    """The call may still be under way in a worker; when it cannot be any more, it is in doubt."""
    budgets = world.budgets
    answered_by = submit.intent_at + budgets.submit_call + budgets.submit_margin
    if at < answered_by:
        await _write(replace(submit, look_at=answered_by), submit, world)
        return
    note = "no answer was written down in time"
    doubted = replace(submit, verdict=Verdict.DOUBT, note=note, answered_at=at, look_at=at)
    await _write(doubted, submit, world)


async def _search(submit: Submit, task: Task | None, at: datetime, world: World) -> None:
    if task is None:
        await _later(submit, at, world)
        return
    if await _waits_for_a_look(submit, at, world):
        return
    try:
        found = await finding.find(task, submit, world)
    except (NotUnderstood, Unreachable, TimeoutError):
        await _later(submit, at, world)
        return
    if not isinstance(found, Found):
        await _later(submit, at, world)
        return
    ticket = found.ticket
    accepted = replace(
        submit, verdict=Verdict.ACCEPTED, ticket=ticket, answered_at=at, look_at=at, look_count=0
    )
    await _adopt(accepted, submit, world)


async def _adopt(accepted: Submit, seen: Submit, world: World) -> None:
    """Record a ticket that a search found; one that became another submit's is looked past."""
    at = world.clock.now()

    def act(tx: Transaction) -> None:
        is_known = tx.is_ticket_known(accepted)
        tx.change_submit(_next_look(seen, at) if is_known else accepted, frozenset({seen.verdict}))

    await world.store.write(act)


async def _watch(submit: Submit, at: datetime, world: World) -> None:
    upstream = world.upstream_of(submit)
    if upstream is None:
        await _later(submit, at, world)
        return
    if await _waits_for_a_look(submit, at, world):
        return
    try:
        learned = await _ask(submit, upstream, world)
    except (NotUnderstood, Unreachable, TimeoutError):
        await _later(submit, at, world)
        return
    if learned.verdict is Verdict.ACCEPTED and learned.look_count > submit.look_count:
        await _later(submit, at, world, learned)
    else:
        await _write(learned, submit, world)


async def _ask(submit: Submit, upstream: Upstream, world: World) -> Submit:
    """Tell the provider to stop, once; then ask how it stands.

    One that does not listen is asked all the same, and told again next time: its film may be late.
    """
    ticket = submit.ticket or {}
    if not submit.is_cancel_told:
        with suppress(NotUnderstood, Unreachable, TimeoutError):
            async with asking(upstream, submit, "cancel", world):
                canceled = await upstream.provider.cancel(ticket)
            if canceled is CancelOutcome.CANCELED:
                return replace(submit, verdict=Verdict.CANCELED, is_cancel_told=True, look_at=None)
            return replace(submit, is_cancel_told=True, look_at=world.clock.now())
    try:
        async with asking(upstream, submit, "check", world) as look:
            outcome = await upstream.provider.check(ticket)
            look.is_idle = isinstance(outcome, Working)
    except NotThere:
        return _missing(submit, world)
    if isinstance(outcome, Ready):
        return replace(
            submit, verdict=Verdict.LATE, film=outcome.film, usage=outcome.usage, look_at=None
        )
    if isinstance(outcome, Lost):
        return _lost(submit, outcome)
    return replace(_next_look(submit, world.clock.now()), missing_count=0, missing_since=None)


def _missing(submit: Submit, world: World) -> Submit:
    """Believe that a ticket is gone only after it was missing several times over some time."""
    at = world.clock.now()
    since = submit.missing_since or at
    count = submit.missing_count + 1
    if finding.is_gone(count, since, at, world.budgets):
        return replace(submit, verdict=Verdict.GONE, look_at=None, missing_count=count)
    return replace(_next_look(submit, at), missing_count=count, missing_since=since)


async def _let_go(submit: Submit, world: World) -> None:
    """The end of its life upstream: no verdict came, and that stays on record."""
    if submit.verdict is Verdict.DOUBT:
        await _write(replace(submit, look_at=None), submit, world)
        return
    note = "no verdict before the end of its life upstream"
    await _write(replace(submit, verdict=Verdict.GONE, note=note, look_at=None), submit, world)


async def later(submit: Submit, world: World) -> None:
    """Put a submit off whose act broke in a way that nobody foresaw."""
    task = await world.store.read(lambda tx: tx.task(submit.task_id))
    if task is not None and not task.is_final:
        await _put_off(task, submit, world)
    else:
        await _later(submit, world.clock.now(), world)


async def _waits_for_a_look(submit: Submit, at: datetime, world: World) -> bool:
    """Put a submit off while its account's looks are spent.

    It was not looked at, so its pause does not grow: else those that lose a look once would
    lose to the same ones each time.
    """
    wait_s = world.look_wait_s(submit)
    if wait_s > 0:
        await _write(replace(submit, look_at=at + timedelta(seconds=wait_s)), submit, world)
    return wait_s > 0


async def _later(submit: Submit, at: datetime, world: World, learned: Submit | None = None) -> None:
    """Look again later; at the end of its life upstream, this look was the last one.

    A life that ended while nobody was there to look is looked at a few times all the same: one
    word that went astray must not decide.
    """
    born = max(submit.intent_at, submit.answered_at or submit.intent_at)
    is_over = at >= born + world.budgets.aftercare
    if is_over and submit.look_count >= LAST_LOOKS:
        await _let_go(submit, world)
    else:
        await _write(learned or _next_look(submit, at), submit, world)


def _next_look(submit: Submit, at: datetime) -> Submit:
    """Look again after a pause that doubles each time."""
    pause_s = min(PAUSE_MAX_S, PAUSE_MIN_S * 2.0 ** min(submit.look_count, 10))
    look_at = at + timedelta(seconds=pause_s)
    return replace(submit, look_at=look_at, look_count=submit.look_count + 1)


async def _write(learned: Submit, seen: Submit, world: World) -> None:
    expected = frozenset({seen.verdict})
    await world.store.write(lambda tx: tx.change_submit(learned, expected))
