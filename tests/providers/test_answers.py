"""What an HTTP answer proves: pure tables, and parsers that no upstream can break."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.errors import Blame, Reason
from rushes.providers.answers import (
    MESSAGE_CHARACTERS_MAX,
    RETRY_AFTER_S_MAX,
    Answer,
    Complaint,
    complaint_of,
    ignorance,
    judge_submit,
    percent,
    plain,
    retry_after_s,
)
from rushes.providers.base import Busy, InDoubt, NotThere, NotUnderstood, Refused, Unreachable
from rushes.providers.profiles import OPENAI

WORDS = OPENAI.words


def said(
    code: str | None, *, kind: str = "invalid_request_error", param: str | None = None
) -> bytes:
    error = {"message": "No.", "type": kind, "code": code, "param": param}
    return json.dumps({"error": error}).encode()


REFUSED: list[tuple[int, bytes, Reason, Blame]] = [
    (400, said("invalid_value", param="size"), Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (413, said("request_too_large"), Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (415, said("unsupported_media_type"), Reason.PARAMETERS_REFUSED, Blame.CALLER),
    (
        422,
        b'{"detail":[{"loc":["body","size"],"msg":"No."}]}',
        Reason.PARAMETERS_REFUSED,
        Blame.CALLER,
    ),
    (400, said("moderation_blocked"), Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, said("sentinel_block"), Reason.CONTENT_REFUSED, Blame.CALLER),
    (403, said("content_policy_violation"), Reason.CONTENT_REFUSED, Blame.CALLER),
    (400, said("billing_hard_limit_reached"), Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (429, said("insufficient_quota"), Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (
        429,
        said("project_spend_limit", kind="insufficient_quota"),
        Reason.PROVIDER_UNUSABLE,
        Blame.HOUSE,
    ),
    (413, b"<html>", Reason.PARAMETERS_REFUSED, Blame.PROVIDER),
    (414, b"", Reason.PARAMETERS_REFUSED, Blame.PROVIDER),
    (402, b"", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (401, said("invalid_api_key"), Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (403, b"<html>", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (404, said("model_not_found", param="model"), Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (400, said("invalid_value", param="model"), Reason.PROVIDER_UNUSABLE, Blame.PROVIDER),
    (404, b'{"detail":"Not Found"}', Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (405, b"", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (400, b"The plain HTTP request was sent to HTTPS port", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
    (308, b"", Reason.PROVIDER_UNUSABLE, Blame.HOUSE),
]


@pytest.mark.parametrize(("status", "body", "reason", "blame"), REFUSED)
def test_a_refusal_is_proven_and_blamed(
    status: int, body: bytes, reason: Reason, blame: Blame
) -> None:
    verdict = judge_submit(Answer(status, {}, body), WORDS)
    assert isinstance(verdict, Refused)
    assert (verdict.failure.reason, verdict.blame) == (reason, blame)
    assert verdict.failure.message
    assert verdict.note.startswith(f"HTTP {status}")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, said("rate_limit_exceeded")),
        (429, b""),
        (429, b"<html>Too many"),
        (503, said("server_is_overloaded")),
        (503, said("overloaded")),
    ],
)
def test_a_busy_provider_is_asked_later(status: int, body: bytes) -> None:
    verdict = judge_submit(Answer(status, {"retry-after": "9"}, body), WORDS)
    assert isinstance(verdict, Busy)
    assert verdict.retry_after_s == 9.0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (202, b"{}"),
        (302, b""),
        (303, b""),
        (408, b""),
        (409, said("conflict")),
        (425, b""),
        (499, b""),
        (500, said("insufficient_quota")),
        (500, said("overloaded")),
        (500, said("invalid_value")),
        (502, b"<html>"),
        (503, b""),
        (503, None),
        (503, said("server_error")),
        (504, said("overloaded")),
        (529, said("overloaded")),
    ],
)
def test_all_else_leaves_a_submit_in_doubt(status: int, body: bytes | None) -> None:
    assert isinstance(judge_submit(Answer(status, {}, body), WORDS), InDoubt)


@given(st.integers(min_value=500, max_value=599), st.binary(max_size=200))
def test_no_server_error_without_its_word_proves_anything(status: int, body: bytes) -> None:
    assert isinstance(judge_submit(Answer(status, {}, body), WORDS), InDoubt)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
error_bodies = st.dictionaries(
    st.sampled_from(["error", "detail", "message", "code", "type", "param", "status"]),
    json_values
    | st.dictionaries(st.sampled_from(["message", "code", "type", "param", "loc"]), json_values),
    max_size=4,
)


@given(st.integers(min_value=200, max_value=599), error_bodies)
def test_any_error_body_is_judged_and_none_breaks_the_reader(
    status: int, body: dict[str, Any]
) -> None:
    answer = Answer(status, {}, json.dumps(body).encode())
    verdict = judge_submit(answer, WORDS)
    assert isinstance(verdict, Refused | Busy | InDoubt)
    assert isinstance(ignorance(answer), NotUnderstood | Unreachable)
    if isinstance(verdict, Refused):
        assert 0 < len(verdict.failure.message) <= MESSAGE_CHARACTERS_MAX


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"x"', b"[" * 100_000, b'{"a":' * 100_000, b'{"a":"\xff"}', b"{} {}"],
)
def test_what_is_no_json_object_is_none(body: bytes) -> None:
    assert Answer(200, {}, body).json_object() is None


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (
            {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}},
            Complaint("m", "t", "c", "p"),
        ),
        ({"error": {"message": "m", "code": 400}}, Complaint("m", "", "400")),
        ({"error": "m"}, Complaint("m")),
        ({"error": "m", "code": "c"}, Complaint("m", "", "c")),
        ({"detail": "m"}, Complaint("m")),
        (
            {"detail": [{"loc": ["body", "size"], "msg": "m", "type": "t"}]},
            Complaint("m", "t", "", "size"),
        ),
        ({"message": "m", "code": "c"}, Complaint("m", "", "c")),
        ({"error": {"code": "no code\nat all", "message": ["x"]}}, Complaint()),
        ({"error": {"code": 10**4000}}, Complaint()),
        ({"error": None}, None),
        ({"message": "m"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_complaints_come_in_many_shapes(
    body: dict[str, object] | None, complaint: Complaint | None
) -> None:
    assert complaint_of(body) == complaint


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotThere),
        (410, NotThere),
        (401, Unreachable),
        (403, Unreachable),
        (408, Unreachable),
        (409, Unreachable),
        (429, Unreachable),
        (500, Unreachable),
        (503, Unreachable),
        (200, NotUnderstood),
        (302, NotUnderstood),
        (400, NotUnderstood),
    ],
)
def test_a_look_that_teaches_nothing_says_why(status: int, kind: type[Exception]) -> None:
    assert type(ignorance(Answer(status))) is kind


DATE = "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "999999999999"}, RETRY_AFTER_S_MAX),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 23 Nov 2027 12:00:00 GMT", "date": DATE}, RETRY_AFTER_S_MAX),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT", "date": "yesterday"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 -0000", "date": DATE}, 30.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_upstreams_own_clock(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after_s(headers) == expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_retry_after_breaks_the_reader(value: str, date: str) -> None:
    read = retry_after_s({"retry-after": value, "date": date})
    assert read is None or 0 <= read <= RETRY_AFTER_S_MAX


@given(json_values)
def test_progress_is_a_percentage_or_nothing(value: object) -> None:
    read = percent(value)
    assert read is None or 0 <= read <= 100


@pytest.mark.parametrize(
    ("value", "read"),
    [(0, 0), (99.9, 99), ("41", 41), (-5, 0), (101, 100), (10**400, 100), (True, None), ([], None)],
)
def test_progress_is_clamped(value: object, read: int | None) -> None:
    assert percent(value) == read


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Use key sk-proj-abcdef123456 now", "Use key [key] now"),
        ("Bearer abcdefgh1234 was wrong", "[key] was wrong"),
        ("see https://api.example.org/v1/videos?sig=abc for more", "see [address] for more"),
        ("s3://bucket/key failed", "[address] failed"),
        ("connect to 10.0.0.5:8000 failed", "connect to [address] failed"),
        ("size 1.5 is above 1.0", "size 1.5 is above 1.0"),
        ("gpu-7.internal.example is hot", "[hidden] is hot"),
        ("two\nlines\x00 and\ttabs", "two lines and tabs"),
        ("", ""),
    ],
)
def test_a_message_for_callers_is_plain(text: str, shown: str) -> None:
    assert plain(text, ["gpu-7.internal.example", ""]) == shown


@given(st.text(), st.integers(min_value=0, max_value=400))
def test_a_secret_never_survives_and_a_message_is_short(text: str, at: int) -> None:
    secret = "Winter42Winter42"
    shown = plain(text[:at] + secret + text[at:], [secret])
    assert secret not in shown
    assert len(shown) <= MESSAGE_CHARACTERS_MAX
    assert shown.isprintable()
