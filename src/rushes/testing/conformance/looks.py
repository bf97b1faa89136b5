"""Checks of `check`, `cancel` and `find`: knowledge is returned, ignorance is raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.domain.errors import Reason
from rushes.domain.ids import new_token
from rushes.providers.base import (
    Absent,
    CancelOutcome,
    Found,
    InDoubt,
    Lost,
    NotThere,
    NotUnderstood,
    Ready,
    Unknown,
    Unreachable,
    Working,
)
from rushes.testing.conformance.asking import (
    Check,
    bytes_of,
    demand,
    due,
    find,
    is_small_json,
    named,
    raised,
    rows,
    submit,
)
from rushes.testing.conformance.stage import RETRY_AFTER_S, Moment, Situation, Stage


async def each_state_is_told(stage: Stage) -> None:
    """Waiting and rendering are Working, with a progress that is a percentage; then Ready."""
    ticket = await submit(stage)
    for moment in (Moment.WAITING, Moment.RENDERING):
        await stage.reach(moment)
        progress = due(Working, await stage.provider.check(ticket)).progress
        demand(progress is None or 0 <= progress <= 100, f"progress {progress}")
    await stage.reach(Moment.OVER)
    film = due(Ready, await stage.provider.check(ticket)).film
    demand(is_small_json(dict(film)), "a film handle is small JSON")
    demand(stage.submits() == 1, "looks submit nothing")


async def the_upstreams_advice_is_taken(stage: Stage) -> None:
    """When to look again is what the upstream says."""
    ticket = await submit(stage)
    advice_s = due(Working, await stage.provider.check(ticket)).look_again_s
    demand(advice_s == stage.advice_s, f"look again after {advice_s}, not {stage.advice_s}")


async def a_broken_task_is_lost(stage: Stage) -> None:
    """The provider's own failure is a verdict."""
    await _is_lost(Situation.TASK_WILL_BREAK, Reason.PROVIDER_FAILED, stage)


async def moderation_of_the_output_is_a_verdict(stage: Stage) -> None:
    """A film that its maker will not show is lost, for its content."""
    await _is_lost(Situation.OUTPUT_WILL_BE_MODERATED, Reason.CONTENT_REFUSED, stage)


async def _is_lost(situation: Situation, reason: Reason, stage: Stage) -> None:
    await stage.bring_about(situation)
    ticket = await submit(stage)
    await stage.reach(Moment.OVER)
    failure = due(Lost, await stage.provider.check(ticket)).failure
    demand(failure.reason is reason and failure.message, f"lost for {failure!r}")


async def a_failure_in_an_http_error_is_read(stage: Stage) -> None:
    """A task that is told inside an HTTP error is told; it is not looked at for ever."""
    await stage.bring_about(Situation.TASK_WILL_BREAK)
    ticket = await submit(stage)
    await stage.reach(Moment.OVER)
    await stage.bring_about(Situation.TASK_IN_HTTP_ERROR)
    due(Lost, await stage.provider.check(ticket))


async def skipped_states_are_no_trouble(stage: Stage) -> None:
    """A task may be finished that was never seen to be rendered."""
    await stage.bring_about(Situation.STATES_WILL_BE_SKIPPED)
    ticket = await submit(stage)
    await stage.reach(Moment.RENDERING)
    due(Working, await stage.provider.check(ticket))
    await stage.reach(Moment.OVER)
    due(Ready, await stage.provider.check(ticket))


async def a_state_that_falls_back_is_still_work(stage: Stage) -> None:
    """A task that says it is queued again is Working; nobody is confused."""
    ticket = await submit(stage)
    await stage.reach(Moment.RENDERING)
    await stage.bring_about(Situation.STATE_FALLS_BACK)
    due(Working, await stage.provider.check(ticket))


