"""Money on the wire: what is held, refused and charged, and what an account reads of it."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rushes.domain.access import DEFAULT_ACCOUNT_ID, Key, Period, Scope, canceled
from rushes.domain.access import CancelRule as Rule
from rushes.domain.catalog import Catalog, Price, Route, build_catalog
from rushes.domain.errors import Failure, Reason
from rushes.domain.reading import shipped_cards
from rushes.domain.task import Status, Task
from rushes.gateway.looks import Policies
from rushes.http.usage import _cell
from rushes.testing.builders import NOON
from wiring import SECRET, Wired, wired

CARDS = {card.id: card for card in shipped_cards()}
SECOND = 100_000
TEST_SECRET = "sk-test-" + "7" * 32


def sold() -> Catalog:
    routes = (Route("gpu", "wan"),)
    configured: dict[str, Any] = {
        "wan2.5-t2v-preview": (
            CARDS["wan2.5-t2v-preview"],
            routes,
            (Price("second", SECOND, {"resolution": "720p"}), Price("film", 7, {"audio": True})),
        ),
        "sora-2": (CARDS["sora-2"], routes, ()),
    }
    return build_catalog(CARDS.values(), configured=configured, has_providers=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path, catalog=sold()) as found:
        yield found


async def create(
    house: Wired, secret: str = SECRET, *, key: str | None = None, **said: Any
) -> httpx2.Response:
    body = {"model": "wan2.5-t2v-preview", "prompt": "a boat", "seconds": 5, **said}
    headers = {} if key is None else {"Idempotency-Key": key}
    async with house.client(secret) as client:
        return await client.post("/v1/video/generations", json=body, headers=headers)


async def bound(house: Wired, limit: int, owner: str = DEFAULT_ACCOUNT_ID) -> None:
    house.store.write_now(
        lambda tx: tx.set_purse(
            owner, Period.TOTAL, limit, account_id=DEFAULT_ACCOUNT_ID, at=house.clock.now()
        )
    )
    await house.keyring.reload()


def spent(house: Wired) -> int:
    (purse,) = house.store.read_now(lambda tx: tx.purses(None, at=house.clock.now()))
    return purse.spent_microusd


async def usage(house: Wired, secret: str = SECRET, **query: Any) -> httpx2.Response:
    async with house.client(secret) as client:
        return await client.get("/v1/usage", params={k.strip("_"): v for k, v in query.items()})


# -- accepting -----------------------------------------------------------------------------------


async def test_a_task_holds_its_price_and_what_it_costs_is_frozen(house: Wired) -> None:
    answer = await create(house, generate_audio=True)
    task = house.task(answer.json()["id"])
    assert task.hold_microusd == 5 * SECOND + 7
    tariff = house.store.read_now(lambda tx: tx.tariff(task.id))
    assert [rule.microusd for rule in tariff] == [SECOND, 7]
    free = await create(house, resolution="480p")
    assert house.task(free.json()["id"]).hold_microusd == 0
    assert house.store.read_now(lambda tx: tx.tariff(free.json()["id"])) == ()


async def test_a_model_without_prices_is_free_and_no_budget_is_in_its_way(house: Wired) -> None:
    await bound(house, 0)
    answer = await create(house, model="sora-2", seconds=4)
    assert answer.status_code == 200
    assert house.task(answer.json()["id"]).hold_microusd == 0
    assert spent(house) == 0


@pytest.mark.promise("P5")
async def test_a_budget_is_spent_to_the_last_millionth_and_then_it_is_402(house: Wired) -> None:
    await bound(house, 10 * SECOND)
    assert [(await create(house)).status_code for _ in range(3)] == [200, 200, 402]
    assert spent(house) == 10 * SECOND
    refused = await create(house)
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert refused.json()["error"]["type"] == "insufficient_quota"
    async with house.client() as client:
        listed = (await client.get("/v1/video/generations")).json()["data"]
    assert len(listed) == 2, "nothing was stored of what was refused"
    metrics = house.gateway.metrics
    assert metrics.uncovered.labels("wan2.5-t2v-preview")._value.get() == 2
    assert metrics.held.labels("wan2.5-t2v-preview")._value.get() == 10 * SECOND


async def test_a_purse_that_empties_after_the_first_look_still_refuses(house: Wired) -> None:
    """What decides is the accept's own transaction; the look before it saves the upload."""
    await bound(house, 5 * SECOND)
    read = house.gateway.store.read

    async def blind(act: Any) -> Any:
        found = await read(act)
        return [] if isinstance(found, list) and found and hasattr(found[0], "period") else found

    house.gateway.store = _Over(house.store, blind)
    assert [(await create(house)).status_code for _ in range(2)] == [200, 402]
    assert spent(house) == 5 * SECOND


