"""How fal says that something is wrong: at a submit, and of a request that is over.

Wire facts (DOC: fal's pages on model errors and on request errors, copies read 2026-11; ISSUES:
what users quote in fal's tracker, 2026; MEM: background, not verified):
- a model's complaint: {"detail": [{loc, msg, type, input, ...}]}, mostly with 422; `type` is for
  machines, `input` repeats what was sent.                                               DOC
- the platform's: {"detail": "...", "error_type": "..."}, the word again in X-Fal-Error-Type. DOC
- no money: 403 {"detail": "User is locked. Reason: Exhausted balance. ..."}; only the sentence
  tells it from other locks.                                                          ISSUES
- an app that is not there: 404 {"detail": "Application ... not found"}.                   MEM
- no page names an error by which the queue refuses a submit for want of room: it says that it has
  no limit, and takes all.                                                               DOC
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from rushes.domain.errors import Failure, Reason
from rushes.providers.answers import Answer, Complaint, Words, complaint_of, plain

EXHAUSTED: Final = "EXHAUSTED_BALANCE"
NO_APP: Final = "NO_SUCH_APP"
"""Words of ours for what fal has none for."""

CANCELLED: Final = "client_cancelled"
MODEL: Final = "model"
"""The kind of a complaint that is a model's, about what it was given."""

WORDS: Final = Words(
    content=frozenset({"content_policy_violation"}),  # DOC
    money=frozenset({EXHAUSTED}),
    model=frozenset({NO_APP}),
)
TIMEOUTS: Final = frozenset({"generation_timeout", "request_timeout", "startup_timeout"})
"""DOC"""

RUNS: Final = TIMEOUTS | {
    "runner_scheduling_failure",
    "runner_connection_timeout",
    "runner_disconnected",
    "runner_connection_refused",
    "runner_connection_error",
    "runner_incomplete_response",
    "runner_server_error",
    CANCELLED,
}
"""Words that can only be of the request which was run, and not of our asking for it. DOC"""

BLAMELESS: Final = frozenset(
    {
        "internal_server_error",
        "downstream_service_error",
        "downstream_service_unavailable",
        "no_media_generated",
    }
)
"""Words of a model that blame nothing of what was asked. DOC, the last MEM"""

_LOCKED: Final = re.compile(r"(?i)\bexhausted balance\b")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_FIELD_DEPTH: Final = 2
"""`["body", "prompt"]` names a field, `["body"]` none."""


def complaint_in(answer: Answer) -> Complaint:
    """Read what an answer says is wrong; of several the one about content, else the first.

    >>> complaint_in(Answer(504, {"x-fal-error-type": "startup_timeout"}, b"{}")).code
    'startup_timeout'
    """
    body = answer.json_object() or {}
    detail = body.get("detail")
    listed = [item for item in detail if isinstance(item, dict)] if isinstance(detail, list) else []
    if listed:
        unfit = (item for item in listed if item.get("type") in WORDS.content)
        return _complaint_of_model(next(unfit, listed[0]))
    found = complaint_of(body) or Complaint()
    word = _word(body.get("error_type")) or _word(answer.headers.get("x-fal-error-type"))
    return Complaint(message=found.message, code=word)


def _complaint_of_model(item: Mapping[str, object]) -> Complaint:
    message, where = item.get("msg"), item.get("loc")
    path = where if isinstance(where, list) else []
    return Complaint(
        message=message if isinstance(message, str) else "",
        kind=MODEL if path[:1] == ["body"] else "",  # else of our asking: an id, a header
        code=_word(item.get("type")),
        param=_word(path[-1]) if len(path) >= _FIELD_DEPTH else "",
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def read(answer: Answer) -> Answer:
    """Put a refused submit into the form that all upstreams are judged by."""
    complaint = complaint_in(answer)
    code = complaint.code
    if answer.status == HTTPStatus.FORBIDDEN and _LOCKED.search(complaint.message):
        code = EXHAUSTED
    elif answer.status == HTTPStatus.NOT_FOUND and answer.json_object() is not None:
        code = NO_APP
    if not code and not complaint.message:
        return answer
    said = {"message": complaint.message, "code": code, "param": complaint.param}
    return Answer(answer.status, answer.headers, msgspec.json.encode({"error": said}))


def is_verdict(answer: Answer) -> bool:
    """Say whether an error in place of a result is of the request that was run.

    A model's complaint is, and a word of a runner; all else may be of our asking.
    """
    complaint = complaint_in(answer)
    return (complaint.kind == MODEL and bool(complaint.code)) or complaint.code in RUNS


def failure_of(answer: Answer, status: Mapping[str, object], hide: Iterable[str]) -> Failure:
    """Say why a request that is over has no film: by its result, else by its status."""
    complaint = complaint_in(answer)
    error = status.get("error")
    word = complaint.code or _word(status.get("error_type"))
    message = complaint.message or (error if isinstance(error, str) else "")
    return Failure.of(_reason(complaint, word), plain(message, hide))


def _reason(complaint: Complaint, word: str) -> Reason:
    if word in WORDS.content:
        return Reason.CONTENT_REFUSED
    if word in TIMEOUTS:
        return Reason.TIMED_OUT
    if complaint.param and word not in BLAMELESS:
        return Reason.PARAMETERS_REFUSED
    return Reason.PROVIDER_FAILED
