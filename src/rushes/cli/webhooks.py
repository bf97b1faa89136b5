"""Webhooks beside a running server: addresses, the secret, what was delivered and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.deeds import typist
from rushes.cli.paper import Column, ago, answers, lasting, plain, say, show_json, table, talk
from rushes.cli.plainly import FAILED, Refused
from rushes.clock import SystemClock
from rushes.deeds import posts as deeds
from rushes.deeds.log import write_down
from rushes.deeds.posts import post_json, with_attempts
from rushes.deeds.showing import shown_text
from rushes.domain.access import DEFAULT_ACCOUNT_ID
from rushes.domain.errors import CannotBeDone, ObjectNotFound, UrlNotAllowed
from rushes.domain.ids import new_endpoint_id
from rushes.domain.webhooks import (
    Delivery,
    Endpoint,
    Post,
    PostState,
    WebhookSecret,
    new_secret,
    place_of,
)
from rushes.folder import Database
from rushes.ports import Transaction
from rushes.settings import Settings, load
from rushes.terms import poster_of

COLOURS: Final = {
    PostState.WAITING: "yellow",
    PostState.DELIVERED: "green",
    PostState.DEAD: "red",
}


# -- addresses ---------------------------------------------------------------------------------


def add_endpoint(url: str, account_id: str | None, *, as_json: bool) -> None:
    """Have an account's events posted to an address.

    Raises:
        Refused: the address is not allowed, is there already, or there is no such account.
        SettingsRefused, Unready: why there is no store.
    """
    settings, clock = load(), SystemClock()
    _check(url, settings)
    at = clock.now()
    with books(settings, clock) as store:
        account = _account(store, account_id)
        endpoint = Endpoint(new_endpoint_id(at), account, url, at)

        def act(tx: Transaction) -> bool:
            if any(place_of(one.url) == place_of(url) for one in tx.endpoints(account)):
                return False
            tx.add_endpoint(endpoint)
            write_down(tx, typist(), "webhooks endpoints add", endpoint.id, url, at=at)
            return True

        if not store.write_now(act):
            raise Refused("The account has this address already.", FAILED)
    if as_json:
        show_json(_endpoint_json(endpoint))
        return
    say(answers(), f"{endpoint.id} hears of every video of {account} that ends from now on.")
    say(talk(), "What receivers verify with: rushes webhooks secret")


def show_endpoints(*, as_json: bool) -> None:
    """List the addresses of all accounts, and how each fares.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: tx.endpoints())
    if as_json:
        show_json([_endpoint_json(one) for one in found])
        return
    if not found:
        say(talk(), "No endpoints yet. Add one: rushes webhooks endpoints add URL")
        return
    columns = [
        Column("ID"),
        Column("STATE", rank=1),
        Column("ADDED", rank=4, is_right=True),
        Column("ACCOUNT", rank=3),
        Column("URL", rank=2, is_cut=True),
    ]
    now = clock.now()
    rows: list[list[str | Text]] = [
        [one.id, _fares(one, now), ago(one.created_at, now), one.account_id, shown_text(one.url)]
        for one in found
    ]
    table(answers(), columns, rows)


def remove_endpoint(endpoint_id: str, *, as_json: bool) -> None:
    """Remove an address; what still waits for it ends.

    Raises:
        Refused: there is no such address.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()

    def act(tx: Transaction) -> bool:
        endpoint = tx.endpoint(endpoint_id)
        if endpoint is None or not tx.remove_endpoint(endpoint_id):
            return False
        write_down(
            tx, typist(), "webhooks endpoints remove", endpoint_id, endpoint.url, at=clock.now()
        )
        return True

    with books(load(), clock) as store:
        if not store.write_now(act):
            raise _no_endpoint(endpoint_id)
    if as_json:
        show_json({"id": endpoint_id, "removed": True})
    else:
        say(answers(), f"{endpoint_id} is removed, and nothing more is posted there.")


def enable_endpoint(endpoint_id: str, *, as_json: bool) -> None:
    """Post to an address again that was disabled.

    Raises:
        Refused: there is no such address.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()

    def act(tx: Transaction) -> Endpoint | None:
        before = tx.endpoint(endpoint_id)
        if before is None:
            return None
        after = replace(before, failing_since=None, disabled_at=None, note="")
        if not tx.change_endpoint(before, after):
            return tx.endpoint(endpoint_id)
        write_down(
            tx, typist(), "webhooks endpoints enable", endpoint_id, before.note, at=clock.now()
        )
        return after

    with books(load(), clock) as store:
        endpoint = store.write_now(act)
    if endpoint is None:
        raise _no_endpoint(endpoint_id)
    if as_json:
        show_json(_endpoint_json(endpoint))
        return
    say(answers(), f"{endpoint_id} is enabled, and hears of what ends from now on.")
    say(talk(), "What it missed can be sent again: rushes webhooks list --dead")


# -- the secret --------------------------------------------------------------------------------


