"""Videos and models in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.cli.telling import (
    COLOURS,
    model_facts,
    retirement,
    verdict,
    video_facts,
    video_json,
    words_of,
)
from rushes.client import Choice, Model, Video, VideoError
from rushes.client.words import spans

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_video(**facts: Any) -> Video:
    return Video(**{"id": "video_1", "status": "queued", "progress": 0, **facts})


def a_model(**facts: Any) -> Model:
    card: dict[str, Any] = {
        "id": "sora-2",
        "owned_by": "openai",
        "is_rehearsal": True,
        "created_at": NOW,
        "checked_at": date(2026, 11, 23),
        "retires_at": date(2026, 9, 24),
        "successor": None,
        "modes": ("text_to_video",),
        "seconds": Choice((4, 8), 4),
        "resolutions": Choice(("720p",), "720p"),
        "ratios": Choice((), None),
        "sizes": (),
        "audio": "always",
        "capabilities": {},
    }
    return Model(**{**card, **facts})


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "queued"),
        ({"queue_position": 3}, "queued, third in line"),
        ({"queue_position": 21, "eta_s": 110}, "queued, 21st in line, about 2 minutes"),
        ({"eta_s": 3600}, "queued, about 1 hour"),
        ({"status": "in_progress", "progress": 40}, "rendering"),
        ({"status": "in_progress", "eta_s": 12}, "rendering, about 12 seconds left"),
        ({"status": "completed"}, "completed"),
        ({"status": "failed", "error": VideoError("timed_out", "Late.")}, "failed"),
        ({"status": "failed", "error": VideoError("canceled", "Canceled by caller")}, "canceled"),
    ],
)
def test_a_status_is_told_in_words(facts: dict[str, Any], words: str) -> None:
    assert words_of(a_video(**facts)) == words


def test_a_failure_is_told_with_its_reason() -> None:
    failed = a_video(status="failed", error=VideoError("timed_out", "Late.\x1b[2J"))
    assert verdict(failed).plain == "failed: Late.\ufffd[2J (timed_out)"


def test_a_video_is_told_as_far_as_it_is_known() -> None:
    lean = dict(video_facts(a_video(), NOW))
    assert set(lean) == {"id", "status", "progress"}
    whole = a_video(
        status="completed",
        model="sora-2",
        served_by="wan",
        is_rehearsal=True,
        prompt="a fox",
        seconds=-1,
        size="1280x720",
        created_at=NOW - timedelta(seconds=9),
        cost_microusd=0,
    )
    told = dict(video_facts(whole, NOW))
    assert told["model"] == "sora-2, served by wan, rehearsed by the sandbox"
    assert told["asked"] == "2026-11-23 11:59:51Z, 9 s ago"
    assert told["cost"] == "$0"
    assert "progress" not in told


def test_every_status_has_a_colour_and_every_video_a_json() -> None:
    for status in COLOURS:
        told = video_json(a_video(status=status, error=VideoError("a", "b")))
        assert told["error"] == {"code": "a", "message": "b"}


def test_a_model_tells_when_it_ends_and_what_to_move_to() -> None:
    assert retirement(a_model()) == "until 2026-09-24"
    assert retirement(a_model(successor="wan")) == "until 2026-09-24, then wan"
    assert retirement(a_model(retires_at=None)) == ""
    told = dict(model_facts(a_model()))
    assert told["seconds"] == "4, 8 (4)"
    assert told["ratios"] == "as the source"
    assert told["by"] == "openai, rehearsed by the sandbox"
    assert "sizes" not in told


@given(st.sets(st.integers(-1, 40)))
def test_spans_name_every_number_and_no_other(numbers: set[int]) -> None:
    named: set[int] = set()
    for span in spans(numbers):
        if span == "auto":
            named.add(-1)
            continue
        first, _, last = span.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == numbers
