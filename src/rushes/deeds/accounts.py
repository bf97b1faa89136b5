"""Accounts: made, bounded, closed and opened again, each with its line in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, Final

from rushes.deeds.log import Operator, write_down
from rushes.domain.access import NO_LIMITS, Account, Key, Limits, Scope
from rushes.domain.errors import CannotBeDone, InvalidValue, ObjectNotFound
from rushes.domain.ids import new_account_id
from rushes.ports import Transaction

NAME_CHARACTERS_MAX: Final = 200
LIMIT_MAX: Final = 2**31 - 1
LIMITS: Final = tuple(field.name for field in fields(Limits))


def create(
    tx: Transaction, operator: Operator, name: str, limits: Limits = NO_LIMITS, *, at: datetime
) -> Account:
    """Make an account; it has no key yet.

    Raises:
        InvalidValue: the name is none, or a limit is out of bounds.
    """
    account = Account(new_account_id(at), check_name(name), at, check_limits(limits))
    tx.add_account(account)
    note = name if limits == NO_LIMITS else f"{name}; {limits_told(limits)}"
    write_down(tx, operator, "accounts create", account.id, note, at=at)
    return account


def found(tx: Transaction, account_id: str) -> Account:
    """Return an account.

    Raises:
        ObjectNotFound: there is none.
    """
    account = tx.account(account_id)
    if account is None:
        raise ObjectNotFound(f"There is no account {account_id}.", param="account_id")
    return account


def change(
    tx: Transaction,
    operator: Operator,
    account_id: str,
    changes: Mapping[str, Any],
    *,
    at: datetime,
) -> Account:
    """Change the `name` of an account, or some of its `limits`, which are a mapping.

    Raises:
        ObjectNotFound: there is no such account.
        InvalidValue: the name is none, or a limit is out of bounds.
        CannotBeDone: it was changed at the same moment.
    """
    before = found(tx, account_id)
    limits = check_limits(replace(before.limits, **changes.get("limits", {})))
    after = replace(before, name=check_name(changes.get("name", before.name)), limits=limits)
    if after == before:
        return before
    _write(tx, before, after)
    told = [f"name: {after.name}"] if after.name != before.name else []
    told += [limits_told(limits)] if limits != before.limits else []
    write_down(tx, operator, "accounts change", account_id, "; ".join(told), at=at)
    return after


def close(
    tx: Transaction, operator: Operator, account_id: str, *, at: datetime, force: bool = False
) -> Account:
    """Have none of an account's keys open the door any more; what it has under way goes on.

    Raises:
        ObjectNotFound: there is no such account.
        CannotBeDone: no operator's key would be left, and nobody said `force`.
    """
    before = found(tx, account_id)
    if before.closed_at is not None:
        return before
    known = tx.keys()
    own = {key.id: replace(key, is_closed=True) for key in known if _is_of(key, before)}
    check_door_stays(tx, operator, own, at, force=force)
    after = replace(before, closed_at=at)
    _write(tx, before, after)
    write_down(tx, operator, "accounts close", account_id, f"{before.name}; {len(own)} keys", at=at)
    return after


def reopen(tx: Transaction, operator: Operator, account_id: str, *, at: datetime) -> Account:
    """Let the keys of a closed account open the door again, those that are valid.

    Raises:
        ObjectNotFound: there is no such account.
        CannotBeDone: it was changed at the same moment.
    """
    before = found(tx, account_id)
    if before.closed_at is None:
        return before
    after = replace(before, closed_at=None)
    _write(tx, before, after)
    write_down(tx, operator, "accounts reopen", account_id, before.name, at=at)
    return after


# -- what keys share with accounts -------------------------------------------------------------


def check_name(name: str) -> str:
    """Return a name that can be one.

    Raises:
        InvalidValue: it is blank, or too long.
    """
    if not name.strip() or len(name) > NAME_CHARACTERS_MAX:
        raise InvalidValue(f"'name' must have 1 to {NAME_CHARACTERS_MAX} characters.", param="name")
    return name


def check_limits(limits: Limits) -> Limits:
    """Return limits that can be kept.

    Raises:
        InvalidValue: one is below 0, or too large.
    """
    for name, value in asdict(limits).items():
        if value is not None and not 0 <= value <= LIMIT_MAX:
            raise InvalidValue(
                f"'{name}' must be from 0 to {LIMIT_MAX}, or null for no limit; got {value}.",
                param=f"limits.{name}",
            )
    return limits


def check_door_stays(
    tx: Transaction,
    operator: Operator,
    changed: Mapping[str, Key],
    at: datetime,
    *,
    force: bool,
) -> None:
    """Make sure that some operator's key is left when these keys are as they are in `changed`.

    Whoever types beside the database can always make another, and is not asked.

    Raises:
        CannotBeDone: none would be, and nobody said `force`.
    """
    if operator.key is None or force:
        return
    known = tx.keys()
    if any(_opens_for_operators(changed.get(key.id, key), at) for key in known):
        return
    raise CannotBeDone(
        "No operator's key would be valid after this, and only the command line could make one. "
        'Make another first, or say "force": true.'
    )


def limits_told(limits: Limits) -> str:
    """Say limits for the log.

    >>> limits_told(Limits(requests_per_s=5))
    'requests_per_s 5, no other limit'
    """
    bounds = [f"{name} {value}" for name, value in asdict(limits).items() if value is not None]
    if not bounds:
        return "no limits"
    rest = ", no other limit" if len(bounds) < len(LIMITS) else ""
    return f"{', '.join(bounds)}{rest}"


def account_json(account: Account) -> dict[str, object]:
    """Return an account."""
    return {
        "id": account.id,
        "name": account.name,
        "limits": asdict(account.limits),
        "created_at": account.created_at,
        "closed_at": account.closed_at,
    }


def _opens_for_operators(key: Key, at: datetime) -> bool:
    return Scope.ADMIN in key.scopes and not key.is_test and key.is_valid(at)


def _is_of(key: Key, account: Account) -> bool:
    return key.account_id == account.id


def _write(tx: Transaction, before: Account, after: Account) -> None:
    if not tx.change_account(before, after):
        raise CannotBeDone(f"{before.id} was changed at this moment; look again.")
