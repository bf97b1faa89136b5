"""Text as every database can hold it.

PostgreSQL holds neither NUL nor half a surrogate pair, and refuses the whole statement. Where a
caller's text has one, a replacement character (U+FFFD) stands in its place, on both databases;
JSON is kept whole, because it writes NUL as an escape.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

REPLACEMENT: Final = "\ufffd"


def storable(text: str) -> str:
    """Return text without what no database can hold.

    >>> storable("ab"), storable(f"a{chr(0)}b"), storable(f"a{chr(0xD800)}b")
    ('ab', 'a�b', 'a�b')
    """
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(REPLACEMENT if "\ud800" <= sign <= "\udfff" else sign for sign in text)
    return text


class Words(sa.types.TypeDecorator[str]):
    """A column of text that takes whatever a caller may send."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401, ARG002 -- as SQLAlchemy has it
        """Replace what no database can hold."""
        return None if value is None else storable(value)
