"""What the page for callers shows, typed and run as it stands, against a living server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from living import Living

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "make-films.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found


def typed(server: Living, folder: Path, block: str, **names: str) -> None:
    """Type each line of a block in a folder; words of `names` stand for what a caller has."""
    for line in block.splitlines():
        program, *words = shlex.split(line)
        assert program == "rushes"
        run = server.rushes(*[names.get(word, word) for word in words], cwd=folder)
        assert run.returncode == 0, f"{line}\n{run.stderr}"


@pytest.mark.long
def test_the_commands_that_make_films_do(server: Living, tmp_path: Path) -> None:
    typed(server, tmp_path, blocks("sh")[0])
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"boat.mp4", "roof.mp4", "snow.mp4", "longer.mp4"}
    assert all(path.read_bytes()[4:8] == b"ftyp" for path in tmp_path.iterdir())


@pytest.mark.long
def test_the_commands_on_a_finished_film_do(server: Living, tmp_path: Path) -> None:
    with server.client() as client:
        film = client.videos.create_and_wait("a paper boat", seconds=1, resolution="480p")
    typed(server, tmp_path, blocks("sh")[1], ID=film.id)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {"swan.mp4", "last.webp", "stills.jpg"}


def test_the_program_runs(server: Living, tmp_path: Path) -> None:
    (program,) = blocks("python")
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**server.environment, "RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret},
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == "('style',) () False None\n[1, 1, 5]\nTrue False\n"


@pytest.mark.parametrize("code", ["0 done", "1 it did", "2 it was not", "3 not fin", "130 Ctrl-C"])
def test_the_page_and_the_help_tell_the_same_exit_codes(server: Living, code: str) -> None:
    said = " ".join(server.rushes("generate", "--help").stdout.split())
    assert code in said
    assert code in PAGE.read_text(encoding="utf-8")
