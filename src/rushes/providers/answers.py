"""What an upstream's HTTP answer means; pure readers, no network.

A submit that got an answer is judged here: refused, busy, or in doubt. Refused and busy need
proof that nothing was accepted, and a status alone proves that only below 500: a 5xx may stand
in front of a task that was made, and will be billed. What no table names is in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Final

import msgspec

from rushes.domain.errors import Blame, Failure, Reason
from rushes.providers.base import Busy, InDoubt, NotThere, NotUnderstood, Refused, Unreachable

RETRY_AFTER_S_MAX: Final = 3600.0
MESSAGE_CHARACTERS_MAX: Final = 300

_BLAMELESS_STATUS_MIN: Final = 500

_CALLER: Final = frozenset({400, 413, 414, 415, 422})
"""The request itself was refused; the caller's move, if the upstream says what is wrong."""

_TOO_MUCH: Final = frozenset({413, 414})
"""A gateway before the upstream says so without a word of the protocol, of this request alone."""

_OPERATOR: Final = frozenset({301, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 421, 426, 431})
"""Nothing was made, and no caller can help it: address, credential, account or model.

A redirect is among them: what asks to be sent elsewhere was not taken here, and a credential
is never carried along.
"""

_FOR_NOW: Final = frozenset({401, 402, 403, 408, 409, 423, 425, 429})
"""Below 500, yet no word about the task that was asked for."""

_GONE: Final = re.compile(
    r"(?i)\b(?:no longer (?:available|supported|served)|retired|decommissioned|sunset"
    r"|(?:has|have) been (?:shut down|removed|discontinued)|discontinued|end of life)\b"
)
"""How upstreams say that a model is gone (Google: "is no longer available"; OpenAI: retired)."""

_NUMBER_CODE_MAX: Final = 10**9
_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whole. `body` is None where it broke off or was too long to read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""

    @property
    def is_success(self) -> bool:
        """Whether the upstream says that it did what it was asked."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json_object(self) -> Mapping[str, object] | None:
        """Return the body as one JSON object, None where it is anything else."""
        try:
            read = msgspec.json.decode(self.body or b"")
        except (ValueError, RecursionError):  # malformed, not UTF-8, or nested without end
            return None
        return read if isinstance(read, dict) else None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an upstream says is wrong; every part may be empty. `code` is for machines."""

    message: str = ""
    kind: str = ""
    code: str = ""
    param: str = ""

    @property
    def codes(self) -> frozenset[str]:
        """The words that may stand in a table: the code, and the kind above it."""
        return frozenset(word for word in (self.code, self.kind) if word)


@dataclass(frozen=True, slots=True)
class Words:
    """The codes by which one sort of upstream says what is wrong: data, each with its source.

    A code with a `*` is a pattern (`Throttling.*`). `retired` are those of the `model` codes that
    say the model is gone for good; a sentence that says so does as well, for most upstreams have
    one code for a model that is gone, unknown, or not open to us. `later` holds codes below 500
    that ask for patience whatever their status is; `overload` only codes of a 5xx that are
    documented to mean that nothing was accepted.
    """

    content: frozenset[str] = frozenset()
    money: frozenset[str] = frozenset()
    model: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    overload: frozenset[str] = frozenset()


def fits(complaint: Complaint, words: frozenset[str]) -> bool:
    """Say whether a complaint is by one of these codes.

    >>> fits(Complaint(code="Throttling.RateQuota"), frozenset({"Throttling", "Throttling.*"}))
    True
    """
    return any(fnmatchcase(code, word) for code in complaint.codes for word in words)


def complaint_of(body: Mapping[str, object] | None) -> Complaint | None:
    """Read an error body: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}`, or flat.

    >>> complaint_of({"error": {"message": "No.", "code": "overloaded"}}).code
    'overloaded'
    >>> complaint_of({"id": "video_1"}) is None
    True
    """
    if not body:
        return None
    error = body.get("error")
    if isinstance(error, str) and error:
        return Complaint(message=error, code=_word(body.get("code")))
    if isinstance(error, dict):
        return Complaint(
            message=_text(error.get("message")),
            kind=_word(error.get("type")),
            code=_word(error.get("code")),
            param=_word(error.get("param")),
        )
    if "detail" in body:  # FastAPI: a sentence, or a list of what did not fit
        return _detail(body["detail"])
    if isinstance(body.get("message"), str) and ("code" in body or "type" in body):
        return Complaint(_text(body["message"]), _word(body.get("type")), _word(body.get("code")))
    return None


