"""Errors as Runway has them, and a shelf of wrong answers.

The forms are Runway's own pages' and of answers that others have written down; the sentences of
401, 405 and of 429 are from memory, and were not verified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rushes.testing.simulators.host import Reply

DOCS: Final = "https://docs.dev.runwayml.com/api"


def error(status: int, message: str) -> Reply:
    """Build an error: one sentence."""
    return Reply.of(status, {"error": message})


def unfit(issues: Sequence[Mapping[str, object]]) -> Reply:
    """Build the refusal of a body that does not fit."""
    told = {"error": "Validation of body failed", "issues": issues, "docUrl": DOCS}
    return Reply.of(400, told)


_RATIO: Final = {
    "code": "invalid_value",
    "path": ["ratio"],
    "message": "Invalid option: expected one of '1280:720'|'720:1280'",
}
_MODEL: Final = {"code": "invalid_union", "path": ["model"], "message": "Invalid input"}

REPLIES: Final[Mapping[str, Reply]] = {
    "invalid": unfit([_RATIO]),
    "no_model": unfit([_MODEL]),
    "out_of_money": error(400, "You do not have enough credits to run this task."),
    "unauthorized": error(401, "The API key is not valid."),
    "model_retired": error(403, "Model variant gen3a_turbo is not available"),
    "not_found": error(404, "Could not find Task"),
    "unsupported": error(405, "Method not allowed"),
    "gone": Reply(410, b"Gone", {"content-type": "text/plain"}),
    "rate_limited": error(429, "You have reached your daily task limit."),
    "server_error": error(500, "Internal server error"),
    "bad_gateway": Reply.page(502),
    "unavailable": Reply(503),
    "gateway_timeout": error(504, "Gateway timeout"),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"estimatedCost": {"credits": 60}}),
    "broken_json": Reply(200, b'{"id":"', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
