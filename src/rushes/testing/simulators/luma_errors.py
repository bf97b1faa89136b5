"""Errors as Luma has them, one sentence each, and a shelf of answers that are wrong.

The form is that of Luma's OpenAPI; the sentences about prompts and moderation are those of its
page on errors, and of answers that strangers published. No page tells which status belongs to
which, nor what is said of money, limits and models: that is guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply


def error(status: int, sentence: str) -> Reply:
    """Build an error as Luma has it."""
    return Reply.of(status, {"detail": sentence})


REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(400, "Prompt is too short, minimum length is 3 characters"),
    "moderated": error(400, "400: prompt not allowed because advanced moderation failed"),
    "frames": error(400, "400: failed to moderate image"),
    "unauthorized": error(401, "Invalid API key is provided"),
    "forbidden": error(403, "Not authenticated"),
    "out_of_money": error(400, "Insufficient credits"),
    "payment_required": error(402, "Payment required"),
    "month_is_full": error(429, "Monthly usage limit exceeded"),
    "not_found": error(404, "Generation not found"),
    "model_retired": error(400, "Model ray-1-6 is no longer available"),
    "unsupported": error(405, "Method Not Allowed"),
    "too_late": error(409, "Generation can not be deleted"),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "rate_limited": error(429, "Rate limit exceeded"),
    "overloaded": error(429, "Maximum concurrent generations reached"),
    "expired_link": Reply(403, b"AccessDenied", {"content-type": "application/xml"}),
    "server_error": error(500, "Internal Server Error"),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": Reply.of(201, {"state": "queued"}),
    "broken_json": Reply(201, b'{"id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
