"""Errors as the Gemini API has them, and a shelf of wrong answers.

The shape with `status` is google.rpc.Status over HTTP (google/rpc/*.proto); the one with a small
word as `code` is from the SDK's own tests (google-genai 3.6.1). The sentences are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.google_errors import after, because, error
from rushes.testing.simulators.host import Reply


def small(status: int, word: str, message: str) -> Reply:
    """Build an error as interactions have it."""
    return Reply.of(status, {"error": {"code": word, "message": message}})


UNFIT: Final = "The input was blocked, for it violates Google's Responsible AI practices."
GONE: Final = "models/gemini-omni-flash-preview is no longer available."

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": small(400, "invalid_argument", "Unsupported duration."),
    "moderated": error("INVALID_ARGUMENT", UNFIT),
    "precondition": error("FAILED_PRECONDITION", "User location is not supported."),
    "unauthorized": error(
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        because("API_KEY_INVALID"),
    ),
    "unauthenticated": error("UNAUTHENTICATED", "Request had no credentials."),
    "forbidden": error("PERMISSION_DENIED", "You do not have permission to access the File."),
    "out_of_money": error(
        "PERMISSION_DENIED",
        "This API method requires billing to be enabled.",
        because("BILLING_DISABLED"),
    ),
    "not_found": small(404, "not_found", "The interaction was not found."),
    "model_retired": error("NOT_FOUND", GONE),
    "rate_limited": small(429, "too_many_requests", "Quota exceeded."),
    "rate_limited_for_7_s": error("RESOURCE_EXHAUSTED", "Quota exceeded.", after("7s")),
    "overloaded": small(429, "resource_exhausted", "Resource has been exhausted."),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "server_error": error("INTERNAL", "Internal error encountered."),
    "unsupported": error("UNIMPLEMENTED", "Operation is not implemented."),
    "too_late": error("FAILED_PRECONDITION", "The interaction is not in progress."),
    "bad_gateway": Reply.page(502),
    "unavailable": error("UNAVAILABLE", "The service is currently unavailable."),
    "gateway_timeout": error("DEADLINE_EXCEEDED", "Deadline expired."),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"status": "queued", "object": "interaction"}),
    "broken_json": Reply(200, b'{"id":"v1_', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
