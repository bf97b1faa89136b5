"""How a simulated Vidu calls whoever wants to hear of a task.

The signature is that of Vidu's page: HMAC-SHA256, by the key that made the task, over method, path,
query, "vidu", the date, and the headers that are named. The body is not signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import httpx2 as httpx
import msgspec

from rushes.testing.simulators.script import Rule

PATIENCE_S: Final = 5.0
FORGED: Final = "vda_of_a_stranger"
"""What somebody else would sign with."""


class Bells:
    """Calls about tasks. Faults of the verb callback: lost, duplicate, forged (another's key)."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    async def ring(
        self, address: str, key: str, told: object, rule: Rule | None, *, date: str
    ) -> None:
        """Make a call, or spoil it."""
        fault = rule.fault if rule else ""
        nonce = f"123e4567-e89b-12d3-a456-{len(self.rung):012}"
        headers = signatures_of(FORGED if fault == "forged" else key, address, date, nonce)
        headers["content-type"] = "application/json"
        for _ in range({"lost": 0, "duplicate": 2}.get(fault, 1)):
            self.rung.append(address)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
                with suppress(httpx.HTTPError, httpx.InvalidURL):
                    await client.post(address, content=msgspec.json.encode(told), headers=headers)


def signatures_of(key: str, address: str, date: str, nonce: str) -> dict[str, str]:
    """Return the headers of a call."""
    parts = urlsplit(address)
    signed = f"Date:{date}\nx-request-nonce:{nonce}\n"
    text = f"POST\n{parts.path or '/'}\n{parts.query}\nvidu\n{date}\n{signed}"
    signing = hmac.new(key.encode(), text.encode(), hashlib.sha256)
    return {
        "Date": date,
        "x-request-nonce": nonce,
        "X-HMAC-SIGNED-HEADERS": "Date;x-request-nonce",
        "X-HMAC-SIGNATURE": base64.b64encode(signing.digest()).decode(),
        "X-HMAC-ALGORITHM": "hmac-sha256",
        "X-HMAC-ACCESS-KEY": "vidu",
    }
