"""The page of the contract as tests read it: its sections, tables and lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parent.parent / "docs" / "contract.md"
DITTO: Final = "〃"


def section(number: str) -> str:
    """Return the text under a heading, sub-sections included; `number` is `3` or `4.1`."""
    text = PAGE.read_text(encoding="utf-8")
    marks = "#" * (2 + number.count("."))
    found = re.search(
        rf"^{marks} {re.escape(number)}\.? .*?(?=^#{{2,{len(marks)}}} |\Z)",
        text,
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None, f"the page has no section {number}"
    return found[0]


def tables(number: str) -> list[list[list[str]]]:
    """Return the tables of a section: rows of cells, without their heads; 〃 is filled in."""
    blocks = re.findall(r"(?:^\|.*\n)+", section(number), re.MULTILINE)
    return [_rows(block) for block in blocks]


def _rows(block: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for line in block.splitlines()[2:]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        above = rows[-1] if rows else cells
        rows.append(
            [old if cell == DITTO else cell for cell, old in zip(cells, above, strict=True)]
        )
    return rows


def names(cell: str) -> list[str]:
    """Return what a cell sets in code type."""
    return re.findall(r"`([^`]+)`", cell)


def lines(number: str) -> list[str]:
    """Return the numbered lines of a section, each as one text."""
    return re.findall(r"^\d+\. (.+(?:\n(?!\d+\. |\n).+)*)", section(number), re.MULTILINE)
