"""What can go wrong, in words that are safe to show a caller.

Two families, never mixed:

    Fault                     raised on purpose; rendered once, by the wire
    ├── Refusal               the caller's request is answered with an error
    │   ├── BadRequest        400: InvalidJson, MissingParameter, InvalidValue, …
    │   ├── Unauthenticated   401
    │   ├── Forbidden         403
    │   ├── NotFound          404
    │   └── …                 402, 405, 406, 410, 413, 415, 416, 422, 429, 502, 503
    └── HouseFault            our own bug or a lost race; never shown as it is
        ├── IllegalMove       an event reached a task that cannot take it
        ├── LeaseLost         another worker owns the task now
        ├── StoreBusy         the database did not take the write in time
        └── StoreInDoubt      nobody can tell whether the write was taken

    Failure                   a value: why a task ended without a film

A Failure is stored with the task and told at every look; a Fault lives for one
call. Codes are part of the wire contract: once released, none is renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final


class Blame(StrEnum):
    """Whose move it is."""

    CALLER = "caller"
    PROVIDER = "provider"
    HOUSE = "house"


class Fault(Exception):
    """Base of every error we raise on purpose."""

    code: ClassVar[str] = "internal_error"
    blame: ClassVar[Blame] = Blame.HOUSE
    http_status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.headers = dict(headers or {})


class Refusal(Fault):
    """A request that is answered with an error; nothing was stored or held."""

    blame = Blame.CALLER


class BadRequest(Refusal):
    """The caller asked for something we cannot understand or do not offer."""

    code, http_status = "invalid_value", 400


class InvalidJson(BadRequest):
    """The body cannot be read, or is not one JSON object."""

    code = "invalid_json"


class MissingParameter(BadRequest):
    """A required value is absent."""

    code = "missing_parameter"


class InvalidValue(BadRequest):
    """A value has the wrong type, or lies outside the schema or the card."""

    code = "invalid_value"


class ConflictingParameters(BadRequest):
    """Two values that cannot both be meant."""

    code = "conflicting_parameters"


class Unsupported(BadRequest):
    """The card lacks the mode or the input, or we do not offer the form."""

    code = "unsupported"


class InvalidMedia(BadRequest):
    """A file or data URI that cannot be used: format, size, or no media at all."""

    code = "invalid_media"


class UrlNotAllowed(BadRequest):
    """An address that is not http(s), or not public."""

    code = "url_not_allowed"


class TaskNotFinished(BadRequest):
    """The call needs a finished task."""

    code = "task_not_finished"


class TaskAlreadyFinished(BadRequest):
    """A finished task cannot be canceled."""

    code = "task_already_finished"


class CannotBeDone(BadRequest):
    """What an operator asked for cannot be done as things stand."""

    code = "cannot_be_done"


class TaskFailed(BadRequest):
    """The task failed, so there is no film."""

    code = "task_failed"


class Unauthenticated(Refusal):
    """No key we know."""

    code, http_status = "invalid_api_key", 401


class MissingApiKey(Unauthenticated):
    """No bearer token at all."""

    code = "missing_api_key"


class InvalidApiKey(Unauthenticated):
    """A key that is unknown, revoked or expired."""

    code = "invalid_api_key"


class InsufficientQuota(Refusal):
    """The balance does not cover the price of the task."""

    code, http_status = "insufficient_quota", 402


class Forbidden(Refusal):
    """A valid caller who may not do this."""

    code, http_status = "scope_missing", 403


class ScopeMissing(Forbidden):
    """The route asks for a scope that the key lacks."""

    code = "scope_missing"


class ModelNotAllowed(Forbidden):
    """The key is limited to other models."""

    code = "model_not_allowed"


class LinkInvalid(Forbidden):
    """A signed link that was altered."""

    code = "link_invalid"


class LinkExpired(Forbidden):
    """A signed link past its time; the film may still exist."""

    code = "link_expired"


class NotFound(Refusal):
    """Nothing here under that name."""

    code, http_status = "route_not_found", 404


class TaskNotFound(NotFound):
    """Unknown task, or a task of another owner: nobody can tell which."""

    code = "task_not_found"


class ObjectNotFound(NotFound):
    """No account, key, post or line of the audit log under that name; told to operators only."""

    code = "object_not_found"


class ModelNotFound(NotFound):
    """Unknown model, or one without a route."""

    code = "model_not_found"


class RouteNotFound(NotFound):
    """Unknown path."""

    code = "route_not_found"


class MethodNotAllowed(Refusal):
    """A known path, another method."""

    code, http_status = "method_not_allowed", 405


class NotAcceptable(Refusal):
    """The caller excludes the only form this route has."""

    code, http_status = "not_acceptable", 406


class ArtifactExpired(Refusal):
    """The film was removed by retention."""

    code, http_status = "artifact_expired", 410


class TooLarge(Refusal):
    """More bytes than the limit."""

    code, http_status = "request_too_large", 413


class RequestTooLarge(TooLarge):
    """A body above its limit."""

    code = "request_too_large"


class ArtifactTooLarge(TooLarge):
    """A film too large for the JSON download."""

    code = "artifact_too_large"


class UnsupportedMediaType(Refusal):
    """A body that is neither JSON nor a form."""

    code, http_status = "unsupported_media_type", 415


class RangeNotSatisfiable(Refusal):
    """A byte range outside the film."""

    code, http_status = "range_not_satisfiable", 416


class IdempotencyKeyReused(Refusal):
    """The same Idempotency-Key with another body."""

    code, http_status = "idempotency_key_reused", 422


class TooMany(Refusal):
    """Too much of something, for now."""

    code, http_status = "rate_limit_exceeded", 429


class RateLimitExceeded(TooMany):
    """Too many requests with this key."""

    code = "rate_limit_exceeded"


class TooManyActiveTasks(TooMany):
    """The key already has as many unfinished tasks as it may."""

    code = "too_many_active_tasks"


class UpstreamError(Refusal):
    """A part behind us failed during this very request."""

    code, http_status, blame = "upstream_error", 502, Blame.PROVIDER


class Overloaded(Refusal):
    """We take no new work now; nothing was accepted."""

    code, http_status, blame = "overloaded", 503, Blame.HOUSE


class HouseFault(Fault):
    """Our own bug or a lost race; a caller sees `internal_error` at most."""


class IllegalMove(HouseFault):
    """An event reached a task that cannot take it."""

    code = "illegal_move"


class LeaseLost(HouseFault):
    """Another worker owns the task, or it is final: this worker writes nothing."""

    code = "lease_lost"


class StoreBusy(HouseFault):
    """The database did not take the write in time; the work is still undone."""

    code = "store_busy"


class StoreInDoubt(HouseFault):
    """The database went away during a commit and was not back in time to tell of it."""

    code = "store_in_doubt"


class Reason(StrEnum):
    """Why a task ended without a film; every dialect has a word for each."""

    CONTENT_REFUSED = "content_refused"
    PARAMETERS_REFUSED = "parameters_refused"
    PROVIDER_UNUSABLE = "provider_unusable"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    PROVIDER_FAILED = "provider_failed"
    OUTPUT_LOST = "output_lost"
    TIMED_OUT = "timed_out"
    SUBMIT_IN_DOUBT = "submit_in_doubt"
    CANCELED = "canceled"
    EXPIRED = "expired"
    INTERNAL = "internal"


SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.CONTENT_REFUSED: "The provider refused the prompt or an input: content policy.",
    Reason.PARAMETERS_REFUSED: "The provider refused the parameters.",
    Reason.PROVIDER_UNUSABLE: (
        "The provider cannot be used now: its account, credentials or model need the operator."
    ),
    Reason.PROVIDER_RATE_LIMITED: (
        "The provider kept refusing for its rate limit until the task's time was over."
    ),
    Reason.PROVIDER_FAILED: "The provider failed to make the video.",
    Reason.OUTPUT_LOST: "The provider made the video, but its file was lost or damaged there.",
    Reason.TIMED_OUT: "The video was not finished in time.",
    Reason.SUBMIT_IN_DOUBT: (
        "The provider did not confirm the submission. "
        "It was not resubmitted, so that nothing is billed twice."
    ),
    Reason.CANCELED: "Canceled by caller",
    Reason.EXPIRED: "The task expired in the queue before a provider took it.",
    Reason.INTERNAL: "Internal error.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task has no film: a reason for machines, a sentence for people.

    The sentence never holds a provider's key or address, and is never empty.

    >>> Failure.of(Reason.CANCELED).message
    'Canceled by caller'
    """

    reason: Reason
    message: str

    @classmethod
    def of(cls, reason: Reason, message: str = "") -> Failure:
        """Build a failure with the house sentence, unless a better one is at hand."""
        return cls(reason, message.strip() or SENTENCES[reason])
