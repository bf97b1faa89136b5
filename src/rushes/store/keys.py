"""Keys and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from rushes.domain.access import Key
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import accounts, house, keys

KEY_VERSION: Final = "key_version"


class KeyRows(Rows):
    """The verbs of a transaction that concern keys."""

    def add_key(self, key: Key) -> None:
        """Insert a key; its account is made if it is new."""
        created_at = rows.micros(key.created_at)
        values = {"id": key.account_id, "name": key.name, "created_at": created_at}
        self.put(accounts, values)
        self.add(keys, rows.key_values(key))
        self._bump()

    def key_by_digest(self, digest: bytes) -> Key | None:
        """Find a key, revoked ones included."""
        found = self.run(sa.select(keys).where(keys.c.digest == digest)).mappings().first()
        return None if found is None else rows.key_of(found)

    def keys(self) -> Sequence[Key]:
        """Return all keys, revoked ones included, by birth."""
        found = self.run(sa.select(keys).order_by(keys.c.created_at, keys.c.id)).mappings()
        return [rows.key_of(row) for row in found]

    def revoke_key(self, key_id: str, at: datetime) -> bool:
        """Revoke a key; say whether there was one to revoke."""
        statement = sa.update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
        is_revoked = self.run(statement.values(revoked_at=rows.micros(at))).rowcount == 1
        if is_revoked:
            self._bump()
        return is_revoked

    def key_version(self) -> int:
        """Return a number that changes with every change to any key."""
        statement = sa.select(house.c.value).where(house.c.name == KEY_VERSION)
        return int(self.run(statement).scalar_one_or_none() or 0)

    def _bump(self) -> None:
        self.put(house, {"name": KEY_VERSION, "value": 1}, {"value": house.c.value + 1})
