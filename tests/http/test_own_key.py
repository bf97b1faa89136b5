"""A key may ask what it is, whatever it may do; nobody is told a secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from rushes.domain.access import DEFAULT_ACCOUNT_ID, Limits, Period, Scope
from rushes.http.server import Operators
from rushes.testing.builders import NOON
from wiring import SECRET, Wired, wired

SECRET_OF_CI = "sk-live-ci00000000000000000000000000"
NO_LIMITS = {
    "requests_per_s": None,
    "submits_per_minute": None,
    "in_flight_max": None,
    "queued_max": None,
}


def bound(house: Wired, owner: str, period: Period, limit: int) -> None:
    house.store.write_now(
        lambda tx: tx.set_purse(owner, period, limit, account_id=DEFAULT_ACCOUNT_ID, at=NOON)
    )


async def test_a_key_is_told_all_that_it_is(tmp_path: Path) -> None:
    async with wired(tmp_path, limits=Limits(requests_per_s=50)) as house:
        key = house.add_key(
            SECRET_OF_CI,
            name="ci",
            scopes=frozenset({Scope.READ, Scope.GENERATE}),
            models=frozenset({"sora-2", "sandbox"}),
            expires_at=NOON + timedelta(days=90),
            limits=Limits(queued_max=4),
        )
        bound(house, key.id, Period.MONTH, 25_000_000)
        bound(house, DEFAULT_ACCOUNT_ID, Period.TOTAL, 9)
        await house.keyring.reload()
        async with house.client(SECRET_OF_CI) as client:
            answer = await client.get("/v1/key")
            budgets = sorted(answer.json()["budgets"], key=lambda one: one["owner"])
        assert answer.json() | {"budgets": budgets} == {
            "object": "key",
            "id": key.id,
            "name": "ci",
            "prefix": SECRET_OF_CI[:12],
            "account_id": DEFAULT_ACCOUNT_ID,
            "account_name": "test",
            "is_test": False,
            "scopes": ["generate", "read"],
            "models": ["sandbox", "sora-2"],
            "expires_at": int((NOON + timedelta(days=90)).timestamp()),
            "limits": NO_LIMITS | {"requests_per_s": 50, "queued_max": 4},
            "account_limits": NO_LIMITS,
            "budgets": [
                {
                    "owner": DEFAULT_ACCOUNT_ID,
                    "period": "total",
                    "limit_microusd": 9,
                    "spent_microusd": 0,
                    "left_microusd": 9,
                },
                {
                    "owner": key.id,
                    "period": "month",
                    "limit_microusd": 25_000_000,
                    "spent_microusd": 0,
                    "left_microusd": 25_000_000,
                },
            ],
            "operators": "here",
        }
        assert list(answer.json())[:4] == ["object", "id", "name", "prefix"]
        assert SECRET_OF_CI not in answer.text
        assert answer.headers["cache-control"] == "private, no-cache"


async def test_a_key_without_bounds_is_told_so(tmp_path: Path) -> None:
    async with wired(tmp_path) as house, house.client() as client:
        told = (await client.get("/v1/key")).json()
    assert (told["models"], told["expires_at"], told["budgets"]) == (None, None, [])
    assert told["limits"] == told["account_limits"] == NO_LIMITS


async def test_a_key_is_told_no_budget_of_anothers(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        other = house.add_key("sk-live-other")
        bound(house, other.id, Period.DAY, 7)
        async with house.client() as client:
            assert (await client.get("/v1/key")).json()["budgets"] == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_any_scope_opens_it_and_none_does_not(tmp_path: Path, scope: Scope) -> None:
    async with wired(tmp_path) as house:
        house.add_key("sk-live-one", scopes=frozenset({scope}))
        house.add_key("sk-live-none", scopes=frozenset())
        async with house.client("sk-live-one") as client:
            assert (await client.get("/v1/key")).json()["scopes"] == [scope]
        async with house.client("sk-live-none") as client:
            assert (await client.get("/v1/key")).status_code == 403


async def test_a_test_key_is_not_told_that_it_could_operate(tmp_path: Path) -> None:
    async with wired(tmp_path) as house:
        house.add_key("sk-test-" + "1" * 32, scopes=frozenset(Scope))
        async with house.client("sk-test-" + "1" * 32) as client:
            told = (await client.get("/v1/key")).json()
    assert (told["is_test"], told["scopes"]) == (True, ["generate", "read"])


async def test_it_says_whether_operators_are_answered_at_this_address(tmp_path: Path) -> None:
    async with wired(tmp_path, operators=Operators(port=8081)) as house:

        async def at_their_port(scope: Connection, receive: Receive, send: Send) -> None:
            await house.application({**scope, "server": ("127.0.0.1", 8081)}, receive, send)

        async with house.client() as client, house.client(SECRET, at_their_port) as operator:
            assert (await client.get("/v1/key")).json()["operators"] == "elsewhere"
            assert (await operator.get("/v1/key")).json()["operators"] == "here"


async def test_it_says_where_nobody_answers_operators(tmp_path: Path) -> None:
    async with wired(tmp_path, has_operators=False) as house, house.client() as client:
        assert (await client.get("/v1/key")).json()["operators"] == "off"
