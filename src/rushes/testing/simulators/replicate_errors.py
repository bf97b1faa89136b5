"""Problems in the form of Replicate (RFC 7807), and a shelf of answers that are wrong.

The answers for no credit and for a version that is not there were read in public repositories;
those for a key, an input and a model that is not there are from memory, and that content is ever
refused at the create is a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.host import Reply


def problem(status: int, detail: str, *, title: str | None = None, **more: object) -> Reply:
    """Build a problem as Replicate has it; without a title there is a detail and no more."""
    said = {"detail": detail} if title is None else {"title": title, "detail": detail}
    return Reply.of(status, said | {"status": status} | more)


FLAGGED: Final = (
    "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
)
INVALID: Final = "Input validation failed"


def invalid(field: str, what: str) -> Reply:
    """Refuse an input for one of its fields."""
    return problem(
        422,
        f"- input.{field} {what}\n",
        title=INVALID,
        invalid_fields=[{"type": "invalid", "field": field, "description": what}],
    )


REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": invalid("duration", "must be less than or equal to 12"),
    "moderated": problem(422, FLAGGED, title=INVALID),
    "unauthorized": problem(
        401, "You did not pass a valid authentication token", title="Unauthenticated"
    ),
    "forbidden": problem(403, "You do not have permission to perform this action."),
    "out_of_money": problem(
        402,
        "You have insufficient credit to run this model. Go to "
        "https://replicate.com/account/billing#billing to purchase credit.",
        title="Insufficient credit",
    ),
    "not_found": problem(404, "The requested resource could not be found."),
    "model_retired": problem(404, "The model is no longer available."),
    "invalid_version": problem(
        422,
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
        title="Invalid version or not permitted",
    ),
    "unsupported": problem(405, 'Method "POST" not allowed.'),
    "rate_limited": problem(429, "Request was throttled."),
    "rate_limited_for_a_while": problem(
        429, "Request was throttled. Expected available in 7 seconds."
    ),
    "server_error": problem(500, "Internal server error", title="Internal server error"),
    "bad_gateway": Reply.page(502),
    "overloaded": problem(503, "The service is overloaded.", title="Service Unavailable"),
    "unavailable": Reply(503),
    "gateway_timeout": Reply.page(504),
    "expired_link": Reply(404, b"Not found", {"content-type": "text/plain"}),
    "html": Reply.page(200),
    "no_id": Reply.of(201, {"status": "starting"}),
    "broken_json": Reply(201, b'{"id":"ufaw', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
