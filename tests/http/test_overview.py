"""What operators see of the whole house: true, bounded, and without what opens a door."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from rushes.deeds.house import ProviderSaid
from rushes.domain.access import Scope
from rushes.domain.catalog import Catalog, Route, build_catalog
from rushes.domain.health import Health, RouteState
from rushes.domain.ids import new_account_id, new_task_id
from rushes.domain.reading import shipped_cards
from rushes.domain.submit import Verdict
from rushes.domain.task import Event, Status, Task
from rushes.http.admin import answers
from rushes.ports import Blobs
from rushes.testing.builders import NOON, a_submit, moved, put_task
from wiring import Wired, wired

ROOT = "/admin/v1"
OPERATOR = "sk-live-operator"
CARDS = {card.id: card for card in shipped_cards()}
OTHER = new_account_id(NOON)
NOVEMBER = {"from": "2026-11-01", "to": "2026-12-01"}


def live() -> Catalog:
    configured: dict[str, Any] = {
        "wan2.5-t2v-preview": (
            CARDS["wan2.5-t2v-preview"],
            (Route("gpu", "wan"), Route("ark", "wan")),
            (),
        ),
        "sora-2": (CARDS["sora-2"], (Route("gpu", "own"),), ()),
    }
    return build_catalog(CARDS.values(), configured=configured, has_providers=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Wired]:
    async with wired(tmp_path, catalog=live()) as found:
        found.add_key(OPERATOR, scopes=frozenset({Scope.ADMIN}), name="ops")
        await found.keyring.reload()
        found.providers = [
            ProviderSaid("sandbox", "sandbox", 2),
            ProviderSaid(
                "gpu", "openai_videos", 8, "vllm_omni", "https://u:secret@gpu.test/v1?key=abc"
            ),
        ]
        yield found


async def get(house: Wired, path: str, **query: Any) -> httpx2.Response:
    async with house.client(OPERATOR) as client:
        return await client.get(ROOT + path, params={k.strip("_"): v for k, v in query.items()})


async def told(house: Wired, path: str, answer: type[msgspec.Struct], **query: Any) -> Any:
    """What an operator is told: as described, and kept nowhere."""
    found = await get(house, path, **query)
    assert found.status_code == 200, found.text
    assert "secret" not in found.text
    msgspec.json.decode(found.content, type=answer)
    return found.json()


async def refusal(house: Wired, path: str, **query: Any) -> tuple[int, str | None]:
    answer = await get(house, path, **query)
    return answer.status_code, answer.json()["error"]["param"]


def put(house: Wired, status: Status = Status.QUEUED, **born: Any) -> Task:
    at = born.setdefault("created_at", NOON)
    later = at + timedelta(days=1)
    born = {"id": new_task_id(at), "queue_deadline_at": later, "deadline_at": later, **born}
    return house.store.write_now(lambda tx: put_task(tx, status, **born))


# -- providers ---------------------------------------------------------------------------------


async def test_every_provider_is_told_with_what_it_has_in_hand(house: Wired) -> None:
    for status in (Status.QUEUED, Status.RUNNING, Status.IN_DOUBT, Status.STORING):
        put(house, status, queue="gpu")
    put(house, Status.SUCCEEDED, queue="gpu")
    put(house, queue="left")
    found = await told(house, "/providers", answers.AdminProviderList)
    sandbox, gpu, left = found["data"]
    assert gpu == {
        "name": "gpu",
        "kind": "openai_videos",
        "profile": "vllm_omni",
        "base_url": "https://gpu.test/v1?…",
        "is_configured": True,
        "mode": "live",
        "in_flight": 2,
        "in_flight_max": 8,
        "in_flight_per_account_max": None,
        "starts_per_minute_max": None,
        "queued": 1,
        "in_doubt": 1,
        "storing": 1,
        "models": ["wan2.5-t2v-preview", "sora-2"],
        "last_fault": {"at": int(NOON.timestamp()) + 2, "what": "no answer"},
    }
    assert (sandbox["name"], sandbox["mode"], sandbox["models"]) == (
        "sandbox", "rehearsal", ["sandbox"],
    )  # fmt: skip
    assert (left["name"], left["is_configured"], left["kind"], left["queued"]) == (
        "left", False, None, 1,
    )  # fmt: skip


async def test_what_went_wrong_last_with_a_provider_is_told_in_words(house: Wired) -> None:
    task, at = put(house, queue="gpu"), NOON + timedelta(minutes=1)
    note = "GET https://gpu.test/x?signature=secret said 500"
    house.store.write_now(lambda tx: tx.count_fault(task, note, at=at))
    last = (await told(house, "/providers", answers.AdminProviderList))["data"][1]["last_fault"]
    assert last == {"at": int(at.timestamp()), "what": "GET https://gpu.test/x?… said 500"}
    open_ = Health("gpu", "wan", at + timedelta(minutes=1), RouteState.OPEN, 3, None, "HTTP 503")
    house.store.write_now(lambda tx: tx.put_health(open_))
    last = (await told(house, "/providers", answers.AdminProviderList))["data"][1]["last_fault"]
    assert last["what"] == "HTTP 503"


# -- usage -------------------------------------------------------------------------------------


def used(house: Wired) -> None:
    put(house, Status.SUCCEEDED, account_id=house.key.account_id, hold_microusd=5)
    put(house, Status.SUCCEEDED, account_id=OTHER, hold_microusd=7)
    put(house, Status.FAILED, account_id=OTHER)


async def test_an_operator_adds_up_what_all_accounts_used(house: Wired) -> None:
    used(house)
    found = await told(house, "/usage", answers.AdminUsage, group_by="account", **NOVEMBER)
    lines = {line["account"]: (line["tasks"], line["cost_microusd"]) for line in found["data"]}
    assert lines == {house.key.account_id: (1, 5), OTHER: (2, 7)}
    (line,) = (await told(house, "/usage", answers.AdminUsage, **NOVEMBER))["data"]
    assert (line["tasks"], line["films"], line["cost_microusd"]) == (3, 2, 12)


async def test_usage_of_one_account_is_paged_and_says_whose_each_task_is(house: Wired) -> None:
    used(house)
    query = {"group_by": "task", "account_id": OTHER, "limit": 1, **NOVEMBER}
    first = await told(house, "/usage", answers.AdminUsage, **query)
    second = await told(house, "/usage", answers.AdminUsage, **query, cursor=first["next_cursor"])
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [one["data"][0]["account"] for one in (first, second)] == [OTHER, OTHER]


async def test_usage_comes_as_a_table_too(house: Wired) -> None:
    used(house)
    for by, column in (("account", "account"), ("task", "account"), ("day", "day")):
        answer = await get(house, "/usage", group_by=by, **NOVEMBER, format="csv")
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert next(iter(table[0])) == column
        assert sum(int(line["cost_microusd"]) for line in table) == 12


async def test_callers_still_cannot_ask_by_account(house: Wired) -> None:
    async with house.client() as client:
        answer = await client.get("/v1/usage?group_by=account")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "group_by")


# -- insights ----------------------------------------------------------------------------------


def made(house: Wired, lasted_s: float, **born: Any) -> None:
    task = put(house, **born)
    for event in (Event.INTENT, Event.ACCEPTED, Event.READY, Event.STORED):
        at = task.created_at + timedelta(seconds=lasted_s)
        after = moved(task, event, at=at)
        assert house.store.write_now(move(task, after, event, at))
        task = after


def move(task: Task, after: Task, event: Event, at: Any) -> Any:
    return lambda tx: tx.move(task, after, event, at=at)


async def test_insights_tell_how_tasks_fared_by_day_by_model_and_by_both(house: Wired) -> None:
    yesterday = NOON - timedelta(days=1)
    made(house, 10, model="wan", created_at=yesterday)
    made(house, 30, model="wan")
    made(house, 50, model="sora")
    put(house, Status.FAILED, model="sora")
    put(house, Status.CANCELED, model="sora")
    put(house, model="sora")
    found = await told(house, "/insights", answers.AdminInsights)
    assert [line["day"] for line in found["days"]] == ["2026-11-22", "2026-11-23"]
    assert found["days"][1] == {
        "day": "2026-11-23",
        "accepted": 5,
        "films": 2,
        "failed": 1,
        "failed_by": {"provider_failed": 1},
        "canceled": 1,
        "unfinished": 1,
        "rehearsals": 0,
        "median_s": 30.0,
        "p95_s": 50.0,
    }
    assert [(line["model"], line["films"], line["p95_s"]) for line in found["models"]] == [
        ("sora", 1, 50.0),
        ("wan", 2, 30.0),
    ]
    assert [(line["day"], line["model"]) for line in found["data"]] == [
        ("2026-11-22", "wan"),
        ("2026-11-23", "sora"),
        ("2026-11-23", "wan"),
    ]
    span = {"from": "2026-11-22", "to": "2026-11-23"}
    assert (await told(house, "/insights", answers.AdminInsights, **span))["data"] == [
        found["data"][0]
    ]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-13-01"}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to"),
        ({"from": "2026-01-01", "to": "2026-11-01"}, "from"),
        ({"from": "0"}, "from"),
        ({"from": "9999999999", "to": "9999999999999"}, "to"),
    ],
)
async def test_insights_are_of_ninety_two_days_at_most(
    house: Wired, query: Mapping[str, str], param: str
) -> None:
    assert await refusal(house, "/insights", **query) == (400, param)


async def test_an_empty_house_has_no_lines(house: Wired) -> None:
    found = await told(house, "/insights", answers.AdminInsights)
    assert (found["days"], found["models"], found["data"]) == ([], [], [])
    assert found["to"] - found["from"] >= 30 * 86_400
    assert (await told(house, "/faults", answers.AdminFaultList))["data"] == []


# -- faults ------------------------------------------------------------------------------------


async def test_the_newest_faults_are_told_without_secrets(house: Wired) -> None:
    first, second = put(house, Status.RUNNING, queue="gpu"), put(house, queue="ark")
    for minutes, (task, note) in enumerate([(first, "HTTP 503"), (second, "sk-live-abcdefgh?")]):
        at = NOON + timedelta(minutes=minutes)
        house.store.write_now(count(task, note, at))
    found = (await told(house, "/faults", answers.AdminFaultList))["data"]
    assert [one["task_id"] for one in found] == [second.id, first.id]
    assert "abcdefgh" not in str(found)
    assert found[1] == {
        "task_id": first.id,
        "account_id": first.account_id,
        "model": first.model,
        "provider": "gpu",
        "n": 1,
        "status": "running",
        "verdict": None,
        "meaning": None,
        "what": "HTTP 503",
        "count": 1,
        "first_at": int(NOON.timestamp()),
        "at": int(NOON.timestamp()),
    }
    assert found[0]["n"] is None
    only = (await told(house, "/faults", answers.AdminFaultList, provider="gpu", limit=9))["data"]
    assert [one["task_id"] for one in only] == [first.id]
    assert len((await told(house, "/faults", answers.AdminFaultList, limit=1))["data"]) == 1
    assert await refusal(house, "/faults", limit=0) == (400, "limit")


async def test_a_submit_that_a_provider_returned_is_a_fault_in_words(house: Wired) -> None:
    task = put(house, queue="gpu")
    returned = a_submit(task, Verdict.RETURNED, note="HTTP 429 from https://a.test/?key=secret")
    house.store.write_now(lambda tx: tx.add_submit(returned))
    (one,) = (await told(house, "/faults", answers.AdminFaultList))["data"]
    assert (one["n"], one["verdict"], one["provider"]) == (1, "returned", "gpu")
    assert one["meaning"] == "proven: the provider did not accept it"
    assert one["what"] == "HTTP 429 from https://a.test/?…"
    assert "ticket" not in one
    gpu = (await told(house, "/providers", answers.AdminProviderList))["data"][1]
    assert gpu["last_fault"]["what"] == one["what"]


def count(task: Task, note: str, at: Any) -> Any:
    return lambda tx: tx.count_fault(task, note, at=at)


# -- system ------------------------------------------------------------------------------------


async def test_the_system_is_told_as_this_process_sees_it(house: Wired) -> None:
    put(house)
    put(house, Status.RUNNING)
    for name in ("local", "worker-2"):
        house.store.write_now(lambda tx, name=name: tx.beat(name))  # type: ignore[misc]
    found = await told(house, "/system", answers.AdminSystem)
    assert (found["version"], found["database"], found["storage"]) == ("0.0.0", "sqlite", "file")
    assert found["started_at"] == int(NOON.timestamp())
    assert found["checks"] == {"database": "ok", "storage": "ok", "engine": "ok"}
    assert found["status"] == "ready"
    assert (found["queued"], found["unfinished"]) == (1, 2)
    assert [(one["id"], one["roles"], one["is_this"]) for one in found["processes"]] == [
        ("local", ["api", "worker"], True),
        ("worker-2", ["worker"], False),
    ]
    assert all(one["silent_s"] < 60 for one in found["processes"])
    assert found["free_bytes"]["films"] > 0
    assert found["models"] == {
        "rehearsed": ["sandbox"],
        "live": ["sora-2", "wan2.5-t2v-preview"],
    }
    assert {"model": "sora-2", "retires_at": "2026-09-24", "successor": None} in found["retiring"]


async def test_a_house_that_is_not_well_says_what_is_not(tmp_path: Path) -> None:
    async with wired(tmp_path, check=lambda: False, blobs=Wordless()) as house:
        house.add_key(OPERATOR, scopes=frozenset({Scope.ADMIN}))
        found = await told(house, "/system", answers.AdminSystem)
    assert (found["status"], found["checks"]["storage"]) == ("unready", "failing")
    assert found["free_bytes"]["films"] is None
    assert found["processes"] == [
        {"id": "local", "roles": ["api", "worker"], "is_this": True, "silent_s": None}
    ]


class Wordless(Blobs):
    """Storage that does not answer."""

    async def free_bytes(self) -> int | None:
        raise OSError("storage is silent")
