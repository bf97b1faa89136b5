"""Errors in the form of the OpenAI protocols, and a shelf of answers that are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply


def error(status: int, code: str | None, message: str, *, param: str | None = None) -> Reply:
    """Build an error as the protocol has it."""
    kind = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
    said = kind.get(status, "server_error" if status >= 500 else "invalid_request_error")
    body = {"error": {"message": message, "type": said, "param": param, "code": code}}
    return Reply.of(status, body)


REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(
        400, "invalid_value", "The value of 'seconds' is not allowed.", param="seconds"
    ),
    "moderated": error(400, "moderation_blocked", "Your request was blocked by our moderation."),
    "unauthorized": error(401, "invalid_api_key", "Incorrect API key provided."),
    "payment_required": error(402, "insufficient_quota", "The balance is too low."),
    "forbidden": error(403, "unsupported_country_region_territory", "Not from here."),
    "not_found": error(404, None, "No such video."),
    "model_retired": error(
        404, "model_not_found", "The model is no longer available.", param="model"
    ),
    "unsupported": error(405, None, "Method not allowed."),
    "too_late": error(409, "conflict", "The video cannot be deleted now."),
    "gone": error(410, "artifact_expired", "The video has expired."),
    "too_large": error(413, "request_too_large", "The request is too large."),
    "rate_limited": error(429, "rate_limit_exceeded", "Rate limit reached."),
    "out_of_money": error(429, "insufficient_quota", "You exceeded your current quota."),
    "server_error": error(500, "server_error", "The server had an error."),
    "bad_gateway": Reply.page(502),
    "overloaded": error(503, "server_is_overloaded", "The model is overloaded."),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"object": "video", "status": "queued"}),
    "broken_json": Reply(200, b'{"id":"video_', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
