"""How routes fare, and whom a hint is about."""

from __future__ import annotations

from dataclasses import replace

from rushes.domain.health import Health, after_busy, after_fault, after_retirement, probing
from rushes.domain.task import Status
from rushes.ports import Transaction
from rushes.testing.builders import NOON
from rushes.testing.conformance.stores.subject import Subject, later

ROUTE = Health("gpu", "wan-2.2", changed_at=NOON)


async def a_route_without_a_row_is_well(subject: Subject) -> None:
    """What never went wrong has no row."""
    assert await subject.ask(Transaction.health, "gpu", "wan-2.2") is None
    assert await subject.ask(Transaction.healths) == []
    await subject.do(Transaction.put_health, ROUTE)
    assert await subject.ask(Transaction.healths) == []


async def a_health_comes_back_as_it_was_written(subject: Subject) -> None:
    """Every state, count, instant and note survives; the newest is the only one."""
    told = after_busy(ROUTE, at=later(seconds=1), note="HTTP 503", retry_after_s=7)
    for health in (
        told,
        probing(told, at=later(seconds=9), until=later(minutes=2)),
        after_retirement(told, at=later(minutes=3), note="gone ☁"),
    ):
        await subject.do(Transaction.put_health, health)
        assert await subject.ask(Transaction.health, "gpu", "wan-2.2") == health
    await subject.do(Transaction.put_health, replace(ROUTE, changed_at=later(minutes=4)))
    assert await subject.ask(Transaction.health, "gpu", "wan-2.2") is None


async def routes_fare_apart(subject: Subject) -> None:
    """Another model at the same provider, or the same model elsewhere, is another route."""
    others = [replace(ROUTE, upstream_model="ltx"), replace(ROUTE, provider="ark")]
    failed = [after_fault(one, at=NOON, note="x") for one in (ROUTE, *others)]
    for health in failed:
        await subject.do(Transaction.put_health, health)
    known = await subject.ask(Transaction.healths)
    assert known == [failed[2], failed[1], failed[0]]


async def a_submit_is_found_by_its_token(subject: Subject) -> None:
    """A token is good at its own provider only; nobody else's opens anything."""
    task = await subject.put(Status.RUNNING)
    submit = (await subject.ask(Transaction.submits, task.id))[0]
    found = await subject.ask(Transaction.submit_by_token, submit.provider, submit.token)
    assert found == submit
    assert await subject.ask(Transaction.submit_by_token, "elsewhere", submit.token) is None
    assert await subject.ask(Transaction.submit_by_token, submit.provider, "guess") is None
