"""What goes wrong on Vertex AI, in Google's words: a shelf of wrong answers.

The sentences about models and content are from memory, and were not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rushes.testing.simulators.google_errors import after, because, error
from rushes.testing.simulators.host import Reply

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
    "bad_gateway": Reply.page(502),
    "unavailable": error("UNAVAILABLE", "The service is currently unavailable."),
    "gateway_timeout": error("DEADLINE_EXCEEDED", "Deadline expired."),
    "html": Reply.page(200),
    "no_id": Reply.of(200, {"metadata": {}}),
    "broken_json": Reply(200, b'{"name":"projects/', {"content-type": "application/json"}),
    "redirected": Reply(307, b"", {"location": "/elsewhere"}),
}
"""Answers that are wrong by themselves. A rule's value may add headers to them, as a table."""
