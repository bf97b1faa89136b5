"""Facts of submits that may be shown: references yes, secrets no.

A ticket is a provider's own small JSON, and a film's handle often a signed link: what opens a
door is left out (query strings, passwords, anything named like a secret), the rest is what an
operator searches for at the provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from rushes.deeds.words import plain
from rushes.domain.submit import MEANING, Submit
from rushes.observe import redact

TOKEN_CHARACTERS: Final = 8
HANDLE_CHARACTERS_MAX: Final = 160
HIDDEN: Final = "…"

_DOOR: Final = re.compile(
    r"secret|passw|signature|credential|authori[sz]ation|api_?key|(^|_)token$", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"https?://[^\s\"'<>]+")


def shown_credential(submit: Submit) -> str:
    """Name a credential by its reference; a command may hold a secret in its words."""
    source, _, _ = submit.credential.partition(":")
    if source == "command":
        return f"command:{HIDDEN}"
    return "no credential" if submit.credential == "none" else redact(plain(submit.credential))


def shown_token(token: str) -> str:
    """Return as much of a submit token as finds it in a log, and opens nothing."""
    return token[:TOKEN_CHARACTERS] + HIDDEN


def shown_text(text: str) -> str:
    """Return a note or an address without secrets, and without what drives a terminal.

    >>> shown_text("GET https://u:p@x.test/a?sig=1 said no to sk-live-abcdefgh")
    'GET https://x.test/a?… said no to sk-live-…'
    """
    return redact(plain(_ADDRESS.sub(lambda found: _bare(found[0]), text)))


def shown_value(value: object) -> object:
    """Return a value that a provider or a caller gave, doors left out, however deep they are."""
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if _DOOR.search(str(name)) else shown_value(inner)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [shown_value(inner) for inner in value]
    return shown_text(value) if isinstance(value, str) else value


def shown_ticket(submit: Submit) -> str:
    """Return a submit's ticket as JSON on one line, without the token that it may repeat."""
    text = json.dumps(shown_value(submit.ticket), ensure_ascii=False)
    return text.replace(submit.token, shown_token(submit.token))


def shortened(text: str) -> str:
    """Cut a text that would fill a screen."""
    if len(text) <= HANDLE_CHARACTERS_MAX:
        return text
    return text[: HANDLE_CHARACTERS_MAX - 1] + HIDDEN


def submit_json(submit: Submit) -> dict[str, object]:
    """Return a submit without what opens a door."""
    return {
        "task_id": submit.task_id,
        "n": submit.n,
        "provider": submit.provider,
        "upstream_model": submit.upstream_model,
        "credential": shown_credential(submit),
        "token": shown_token(submit.token),
        "is_billable": submit.is_billable,
        "verdict": submit.verdict,
        "meaning": MEANING[submit.verdict],
        "intent_at": submit.intent_at,
        "answered_at": submit.answered_at,
        "ticket": json.loads(shown_ticket(submit)),
        "film": shown_value(submit.film),
        "usage": shown_value(submit.usage),
        "reason": submit.reason,
        "note": shown_text(submit.note),
        "missing_count": submit.missing_count,
        "next_try_at": submit.next_try_at,
        "look_at": submit.look_at,
        "look_count": submit.look_count,
        "is_cancel_told": submit.is_cancel_told,
    }


def _bare(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:  # brackets that are none
        return f"https://{HIDDEN}"
    query = HIDDEN if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
