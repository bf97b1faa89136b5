"""What a provider has of ours: a submit found again that got no answer, or a ticket it lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rushes.domain.submit import Submit
from rushes.domain.task import Task
from rushes.engine.asking import asking
from rushes.engine.world import World
from rushes.ports import Budgets, Transaction
from rushes.providers.base import Absent, Found, Search, Unknown

RIVALS_WITHIN: Final = timedelta(hours=1)
"""How long before a submit another may have begun that is still taken for its rival."""

RIVALS_MAX: Final = 200
"""Of more submits without an answer nobody asks which of them are rivals: one may be."""


async def find(task: Task, submit: Submit, world: World) -> Search:
    """Ask the provider whether it has a submit; a ticket that another submit holds is not it.

    What is only alike is nobody's as long as it may be another's, who gave other files.
    """
    upstream = world.upstream_of(submit)
    if upstream is None:
        return Unknown()
    async with asking(upstream, submit, "find", world):
        found = await upstream.provider.find(
            submit.token,
            task.spec,
            upstream_model=submit.upstream_model,
            since=world.told_at(submit.intent_at),
        )
    if isinstance(found, Found):
        claim = replace(submit, ticket=found.ticket)
        if await world.store.read(lambda tx: tx.is_ticket_known(claim)):
            return Absent()
        if found.is_alike and await world.store.read(lambda tx: _has_rival(tx, task, submit)):
            return Unknown()
    return found


def _has_rival(tx: Transaction, task: Task, submit: Submit) -> bool:
    """Say whether a wish without an answer may be told from this one by nothing but its files.

    Who asks for the same of the same files, or of none, may have either film.
    """
    since = submit.intent_at - RIVALS_WITHIN
    rivals = tx.unanswered(submit, since, RIVALS_MAX)
    specs = [None if other is None else other.spec for other in map(tx.task, rivals)]
    return len(rivals) == RIVALS_MAX or any(
        spec is None or (spec.prompt == task.spec.prompt and spec.assets != task.spec.assets)
        for spec in specs
    )


def is_gone(missing_count: int, since: datetime, at: datetime, budgets: Budgets) -> bool:
    """Say whether a ticket was missing often enough, for long enough, to be believed gone."""
    return missing_count >= budgets.missing_max and at - since >= budgets.missing_for
