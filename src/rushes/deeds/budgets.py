"""Budgets, as operators set them: what an account or a key may spend, in all, a day or a month.

Each verb is an act within a transaction of its own (`Store.write(…, alone=True)`), with its line in
the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rushes.deeds.log import Operator, write_down
from rushes.deeds.words import money
from rushes.domain.access import AMOUNT_MICROUSD_MAX, Period, Purse
from rushes.domain.errors import InvalidValue
from rushes.ports import Transaction

TIMES: Final = {Period.TOTAL: "in all", Period.DAY: "a day", Period.MONTH: "a month"}
"""How long a budget lasts, in words."""


def set_budget(
    tx: Transaction,
    operator: Operator,
    owner: str,
    period: Period,
    limit_microusd: int,
    *,
    at: datetime,
) -> Purse:
    """Bound what an account or a key may spend; a bound that is there gets another limit.

    Raises:
        InvalidValue: there is no such owner, or the limit is no amount.
    """
    if not 0 <= limit_microusd <= AMOUNT_MICROUSD_MAX:
        raise InvalidValue(
            f"'limit_microusd' must be from 0 to {AMOUNT_MICROUSD_MAX}; got {limit_microusd}.",
            param="limit_microusd",
        )
    account_id = account_of(tx, owner)
    tx.set_purse(owner, period, limit_microusd, account_id=account_id, at=at)
    note = f"{money(limit_microusd)} {TIMES[period]}"
    write_down(tx, operator, "budgets set", owner, note, at=at)
    return next(purse for purse in tx.purses((owner,), at=at) if purse.period is period)


def raise_budget(
    tx: Transaction,
    operator: Operator,
    owner: str,
    period: Period,
    by_microusd: int,
    *,
    at: datetime,
) -> Purse:
    """Raise a bound that is there: a top-up. Two at once both count.

    Raises:
        InvalidValue: there is no such owner or bound, or the limit would be no amount.
    """
    tx.fold_refunds(account_of(tx, owner))  # nobody else sets this account's purses from now on
    for purse in tx.purses((owner,), at=at):
        if purse.period is period:
            limit = purse.limit_microusd + by_microusd
            return set_budget(tx, operator, owner, period, limit, at=at)
    raise InvalidValue(f"{owner} has no budget of period {period} to raise.", param="period")


def remove_budget(
    tx: Transaction, operator: Operator, owner: str, period: Period, *, at: datetime
) -> bool:
    """Take a bound away; say whether there was one.

    Raises:
        InvalidValue: there is no such owner.
    """
    tx.fold_refunds(account_of(tx, owner))  # nobody takes from it at this moment
    if not tx.drop_purse(owner, period):
        return False
    write_down(tx, operator, "budgets remove", owner, TIMES[period], at=at)
    return True


def budgets(tx: Transaction, owner: str | None, *, at: datetime) -> Sequence[Purse]:
    """Return the budgets of an owner, or all, with what was spent in the present period."""
    return tx.purses(None if owner is None else (owner,), at=at)


def recount(tx: Transaction, owner: str, *, at: datetime) -> Sequence[tuple[Purse, Purse]]:
    """Count anew what the budgets of an owner have spent, from the tasks themselves.

    Return every budget that stood wrong, before and after. It should be none: only where a version
    of before ended tasks beside this one can there be any.
    """
    before = tx.purses((owner,), at=at)
    tx.recount_purses(owner, account_id=account_of(tx, owner), at=at)
    pairs = zip(before, tx.purses((owner,), at=at), strict=True)
    return [(old, new) for old, new in pairs if old != new]


def account_of(tx: Transaction, owner: str) -> str:
    """Return the account that an owner of a budget is, or belongs to.

    Raises:
        InvalidValue: there is no such account or key.
    """
    if tx.account(owner) is not None:
        return owner
    key = tx.key(owner)
    if key is None:
        raise InvalidValue(
            f"'owner' must be the id of an account or a key; there is no {owner}.", param="owner"
        )
    return key.account_id
