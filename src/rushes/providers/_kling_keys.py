"""What goes out as a key of Kling's.

Wire facts (DOC: Kling's pages get-started/authentication and /callbacks, copies of 2026 in public
repositories, read 2026-11):
- an API key goes out as it is, and opens every model; an access key and a secret key, which open
  what is asked for by `model_name`, make a JWT by HS256 for each request:
  {iss: access key, exp: now + 1800, nbf: now - 5}.                                       DOC
- 401 with 1003 is a token whose time has not come, with 1004 one whose time is over.       DOC

A token wants the time of day.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from rushes.providers.answers import Answer, complaint_of, fits

TOKEN_S: Final = 1800
EARLY_S: Final = 5
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


def _base64url(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _visible(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a key of Kling's is a word of visible ASCII")
    return text
