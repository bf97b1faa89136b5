"""Budgets, over the wire: what accounts and keys may spend, in all, a day or a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rushes.deeds import budgets
from rushes.domain.access import Period, Purse
from rushes.domain.errors import InvalidValue, ObjectNotFound
from rushes.http.admin.answers import facts, told
from rushes.http.admin.bodies import BudgetRaise, BudgetWanted, read
from rushes.http.admin.desk import Desk, operator_of, route
from rushes.http.own_key import budget_json
from rushes.http.routes import Call, Reply, Route


@dataclass(frozen=True, slots=True)
class Budgets:
    """The handlers of what may be spent. Each act is alone, as it holds an account."""

    desk: Desk

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        one = "/budgets/{owner}/{period}"
        return [
            route("GET", "/budgets", self.list, "List budgets, and what is spent of each",
                  "AdminFactsList", query=("owner",)),
            route("PUT", one, self.put, "Bound what an account or a key may spend", "AdminBudget",
                  request="BudgetWanted"),
            route("POST", f"{one}/raise", self.raise_it, "Raise a budget: a top-up", "AdminBudget",
                  request="BudgetRaise"),
            route("DELETE", one, self.remove, "Take a budget away", "AdminBudget"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Reply:
        """List budgets: of one owner, or all."""
        owner, at = call.query().get("owner") or None, self.desk.now()
        found: Sequence[Purse] = await self.desk.ask(lambda tx: budgets.budgets(tx, owner, at=at))
        return facts([budget_json(purse) for purse in found])

    async def put(self, call: Call) -> Reply:
        """Set a budget, or another limit of one that is there."""
        body, who, at = await read(call, BudgetWanted), operator_of(call), self.desk.now()
        owner, period = call.path["owner"], period_of(call)
        purse = await self.desk.do_to_keys(
            lambda tx: budgets.set_budget(tx, who, owner, period, body.limit_microusd, at=at),
            alone=True,
        )
        return told(budget_json(purse))

    async def raise_it(self, call: Call) -> Reply:
        """Raise a budget."""
        body, who, at = await read(call, BudgetRaise), operator_of(call), self.desk.now()
        owner, period = call.path["owner"], period_of(call)
        purse = await self.desk.do_to_keys(
            lambda tx: budgets.raise_budget(tx, who, owner, period, body.by_microusd, at=at),
            alone=True,
        )
        return told(budget_json(purse))

    async def remove(self, call: Call) -> Reply:
        """Take a budget away; tell how it stood."""
        owner, period = call.path["owner"], period_of(call)
        who, at = operator_of(call), self.desk.now()
        found = await self.desk.ask(lambda tx: budgets.budgets(tx, owner, at=at))
        standing = next((purse for purse in found if purse.period is period), None)
        is_gone = await self.desk.do_to_keys(
            lambda tx: budgets.remove_budget(tx, who, owner, period, at=at), alone=True
        )
        if standing is None or not is_gone:
            raise ObjectNotFound(f"{owner} has no budget of period {period}.", param="period")
        return told(budget_json(standing))


def period_of(call: Call) -> Period:
    """Return the period that a path names.

    Raises:
        InvalidValue: it is none.
    """
    said = call.path["period"]
    try:
        return Period(said)
    except ValueError:
        allowed = ", ".join(Period)
        raise InvalidValue(
            f"'period' must be one of {allowed}; got {said}.", param="period"
        ) from None
