"""What Veo on Vertex AI says by Google's errors (`google_status.py`).

Wire facts (PROTO: google/rpc/*.proto; MEM: background, not verified):
- a prompt or an image that is not fit is INVALID_ARGUMENT like any other; only the sentence tells
  ("... violates Google's Responsible AI practices", "... safety filter ...", "Support codes:
  12345678").                                                                             MEM
"""

from __future__ import annotations

import re
from typing import Final

from rushes.domain.errors import Reason
from rushes.providers import google_status
from rushes.providers.answers import Answer, Complaint, Words
from rushes.providers.google_status import UNFIT

_UNFIT: Final = re.compile(
    r"(?i)\b(?:responsible ai|safety (?:filters?|settings?|threshold)|sensitive words"
    r"|usage guidelines|support codes?:? *\d)"
)

WORDS: Final = Words(
    content=frozenset({UNFIT}),
    money=frozenset({"BILLING_DISABLED"}),  # PROTO, reasons of ErrorInfo
    # A publisher's model that is not there and one that is not open have one word. MEM.
    # A precondition is one of project or region: no caller can meet it.
    model=frozenset({"NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}),
    later=frozenset({"RESOURCE_EXHAUSTED"}),
)
"""No 5xx of Google's is documented to prove that nothing was accepted: UNAVAILABLE is none."""


def read(answer: Answer) -> Answer:
    """Say an error of Google's in the words of the house's own tables; all else stays as it is."""
    error = (answer.json_object() or {}).get("error")
    if answer.is_success or not isinstance(error, dict):
        return answer
    return google_status.told(answer, error, complaint_in(error))


def complaint_in(error: google_status.Status) -> Complaint:
    """Read a Status: its word as the code, the reason in its details as the kind.

    >>> complaint_in({"code": 8, "message": "Slow down."}).code
    'RESOURCE_EXHAUSTED'
    """
    return google_status.complaint_in(error, is_unfit=_UNFIT.search)


def reason_of(complaint: Complaint) -> Reason:
    """Say why an operation ended in an error."""
    return google_status.reason_of(complaint, WORDS)
