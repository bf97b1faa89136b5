"""How Google says that something is wrong: google.rpc.Status, over HTTP and inside an answer.

Wire facts (PROTO: google/rpc/code.proto, error_details.proto):
- an HTTP error is {"error": {code, message, status, details}}: `status` is the word, `code` the
  HTTP status; inside an answer the number of the word stands as `code`.                PROTO
- details may hold ErrorInfo{reason} (BILLING_DISABLED, ...) and RetryInfo{retryDelay: "7s"}. PROTO
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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

Status = Mapping[str, object]
"""A google.rpc.Status; nothing in it is trusted to be there."""


def complaint_in(error: Status, *, is_unfit: Callable[[str], object], word: str = "") -> Complaint:
    """Read a Status: its word as the code, the reason in its details as the kind.

    `is_unfit` says whether the sentence of an invalid argument refuses content, `word` is the
    code where the Status has neither word nor number.
    """
    message, status, code = (error.get(name) for name in ("message", "status", "code"))
    message = message if isinstance(message, str) else ""
    if isinstance(status, str):
        word = status
    elif isinstance(code, int):
        word = NUMBERS.get(code, str(code))
    if word == "INVALID_ARGUMENT" and is_unfit(message):
        word = UNFIT
    reasons = (detail.get("reason") for detail in _details(error))
    said = {"message": message, "code": word, "type": next(filter(None, reasons), None)}
    return complaint_of({"error": said}) or Complaint()


def told(answer: Answer, error: Status, complaint: Complaint) -> Answer:
    """Say an error in the words of the house's own tables."""
    said = {"message": complaint.message, "code": complaint.code, "type": complaint.kind}
    wait_s = _retry_delay_s(error)
    headers = {} if wait_s is None else {"retry-after": f"{wait_s:g}"}
    body = msgspec.json.encode({"error": said})
    return Answer(answer.status, {**headers, **answer.headers}, body)


def reason_of(complaint: Complaint, words: Words) -> Reason:
    """Say why there is no film, by the word of an error inside an answer.

    What is not known is the provider's own failure.
    """
    reasons = (
        (words.content, Reason.CONTENT_REFUSED),
        (words.money | {"PERMISSION_DENIED", "UNAUTHENTICATED"}, Reason.PROVIDER_UNUSABLE),
        (words.model, Reason.PROVIDER_UNUSABLE),
        (words.later, Reason.PROVIDER_RATE_LIMITED),
        (frozenset({"DEADLINE_EXCEEDED"}), Reason.TIMED_OUT),
        (frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE"}), Reason.PARAMETERS_REFUSED),
    )
    known = (reason for said, reason in reasons if fits(complaint, said))
    return next(known, Reason.PROVIDER_FAILED)


def _details(error: Status) -> Iterator[Mapping[str, object]]:
    details = error.get("details")
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, dict))


def _retry_delay_s(error: Status) -> float | None:
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            return number(delay.removesuffix("s"))
    return None
