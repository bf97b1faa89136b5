"""How Runway says that something is wrong: at a submit, and of a task that failed.

Wire facts (DOC: Runway's pages on HTTP errors and on task failures, copies read 2026-11-27; 3P:
answers that others have written down in 2025 and 2026; MEM: background, not verified):
- an error: {"error": "sentence"}; of a body that does not fit 400 with "Validation of body
  failed" and issues: [{code, path, message}], docUrl.                              DOC, 3P
- no money: 400, "You do not have enough credits to run this task."; only the sentence tells. 3P
- a model that is not there, or not for this account: 403, "Model variant ... is not available";
  one that the check of the body does not know: an issue whose path is `model`.           3P
- 429: too much, also where a day's generations are used up; that one runs too many at once is
  no error: the task waits as THROTTLED.                                             DOC, SDK
- 502, 503: load is shed; 504: overloaded. No word in the body proves that it was not taken. DOC
- failureCode: SAFETY.INPUT.*, SAFETY.OUTPUT.* (DOC), INPUT_PREPROCESSING.SAFETY.* (3P): content;
  ASSET.INVALID: a file that does not fit (DOC of Runway's own skills); INTERNAL,
  INTERNAL.BAD_OUTPUT.*: nobody's fault (DOC). What is refused for content is told by a task that
  failed; a word for it at a submit was not found.                                    UNKNOWN
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from rushes.domain.errors import Failure, Reason
from rushes.providers.answers import Answer, Words, complaint_of, plain

NO_CREDITS: Final = "NO_CREDITS"
NO_MODEL: Final = "NO_SUCH_MODEL"
"""Words of ours for what Runway has none for."""

WORDS: Final = Words(money=frozenset({NO_CREDITS}), model=frozenset({NO_MODEL}))

_POOR: Final = re.compile(r"(?i)\bnot have enough credits\b|\binsufficient credits\b")
_NO_MODEL: Final = re.compile(r"(?i)\bmodel\b.{0,80}\bnot available\b")
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def read(answer: Answer) -> Answer:
    """Put a refused submit into the form that all upstreams are judged by.

    >>> body = b'{"error": "You do not have enough credits to run this task."}'
    >>> b"NO_CREDITS" in read(Answer(400, {}, body)).body
    True
    """
    body = answer.json_object() or {}
    complaint = complaint_of(body)
    if complaint is None or not complaint.message:
        return answer
    message, param = complaint.message, ""
    code = complaint.code
    issue = _issue(body.get("issues"))
    if issue is not None:
        param, said = issue
        message = " ".join(filter(None, (f"{param}:" if param else "", said))) or message
    elif _POOR.search(message):
        code = NO_CREDITS
    elif _NO_MODEL.search(message):
        code = NO_MODEL
    told = {"message": message, "code": code, "param": param}
    return Answer(answer.status, answer.headers, msgspec.json.encode({"error": told}))


def _issue(issues: object) -> tuple[str, str] | None:
    """Return what the first issue is about, and its sentence."""
    first = issues[0] if isinstance(issues, list) and issues else None
    if not isinstance(first, dict):
        return None
    path, message = first.get("path"), first.get("message")
    names = path if isinstance(path, list) else []
    name = names[0] if names and isinstance(names[0], str) and _CODE.fullmatch(names[0]) else ""
    return name, message if isinstance(message, str) else ""


def failure_of(task: Mapping[str, object], hide: Iterable[str]) -> Failure:
    """Say why a task that failed has no film."""
    said, code = task.get("failure"), task.get("failureCode")
    message = plain(said, hide) if isinstance(said, str) else ""
    return Failure.of(_reason(code if isinstance(code, str) else ""), message)


def _reason(code: str) -> Reason:
    """Read a failure code; whatever is not the caller's move is the provider's.

    >>> _reason("INPUT_PREPROCESSING.SAFETY.TEXT").value
    'content_refused'
    """
    parts = code.split(".")
    if "SAFETY" in parts:
        return Reason.CONTENT_REFUSED
    return Reason.PARAMETERS_REFUSED if parts[0] == "ASSET" else Reason.PROVIDER_FAILED
