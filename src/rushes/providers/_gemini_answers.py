"""How the Gemini API says that something is wrong, and what a finished interaction holds.

Wire facts (SDK: google-genai 3.6.1, its types and its own tests; PROTO: google/rpc/*.proto; MEM:
background, not verified):
- an HTTP error is {"error": {code, message}} with a word in small letters as `code`
  ("resource_exhausted", "too_many_requests"), or google.rpc.Status (`google_status.py`). SDK
- a key that is none is 400 INVALID_ARGUMENT, the reason API_KEY_INVALID in its details.  MEM
- an interaction has `errors` [{code, message}], where `code` is "a URI that identifies the error
  type"; a step {type: "model_output", content, error} may have a google.rpc.Status.      SDK
- a film is {type: "video", uri | data, mime_type} in the content of a model_output step; the
  last turn's is after the last user_input. `output_video` is the SDK's own, not the wire's. SDK
- how a film or a prompt that is not fit is told was read nowhere: a sentence alone tells. MEM
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from rushes.domain.errors import Failure, Reason
from rushes.providers import google_status
from rushes.providers.answers import Answer, Complaint, Words, fits, plain
from rushes.providers.google_status import UNFIT

_UNFIT: Final = re.compile(
    r"(?i)\b(?:responsible ai|safety|prohibited content|content polic(?:y|ies)|usage polic(?:y|ies)"
    r"|prohibited use policy|sensitive words|usage guidelines|support codes?:? *\d)"
)
"""MEM. A sentence by which Google refuses content; it is asked of INVALID_ARGUMENT, and of what
failed, and of nothing else."""

KEYS: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
"""MEM"""

WORDS: Final = Words(
    content=frozenset({UNFIT, "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST"}),  # MEM
    # PROTO, reasons of ErrorInfo; that this API tells them is memory.
    money=frozenset({"BILLING_DISABLED", "API_KEY_SERVICE_BLOCKED", *KEYS}),
    # A precondition is one of account or country: no caller can meet it.
    model=frozenset({"NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"}),
    later=frozenset({"RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS"}),  # SDK, its tests
)
"""No 5xx of Google's is documented to prove that nothing was accepted: UNAVAILABLE is none."""

Job = Mapping[str, object]
"""An interaction as Google tells it; nothing in it is trusted to be there."""


def read(answer: Answer) -> Answer:
    """Say an error in the words of the house's own tables; all else stays as it is.

    A bad key is 400 at Google, which elsewhere is a word about the task; here it becomes 401.
    """
    error = (answer.json_object() or {}).get("error")
    if answer.is_success or not isinstance(error, dict):
        return answer
    complaint = complaint_in(error)
    said = google_status.told(answer, error, complaint)
    return replace(said, status=HTTPStatus.UNAUTHORIZED) if fits(complaint, KEYS) else said


def complaint_in(error: Mapping[str, object]) -> Complaint:
    """Read one error, whose code may be a number, a word of either case, or a URI.

    >>> complaint_in({"code": "resource_exhausted", "message": "Slow down."}).code
    'RESOURCE_EXHAUSTED'
    """
    word = _last_word(error.get("code"))
    return google_status.complaint_in(error, is_unfit=_UNFIT.search, word=word)


def _last_word(code: object) -> str:
    text = code if isinstance(code, str) else ""
    return re.split(r"[/#]", text.rstrip("/"))[-1].upper().replace("-", "_")


def failure_of(job: Job, hide: tuple[str, ...], *, unnamed: str = "") -> Failure:
    """Say why an interaction has no film: by the first error of it that blames the content.

    A caller is told a sentence only where the input is to blame.
    """
    complaints = [complaint_in(error) for error in _errors_in(job)]
    for complaint in complaints:
        if is_unfit(complaint):
            return Failure.of(Reason.CONTENT_REFUSED, plain(complaint.message, hide))
    if not complaints:
        return Failure.of(Reason.PROVIDER_FAILED, unnamed)
    reason = google_status.reason_of(complaints[0], WORDS)
    if reason in {Reason.PROVIDER_UNUSABLE, Reason.TIMED_OUT}:  # no caller's business
        return Failure.of(reason)
    return Failure.of(reason, plain(complaints[0].message, hide))


def refuses_content(job: Job) -> bool:
    """Say whether an error in an interaction blames the content."""
    return any(is_unfit(complaint_in(error)) for error in _errors_in(job))


def is_unfit(complaint: Complaint) -> bool:
    """Say whether what ended an interaction is about content."""
    return fits(complaint, WORDS.content) or bool(_UNFIT.search(complaint.message))


def _errors_in(job: Job) -> Iterator[Mapping[str, object]]:
    errors = job.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield error
    for step in _outputs_in(job):
        error = step.get("error")
        if isinstance(error, dict):
            yield error


def _outputs_in(job: Job) -> list[Mapping[str, object]]:
    """Return what the model made in the last turn."""
    steps = job.get("steps")
    outputs: list[Mapping[str, object]] = []
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, dict):
            continue
        if step.get("type") == "user_input":
            outputs.clear()
        elif step.get("type") == "model_output":
            outputs.append(step)
    return outputs


def video_in(job: Job) -> Mapping[str, object] | None:
    """Return the film of an interaction, None where it has none."""
    for step in _outputs_in(job):
        content = step.get("content")
        for part in content if isinstance(content, list) else []:
            if not isinstance(part, dict) or part.get("type") != "video":
                continue
            if part.get("uri") or part.get("data"):
                return part
    return None


def usage_in(job: Job) -> dict[str, object]:
    """Return what money may follow from: the totals of tokens."""
    usage = job.get("usage")
    said = usage.items() if isinstance(usage, dict) else ()
    return {
        name: value
        for name, value in said
        if isinstance(value, int) and not isinstance(value, bool) and name.startswith("total_")
    }
