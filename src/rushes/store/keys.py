"""Keys and accounts.

What they may is of schema step 0004. On a database of the step before nobody has rules, and no key
is an operator's: until then every key was written down with every scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from rushes.domain.access import Account, Key, Scope
from rushes.store import rows
from rushes.store.connection import Rows
from rushes.store.schema import accounts, house, keys, purses

KEY_VERSION: Final = "key_version"

_KEY_RULES: Final = frozenset({"networks", "limits", "replaced_by"})
_ACCOUNT_RULES: Final = frozenset({"limits", "closed_at"})
_KEYS_BEFORE: Final = sa.select(*(column for column in keys.c if column.name not in _KEY_RULES))
_ACCOUNTS_BEFORE: Final = sa.select(
    *(column for column in accounts.c if column.name not in _ACCOUNT_RULES)
)
_SISTERS: Final = keys.alias("sisters")
_HAS_PURSE: Final = sa.exists().where(
    sa.or_(
        purses.c.owner == keys.c.account_id,
        purses.c.owner.in_(
            sa.select(_SISTERS.c.id)
            .where(_SISTERS.c.account_id == keys.c.account_id)
            .correlate(keys)
        ),
    )
)
_KEYS: Final = sa.select(
    *keys.c,
    accounts.c.limits.label("account_limits"),
    accounts.c.closed_at,
    _HAS_PURSE.label("has_purse"),
).select_from(keys.outerjoin(accounts, accounts.c.id == keys.c.account_id))


class KeyRows(Rows):
    """The verbs of a transaction that concern accounts and keys."""

    # -- accounts ----------------------------------------------------------------------

    def add_account(self, account: Account) -> None:
        """Insert an account."""
        self._insert(accounts, rows.account_values(account), _ACCOUNT_RULES)

    def see_to_account(self, account: Account) -> None:
        """Insert an account without rules, unless it is there."""
        values = rows.account_values(account)
        self.put(accounts, {name: values[name] for name in ("id", "name", "created_at")})

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        statement = self._accounts.where(accounts.c.id == account_id)
        found = self.run(statement).mappings().first()
        return None if found is None else rows.account_of(found)

    def accounts(self) -> Sequence[Account]:
        """Return all accounts, closed ones included, by birth."""
        statement = self._accounts.order_by(accounts.c.created_at, accounts.c.id)
        return [rows.account_of(row) for row in self.run(statement).mappings()]

    def change_account(self, before: Account, after: Account) -> bool:
        """Write name, limits and end of an account, if it stands as it was seen."""
        self.need(accounts)
        values = rows.account_values(after)
        del values["id"], values["created_at"]
        return self._change(accounts, rows.account_values(before), values)

    @property
    def _accounts(self) -> sa.Select[Any]:
        return sa.select(accounts) if self.is_current else _ACCOUNTS_BEFORE

    # -- keys --------------------------------------------------------------------------

    def add_key(self, key: Key) -> None:
        """Insert a key; its account is made if it is new."""
        created_at = rows.micros(key.created_at)
        values = {"id": key.account_id, "name": key.name, "created_at": created_at}
        self.put(accounts, values)
        self._insert(keys, rows.key_values(key), _KEY_RULES)
        self._bump()

    def key(self, key_id: str) -> Key | None:
        """Return a key, a revoked one too."""
        return self._first_key(keys.c.id == key_id)

    def key_by_digest(self, digest: bytes) -> Key | None:
        """Find a key, revoked ones included."""
        return self._first_key(keys.c.digest == digest)

    def keys(self) -> Sequence[Key]:
        """Return all keys, revoked ones included, by birth."""
        statement = self._keys.order_by(keys.c.created_at, keys.c.id)
        return [self._key_of(row) for row in self.run(statement).mappings()]

    def change_key(self, before: Key, after: Key) -> bool:
        """Write what may change of a key, if it stands as it was seen."""
        self.need(keys)
        values = rows.key_values(after)
        del values["id"], values["account_id"], values["digest"], values["prefix"]
        del values["created_at"]
        return self._change(keys, rows.key_values(before), values)

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

    @property
    def _keys(self) -> sa.Select[Any]:
        return _KEYS if self.is_current else _KEYS_BEFORE

    def _first_key(self, where: sa.ColumnElement[bool]) -> Key | None:
        found = self.run(self._keys.where(where)).mappings().first()
        return None if found is None else self._key_of(found)

    def _key_of(self, found: rows.Found) -> Key:
        key = rows.key_of(found)
        return key if self.is_current else replace(key, scopes=key.scopes - {Scope.ADMIN})

    # -- both --------------------------------------------------------------------------

    def _insert(self, table: sa.Table, values: dict[str, Any], rules: frozenset[str]) -> None:
        """Insert a row; without rules it is one that the step before has room for, too."""
        if not self.is_current:
            if any(values.pop(name) is not None for name in sorted(rules)):
                self.need(table)
            self.run(sa.insert(table).values(values))
            return
        self.add(table, values)

    def _change(self, table: sa.Table, seen: dict[str, Any], values: dict[str, Any]) -> bool:
        """Write over a row, if it stands as it was seen, and tell everybody."""
        as_seen = [table.c[name].is_not_distinct_from(value) for name, value in seen.items()]
        is_changed = self.run(sa.update(table).where(*as_seen).values(values)).rowcount == 1
        if is_changed:
            self._bump()
        return is_changed

    def _bump(self) -> None:
        self.put(house, {"name": KEY_VERSION, "value": 1}, {"value": house.c.value + 1})
