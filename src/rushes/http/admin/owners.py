"""Accounts and keys, over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rushes.deeds import accounts, keys
from rushes.deeds.accounts import account_json
from rushes.deeds.keys import Wanted, key_json
from rushes.domain.access import Account, Key
from rushes.domain.errors import InvalidValue
from rushes.http.admin.answers import told
from rushes.http.admin.bodies import (
    AccountChanges,
    AccountWanted,
    Force,
    KeyChanges,
    KeyWanted,
    Nothing,
    Rotation,
    instant_of,
    limits_of,
    models_of,
    networks_of,
    read,
)
from rushes.http.admin.desk import Desk, cut, operator_of, route
from rushes.http.pages import as_list
from rushes.http.routes import Call, Reply, Route

_OVERLAP_S_MAX: Final = int(keys.OVERLAP_MAX.total_seconds())


@dataclass(frozen=True, slots=True)
class Owners:
    """The handlers of who may come in."""

    desk: Desk

    def routes(self) -> list[Route]:
        """Return the table's rows."""
        account, key = "/accounts/{account_id}", "/keys/{key_id}"
        page = ("limit", "after")
        return [
            route("GET", "/accounts", self.accounts, "List accounts", "AdminAccountList",
                  query=page),
            route("POST", "/accounts", self.make_account, "Make an account", "AdminAccount",
                  request="AccountWanted"),
            route("GET", account, self.account, "Retrieve an account", "AdminAccount"),
            route("PATCH", account, self.change_account, "Change an account's name or limits",
                  "AdminAccount", request="AccountChanges"),
            route("POST", f"{account}/close", self.close, "Refuse every key of an account",
                  "AdminAccount", request="Force"),
            route("POST", f"{account}/reopen", self.reopen, "Let an account's keys in again",
                  "AdminAccount", request="Nothing"),
            route("GET", "/keys", self.keys, "List keys", "AdminKeyList",
                  query=(*page, "account_id")),
            route("POST", "/keys", self.make_key, "Make a key; its secret is told this once",
                  "AdminKeyMade", request="KeyWanted"),
            route("GET", key, self.key, "Retrieve a key", "AdminKey"),
            route("PATCH", key, self.change_key, "Change what a key may", "AdminKey",
                  request="KeyChanges"),
            route("POST", f"{key}/rotate", self.rotate,
                  "Replace a key; both are valid for a while", "AdminKeyMade", request="Rotation"),
            route("POST", f"{key}/revoke", self.revoke, "Revoke a key", "AdminKey",
                  request="Force"),
        ]  # fmt: skip

    # -- accounts ----------------------------------------------------------------------

    async def accounts(self, call: Call) -> Reply:
        """List accounts, the oldest first."""
        found: Sequence[Account] = await self.desk.ask(lambda tx: tx.accounts())
        ids = [account.id for account in found]
        page, has_more = cut(found[_after(call, ids) :], call)
        return told(as_list([account_json(one) for one in page], has_more=has_more))

    async def make_account(self, call: Call) -> Reply:
        """Make an account."""
        body, who, at = await read(call, AccountWanted), operator_of(call), self.desk.now()
        limits = limits_of(body.limits)
        made = await self.desk.do(lambda tx: accounts.create(tx, who, body.name, limits, at=at))
        return told(account_json(made))

    async def account(self, call: Call) -> Reply:
        """Tell one account."""
        found = await self.desk.ask(lambda tx: accounts.found(tx, call.path["account_id"]))
        return told(account_json(found))

    async def change_account(self, call: Call) -> Reply:
        """Change an account."""
        body, who, at = await read(call, AccountChanges), operator_of(call), self.desk.now()
        changes, account_id = body.told(), call.path["account_id"]
        changed = await self.desk.do_to_keys(
            lambda tx: accounts.change(tx, who, account_id, changes, at=at)
        )
        return told(account_json(changed))

    async def close(self, call: Call) -> Reply:
        """Close an account."""
        body, who, at = await read(call, Force), operator_of(call), self.desk.now()
        account_id = call.path["account_id"]
        closed = await self.desk.do_to_keys(
            lambda tx: accounts.close(tx, who, account_id, at=at, force=body.force)
        )
        return told(account_json(closed))

    async def reopen(self, call: Call) -> Reply:
        """Open an account again."""
        await read(call, Nothing)
        who, at, account_id = operator_of(call), self.desk.now(), call.path["account_id"]
        opened = await self.desk.do_to_keys(lambda tx: accounts.reopen(tx, who, account_id, at=at))
        return told(account_json(opened))

    # -- keys --------------------------------------------------------------------------

    async def keys(self, call: Call) -> Reply:
        """List keys, the oldest first."""
        account_id = call.query().get("account_id") or None
        every: Sequence[Key] = await self.desk.ask(lambda tx: tx.keys())
        found = [key for key in every if account_id in {None, key.account_id}]
        page, has_more = cut(found[_after(call, [key.id for key in found]) :], call)
        at = self.desk.now()
        return told(as_list([key_json(one, at) for one in page], has_more=has_more))

    async def make_key(self, call: Call) -> Reply:
        """Make a key, and tell its secret."""
        body, who, at = await read(call, KeyWanted), operator_of(call), self.desk.now()
        wanted = Wanted(
            name=body.name,
            account_id=body.account_id,
            scopes=body.scopes,
            models=models_of(body.models),
            expires_at=instant_of(body.expires_at),
            networks=networks_of(body.networks),
            limits=limits_of(body.limits),
            is_test=body.test,
        )
        key, secret = await self.desk.do_to_keys(lambda tx: keys.create(tx, who, wanted, at=at))
        return told({**key_json(key, at), "secret": secret})

    async def key(self, call: Call) -> Reply:
        """Tell one key."""
        found = await self.desk.ask(lambda tx: keys.key_of(tx, call.path["key_id"]))
        return told(key_json(found, self.desk.now()))

    async def change_key(self, call: Call) -> Reply:
        """Change a key."""
        body, who, at = await read(call, KeyChanges), operator_of(call), self.desk.now()
        changes, key_id = body.told(), call.path["key_id"]
        changed = await self.desk.do_to_keys(
            lambda tx: keys.change(tx, who, key_id, changes, at=at, force=body.force)
        )
        return told(key_json(changed, at))

    async def rotate(self, call: Call) -> Reply:
        """Replace a key, and tell the new one's secret."""
        body, who, at = await read(call, Rotation), operator_of(call), self.desk.now()
        if not 0 <= body.overlap_s <= _OVERLAP_S_MAX:
            raise InvalidValue(
                f"'overlap_s' must be from 0 to {_OVERLAP_S_MAX}.", param="overlap_s"
            )
        overlap, ends, key_id = (
            timedelta(seconds=body.overlap_s),
            instant_of(body.expires_at),
            call.path["key_id"],
        )
        _, fresh, secret = await self.desk.do_to_keys(
            lambda tx: keys.rotate(tx, who, key_id, at=at, overlap=overlap, expires_at=ends),
            alone=True,
        )
        return told({**key_json(fresh, at), "secret": secret})

    async def revoke(self, call: Call) -> Reply:
        """Revoke a key; one that is revoked stays so."""
        body, who, at = await read(call, Force), operator_of(call), self.desk.now()
        key_id = call.path["key_id"]
        key, _ = await self.desk.do_to_keys(
            lambda tx: keys.revoke(tx, who, key_id, at=at, force=body.force)
        )
        return told(key_json(key, at))


def _after(call: Call, ids: Sequence[str]) -> int:
    """Return where a page begins: behind the id that the caller names."""
    last = call.query().get("after")
    if not last:
        return 0
    if last not in ids:
        raise InvalidValue(f"'after' must be an id of this list; got {last}.", param="after")
    return ids.index(last) + 1