def _detail(detail: object) -> Complaint:
    first = detail[0] if isinstance(detail, list) and detail else None
    if not isinstance(first, dict):
        return Complaint(message=_text(detail))
    where = first.get("loc")
    param = _word(where[-1]) if isinstance(where, list) and where else ""
    return Complaint(message=_text(first.get("msg")), kind=_word(first.get("type")), param=param)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    """Return a code as text; whatever does not look like one is none."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _NUMBER_CODE_MAX:
        return str(value)
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def judge_submit(
    answer: Answer, words: Words, *, hide: Iterable[str] = ()
) -> Refused | Busy | InDoubt:
    """Say what an answer to a submit proves; the answer carries no ticket.

    `hide` are the strings that must not stand in a message: our secret, the upstream's address.

    Codes come first, for money and moderation hide behind 400, 403 and 429 alike; but no code
    makes a refusal of a 5xx, except a documented overload (docs/why.md).
    """
    complaint = complaint_of(answer.json_object()) or Complaint()
    if answer.status >= _BLAMELESS_STATUS_MIN:
        is_shed = answer.status == HTTPStatus.SERVICE_UNAVAILABLE
        if not is_shed or not fits(complaint, words.overload):
            return InDoubt(_note(answer, complaint))
        return _busy(answer, complaint)
    if answer.status not in _CALLER | _OPERATOR | {HTTPStatus.TOO_MANY_REQUESTS}:
        return InDoubt(_note(answer, complaint))
    return _refusal(answer, complaint, words, hide)


def _refusal(
    answer: Answer, complaint: Complaint, words: Words, hide: Iterable[str]
) -> Refused | Busy:
    note = _note(answer, complaint)
    if fits(complaint, words.content):
        said = Failure.of(Reason.CONTENT_REFUSED, plain(complaint.message, hide))
        return Refused(said, Blame.CALLER, note=note)
    unusable = Failure.of(Reason.PROVIDER_UNUSABLE)
    if fits(complaint, words.money):
        return Refused(unusable, Blame.HOUSE, note=note)
    if fits(complaint, words.model) or complaint.param == "model":
        is_retired = fits(complaint, words.retired) or bool(_GONE.search(complaint.message))
        return Refused(unusable, Blame.PROVIDER, note=note, is_retired=is_retired)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or fits(complaint, words.later):
        return _busy(answer, complaint)
    if answer.status in _CALLER and complaint != Complaint():
        said = Failure.of(Reason.PARAMETERS_REFUSED, plain(complaint.message, hide))
        return Refused(said, Blame.CALLER, note=note)
    if answer.status in _TOO_MUCH:
        said = Failure.of(Reason.PARAMETERS_REFUSED, "The provider takes no request of this size.")
        return Refused(said, Blame.PROVIDER, note=note)
    return Refused(unusable, Blame.HOUSE, note=note)


def _busy(answer: Answer, complaint: Complaint) -> Busy:
    return Busy(_note(answer, complaint), retry_after_s=retry_after_s(answer.headers))


def ignorance(answer: Answer) -> NotUnderstood | Unreachable:
    """Say why an answer to a look, a cancel or a search teaches nothing.

    A bad credential is no word about a task that was accepted with a good one.
    """
    note = _note(answer, complaint_of(answer.json_object()) or Complaint())
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return NotThere(note)
    if answer.status in _FOR_NOW or answer.status >= _BLAMELESS_STATUS_MIN:
        return Unreachable(note, retry_after_s=retry_after_s(answer.headers))
    return NotUnderstood(note)


def _note(answer: Answer, complaint: Complaint) -> str:
    """Name status and code. No free text: an upstream quotes prompts and keys in it."""
    return " ".join([f"HTTP {answer.status}", *filter(None, (complaint.kind, complaint.code))])


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read when an upstream wants to be asked again, in seconds from its answer.

    `Retry-After` holds seconds, or a date, which counts from the answer's own `Date`: nobody's
    clock but the upstream's is asked. At most RETRY_AFTER_S_MAX; None where nothing is said.

    Source: RFC 9110 §10.2.3; `retry-after-ms` as the official SDK reads it.

    >>> retry_after_s({"retry-after": "7"})
    7.0
    """
    millis = number(headers.get("retry-after-ms", ""))
    if millis is not None:
        return _capped(millis / 1000)
    text = headers.get("retry-after", "").strip()
    seconds = number(text)
    if seconds is not None:
        return _capped(seconds)
    until, answered_at = _instant(text), _instant(headers.get("date", ""))
    if until is None or answered_at is None:
        return None
    return _capped((until - answered_at).total_seconds())


def number(text: str) -> float | None:
    """Read a plain decimal number, None for anything else."""
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,9})?)\s*", text, re.ASCII)
    return float(found[1]) if found else None


def _instant(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _capped(seconds: float) -> float:
    return min(RETRY_AFTER_S_MAX, max(0.0, seconds))


def percent(value: object) -> int | None:
    """Read a progress between 0 and 100; None for what is no number.

    >>> percent(-3), percent("41.9"), percent(250), percent(True), percent("soon")
    (0, 41, 100, None, None)
    """
    if isinstance(value, str):
        value = number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(min(100, max(0, value)))


_SECRETIVE: Final = (
    (re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,15}://\S+"), "[address]"),
    (re.compile(r"(?i)\b(?:bearer|basic)\s+\S{6,}"), "[key]"),
    (re.compile(r"\b(?:sk|pk|rk|ak|key)[-_][\w*.-]{6,}"), "[key]"),
    (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\d.])"), "[address]"),
)


def plain(text: str, hide: Iterable[str] = ()) -> str:
    """Make an upstream's sentence fit for a caller: one line, short, no key and no address.

    >>> plain("Bad key sk-abc123456789 at https://api.example.org/v1", [])
    'Bad key [key] at [address]'
    """
    for secret in filter(None, hide):
        text = text.replace(secret, "[hidden]")
    for pattern, stand_in in _SECRETIVE:
        text = pattern.sub(stand_in, text)
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= MESSAGE_CHARACTERS_MAX:
        return line
    return line[: MESSAGE_CHARACTERS_MAX - 1].rstrip() + "…"
