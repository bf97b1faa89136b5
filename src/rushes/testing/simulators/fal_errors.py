"""Errors as fal has them, of models and of the platform, and a shelf of wrong answers.

The two forms and their words are fal's own pages'; the sentences about apps and limits are from
memory, and were not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply


def complaint(word: str, message: str, *where: str) -> dict[str, object]:
    """Build what a model complains about; `where` is the field."""
    return {
        "loc": ["body", *where],
        "msg": message,
        "type": word,
        "url": f"https://docs.fal.ai/errors/#{word}",
        "input": "what was sent",
    }


def unfit(word: str, message: str, *where: str, status: int = 422) -> Reply:
    """Build a model's error."""
    headers = {"x-fal-retryable": "false"}
    return Reply.of(status, {"detail": [complaint(word, message, *where)]}, headers)


def error(status: int, message: str, word: str | None = None) -> Reply:
    """Build an error of the platform."""
    body: dict[str, object] = {"detail": message}
    if word is None:
        return Reply.of(status, body)
    return Reply.of(status, body | {"error_type": word}, {"x-fal-error-type": word})


LOCKED: Final = (
    "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard."
)

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": unfit("one_of", "Input should be '4s', '6s' or '8s'", "duration"),
    "moderated": unfit("content_policy_violation", "Flagged by a content checker.", "prompt"),
    "unauthorized": error(401, "Cannot access application. Authentication is required."),
    "forbidden": error(403, "User is locked. Reason: Admin lock. Please contact support."),
    "out_of_money": error(403, LOCKED),
    "not_found": error(404, "Request not found"),
    "no_app": error(404, "Application 'veo9' not found"),
    "model_retired": error(404, "Application 'veo3' is no longer available"),
    "unsupported": error(405, "Method Not Allowed"),
    "too_late": Reply.of(400, {"status": "ALREADY_COMPLETED"}),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "rate_limited": error(429, "Too many requests"),
    "server_error": error(500, "Internal Server Error", "internal_error"),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply(503),
    "gateway_timeout": error(504, "Gateway Timeout"),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"status": "IN_QUEUE", "queue_position": 0}),
    "broken_json": Reply(200, b'{"request_id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