async def an_unknown_word_is_ignorance(stage: Stage) -> None:
    """A word outside the contract is neither working nor lost; the next look may know."""
    ticket = await submit(stage)
    await stage.bring_about(Situation.UNKNOWN_WORD)
    trouble = await raised(NotUnderstood, stage.provider.check(ticket))
    demand(not isinstance(trouble, NotThere), "it is there")
    due(Working, await stage.provider.check(ticket))


async def one_not_there_is_ignorance(stage: Stage) -> None:
    """A stray "not there" is told as such, and the next look finds the task."""
    ticket = await submit(stage)
    await stage.bring_about(Situation.NOT_THERE_ONCE)
    await raised(NotThere, stage.provider.check(ticket))
    due(Working, await stage.provider.check(ticket))


async def a_forgotten_task_is_not_there(stage: Stage) -> None:
    """A server that lost its tasks says so at every look; counting is the story's."""
    ticket = await submit(stage)
    await stage.bring_about(Situation.ALL_TASKS_FORGOTTEN)
    for _ in range(3):
        await raised(NotThere, stage.provider.check(ticket))
    demand(stage.submits() == 1, "what is lost is not made again by a look")


async def _is_unreachable(situation: Situation, retry_after_s: float | None, stage: Stage) -> None:
    ticket = await submit(stage)
    await stage.bring_about(situation)
    trouble = await raised(Unreachable, stage.provider.check(ticket))
    demand(trouble.retry_after_s == retry_after_s, f"retry after {trouble.retry_after_s}")
    due(Working, await stage.provider.check(ticket))


UNREACHABLE: Final[Mapping[Situation, float | None]] = {
    Situation.LOOK_UNAVAILABLE: None,
    Situation.LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S: RETRY_AFTER_S,
    Situation.LOOK_DROPPED: None,
    Situation.LOOK_HUNG: None,
    Situation.CREDENTIAL_REVOKED: None,
}


async def an_unreadable_look_is_ignorance(stage: Stage) -> None:
    """A page of HTML in place of a task teaches nothing."""
    ticket = await submit(stage)
    await stage.bring_about(Situation.LOOK_UNREADABLE)
    trouble = await raised(NotUnderstood, stage.provider.check(ticket))
    demand(not isinstance(trouble, NotThere), "it is there")


async def a_strange_ticket_is_not_understood(stage: Stage) -> None:
    """A ticket of another provider is ignorance, not a crash."""
    await raised(NotUnderstood, stage.provider.check({"strange": [1, 2]}))


async def an_early_cancel_stops(stage: Stage) -> None:
    """A task that is not finished can be stopped."""
    ticket = await submit(stage)
    outcome = await stage.provider.cancel(ticket)
    demand(outcome is CancelOutcome.CANCELED, f"{outcome}")


async def a_late_cancel_leaves_the_film(stage: Stage) -> None:
    """A finished film was paid for: a cancel that comes too late does not take it away."""
    ticket = await submit(stage)
    await stage.reach(Moment.OVER)
    outcome = await stage.provider.cancel(ticket)
    demand(outcome is CancelOutcome.TOO_LATE, f"{outcome}")
    film = due(Ready, await stage.provider.check(ticket)).film
    demand(await bytes_of(stage, film) == stage.film, "the film is still there, and whole")


async def _is_cancel(situation: Situation, expected: CancelOutcome, stage: Stage) -> None:
    ticket = await submit(stage)
    await stage.bring_about(situation)
    outcome = await stage.provider.cancel(ticket)
    demand(outcome is expected, f"{outcome}, not {expected}")


CANCELS: Final[Mapping[Situation, CancelOutcome]] = {
    Situation.CANCEL_REFUSED: CancelOutcome.TOO_LATE,
    Situation.CANCEL_UNSUPPORTED: CancelOutcome.UNSUPPORTED,
    Situation.ALL_TASKS_FORGOTTEN: CancelOutcome.TOO_LATE,
}


