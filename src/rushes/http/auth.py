"""Keys at the door: a digest in memory, checked at every request, half a second old at most.

A key that may look from anywhere is what the hot look knows (`http/fast.py`): which those are is
worked out when keys are read, so that a look asks no more than before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from rushes.clock import Clock
from rushes.domain.access import NO_LIMITS, Address, Key, Limits, Scope
from rushes.domain.errors import InvalidApiKey, MissingApiKey
from rushes.domain.ids import digest_of
from rushes.ports import Store

NO_KEY: Final = "No API key. Send 'Authorization: Bearer sk-…'."
BAD_KEY: Final = "This API key is not valid."
ELSEWHERE: Final = "This API key is not valid from this address."


class Keyring:
    """All keys, by digest. `refresh` follows changes other processes make."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        data_version: Callable[[], int],
        *,
        limits: Limits = NO_LIMITS,
    ) -> None:
        """`data_version` changes whenever another connection commits to the database.

        `limits` are those of every key, where its own say nothing.
        """
        self._store = store
        self._clock = clock
        self._data_version = data_version
        self._limits = limits
        self._seen_data: int | None = None
        self._seen_keys: int | None = None
        self.keys: dict[bytes, Key] = {}
        self._lookers: dict[bytes, Key] = {}

    async def refresh(self) -> None:
        """Read the keys again if any of them changed; called twice a second.

        What could not be read now is read the next time.
        """
        data_version = self._data_version()
        if data_version == self._seen_data:
            return
        key_version = await self._store.read(lambda tx: tx.key_version())
        if key_version != self._seen_keys:
            await self.reload()
            self._seen_keys = key_version
        self._seen_data = data_version

    async def reload(self) -> None:
        """Read all keys."""
        keys = await self._store.read(lambda tx: tx.keys())
        self.keys = {key.digest: self._limited(key) for key in keys}
        self._lookers = {
            digest: key for digest, key in self.keys.items() if _looks_from_anywhere(key)
        }

    def looker(self, secret: bytes, at: datetime) -> Key | None:
        """Return the key of a secret, if it is valid at `at` for a look.

        It is in memory, has the scope for it, and may come from everywhere.
        """
        key = self._lookers.get(digest_of(secret))
        return key if key is not None and key.is_valid(at) else None

    async def caller(self, authorization: bytes | None, origin: Address | None = None) -> Key:
        """Return the key of an Authorization value; an unknown one is looked up first.

        `origin` is where it comes from, None where nobody knows.

        Raises:
            MissingApiKey, InvalidApiKey: the door stays shut.
        """
        secret = None if authorization is None else secret_of(authorization)
        if not secret:
            raise MissingApiKey(NO_KEY)
        digest = digest_of(secret)
        key = self.keys.get(digest)
        if key is None:
            key = await self._store.read(lambda tx: tx.key_by_digest(digest))
            if key is not None:
                key = self.keys[digest] = self._limited(key)
        if key is None or not key.is_valid(self._clock.now()):
            raise InvalidApiKey(BAD_KEY)
        if not key.is_valid_from(origin):
            raise InvalidApiKey(ELSEWHERE)
        return key

    def is_still_valid(self, key: Key, origin: Address | None) -> bool:
        """Say whether whoever looks with a key from there may go on looking."""
        now = self.keys.get(key.digest)
        if now is None or not now.is_valid(self._clock.now()):
            return False
        return Scope.READ in now.scopes and now.is_valid_from(origin)

    def _limited(self, key: Key) -> Key:
        """Return a key with the limits that it goes by."""
        limits = key.limits.or_else(self._limits)
        return key if limits is key.limits else replace(key, limits=limits)


def _looks_from_anywhere(key: Key) -> bool:
    return Scope.READ in key.scopes and key.networks is None


def secret_of(authorization: bytes) -> bytes | None:
    """Return what a caller shows of a key in an Authorization value; None if that is no key.

    >>> secret_of(b"Bearer sk-1"), secret_of(b"bearer  sk-1 "), secret_of(b"Basic dTpw")
    (b'sk-1', b'sk-1', None)
    """
    return authorization[7:].strip() if authorization[:7].lower() == b"bearer " else None
