"""Errors as xAI has them, and a shelf of answers that are wrong.

The form {"code", "error"}, `invalid-argument`, `permission-denied` and the sentences on content,
credits and keys are those that strangers published; the other codes are the words of gRPC in the
same spelling, and guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply


def error(status: int, code: str, sentence: str) -> Reply:
    """Build an error as xAI has it."""
    return Reply.of(status, {"code": code, "error": sentence})


NO_CREDITS: Final = (
    "Your team 7d3f has either used all available credits or reached its monthly spending limit. "
    "To continue making API requests, please purchase more credits or raise your spending limit."
)
UNFIT: Final = "Generated video rejected by content moderation."

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": error(400, "invalid-argument", "Duration 16s exceeds the maximum allowed of 15s."),
    "invalid_of_old": error(400, "Client specified an invalid argument", "Invalid aspect ratio."),
    "moderated": error(400, "imagine:content-moderated", UNFIT),
    "moderated_by_sentence": error(400, "Client specified an invalid argument", UNFIT),
    "moderated_by_safety": error(
        403,
        "permission-denied",
        "Content violates usage guidelines. Team: 7d3f, API key ID: 1b2c, Model: grok, "
        "Failed check: SAFETY_CHECK_TYPE_BIO",
    ),
    "bad_key": error(
        400, "invalid-argument", "Incorrect API key provided: xa***42. Get one at console.x.ai."
    ),
    "unauthorized": error(401, "unauthenticated", "No credentials were provided."),
    "forbidden": error(403, "permission-denied", "The caller does not have permission."),
    "out_of_money": error(403, "permission-denied", NO_CREDITS),
    "exhausted": error(429, "Some resource has been exhausted", NO_CREDITS),
    "zero_retention": error(
        400,
        "invalid-argument",
        "Zero Data Retention teams must provide output.upload_url for video generation.",
    ),
    "not_found": error(404, "not-found", "The requested video was not found."),
    "no_model": error(
        404,
        "not-found",
        "The model grok-x does not exist or your team 7d3f does not have access to it.",
    ),
    "model_retired": error(
        404, "not-found", "The model grok-imagine-video is no longer available."
    ),
    "bad_method": Reply(405),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "expired_link": Reply(403, b"AccessDenied", {"content-type": "text/plain"}),
    "rate_limited": error(429, "resource-exhausted", "Too many requests."),
    "server_error": error(500, "internal", "Internal error."),
    "bad_gateway": Reply.page(502),
    "unavailable": error(503, "unavailable", "The service is currently unavailable."),
    "gateway_timeout": Reply.page(504),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {}),
    "early": error(400, "invalid-argument", "The request is not ready."),
    "broken_json": Reply(200, b'{"request_id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
