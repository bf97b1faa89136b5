"""Fields of what an upstream tells: none is trusted to be there, or to be what it is called."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

TEXT_CHARACTERS_MAX: Final = 512
LINK_CHARACTERS_MAX: Final = 3900
"""How long the links of a film may be together: a handle of 4 KiB is kept with every submit."""


def text_in(value: object, characters_max: int = TEXT_CHARACTERS_MAX) -> str | None:
    """Return a text that can be kept in a row, such as an id; None for anything else.

    >>> text_in("cgt-1"), text_in(""), text_in(7)
    ('cgt-1', None, None)
    """
    if not isinstance(value, str) or not value.isprintable():
        return None
    return value if 0 < len(value) <= characters_max else None


def link_in(value: object, characters_max: int = LINK_CHARACTERS_MAX) -> str | None:
    """Return an address of the web; None for anything else.

    >>> link_in("https://a.example/film.mp4?sig=1"), link_in("//a.example/film.mp4")
    ('https://a.example/film.mp4?sig=1', None)
    """
    link = text_in(value, characters_max)
    if link is None or not link.isascii():
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in {"http", "https"} and parts.hostname else None


def instant_in(value: object, *, is_utc: bool = False) -> float | None:
    """Return a time that was told in ISO 8601, in seconds since 1970; None for anything else.

    One without a zone is none, unless it is known to be in UTC.

    >>> instant_in("2026-11-27T12:00:00Z"), instant_in("2026-11-27T12:00:00")
    (1795780800.0, None)
    """
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if at is not None and at.tzinfo is None and is_utc:
        at = at.replace(tzinfo=UTC)
    return None if at is None or at.tzinfo is None else at.timestamp()
