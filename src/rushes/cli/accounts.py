"""Accounts: made, bounded, closed and opened again, beside a running server too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.operating import done, limits_shown
from rushes.cli.paper import Column, ago, answers, facts, moment, plain, say, show_json, table, talk
from rushes.cli.plainly import Refused
from rushes.clock import SystemClock
from rushes.deeds import accounts as deeds
from rushes.deeds.accounts import account_json
from rushes.domain.access import Account, Key, Limits
from rushes.settings import load

WHICH = "`rushes accounts list` shows all ids."


def create(name: str, limits: Mapping[str, int | None], *, as_json: bool) -> None:
    """Make an account.

    Raises:
        Refused: the name or a limit is none.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    bounds = Limits(**limits)
    with books(load(), clock) as store:
        account = done(
            store, lambda tx: deeds.create(tx, typist(), name, bounds, at=clock.now()), WHICH
        )
    if as_json:
        show_json(account_json(account))
        return
    say(answers(), account.id)
    say(talk(), f"{plain(name)} has no key yet: rushes keys create NAME --account {account.id}")


def show_all(*, as_json: bool) -> None:
    """List all accounts, by birth.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        accounts, keys = store.read_now(lambda tx: (tx.accounts(), tx.keys()))
    now = clock.now()
    if as_json:
        show_json([_with_keys(account, keys, now) for account in accounts])
        return
    if not accounts:
        say(talk(), "No accounts yet: the first is made with the first key.")
        return
    columns = [
        Column("ID"),
        Column("STATE", rank=1),
        Column("KEYS", rank=3, is_right=True),
        Column("MADE", rank=4, is_right=True),
        Column("LIMITS", rank=5, is_cut=True),
        Column("NAME", rank=2, is_cut=True),
    ]
    rows: list[list[str | Text]] = [
        [
            account.id,
            _state(account, now),
            str(_valid(account, keys, now)),
            ago(account.created_at, now),
            limits_shown(account.limits),
            plain(account.name),
        ]
        for account in accounts
    ]
    table(answers(), columns, rows)


def show(account_id: str, *, as_json: bool) -> None:
    """Tell what an account has.

    Raises:
        Refused: there is no such account.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        account = done(store, lambda tx: deeds.found(tx, account_id), WHICH)
        keys = store.read_now(lambda tx: tx.keys())
    _tell(account, keys, clock.now(), as_json=as_json)


def limit(
    account_id: str, name: str | None, limits: Mapping[str, int | None], *, as_json: bool
) -> None:
    """Change an account's limits, or its name; what was not typed stays.

    Raises:
        Refused: there is no such account, or nothing was typed.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    changes = ({"limits": limits} if limits else {}) | ({} if name is None else {"name": name})
    if not changes:
        raise Refused("Nothing to change was typed.", hint="rushes accounts limits --help")
    at = clock.now()
    with books(load(), clock) as store:
        account = done(
            store, lambda tx: deeds.change(tx, typist(), account_id, changes, at=at), WHICH
        )
        keys = store.read_now(lambda tx: tx.keys())
    _tell(account, keys, at, as_json=as_json)


def close(account_id: str, *, as_json: bool) -> None:
    """Have none of an account's keys open the door any more.

    Raises:
        Refused: there is no such account.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        account = done(
            store, lambda tx: deeds.close(tx, typist(), account_id, at=clock.now()), WHICH
        )
    if as_json:
        show_json(account_json(account))
        return
    say(answers(), f"{account.id} ({plain(account.name)}) is closed; servers follow within 2 s.")
    say(
        talk(), f"What it has under way goes on. Open it again: rushes accounts reopen {account.id}"
    )


def reopen(account_id: str, *, as_json: bool) -> None:
    """Let the keys of a closed account open the door again.

    Raises:
        Refused: there is no such account.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        account = done(
            store, lambda tx: deeds.reopen(tx, typist(), account_id, at=clock.now()), WHICH
        )
    if as_json:
        show_json(account_json(account))
    else:
        say(answers(), f"{account.id} ({plain(account.name)}) is open; servers follow within 2 s.")


# -- words -------------------------------------------------------------------------------------


def _tell(account: Account, keys: Sequence[Key], now: datetime, *, as_json: bool) -> None:
    if as_json:
        show_json(_with_keys(account, keys, now))
        return
    console = answers()
    say(console, (account.id, "bold"), f" {plain(account.name)}")
    told: list[tuple[str, str | Text]] = [
        ("state", _state(account, now)),
        ("limits", limits_shown(account.limits)),
        ("made", moment(account.created_at)),
        ("keys", f"{_valid(account, keys, now)} valid: rushes keys list --account {account.id}"),
    ]
    facts(console, told, indent=2)


def _with_keys(account: Account, keys: Sequence[Key], now: datetime) -> dict[str, object]:
    return {**account_json(account), "valid_keys": _valid(account, keys, now)}


def _valid(account: Account, keys: Sequence[Key], now: datetime) -> int:
    return sum(key.account_id == account.id and key.is_valid(now) for key in keys)


def _state(account: Account, now: datetime) -> Text:
    if account.closed_at is None:
        return Text("open", "green")
    return Text(f"closed {ago(account.closed_at, now)}", "red")
