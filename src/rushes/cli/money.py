"""The verbs about money: budgets of accounts and keys, and what was used of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from rushes.cli.operators import Asks, Since


class For(StrEnum):
    """How long a budget lasts."""

    TOTAL = "total"
    DAY = "day"
    MONTH = "month"


class By(StrEnum):
    """What usage is added up by."""

    ACCOUNT = "account"
    KEY = "key"
    MODEL = "model"
    DAY = "day"
    TASK = "task"


Owner: TypeAlias = Annotated[
    str, typer.Argument(metavar="OWNER", help="The id of an account or a key.")
]
Lasting: TypeAlias = Annotated[
    For, typer.Option("--for", help="In all, or anew each day or month (UTC).")
]


def set_budget(
    owner: Owner,
    amount: Annotated[str, typer.Argument(metavar="USD", help="Dollars: 25, or 12.50.")],
    *,
    lasting: Lasting = For.TOTAL,
    add: Annotated[
        bool, typer.Option("--add", help="Raise the budget that is there by so much: a top-up.")
    ] = False,
    as_json: Asks = False,
) -> None:
    """Bound what an account or a key may spend; beyond it creates are refused with 402."""
    from rushes.cli.budgets import set_budget

    set_budget(owner, amount, lasting.value, is_raise=add, as_json=as_json)


def list_budgets(
    owner: Annotated[
        str | None, typer.Argument(metavar="OWNER", help="Only of this account or key.")
    ] = None,
    *,
    as_json: Asks = False,
) -> None:
    """List budgets, what is held and charged of each in the present period, and what is left."""
    from rushes.cli.budgets import show

    show(owner, as_json=as_json)


def remove_budget(owner: Owner, *, lasting: Lasting = For.TOTAL, as_json: Asks = False) -> None:
    """Take a budget away: without any, nothing is refused for money."""
    from rushes.cli.budgets import remove

    remove(owner, lasting.value, as_json=as_json)


def recount_budgets(*, as_json: Asks = False) -> None:
    """Count what all budgets have spent anew, from the tasks: after an upgrade in many steps."""
    from rushes.cli.budgets import recount

    recount(as_json=as_json)


def usage(
    *,
    by: Annotated[By, typer.Option("--by", help="What it is added up by.")] = By.MODEL,
    account: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose. [default: everybody's]", show_default=False),
    ] = None,
    since: Since = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only until then; UTC. [default: now]")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer as a table.")] = False,
    as_json: Asks = False,
) -> None:
    """Add up films, seconds and money of tasks that ended; without dates, this month's."""
    from rushes.cli.used import show

    show(by.value, account, since, until, as_csv=as_csv, as_json=as_json)
