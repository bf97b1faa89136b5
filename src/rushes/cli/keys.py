"""Keys: made, changed, replaced and revoked in the data folder, beside a running server too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import instant_of, typist
from rushes.cli.filming import TEST_KEY
from rushes.cli.operating import DURATION, done, duration_of, limits_shown, refusing
from rushes.cli.paper import (
    Column,
    ago,
    answers,
    facts,
    lasting,
    moment,
    plain,
    say,
    show_json,
    table,
    talk,
)
from rushes.cli.plainly import Refused
from rushes.clock import SystemClock
from rushes.deeds import keys as deeds
from rushes.deeds.keys import Wanted, key_json, state_of
from rushes.domain.access import CALLERS, DEFAULT_ACCOUNT_ID, Key, Limits, Network, Scope
from rushes.settings import load

COLOURS: Final = {"valid": "green", "expired": "yellow", "closed": "red", "revoked": "red"}
WHICH: Final = "`rushes keys list` shows all ids."
ALL: Final = "all"
NEVER: Final = "never"


@dataclass(frozen=True, slots=True)
class Typed:
    """The rights of a key as they were typed; what was left out is None."""

    scopes: Sequence[str] | None = None
    is_admin: bool = False
    models: Sequence[str] | None = None
    expires: str | None = None
    networks: Sequence[str] | None = None
    limits: Mapping[str, int | None] | None = None

    def rights(self, now: datetime) -> dict[str, Any]:
        """Return what was typed, by its name in a key; nothing for what was left out.

        Raises:
            Refused: a word that cannot be meant.
        """
        told: dict[str, Any] = {}
        scopes = [*(self.scopes or ()), *(["admin"] if self.is_admin else [])]
        if scopes:
            told["scopes"] = frozenset(_scope(word) for word in scopes)
        if self.models:
            told["models"] = None if list(self.models) == [ALL] else frozenset(self.models)
        if self.expires is not None:
            told["expires_at"] = None if self.expires == NEVER else _end(self.expires, now)
        if self.networks:
            is_all = list(self.networks) == [ALL]
            told["networks"] = None if is_all else tuple(_network(one) for one in self.networks)
        if self.limits:
            told["limits"] = dict(self.limits)
        return told


def create(
    name: str, account_id: str | None, typed: Typed, *, is_test: bool, as_json: bool
) -> None:
    """Make a key, and show its secret this once.

    Raises:
        Refused: what was typed makes no key.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    at = clock.now()
    rights = typed.rights(at)
    limits = Limits(**rights.pop("limits", {}))
    account = account_id or DEFAULT_ACCOUNT_ID
    wanted = Wanted(name, account, limits=limits, is_test=is_test, **rights)
    refusing(lambda: deeds.check(wanted, at), WHICH)
    with books(load(), clock, may_make=True) as store:
        key, secret = done(store, lambda tx: deeds.create(tx, typist(), wanted, at=at), WHICH)
    if as_json:
        show_json({**key_json(key, at), "secret": secret})
        return
    say(talk(), f"{key.id} ({plain(name)}). The secret is shown this once, and kept nowhere:")
    answers().print(secret, style="bold", soft_wrap=True)
    if is_test:
        say(talk(), TEST_KEY)
    if Scope.ADMIN in key.scopes:
        more = "" if key.scopes & CALLERS else ", and makes no films"
        say(talk(), f"It is an operator's: it opens /admin/v1{more}.")


def show_all(account_id: str | None, *, as_json: bool) -> None:
    """List all keys, or those of an account, by birth.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        known = store.read_now(lambda tx: tx.keys())
    now = clock.now()
    keys = [key for key in known if account_id in {None, key.account_id}]
    if as_json:
        show_json([key_json(key, now) for key in keys])
        return
    if not keys:
        say(talk(), "No keys yet. Make one: rushes keys create NAME")
        return
    columns = [
        Column("ID"),
        Column("KEY", rank=1),
        Column("STATE", rank=2),
        Column("SCOPES", rank=5),
        Column("MADE", rank=4, is_right=True),
        Column("NAME", rank=3, is_cut=True),
    ]
    rows: list[list[str | Text]] = [
        [
            key.id,
            f"{key.prefix}…",
            _state(key, now),
            " ".join(sorted(key.scopes)),
            ago(key.created_at, now),
            plain(key.name),
        ]
        for key in keys
    ]
    table(answers(), columns, rows)


def show(key_id: str, *, as_json: bool) -> None:
    """Tell what a key may, and how it stands.

    Raises:
        Refused: there is no such key.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        key = done(store, lambda tx: deeds.key_of(tx, key_id), WHICH)
    _tell(key, clock.now(), as_json=as_json)


