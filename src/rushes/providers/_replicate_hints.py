"""Whether a call is Replicate's: signed as Standard Webhooks have it.

Wire facts (SDK: replicate 1.0.7 `webhook.py`; DOC: replicate.com/docs/topics/webhooks):
- headers webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature, a list of
  `v1,BASE64` parted by spaces; signed is `ID.TIMESTAMP.BODY` by HMAC-SHA256.          SDK, DOC
- the secret is `whsec_` and base64 of the key, one for an account: GET
  /v1/webhooks/default/secret.                                                         SDK, DOC
- how old a call may be is for the receiver to say.                                         DOC
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
HINT_AGE_S_MAX: Final = 300
DIGITS_MAX: Final = 10


class Ear:
    """Tells Replicate's calls from anyone else's, by the account's webhook secret."""

    def __init__(self, secret: str, *, now: Callable[[], float] = time.time) -> None:
        """Take a secret; only one that says what it is, for by that no log line tells it.

        Raises:
            ValueError: it is none.
        """
        self._now = now
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not secret.startswith(PREFIX) or not key:
            raise ValueError("the webhook_secret is whsec_ and base64")
        self._key = key

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Make sure that a call is Replicate's, and of now.

        Raises:
            Forged: it is not.
        """
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        name, sent_at, signatures = (headers.get(header, "") for header in names)
        is_dated = sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= DIGITS_MAX
        if not is_dated or abs(self._now() - int(sent_at)) > HINT_AGE_S_MAX:
            raise Forged("a call of another time")
        said = b".".join((name.encode("utf-8", "replace"), sent_at.encode("ascii"), body))
        wanted = b"v1," + base64.b64encode(hmac.digest(self._key, said, sha256))
        given = (signature.encode("utf-8", "replace") for signature in signatures.split())
        if not any(hmac.compare_digest(wanted, one) for one in given):
            raise Forged("a call that Replicate did not sign")
