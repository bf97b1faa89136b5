"""Unversioned paths: life, readiness, numbers, and the description of the wire (CONTRACT §13)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rushes.domain.errors import RouteNotFound
from rushes.http.routes import Call, Reply, Route
from rushes.observe import Metrics, log

Check = Callable[[], Awaitable[bool]]
_ENCODER: Final = msgspec.json.Encoder()
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class System:
    """The handlers of operators and orchestrators. `before_metrics` brings gauges up to date."""

    checks: Mapping[str, Check]
    metrics: Metrics
    is_metrics_open: bool
    before_metrics: Callable[[], Awaitable[None]]

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        return [
            _open("/healthz", self.healthz, "Say that the process lives", {200: "Health"}),
            _open(
                "/readyz",
                self.readyz,
                "Say whether traffic is welcome",
                {200: "Readiness", 503: "Readiness"},
            ),
            _open("/metrics", self.numbers, "Prometheus metrics", {200: "text/plain"}),
        ]

    async def healthz(self, call: Call) -> Reply:
        """Say that the process lives."""
        del call
        return Reply(_ENCODER.encode({"status": "ok"}), headers=_JSON)

    async def readyz(self, call: Call) -> Reply:
        """Say whether traffic is welcome, and what is wrong if not."""
        del call
        checks = {name: await word_of(name, check) for name, check in self.checks.items()}
        is_ready = all(word == "ok" for word in checks.values())
        body = _ENCODER.encode({"status": "ready" if is_ready else "unready", "checks": checks})
        if is_ready:
            return Reply(body, headers=_JSON)
        return Reply(body, 503, {**_JSON, "Retry-After": "5"})

    async def numbers(self, call: Call) -> Reply:
        """Tell the numbers, unless the operator keeps them."""
        if not self.is_metrics_open:
            raise RouteNotFound(f"There is no route {call.method} /metrics.")
        await self.before_metrics()
        headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        return Reply(generate_latest(self.metrics.registry), headers=headers)


async def word_of(name: str, check: Check) -> str:
    """Ask a check, and say `ok` or `failing`."""
    try:
        is_well = await check()
    except Exception as fault:  # noqa: BLE001 -- a check that breaks is a check that fails
        log.error("a check broke", check=name, exc_info=fault)
        return "failing"
    return "ok" if is_well else "failing"


def _open(
    path: str,
    handler: Callable[[Call], Awaitable[Reply]],
    summary: str,
    answers: Mapping[int, str],
) -> Route:
    return Route("GET", path, handler, summary, "system", answers=answers, needs_key=False)