def show_secret(account_id: str | None, *, rotates: bool, as_json: bool) -> None:
    """Show what an account's webhooks are signed with; make it new where that is asked.

    Raises:
        Refused: there is no such account, or somebody else rotated at the same moment.
        SettingsRefused, Unready: why there is no store.
    """
    settings, clock = load(), SystemClock()
    at = clock.now()
    ttl = timedelta(seconds=settings.webhooks.previous_ttl_s)
    with books(settings, clock) as store:
        account = _account(store, account_id)
        fresh = WebhookSecret(account, new_secret(), at)

        def act(tx: Transaction) -> WebhookSecret | None:
            standing = tx.keep_webhook_secret(fresh)
            if not rotates or standing is fresh:
                return standing
            after = standing.rotated(at, previous_for=ttl)
            if not tx.change_webhook_secret(standing, after):
                return None
            until = f"the one before signs, too, until {after.previous_until:%Y-%m-%d %H:%M}Z"
            write_down(tx, typist(), "webhooks secret rotate", account, until, at=at)
            return after

        found = store.write_now(act)
    if found is None:
        raise Refused("Somebody else rotated this secret at the same moment.", FAILED)
    previous = found.previous_at(at)
    if as_json:
        until = found.previous_until if previous else None
        show_json({"secret": found.secret, "previous": previous, "previous_until": until})
        return
    if previous is not None and found.previous_until is not None:
        left = lasting(found.previous_until - at)
        say(talk(), f"For {left} every delivery is signed with the secret before, too.")
    answers().print(found.secret, style="bold", soft_wrap=True)


# -- posts -------------------------------------------------------------------------------------


def show_posts(limit: int, *, only_dead: bool, as_json: bool) -> None:
    """List what was delivered, what waits, and what was given up.

    Raises:
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    state = PostState.DEAD if only_dead else None
    with books(load(), clock) as store:
        found = store.read_now(lambda tx: with_attempts(tx, tx.posts(limit, state=state)))
    if as_json:
        show_json([post_json(post, attempts) for post, attempts in found])
        return
    if not found:
        words = "given up" if only_dead else "posted yet"
        say(talk(), f"Nothing was {words}.")
        return
    columns = [
        Column("EVENT"),
        Column("STATE", rank=1),
        Column("TRIES", rank=4, is_right=True),
        Column("NEXT", rank=3, is_right=True),
        Column("LAST ANSWER", rank=2, is_cut=True),
        Column("URL", rank=5, is_cut=True),
    ]
    now = clock.now()
    table(answers(), columns, [_post_row(post, attempts, now) for post, attempts in found])
    if any(post.state is PostState.DEAD for post, _ in found):
        say(talk(), "To send one again: rushes webhooks redeliver EVENT [URL]")


def redeliver(event_id: str, url: str | None, *, as_json: bool) -> None:
    """Have an event posted again, to all its addresses or to one.

    Raises:
        Refused: there is no such post, or its endpoint is disabled.
        SettingsRefused, Unready: why there is no store.
    """
    clock = SystemClock()
    at = clock.now()
    with books(load(), clock) as store:
        try:
            begun = store.write_now(lambda tx: deeds.redeliver(tx, typist(), event_id, url, at=at))
        except ObjectNotFound as unknown:
            hint = "`rushes webhooks list` shows events and URLs."
            raise Refused(str(unknown), FAILED, hint) from None
        except CannotBeDone as why:
            hint = "First: rushes webhooks endpoints enable ID; `endpoints list` shows which."
            raise Refused(str(why), FAILED, hint) from None
    if as_json:
        show_json([post_json(post, ()) for post in begun])
        return
    for post in begun:
        say(answers(), f"{post.event_id} goes to {shown_text(post.url)} again.")


# -- words -------------------------------------------------------------------------------------


def _check(url: str, settings: Settings) -> None:
    try:
        poster_of(settings).check(url, param="URL")
    except UrlNotAllowed as refused:
        hint = "[webhooks] allow_http and allow_networks in rushes.toml allow more."
        raise Refused(str(refused), hint=hint) from None


def _account(store: Database, account_id: str | None) -> str:
    """Return the account that is meant; who has no key is nobody.

    Raises:
        Refused: there is no such account.
    """
    if account_id is None:
        return DEFAULT_ACCOUNT_ID
    if (
        account_id != DEFAULT_ACCOUNT_ID
        and store.read_now(lambda tx: tx.account(account_id)) is None
    ):
        hint = "`rushes accounts list` shows all ids."
        raise Refused(f"There is no account {plain(account_id)}.", FAILED, hint)
    return account_id


def _no_endpoint(endpoint_id: str) -> Refused:
    return Refused(
        f"There is no endpoint {plain(endpoint_id)}.",
        FAILED,
        "`rushes webhooks endpoints list` shows all ids.",
    )


def _fares(endpoint: Endpoint, now: datetime) -> Text:
    if endpoint.disabled_at is not None:
        return Text(f"disabled {ago(endpoint.disabled_at, now)}", "red")
    if endpoint.failing_since is not None:
        return Text(f"failing since {ago(endpoint.failing_since, now)}", "yellow")
    return Text("well", "green")


def _endpoint_json(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "account_id": endpoint.account_id,
        "url": shown_text(endpoint.url),
        "created_at": endpoint.created_at,
        "failing_since": endpoint.failing_since,
        "disabled_at": endpoint.disabled_at,
        "note": endpoint.note,
    }


def _post_row(post: Post, attempts: Sequence[Delivery], now: datetime) -> list[str | Text]:
    due = post.due_at
    next_try = "" if due is None else "now" if due <= now else f"in {lasting(due - now)}"
    return [
        post.event_id,
        Text(post.state, COLOURS[post.state]),
        str(len(attempts)),
        next_try,
        shown_text(post.note),
        shown_text(post.url),
    ]
