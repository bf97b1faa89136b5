"""The page of the command line and the command line itself tell the same; and Tab works."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import rushes.cli
from living import Living, environment_of, menu
from rushes.cli import completing, plainly

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "command-line.md").read_text()
CLI = Path(rushes.cli.__file__).parent
SIGNALLED = {129, 143}
"""128 and the number of SIGHUP and SIGTERM, which `demo` answers."""


def verbs() -> Iterator[tuple[str, str, Any]]:
    """Every verb with its panel."""

    def walk(command: Any, path: tuple[str, ...], panel: str) -> Iterator[tuple[str, str, Any]]:
        for name, below in getattr(command, "commands", {}).items():
            here = panel or str(below.rich_help_panel)
            if hasattr(below, "commands"):
                yield from walk(below, (*path, name), here)
            else:
                yield " ".join((*path, name)), here, below

    yield from walk(menu(), (), "")


VERBS = list(verbs())


def table() -> str:
    """The last part of the page, as it should be."""
    parts = []
    for panel in dict.fromkeys(panel for _, panel, _ in VERBS):
        lines = [
            f"| `rushes {name}` | {' '.join((verb.help or '').split())} |"
            for name, its_panel, verb in VERBS
            if its_panel == panel
        ]
        parts.append(
            "\n".join([f"**{panel}**", "", "| verb | what it does |", "|---|---|", *lines])
        )
    return "\n\n".join(parts) + "\n"


def test_the_page_has_every_verb_in_its_own_words() -> None:
    told = PAGE.partition("## Every verb\n\n")[2]
    assert told == table(), f"let the page end so:\n\n{table()}"


@pytest.mark.parametrize("name", [name for name, _, _ in VERBS])
def test_every_verb_answers_machines(name: str) -> None:
    verb = next(verb for its_name, _, verb in VERBS if its_name == name)
    assert "--json" in [option for parameter in verb.params for option in parameter.opts]


def exit_codes() -> set[int]:
    """Every code that a file of the command line ends with."""
    found = {0}
    for path in CLI.glob("*.py"):
        module = import_module(f"rushes.cli.{path.stem}") if path.stem != "__init__" else None
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            given = node.args[:1] if called == "typer.Exit" else node.args[1:2]
            if called not in {"typer.Exit", "Refused", "_end"} or not given:
                continue
            code = given[0]
            if isinstance(code, ast.Constant):
                found.add(code.value)
            elif isinstance(code, ast.Name) and code.id.isupper():
                found.add(getattr(module, code.id))
    return found | {code for _, _, code in plainly._EXPECTED}


def test_the_page_has_every_exit_code() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \| .+ \|$", PAGE, re.MULTILINE)
    told = {int(code) for row in rows for code in row.split(",")}
    assert told == exit_codes() | SIGNALLED


# -- Tab ---------------------------------------------------------------------------------------


def completed(words: str, *, environment: dict[str, str]) -> list[str]:
    """What bash offers where Tab is pressed at the end of the words, by the script that we give."""
    typed = words.split(" ")
    quoted = " ".join(f"'{word}'" for word in typed)
    lines = [
        'eval "$(rushes --show-completion bash)"',
        f"COMP_WORDS=({quoted}) COMP_CWORD={len(typed) - 1}",
        "_rushes_completion rushes",
        'printf "%s\\n" "${COMPREPLY[@]}"',
    ]
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    run = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env={**environment, "PATH": path}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return run.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("rushes gen", ["generate"]),
        ("rushes webhooks endpoints en", ["enable"]),
        ("rushes list --status ", ["queued", "in_progress", "completed", "failed"]),
        ("rushes generate --neg", ["--negative"]),
    ],
)
@pytest.mark.long
def test_tab_completes_verbs_options_and_their_words(
    words: str, offered: list[str], tmp_path: Path
) -> None:
    assert completed(words, environment=environment_of(tmp_path)) == offered


def test_tab_completes_the_names_of_models(server: Living) -> None:
    urls = {"RUSHES_BASE_URL": server.url, "RUSHES_API_KEY": server.secret}
    environment = environment_of(server.folder, **urls)
    assert completed("rushes generate -m sora", environment=environment) == [
        "sora-2",
        "sora-2-pro",
    ]


def test_tab_offers_the_newest_videos(server: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.client() as client:
        video = client.videos.create("a heron", metadata={"sandbox": {"delay_s": 50}})
        client.videos.cancel(video)
    monkeypatch.setenv("RUSHES_BASE_URL", server.url)
    monkeypatch.setenv("RUSHES_API_KEY", server.secret)
    assert (video.id, "failed a heron") in completing.videos(video.id[:30])
    monkeypatch.setenv("RUSHES_API_KEY", "sk-nobody")
    assert completing.videos("video_") == []
    monkeypatch.delenv("RUSHES_API_KEY")
    assert completing.videos("video_") == []
