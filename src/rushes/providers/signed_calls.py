"""Whether a call to us is who it says it is: signed as Standard Webhooks have it.

Several upstreams sign so (spec: standardwebhooks.com): the headers webhook-id, webhook-timestamp
(seconds since 1970) and webhook-signature, a list of `v1,BASE64` with spaces between; signed is
`ID.TIMESTAMP.BODY` by HMAC-SHA256 with the key behind `whsec_`.

How old a call may be wants the time of day, which nothing else in a provider does.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from rushes.providers.base import Forged

PREFIX: Final = "whsec_"
AGE_S_MAX: Final = 300
DIGITS_MAX: Final = 10


class Ear:
    """Tells the calls of one upstream (`whose`, as in "Kling") from anyone else's, by a secret."""

    def __init__(self, secret: str, *, whose: str, now: Callable[[], float] = time.time) -> None:
        """Take a secret; only one that says what it is, for by that no log line tells it.

        Raises:
            ValueError: it is none.
        """
        self._whose = whose
        self._now = now
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not secret.startswith(PREFIX) or not key:
            raise ValueError("the webhook_secret is whsec_ and base64")
        self._key = key

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Make sure that a call is the upstream's, and of now; header names are lowercase.

        Raises:
            Forged: it is not.
        """
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        name, sent_at, signatures = (headers.get(header, "") for header in names)
        is_dated = sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= DIGITS_MAX
        if not is_dated or abs(self._now() - int(sent_at)) > AGE_S_MAX:
            raise Forged("a call of another time")
        said = b".".join((name.encode("utf-8", "replace"), sent_at.encode("ascii"), body))
        wanted = b"v1," + base64.b64encode(hmac.digest(self._key, said, sha256))
        given = (signature.encode("utf-8", "replace") for signature in signatures.split())
        if not any(hmac.compare_digest(wanted, one) for one in given):
            raise Forged(f"a call that {self._whose} did not sign")
