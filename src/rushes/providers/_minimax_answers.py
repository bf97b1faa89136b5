"""How MiniMax says that something is wrong: mostly inside HTTP 200, as `base_resp.status_code`.

Wire facts (DOC: MiniMax's page of error codes, copies read 2026-11; SDK: its own programs
minimax-mcp 0.0.19 and mmx-cli 1.0; SEEN: asked without a key by others, 2026-10; ISSUES: what
users quote in its trackers; MEM: background, not verified; we tried nothing live):
- {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}; 0 is success; next
  to it stands whatever else an answer has, empty; so it is without a key, too: 1004.  DOC, SEEN
- on its other paths it says {"error": {"type", "message": "insufficient balance (1008)"}} with
  4xx or 5xx; were it to do so here, it would be understood.                        DOC, ISSUES
- 1000, 1001, 1013, 1024 and 1033 are its own troubles; they prove nothing about a create.  DOC
- mmx-cli takes 1002 and 1039 for words about content; by the pages both are rate limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from rushes.domain.errors import Failure, Reason
from rushes.providers.answers import Answer, Complaint, Words, complaint_of, fits

CONTENT: Final = frozenset({"1026", "1027"})
"""Of the input, of the film. DOC"""

PARAMETERS: Final = frozenset({"2013", "1042"})
"""The latter is a prompt of invisible characters. DOC"""

WORDS: Final = Words(
    content=CONTENT,
    money=frozenset({"1008", "1028", "1030"}),  # DOC, SDK, SDK
    model=frozenset({"2061"}),  # SDK: a plan without this model
    later=frozenset({"1002", "1039", "1041", "2045", "2056"}),  # DOC; a plan's hours are used up
)
STATUSES: Final[Mapping[str, int]] = {
    **dict.fromkeys(CONTENT | PARAMETERS | WORDS.model, HTTPStatus.BAD_REQUEST),
    **dict.fromkeys(WORDS.money, HTTPStatus.PAYMENT_REQUIRED),
    **dict.fromkeys(WORDS.later, HTTPStatus.TOO_MANY_REQUESTS),
    "1004": HTTPStatus.UNAUTHORIZED,  # DOC
    "2049": HTTPStatus.UNAUTHORIZED,  # DOC: an invalid key
    "2038": HTTPStatus.FORBIDDEN,  # SDK: an account whose owner is not verified
}
"""The codes by which a create is refused, each with the HTTP status that others would give."""

TROUBLES: Final[Mapping[str, int]] = dict.fromkeys(
    ("1000", "1001", "1013", "1024", "1033"), HTTPStatus.INTERNAL_SERVER_ERROR
)
UNKNOWN: Final[Mapping[str, int]] = {"2013": HTTPStatus.NOT_FOUND}
"""A look has one parameter, the id: what is wrong with it is that nothing is there. MEM"""

_MODEL: Final = re.compile(r"(?i)\bmodel\b")
_CODE_BEHIND: Final = re.compile(r"\((\d{4})\)\s*$")


def complaint_in(answer: Answer) -> Complaint:
    """Read what an answer says is wrong; its code is empty where it is success.

    >>> body = b'{"error": {"message": "insufficient balance (1008)", "type": "x"}}'
    >>> complaint_in(Answer(429, {}, body)).code
    '1008'
    """
    body = answer.json_object() or {}
    said = body.get("base_resp")
    if isinstance(said, dict):
        number, message = said.get("status_code"), said.get("status_msg")
        is_code = isinstance(number, int) and not isinstance(number, bool) and number != 0
        text = message if isinstance(message, str) else ""
        return _complaint(text, str(number)) if is_code else Complaint()
    found = complaint_of(body) or Complaint()
    behind = _CODE_BEHIND.search(found.message)
    return _complaint(found.message, behind[1]) if behind else found


def _complaint(message: str, code: str) -> Complaint:
    if code in CONTENT:  # "input new_sensitive": the house says it better
        message = ""
    names_model = code == "2013" and bool(_MODEL.search(message))  # MEM
    return Complaint(message=message, code=code, param="model" if names_model else "")


def as_submit(answer: Answer) -> Answer:
    """Put an answer to a create into the form that all upstreams are judged by."""
    return _as(answer, STATUSES)


def as_look(answer: Answer) -> Answer:
    """Put an answer to any other call into that form."""
    return _as(answer, {**STATUSES, **TROUBLES, **UNKNOWN})


def _as(answer: Answer, statuses: Mapping[str, int]) -> Answer:
    complaint = complaint_in(answer)
    if complaint == Complaint():
        return answer
    status = statuses.get(complaint.code, answer.status) if answer.is_success else answer.status
    said = {
        "type": complaint.kind or "base_resp",
        "message": complaint.message,
        "code": complaint.code,
        "param": complaint.param,
    }
    return Answer(status, answer.headers, msgspec.json.encode({"error": said}))


def failure_of(complaint: Complaint, sentence: str) -> Failure:
    """Say why a task has no film; `sentence` is what MiniMax says, fit for a caller."""
    if fits(complaint, CONTENT):
        return Failure.of(Reason.CONTENT_REFUSED)
    if fits(complaint, WORDS.money | WORDS.model):  # an account's troubles are no caller's
        return Failure.of(Reason.PROVIDER_UNUSABLE)
    if fits(complaint, WORDS.later):
        return Failure.of(Reason.PROVIDER_RATE_LIMITED)
    is_callers = fits(complaint, PARAMETERS)
    reason = Reason.PARAMETERS_REFUSED if is_callers else Reason.PROVIDER_FAILED
    return Failure.of(reason, sentence)
