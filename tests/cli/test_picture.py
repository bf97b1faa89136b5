"""A still in the terminal: what is sent to each kind, read back as that kind reads it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from io import BytesIO, StringIO

import httpx2
import pytest
from PIL import Image
from rich.console import Console

from client.scripted import ID
from living import Living, environment_of
from rushes.cli.picture import Way, cells, picture, show, way_of
from rushes.client import Retry, Rushes, Video

KITTY = {"TERM": "xterm-kitty", "COLORTERM": "truecolor"}
ITERM = {"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "COLORTERM": "truecolor"}
COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
FILM = Video(id=ID, status="completed", progress=100)


def a_still(form: str = "WEBP", size_px: tuple[int, int] = (64, 36)) -> bytes:
    """Red above, blue below."""
    image = Image.new("RGB", size_px, (220, 20, 20))
    image.paste((20, 20, 220), (0, size_px[1] // 2, *size_px))
    buffer = BytesIO()
    image.save(buffer, form, **({"lossless": True} if form == "WEBP" else {}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("environ", "way"),
    [
        (KITTY, Way.KITTY),
        ({"TERM": "xterm-ghostty"}, Way.KITTY),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Way.KITTY),
        (ITERM, Way.ITERM),
        ({"TERM": "xterm", "TERM_PROGRAM": "WezTerm"}, Way.ITERM),
        ({"TERM": "xterm", "LC_TERMINAL": "iTerm2"}, Way.ITERM),
        (COLOURS, Way.BLOCKS),
        ({**KITTY, "TMUX": "/tmp/tmux"}, Way.BLOCKS),
        ({**ITERM, "TERM": "screen-256color"}, Way.BLOCKS),
        ({"TERM": "xterm-256color"}, None),
        ({**KITTY, "NO_COLOR": "1"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(
    environ: Mapping[str, str], way: Way | None
) -> None:
    assert way_of(environ, has_pillow=True) is way


def test_without_pillow_only_a_terminal_that_takes_a_jpeg_shows_one() -> None:
    ways = [way_of(environ, has_pillow=False) for environ in (KITTY, ITERM, COLOURS)]
    assert ways == [None, Way.ITERM, None]


def test_kitty_gets_a_png_in_pieces_and_is_asked_for_no_answer() -> None:
    noise = Image.frombytes("RGB", (90, 60), os.urandom(90 * 60 * 3))
    buffer = BytesIO()
    noise.save(buffer, "WEBP", lossless=True)
    drawn = picture(Way.KITTY, buffer.getvalue(), columns=80, rows=40)
    assert drawn is not None
    pieces = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", drawn)
    assert "".join(f"\x1b_G{head};{text}\x1b\\" for head, text in pieces) + "\n" == drawn
    assert pieces[0][0] == "a=T,f=100,q=2,c=64,m=1"
    assert [head for head, _ in pieces[1:]] == ["m=1"] * (len(pieces) - 2) + ["m=0"]
    assert len(pieces) > 2
    assert all(len(text) <= 4096 for _, text in pieces)
    shown = Image.open(BytesIO(b64decode("".join(text for _, text in pieces))))
    assert (shown.format, shown.tobytes()) == ("PNG", noise.tobytes())


def test_iterm_gets_a_jpeg_as_it_is_and_of_the_rest_a_png() -> None:
    jpeg = a_still("JPEG")
    for still, is_same in ((jpeg, True), (a_still(), False)):
        drawn = picture(Way.ITERM, still, columns=40, rows=40)
        told = re.fullmatch(r"\x1b\]1337;File=([^:]*):([A-Za-z0-9+/=]*)\x07\n", drawn or "")
        assert told is not None
        sent = b64decode(told[2])
        assert told[1] == f"inline=1;size={len(sent)};width=40;preserveAspectRatio=1"
        assert (sent == jpeg) is is_same
        assert Image.open(BytesIO(sent)).size == (64, 36)


def read_blocks(drawn: str) -> list[list[tuple[int, ...]]]:
    """Read coloured cells back as rows of pixels, as a terminal shows them."""
    rows: list[list[tuple[int, ...]]] = []
    for line in drawn.removesuffix("\n").split("\n"):
        assert line.endswith("\x1b[0m"), "a line leaves no colour behind"
        found = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m▀", line)
        numbers = [tuple(map(int, cell)) for cell in found]
        rows += [[cell[:3] for cell in numbers], [cell[3:] for cell in numbers]]
    return rows


def test_coloured_cells_hold_two_pixels_each() -> None:
    rows = read_blocks(picture(Way.BLOCKS, a_still(), columns=32, rows=40) or "")
    assert (len(rows), {len(row) for row in rows}) == (18, {32})
    assert max(rows[0][0]) == rows[0][0][0], "red is above"
    assert max(rows[-1][-1]) == rows[-1][-1][2], "and blue below"


@pytest.mark.parametrize("size_px", [(1280, 720), (720, 1280), (2000, 10), (10, 2000)])
@pytest.mark.parametrize("screen", [(200, 60), (80, 24), (20, 10), (1, 1)])
def test_a_picture_fits_its_screen(size_px: tuple[int, int], screen: tuple[int, int]) -> None:
    wide, high = cells(size_px, columns=screen[0], rows=screen[1])
    assert 1 <= wide <= screen[0]
    assert 1 <= high <= max(1, screen[1] - 4)


@pytest.mark.parametrize("still", [b"", b"RIFF----WEBPnothing", a_still()[:30], b"x" * 9_000_000])
@pytest.mark.parametrize("way", list(Way))
def test_what_is_no_picture_is_not_shown(still: bytes, way: Way) -> None:
    assert picture(way, still, columns=80, rows=40) is None


@pytest.mark.parametrize(
    ("is_terminal", "is_wanted", "status", "is_shown"),
    [(True, True, 200, True), (True, False, 200, False), (False, True, 200, False),
     (True, True, 410, False)],
)  # fmt: skip
def test_a_still_is_shown_only_where_it_is_wanted_and_can_be_had(
    is_terminal: bool, is_wanted: bool, status: int, is_shown: bool
) -> None:
    asked: list[str] = []

    def server(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.query.decode())
        headers = {"content-type": "image/webp"}
        return httpx2.Response(status, content=a_still(), headers=headers)

    console = Console(
        file=StringIO(), force_terminal=is_terminal, width=80, height=30, _environ=COLOURS
    )
    http = httpx2.Client(transport=httpx2.MockTransport(server))
    with Rushes(api_key="sk-1", http_client=http, retry=Retry(attempts_max=1)) as client:
        show(console, client, FILM, is_wanted=is_wanted, environ=COLOURS)
    assert ("▀" in console.file.getvalue()) is is_shown  # type: ignore[attr-defined]
    assert asked == ["variant=thumbnail"] * (is_terminal and is_wanted)


def test_a_terminal_of_colours_sees_the_film_that_was_watched(server: Living) -> None:
    with server.client() as client:
        film = client.videos.create_and_wait("a red fox", seconds=1, resolution="480p")
    urls = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as terminal:
        run = subprocess.Popen(
            [sys.executable, "-m", "rushes", "watch", film.id],
            env={**environment_of(server.folder, **urls), **COLOURS, "NO_COLOR": ""},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        seen = b""
        try:
            while piece := terminal.read1():
                seen += piece
        except OSError:  # a terminal that nobody holds any more
            pass
    assert run.wait(30) == 0
    shown = seen.decode().replace("\r\n", "\n")
    rows = read_blocks(shown[shown.index("\x1b[38;2") : shown.rindex("\x1b[0m\n") + 5])
    assert {len(row) for row in rows} == {64}
    assert "rushes download" in shown
