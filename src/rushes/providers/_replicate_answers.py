"""How Replicate says that something is wrong, over HTTP and inside a prediction that failed.

Wire facts (SDK: replicate 1.0.7; DOC: replicate.com/docs/reference/error-codes; 3P: answers
quoted in public repositories and issues, read 2026-11; MEM: background, not verified):
- an HTTP error is {type, title, status, detail, instance}, of which only detail is always there;
  there is no code, so the title stands for one here: "Insufficient credit" is read as
  Insufficient_credit.                                                              SDK, 3P
- titles: "Insufficient credit" (402), "Invalid version or not permitted" (422).            3P
- titles: "Unauthenticated" (401), "Input validation failed" (422); a model that is not there is
  a 404 with nothing but a detail.                                                         MEM
- 429: {detail: "Request was throttled. ..."}, which may go on "Expected available in 7
  seconds."; whether it has a Retry-After is read nowhere.                             DOC, MEM
- a failed prediction has one sentence in `error`, in the model's own words; a code may stand at
  its end, "(E1001)". "The input or output was flagged as sensitive ... (E005)" and "Content was
  flagged by the safety system" are met there.                                          DOC, 3P
- whether content is ever refused at the create is not known; the sentence would tell.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec

from rushes.domain.errors import Reason
from rushes.providers.answers import Answer, Words

UNFIT: Final = "UNFIT"
"""A word of ours for what Replicate has none for: the sentence says that the content is not fit."""

WORDS: Final = Words(
    content=frozenset({UNFIT}),
    money=frozenset({"Insufficient_credit", "Payment_Required"}),
    model=frozenset({"Invalid_version_or_not_permitted", "Model_not_found", "NOT_FOUND"}),
)
"""No 5xx of Replicate's is documented to prove that nothing was accepted."""

CODE_CHARACTERS_MAX: Final = 64
_UNFIT: Final = re.compile(
    r"(?i)\bE005\b|\bflagged (?:as|by|for)\b|\bNSFW\b|\bsafety (?:system|filter|checker)"
    r"|\bcontent (?:policy|moderation|filter)|\bsensitive content|\bmoderat(?:ed|ion)\b"
)
_AGAIN_IN: Final = re.compile(r"(?i)\b(?:available|resets?) in ~?(\d{1,4}) ?s")


def read(answer: Answer) -> Answer:
    """Say a problem of Replicate's in the words of the house's tables; all else stays as it is."""
    body = answer.json_object()
    detail = (body or {}).get("detail")
    if body is None or answer.is_success or not isinstance(detail, str):
        return answer
    title = body.get("title")
    code = _code(title if isinstance(title, str) else "", answer.status, detail)
    again_in = _AGAIN_IN.search(detail)
    told = {} if again_in is None else {"retry-after": again_in[1]}
    error = msgspec.json.encode({"error": {"message": detail, "code": code}})
    return Answer(answer.status, {**told, **answer.headers}, error)


def _code(title: str, status: int, detail: str) -> str:
    if is_unfit(detail):
        return UNFIT
    if title:
        return re.sub(r"[^A-Za-z0-9]+", "_", title).strip("_")[:CODE_CHARACTERS_MAX]
    return "NOT_FOUND" if status == HTTPStatus.NOT_FOUND else ""


def is_unfit(sentence: str) -> bool:
    """Say whether a sentence blames the content; there is nothing else to know it by.

    >>> is_unfit("The input or output was flagged as sensitive. (E005)")
    True
    """
    return bool(_UNFIT.search(sentence))


def reason_of(sentence: str) -> Reason:
    """Say why a prediction failed."""
    return Reason.CONTENT_REFUSED if is_unfit(sentence) else Reason.PROVIDER_FAILED
