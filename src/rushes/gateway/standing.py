"""How the house stands, for `/metrics`: gauges that are read from rows when somebody asks.

They are read in a thread, so that no look waits for them, and rarer where it takes long. Every
process reads the same rows and tells the same: take one, do not add them up.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rushes.clock import Clock
from rushes.domain.access import Purse
from rushes.domain.catalog import Catalog
from rushes.domain.health import Health, RouteState
from rushes.domain.ids import born_at
from rushes.domain.task import IN_FLIGHT, Status
from rushes.observe import Metrics, log
from rushes.ports import Books, Transaction

AGAIN_S: Final = 1.0
SHARE: Final = 20
"""A reading is good for so many times what it took: a twentieth of a core at most."""

BUDGETS_EVERY_S: Final = 60.0
"""Each budget is a question of its own."""

SALVAGE_MAX: Final = 1000
"""So many films without a caller are counted; more are an alarm all the same."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the rows said."""

    tasks: Mapping[Status, int]
    in_flight: Mapping[str, int]
    waiting_s: Mapping[str, float]
    healths: Sequence[Health]
    salvage: Mapping[str, int]
    endpoints: Mapping[str, int]
    workers: int


@dataclass(slots=True)
class Standing:
    """Reads how the house stands into gauges. `free_bytes` asks disks by name, and may block."""

    store: Books
    clock: Clock
    metrics: Metrics
    catalog: Callable[[], Catalog]
    slots: Callable[[], Mapping[str, int]]
    free_bytes: Callable[[], Mapping[str, int]]
    lost_after_s: float
    _again_at_s: float = field(default=-math.inf, init=False)
    _budgets_at_s: float = field(default=-math.inf, init=False)

    async def refresh(self) -> None:
        """Bring the gauges up to date; where the rows cannot be read they stay as they were."""
        began_s = time.monotonic()
        if began_s < self._again_at_s:
            return
        self._again_at_s = math.inf
        try:
            read, free = await asyncio.to_thread(self._asked)
            self._tell(read, free)
            if began_s - self._budgets_at_s >= BUDGETS_EVERY_S:
                self._budgets_at_s = began_s
                self._tell_budgets(await asyncio.to_thread(self._purses))
        except Exception as fault:  # noqa: BLE001 -- numbers of this process are told without them
            log.warning("the gauges could not be read", exc_info=fault)
        finally:
            took_s = time.monotonic() - began_s
            self._again_at_s = began_s + max(AGAIN_S, SHARE * took_s)
            self.metrics.numbers_s.set(took_s)

    def _asked(self) -> tuple[_Read, Mapping[str, int]]:
        return self.store.read_now(self._read), self.free_bytes()

    def _read(self, tx: Transaction) -> _Read:
        now = self.clock.now()
        in_flight: Counter[str] = Counter()
        for one in tx.open_counts():
            if one.provider is not None and one.status in IN_FLIGHT:
                in_flight[one.provider] += one.count
        oldest = {queue: tx.waiting(queue, 1) for queue in tx.queues()}
        heard = Counter(
            "enabled" if one.disabled_at is None else "disabled" for one in tx.endpoints()
        )
        return _Read(
            tasks=tx.counts(),
            in_flight=in_flight,
            waiting_s={
                queue: max(0.0, (now - born_at(line[0].task_id)).total_seconds())
                for queue, line in oldest.items()
                if line
            },
            healths=tx.healths(),
            salvage=Counter(submit.verdict.value for submit in tx.salvage(SALVAGE_MAX)),
            endpoints=heard,
            workers=tx.executor_count(self.lost_after_s),
        )

    def _purses(self) -> Sequence[Purse]:
        at = self.clock.now()
        return self.store.read_now(lambda tx: tx.purses(None, at=at))

    def _tell(self, read: _Read, free: Mapping[str, int]) -> None:
        metrics = self.metrics
        for status in Status:
            metrics.tasks.labels(status.value).set(read.tasks.get(status, 0))
        metrics.salvage.clear()
        for verdict, count in read.salvage.items():
            metrics.salvage.labels(verdict).set(count)
        for state in ("enabled", "disabled"):
            metrics.endpoints.labels(state).set(read.endpoints.get(state, 0))
        for place, room in free.items():
            metrics.disk_free.labels(place).set(room)
        metrics.workers.set(read.workers)
        self._tell_queues(read)
        self._tell_routes(read.healths)

    def _tell_queues(self, read: _Read) -> None:
        """Say how each provider's queue stands; one that left is told while tasks are in it."""
        metrics, slots = self.metrics, self.slots()
        for gauge in (metrics.in_flight, metrics.in_flight_max, metrics.waiting_s):
            gauge.clear()
        for provider in {*slots, *read.in_flight, *read.waiting_s}:
            metrics.in_flight.labels(provider).set(read.in_flight.get(provider, 0))
            metrics.waiting_s.labels(provider).set(read.waiting_s.get(provider, 0.0))
        for provider, width in slots.items():
            metrics.in_flight_max.labels(provider).set(width)

    def _tell_routes(self, healths: Sequence[Health]) -> None:
        """Say of each route that is configured, or remembered, in which state it is."""
        known = {(one.provider, one.upstream_model): one.state for one in healths}
        routes = {
            (route.provider, route.upstream_model)
            for listing in self.catalog().listings.values()
            for route in listing.routes
        }
        self.metrics.route_state.clear()
        for route in {*routes, *known}:
            present = known.get(route, RouteState.CLOSED)
            for state in RouteState:
                self.metrics.route_state.labels(*route, state.value).set(state is present)

    def _tell_budgets(self, purses: Sequence[Purse]) -> None:
        counts = Counter(state_of(purse) for purse in purses)
        for state in ("ample", "near", "spent"):
            self.metrics.budgets.labels(state).set(counts[state])


def state_of(purse: Purse) -> str:
    """Say how much of a budget is left in its period: `ample`, `near` its end, or `spent`."""
    if purse.is_spent:
        return "spent"
    return "near" if purse.is_near_its_end else "ample"