class _Over:
    """A store that reads otherwise."""

    def __init__(self, store: Any, read: Any) -> None:
        self.write, self.read = store.write, read


async def test_refused_for_money_an_idempotency_key_is_not_used_up(house: Wired) -> None:
    await bound(house, 0)
    assert (await create(house, key="k")).status_code == 402
    await bound(house, 5 * SECOND)
    first = await create(house, key="k")
    again = await create(house, key="k")
    assert (first.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert spent(house) == 5 * SECOND


async def test_a_repeat_of_a_stock_client_spends_nothing(house: Wired) -> None:
    await bound(house, 5 * SECOND)
    first = await create(house)
    async with house.client() as client:
        again = await client.post(
            "/v1/video/generations",
            json={"model": "wan2.5-t2v-preview", "prompt": "a boat", "seconds": 5},
            headers={"x-stainless-retry-count": "1"},
        )
    assert again.json() == first.json()
    assert spent(house) == 5 * SECOND


async def test_a_test_key_pays_nothing_and_no_budget_stops_it(house: Wired) -> None:
    house.add_key(TEST_SECRET)
    await bound(house, 0)
    answer = await create(house, TEST_SECRET)
    assert answer.status_code == 200
    assert house.task(answer.json()["id"]).hold_microusd == 0


async def test_a_key_s_own_budget_does_not_bound_its_sister(house: Wired) -> None:
    other = house.add_key("sk-live-" + "1" * 28)
    await bound(house, 0, owner=other.id)
    assert (await create(house, "sk-live-" + "1" * 28)).status_code == 402
    assert (await create(house)).status_code == 200


# -- ends ----------------------------------------------------------------------------------------


async def test_what_was_charged_is_told_with_the_task(house: Wired) -> None:
    task = house.task((await create(house)).json()["id"])
    await house.bring(task, Status.SUCCEEDED, charged_microusd=4 * SECOND)
    async with house.client() as client:
        for path in (f"/v1/video/generations/{task.id}", f"/v1/videos/{task.id}"):
            answer = await client.get(path)
            assert answer.headers["rushes-cost-microusd"] == str(4 * SECOND)
    assert (await usage(house)).json()["data"][0]["cost_microusd"] == 4 * SECOND


@pytest.mark.promise("P5")
@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.STORING])
async def test_a_cancel_charges_by_the_rule_and_the_budget_gets_the_rest(
    tmp_path: Path, rule: Rule, status: Status
) -> None:
    policies = Policies(cancel_rule=rule)
    async with wired(tmp_path, catalog=sold(), policies=policies) as house:
        await bound(house, 5 * SECOND)
        task = house.task((await create(house)).json()["id"])
        await house.bring(task, status)
        charged = canceled(house.task(task.id), at=NOON, rule=rule).charged_microusd or 0
        async with house.client() as client:
            answer = await client.post(f"/v1/video/generations/{task.id}/cancel")
            assert answer.status_code == 200, answer.text
            look = await client.get(f"/v1/video/generations/{task.id}")
        assert look.headers["rushes-cost-microusd"] == str(charged)
        assert spent(house) == charged
        assert (await create(house)).status_code == (402 if charged else 200)


# -- usage ---------------------------------------------------------------------------------------


async def ended(house: Wired, model: str, charged: int, **how: Any) -> Task:
    task = house.task((await create(house, model=model, **how)).json()["id"])
    return await house.bring(task, Status.SUCCEEDED, charged_microusd=charged)


