"""How a simulated upstream calls back: at each change, best effort, unsigned, and not in order.

Faults of the verb `callback`: lost (not sent), duplicate (sent twice), held (kept until after
the next one of the same job, so that the two arrive the wrong way round).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2 as httpx

from rushes.testing.simulators.script import Rule

FAULTS: Final = frozenset({"lost", "duplicate", "held"})
PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make: where to, with what, and how often at most."""

    job_id: str
    address: str
    body: Mapping[str, object]
    tries_max: int = 1


class Callbacks:
    """Makes calls one after the other, and remembers who heard them."""

    def __init__(self) -> None:
        self.heard: list[Call] = []
        self.unheard: list[Call] = []
        self._held: dict[str, Call] = {}
        self._turn = asyncio.Lock()

    async def make(self, call: Call, rule: Rule | None = None) -> None:
        """Make a call, or spoil it as a rule wants."""
        async with self._turn:
            match rule.fault if rule else "":
                case "lost":
                    self.unheard.append(call)
                case "held":
                    self._held[call.job_id] = call
                case "duplicate":
                    await self._post(call)
                    await self._post(call)
                case _:
                    await self._post(call)
                    late = self._held.pop(call.job_id, None)
                    if late is not None:
                        await self._post(late)

    async def _post(self, call: Call) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            for _ in range(call.tries_max):
                if await _is_heard(client, call):
                    self.heard.append(call)
                    return
        self.unheard.append(call)


async def _is_heard(client: httpx.AsyncClient, call: Call) -> bool:
    try:
        answer = await client.post(call.address, json=dict(call.body))
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.is_success
