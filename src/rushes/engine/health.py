"""What a submit teaches about its route, and whether a route may be asked (domain/health).

Written apart from the task: a worker that lost its task still learned something about the
route. Only what changes is written, so a route that works costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias

from rushes.domain.catalog import Route
from rushes.domain.errors import Blame, Reason
from rushes.domain.health import (
    Health,
    RouteState,
    after_busy,
    after_fault,
    after_retirement,
    after_success,
    needs_probe,
    probing,
    wait_s,
)
from rushes.domain.submit import Submit
from rushes.engine.world import World
from rushes.observe import log
from rushes.ports import Transaction
from rushes.providers.base import Busy, Refused

_Lesson: TypeAlias = Callable[[Health, datetime], Health]
_DOWN: Final = frozenset({RouteState.OPEN, RouteState.PROBING})


def may_ask(tx: Transaction, route: Route, *, at: datetime, until: datetime) -> bool:
    """Say whether a submit may begin; of those that wait for an open route, one probes it."""
    known = tx.health(route.provider, route.upstream_model)
    if known is None or not needs_probe(known):
        return True
    if wait_s(known, at) != 0:
        return False
    tx.put_health(probing(known, at=at, until=until))
    return True


async def note_success(submit: Submit, world: World) -> None:
    """A submit was taken: whatever was wrong is over."""
    await _note(submit, world, lambda known, at: after_success(known, at=at))


async def note_fault(submit: Submit, note: str, world: World) -> None:
    """A submit met a route that cannot serve us, or gave no answer."""
    await _note(
        submit,
        world,
        lambda known, at: after_fault(known, at=at, note=note, begun_at=submit.intent_at),
    )


async def note_busy(submit: Submit, verdict: Busy, world: World) -> None:
    """A submit met a route that could not take it now."""
    await _note(
        submit,
        world,
        lambda known, at: after_busy(
            known,
            at=at,
            note=verdict.note,
            begun_at=submit.intent_at,
            retry_after_s=verdict.retry_after_s,
        ),
    )


async def note_refusal(submit: Submit, verdict: Refused, world: World) -> None:
    """A submit was refused: a word about the caller's wish, the model, or our account."""
    if verdict.is_retired:
        await _note(
            submit, world, lambda known, at: after_retirement(known, at=at, note=verdict.note)
        )
    elif verdict.blame is Blame.CALLER:
        await note_success(submit, world)
    elif verdict.failure.reason is Reason.PROVIDER_UNUSABLE:
        await note_fault(submit, verdict.note, world)


async def _note(submit: Submit, world: World, learn: _Lesson) -> None:
    at = world.clock.now()

    def lesson(tx: Transaction) -> tuple[Health, Health]:
        known = tx.health(submit.provider, submit.upstream_model)
        before = known or Health(submit.provider, submit.upstream_model, changed_at=at)
        return before, learn(before, at)

    def act(tx: Transaction) -> tuple[Health, Health]:
        before, after = lesson(tx)
        if after != before:
            tx.put_health(after)
        return before, after

    before, after = await world.store.read(lesson)
    if after != before:
        _tell(*await world.store.write(act))


def _tell(before: Health, after: Health) -> None:
    """Tell an operator when a route goes away or comes back."""
    if before.state is after.state or {before.state, after.state} <= _DOWN:
        return
    provider, upstream_model, note = after.provider, after.upstream_model, after.note
    match after.state:
        case RouteState.OPEN:
            log.warning(
                "a route is left alone for a while",
                provider=provider,
                upstream_model=upstream_model,
                note=note,
            )
        case RouteState.RETIRED:
            log.warning(
                "a route's model is retired upstream; rushes reroute moves its tasks",
                provider=provider,
                upstream_model=upstream_model,
                note=note,
            )
        case RouteState.CLOSED:
            log.info("a route works again", provider=provider, upstream_model=upstream_model)
