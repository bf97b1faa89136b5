"""How the command line speaks: tables that fit, and JSON for machines; words are `deeds/words.py`.

Nothing here knows what is told. Text of callers and providers passes through `plain`, so that
no prompt can drive the operator's terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from shlex import quote
from shutil import which
from typing import Final, TypeAlias

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rushes.deeds.words import ago, lasting, moment, money, plain, size

__all__ = [
    "Column",
    "Part",
    "ago",
    "answers",
    "facts",
    "fitting",
    "is_live",
    "lasting",
    "moment",
    "money",
    "ourselves",
    "plain",
    "say",
    "show_json",
    "size",
    "table",
    "talk",
]

Part: TypeAlias = "str | Text | tuple[str, str]"
"""A piece of a line; a pair is text and style."""

PIPE_WIDTH: Final = 10_000
"""Columns where nobody looks: in a pipe nothing is cut or wrapped."""

NAME: Final = "rushes"

FLEX_WIDTH_MIN: Final = 16
GAP: Final = 2


# -- consoles ----------------------------------------------------------------------------------


def answers() -> Console:
    """Return the console for what was asked for: standard output."""
    return _console(is_error=False)


def talk() -> Console:
    """Return the console for everything else: standard error."""
    return _console(is_error=True)


def _console(*, is_error: bool) -> Console:
    stream = sys.stderr if is_error else sys.stdout
    return Console(
        stderr=is_error,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if stream.isatty() else PIPE_WIDTH,
    )


def is_live(console: Console) -> bool:
    """Say whether lines may be drawn over: a terminal, and not a dumb one."""
    return console.is_terminal and not console.is_dumb_terminal


def say(console: Console, *parts: Part, indent: int = 0, hang: int = 0) -> None:
    """Print one line of text; where somebody looks it is wrapped at words.

    `hang` is how much further in than the first line the others stand.
    """
    line = Text.assemble(*parts)
    if not console.is_terminal:
        console.print(Text(" " * indent) + line, soft_wrap=True)
        return
    width = max(FLEX_WIDTH_MIN, console.width - indent - hang)
    for number, piece in enumerate(line.wrap(console, width, overflow="fold")):
        piece.rstrip()
        console.print(Text(" " * (indent + (hang if number else 0))) + piece, soft_wrap=True)


def show_json(value: object) -> None:
    """Print a value for machines: one line of ASCII, or for eyes if a terminal is there."""
    is_seen = sys.stdout.isatty()
    text = json.dumps(
        value, ensure_ascii=not is_seen, indent=2 if is_seen else None, default=_as_json
    )
    print(text, flush=True)


def _as_json(value: object) -> object:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not for machines")


def ourselves(typed: str | None = None, *, is_elsewhere: bool = False) -> str:
    """Return what a shell starts us by: our name if it is on the path, else as it was `typed`.

    `is_elsewhere`: another terminal is meant, which may stand in another folder.
    """
    typed = sys.argv[0] if typed is None else typed
    if Path(typed).name != NAME or which(NAME) == typed:
        return NAME
    return quote(str(Path(typed).absolute()) if is_elsewhere else typed)


# -- tables ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Where a table is too wide, columns of the highest `rank` go first.

    Before any goes, cells that are `is_cut` end in an ellipsis, and those that are `is_wrapped`
    take several lines. A column of rank 0 stays whatever happens.
    """

    name: str
    rank: int = 0
    is_right: bool = False
    is_cut: bool = False
    is_wrapped: bool = False


def fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int
) -> tuple[int, ...]:
    """Return which columns fit, by index."""
    least = [
        min(wide, FLEX_WIDTH_MIN) if column.is_cut or column.is_wrapped else wide
        for wide, column in zip(_natural(columns, rows), columns, strict=True)
    ]
    kept = list(range(len(columns)))
    while sum(least[place] + GAP for place in kept) - GAP > width:
        droppable = [place for place in kept if columns[place].rank]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda place: columns[place].rank))
    return tuple(kept)


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> list[int]:
    """Return how wide each column would like to be."""
    return [
        max(
            [
                cell_len(column.name),
                *(cell_len(line) for row in rows for line in row[place].plain.split("\n")),
            ]
        )
        for place, column in enumerate(columns)
    ]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Return how wide each column is: those that bend share what the others leave."""
    widths = _natural(columns, rows)
    bends = [column.is_cut or column.is_wrapped for column in columns]
    stiff = sum(wide for wide, does_bend in zip(widths, bends, strict=True) if not does_bend)
    left = width - stiff - GAP * (len(columns) - 1)
    share = max(1, left // max(1, sum(bends)))
    return [
        min(wide, share) if does_bend else min(wide, width)
        for wide, does_bend in zip(widths, bends, strict=True)
    ]


def table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]]
) -> None:
    """Print a table with the columns that fit; one whose columns have no names has no head."""
    texts = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    kept = fitting(columns, texts, console.width)
    has_head = any(column.name for column in columns)
    if not console.is_terminal:
        head = [[Text(column.name) for column in columns]] if has_head else []
        _print_plain(console, [columns[place] for place in kept], _chosen(head + texts, kept))
        return
    grid = Table(
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
        header_style="bold",
        show_header=has_head,
    )
    widths = _widths([columns[place] for place in kept], _chosen(texts, kept), console.width)
    for place, width in zip(kept, widths, strict=True):
        column = columns[place]
        grid.add_column(
            column.name,
            justify="right" if column.is_right else "left",
            width=width,
            no_wrap=column.is_cut,
            overflow="ellipsis" if column.is_cut else "fold",
        )
    for row in _chosen(texts, kept):
        grid.add_row(*row)
    console.print(grid)


def facts(console: Console, pairs: Sequence[tuple[str, str | Text]], *, indent: int = 0) -> None:
    """Print names and values, one pair a line, values aligned."""
    style = "dim" if console.is_terminal else ""
    rows = [(Text(" " * indent + name, style), value) for name, value in pairs]
    table(console, [Column("", rank=1), Column("", is_wrapped=True)], rows)


def _chosen(rows: Sequence[Sequence[Text]], kept: Sequence[int]) -> list[list[Text]]:
    return [[row[place] for place in kept] for row in rows]


def _print_plain(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]]
) -> None:
    """Print rows for a pipe: nothing cut, and no blanks at the end of a line."""
    cells = [[cell.plain.split("\n") for cell in row] for row in rows]
    widths = [
        max((cell_len(line) for row in cells for line in row[place]), default=0)
        for place in range(len(columns))
    ]
    for row in cells:
        for lines in zip_longest(*row, fillvalue=""):
            line = "".join(
                _aligned(text, width, is_right=column.is_right)
                for text, width, column in zip(lines, widths, columns, strict=True)
            )
            console.print(line.rstrip(), soft_wrap=True)


def _aligned(text: str, width: int, *, is_right: bool) -> str:
    blank = " " * (width - cell_len(text))
    return (blank + text if is_right else text + blank) + " " * GAP
