"""Errors as Google's APIs have them: google.rpc.Status over HTTP.

Words and their HTTP statuses: google/rpc/code.proto; details: google/rpc/error_details.proto.
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
