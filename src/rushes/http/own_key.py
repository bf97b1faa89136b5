"""`GET /v1/key`: what the key that asks is, and what of it is left (CONTRACT §13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import msgspec

from rushes.domain.access import Account, Key, Purse, Scope
from rushes.gateway.door import Gateway
from rushes.http.routes import OPERATING, Call, Reply, Route
from rushes.ports import Transaction

Place = Literal["here", "elsewhere", "off"]

_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "private, no-cache"}


class KeyLimits(msgspec.Struct):
    """How much may come at once; null is no limit."""

    requests_per_s: int | None
    submits_per_minute: int | None
    in_flight_max: int | None
    queued_max: int | None


class KeyBudget(msgspec.Struct):
    """What the key, or its account, may spend in a period, in millionths of a US dollar."""

    owner: str
    period: Literal["total", "day", "month"]
    limit_microusd: int
    spent_microusd: int
    left_microusd: int


class OwnKey(msgspec.Struct):
    """The key that asks, without its secret.

    `limits` are those that count, the house's included. `operators` says whether the operators'
    API is answered at this address.
    """

    object: Literal["key"]
    id: str
    name: str
    prefix: str
    account_id: str
    account_name: str
    is_test: bool
    scopes: list[Literal["generate", "read", "admin"]]
    models: list[str] | None
    expires_at: int | None
    limits: KeyLimits
    account_limits: KeyLimits
    budgets: list[KeyBudget]
    operators: Place


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The handler of a caller's own key; `operators` says where operators are answered."""

    gateway: Gateway
    operators: Place

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            Route(
                "GET",
                "/v1/key",
                self.get,
                "Tell what the key that asks is",
                "keys",
                answers={200: "OwnKey"},
                opened_by=frozenset(Scope),
            )
        ]

    async def get(self, call: Call) -> Reply:
        """Tell the caller's own key."""
        key, at = call.caller, self.gateway.clock.now()

        def look(tx: Transaction) -> tuple[Account | None, Sequence[Purse]]:
            return tx.account(key.account_id), tx.purses((key.account_id, key.id), at=at)

        account, purses = await self.gateway.store.read(look)
        told = _told(key, account, purses, self.operators)
        return Reply(_ENCODER.encode(told), headers=_JSON)


def _told(key: Key, account: Account | None, purses: Sequence[Purse], operators: Place) -> object:
    """Render a key; a test key is never an operator's, whatever its scopes."""
    scopes = key.scopes - OPERATING if key.is_test else key.scopes
    return {
        "object": "key",
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "account_id": key.account_id,
        "account_name": "" if account is None else account.name,
        "is_test": key.is_test,
        "scopes": [scope for scope in Scope if scope in scopes],
        "models": None if key.models is None else sorted(key.models),
        "expires_at": None if key.expires_at is None else int(key.expires_at.timestamp()),
        "limits": asdict(key.limits),
        "account_limits": asdict(key.account_limits),
        "budgets": [budget_json(purse) for purse in purses],
        "operators": operators,
    }


def budget_json(purse: Purse) -> dict[str, object]:
    """Return a budget, its amounts in millionths of a US dollar."""
    return {
        "owner": purse.owner,
        "period": purse.period.value,
        "limit_microusd": purse.limit_microusd,
        "spent_microusd": purse.spent_microusd,
        "left_microusd": purse.left_microusd,
    }
