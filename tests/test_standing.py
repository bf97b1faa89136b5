"""How the house stands, in gauges: read from rows, away from the loop, rarer where slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from rushes.domain.access import Period, Purse
from rushes.domain.catalog import Catalog, Listing, Route
from rushes.domain.health import Health, RouteState
from rushes.domain.ids import new_task_id
from rushes.domain.submit import Verdict
from rushes.domain.task import Status
from rushes.domain.webhooks import Endpoint
from rushes.gateway.standing import Standing, state_of
from rushes.observe import Metrics
from rushes.ports import Transaction
from rushes.testing.builders import ACCOUNT_ID, MODEL, NOON, a_submit, answered, put_task
from rushes.testing.fakes import ManualClock
from rushes.testing.memory_store import MemoryStore


class Asked:
    """A house with one route, and a count of how often its rows were read."""

    def __init__(self, act: Callable[[Transaction], object]) -> None:
        self.store = MemoryStore()
        self.store.write_now(act)
        self.metrics = Metrics()
        self.disk_count = 0
        self.is_away = False
        listing: Any = Listing(MODEL, None, (Route("gpu", "wan"),), is_rehearsal=False)  # type: ignore[arg-type]
        self.standing = Standing(
            self.store,
            ManualClock(NOON + timedelta(minutes=5)),
            self.metrics,
            catalog=lambda: Catalog({MODEL: listing}, {}),
            slots=lambda: {"gpu": 8, "sandbox": 2},
            free_bytes=self.free_bytes,
            lost_after_s=4.0,
        )

    def free_bytes(self) -> dict[str, int]:
        self.disk_count += 1
        if self.is_away:
            raise OSError("the disk is away")
        return {"data": 7}

    def told(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


async def test_queues_routes_and_disks_are_told_as_the_rows_say() -> None:
    def act(tx: Transaction) -> None:
        put_task(tx, id=new_task_id(NOON), queue="gpu")
        put_task(tx, Status.RUNNING, queue="gpu")
        put_task(tx, Status.STORING, queue="gpu")
        put_task(tx, Status.RUNNING, queue="left")
        tx.put_health(Health("gpu", "wan", NOON, state=RouteState.OPEN, fault_count=3))
        tx.add_endpoint(Endpoint("ep_1", ACCOUNT_ID, "https://a.example/", NOON))
        gone = Endpoint("ep_2", ACCOUNT_ID, "https://b.example/", NOON)
        tx.add_endpoint(replace(gone, disabled_at=NOON))
        ended = put_task(tx, Status.FAILED)
        tx.add_submit(answered(a_submit(ended, n=2), Verdict.ACCEPTED))

    house = Asked(act)
    await house.standing.refresh()
    assert house.told("rushes_tasks", status="running") == 2
    assert house.told("rushes_queue_waiting_seconds", provider="gpu") == 300
    assert house.told("rushes_queue_waiting_seconds", provider="sandbox") == 0
    assert house.told("rushes_in_flight", provider="gpu") == 1
    assert house.told("rushes_in_flight", provider="left") == 1
    assert house.told("rushes_in_flight_max", provider="gpu") == 8
    assert house.told("rushes_in_flight_max", provider="left") is None
    route = {"provider": "gpu", "upstream_model": "wan"}
    assert house.told("rushes_route_state", **route, state="open") == 1
    assert house.told("rushes_route_state", **route, state="closed") == 0
    assert house.told("rushes_webhook_endpoints", state="disabled") == 1
    assert house.told("rushes_disk_free_bytes", place="data") == 7
    assert house.told("rushes_salvage", verdict="accepted") == 1


async def test_rows_are_not_read_again_within_a_second() -> None:
    house = Asked(lambda _: None)
    for _ in range(3):
        await house.standing.refresh()
    assert house.disk_count == 1


async def test_rows_that_cannot_be_read_leave_the_other_numbers_alone() -> None:
    house = Asked(lambda _: None)
    house.is_away = True
    with capture_logs() as lines:
        await house.standing.refresh()
    assert [line["event"] for line in lines] == ["the gauges could not be read"]


def test_a_budget_is_ample_near_its_end_or_spent() -> None:
    purse = Purse("key_1", Period.DAY, 100)
    for spent, state in ((0, "ample"), (80, "ample"), (81, "near"), (100, "spent"), (130, "spent")):
        assert state_of(replace(purse, spent_microusd=spent)) == state
