"""The advisories of docs/security.md: every name in the first column of its table wants a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parent.parent / "docs" / "security.md"
_ROW: Final = re.compile(r"^\| ((?:`[^`]+`(?:, )?)+) \| (.+?) \|", re.MULTILINE)


def advisories() -> dict[str, str]:
    """Return what went wrong elsewhere, by the name of its advisory, in the order of the page."""
    text = PAGE.read_text(encoding="utf-8")
    _, _, section = text.partition("\n## What went wrong elsewhere\n")
    section = section.partition("\n## ")[0]
    return {
        name: told for names, told in _ROW.findall(section) for name in re.findall("`(.+?)`", names)
    }
