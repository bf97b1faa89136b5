"""What passes between the farm and a child."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.spec import Asset, Mode, Role, Script, Size
from rushes.studio.order import (
    BadOrder,
    Job,
    Line,
    Order,
    label_of,
    read_job,
    read_line,
    write_line,
)


def test_a_job_is_read_as_it_was_written(order: Callable[..., Order]) -> None:
    wish = order(
        "纸船 🙂",
        mode=Mode.IMAGE_TO_VIDEO,
        files={Role.FIRST_FRAME: Path("/x.png")},
        token="t",
        options={"fps": 30},
        script=Script("timed_out", 1.5),
    )
    job = Job(wish, "/films/a.mp4", 42)
    assert read_job(write_line(job)) == job


@pytest.mark.parametrize(
    ("fps", "meant"),
    [(30, 30), (8, 8), (60, 60), (7, 24), (61, 24), ("30", 24), (True, 24), (24.5, 24), (None, 24)],
)
def test_only_a_sane_number_of_frames_a_second_counts(
    fps: Any, meant: int, order: Callable[..., Order]
) -> None:
    assert order(options={"fps": fps}).fps == meant


def test_the_studio_makes_five_seconds_where_it_may_choose(order: Callable[..., Order]) -> None:
    assert order(seconds=-1).seconds == 5
    assert order(seconds=-1).frame_count == 120


def test_the_label_says_what_it_stands_for() -> None:
    assert label_of("sandbox") == "SANDBOX"
    assert label_of("sora-2") == "REHEARSAL · sora-2"


@given(st.binary(max_size=200))
def test_any_line_that_is_no_job_is_refused(line: bytes) -> None:
    with pytest.raises(BadOrder):
        read_job(line)


@pytest.mark.parametrize(
    "change", [{"seconds": 0}, {"seconds": 121}, {"size": Size(161, 90)}, {"size": Size(8, 8)}]
)
def test_an_order_beyond_all_bounds_is_refused(
    change: dict[str, Any], order: Callable[..., Order]
) -> None:
    with pytest.raises(BadOrder):
        read_job(write_line(Job(order(**change), "/x.mp4")))


@given(st.binary(max_size=80))
def test_any_line_of_a_child_can_be_read(line: bytes) -> None:
    assert read_line(line) is None or isinstance(read_line(line), Line)


def test_a_file_that_was_not_brought_is_named_by_the_callers_word(
    order: Callable[..., Order],
) -> None:
    wish = order(files={Role.FIRST_FRAME: Path("/x.png")})
    lost = Order(wish.spec, "SANDBOX")
    with pytest.raises(BadOrder, match="the_first_frame"):
        lost.inputs(Role.FIRST_FRAME)
    assert lost.inputs(Role.LAST_FRAME) == ()
    assert isinstance(wish.spec.assets[0], Asset)
