"""What a provider's scene has to offer to the conformance suite.

A scene knows how to put up a stage: a provider, its simulated upstream, and the means to
bring the upstream into each situation of a closed list. Times are the simulator's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from rushes.domain.spec import Spec
from rushes.providers.base import Assets, Provider

RETRY_AFTER_S: Final = 7.0


class Situation(StrEnum):
    """What the upstream does to the next request of a kind, or to the next task."""

    # -- to the next submit, which is not accepted
    PARAMETERS_REFUSED = "parameters_refused"
    PARAMETERS_REFUSED_WITH_SECRETS = "parameters_refused_with_secrets"
    MODERATED_AT_SUBMIT = "moderated_at_submit"
    BAD_CREDENTIAL = "bad_credential"
    OUT_OF_MONEY = "out_of_money"
    MODEL_RETIRED = "model_retired"
    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_FOR_RETRY_AFTER_S = "rate_limited_for_retry_after_s"
    OVERLOADED = "overloaded"
    NOT_LISTENING = "not_listening"

    # -- to the next submit, about which nobody can know
    SUBMIT_DROPPED_UNREAD = "submit_dropped_unread"
    SUBMIT_DROPPED_READ = "submit_dropped_read"
    ACCEPTED_THEN_DROPPED = "accepted_then_dropped"
    ACCEPTED_THEN_HUNG = "accepted_then_hung"
    ACCEPTED_THEN_500 = "accepted_then_500"
    ACCEPTED_THEN_502 = "accepted_then_502"
    ACCEPTED_THEN_504 = "accepted_then_504"
    BARE_503 = "bare_503"
    ACCEPTED_WITHOUT_TICKET = "accepted_without_ticket"
    ACCEPTED_UNREADABLY = "accepted_unreadably"
    ACCEPTED_CUT_OFF = "accepted_cut_off"

    # -- to the task of the next submit
    TASK_WILL_BREAK = "task_will_break"
    OUTPUT_WILL_BE_MODERATED = "output_will_be_moderated"
    STATES_WILL_BE_SKIPPED = "states_will_be_skipped"
    FILM_WILL_BE_MISSING = "film_will_be_missing"

    # -- to the next look
    UNKNOWN_WORD = "unknown_word"
    STATE_FALLS_BACK = "state_falls_back"
    TASK_IN_HTTP_ERROR = "task_in_http_error"
    NOT_THERE_ONCE = "not_there_once"
    LOOK_UNAVAILABLE = "look_unavailable"
    LOOK_RATE_LIMITED_FOR_RETRY_AFTER_S = "look_rate_limited_for_retry_after_s"
    LOOK_DROPPED = "look_dropped"
    LOOK_HUNG = "look_hung"
    LOOK_UNREADABLE = "look_unreadable"
    CREDENTIAL_REVOKED = "credential_revoked"
    ALL_TASKS_FORGOTTEN = "all_tasks_forgotten"

    # -- to the next cancel
    CANCEL_REFUSED = "cancel_refused"
    CANCEL_UNSUPPORTED = "cancel_unsupported"
    CANCEL_UNAVAILABLE = "cancel_unavailable"

    # -- to the next search
    LIST_LAGS = "list_lags"
    LIST_KEEPS_SILENT = "list_keeps_silent"
    LIST_UNAVAILABLE = "list_unavailable"

    # -- to the next opening of a film
    FILM_UNAVAILABLE = "film_unavailable"
    FILM_NOT_FOUND = "film_not_found"
    FILM_GONE = "film_gone"
    FILM_BREAKS_OFF = "film_breaks_off"
    FILM_IS_A_PAGE = "film_is_a_page"
    FILM_ELSEWHERE = "film_elsewhere"


class Moment(StrEnum):
    """How far the tasks on a stage have come."""

    WAITING = "waiting"
    RENDERING = "rendering"
    OVER = "over"


class Stage(Protocol):
    """A provider and its upstream, both alive.

    `provider` may change with a situation: it gives up within a second where something hangs.
    `impossible` are specs that this provider cannot make; `film` the bytes that its upstream
    makes; `secret` our credential's plain text; `advice_s` when the upstream wants to be
    looked at again, None where it does not say.
    """

    provider: Provider
    assets: Assets
    upstream_model: str
    impossible: Sequence[Spec]
    film: bytes
    secret: str
    advice_s: float | None

    def spec(self, prompt: str = "") -> Spec:
        """Return a spec that the provider can make; without a prompt, with one of its own."""
        ...

    def now(self) -> datetime:
        """Return the upstream's present instant."""
        ...

    async def bring_about(self, situation: Situation) -> None:
        """Bring the upstream into a situation."""
        ...

    async def reach(self, moment: Moment) -> None:
        """Let time pass, until tasks submitted so far are there."""
        ...

    async def pass_hours(self, count: int) -> None:
        """Let much time pass."""
        ...

    def submits(self) -> int:
        """Return how many submits have reached the upstream, read or not."""
        ...

    def told_to_strangers(self) -> Sequence[Mapping[str, str]]:
        """Return the headers of all requests that reached a host other than the upstream."""
        ...


class Scene(Protocol):
    """How to put up a stage for one kind of provider.

    `skips` maps names of checks (or patterns, as in fnmatch) that cannot apply to the reason;
    a pattern that fits no check is an error, and so is an empty reason.
    """

    @property
    def kind(self) -> str:
        """The kind it puts to the test."""
        ...

    @property
    def skips(self) -> Mapping[str, str]:
        """What cannot apply, and why."""
        ...

    def open(self) -> AbstractAsyncContextManager[Stage]:
        """Put up a stage."""
        ...
