"""HTML by function calls: what is not `Html` already is escaped, wherever it stands."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Final

_VOID: Final = frozenset({"input", "link", "meta", "br"})
_JSON: Final = re.compile(
    r'(?P<jk>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<js>"(?:[^"\\]|\\.)*")'
    r"|(?P<jw>(?<=[\s\[])(?:true|false|null|-?\d+(?:\.\d+)?)(?=[,\s\]]))"
)
_CODE: Final = re.compile(r"`([^`]+)`")


class Html(str):
    """Text that is markup."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str | bool | None) -> Html:
    """Return an element.

    A trailing underscore of an attribute's name is dropped, others become hyphens; None and False
    leave the attribute out, True gives it no value.

    >>> tag("p", "a < b", class_="note", data_key="x", hidden=True)
    '<p class="note" data-key="x" hidden>a &lt; b</p>'
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{joined(*inside)}</{name}>")


def joined(*parts: str) -> Html:
    """Return parts side by side."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def prose(text: str) -> Html:
    """Return a sentence whose words in backticks are code.

    >>> prose("a `b` & c")
    'a <code>b</code> &amp; c'
    """
    return Html(_CODE.sub(r"<code>\1</code>", escape(text, quote=False)))


def pretty(value: object) -> str:
    """Return JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def coloured(text: str) -> Html:
    """Return JSON with its parts told apart; what is no JSON stays whole.

    >>> coloured('{"a": 1 }')
    '{<i class="jk">&quot;a&quot;</i>: <i class="jw">1</i> }'
    """
    parts, end = [], 0
    for found in _JSON.finditer(text):
        parts += [Html(escape(text[end : found.start()])), _part(found)]
        end = found.end()
    return joined(*parts, Html(escape(text[end:])))


def _part(found: re.Match[str]) -> Html:
    return tag("i", found[0], class_=found.lastgroup)
