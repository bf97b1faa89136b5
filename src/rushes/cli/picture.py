"""A still of a film in the terminal, where that can show one; never an answer, never an error.

kitty     PNG by the graphics protocol     sw.kovidgoyal.net/kitty/graphics-protocol
iTerm2    any file, by its own escape      iterm2.com/documentation-images.html
blocks    two pixels a cell, in colours    wherever COLORTERM says 24 bits

What a terminal can is read from its environment; it is not asked, as its answer would land in what
is typed next. Pillow turns the still into what is wanted; without it (the light install) there is
only what iTerm2 takes as it comes, a JPEG.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Final

from rich.console import Console

from rushes.cli.paper import is_live
from rushes.client import Rushes, RushesError, Video
from rushes.client.shapes import Variant

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS_MAX: Final = 64
ROWS_MAX: Final = 24
ROWS_KEPT: Final = 4
"""How much of the screen is left to words."""

CELL_RATIO: Final = 2.0
"""How much higher than wide a cell is, roughly everywhere."""

BYTES_MAX: Final = 8 * 1024 * 1024
_KITTY_CHUNK: Final = 4096


class Way(StrEnum):
    """How a terminal shows a picture."""

    KITTY = "kitty"
    ITERM = "iterm"
    BLOCKS = "blocks"


def way_of(environ: Mapping[str, str], *, has_pillow: bool) -> Way | None:
    """Say how the terminal of this environment shows a picture; None if it does not.

    A multiplexer keeps graphics to itself, so inside one only coloured cells are left.

    >>> way_of({"TERM": "xterm-kitty"}, has_pillow=True)
    <Way.KITTY: 'kitty'>
    >>> way_of({"TERM": "xterm-kitty", "NO_COLOR": "1"}, has_pillow=True) is None
    True
    """
    if environ.get("NO_COLOR"):
        return None
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    is_inside = bool(environ.get("TMUX") or environ.get("STY")) or term.startswith(
        ("screen", "tmux")
    )
    if not is_inside:
        if has_pillow and (environ.get("KITTY_WINDOW_ID") or term in _KITTY_TERMS):
            return Way.KITTY
        if program in _ITERM_PROGRAMS or environ.get("LC_TERMINAL") == "iTerm2":
            return Way.ITERM
    if has_pillow and environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return Way.BLOCKS
    return None


_KITTY_TERMS: Final = frozenset({"xterm-kitty", "xterm-ghostty"})
_ITERM_PROGRAMS: Final = frozenset({"iTerm.app", "WezTerm", "mintty"})


def show(
    console: Console,
    client: Rushes,
    video: Video,
    *,
    is_wanted: bool,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Show a still of a finished film where the console is a terminal that can."""
    if not is_wanted or not is_live(console):
        return
    has_pillow = find_spec("PIL") is not None
    way = way_of(environ, has_pillow=has_pillow)
    if way is None:
        return
    # A spritesheet is a JPEG, which a terminal takes without our doing.
    variant: Variant = "thumbnail" if has_pillow else "spritesheet"
    try:
        still = client.videos.download_content(video, variant=variant).read()
    except RushesError:
        return  # the film is there, and that is what was asked for
    drawn = picture(way, still, columns=console.width, rows=console.height)
    if drawn is not None:
        console.file.write(drawn)
        console.file.flush()


def picture(way: Way, still: bytes, *, columns: int, rows: int) -> str | None:
    """Return what shows a still in a terminal of so many cells; None if it is no picture."""
    if len(still) > BYTES_MAX:
        return None
    if way is Way.ITERM and still.startswith(_JPEG):
        return _iterm(still, min(COLUMNS_MAX, columns))
    image = _opened(still)
    if image is None:
        return None
    wide, high = cells(image.size, columns=columns, rows=rows)
    if way is Way.BLOCKS:
        return _blocks(image, wide, high)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return (_kitty if way is Way.KITTY else _iterm)(buffer.getvalue(), wide)


_JPEG: Final = b"\xff\xd8\xff"


def cells(size_px: tuple[int, int], *, columns: int, rows: int) -> tuple[int, int]:
    """Return how many columns and rows a picture takes: as many as fit, in its own shape.

    >>> cells((1280, 720), columns=200, rows=50), cells((720, 1280), columns=200, rows=50)
    ((64, 18), (27, 24))
    """
    width_px, height_px = size_px
    wide = max(1, min(COLUMNS_MAX, columns))
    high_max = max(1, min(ROWS_MAX, rows - ROWS_KEPT))
    high = wide * height_px / width_px / CELL_RATIO
    if high > high_max:
        wide, high = max(1, round(wide * high_max / high)), high_max
    return wide, max(1, round(high))


def _opened(still: bytes) -> Image | None:
    from PIL import Image  # noqa: PLC0415 -- the light install has none, and is not asked for it

    try:
        with Image.open(BytesIO(still)) as image:
            return image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _kitty(png: bytes, columns: int) -> str:
    """Send a PNG in pieces, and want no answer (q=2)."""
    text = b64encode(png).decode()
    pieces = [text[at : at + _KITTY_CHUNK] for at in range(0, len(text), _KITTY_CHUNK)]
    said = []
    for number, piece in enumerate(pieces):
        head = f"a=T,f=100,q=2,c={columns}," if number == 0 else ""
        is_more = number + 1 < len(pieces)
        said.append(f"\x1b_G{head}m={int(is_more)};{piece}\x1b\\")
    return "".join(said) + "\n"


def _iterm(file: bytes, columns: int) -> str:
    facts = f"inline=1;size={len(file)};width={columns};preserveAspectRatio=1"
    return f"\x1b]1337;File={facts}:{b64encode(file).decode()}\x07\n"


def _blocks(image: Image, wide: int, high: int) -> str:
    """Draw two pixels a cell: the upper half in the colour of letters, the lower behind them."""
    small = image.resize((wide, high * 2))
    data = small.tobytes()

    def colour(x: int, y: int) -> str:
        at = (y * wide + x) * 3
        return f"{data[at]};{data[at + 1]};{data[at + 2]}"

    lines = [
        "".join(f"\x1b[38;2;{colour(x, y)};48;2;{colour(x, y + 1)}m▀" for x in range(wide))
        + "\x1b[0m\n"
        for y in range(0, high * 2, 2)
    ]
    return "".join(lines)
