"""Money as pure sums, and keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rushes.domain.access import (
    AMOUNT_MICROUSD_MAX,
    CancelRule,
    EntryKind,
    canceled,
    charge_on_cancel,
    hold,
    settle,
)
from rushes.domain.task import Status
from rushes.testing.builders import NOON, a_key, a_task

amounts = st.integers(0, AMOUNT_MICROUSD_MAX)


@pytest.mark.promise("P5")
@given(amounts, st.data())
def test_a_hold_is_captured_and_released_to_the_last_millionth(
    amount: int, data: st.DataObject
) -> None:
    captured = data.draw(st.integers(0, amount))
    capture, release = settle(hold("video_1", "acct_1", amount), captured)
    assert (capture.kind, release.kind) == (EntryKind.CAPTURE, EntryKind.RELEASE)
    assert capture.amount_microusd + release.amount_microusd == amount


@pytest.mark.advisory("CVE-2026-71479")
@given(amounts, st.integers(1))
def test_more_than_the_hold_is_never_captured(amount: int, excess: int) -> None:
    with pytest.raises(ValueError, match="capture"):
        settle(hold("video_1", "acct_1", amount), amount + excess)


@pytest.mark.advisory("CVE-2026-71479")
@pytest.mark.parametrize("amount", [-1, AMOUNT_MICROUSD_MAX + 1])
def test_an_amount_that_is_no_money_is_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="hold"):
        hold("video_1", "acct_1", amount)


@pytest.mark.parametrize("status", [status for status in Status if not status.is_final])
@pytest.mark.parametrize("rule", list(CancelRule))
def test_a_cancel_charges_nothing_before_the_intent_and_all_after_the_film(
    status: Status, rule: CancelRule
) -> None:
    charged = charge_on_cancel(status, 300, rule)
    if status is Status.QUEUED:
        assert charged == 0
    elif status is Status.STORING:
        assert charged == 300
    else:
        assert charged == (300 if rule is CancelRule.CAPTURE else 0)
    task = canceled(a_task(status=status, hold_microusd=300), at=NOON, rule=rule)
    assert (task.status, task.charged_microusd) == (Status.CANCELED, charged)


def test_a_key_opens_the_door_until_it_expires_or_is_revoked() -> None:
    key = a_key(expires_at=NOON + timedelta(seconds=1))
    assert key.is_valid(NOON)
    assert not key.is_valid(NOON + timedelta(seconds=1))
    assert not a_key(revoked_at=NOON).is_valid(NOON)
