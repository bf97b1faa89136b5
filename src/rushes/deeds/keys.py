"""Keys: made, changed, replaced and revoked, each with its line in the audit log.

A secret is returned by the verb that makes it, and is in no row, no log and no other answer. An
operator who came with a key can make no wider one of its kind than it is itself, nor change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from rushes.deeds.accounts import (
    check_door_stays,
    check_limits,
    check_name,
    found,
    limits_told,
)
from rushes.deeds.log import Operator, write_down
from rushes.domain.access import (
    CALLERS,
    DEFAULT_ACCOUNT_ID,
    NO_LIMITS,
    Account,
    Key,
    Limits,
    Network,
    Period,
    Scope,
)
from rushes.domain.errors import CannotBeDone, InvalidValue, ObjectNotFound
from rushes.domain.ids import LIVE_KEY_PREFIX, digest_of, new_key_id, new_secret
from rushes.ports import SchemaBehind, Transaction

PREFIX_CHARACTERS: Final = len(LIVE_KEY_PREFIX) + 4
DEFAULT_NAME: Final = "default"
ENTRIES_MAX: Final = 100
"""How many models, or networks, a key may be bound to."""

OVERLAP: Final = timedelta(days=1)
OVERLAP_MAX: Final = timedelta(days=90)
RIGHTS: Final = ("scopes", "models", "expires_at", "networks", "limits")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key as an operator wants it; `models` and `networks` None are all of them."""

    name: str
    account_id: str = DEFAULT_ACCOUNT_ID
    scopes: frozenset[Scope] = CALLERS
    models: frozenset[str] | None = None
    expires_at: datetime | None = None
    networks: tuple[Network, ...] | None = None
    limits: Limits = NO_LIMITS
    is_test: bool = False


def create(tx: Transaction, operator: Operator, wanted: Wanted, *, at: datetime) -> tuple[Key, str]:
    """Make a key; return it and its secret, shown this once.

    Everything under a key that `is_test` is a rehearsal (CONTRACT §12).

    Raises:
        InvalidValue: with the name of what is wrong.
        ObjectNotFound: there is no such account.
        CannotBeDone: the account is closed, or the key would open more than the operator's own.
        SchemaBehind: the database needs `rushes migrate` first.
    """
    key, secret = _made(wanted, at)
    _check_no_wider(operator, key)
    _see_to_account(tx, key, at)
    _add(tx, key)
    note = "; ".join([key.name, *_bounds(key)])
    write_down(tx, operator, "keys create", key.id, note, at=at)
    return key, secret


def check(wanted: Wanted, at: datetime) -> None:
    """Make sure, before there are any books, that a key can be made so.

    Raises:
        InvalidValue: with the name of what is wrong.
    """
    _made(wanted, at)


def key_of(tx: Transaction, key_id: str) -> Key:
    """Return a key, a revoked one too.

    Raises:
        ObjectNotFound: there is none.
    """
    key = tx.key(key_id)
    if key is None:
        raise ObjectNotFound(f"There is no key {key_id}.", param="key_id")
    return key


def change(
    tx: Transaction,
    operator: Operator,
    key_id: str,
    changes: Mapping[str, Any],
    *,
    at: datetime,
    force: bool = False,
) -> Key:
    """Change the `name` of a key or its RIGHTS; `limits` are a mapping of some of them.

    Raises:
        ObjectNotFound, InvalidValue: there is no such key, or what is wrong.
        CannotBeDone: it is revoked, is the operator's own, would open more than that, or no
            operator's key would be left and nobody said `force`.
    """
    before = _living(tx, key_id)
    limits = check_limits(replace(before.limits, **changes.get("limits", {})))
    after = replace(before, **{**changes, "limits": limits})
    if after == before:
        return before
    touched = [name for name in RIGHTS if getattr(before, name) != getattr(after, name)]
    if touched and operator.key is not None and operator.key.id == key_id:
        raise CannotBeDone(f"A key cannot change its own {', '.join(touched)}: ask another one.")
    check_name(after.name)
    _check(after)
    if "expires_at" in touched:
        _check_end(after.expires_at, at)
    if Scope.ADMIN not in before.scopes or {"scopes", "expires_at", "networks"} & set(touched):
        _check_no_wider(operator, after)
    check_door_stays(tx, operator, {key_id: after}, at, force=force)
    _write(tx, before, after)
    told = [f"name: {after.name}"] if after.name != before.name else []
    told += [_told(name, getattr(after, name)) for name in touched]
    write_down(tx, operator, "keys change", key_id, "; ".join(told), at=at)
    return after


