"""Whom a simulated Kling lets in, and how it signs what it sends.

A key is an API key, or `ACCESS_KEY:SECRET_KEY`: then a request has a JWT by HS256 (RFC 7519),
whose times are held to a clock. Calls are signed as Standard Webhooks have it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import httpx2 as httpx
import msgspec

from rushes.testing.simulators.script import Rule

PATIENCE_S: Final = 5.0
FORGED: Final = "whsec_c3RyYW5nZXI="
"""What somebody else would sign with."""


def trouble_with(authorization: str, key: str | None, at_s: float) -> str:
    """Say which answer a header earns, by its name; empty where the door opens."""
    scheme, _, given = authorization.partition(" ")
    if not given:
        return "no_authorization"
    if scheme != "Bearer":
        return "bad_authorization"
    if key is None:
        return ""
    access_key, is_pair, secret_key = key.partition(":")
    if is_pair:
        return _trouble_with_token(given, access_key, secret_key, at_s)
    return "" if given == key else "unauthorized"


def _trouble_with_token(token: str, access_key: str, secret_key: str, at_s: float) -> str:
    said, _, signature = token.rpartition(".")
    head, claims = (_part(part) for part in (*said.split("."), "")[:2])
    if head.get("alg") != "HS256" or head.get("typ") != "JWT" or said.count(".") != 1:
        return "bad_authorization"
    signing = hmac.new(secret_key.encode(), said.encode(), hashlib.sha256)
    wanted = base64.urlsafe_b64encode(signing.digest()).rstrip(b"=")
    is_signed = hmac.compare_digest(wanted, signature.encode())
    begin, end = claims.get("nbf"), claims.get("exp")
    is_dated = isinstance(begin, int) and isinstance(end, int)
    if not is_signed or not is_dated or claims.get("iss") != access_key:
        return "unauthorized"
    if at_s < claims["nbf"]:
        return "token_too_early"
    return "token_expired" if at_s >= claims["exp"] else ""


def _part(text: str) -> Mapping[str, Any]:
    try:
        said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(said, type=dict[str, Any])
    except (binascii.Error, ValueError):
        return {}


class Bells:
    """Calls to whoever wants to hear of a task, signed where there is a webhook secret.

    Faults of the verb callback: lost (not made), duplicate (made twice), forged (signed by
    somebody else).
    """

    def __init__(self, secret: str | None) -> None:
        self.secret = secret
        self.rung: list[str] = []

    async def ring(self, address: str, told: object, rule: Rule | None, *, at_s: int) -> None:
        """Make a call, or spoil it."""
        fault = rule.fault if rule else ""
        body = msgspec.json.encode(told)
        headers = {"content-type": "application/json; charset=utf-8"}
        secret = FORGED if fault == "forged" else self.secret
        if secret is not None:
            headers |= signatures_of(secret, f"8{len(self.rung):018}", at_s, body)
        for _ in range({"lost": 0, "duplicate": 2}.get(fault, 1)):
            self.rung.append(address)
            async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
                with suppress(httpx.HTTPError, httpx.InvalidURL):
                    await client.post(address, content=body, headers=headers)


def signatures_of(secret: str, name: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a call."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signing = hmac.new(key, f"{name}.{at_s}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at_s),
        "webhook-signature": "v1," + base64.b64encode(signing.digest()).decode(),
    }
