"""`rushes budgets`: what accounts and keys may spend, and what they have left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.paper import Column, answers, money, plain, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.deeds import budgets
from rushes.deeds.budgets import TIMES
from rushes.domain.access import AMOUNT_MICROUSD_MAX, Period, Purse
from rushes.domain.errors import InvalidValue
from rushes.ports import Transaction
from rushes.settings import load

MICRO: Final = 1_000_000


def set_budget(owner: str, amount: str, period: str, *, is_raise: bool, as_json: bool) -> None:
    """Bound what an owner may spend.

    Raises:
        Refused: there is no such owner, or no such amount, or nothing to raise.
        SettingsRefused, Unready: why there are no books.
    """
    by, lasting, clock = microusd_of(amount), Period(period), SystemClock()
    at = clock.now()

    def act(tx: Transaction) -> Purse:
        verb = budgets.raise_budget if is_raise else budgets.set_budget
        return verb(tx, typist(), owner, lasting, by, at=at)

    with books(load(), clock) as store, _refusing():
        purse = store.write_now(act)
    if as_json:
        show_json(_json(purse))
        return
    say(
        answers(),
        f"{purse.owner} may spend {money(purse.limit_microusd)} {TIMES[purse.period]}; "
        f"{_amount(purse.left_microusd)} of it is left. Servers follow within 2 s.",
    )


def show(owner: str | None, *, as_json: bool) -> None:
    """List budgets.

    Raises:
        SettingsRefused, Unready: why there are no books.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: budgets.budgets(tx, owner, at=clock.now()))
    if as_json:
        show_json([_json(purse) for purse in found])
        return
    if not found:
        say(talk(), "No budgets: no task is refused for money. Set one: rushes budgets set ID 25")
        return
    columns = [
        Column("OWNER"),
        Column("BUDGET", is_right=True),
        Column("FOR", rank=2),
        Column("SPENT", rank=1, is_right=True),
        Column("LEFT", is_right=True),
    ]
    rows: list[list[str | Text]] = [
        [
            purse.owner,
            money(purse.limit_microusd),
            purse.period,
            _amount(purse.spent_microusd),
            Text(_amount(purse.left_microusd), "green" if purse.left_microusd > 0 else "red"),
        ]
        for purse in found
    ]
    table(answers(), columns, rows)


def remove(owner: str, period: str, *, as_json: bool) -> None:
    """Take a budget away.

    Raises:
        Refused: there is none.
        SettingsRefused, Unready: why there are no books.
    """
    lasting, clock = Period(period), SystemClock()
    at = clock.now()

    def act(tx: Transaction) -> bool:
        return budgets.remove_budget(tx, typist(), owner, lasting, at=at)

    with books(load(), clock) as store, _refusing():
        is_gone = store.write_now(act)
    if not is_gone:
        raise Refused(
            f"{plain(owner)} has no budget {TIMES[lasting]}.",
            FAILED,
            "`rushes budgets list` shows all.",
        )
    if as_json:
        show_json({"owner": owner, "period": lasting, "removed": True})
    else:
        say(answers(), f"{plain(owner)} has no budget {TIMES[lasting]} any more.")


def recount(*, as_json: bool) -> None:
    """Count what all budgets have spent anew, an owner at a time.

    Raises:
        SettingsRefused, Unready: why there are no books.
    """
    clock, filled = SystemClock(), 0
    mended: list[tuple[Purse, Purse]] = []
    with books(load(), clock) as store:
        while count := store.write_now(lambda tx: tx.fill_usage()):
            filled += count
        found = store.read_now(lambda tx: tx.purses(None, at=clock.now()))
        for owner in dict.fromkeys(purse.owner for purse in found):
            mended += store.write_now(
                lambda tx, owner=owner: budgets.recount(tx, owner, at=clock.now())  # type: ignore[misc]
            )
    if as_json:
        pairs = [{"before": _json(old), "after": _json(new)} for old, new in mended]
        show_json({"tasks_filled_in": filled, "mended": pairs})
        return
    console = answers()
    say(console, f"{len(found)} budgets counted; {filled} ended tasks were missing in the usage.")
    for old, new in mended:
        spent = f"{_amount(old.spent_microusd)} spent is {_amount(new.spent_microusd)}"
        say(console, f"{new.owner}, {TIMES[new.period]}: {spent}.")


def microusd_of(text: str) -> int:
    """Read dollars, to the millionth, exactly.

    >>> microusd_of("25"), microusd_of("$0.000001"), microusd_of("12.50")
    (25000000, 1, 12500000)

    Raises:
        Refused: it is no such amount.
    """
    try:
        amount = Decimal(text.strip().removeprefix("$")) * MICRO
    except InvalidOperation:
        amount = Decimal("NaN")
    is_whole = amount.is_finite() and 0 <= amount <= AMOUNT_MICROUSD_MAX and not amount % 1
    if not is_whole:
        raise Refused(
            f"{plain(text)} is no amount: dollars from 0 to {AMOUNT_MICROUSD_MAX // MICRO}, with "
            "six decimals at most."
        )
    return int(amount)


def _amount(amount_microusd: int) -> str:
    """Say an amount that may be less than nothing."""
    return money(amount_microusd) if amount_microusd >= 0 else f"-{money(-amount_microusd)}"


def _json(purse: Purse) -> dict[str, object]:
    return {
        "owner": purse.owner,
        "period": purse.period,
        "limit_microusd": purse.limit_microusd,
        "spent_microusd": purse.spent_microusd,
        "left_microusd": purse.left_microusd,
    }


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except InvalidValue as why:
        raise Refused(why.message, FAILED, "`rushes keys list` shows keys and accounts.") from None