def revoke(
    tx: Transaction, operator: Operator, key_id: str, *, at: datetime, force: bool = False
) -> tuple[Key, bool]:
    """Revoke a key; return it, and whether that was news.

    Raises:
        ObjectNotFound: there is no such key.
        CannotBeDone: no operator's key would be left, and nobody said `force`.
    """
    before = key_of(tx, key_id)
    after = replace(before, revoked_at=at)
    if before.revoked_at is None:
        check_door_stays(tx, operator, {key_id: after}, at, force=force)
    if not tx.revoke_key(key_id, at):
        return key_of(tx, key_id), False
    write_down(tx, operator, "keys revoke", key_id, before.name, at=at)
    return after, True


def rotate(
    tx: Transaction,
    operator: Operator,
    key_id: str,
    *,
    at: datetime,
    overlap: timedelta = OVERLAP,
    expires_at: datetime | None = None,
) -> tuple[Key, Key, str]:
    """Replace a key by a new one with the same rights; both open the door for the `overlap`.

    The new one ends when the old one would have, unless `expires_at` says when. It has the old
    one's budgets; of one in all, what is left of it. Return the old key as it stands now, the new
    one, and its secret, shown this once. To be run alone: budgets wait for others.

    Raises:
        ObjectNotFound, InvalidValue: there is no such key, or what is wrong.
        CannotBeDone: it is revoked, expired or replaced, or the new one would open more than the
            operator's own.
    """
    before = _living(tx, key_id)
    if before.replaced_by is not None:
        raise CannotBeDone(f"{key_id} was replaced before, by {before.replaced_by}.")
    if not before.is_valid(at):
        raise CannotBeDone(f"{key_id} is not valid any more: make a new key.")
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise InvalidValue(
            f"'overlap_s' must be from 0 to {OVERLAP_MAX.total_seconds():.0f}.", param="overlap_s"
        )
    secret = new_secret(is_test=before.is_test)
    ends_at = expires_at or before.expires_at
    fresh = replace(before, **_birth(secret, at), expires_at=ends_at)
    _check_end(expires_at, at)
    _check_no_wider(operator, fresh)
    _add(tx, fresh)
    for purse in tx.purses((key_id,), at=at):
        is_total = purse.period is Period.TOTAL
        limit = max(0, purse.left_microusd) if is_total else purse.limit_microusd
        tx.set_purse(fresh.id, purse.period, limit, account_id=fresh.account_id, at=at)
    ends = [at + overlap, *([] if before.expires_at is None else [before.expires_at])]
    after = replace(before, expires_at=min(ends), replaced_by=fresh.id)
    _write(tx, before, after)
    until = f"replaced by {fresh.id}; both are valid until {min(ends):%Y-%m-%d %H:%M:%S}Z"
    write_down(tx, operator, "keys rotate", key_id, until, at=at)
    return after, fresh, secret


# -- as it is shown ----------------------------------------------------------------------------


def state_of(key: Key, at: datetime) -> str:
    """Say in a word how a key stands: valid, revoked, closed (its account is) or expired."""
    if key.revoked_at is not None:
        return "revoked"
    if key.is_closed:
        return "closed"
    return "valid" if key.is_valid(at) else "expired"


