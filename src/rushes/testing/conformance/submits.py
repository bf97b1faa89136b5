"""Checks of `submit`: refused, busy, in doubt, and never twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rushes.domain.errors import Blame, Reason
from rushes.domain.ids import new_token
from rushes.providers.base import Busy, InDoubt, Ready, Refused, Working
from rushes.testing.conformance.asking import (
    Check,
    demand,
    is_small_json,
    named,
    raised,
    rows,
    submit,
)
from rushes.testing.conformance.stage import RETRY_AFTER_S, Situation, Stage


async def a_submit_gives_a_small_ticket(stage: Stage) -> None:
    """A ticket is a small JSON object, and its task is there at once."""
    ticket = await submit(stage)
    demand(is_small_json(dict(ticket)), f"ticket {ticket!r}")
    outcome = await stage.provider.check(ticket)
    demand(isinstance(outcome, Working | Ready), f"a new task works; got {outcome!r}")
    demand(stage.submits() == 1, "one submit upstream")


async def two_submits_give_two_tickets(stage: Stage) -> None:
    """Equal wishes are two tasks."""
    demand(await submit(stage) != await submit(stage), "two tasks have two tickets")
    demand(stage.submits() == 2, "two submits upstream")


async def the_impossible_is_refused_unsent(stage: Stage) -> None:
    """What this provider cannot make is refused with a sentence, and costs nothing."""
    demand(stage.impossible, "a scene names what its provider cannot make")
    for spec in stage.impossible:
        act = stage.provider.submit(
            spec, upstream_model=stage.upstream_model, token=new_token(), assets=stage.assets
        )
        refused = await raised(Refused, act)
        reason = refused.failure.reason
        demand(reason is Reason.PARAMETERS_REFUSED, f"{spec.mode}: {reason}")
    demand(stage.submits() == 0, "nothing is sent")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal must say."""

    reason: Reason
    is_callers: bool


REFUSALS: Final[Mapping[Situation, Refusal]] = {
    Situation.PARAMETERS_REFUSED: Refusal(Reason.PARAMETERS_REFUSED, is_callers=True),
    Situation.MODERATED_AT_SUBMIT: Refusal(Reason.CONTENT_REFUSED, is_callers=True),
    Situation.BAD_CREDENTIAL: Refusal(Reason.PROVIDER_UNUSABLE, is_callers=False),
    Situation.OUT_OF_MONEY: Refusal(Reason.PROVIDER_UNUSABLE, is_callers=False),
    Situation.MODEL_RETIRED: Refusal(Reason.PROVIDER_UNUSABLE, is_callers=False),
}


async def _is_refused(situation: Situation, refusal: Refusal, stage: Stage) -> None:
    await stage.bring_about(situation)
    refused = await raised(Refused, submit(stage))
    demand(refused.failure.reason is refusal.reason, f"reason {refused.failure.reason}")
    is_callers = refused.blame is Blame.CALLER
    demand(is_callers == refusal.is_callers, f"blame {refused.blame}")
    demand(refused.failure.message, "a refusal has a sentence")
    demand(stage.submits() == 1, "a refused submit is not sent again")


async def _is_busy(situation: Situation, retry_after_s: float | None, stage: Stage) -> None:
    await stage.bring_about(situation)
    busy = await raised(Busy, submit(stage))
    demand(busy.retry_after_s == retry_after_s, f"retry after {busy.retry_after_s}")
    demand(stage.submits() <= 1, "a busy provider is not asked again")


async def _is_in_doubt(situation: Situation, expected: type[InDoubt], stage: Stage) -> None:
    await stage.bring_about(situation)
    await raised(expected, submit(stage))
    demand(stage.submits() == 1, "a submit in doubt is not sent again")


IN_DOUBT: Final = (
    Situation.SUBMIT_DROPPED_UNREAD,
    Situation.SUBMIT_DROPPED_READ,
    Situation.ACCEPTED_THEN_DROPPED,
    Situation.ACCEPTED_THEN_HUNG,
    Situation.ACCEPTED_THEN_500,
    Situation.ACCEPTED_THEN_502,
    Situation.ACCEPTED_THEN_504,
    Situation.BARE_503,
    Situation.ACCEPTED_WITHOUT_TICKET,
    Situation.ACCEPTED_UNREADABLY,
    Situation.ACCEPTED_CUT_OFF,
)

BUSY: Final[Mapping[Situation, float | None]] = {
    Situation.RATE_LIMITED: None,
    Situation.RATE_LIMITED_FOR_RETRY_AFTER_S: RETRY_AFTER_S,
    Situation.OVERLOADED: None,
    Situation.NOT_LISTENING: None,
}


async def a_refusal_tells_no_secret(stage: Stage) -> None:
    """An upstream that quotes prompt, key and address is not quoted.

    The caller's sentence may hold the caller's prompt; the operator's note holds nothing.
    """
    await stage.bring_about(Situation.PARAMETERS_REFUSED_WITH_SECRETS)
    refused = await raised(Refused, submit(stage, "A zeppelin over the quagmire."))
    message = refused.failure.message
    demand(stage.secret not in message, "the credential is told to callers")
    demand("://" not in message and "127.0.0.1" not in message, f"an address is told: {message}")
    demand(stage.secret not in refused.note, "the credential is told to the operator")
    demand("zeppelin" not in refused.note, f"the prompt is told to the operator: {refused.note}")


CHECKS: Final[Mapping[str, Check]] = {
    **named(
        a_submit_gives_a_small_ticket,
        two_submits_give_two_tickets,
        the_impossible_is_refused_unsent,
        a_refusal_tells_no_secret,
    ),
    **rows("a_submit_is_refused", _is_refused, REFUSALS),
    **rows("a_submit_meets_a_busy_provider", _is_busy, BUSY),
    **rows("a_submit_is_in_doubt", _is_in_doubt, dict.fromkeys(IN_DOUBT, InDoubt)),
}
