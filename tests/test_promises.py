"""Every promise and every advisory has tests by name."""

from __future__ import annotations

import pytest

from advisories import advisories
from promises import Roll, gaps, missing


def test_every_promise_and_every_advisory_is_held_by_a_test(
    roll: Roll, capsys: pytest.CaptureFixture[str]
) -> None:
    assert missing(roll) == 0, capsys.readouterr().out


def test_a_gap_would_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    held = {"P1": {"a test"}, "P3": {"another"}}
    assert gaps({"P1": "one", "P2": "two"}, held, "promise") == 2
    told = capsys.readouterr().out
    assert "P2  two\n      NO TEST HOLDS THIS PROMISE" in told
    assert "there is no promise P3: ['another']" in told


def test_the_table_of_advisories_is_read_whole() -> None:
    found = advisories()
    assert len(found) >= 29
    assert {"CVE-2026-42208", "CVE-2026-7302", "LiteLLM 1.82.8"} <= set(found)
