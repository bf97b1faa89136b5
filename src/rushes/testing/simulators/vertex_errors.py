"""Errors as Google APIs have them (google.rpc.Status over HTTP), and a shelf of wrong answers.

Words and their HTTP statuses: google/rpc/code.proto; details: google/rpc/error_details.proto.
The sentences about models and content are from memory, and were not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply

STATUSES: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


def error(word: str, message: str, *details: Mapping[str, object]) -> Reply:
    """Build an error as the protocol has it."""
    status = STATUSES[word]
    said: dict[str, object] = {"code": status, "message": message, "status": word}
    if details:
        said["details"] = list(details)
    return Reply.of(status, {"error": said})


def because(reason: str) -> dict[str, object]:
    """Build the detail that names a reason."""
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com"}


def after(delay: str) -> dict[str, object]:
    """Build the detail that says when to come again."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


PAGE: Final = b"<!doctype html><html><body><h1>Bad Gateway</h1></body></html>"
_AS_PAGE: Final = {"content-type": "text/html; charset=utf-8"}
UNFIT: Final = (
    "The prompt could not be submitted. This prompt contains sensitive words that violate "
    "Google's Responsible AI practices. Try rephrasing the prompt. Support codes: 58061214"
)
GONE: Final = "Publisher Model `veo-2.0-generate-001` is no longer available."

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error("INVALID_ARGUMENT", "Unsupported output video duration 5 seconds."),
    "moderated": error("INVALID_ARGUMENT", UNFIT),
    "precondition": error("FAILED_PRECONDITION", "The project is not allowed to use this model."),
    "unauthorized": error(
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials.",
        because("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ),
    "forbidden": error("PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied."),
    "out_of_money": error(
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled.",
        because("BILLING_DISABLED"),
    ),
    "not_found": error("NOT_FOUND", "The operation was not found."),
    "model_retired": error("NOT_FOUND", GONE),
    "rate_limited": error("RESOURCE_EXHAUSTED", "Quota exceeded for aiplatform.googleapis.com."),
    "rate_limited_for_7_s": error("RESOURCE_EXHAUSTED", "Quota exceeded.", after("7s")),
    "overloaded": error("RESOURCE_EXHAUSTED", "Resource has been exhausted. Try again later."),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "server_error": error("INTERNAL", "Internal error encountered."),
    "unsupported": error("UNIMPLEMENTED", "Operation is not implemented."),
    "bad_gateway": Reply(502, PAGE, _AS_PAGE),
    "unavailable": error("UNAVAILABLE", "The service is currently unavailable."),
    "gateway_timeout": error("DEADLINE_EXCEEDED", "Deadline expired."),
    "html": Reply(200, PAGE, _AS_PAGE),
    "no_id": Reply.of(200, {"metadata": {}}),
    "broken_json": Reply(200, b'{"name":"projects/', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
