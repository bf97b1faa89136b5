"""Pages about live films: the words they use, and reading them back.

`rushes verify-provider` writes them; docs/providers.md calls live what one of them shows, and
nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

DELIVERED: Final = "a film, whole"
"""The one outcome that makes a provider live."""

REMOTE: Final = "another machine"
LOOPBACK: Final = "this machine: what a simulator says proves nothing"
NO_PROFILE: Final = "none"

_FACT: Final = re.compile(r"^\| (\w+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Live:
    """A kind, or a profile of it, that made a film for somebody on a day."""

    kind: str
    profile: str | None
    on: date


def read_live(folder: Path) -> Iterator[Live]:
    """Read the pages of a folder; one that shows no whole film of another machine counts not."""
    for page in sorted(folder.glob("*.md")):
        live = live_of(page.read_text(encoding="utf-8"))
        if live is not None:
            yield live


def live_of(text: str) -> Live | None:
    """Read one page; None where it proves nothing."""
    facts = {name: said.strip("`") for name, said in _FACT.findall(text)}
    if (facts.get("outcome"), facts.get("where")) != (DELIVERED, REMOTE):
        return None
    try:
        on = date.fromisoformat(facts["date"])
        kind, profile = facts["kind"], facts["profile"]
    except (KeyError, ValueError):
        return None
    return Live(kind, None if profile == NO_PROFILE else profile, on)
