"""When a ticket that its upstream does not know is believed gone, and who may say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rushes.engine.finding import is_gone
from rushes.ports import Budgets
from rushes.settings import Settings
from rushes.terms import budgets_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "after_s", "gone"),
    [(1, 0, False), (2, 60, False), (3, 29.9, False), (3, 30, True), (9, 31, True)],
)
def test_a_ticket_is_gone_after_three_looks_over_thirty_seconds(
    count: int, after_s: float, gone: bool
) -> None:
    assert is_gone(count, NOON, NOON + timedelta(seconds=after_s), Budgets()) is gone


def test_an_operator_may_say_otherwise_and_the_settings_say_the_same_by_default() -> None:
    assert budgets_of(Settings()).missing_for == Budgets().missing_for
    assert budgets_of(Settings()).missing_max == Budgets().missing_max
    told = budgets_of(Settings(times={"missing_for_s": 1.5, "missing_max": 2}))
    assert (told.missing_for, told.missing_max) == (timedelta(seconds=1.5), 2)
    assert is_gone(2, NOON, NOON + timedelta(seconds=1.5), told)