def key_json(key: Key, at: datetime) -> dict[str, object]:
    """Return a key without its secret, which nobody has."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "account_id": key.account_id,
        "state": state_of(key, at),
        "is_test": key.is_test,
        "scopes": sorted(key.scopes),
        "models": None if key.models is None else sorted(key.models),
        "networks": None if key.networks is None else [str(one) for one in key.networks],
        "limits": asdict(key.limits),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "replaced_by": key.replaced_by,
    }


# -- what may be -------------------------------------------------------------------------------


def _made(wanted: Wanted, at: datetime) -> tuple[Key, str]:
    """Return a key that is not written down yet, and its secret."""
    secret = new_secret(is_test=wanted.is_test)
    key = Key(
        **_birth(secret, at),
        account_id=wanted.account_id,
        name=check_name(wanted.name),
        scopes=wanted.scopes,
        models=wanted.models,
        expires_at=wanted.expires_at,
        networks=wanted.networks,
        limits=wanted.limits,
    )
    _check(key)
    _check_end(key.expires_at, at)
    return key, secret


def _birth(secret: str, at: datetime) -> dict[str, Any]:
    """Return what a key has by its secret and its birth, and no other key has."""
    return {
        "id": new_key_id(at),
        "digest": digest_of(secret.encode()),
        "prefix": secret[:PREFIX_CHARACTERS],
        "created_at": at,
    }


def _check_end(expires_at: datetime | None, at: datetime) -> None:
    if expires_at is not None and expires_at <= at:
        raise InvalidValue("'expires_at' must lie in the future.", param="expires_at")


def _check(key: Key) -> None:
    """Make sure that a key can be of use, and is no contradiction."""
    if not key.scopes:
        raise InvalidValue(f"'scopes' must name one of {', '.join(Scope)}.", param="scopes")
    if key.is_test and Scope.ADMIN in key.scopes:
        raise InvalidValue("A test key cannot have the scope admin.", param="scopes")
    for name, entries in (("models", key.models), ("networks", key.networks)):
        if entries is not None and not 1 <= len(entries) <= ENTRIES_MAX:
            raise InvalidValue(
                f"'{name}' must have 1 to {ENTRIES_MAX} entries, or be null for all.", param=name
            )
    check_limits(key.limits)


def _check_no_wider(operator: Operator, key: Key) -> None:
    """Make sure that nobody raises himself through another key of his kind."""
    own = operator.key
    if own is None or Scope.ADMIN not in key.scopes:
        return
    if own.expires_at is not None and (key.expires_at is None or key.expires_at > own.expires_at):
        raise CannotBeDone(
            f"An operator's key that {own.id} makes ends no later than itself: "
            f"{own.expires_at:%Y-%m-%d %H:%M:%S}Z.",
            param="expires_at",
        )
    if own.networks is not None and not _lie_within(key.networks, own.networks):
        places = ", ".join(str(one) for one in own.networks)
        raise CannotBeDone(
            f"An operator's key that {own.id} makes is valid from nowhere that it is not itself: "
            f"{places}.",
            param="networks",
        )


def _lie_within(inner: tuple[Network, ...] | None, outer: tuple[Network, ...]) -> bool:
    return inner is not None and all(
        any(one.version == other.version and one.subnet_of(other) for other in outer)  # type: ignore[arg-type]
        for one in inner
    )


def _living(tx: Transaction, key_id: str) -> Key:
    key = key_of(tx, key_id)
    if key.revoked_at is not None:
        raise CannotBeDone(f"{key_id} is revoked.")
    return key


# -- writing -----------------------------------------------------------------------------------


def _see_to_account(tx: Transaction, key: Key, at: datetime) -> None:
    """Make sure that a key has an account that is open; the first one is made with its key."""
    if key.account_id == DEFAULT_ACCOUNT_ID and tx.account(DEFAULT_ACCOUNT_ID) is None:
        tx.see_to_account(Account(DEFAULT_ACCOUNT_ID, DEFAULT_NAME, at))
        return
    if found(tx, key.account_id).closed_at is not None:
        raise CannotBeDone(f"{key.account_id} is closed: reopen it first.", param="account_id")


def _add(tx: Transaction, key: Key) -> None:
    tx.add_key(key)
    if Scope.ADMIN in key.scopes and Scope.ADMIN not in key_of(tx, key.id).scopes:
        raise SchemaBehind(
            "The database knows no operators' keys yet, so nothing was done: run `rushes migrate` "
            "first."
        )


def _write(tx: Transaction, before: Key, after: Key) -> None:
    if not tx.change_key(before, after):
        raise CannotBeDone(f"{before.id} was changed at this moment; look again.")


def _bounds(key: Key) -> list[str]:
    """Say for the log what a new key may that others may not, and what it may not."""
    usual: Mapping[str, object] = {"scopes": CALLERS, "limits": NO_LIMITS}
    return [
        _told(name, getattr(key, name)) for name in RIGHTS if getattr(key, name) != usual.get(name)
    ]


def _told(name: str, value: Any) -> str:  # noqa: ANN401 -- a right of a key
    if isinstance(value, Limits):
        return limits_told(value)
    if value is None:
        return f"{name}: never" if name == "expires_at" else f"{name}: all"
    if isinstance(value, datetime):
        return f"{name}: {value:%Y-%m-%d %H:%M:%S}Z"
    entries = value if isinstance(value, tuple) else sorted(value)
    return f"{name}: {', '.join(str(one) for one in entries)}"