async def an_unanswered_cancel_is_ignorance(stage: Stage) -> None:
    """A cancel that did not get through is asked again later."""
    ticket = await submit(stage)
    await stage.bring_about(Situation.CANCEL_UNAVAILABLE)
    await raised(Unreachable, stage.provider.cancel(ticket))
    outcome = await stage.provider.cancel(ticket)
    demand(outcome is CancelOutcome.CANCELED, f"the next one gets through; {outcome}")


async def a_find_finds_the_one(stage: Stage) -> None:
    """A submit that got no answer is found among others, and its ticket works."""
    await submit(stage, "Another film altogether.")
    await stage.bring_about(Situation.ACCEPTED_THEN_DROPPED)
    token = new_token()
    await raised(InDoubt, submit(stage, token=token))
    found = due(Found, await find(stage, token=token))
    await stage.reach(Moment.OVER)
    due(Ready, await stage.provider.check(found.ticket))
    demand(stage.submits() == 2, "a find submits nothing")


async def a_find_of_nothing_is_absent(stage: Stage) -> None:
    """What never arrived is not found, also not in what is like it."""
    await submit(stage, "Another film altogether.")
    await stage.bring_about(Situation.SUBMIT_DROPPED_READ)
    await raised(InDoubt, submit(stage))
    found = await find(stage)
    demand(found == Absent(), f"{found!r} is not Absent")


async def a_find_passes_over_the_past(stage: Stage) -> None:
    """An equal task of long ago is another task."""
    await submit(stage)
    await stage.pass_hours(2)
    found = await find(stage)
    demand(found == Absent(), f"{found!r} is not Absent")


async def a_find_of_two_knows_nothing(stage: Stage) -> None:
    """Of two equal tasks nobody can say which is ours."""
    await submit(stage)
    await submit(stage)
    found = await find(stage)
    demand(found == Unknown(), f"{found!r} is not Unknown")


async def a_lagging_list_finds_nothing(stage: Stage) -> None:
    """A list that lags must not be believed; it must not invent anything either."""
    await stage.bring_about(Situation.ACCEPTED_THEN_DROPPED)
    token = new_token()
    await raised(InDoubt, submit(stage, token=token))
    await stage.bring_about(Situation.LIST_LAGS)
    found = await find(stage, token=token)
    demand(not isinstance(found, Found), f"{found!r}")
    due(Found, await find(stage, token=token))


async def a_silent_list_knows_nothing(stage: Stage) -> None:
    """A list without what tells two tasks apart proves nothing."""
    await submit(stage)
    await stage.bring_about(Situation.LIST_KEEPS_SILENT)
    found = await find(stage)
    demand(found == Unknown(), f"{found!r} is not Unknown")


async def an_unanswered_find_is_ignorance(stage: Stage) -> None:
    """A list that cannot be had is no proof of anything."""
    await stage.bring_about(Situation.LIST_UNAVAILABLE)
    await raised(Unreachable, find(stage))


CHECKS: Final[Mapping[str, Check]] = {
    **named(
        each_state_is_told,
        the_upstreams_advice_is_taken,
        a_broken_task_is_lost,
        moderation_of_the_output_is_a_verdict,
        a_failure_in_an_http_error_is_read,
        skipped_states_are_no_trouble,
        a_state_that_falls_back_is_still_work,
        an_unknown_word_is_ignorance,
        one_not_there_is_ignorance,
        a_forgotten_task_is_not_there,
        an_unreadable_look_is_ignorance,
        a_strange_ticket_is_not_understood,
        an_early_cancel_stops,
        a_late_cancel_leaves_the_film,
        an_unanswered_cancel_is_ignorance,
        a_find_finds_the_one,
        a_find_of_nothing_is_absent,
        a_find_passes_over_the_past,
        a_find_of_two_knows_nothing,
        a_lagging_list_finds_nothing,
        a_silent_list_knows_nothing,
        an_unanswered_find_is_ignorance,
    ),
    **rows("a_look_does_not_get_through", _is_unreachable, UNREACHABLE),
    **rows("a_cancel_comes_to", _is_cancel, CANCELS),
}
