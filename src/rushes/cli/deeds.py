"""The audit log on paper, and who types."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime

from rich.text import Text

from rushes.cli.books import books
from rushes.cli.paper import Column, answers, moment, plain, say, show_json, table, talk
from rushes.cli.plainly import Refused
from rushes.clock import SystemClock
from rushes.deeds.log import Operator, deed_json
from rushes.deeds.showing import shown_text
from rushes.settings import load


def typist() -> Operator:
    """Say who types: the user of this system, at this machine; who became him by sudo is named."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    who = f"{behind} as {user}" if behind and behind != user else user
    return Operator(plain(f"{who}@{socket.gethostname()}")[:200])


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
        Column("FROM", rank=4),
        Column("WHAT", rank=1),
        Column("ON WHAT"),
        Column("NOTE", rank=3, is_wrapped=True),
    ]
    rows: list[list[str | Text]] = [
        [
            moment(deed.at),
            plain(deed.actor),
            deed.origin or "",
            deed.verb,
            plain(deed.object),
            shown_text(deed.note),
        ]
        for deed in deeds
    ]
    table(answers(), columns, rows)


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
