"""Keys: made, listed and revoked in the data folder, beside a running server too."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import actor, write_down
from rushes.cli.filming import TEST_KEY
from rushes.cli.paper import Column, ago, answers, plain, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.domain.access import Key
from rushes.folder import make_key
from rushes.ports import Transaction
from rushes.settings import load

NAME_CHARACTERS_MAX: Final = 200


def create(name: str, *, is_test: bool, as_json: bool) -> None:
    """Make a key, and show its secret this once.

    Raises:
        Refused: the name is none.
        SettingsRefused, Unready: why there is no store.
    """
    if not name.strip() or len(name) > NAME_CHARACTERS_MAX:
        raise Refused(f"The name of a key has 1 to {NAME_CHARACTERS_MAX} characters.")
    clock = SystemClock()
    with books(load(), clock, may_make=True) as store:
        key, secret = make_key(store, name, clock, by=actor(), is_test=is_test)
    if as_json:
        show_json({**key_json(key), "secret": secret})
        return
    say(talk(), f"{key.id} ({plain(name)}). The secret is shown this once, and kept nowhere:")
    answers().print(secret, style="bold", soft_wrap=True)
    if is_test:
        say(talk(), TEST_KEY)


def show(*, as_json: bool) -> None:
    """List all keys, by birth.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        keys = store.read_now(lambda tx: tx.keys())
    if as_json:
        show_json([key_json(key) for key in keys])
        return
    if not keys:
        say(talk(), "No keys yet. Make one: rushes keys create NAME")
        return
    columns = [
        Column("ID"),
        Column("KEY", rank=1),
        Column("STATE", rank=2),
        Column("MADE", rank=4, is_right=True),
        Column("NAME", rank=3, is_cut=True),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [key.id, f"{key.prefix}…", _state(key, now), ago(key.created_at, now), plain(key.name)]
        for key in keys
    ]
    table(answers(), columns, rows)


def revoke(key_id: str, *, as_json: bool) -> None:
    """Revoke a key; one that is revoked already stays so.

    Raises:
        Refused: there is no such key.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        is_news = store.write_now(partial(_revoke, key_id=key_id, at=clock.now()))
        keys = store.read_now(lambda tx: tx.keys())
    key = next((key for key in keys if key.id == key_id), None)
    if key is None:
        raise Refused(
            f"There is no key {plain(key_id)}.", FAILED, "`rushes keys list` shows all ids."
        )
    if as_json:
        show_json(key_json(key))
    elif is_news:
        say(answers(), f"{key.id} ({plain(key.name)}) is revoked; servers follow within 2 s.")
    else:
        say(answers(), f"{key.id} ({plain(key.name)}) was revoked before.")


def _revoke(tx: Transaction, *, key_id: str, at: datetime) -> bool:
    is_news = tx.revoke_key(key_id, at)
    if is_news:
        known = tx.keys()
        name = next(key.name for key in known if key.id == key_id)
        write_down(tx, "keys revoke", key_id, name, at=at)
    return is_news


def _state(key: Key, now: datetime) -> Text:
    if key.revoked_at is not None:
        return Text(f"revoked {ago(key.revoked_at, now)}", "red")
    return Text("valid", "green") if key.is_valid(now) else Text("expired", "yellow")


def key_json(key: Key) -> dict[str, object]:
    """Return a key without its secret, which nobody has."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "account_id": key.account_id,
        "scopes": sorted(key.scopes),
        "models": None if key.models is None else sorted(key.models),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
