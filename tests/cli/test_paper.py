"""How the command line speaks: nothing drives a terminal, tables fit, pipes get everything."""

from __future__ import annotations

import doctest
import json
import pkgutil
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rushes import cli
from rushes.cli.paper import (
    Column,
    facts,
    fitting,
    lasting,
    money,
    ourselves,
    plain,
    say,
    show_json,
    table,
)

ROOMS = sorted(module.name for module in pkgutil.iter_modules(cli.__path__))
LONG = "a red fox runs through fresh snow at dawn and does not look back"
COLUMNS = [
    Column("ID"),
    Column("STATUS", rank=1),
    Column("AGE", rank=3, is_right=True),
    Column("PROMPT", rank=2, is_cut=True),
]
ROWS = [["video_1", "queued", "3 s", LONG], ["video_22", "completed", "1 h 0 m", "雪の中の狐"]]


def paper(*, width: int = 80, is_terminal: bool = True) -> tuple[Console, StringIO]:
    file = StringIO()
    kind = Console(
        file=file, width=width, force_terminal=is_terminal, color_system=None, highlight=False
    )
    return kind, file


@pytest.mark.parametrize("room", ROOMS)
def test_the_examples_in_docstrings_are_true(room: str) -> None:
    assert doctest.testmod(import_module(f"rushes.cli.{room}")).failed == 0


def test_a_command_that_is_shown_is_one_that_the_shell_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "a venv" / "bin" / "rushes"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent))
    assert ourselves(str(program)) == "rushes"
    monkeypatch.setenv("PATH", "/nowhere")
    assert ourselves("a venv/bin/rushes") == "'a venv/bin/rushes'"
    assert ourselves("a venv/bin/rushes", is_elsewhere=True) == f"'{program}'"
    assert ourselves("/x/rushes/__main__.py") == "rushes"


@given(st.text())
def test_plain_text_drives_no_terminal(text: str) -> None:
    shown = plain(text)
    assert all(letter.isprintable() or letter not in "\x00\x07\x1b\x7f\x9b" for letter in shown)
    assert not set(shown) & {chr(code) for code in [*range(32), *range(127, 160)]}
    assert plain(shown) == shown


def test_plain_text_loses_no_letter_that_can_be_read() -> None:
    assert plain("naïve 狐 🦊 [bold]x[/bold]") == "naïve 狐 🦊 [bold]x[/bold]"
    assert plain("\u202efdp.exe") == "\ufffdfdp.exe"


@given(
    st.integers(20, 200), st.lists(st.text(st.characters(codec="ascii"), max_size=60), max_size=4)
)
def test_a_table_keeps_its_first_column_and_fits_or_has_nothing_left_to_drop(
    width: int, prompts: list[str]
) -> None:
    rows = [[Text(cell) for cell in ("video_1", "queued", "3 s", prompt)] for prompt in prompts]
    kept = fitting(COLUMNS, rows, width)
    assert kept[0] == 0
    assert list(kept) == sorted(kept)
    console, file = paper(width=width)
    table(console, COLUMNS, rows)
    assert all(cell_len(line) <= width for line in file.getvalue().splitlines())


def test_a_narrow_terminal_drops_the_least_important_column_first() -> None:
    texts = [[Text(cell) for cell in row] for row in ROWS]
    assert fitting(COLUMNS, texts, 80) == (0, 1, 2, 3)
    assert fitting(COLUMNS, texts, 40) == (0, 1, 3)
    assert fitting(COLUMNS, texts, 20) == (0, 1)
    assert fitting(COLUMNS, texts, 5) == (0,)


def test_a_long_prompt_is_cut_before_an_id_is_folded() -> None:
    ids = [f"video_{number:032x}" for number in (1, 2)]
    console, file = paper(width=80)
    table(console, COLUMNS, [[each, "completed", "3 s", LONG * 3] for each in ids])
    _, *lines = file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ids
    assert all("…" in line for line in lines)


def test_a_pipe_gets_every_letter_and_no_blank_at_the_end() -> None:
    console, file = paper(width=10_000, is_terminal=False)
    table(console, COLUMNS, ROWS)
    head, first, second = file.getvalue().splitlines()
    assert head.split() == ["ID", "STATUS", "AGE", "PROMPT"]
    assert first.endswith(LONG)
    assert first.index(LONG) == head.index("PROMPT")
    assert second == second.rstrip()


def test_facts_stand_in_a_line_each() -> None:
    console, file = paper(width=10_000, is_terminal=False)
    facts(console, [("id", "video_1"), ("a longer name", Text("x"))], indent=2)
    assert file.getvalue() == "  id             video_1\n  a longer name  x\n"


def test_long_sentences_hang_under_their_first_line() -> None:
    console, file = paper(width=30)
    say(console, ("- ", "bold"), LONG, indent=2, hang=2)
    first, *others = file.getvalue().splitlines()
    assert first.startswith("  - a red")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert all(cell_len(line) <= 30 for line in [first, *others])


def test_a_prompt_is_never_read_as_markup() -> None:
    console, file = paper()
    say(console, "a [bold]fox[/bold] :fox: [/]")
    assert file.getvalue() == "a [bold]fox[/bold] :fox: [/]\n"


def test_json_speaks_of_instants_files_and_durations(capsys: pytest.CaptureFixture[str]) -> None:
    show_json(
        {
            "at": datetime(2026, 11, 23, 12, tzinfo=UTC),
            "day": date(2026, 11, 23),
            "took": timedelta(seconds=1.5),
            "path": Path("a/b"),
            "prompt": "狐\ud800",
        }
    )
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "at": "2026-11-23T12:00:00+00:00",
        "day": "2026-11-23",
        "took": 1.5,
        "path": "a/b",
        "prompt": "狐\ud800",
    }


def test_json_refuses_what_is_not_for_machines() -> None:
    with pytest.raises(TypeError, match="object"):
        show_json(object())


@given(st.integers(-(10**12), 10**15))
def test_money_is_never_rounded_away(amount_microusd: int) -> None:
    told = money(amount_microusd)
    assert round(float(told.replace("$", "")) * 1e6) == pytest.approx(amount_microusd, abs=1)
    assert (told == "$0") == (amount_microusd == 0)


@given(st.floats(0, 10**8))
def test_a_duration_is_short_and_never_empty(total_s: float) -> None:
    assert 3 <= len(lasting(timedelta(seconds=total_s))) <= 12
