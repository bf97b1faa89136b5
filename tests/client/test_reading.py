"""Answers are read as the contract has them; what is not in it is never taken on trust."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.scripted import ID, lean_body, video_body
from rushes.client import ApiError, RushesError, UnexpectedAnswer, Video
from rushes.client.reading import (
    Reply,
    read_deleted,
    read_event,
    read_fault,
    read_look,
    read_model,
    read_models,
    read_page,
    read_video,
    retry_after_s,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=40),
    st.tuples(st.sampled_from(sorted(video_body())), JSON).map(
        lambda change: json.dumps(video_body("failed") | {change[0]: change[1]}).encode()
    ),
    st.tuples(st.sampled_from(["task_id", "status", "url", "error"]), JSON).map(
        lambda change: json.dumps(lean_body("failed") | {change[0]: change[1]}).encode()
    ),
    st.tuples(st.sampled_from(["object", "data", "first_id", "last_id", "has_more"]), JSON).map(
        lambda change: json.dumps(
            {"data": [video_body()], "has_more": False} | {change[0]: change[1]}
        ).encode()
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "rushes-progress",
            "rushes-queue-position",
            "rushes-eta-seconds",
            "rushes-cost-microusd",
            "rushes-ignored-parameters",
            "retry-after",
            "date",
        ]
    ),
    st.text(max_size=30),
)


def fault_of(read: Callable[[Reply], object], reply: Reply) -> UnexpectedAnswer | None:
    try:
        read(reply)
    except UnexpectedAnswer as fault:
        return fault
    return None


@given(BODIES, HEADERS)
def test_no_answer_breaks_a_reader_in_an_unknown_way(body: bytes, headers: dict[str, str]) -> None:
    reply = Reply(200, headers, body)
    for read in (read_video, read_look, read_page, read_deleted, read_model, read_models):
        fault = fault_of(read, reply)
        assert len(str(fault)) < 500  # whatever came, the sentence stays one


@given(st.integers(300, 999), BODIES, HEADERS)
def test_every_refusal_becomes_an_error_with_a_sentence(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    fault = read_fault(Reply(status, headers, body))
    assert isinstance(fault, (ApiError, UnexpectedAnswer))
    assert str(fault).strip()


@pytest.mark.parametrize("field", ["id", "status"])
def test_a_video_without_the_fields_it_lives_by_is_refused_by_name(field: str) -> None:
    body: dict[str, Any] = video_body()
    del body[field]
    with pytest.raises(UnexpectedAnswer, match=field):
        read_video(Reply(200, {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    "change",
    [{"seconds": "four"}, {"created_at": 10**30}, {"progress": True}, {"prompt": 3}, {"error": 3}],
)
def test_a_field_of_another_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(UnexpectedAnswer):
        read_video(Reply(200, {}, json.dumps(video_body() | change).encode()))


def test_a_field_that_is_new_changes_nothing() -> None:
    body = video_body() | {"colour": "blue"}
    assert read_video(Reply(200, {}, json.dumps(body).encode())).id == ID


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (499, "canceled"),
        (429, "rate_limited"),
        (500, "server_error"),
        (400, "400"),
        (502, "502"),
        (504, "504"),
    ],
)
def test_a_number_becomes_a_word_only_where_it_can_mean_one(number: int, word: str) -> None:
    body = lean_body("failed", error={"code": number, "message": "So it is."})
    assert read_event(3, json.dumps(body)).video.error is not None
    event = read_event(3, json.dumps(body))
    assert event.video.error is not None
    assert (event.video.error.code, event.video.error.message) == (word, "So it is.")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 60 "}, 60.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "3.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 12:30:10 GMT"}, None),
        (
            {
                "retry-after": "Mon, 23 Nov 2026 12:30:10 GMT",
                "date": "Mon, 23 Nov 2026 12:30:00 GMT",
            },
            10.0,
        ),
        (
            {
                "retry-after": "Mon, 23 Nov 2026 12:29:00 GMT",
                "date": "Mon, 23 Nov 2026 12:30:00 GMT",
            },
            0.0,
        ),
        (
            {"retry-after": "Mon, 23 Nov 2026 12:29:00", "date": "Mon, 23 Nov 2026 12:30:00 GMT"},
            None,
        ),
    ],
)
def test_retry_after_is_read_in_both_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize("advice", ["9" * 18, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_advice_that_no_clock_could_follow_is_read_as_a_year(advice: str) -> None:
    """Whoever sets no end to the waiting follows it, and `time.sleep` refuses ten billion."""
    headers = {"retry-after": advice, "date": "Mon, 23 Nov 2026 12:30:00 GMT"}
    assert retry_after_s(headers) == 365 * 86_400


@given(st.integers(0, 100), st.integers(0, 100))
def test_progress_never_falls_from_one_look_to_the_next(before: int, after: int) -> None:
    video = Video(id=ID, status="in_progress", progress=before, prompt="Rain")
    later = video.seen_as(Video(id=ID, status="in_progress", progress=after, eta_s=3))
    assert later.progress == max(before, after)
    assert (later.prompt, later.eta_s) == ("Rain", 3)


def test_every_error_of_a_reader_is_one_of_ours() -> None:
    assert issubclass(UnexpectedAnswer, RushesError)
