"""How Google says that something is wrong: google.rpc.Status, over HTTP and inside an operation.

Wire facts (PROTO: google/rpc/code.proto, error_details.proto; MEM: background, not verified):
- an HTTP error is {"error": {code, message, status, details}}: `status` is the word, `code` the
  HTTP status; the error of an operation has the number of the word as its `code`.      PROTO
- details may hold ErrorInfo{reason} (BILLING_DISABLED, ...) and RetryInfo{retryDelay: "7s"}. PROTO
- a prompt or an image that is not fit is INVALID_ARGUMENT like any other; only the sentence tells
  ("... violates Google's Responsible AI practices", "... safety filter ...", "Support codes:
  12345678").                                                                             MEM
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from rushes.domain.errors import Reason
from rushes.providers.answers import Answer, Complaint, Words, complaint_of, fits, number

NUMBERS: Final[Mapping[int, str]] = {
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    6: "ALREADY_EXISTS",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}
"""PROTO"""

UNFIT: Final = "UNFIT"
"""A word of ours for what Google has none for: the sentence says that the content is not fit."""

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

REASONS: Final = (
    (WORDS.content, Reason.CONTENT_REFUSED),
    (WORDS.money | {"PERMISSION_DENIED", "UNAUTHENTICATED"}, Reason.PROVIDER_UNUSABLE),
    (WORDS.model, Reason.PROVIDER_UNUSABLE),
    (WORDS.later, Reason.PROVIDER_RATE_LIMITED),
    (frozenset({"DEADLINE_EXCEEDED"}), Reason.TIMED_OUT),
    (frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE"}), Reason.PARAMETERS_REFUSED),
)
"""The error of an operation; what fits none of them is the provider's own failure."""


def read(answer: Answer) -> Answer:
    """Say an error of Google's in the words of the house's own tables; all else stays as it is."""
    body = answer.json_object()
    error = (body or {}).get("error")
    if answer.is_success or not isinstance(error, dict):
        return answer
    complaint = complaint_in(error)
    said = {"message": complaint.message, "code": complaint.code, "type": complaint.kind}
    wait_s = _retry_delay_s(error)
    told = {} if wait_s is None else {"retry-after": f"{wait_s:g}"}
    return Answer(answer.status, {**told, **answer.headers}, msgspec.json.encode({"error": said}))


def complaint_in(error: Mapping[str, object]) -> Complaint:
    """Read a Status: its word as the code, the reason in its details as the kind.

    >>> complaint_in({"code": 8, "message": "Slow down."}).code
    'RESOURCE_EXHAUSTED'
    """
    message, word, code = (error.get(name) for name in ("message", "status", "code"))
    message = message if isinstance(message, str) else ""
    if not isinstance(word, str) and isinstance(code, int):
        word = NUMBERS.get(code, str(code))
    reasons = (detail.get("reason") for detail in _details(error))
    reason = next((reason for reason in reasons if reason), None)
    code_or_unfit = UNFIT if word == "INVALID_ARGUMENT" and _UNFIT.search(message) else word
    said = {"message": message, "code": code_or_unfit, "type": reason}
    return complaint_of({"error": said}) or Complaint()


def reason_of(complaint: Complaint) -> Reason:
    """Say why an operation ended in an error."""
    known = (reason for words, reason in REASONS if fits(complaint, words))
    return next(known, Reason.PROVIDER_FAILED)


def _details(error: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    details = error.get("details")
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, dict))


def _retry_delay_s(error: Mapping[str, object]) -> float | None:
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            return number(delay.removesuffix("s"))
    return None
