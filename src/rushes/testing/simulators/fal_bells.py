"""How a simulated fal rings: once a request is over, signed with ED25519.

Faults of the verb `callback`: lost (not sent), duplicate (sent twice), forged (signed with
another key), altered (the body is not what was signed).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import httpx2 as httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rushes.testing.simulators.script import Rule

FAULTS: Final = frozenset({"lost", "duplicate", "forged", "altered"})
PATIENCE_S: Final = 5.0
USER: Final = "google-oauth2|1"


@dataclass(frozen=True, slots=True)
class Bell:
    """One call as it is made."""

    address: str
    headers: Mapping[str, str]
    body: bytes


class Bells:
    """Signs calls, and makes them; `rung` are those that were made."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(b"a simulated fal").digest())
        self._other = Ed25519PrivateKey.from_private_bytes(sha256(b"somebody else").digest())
        self.rung: list[Bell] = []

    @property
    def public_key(self) -> str:
        """The public key, in base64url."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @property
    def jwks(self) -> dict[str, object]:
        """The public key, as fal tells its own."""
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "x": self.public_key}]}

    def bell(
        self, address: str, request_id: str, told: Mapping[str, object], at: datetime, fault: str
    ) -> Bell:
        """Sign a call."""
        body = msgspec.json.encode(told)
        timestamp = str(int(at.timestamp()))
        message = "\n".join([request_id, USER, timestamp, sha256(body).hexdigest()])
        key = self._other if fault == "forged" else self._key
        headers = {
            "content-type": "application/json",
            "x-fal-webhook-request-id": request_id,
            "x-fal-webhook-user-id": USER,
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": key.sign(message.encode()).hex(),
        }
        return Bell(address, headers, body + b" " if fault == "altered" else body)

    async def ring(self, bell: Bell, rule: Rule | None) -> None:
        """Make a call, or spoil it as a rule wants; whoever does not answer is not called again."""
        fault = rule.fault if rule else ""
        for _ in range({"lost": 0, "duplicate": 2}.get(fault, 1)):
            self.rung.append(bell)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
                try:
                    await client.post(bell.address, content=bell.body, headers=bell.headers)
                except (httpx.HTTPError, httpx.InvalidURL):
                    return
