"""The audit log: what operators did by the command line, written with what they did."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime
from typing import Final

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.paper import Column, answers, moment, plain, say, show_json, table, talk
from rushes.cli.plainly import Refused
from rushes.cli.showing import shown_text
from rushes.clock import SystemClock
from rushes.domain.ids import new_deed_id
from rushes.ports import Deed, Transaction
from rushes.settings import load

NOTE_CHARACTERS_MAX: Final = 500
PAGE: Final = 500


def actor() -> str:
    """Say who types: the user of this system, at this machine; who became him by sudo is named."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    who = f"{behind} as {user}" if behind and behind != user else user
    return plain(f"{who}@{socket.gethostname()}")[:200]


def write_down(tx: Transaction, verb: str, object_id: str, note: str, *, at: datetime) -> None:
    """Append a line to the audit log, in the transaction of what is told; no secret gets in.

    Raises:
        SchemaBehind: the database needs `rushes migrate` first.
    """
    told = shown_text(note)[:NOTE_CHARACTERS_MAX]
    tx.add_audit(Deed(new_deed_id(at), at, actor(), verb, object_id, told))


def show(object_id: str | None, since: str | None, limit: int, *, as_json: bool) -> None:
    """List what operators did, the newest first.

    Raises:
        Refused: `since` is no date.
        SettingsRefused, Unready: why there are no books.
    """
    begin = None if since is None else instant_of(since)
    with books(load(), SystemClock()) as store:
        deeds = store.read_now(lambda tx: tx.audit(limit, object_id=object_id, since=begin))
    if as_json:
        show_json([deed_json(deed) for deed in deeds])
        return
    if not deeds:
        say(talk(), "Nothing is written down of that.")
        return
    columns = [
        Column("WHEN"),
        Column("WHO", rank=2, is_cut=True),
        Column("WHAT", rank=1),
        Column("ON WHAT"),
        Column("NOTE", rank=3, is_wrapped=True),
    ]
    rows: list[list[str | Text]] = [
        [moment(deed.at), plain(deed.actor), deed.verb, plain(deed.object), shown_text(deed.note)]
        for deed in deeds
    ]
    table(answers(), columns, rows)


def deed_json(deed: Deed) -> dict[str, object]:
    """Return one line of the log."""
    return {
        "id": deed.id,
        "at": deed.at,
        "actor": deed.actor,
        "verb": deed.verb,
        "object": deed.object,
        "note": shown_text(deed.note),
    }


def instant_of(text: str) -> datetime:
    """Read a day or an instant; without a zone it is UTC.

    >>> instant_of("2026-11-01").isoformat()
    '2026-11-01T00:00:00+00:00'

    Raises:
        Refused: it is neither.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{plain(text)} is no date: write 2026-11-01, or 2026-11-01T12:00:00+01:00."
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
