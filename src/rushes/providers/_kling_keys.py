"""What goes out as a key of Kling's, and what comes in with its signature.

Wire facts (DOC: Kling's pages get-started/authentication and /callbacks, copies of 2026 in public
repositories, read 2026-11):
- an API key goes out as it is, and opens every model; an access key and a secret key, which open
  what is asked for by `model_name`, make a JWT by HS256 for each request:
  {iss: access key, exp: now + 1800, nbf: now - 5}.                                       DOC
- 401 with 1003 is a token whose time has not come, with 1004 one whose time is over.       DOC
- calls to us are signed once a webhook secret was made in the console, as Standard Webhooks
  have it: webhook-signature holds `v1,` and base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}")),
  several with a space between; the key is the base64 behind `whsec_`; a timestamp is good for
  five minutes.                                                                           DOC

These two things want the time of day, which nothing else in a provider does.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from rushes.providers.answers import Answer, complaint_of, fits
from rushes.providers.base import Forged

TOKEN_S: Final = 1800
EARLY_S: Final = 5
HINT_AGE_S_MAX: Final = 300
UNTIMELY: Final = frozenset({"1003", "1004"})
"""The codes by which a token is refused for its times alone."""

_HEAD: Final = {"alg": "HS256", "typ": "JWT"}

Now = Callable[[], float]
"""Seconds since 1970."""


class Key(Protocol):
    """Our side of a conversation with Kling."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no message may hold."""
        ...

    def bearer(self) -> str:
        """Return what the next request goes out with."""
        ...

    def hear(self, answer: Answer) -> None:
        """Hear an answer, for what it says of the key."""
        ...


class ApiKey:
    """A key that goes out as it is."""

    def __init__(self, key: str) -> None:
        self._key = key

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self._key,)

    def bearer(self) -> str:
        """Return the key."""
        return self._key

    def hear(self, answer: Answer) -> None:
        """Learn nothing: such a key has no times."""


class KeyPair:
    """An access key and a secret key: every request goes out with a token of its own.

    A token is refused for its times only where our clock and Kling's differ. Then the next one
    goes by Kling's, which says the time in that very answer.
    """

    def __init__(self, access_key: str, secret_key: str, *, now: Now = time.time) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._now = now
        self._ahead_s = 0.0

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self._secret_key, self._access_key)

    def bearer(self) -> str:
        """Sign a token."""
        return signed(self._access_key, self._secret_key, at_s=self._now() + self._ahead_s)

    def hear(self, answer: Answer) -> None:
        """Take Kling's time, where it refused a token for its times."""
        complaint = complaint_of(answer.json_object())
        if complaint is None or not fits(complaint, UNTIMELY):
            return
        try:
            at = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return
        self._ahead_s = at.timestamp() - self._now()


def key_of(secret: str, access_key: str | None = None) -> Key:
    """Read a credential: `ACCESS_KEY:SECRET_KEY`, a secret key beside an access key, an API key.

    Raises:
        ValueError: it is none of them.
    """
    access, colon, rest = secret.partition(":")
    if access_key is not None:
        if colon:
            raise ValueError("the api_key holds an access key already; leave out 'access_key'")
        access, rest = access_key, secret
    elif not colon:
        return ApiKey(_visible(secret))
    if not access or not rest or ":" in rest:
        raise ValueError("an access key and a secret key are written ACCESS_KEY:SECRET_KEY")
    return KeyPair(_visible(access), _visible(rest))


def signed(access_key: str, secret_key: str, *, at_s: float) -> str:
    """Make a token of Kling's that is good from `at_s` on (seconds since 1970).

    >>> signed("a", "b", at_s=0).partition(".")[0]
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9'
    """
    claims = {"iss": access_key, "exp": int(at_s) + TOKEN_S, "nbf": int(at_s) - EARLY_S}
    said = b".".join(_base64url(msgspec.json.encode(part)) for part in (_HEAD, claims))
    signature = hmac.digest(secret_key.encode("ascii"), said, sha256)
    return b".".join((said, _base64url(signature))).decode("ascii")


class Ear:
    """Tells Kling's calls from anyone else's, by a webhook secret."""

    def __init__(self, secret: str, *, now: Now = time.time) -> None:
        """Take a secret.

        Raises:
            ValueError: it is none.
        """
        self._now = now
        try:
            self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            self._key = b""
        if not self._key:
            raise ValueError("the webhook_secret is whsec_ and base64")

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Make sure that a call is Kling's, and of now.

        Raises:
            Forged: it is not.
        """
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        name, sent_at, signatures = (headers.get(header, "") for header in names)
        is_dated = sent_at.isascii() and sent_at.isdecimal() and len(sent_at) <= len("1781080794")
        if not is_dated or abs(self._now() - int(sent_at)) > HINT_AGE_S_MAX:
            raise Forged("a call of another time")
        said = b".".join((name.encode("utf-8", "replace"), sent_at.encode("ascii"), body))
        wanted = b"v1," + base64.b64encode(hmac.digest(self._key, said, sha256))
        given = (signature.encode("utf-8", "replace") for signature in signatures.split())
        if not any(hmac.compare_digest(wanted, one) for one in given):
            raise Forged("a call that Kling did not sign")


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _visible(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a key of Kling's is a word of visible ASCII")
    return text
