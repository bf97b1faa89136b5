"""What a process alone on its database goes by: its machine's clock, unless somebody sets it."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from rushes.clock import ShiftedClock, SystemClock
from rushes.http.links import Links
from rushes.rooms import parts_of
from rushes.settings import load
from template import a_database

A_MINUTE = timedelta(minutes=1)
TWO_HOURS = timedelta(hours=2)


@pytest.mark.promise("P3")
def test_tasks_go_by_the_time_as_it_was_and_letters_to_strangers_by_the_clock_that_was_set(
    tmp_path: Path,
) -> None:
    a_database(tmp_path / "rushes.db")
    offset = tmp_path / "offset"
    links = Links(b"s" * 32, "http://localhost:8080", ttl_s=60)
    parts = parts_of(load(data_dir=tmp_path), ShiftedClock(offset), tmp_path, None, links)
    with closing(parts.truth):
        offset.write_text(str(TWO_HOURS.total_seconds()))
        parts.truth.timekeeper.ask()
        right = SystemClock().now()
        assert abs(parts.world.clock.now() - right) < A_MINUTE
        mailroom = parts.engine.crew.keeper.mailroom
        assert mailroom is not None
        assert abs(mailroom.clock.now() - right) < A_MINUTE
        assert mailroom.wall is not None
        assert abs(mailroom.wall.now() - right - TWO_HOURS) < A_MINUTE