def change(key_id: str, name: str | None, typed: Typed, *, as_json: bool) -> None:
    """Change what a key may; what was not typed stays.

    Raises:
        Refused: there is no such key, it is revoked, or nothing was typed.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    at = clock.now()
    changes = typed.rights(at) | ({} if name is None else {"name": name})
    if not changes:
        raise Refused("Nothing to change was typed.", hint="rushes keys change --help")
    with books(load(), clock) as store:
        key = done(store, lambda tx: deeds.change(tx, typist(), key_id, changes, at=at), WHICH)
    _tell(key, at, as_json=as_json)
    if not as_json:
        say(talk(), "Servers follow within 2 s.")


def rotate(key_id: str, overlap: str | None, expires: str | None, *, as_json: bool) -> None:
    """Replace a key, and show the new one's secret this once.

    Raises:
        Refused: there is no such key, or it is not valid any more.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    at = clock.now()
    both_for = deeds.OVERLAP if overlap is None else duration_of(overlap)
    ends = None if expires is None else _end(expires, at)
    with books(load(), clock) as store:
        old, fresh, secret = done(
            store,
            lambda tx: deeds.rotate(tx, typist(), key_id, at=at, overlap=both_for, expires_at=ends),
            WHICH,
        )
    if as_json:
        show_json({**key_json(fresh, at), "secret": secret, "replaces": key_json(old, at)})
        return
    until = old.expires_at or at
    left = f"is valid for {lasting(until - at)} more" if until > at else "is dead within 2 s"
    say(talk(), f"{old.id} ({plain(old.name)}) {left}.")
    say(talk(), f"{fresh.id} replaces it. The secret is shown this once, and kept nowhere:")
    answers().print(secret, style="bold", soft_wrap=True)


def revoke(key_id: str, *, as_json: bool) -> None:
    """Revoke a key; one that is revoked already stays so.

    Raises:
        Refused: there is no such key.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    at = clock.now()
    with books(load(), clock) as store:
        key, is_news = done(store, lambda tx: deeds.revoke(tx, typist(), key_id, at=at), WHICH)
    if as_json:
        show_json(key_json(key, at))
    elif is_news:
        say(answers(), f"{key.id} ({plain(key.name)}) is revoked; servers follow within 2 s.")
    else:
        say(answers(), f"{key.id} ({plain(key.name)}) was revoked before.")


# -- words -------------------------------------------------------------------------------------


def _tell(key: Key, now: datetime, *, as_json: bool) -> None:
    if as_json:
        show_json(key_json(key, now))
        return
    console = answers()
    say(console, (key.id, "bold"), f" {plain(key.name)}")
    networks = "everywhere" if key.networks is None else ", ".join(str(one) for one in key.networks)
    models = "all" if key.models is None else ", ".join(sorted(plain(one) for one in key.models))
    told: list[tuple[str, str | Text]] = [
        ("state", _state(key, now)),
        ("key", f"{key.prefix}…{' (test)' if key.is_test else ''}"),
        ("account", key.account_id),
        ("scopes", ", ".join(sorted(key.scopes))),
        ("models", models),
        ("valid from", networks),
        ("limits", limits_shown(key.limits)),
        ("made", moment(key.created_at)),
        ("expires", "never" if key.expires_at is None else moment(key.expires_at)),
    ]
    if key.account_limits != Limits():
        told.append(("account's limits", limits_shown(key.account_limits)))
    if key.replaced_by is not None:
        told.append(("replaced by", key.replaced_by))
    facts(console, told, indent=2)


def _state(key: Key, now: datetime) -> Text:
    state = state_of(key, now)
    since = "" if key.revoked_at is None else f" {ago(key.revoked_at, now)}"
    return Text(f"{state}{since}", COLOURS[state])


def _scope(word: str) -> Scope:
    try:
        return Scope(word)
    except ValueError:
        raise Refused(f"{plain(word)} is no scope; scopes are {', '.join(Scope)}.") from None


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        hint = "Write 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32."
        raise Refused(f"{plain(text)} is no network: {error}.", hint=hint) from None


def _end(text: str, now: datetime) -> datetime:
    """Read when a key ends: a duration from now, or a date."""
    return now + duration_of(text) if DURATION.fullmatch(text) else instant_of(text)
