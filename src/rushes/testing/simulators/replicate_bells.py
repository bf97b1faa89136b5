"""How a simulated Replicate calls back: signed by the account's secret, as its page says.

Faults of the verb callback: lost (not made), duplicate (made twice), forged (signed by somebody
else), late (the time of an hour ago, and signed for it).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress
from typing import Final

import httpx2 as httpx
import msgspec

from rushes.testing.simulators.script import Rule

FAULTS: Final = frozenset({"lost", "duplicate", "forged", "late"})
PATIENCE_S: Final = 5.0
LATE_S: Final = 3600
FORGED: Final = "whsec_c3RyYW5nZXI="
"""What somebody else would sign with."""

SECRET: Final = "whsec_" + base64.b64encode(b"a simulated account's own").decode()
"""What is signed with where nothing else is said."""


class Bells:
    """Makes calls, and remembers where to."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.rung: list[str] = []

    async def ring(self, address: str, told: object, rule: Rule | None, *, at_s: int) -> None:
        """Make a call, or spoil it."""
        fault = rule.fault if rule else ""
        body = msgspec.json.encode(told)
        secret = FORGED if fault == "forged" else self.secret
        sent_at_s = at_s - LATE_S if fault == "late" else at_s
        headers = {"content-type": "application/json"}
        headers |= signatures_of(secret, f"msg_{len(self.rung)}", sent_at_s, body)
        for _ in range({"lost": 0, "duplicate": 2}.get(fault, 1)):
            self.rung.append(address)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
                with suppress(httpx.HTTPError, httpx.InvalidURL):
                    await client.post(address, content=body, headers=headers)


def signatures_of(secret: str, name: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a call; another signature stands before ours, as after a rotation."""
    signed = f"{name}.{at_s}.".encode() + body
    mine, another = (
        base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for key in (base64.b64decode(secret.removeprefix("whsec_")), b"the one before")
    )
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{another} v1,{mine}",
    }
