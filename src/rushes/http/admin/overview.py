"""What operators see of the whole house, over the wire: providers, usage, insights, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from rushes.deeds.house import (
    ProviderSaid,
    faulted_json,
    insight_json,
    offered_json,
    providers_json,
    retiring_json,
)
from rushes.domain.errors import InvalidValue
from rushes.domain.insights import INSIGHTS_SPAN_MAX, Insight, InsightBy
from rushes.domain.task import Status
from rushes.domain.usage import UsageBy
from rushes.gateway.usage import Usage
from rushes.http.admin.answers import facts, told
from rushes.http.admin.desk import Desk, route
from rushes.http.pages import limit_of
from rushes.http.routes import Call, Reply, Route
from rushes.http.system import Check, word_of
from rushes.http.usage import QUERY, form_of, instant_of, read_question, usage_reply
from rushes.ports import Executor, Transaction

GROUPS: Final = tuple(by.value for by in UsageBy)
INSIGHTS_DEFAULT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class House:
    """What a process knows of itself, and of what the operator configured.

    `storage` is the kind of it. `providers` returns those that are configured now. `process` is
    the name that it works under, or would.
    """

    version: str
    started_at: datetime
    database: Literal["sqlite", "postgresql"]
    storage: str
    process: str
    roles: Sequence[Literal["api", "worker"]]
    providers: Callable[[], Sequence[ProviderSaid]]


@dataclass(frozen=True, slots=True)
class Overview:
    """The handlers of what is looked at, and never changed.

    Each look may read many rows: it takes its turn (`usage`), away from the loop.
    """

    desk: Desk
    usage: Usage
    house: House
    checks: Mapping[str, Check]

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            route("GET", "/providers", self.providers,
                  "List the providers, what they have in hand, and what went wrong last",
                  "AdminProviderList"),
            route("GET", "/usage", self.used, "Tell what all accounts used, or one",
                  "AdminUsage", query=(*QUERY, "account_id")),
            route("GET", "/insights", self.insights,
                  "Tell how tasks fared, and how long films took, by day and by model",
                  "AdminInsights", query=("from", "to")),
            route("GET", "/faults", self.faults, "List the newest faults of tasks",
                  "AdminFaultList", query=("limit", "provider")),
            route("GET", "/system", self.system, "Tell how the house is", "AdminSystem"),
        ]  # fmt: skip

    async def providers(self, call: Call) -> Reply:
        """List the providers."""
        del call
        said, catalog = self.house.providers(), self.desk.gateway.catalog
        return facts(await self.usage.look(lambda tx: providers_json(tx, said, catalog)))

    async def used(self, call: Call) -> Reply:
        """Add up what tasks used that ended in a span of time, whoever's they were."""
        query = call.query()
        asked = read_question(
            query,
            self.desk.now(),
            groups=GROUPS,
            account_id=query.get("account_id") or None,
        )
        form = form_of(query)
        lines, has_more = await self.usage.of_any(asked)
        return usage_reply(asked, form, lines, has_more=has_more, is_operators=True)

    async def insights(self, call: Call) -> Reply:
        """Tell how tasks fared that were accepted in a span of time."""
        since, until = _span(call.query(), self.desk.now())

        def look(tx: Transaction) -> dict[InsightBy, Sequence[Insight]]:
            return {by: tx.insights(by, since, until) for by in InsightBy}

        found = await self.usage.look(look)
        by = {name: [insight_json(one) for one in lines] for name, lines in found.items()}
        return told(
            {
                "object": "insights",
                "from": since,
                "to": until,
                "days": by[InsightBy.DAY],
                "models": by[InsightBy.MODEL],
                "data": by[InsightBy.DAY_AND_MODEL],
            }
        )

    async def faults(self, call: Call) -> Reply:
        """List what went wrong with tasks, the newest first."""
        query = call.query()
        limit, provider = limit_of(query.get("limit"), 1), query.get("provider") or None
        found = await self.usage.look(lambda tx: tx.newest_faults(limit, provider=provider))
        return facts([faulted_json(one) for one in found])

    async def system(self, call: Call) -> Reply:
        """Tell what this process is, who else works, what waits, and what room is left."""
        del call
        gateway, house = self.desk.gateway, self.house
        checks = {name: await word_of(name, check) for name, check in self.checks.items()}
        counts, executors = await self.usage.look(lambda tx: (tx.counts(), tx.executors()))
        return told(
            {
                "object": "system",
                "version": house.version,
                "at": self.desk.now(),
                "started_at": house.started_at,
                "database": house.database,
                "storage": house.storage,
                "status": "ready" if set(checks.values()) <= {"ok"} else "unready",
                "checks": checks,
                "processes": self._processes(executors),
                "queued": counts.get(Status.QUEUED, 0),
                "unfinished": sum(n for status, n in counts.items() if not status.is_final),
                "free_bytes": {
                    "films": await _told_room(gateway.blobs.free_bytes),
                    "data": await asyncio.to_thread(gateway.other_room),
                },
                "models": offered_json(gateway.catalog),
                "retiring": retiring_json(gateway.catalog),
            }
        )

    def _processes(self, executors: Sequence[Executor]) -> list[dict[str, object]]:
        """Return this process, and the others that carry tasks; who only answers is not known."""
        own = self.house.process
        silent = {one.id: one.silent_s for one in executors}
        others = [name for name in silent if name != own]
        return [
            {
                "id": name,
                "roles": list(self.house.roles) if name == own else ["worker"],
                "is_this": name == own,
                "silent_s": silent.get(name),
            }
            for name in (own, *others)
        ]


def _span(query: Mapping[str, str], at: datetime) -> tuple[datetime, datetime]:
    """Read a span of time; without one it is the last thirty days.

    Raises:
        InvalidValue: it is none, or too long.
    """
    until = instant_of(query.get("to"), "to") or at.replace(microsecond=0) + timedelta(seconds=1)
    since = instant_of(query.get("from"), "from") or _midnight(until - INSIGHTS_DEFAULT)
    if until < since:
        raise InvalidValue("'to' must not be before 'from'.", param="to")
    if until - since > INSIGHTS_SPAN_MAX:
        raise InvalidValue(
            f"'from' must be at most {INSIGHTS_SPAN_MAX.days} days before 'to'.", param="from"
        )
    return since, until


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


async def _told_room(ask: Callable[[], Awaitable[int | None]]) -> int | None:
    """Return how many bytes are free; None where storage does not say."""
    try:
        return await ask()
    except OSError:
        return None
