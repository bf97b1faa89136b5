"""Everything that can go wrong, as one tree.

    RushesError
    ├── NotConfigured              no key, or an address that is none; nothing was sent
    ├── Unsendable                 what was given cannot be sent; nothing was
    ├── ConnectionFailed           no answer: refused, cut off, or too slow
    ├── UnexpectedAnswer           an answer, but none that a Rushes server gives
    ├── ApiError                   the server said no
    │   ├── BadRequest             400
    │   ├── Unauthenticated        401
    │   ├── InsufficientQuota      402
    │   ├── Forbidden              403
    │   ├── NotFound               404
    │   ├── MethodNotAllowed       405
    │   ├── NotAcceptable          406
    │   ├── ArtifactExpired        410
    │   ├── TooLarge               413
    │   ├── UnsupportedMediaType   415
    │   ├── RangeNotSatisfiable    416
    │   ├── IdempotencyKeyReused   422
    │   ├── RateLimited            429
    │   └── ServerError            500 and every other 5xx
    │       ├── UpstreamError      502
    │       └── Overloaded         503
    ├── VideoFailed                the video ended without a film
    ├── WaitTimeout                the video was not final in time; it goes on
    ├── DownloadFailed             the film did not arrive whole
    └── WebhookNotVerified         what came to a webhook receiver is not from the server

Every error can be pickled: its arguments are what it was built from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rushes.client.shapes import Video, VideoError


class RushesError(Exception):
    """Base of every error that this client raises on purpose."""


class NotConfigured(RushesError):
    """The client lacks something that only you can give; nothing was sent."""


class Unsendable(RushesError, ValueError):
    """A value that the wire has no form for, or an id that is none; nothing was sent."""


class UnexpectedAnswer(RushesError):
    """The answer is none that a Rushes server gives: a proxy, or the wrong address."""


def _way_out(idempotency_key: str | None) -> str:
    """Tell how to get a video that may or may not have been created."""
    if idempotency_key is None:
        return ""
    return (
        " The video may have been created all the same: call again with "
        f"idempotency_key={idempotency_key!r} to get it without paying twice."
    )


class ConnectionFailed(RushesError):
    """No answer came.

    `what` was asked (method and address) and `why` nothing came are for people. `is_sent`:
    the server may have got the request, and acted on it. `idempotency_key` is set where a
    video may or may not have been created: a call with the same key and the same parameters
    finds out, and pays once.
    """

    def __init__(
        self, what: str, why: str, idempotency_key: str | None = None, *, is_sent: bool = True
    ) -> None:
        super().__init__(what, why, idempotency_key)
        self.what = what
        self.why = why
        self.idempotency_key = idempotency_key
        self.is_sent = is_sent

    def __str__(self) -> str:
        return f"{self.what}: {self.why}.{_way_out(self.idempotency_key)}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error answer says; `code`, `type`, `param` are None where it does not."""

    status: int
    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None


class ApiError(RushesError):
    """The server answered with an error.

    `code` is the stable word to decide by, `param` the parameter at fault as you spelled it,
    `message` a sentence for people, `request_id` what the operator will ask you for.
    `retry_after_s` is how long the server wants to be left alone. `idempotency_key` is set
    where a video may or may not have been created, as in ConnectionFailed.
    """

    def __init__(self, complaint: Complaint, idempotency_key: str | None = None) -> None:
        super().__init__(complaint, idempotency_key)
        self.complaint = complaint
        self.idempotency_key = idempotency_key
        self.status = complaint.status
        self.message = complaint.message
        self.code = complaint.code
        self.type = complaint.type
        self.param = complaint.param
        self.request_id = complaint.request_id
        self.retry_after_s = complaint.retry_after_s

    def __str__(self) -> str:
        label = " ".join(word for word in (str(self.status), self.code) if word)
        facts = [label]
        if self.param:
            facts.append(f"param {self.param}")
        if self.request_id:
            facts.append(self.request_id)
        return f"{self.message} ({', '.join(facts)}){_way_out(self.idempotency_key)}"


class BadRequest(ApiError):
    """The request cannot be understood, or asks for what is not offered; `code` says which."""


class Unauthenticated(ApiError):
    """No key, or one that is unknown, revoked or expired."""


class InsufficientQuota(ApiError):
    """The balance does not cover the price of the video."""


class Forbidden(ApiError):
    """The key is valid, but may not do this; or a signed link is altered or too old."""


class NotFound(ApiError):
    """No such video, model or path; a video of another owner looks the same."""


class MethodNotAllowed(ApiError):
    """A known path, but not with this method."""


class NotAcceptable(ApiError):
    """The route has one form of answer, and the request excluded it."""


class ArtifactExpired(ApiError):
    """The film was removed by retention."""


class TooLarge(ApiError):
    """More bytes than the server takes, or gives in one JSON answer."""


class UnsupportedMediaType(ApiError):
    """A body that is neither JSON nor a form."""


class RangeNotSatisfiable(ApiError):
    """A byte range outside the film."""


class IdempotencyKeyReused(ApiError):
    """The same Idempotency-Key was used for another request."""


class RateLimited(ApiError):
    """Too many requests, or too many unfinished videos, for now."""


class ServerError(ApiError):
    """The server's own fault."""


class UpstreamError(ServerError):
    """A part behind the server failed during this very request."""


class Overloaded(ServerError):
    """The server takes no new work now; nothing was accepted."""


BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequest,
    401: Unauthenticated,
    402: InsufficientQuota,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    410: ArtifactExpired,
    413: TooLarge,
    415: UnsupportedMediaType,
    416: RangeNotSatisfiable,
    422: IdempotencyKeyReused,
    429: RateLimited,
    502: UpstreamError,
    503: Overloaded,
}

_SERVER_ERROR_MIN: Final = 500


def api_error(complaint: Complaint) -> ApiError:
    """Return the error for an answer, in the class of its HTTP status."""
    general = ServerError if complaint.status >= _SERVER_ERROR_MIN else ApiError
    return BY_STATUS.get(complaint.status, general)(complaint)


class VideoFailed(RushesError):
    """The video ended without a film; `code` and `message` say why."""

    def __init__(self, video: Video) -> None:
        super().__init__(video)
        error = video.error or VideoError("server_error", "The server gave no reason.")
        self.video = video
        self.code = error.code
        self.message = error.message

    def __str__(self) -> str:
        return f"{self.video.id} failed: {self.message} ({self.code})"


class WaitTimeout(RushesError):
    """The video was not final within `deadline_s`; it goes on, and can be waited for again.

    `video` is the last state seen; None if none was. What kept the last look from an answer,
    if anything did, is the `__cause__`.
    """

    def __init__(self, video_id: str, deadline_s: float, video: Video | None = None) -> None:
        super().__init__(video_id, deadline_s, video)
        self.video_id = video_id
        self.deadline_s = deadline_s
        self.video = video

    def __str__(self) -> str:
        state = (
            f"is still {self.video.status} at {self.video.progress} %"
            if self.video
            else "could not be looked at"
        )
        return (
            f"{self.video_id} {state} after {self.deadline_s:g} s. "
            "It goes on: wait for it again, or cancel it."
        )


class DownloadFailed(RushesError):
    """The film did not arrive whole, and nothing was left at the target."""

    def __init__(self, video_id: str, why: str) -> None:
        super().__init__(video_id, why)
        self.video_id = video_id
        self.why = why

    def __str__(self) -> str:
        return f"{self.video_id} could not be downloaded: {self.why}."


class WebhookNotVerified(RushesError):
    """What came to a receiver of webhooks was not sent by the server, or not now; `why` says it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"The webhook is not believed: {self.why}."
