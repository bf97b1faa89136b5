"""How xAI says that something is wrong.

Wire facts (SEEN: answers of the service that strangers published; CODE, MEM: see `xai.py`):
- an HTTP error is flat, {"code", "error"}: the code is a word of gRPC ("invalid-argument", earlier
  its meaning in a sentence: "Client specified an invalid argument"), the error a sentence.  SEEN
  Some are told as OpenAI's, {"error": {message, type, code}}.                               CODE
- one code stands for a wrong parameter, a wrong key ("Incorrect API key provided", 400), an
  account that may not do it so ("Zero Data Retention teams must ...", 400) and content that is
  not fit ("Generated video rejected by content moderation.", 400; "Content violates usage
  guidelines.", 400 and 403): only the sentence tells. Newer ones have a code, too:
  "imagine:content-moderated".                                                               SEEN
- out of money is 403 or 429: "Your team ... has either used all available credits or reached its
  monthly spending limit."                                                                   SEEN
- a model that is gone, unknown or not ours is 404, "The model X does not exist or your team Y does
  not have access to it."                                                                     MEM
- a sentence may name our team and the id of our key, at its end.                             MEM
- of 5xx no page says that nothing was accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import msgspec

from rushes.domain.errors import Failure, Reason
from rushes.providers.answers import Answer, Complaint, Words, complaint_of, fits, plain

UNFIT: Final = "UNFIT"
UNUSABLE: Final = "UNUSABLE"
NO_MODEL: Final = "NO_MODEL"
"""Words of ours for what xAI tells by a sentence alone."""

WORDS: Final = Words(
    content=frozenset({UNFIT, "imagine:content-moderated", "content_policy_violation"}),
    money=frozenset({UNUSABLE}),
    model=frozenset({NO_MODEL}),
)

_SENTENCES: Final = (
    (
        re.compile(
            r"(?i)\bcontent[- ]moderat|\bcontent policy\b|\busage guidelines\b|\bSAFETY_CHECK_TYPE"
        ),
        UNFIT,
    ),
    (
        re.compile(
            r"(?i)\bincorrect api key\b|\bavailable credits\b|\bspending limit\b"
            r"|\b(?:any|no) credits\b|\bzero data retention\b"
        ),
        UNUSABLE,
    ),
    (
        re.compile(
            r"(?i)\bmodel\b.*(?:\bdoes not exist\b|\bnot found\b|\bno longer\b|\bhave access\b)"
        ),
        NO_MODEL,
    ),
)
_OURS: Final = re.compile(r"(?is)[\s,;]*\b(?:your )?(?:team|api key id):?\s.*")
_TOLD: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Statuses by which content that is not fit is told."""

_REFUSED: Final = frozenset({"invalid_argument", "invalid-argument"})


def read(answer: Answer) -> Answer:
    """Say an error of xAI's in the words of the house's own tables; all else stays as it is."""
    if answer.is_success or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer
    complaint = complaint_of(answer.json_object())
    if complaint is None:
        return answer
    said = {
        "message": _OURS.sub("", complaint.message),
        "code": _word_of(complaint),
        "type": complaint.kind,
        "param": complaint.param,
    }
    return Answer(answer.status, answer.headers, msgspec.json.encode({"error": said}))


def unfit_in(answer: Answer) -> dict[str, object] | None:
    """Return what an HTTP error to a look says of a film that is not fit; None if it says none."""
    complaint = complaint_of(answer.json_object())
    if answer.status not in _TOLD or complaint is None:
        return None
    if _word_of(complaint) not in WORDS.content:
        return None
    return {"code": UNFIT, "message": complaint.message}


def failure_of(error: object, hide: Iterable[str]) -> Failure:
    """Say why there is no film."""
    complaint = complaint_of({"error": error}) or Complaint()
    word = _word_of(complaint)
    if word in WORDS.content:
        reason = Reason.CONTENT_REFUSED
    elif word in {UNUSABLE, NO_MODEL}:  # no caller's business
        return Failure.of(Reason.PROVIDER_UNUSABLE)
    elif fits(complaint, _REFUSED):
        reason = Reason.PARAMETERS_REFUSED
    else:
        reason = Reason.PROVIDER_FAILED
    return Failure.of(reason, plain(_OURS.sub("", complaint.message), hide))


def _word_of(complaint: Complaint) -> str:
    """Return the code of a complaint, or the word of ours that its sentence stands for."""
    said = (word for sentence, word in _SENTENCES if sentence.search(complaint.message))
    return next(said, complaint.code)
