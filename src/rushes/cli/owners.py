"""The verbs about who owns what: accounts, keys and tasks. They need `rushes[server]`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from rushes.cli.operators import Asks, TaskId, Yes

KeyId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The id of a key: key_…")]
AccountId: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="The id of an account: acct_…")
]
OfAccount: TypeAlias = Annotated[
    str | None, typer.Option("--account", metavar="ID", help="Only those of this account.")
]
Scopes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="generate|read|admin",
        help="What it is for; may be repeated (else: generate and read).",
        show_default=False,
    ),
]
Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Only this model; may be repeated; or: all."),
]
Expires: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="When it ends: 90d, a date or instant (UTC), or: never."),
]
Networks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--network", metavar="CIDR", help="Valid from there only; may be repeated; or: all."
    ),
]
RequestsPerS: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N|none", help="How many requests a second.")
]
SubmitsPerMinute: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N|none", help="How many new tasks a minute.")
]
InFlight: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N|none", help="How many unfinished tasks at once.")
]
Queued: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N|none", help="How many of those may wait for their turn.")
]


def _limits(
    requests_per_s: str | None,
    submits_per_minute: str | None,
    in_flight: str | None,
    queued: str | None,
) -> dict[str, int | None]:
    """Return the limits that were typed."""
    from rushes.cli.operating import limit_of

    typed = {
        "requests_per_s": requests_per_s,
        "submits_per_minute": submits_per_minute,
        "in_flight_max": in_flight,
        "queued_max": queued,
    }
    return {name: limit_of(text) for name, text in typed.items() if text is not None}


def create_account(
    name: Annotated[str, typer.Argument(help="Whose keys and tasks it holds.")],
    *,
    requests_per_s: RequestsPerS = None,
    submits_per_minute: SubmitsPerMinute = None,
    in_flight: InFlight = None,
    queued: Queued = None,
    as_json: Asks = False,
) -> None:
    """Make an account; its limits are those of all its keys together."""
    from rushes.cli.accounts import create

    create(name, _limits(requests_per_s, submits_per_minute, in_flight, queued), as_json=as_json)


def list_accounts(*, as_json: Asks = False) -> None:
    """List the accounts, and how many valid keys each has."""
    from rushes.cli.accounts import show_all

    show_all(as_json=as_json)


def show_account(account_id: AccountId, *, as_json: Asks = False) -> None:
    """Tell how an account stands."""
    from rushes.cli.accounts import show

    show(account_id, as_json=as_json)


def limit_account(
    account_id: AccountId,
    *,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    requests_per_s: RequestsPerS = None,
    submits_per_minute: SubmitsPerMinute = None,
    in_flight: InFlight = None,
    queued: Queued = None,
    as_json: Asks = False,
) -> None:
    """Bound what all keys of an account may together; what is not named stays."""
    from rushes.cli.accounts import limit

    limits = _limits(requests_per_s, submits_per_minute, in_flight, queued)
    limit(account_id, name, limits, as_json=as_json)


def close_account(account_id: AccountId, *, as_json: Asks = False) -> None:
    """Refuse every key of an account; what it has under way goes on."""
    from rushes.cli.accounts import close

    close(account_id, as_json=as_json)


def reopen_account(account_id: AccountId, *, as_json: Asks = False) -> None:
    """Let the keys of a closed account in again."""
    from rushes.cli.accounts import reopen

    reopen(account_id, as_json=as_json)


def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    account: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose it is (else: the first account)."),
    ] = None,
    scope: Scopes = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="An operator's key, for /admin/v1: --scope admin.")
    ] = False,
    model: Models = None,
    expires: Expires = None,
    network: Networks = None,
    requests_per_s: RequestsPerS = None,
    submits_per_minute: SubmitsPerMinute = None,
    in_flight: InFlight = None,
    queued: Queued = None,
    test: Annotated[
        bool, typer.Option("--test", help="A test key: everything is rehearsed, and free.")
    ] = False,
    as_json: Asks = False,
) -> None:
    """Make a key; its secret is shown this once. It works at once, beside a running server too."""
    from rushes.cli.keys import Typed, create

    limits = _limits(requests_per_s, submits_per_minute, in_flight, queued)
    typed = Typed(scope, admin, model, expires, network, limits)
    create(name, account, typed, is_test=test, as_json=as_json)


def list_keys(*, account: OfAccount = None, as_json: Asks = False) -> None:
    """List the keys, without their secrets."""
    from rushes.cli.keys import show_all

    show_all(account, as_json=as_json)


def show_key(key_id: KeyId, *, as_json: Asks = False) -> None:
    """Tell what a key may, and how it stands."""
    from rushes.cli.keys import show

    show(key_id, as_json=as_json)


def change_key(
    key_id: KeyId,
    *,
    name: Annotated[str | None, typer.Option(help="What it is called from now on.")] = None,
    scope: Scopes = None,
    model: Models = None,
    expires: Expires = None,
    network: Networks = None,
    requests_per_s: RequestsPerS = None,
    submits_per_minute: SubmitsPerMinute = None,
    in_flight: InFlight = None,
    queued: Queued = None,
    as_json: Asks = False,
) -> None:
    """Change what a key may; what is not named stays, and servers follow within two seconds."""
    from rushes.cli.keys import Typed, change

    limits = _limits(requests_per_s, submits_per_minute, in_flight, queued)
    typed = Typed(scope, models=model, expires=expires, networks=network, limits=limits)
    change(key_id, name, typed, as_json=as_json)


def rotate_key(
    key_id: KeyId,
    *,
    overlap: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long both are valid: 30m, 12h, 7d (else: 1d)."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="When the new one ends (else: as the old one would have)."
        ),
    ] = None,
    as_json: Asks = False,
) -> None:
    """Replace a key by a new one with the same rights; both are valid for a while."""
    from rushes.cli.keys import rotate

    rotate(key_id, overlap, expires, as_json=as_json)


def revoke_key(key_id: KeyId, *, as_json: Asks = False) -> None:
    """Revoke a key; a running server refuses it within two seconds."""
    from rushes.cli.keys import revoke

    revoke(key_id, as_json=as_json)


def list_tasks(
    *,
    account: OfAccount = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="Only those of this key.")
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Only those that stand so: queued, running, in_doubt …")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only those for this model.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 50,
    as_json: Asks = False,
) -> None:
    """List tasks of all accounts, the newest first."""
    from rushes.cli.tasks import Filter, show

    show(Filter(account, key, status, model), limit, as_json=as_json)


def cancel_task(task_id: TaskId, *, yes: Yes = False, as_json: Asks = False) -> None:
    """End a task of any account, as its caller could."""
    from rushes.cli.tasks import cancel

    cancel(task_id, is_hurried=yes, as_json=as_json)