async def test_usage_is_told_by_model_key_day_and_task(house: Wired) -> None:
    first = await ended(house, "wan2.5-t2v-preview", 4 * SECOND)
    house.clock.advance(60)
    second = await ended(house, "sora-2", 0, seconds=4)
    failed = house.task((await create(house)).json()["id"])
    await house.bring(failed, Status.FAILED, failure=Failure.of(Reason.PROVIDER_FAILED))
    told = (await usage(house)).json()
    assert {name: told[name] for name in ("object", "group_by", "currency", "has_more")} == {
        "object": "list", "group_by": "model", "currency": "USD", "has_more": False,
    }  # fmt: skip
    assert told["data"] == [
        {
            "model": "sora-2", "tasks": 1, "films": 1, "rehearsals": 0, "film_seconds": 4.0,
            "cost_microusd": 0,
        },
        {
            "model": "wan2.5-t2v-preview", "tasks": 2, "films": 1, "rehearsals": 0,
            "film_seconds": 5.0, "cost_microusd": 4 * SECOND,
        },
    ]  # fmt: skip
    (by_key,) = (await usage(house, group_by="key")).json()["data"]
    assert (by_key["key"], by_key["tasks"]) == (house.key.id, 3)
    (by_day,) = (await usage(house, group_by="day")).json()["data"]
    assert by_day["day"] == f"{NOON:%Y-%m-%d}"
    by_task = (await usage(house, group_by="task")).json()["data"]
    assert [(one["task_id"], one["status"]) for one in by_task] == [
        (first.id, "succeeded"),
        *sorted([(second.id, "succeeded"), (failed.id, "failed")]),
    ]
    assert by_task[0]["finished_at"] == int(NOON.timestamp())


async def test_usage_is_the_caller_s_account_s_only(house: Wired) -> None:
    await ended(house, "wan2.5-t2v-preview", 1)
    stranger = "sk-live-" + "2" * 28
    house.add_key(stranger, account_id="acct_" + "b" * 32)
    assert (await usage(house, stranger)).json()["data"] == []
    assert len((await usage(house)).json()["data"]) == 1


async def test_usage_comes_as_a_table_too_and_page_by_page(house: Wired) -> None:
    wanted = [(await ended(house, "wan2.5-t2v-preview", number)).id for number in range(3)]
    pages, cursor = [], ""
    for _ in range(3):
        answer = await usage(house, group_by="task", format="csv", limit=1, cursor=cursor)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        (row,) = csv.DictReader(io.StringIO(answer.text))
        pages.append(row["task_id"])
        cursor = answer.headers.get("rushes-next-cursor", "")
    assert sorted(pages) == sorted(wanted)
    assert cursor == ""
    first = (await usage(house, group_by="task", limit=2)).json()
    assert first["has_more"]
    rest = (await usage(house, group_by="task", cursor=first["next_cursor"])).json()
    assert [one["task_id"] for one in first["data"] + rest["data"]] == pages
    empty = await usage(house, format="csv", to=f"{NOON - timedelta(days=1):%Y-%m-%d}", from_="0")
    assert empty.status_code == 400


async def test_usage_of_a_span_and_of_a_month_without_any(house: Wired) -> None:
    await ended(house, "wan2.5-t2v-preview", 1)
    day = NOON.replace(hour=0)
    today, tomorrow = f"{day:%Y-%m-%d}", f"{day + timedelta(days=1):%Y-%m-%d}"
    assert len((await usage(house, from_=today, to=tomorrow)).json()["data"]) == 1
    assert (await usage(house, from_=tomorrow)).json()["data"] == []
    assert (await usage(house, to=today)).json()["data"] == []
    begin = int(NOON.timestamp())
    assert len((await usage(house, from_=str(begin), to=str(begin + 1))).json()["data"]) == 1
    told = (await usage(house)).json()
    assert told["from"] == int(day.replace(day=1).timestamp())
    assert told["to"] == begin + 1


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"group_by": "account"}, "group_by"),
        ({"format": "xml"}, "format"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-13-01"}, "from"),
        ({"to": "2026-11-01T00:00"}, "to"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "to"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "\x00"}, "cursor"),
        ({"cursor": "x" * 513}, "cursor"),
        ({"cursor": "2026-02-30", "group_by": "day"}, "cursor"),
        ({"cursor": "sora-2", "group_by": "task"}, "cursor"),
        (
            {"cursor": "2026-02-30T00:00:00.000000.video_" + "0" * 32, "group_by": "task"},
            "cursor",
        ),
    ],
)
async def test_a_question_that_is_none_is_told_where(
    house: Wired, query: dict[str, str], param: str
) -> None:
    answer = await usage(house, **query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


async def test_usage_wants_a_key_that_may_read(house: Wired) -> None:
    secret = "sk-live-" + "3" * 28
    key: Key = house.add_key(secret)
    house.keyring.keys[key.digest] = replace(key, scopes=frozenset({Scope.GENERATE}))
    answer = await usage(house, secret)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")
    async with house.client(secret=None) as client:
        assert (await client.get("/v1/usage")).status_code == 401


def test_no_cell_of_a_table_is_a_formula() -> None:
    assert _cell("=1+1") == "'=1+1"
    assert (_cell("sora-2"), _cell(-3), _cell(True)) == ("sora-2", -3, "true")
