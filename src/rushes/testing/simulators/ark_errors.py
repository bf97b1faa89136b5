"""Errors in the form of Ark, and a shelf of answers that are wrong.

The codes are those of the maker's own table (volcengine.com/docs/82379/1299023); that a running
task's deletion is a 409 was read in live answers that public repositories quote. What a look at
an unknown task is called, and whether Ark ever says 503, is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply

KINDS: Final[Mapping[int, str]] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    429: "TooManyRequests",
}


def error(status: int, code: str, message: str, *, param: str = "") -> Reply:
    """Build an error as Ark has it."""
    kind = KINDS.get(status, "InternalServerError")
    said = {"code": code, "message": f"{message} Request id: 02178", "param": param, "type": kind}
    return Reply.of(status, {"error": said})


EXPIRED_LINK: Final = Reply(
    403,
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>"
    b"<Message>Request has expired</Message></Error>",
    {"content-type": "application/xml"},
)

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(
        400, "InvalidParameter", "The parameter duration is not valid.", param="duration"
    ),
    "moderated": error(
        400,
        "InputTextSensitiveContentDetected.PolicyViolation",
        "The request failed because the input text may be related to copyright restrictions.",
    ),
    "unauthorized": error(401, "AuthenticationError", "The API key is missing or invalid."),
    "forbidden": error(403, "AccessDenied", "You do not have access to the resource."),
    "out_of_money": error(403, "AccountOverdueError", "Your account has an overdue balance."),
    "set_limit": error(429, "SetLimitExceeded", "The model service has been paused."),
    "not_found": error(404, "NotFound.Task", "The specified task is not found."),
    "model_retired": error(
        404, "InvalidEndpointOrModel.NotFound", "The model or endpoint does not exist."
    ),
    "model_not_open": error(404, "ModelNotOpen", "Your account has not activated the model."),
    "unsupported": error(405, "MethodNotAllowed", "Not here."),
    "too_late": error(
        409, "InvalidAction.RunningTaskDeletion", "Cannot delete the task: it is running."
    ),
    "rate_limited": error(
        429, "ModelAccountRpmRateLimitExceeded", "RPM limit of the model is exceeded."
    ),
    "queue_full": error(429, "QuotaExceeded", "The request has exceeded the quota."),
    "busy": error(429, "ServerOverloaded", "The service cannot handle more requests now."),
    "server_error": error(500, "InternalServiceError", "An unexpected internal error."),
    "bad_gateway": Reply.page(502),
    "overloaded": error(503, "ServerOverloaded", "The service cannot handle more requests now."),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "expired_link": EXPIRED_LINK,
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"status": "queued"}),
    "broken_json": Reply(200, b'{"id":"cgt-', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
